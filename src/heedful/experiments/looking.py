"""Planned looks of a design that spends alpha: when they are, and how much is known by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.experiments.clock import closing, day_after, last_day
from heedful.experiments.exposed import UNITS

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.kpis.computing import Bench

LEAST_SHARE = 1e-3


def look_days(
    looks: int | Sequence[date], start: date, end: date, *, horizon: int, deciding: int
) -> list[date]:
    """The days of the planned looks.

    A look takes in all that is known at the end of its day. A number of looks is spread evenly
    over the time in which windows of the primary outcome pass. The last look is when all windows
    that decide have passed: where days are given that end before, it comes on top.

    Args:
        looks: How many there are, or on which days.
        start: The first day on which units enter.
        end: The planned end: the first day on which none enter any more.
        horizon: Days from the exposure until the primary outcome is known.
        deciding: The same of the primary outcome and the guardrails, whichever is longest.

    >>> days = look_days(2, date(2026, 3, 2), date(2026, 3, 30), horizon=7, deciding=14)
    >>> [str(day) for day in days]
    ['2026-03-22', '2026-04-12']
    """
    length = (end - start).days
    final = end + timedelta(days=deciding - 1)
    first = start + timedelta(days=horizon - 1)
    planned: Sequence[date]
    if isinstance(looks, int):
        planned = [first + timedelta(days=round(length * nth / looks)) for nth in range(1, looks)]
    else:
        planned = looks
    return [*(day for day in planned if day < final), final]


def standing(days: Sequence[date], limit: datetime, seen: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which a readout stands: between looks that of the newest one.

    What comes in after a look is not tested before the next one; else every day would be a look.

    Args:
        days: The days of the planned looks; empty for other designs.
        limit: The moment of the readout.
        seen: Until when the primary outcome is known.
        zone: The project's timezone.
    """
    past = [day for day in days if day <= last_day(seen, zone)]
    return min(limit, closing(past[-1], zone)) if past else limit


def fractions(
    bench: Bench, experiment: Experiment, days: Sequence[date], horizon: int
) -> list[float]:
    """How much of the information is in at each look, as a part of what was planned.

    It grows with time, as far as units still entered; where a number of units is planned, no
    faster than they came. It never depends on what comes later: a look that is over stays as it
    was.

    Args:
        bench: The engine that has the table of units.
        experiment: The experiment.
        days: The days of the looks.
        horizon: Days from the exposure until the primary outcome is known.
    """
    if not days:
        return []
    length = (experiment.end - experiment.start).days
    begin = experiment.start + timedelta(days=horizon - 1)
    whole = experiment.closes + timedelta(days=horizon - 1)
    known = _known(bench, horizon) if experiment.units else {}
    found: list[float] = []
    for day in days:
        share = min((min(day, whole) - begin).days / length, 1.0)
        if experiment.units:
            units = sum(count for when, count in known.items() if when <= day)
            share = min(share, units / experiment.units)
        found.append(max(share, LEAST_SHARE, *found[-1:]))
    return found


def _known(bench: Bench, horizon: int) -> dict[date, int]:
    """How many units' windows pass on each day."""
    zone = ZoneInfo(bench.definitions.settings.timezone)
    rows = bench.engine.query(
        f"SELECT {day_after('exposed', horizon, zone)} AS day, COUNT(*) AS n FROM {UNITS} "
        "GROUP BY 1"
    ).to_pylist()
    return {row["day"]: row["n"] for row in rows}
