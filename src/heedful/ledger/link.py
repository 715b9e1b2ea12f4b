"""One-time links: how someone gets in for the first time, or again without a password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heedful.ledger.secret import fresh, hashed

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from heedful.ledger.database import Database
    from heedful.ledger.person import Role

FIRST = timedelta(hours=24)
"""How long the first link works, which is printed and is for nobody in particular."""
INVITATION = timedelta(hours=72)
"""How long an invitation works: over a weekend."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that lets one person in, once.

    Attributes:
        email: Whom; None: whoever is first.
        role: What they will be.
        made_at: Since when.
        expires_at: Until when.
    """

    email: str | None
    role: Role
    made_at: datetime
    expires_at: datetime


class Links:
    """The one-time links of a project; the ledger cannot tell anyone's secret.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def make(
        self, email: str | None, role: Role, connection: Connection, now: datetime | None = None
    ) -> str:
        """Make a link; an older one for the same person works no more.

        Args:
            email: For whom; None: the very first person.
            role: What they will be.
            connection: The transaction.
            now: The present.

        Returns:
            Its secret, which is told only here.
        """
        from sqlalchemy import insert, update

        rows = self.database.tables.links
        now = now or datetime.now(UTC)
        same = rows.c.email.is_(None) if email is None else rows.c.email == email
        connection.execute(update(rows).where(same, rows.c.used_at.is_(None)).values(used_at=now))
        secret = fresh()
        values = {"email": email, "role": role, "made_at": now}
        lasts = FIRST if email is None else INVITATION
        connection.execute(
            insert(rows).values(**values, hash=hashed(secret), expires_at=now + lasts)
        )
        return secret

    def find(self, secret: str, now: datetime | None = None) -> Link | None:
        """The link of a secret, where it still works."""
        from sqlalchemy import select

        if not self.database.exists():
            return None
        rows = self.database.tables.links
        with self.database.begin() as connection:
            row = connection.execute(select(rows).where(*self._works(secret, now))).first()
        return _link(row) if row else None

    def use(self, secret: str, connection: Connection, now: datetime | None = None) -> Link | None:
        """Use a link up, where it still works: of two who try at once, one succeeds.

        Args:
            secret: Its secret.
            connection: The transaction; if that fails, the link still works.
            now: The present.
        """
        from sqlalchemy import select, update

        rows = self.database.tables.links
        now = now or datetime.now(UTC)
        used = connection.execute(
            update(rows).where(*self._works(secret, now)).values(used_at=now)
        ).rowcount
        if used != 1:
            return None
        row = connection.execute(select(rows).where(rows.c.hash == hashed(secret))).one()
        return _link(row)

    def _works(self, secret: str, now: datetime | None) -> tuple[Any, ...]:
        rows = self.database.tables.links
        now = now or datetime.now(UTC)
        return (rows.c.hash == hashed(secret), rows.c.used_at.is_(None), rows.c.expires_at > now)


def _link(row: Row[Any]) -> Link:
    return Link(row.email, row.role, row.made_at, row.expires_at)
