"""Days of an experiment as moments, in the project's timezone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from heedful.engines.duckdb import literal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def opening(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The moment a day begins, in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> opening(dt.date(2026, 7, 13), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-07-12T22:00:00+00:00'
    """
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def moment(at: dt.datetime) -> str:
    """A moment as SQL.

    >>> print(moment(dt.datetime(2026, 7, 13, tzinfo=dt.UTC)))
    CAST('2026-07-13 00:00:00+00:00' AS TIMESTAMPTZ)
    """
    return f"CAST({literal(at.astimezone(dt.UTC).isoformat(sep=' '))} AS TIMESTAMPTZ)"
