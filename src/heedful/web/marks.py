"""What happened, as marks on charts: releases, experiments, changes of a definition."""

from __future__ import annotations

from datetime import date
from itertools import cycle
from string import ascii_uppercase
from typing import TYPE_CHECKING

from heedful.web.chart_marks import Mark, MarkKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heedful.kpis.shelf import Series
    from heedful.web.edition import Edition

MOST = 12
_KINDS: dict[str, MarkKind] = {"release": "release", "definition": "definition"}


def marks(
    edition: Edition,
    stage: str | None,
    first: date,
    until: date,
    *,
    stages: Iterable[str] = (),
    series: Series | None = None,
    kpi: str | None = None,
) -> list[Mark]:
    """What happened between two days, in order, each with a letter.

    Args:
        edition: What pages are made from.
        stage: Only what touches this stage; None: see `stages`.
        first: First day.
        until: Day after the last.
        stages: Without `stage`: only what touches one of these; empty: everything.
        series: Readings whose definition may have changed.
        kpi: Only experiments that measure this KPI; None: all of the stages.
    """
    wanted = {stage} if stage else set(stages)
    found: list[tuple[date, MarkKind, str, str | None]] = []
    for one in edition.project.annotations.all():
        day = one.at.astimezone(edition.zone).date()
        if one.stage is None or not wanted or one.stage in wanted:
            found.append((day, _KINDS.get(one.kind, "note"), one.text, None))
    for each in edition.definitions.experiments.values():
        measured = {outcome.kpi for outcome in each.outcomes}
        if (kpi is None or kpi in measured) and (kpi or not wanted or each.stage in wanted):
            text = f"Experiment “{each.title}” starts"
            found.append((each.start, "experiment", text, f"/experiments/{each.id}"))
    if series is not None:
        found += [
            (day, "definition", "Definition changed: values on both sides are not compared", None)
            for day in redefined(series)
        ]
    inside = sorted((one for one in found if first <= one[0] < until), key=lambda one: one[0])
    # Where there are too many the oldest go: who looks at the page looks at its right end.
    letters = cycle(ascii_uppercase)
    return [Mark(next(letters), kind, day, text, link) for day, kind, text, link in inside[-MOST:]]


def redefined(series: Series) -> list[date]:
    """First days of the periods in which a KPI's definition was another than before."""
    pairs = zip(series.definition[:-1], series.definition[1:], series.start[1:], strict=True)
    return [start.item() for before, after, start in pairs if before != after]
