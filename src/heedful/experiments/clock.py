"""Days of an experiment as moments, in the project's timezone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from heedful.engines.duckdb import literal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

TICK = dt.timedelta(microseconds=1)
"""The shortest time that two moments can be apart."""


def opening(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The moment a day begins, in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> opening(dt.date(2026, 7, 13), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-07-12T22:00:00+00:00'
    """
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def closing(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The moment a day has passed, in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> closing(dt.date(2026, 7, 12), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-07-12T22:00:00+00:00'
    """
    return opening(day + dt.timedelta(days=1), zone)


def last_day(until: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The last day of which something lies before a moment.

    What is known until a midnight is known until the end of the day before.

    >>> from zoneinfo import ZoneInfo
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> last_day(dt.datetime(2026, 7, 12, 22, tzinfo=dt.UTC), berlin).isoformat()
    '2026-07-12'
    """
    return (until - TICK).astimezone(zone).date()


def moment(at: dt.datetime) -> str:
    """A moment as SQL.

    >>> print(moment(dt.datetime(2026, 7, 13, tzinfo=dt.UTC)))
    CAST('2026-07-13 00:00:00+00:00' AS TIMESTAMPTZ)
    """
    return f"CAST({literal(at.astimezone(dt.UTC).isoformat(sep=' '))} AS TIMESTAMPTZ)"


def day_after(at: str, days: int, zone: ZoneInfo) -> str:
    """SQL: the day by whose end so many days have passed since a moment.

    A day is 24 hours, also when clocks change: a moment at midnight is a day old when the day
    that it begins has passed.

    Args:
        at: SQL of the moment.
        days: How many days.
        zone: Where the day is one.
    """
    passed = f"{at} + INTERVAL {days} DAY - INTERVAL 1 MICROSECOND"
    return f"CAST(({passed}) AT TIME ZONE {literal(zone.key)} AS DATE)"
