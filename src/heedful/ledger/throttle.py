"""Wrong passwords are counted, and after some of them one has to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from heedful.ledger.person import ThrottledError
from heedful.ledger.secret import hashed

if TYPE_CHECKING:
    from heedful.ledger.database import Database

FREE = 5
"""So many wrong passwords cost nothing."""
FORGOTTEN = timedelta(hours=1)
"""After so long without another, they are forgotten."""
LONGEST = timedelta(minutes=15)
"""The longest that one has to wait; longer would only let strangers lock people out."""


def pause(failures: int) -> timedelta:
    """How long to wait after so many wrong passwords: doubling from a minute on.

    >>> [pause(n).total_seconds() for n in (4, 5, 6, 9, 99)]
    [0.0, 60.0, 120.0, 900.0, 900.0]
    """
    if failures < FREE:
        return timedelta(0)
    return min(timedelta(minutes=2 ** min(failures - FREE, 10)), LONGEST)


class Throttle:
    """Wrong passwords by e-mail address, whether anyone has that address or not.

    Only hashes of addresses are kept: people type passwords into the wrong field.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def check(self, email: str, now: datetime | None = None) -> None:
        """Refuse to look at another password too soon.

        Raises:
            ThrottledError: Too many were wrong; it says how long to wait.
        """
        if not self.database.exists():
            return
        now = now or datetime.now(UTC)
        count, last = self._failures(email, now)
        if last is None:
            return
        left = last + pause(count) - now
        if left > timedelta(0):
            minutes = max(1, -(-int(left.total_seconds()) // 60))
            wait = "a minute" if minutes == 1 else f"{minutes} minutes"
            raise ThrottledError(f"Too many wrong passwords. Try again in {wait}.")

    def failed(self, email: str, now: datetime | None = None) -> int:
        """Count a wrong password; how many there are now."""
        from sqlalchemy import delete, insert

        rows = self.database.tables.failures
        now = now or datetime.now(UTC)
        with self.database.begin() as connection:
            connection.execute(delete(rows).where(rows.c.at <= now - FORGOTTEN))
            connection.execute(insert(rows).values(email=hashed(email), at=now))
        return self._failures(email, now)[0]

    def passed(self, email: str) -> None:
        """Forget wrong passwords: the right one came."""
        from sqlalchemy import delete

        rows = self.database.tables.failures
        with self.database.begin() as connection:
            connection.execute(delete(rows).where(rows.c.email == hashed(email)))

    def _failures(self, email: str, now: datetime) -> tuple[int, datetime | None]:
        from sqlalchemy import func, select

        rows = self.database.tables.failures
        query = select(func.count(), func.max(rows.c.at)).where(
            rows.c.email == hashed(email), rows.c.at > now - FORGOTTEN
        )
        with self.database.begin() as connection:
            count, last = connection.execute(query).one()
        return int(count), last
