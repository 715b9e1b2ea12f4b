"""A checked part of a project file, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from heedful.definitions.document import Document, KeyPath, read
from heedful.definitions.fields import Model
from heedful.definitions.problem import Problem
from heedful.definitions.validation import validate

M = TypeVar("M", bound=Model)

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HYPHENED = re.compile(r"[a-z][a-z0-9_-]*")


class Entry(NamedTuple, Generic[M]):
    """A model made of a file, or of a part of one.

    Attributes:
        value: The model. Fields that were wrong hold stand-ins.
        document: Its file.
        at: Its path in the file.
        broken: The fields that were wrong: nothing follows from what they hold.
    """

    value: M
    document: Document
    at: KeyPath = ()
    broken: frozenset[str] = frozenset()

    def problem(self, path: KeyPath, found: str, allowed: str = "") -> Problem:
        """Return a problem that points at a path inside this part."""
        return self.document.problem((*self.at, *path), found, allowed)


class Folder:
    """A project folder being read: gives documents and collects what is wrong with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []

    def document(self, file: str) -> Document | None:
        """Read a file; `None` where there is none or nothing in it can be used."""
        path = self.root / file
        if not path.is_file():
            return None
        document = read(path, file)
        self.problems += document.problems
        return None if document.data is None and document.problems else document

    def documents(self, folder: str, *, hyphens: bool = False) -> Iterator[tuple[str, Document]]:
        """Read all YAML files of a subfolder, as names and documents.

        Args:
            folder: The subfolder.
            hyphens: Whether names may hold `-`.
        """
        names = _HYPHENED if hyphens else _NAME
        for path in sorted((self.root / folder).glob("*")):
            file = f"{folder}/{path.name}"
            if path.suffix == ".yml":
                self.problems.append(Problem(file, 1, "ends in .yml", "rename it to end in .yaml"))
            elif path.suffix == ".yaml" and not path.name.startswith("."):
                if not names.fullmatch(path.stem):
                    found = not_a_name(file, 1, "file name", path.stem, hyphens=hyphens)
                    self.problems.append(found)
                    continue
                document = self.document(file)
                if document:
                    yield path.stem, document

    def check(
        self,
        model: type[M],
        document: Document,
        at: KeyPath = (),
        data: Any = None,
        stand_ins: Mapping[str, Any] | None = None,
        context: Any = None,
    ) -> Entry[M] | None:
        """Check a part of a document; its data is the whole document's where not given."""
        given = document.data if data is None and not at else data
        given = {} if given is None and not at else given
        checked = validate(model, given, document, at, stand_ins, context)
        self.problems += checked.problems
        if checked.value is None:
            return None
        return Entry(checked.value, document, at, checked.broken)


def not_a_name(file: str, line: int, what: str, name: str, *, hyphens: bool = False) -> Problem:
    """Return the problem of a name that cannot be a column's or an id."""
    signs = "digits, _ and -" if hyphens else "digits and _"
    allowed = f"allowed: lower-case letters, {signs}, beginning with a letter"
    return Problem(file, line, f'{what} "{name}" is not a name', allowed)


def unnamed(names: Iterable[str]) -> list[str]:
    """Return those of some names that cannot be a column's or an id."""
    return [name for name in names if not _NAME.fullmatch(name)]
