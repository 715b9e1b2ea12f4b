"""Reads `patterns/*.yaml`, a project's own and those that come with the program."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.definitions.entry import Entry, Folder
from heedful.definitions.pattern import Pattern
from heedful.definitions.problem import Problem, ProjectError, did_you_mean, one_of

if TYPE_CHECKING:
    from heedful.definitions.references import Draft

FOLDER = "patterns"
_NAME = "?"
_STAND_INS = {
    "title": _NAME,
    "says": _NAME,
    "legs": ({"kpi": _NAME, "moves": "better"}, {"kpi": _NAME, "moves": "worse"}),
}


def read_patterns(folder: Folder, name: str = FOLDER) -> Iterator[Entry[Pattern]]:
    """Yield the patterns of a folder; problems go to it."""
    for key, document in folder.documents(name):
        data: Any = {} if document.data is None else document.data
        if isinstance(data, dict):
            if "id" in data:
                hint = "the name of the file is the id"
                folder.problems.append(document.problem(("id",), 'unknown field "id"', hint))
            data = {**data, "id": key}
        entry = folder.check(Pattern, document, (), data, _STAND_INS)
        if entry:
            yield entry


@cache
def built_in(folder: Path) -> Mapping[str, Pattern]:
    """The patterns that come with the program, by id.

    Raises:
        ProjectError: One of them is broken.
    """
    shelf = Folder(folder.parent)
    found = {entry.value.id: entry.value for entry in read_patterns(shelf, folder.name)}
    if shelf.problems:
        raise ProjectError(shelf.problems)
    return found


def pattern_problems(draft: Draft, catalogue: Collection[str]) -> Iterator[Problem]:
    """Yield each name in a project's patterns that leads nowhere.

    A KPI of the catalogue that is not switched on is no problem: the pattern is then not tested.
    """
    known = {*catalogue, *draft.kpi_files}
    teams = draft.teams
    for entry in draft.patterns:
        pattern = entry.value
        if "legs" not in entry.broken:
            for index, leg in enumerate(pattern.legs):
                for name in leg.kpi:
                    if name not in known:
                        near = did_you_mean(name, known)
                        yield entry.problem(
                            ("legs", index, "kpi"),
                            f'KPI "{name}" does not exist',
                            f"allowed: a KPI of the catalogue or with a file in kpis/{near}",
                        )
        if pattern.owner is not None and teams is not None and pattern.owner not in teams:
            options = (
                one_of(teams, pattern.owner) if teams else "add it under teams in heedful.yaml"
            )
            yield entry.problem(("owner",), f'owner "{pattern.owner}" is not a team', options)
        if pattern.playbook is not None and pattern.playbook not in draft.playbook_files:
            near = did_you_mean(pattern.playbook, draft.playbook_files)
            yield entry.problem(
                ("playbook",),
                f"playbooks/{pattern.playbook}.md does not exist",
                f"write it, or name another{near}",
            )
