"""Which periods are compared: whole ones before an action was done, whole ones after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from heedful.kpis import periods

COUNTS: dict[periods.Grain, int] = {"week": 4, "month": 2}
"""How many periods a side; months only where a KPI is not measured by week."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Periods before and after an action; those it was done in count for neither side.

    Attributes:
        grain: week or month.
        before_start: First day of the periods before.
        before_end: Day after the last.
        after_start: First day of the periods after.
        after_end: Day after the last.
    """

    grain: periods.Grain
    before_start: date
    before_end: date
    after_start: date
    after_end: date

    @property
    def count(self) -> int:
        """How many periods a side."""
        return COUNTS[self.grain]

    @property
    def last(self) -> date:
        """First day of the last period after."""
        return periods.start(self.grain, self.after_end - timedelta(days=1))


def windows(done_on: date, grain: periods.Grain = "week") -> Windows:
    """The periods to compare for an action that was done on a day.

    The period it was done in is half before and half after, so it counts for neither, unless it
    was done on that period's first day.

    Args:
        done_on: The day.
        grain: week or month.

    >>> found = windows(date(2026, 6, 10))  # a Wednesday
    >>> f"{found.before_start} to {found.before_end}, {found.after_start} to {found.after_end}"
    '2026-05-11 to 2026-06-08, 2026-06-15 to 2026-07-13'
    >>> found = windows(date(2026, 6, 8))  # a Monday
    >>> f"{found.before_end}, {found.after_start}"
    '2026-06-08, 2026-06-08'
    """
    count = COUNTS[grain]
    before_end = periods.start(grain, done_on)
    after_start = done_on if done_on == before_end else periods.end(grain, before_end)
    before_start, after_end = before_end, after_start
    for _ in range(count):
        before_start = periods.start(grain, before_start - timedelta(days=1))
        after_end = periods.end(grain, after_end)
    return Windows(grain, before_start, before_end, after_start, after_end)
