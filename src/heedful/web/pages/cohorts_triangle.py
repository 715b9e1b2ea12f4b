"""Cohorts by months since they began, and curves of segments: by Kaplan-Meier, never past data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from heedful import stats
from heedful.kpis import periods
from heedful.stats.lifetime_groups import curve, surviving
from heedful.stats.student import t_quantile
from heedful.web.numbers import Step

if TYPE_CHECKING:
    from heedful.web.pages.cohorts_people import People

Grain = Literal["month", "quarter"]
Reach = Literal["whole", "part", "none"]
MONTH = 30
MONTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 18, 21, 24)
MOST_COHORTS = 24
SHADES = 6
COMPARED = 3
"""So many of the newest cohorts are compared with as many before them."""
HORIZON = 90


@dataclass(frozen=True, slots=True)
class Cell:
    """A cohort after some time.

    Attributes:
        days: The time.
        value: The share; None where nobody got so far.
        low: Lower end of its interval.
        high: Upper end.
        at_risk: Customers who were watched until then.
        reach: whole: all of the cohort can have got so far. part: only some. none: nobody.
        shade: 0 to `SHADES` - 1, by value.
    """

    days: int
    value: float | None
    low: float | None
    high: float | None
    at_risk: int
    reach: Reach
    shade: int = 0


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers who began in one period.

    Attributes:
        start: Its first day; None for all of them together.
        end: Day after its last.
        title: What it is called.
        n: Customers.
        cells: One a time.
        few: Whether there are too few to say anything.
    """

    start: date | None
    end: date | None
    title: str
    n: int
    cells: tuple[Cell, ...]
    few: bool


