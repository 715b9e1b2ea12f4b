"""Makes a new project folder: commented files that pass their own check."""

from __future__ import annotations

import json
import re
from pathlib import Path

from heedful.definitions.document import parse
from heedful.definitions.problem import Problem, ProjectError, one_of

_SHELF = Path(__file__).with_name("templates")
_NAME = re.compile(r"^name: .*$", re.MULTILINE)
_IGNORED = "# Definitions are kept in git, what Heedful writes is not.\n/data/\n"
_HARMLESS = {".git", ".gitignore", ".DS_Store"}

TEMPLATES = ("blank", "saas", "ecommerce")
"""The templates there are."""


def create(directory: Path, template: str = "blank", name: str | None = None) -> list[Path]:
    """Write a new project.

    Args:
        directory: The folder to write to; made if it does not exist. It must be empty.
        template: One of `TEMPLATES`.
        name: The company's name; the folder's where not given.

    Returns:
        The files written.

    Raises:
        ProjectError: There is no such template, or the folder is not empty or cannot be written.
    """
    if template not in TEMPLATES:
        found = f'template "{template}" is not known'
        raise ProjectError([Problem(str(directory), 1, found, one_of(TEMPLATES, template))])
    files = {
        path.relative_to(source).as_posix(): path.read_text("utf-8")
        for source in (_SHELF / "common", _SHELF / template)
        for path in sorted(source.rglob("*"))
        if path.is_file()
    }
    title = name or directory.resolve().name.replace("-", " ").replace("_", " ").title() or "Acme"
    files["heedful.yaml"] = _NAME.sub(
        lambda _: f"name: {json.dumps(title, ensure_ascii=False)}", files["heedful.yaml"], count=1
    )
    for playbook in sorted(_playbooks(files)):
        files[f"playbooks/{playbook}.md"] = (_SHELF / "playbooks" / f"{playbook}.md").read_text(
            "utf-8"
        )
    return _write(directory, files)


def _playbooks(files: dict[str, str]) -> set[str]:
    """Return the playbooks that KPI files name."""
    return {
        parse(text, file).data["playbook"]
        for file, text in files.items()
        if file.startswith("kpis/")
    }


def _ignoring_data(known: str) -> str:
    """Return what git should ignore: what it already does, and the data folder."""
    if "/data/" in known.splitlines():
        return known
    return f"{known}{'' if known.endswith(chr(10)) or not known else chr(10)}{_IGNORED}"


def _write(directory: Path, files: dict[str, str]) -> list[Path]:
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(path.name not in _HARMLESS for path in directory.iterdir()):
            hint = "name a new or empty folder; nothing was written"
            raise ProjectError([Problem(str(directory), 1, "the folder is not empty", hint)])
        ignored = directory / ".gitignore"
        known = ignored.read_text("utf-8") if ignored.exists() else ""
        files = {**files, ".gitignore": _ignoring_data(known)}
        for file, text in sorted(files.items()):
            path = directory / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
            written.append(path)
    except OSError as error:
        found = f"cannot be written: {error.strerror or error}"
        raise ProjectError([Problem(error.filename or str(directory), 1, found)]) from error
    return written
