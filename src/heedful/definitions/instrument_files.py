"""Reads `instruments/*.yaml`, a project's own and those that come with the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from heedful.definitions.entry import Entry, Folder
from heedful.definitions.instrument import Instrument
from heedful.definitions.problem import Problem, ProjectError

FOLDER = "instruments"
_TEXT = "?"
_STAND_INS = {
    "title": _TEXT,
    "measures": _TEXT,
    "question": _TEXT,
    "scale": {"min": 1, "max": 100, "low": _TEXT, "high": _TEXT},
    "top": 1,
}


def read_instruments(folder: Folder, name: str = FOLDER) -> Iterator[Entry[Instrument]]:
    """Yield the instruments of a folder; problems go to it."""
    for key, document in folder.documents(name):
        data: Any = {} if document.data is None else document.data
        if isinstance(data, dict):
            if "id" in data:
                hint = "the name of the file is the id"
                folder.problems.append(document.problem(("id",), 'unknown field "id"', hint))
            data = {**data, "id": key}
        entry = folder.check(Instrument, document, (), data, _STAND_INS)
        if entry:
            yield entry


@cache
def built_in(folder: Path) -> Mapping[str, Instrument]:
    """The instruments that come with the program, by id.

    Raises:
        ProjectError: One of them is broken.
    """
    shelf = Folder(folder.parent)
    found = {entry.value.id: entry.value for entry in read_instruments(shelf, folder.name)}
    if shelf.problems:
        raise ProjectError(shelf.problems)
    return found


def instrument_problems(
    own: Iterable[Entry[Instrument]], known: Mapping[str, Instrument]
) -> Iterator[Problem]:
    """Yield each instrument of a project that gives a name another meaning than KPIs rely on."""
    for entry in own:
        other = known.get(entry.value.id)
        if other is None or not other.fixed or "scale" in entry.broken:
            continue
        scale, fixed = entry.value.scale, other.scale
        if (scale.min, scale.max) != (fixed.min, fixed.max):
            yield entry.problem(
                ("scale",),
                f"{other.id} is asked on {fixed.min} to {fixed.max} only, not on {scale.min} to "
                f"{scale.max}",
                "name the file otherwise: it is another question",
            )
