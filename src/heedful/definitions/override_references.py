"""Checks what a KPI's overrides say about each other and about the project."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from heedful.definitions.problem import Problem, one_of

if TYPE_CHECKING:
    from heedful.definitions.entry import Entry
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.override import Override


def override_problems(
    entry: Entry[Kpi],
    stages: Collection[str] | None,
    teams: Collection[str] | None,
) -> Iterator[Problem]:
    """Yield what is wrong with the overrides of one KPI.

    Args:
        entry: The KPI.
        stages: The project's stages; None: cannot be told.
        teams: The project's teams; None: cannot be told.
    """
    if "overrides" in entry.broken:
        return
    for index, one in enumerate(entry.value.overrides):
        path = ("overrides", index)
        if stages is not None and one.stage is not None and one.stage not in stages:
            found = f'overrides: stage "{one.stage}" is not known'
            yield entry.problem((*path, "stage"), found, one_of(stages, one.stage))
        if teams is not None and one.owner is not None and one.owner not in teams:
            options = one_of(teams, one.owner) if teams else "add it under teams in heedful.yaml"
            found = f'overrides: owner "{one.owner}" is not a team'
            yield entry.problem((*path, "owner"), found, options)
        twice = _twice(entry, index, one)
        if twice is not None:
            yield twice
        else:
            yield from _idle(entry, index, one)


def _twice(entry: Entry[Kpi], index: int, one: Override) -> Problem | None:
    """An earlier override of the same place that sets the same field."""
    for before, other in enumerate(entry.value.overrides[:index]):
        same = [name for name in one.given if name in other.given]
        if same and (other.stage, other.part) == (one.stage, one.part):
            line = entry.document.line((*entry.at, "overrides", before))
            found = f"overrides: {same[0]} of {one.place} is given twice"
            hint = f"keep one of them (the other is on line {line})"
            return entry.problem(("overrides", index, same[0]), found, hint)
    return None


def _idle(entry: Entry[Kpi], index: int, one: Override) -> Iterator[Problem]:
    """Fields that would be the same without the override, and limits without a target."""
    kpi = entry.value
    others = tuple(
        each for each in kpi.overrides if (each.stage, each.part) != (one.stage, one.part)
    )
    without = kpi.model_copy(update={"overrides": others}).at(one.stage, one.part)
    here = kpi.at(one.stage, one.part)
    for name in one.given:
        if name not in entry.broken and getattr(here, name) == getattr(without, name):
            found = f"overrides: {name} of {one.place} is what it is without the override"
            yield entry.problem(("overrides", index, name), found, "leave it out, or change it")
    if one.threshold is not None and here.threshold.rule == "below_target" and here.target is None:
        found = f"overrides: {one.place} has no target, and the rule below_target needs it"
        yield entry.problem(("overrides", index, "threshold"), found, "add target to the override")