@dataclass(frozen=True, slots=True)
class Triangle:
    """All cohorts.

    Attributes:
        months: Times since the beginning, in months of 30 days.
        cohorts: The newest first.
        whole: All customers together.
        older: Cohorts that are left out.
        low: Smallest value shown.
        high: Largest.
    """

    months: tuple[int, ...]
    cohorts: tuple[Cohort, ...]
    whole: Cohort
    older: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """A survival curve.

    Attributes:
        name: Of whom.
        n: Customers.
        days: Times.
        value: Shares.
        low: Lower ends; NaN where there are none.
        high: Upper ends.
        cells: At a few times, for the table.
    """

    name: str
    n: int
    days: tuple[int, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """The newest cohorts beside those before them.

    Attributes:
        title: The newest ones.
        against: Those before.
        value: Share of the newest after `HORIZON` days.
        before: Share of those before.
        step: The change.
        days: After so many days.
    """

    title: str
    against: str
    value: float
    before: float
    step: Step
    days: int


def triangle(found: People, grain: Grain) -> Triangle:
    """Customers by when they began and months since.

    Args:
        found: The customers.
        grain: How they are put together.
    """
    until = found.until
    starts = _starts(found, grain)
    cohorts = [_cohort(found, grain, start, until) for start in starts[:MOST_COHORTS]]
    reached = [c.days for one in cohorts for c in one.cells if c.reach != "none"]
    months = tuple(m for m in MONTHS if m * MONTH <= max(reached, default=MONTH))
    times = {m * MONTH for m in months}
    cohorts = [_cut(one, times) for one in cohorts]
    values = [c.value for one in cohorts for c in one.cells if c.value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    whole = _cut(_of("All", found, None, None, until), times)
    return Triangle(
        months,
        tuple(_shaded(one, low, high) for one in cohorts),
        whole,
        max(0, len(starts) - MOST_COHORTS),
        low,
        high,
    )


def _starts(found: People, grain: Grain) -> list[date]:
    """First days of the cohorts, the newest first."""
    days = [day.item() for day in np.unique(found.day)]
    return sorted({periods.start(grain, day) for day in days}, reverse=True)


def _cohort(found: People, grain: Grain, start: date, until: date) -> Cohort:
    end = periods.end(grain, start)
    kept = (found.day >= np.datetime64(start)) & (found.day < np.datetime64(end))
    return _of(periods.shown(grain, start, end), found.where(kept), start, end, until)


def _of(title: str, mine: People, start: date | None, end: date | None, until: date) -> Cohort:
    few = len(mine) < stats.LEAST_CUSTOMERS
    times = [m * MONTH for m in MONTHS]
    last = None if end is None else (until - end).days
    cells = tuple(Cell(days, None, None, None, 0, "none") for days in times)
    if not few:
        cells = tuple(_cells(mine, times, last))
    return Cohort(start, end, title, len(mine), cells, few)


def _cells(mine: People, times: Sequence[int], last: int | None) -> list[Cell]:
    """Cells at some times; `last` is the time that all of them can have reached."""
    one = curve(mine.days, mine.ended, at=times)
    again = mine.about == "again"
    found = []
    for place, days in enumerate(times):
        value = float(one.survival[place])
        at_risk = int(one.at_risk[place])
        whole = last is not None and days <= last
        known = isfinite(value) and (whole or at_risk >= stats.LEAST_CUSTOMERS)
        if not known:
            found.append(Cell(days, None, None, None, at_risk, "none"))
            continue
        low, high = float(one.low[place]), float(one.high[place])
        ends = (low if isfinite(low) else None, high if isfinite(high) else None)
        if again:
            value = 1 - value
            ends = tuple(None if e is None else 1 - e for e in reversed(ends))  # type: ignore[assignment]
        reach: Reach = "whole" if whole or last is None else "part"
        found.append(Cell(days, value, ends[0], ends[1], at_risk, reach))
    return found


def _cut(one: Cohort, times: set[int]) -> Cohort:
    cells = tuple(cell for cell in one.cells if cell.days in times)
    return Cohort(one.start, one.end, one.title, one.n, cells, one.few)


def _shaded(one: Cohort, low: float, high: float) -> Cohort:
    span = high - low or 1.0

    def shade(cell: Cell) -> Cell:
        if cell.value is None:
            return cell
        step = min(SHADES - 1, int(SHADES * (cell.value - low) / span))
        ends = (cell.low, cell.high)
        return Cell(cell.days, cell.value, *ends, cell.at_risk, cell.reach, step)

    cells = tuple(shade(cell) for cell in one.cells)
    return Cohort(one.start, one.end, one.title, one.n, cells, one.few)


def line(found: People, name: str, shown: Sequence[int]) -> Line | None:
    """The curve of some customers; None where there are too few.

    It ends where fewer than 30 of them were watched any longer.

    Args:
        found: The customers.
        name: What they are called.
        shown: Times of the table, in days.
    """
    if len(found) < stats.LEAST_CUSTOMERS:
        return None
    longest = int(np.sort(found.days)[-stats.LEAST_CUSTOMERS])
    times = list(range(0, max(longest, 7) + 1, 7 if longest <= 800 else 14))
    cells = [cell for cell in _cells(found, times, None) if cell.value is not None]
    if len(cells) < 2:
        return None
    nan = float("nan")
    return Line(
        name,
        len(found),
        tuple(cell.days for cell in cells),
        tuple(cell.value if cell.value is not None else nan for cell in cells),
        tuple(cell.low if cell.low is not None else nan for cell in cells),
        tuple(cell.high if cell.high is not None else nan for cell in cells),
        tuple(_cells(found, shown, None)),
    )


def compared(found: People, grain: Grain, days: int = HORIZON) -> Compared | None:
    """The newest cohorts that can have got so far, beside as many before them.

    Args:
        found: The customers.
        grain: How they are put together.
        days: After how many days.
    """
    until = found.until
    starts = [
        start
        for start in _starts(found, grain)
        if periods.end(grain, start) + timedelta(days=days) <= until
    ]
    newest, before = starts[:COMPARED], starts[COMPARED : 2 * COMPARED]
    if not newest or len(before) < len(newest):
        return None
    again = found.about == "again"
    groups = []
    for some in (newest, before):
        first, end = some[-1], periods.end(grain, some[0])
        kept = (found.day >= np.datetime64(first)) & (found.day < np.datetime64(end))
        mine = found.where(kept)
        if len(mine) < stats.LEAST_CUSTOMERS:
            return None
        groups.append(surviving(mine.days, mine.ended, at=days, complement=again))
    now, earlier = groups
    if not (isfinite(now.value) and isfinite(earlier.value)):
        return None
    difference = now.value - earlier.value
    half = t_quantile(0.95, now.n + earlier.n) * sqrt(now.variance + earlier.variance)
    clear = abs(difference) > half
    verdict = ("better" if difference > 0 else "worse") if clear else "unclear"
    step = Step(difference, difference - half, difference + half, relative=False, verdict=verdict)
    titles = [_together(grain, some) for some in (newest, before)]
    return Compared(titles[0], titles[1], now.value, earlier.value, step, days)


def _together(grain: Grain, starts: Sequence[date]) -> str:
    first, last = starts[-1], starts[0]
    one, other = (periods.shown(grain, s, periods.end(grain, s)) for s in (first, last))
    return one if one == other else f"{one} to {other}"
