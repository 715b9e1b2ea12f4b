"""`playbooks/*.md`: what to do when a KPI goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from heedful.definitions.problem import Problem


class Playbook(NamedTuple):
    """A playbook.

    Attributes:
        id: The file's name without `.md`.
        title: Its first line, without `# `.
        text: The whole text, in Markdown.
    """

    id: str
    title: str
    text: str


def read(path: Path, file: str) -> Playbook | Problem:
    """Read a playbook; its first line must be its title."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return Problem(file, line, "is not UTF-8", "save the file as UTF-8")
    except OSError as error:
        return Problem(file, 1, f"cannot be read: {error.strerror or error}")
    first = text.split("\n", 1)[0].strip()
    if not first.startswith("# ") or not first[2:].strip():
        return Problem(file, 1, "has no title", "begin with a line such as: # When scores drop")
    return Playbook(path.stem, first[2:].strip(), text)
