"""When nobody is told, and when the digest is sent; by the clock on the wall, whatever it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.definitions.alert import WEEKDAYS, Digest, Quiet, clock

if TYPE_CHECKING:
    from heedful.definitions.alert import Weekday


def is_quiet(quiet: Quiet, timezone: str, now: datetime) -> bool:
    """Whether it is quiet.

    The hours are those on the wall: when clocks are put forward or back, a night is an hour
    shorter or longer.

    Args:
        quiet: When it is.
        timezone: The project's.
        now: The present.

    >>> night = Quiet(**{"from": "22:00", "until": "07:00"})
    >>> is_quiet(night, "Europe/Berlin", datetime(2026, 9, 7, 4, 30, tzinfo=UTC))
    True
    >>> is_quiet(night, "Europe/Berlin", datetime(2026, 9, 7, 5, 0, tzinfo=UTC))
    False
    """
    there = now.astimezone(ZoneInfo(timezone))
    day: Weekday = WEEKDAYS[there.weekday()]
    if day in quiet.days:
        return True
    if quiet.start is None or quiet.until is None:
        return False
    start, until, moment = clock(quiet.start), clock(quiet.until), there.time()
    return start <= moment < until if start < until else moment >= start or moment < until


def next_digest(digest: Digest, timezone: str, now: datetime) -> datetime:
    """When the next digest is sent, in UTC.

    A time that the clocks skip is sent as much later; one that comes twice, the first time.

    >>> next_digest(Digest(at="08:00"), "Europe/Berlin", datetime(2026, 9, 7, 6, 0, tzinfo=UTC))
    datetime.datetime(2026, 9, 8, 6, 0, tzinfo=datetime.timezone.utc)
    """
    zone = ZoneInfo(timezone)
    day = now.astimezone(zone).date()
    while True:
        moment = datetime.combine(day, clock(digest.at), zone).astimezone(UTC)
        if moment > now:
            return moment
        day += timedelta(days=1)
