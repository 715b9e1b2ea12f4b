"""Grains and the periods they cut time into; weeks begin on Monday."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Grain = Literal["day", "week", "month", "quarter", "all"]
GRAINS: tuple[Grain, ...] = ("day", "week", "month", "quarter", "all")


def start(grain: Grain, day: date) -> date:
    """The first day of the period that a day lies in.

    >>> start("week", date(2026, 9, 6)), start("quarter", date(2026, 9, 6))
    (datetime.date(2026, 8, 31), datetime.date(2026, 7, 1))
    """
    if grain == "week":
        return day - timedelta(days=day.weekday())
    if grain == "month":
        return day.replace(day=1)
    if grain == "quarter":
        return day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return day


def end(grain: Grain, begin: date) -> date:
    """The day after the last day of the period that begins on a day.

    >>> end("quarter", date(2026, 10, 1)), end("day", date(2026, 12, 31))
    (datetime.date(2027, 1, 1), datetime.date(2027, 1, 1))
    """
    if grain == "week":
        return begin + timedelta(days=7)
    months = {"month": 1, "quarter": 3}.get(grain)
    if months is None:
        return begin + timedelta(days=1)
    ahead = begin.month - 1 + months
    return date(begin.year + ahead // 12, ahead % 12 + 1, 1)


def midnight(day: date, timezone: str) -> datetime:
    """The instant at which a day begins in a timezone.

    >>> midnight(date(2026, 7, 1), "Europe/Berlin").isoformat()
    '2026-07-01T00:00:00+02:00'
    """
    return datetime.combine(day, time(), ZoneInfo(timezone))


def shown(grain: str, begin: date, until: date) -> str:
    """A period as people write it.

    >>> shown("month", date(2026, 9, 1), date(2026, 10, 1))
    'Sep 2026'
    >>> shown("week", date(2026, 8, 31), date(2026, 9, 7))
    '31 Aug – 6 Sep 2026'
    """
    last = until - timedelta(days=1)
    if grain == "month":
        return f"{begin:%b %Y}"
    if grain == "quarter":
        return f"Q{(begin.month + 2) // 3} {begin.year}"
    if begin == last:
        return f"{begin.day} {begin:%b %Y}"
    year = "" if begin.year == last.year else f" {begin.year}"
    month = "" if (begin.month, year) == (last.month, "") else f" {begin:%b}"
    return f"{begin.day}{month}{year} – {last.day} {last:%b %Y}"
