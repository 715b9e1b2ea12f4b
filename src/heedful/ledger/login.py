"""Sessions: who is logged in, since when, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heedful.ledger.person import Person
from heedful.ledger.secret import fresh, hashed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from heedful.ledger.database import Database

LASTS = timedelta(days=30)
"""How long a session lasts at most."""
IDLE = timedelta(days=7)
"""How long it lasts without being used."""
NOTED = timedelta(minutes=5)
"""How often its use is written down: not for every page."""


@dataclass(frozen=True, slots=True)
class Login:
    """A session.

    Attributes:
        id: What it is called in lists; it cannot be logged in with.
        person: Whose, by number.
        made_at: When it began.
        seen_at: When it was last used, to five minutes.
        expires_at: When it ends at the latest.
    """

    id: str
    person: int
    made_at: datetime
    seen_at: datetime
    expires_at: datetime


class Logins:
    """The sessions of a project; the ledger cannot tell anyone's cookie.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def make(self, person: Person, connection: Connection, now: datetime | None = None) -> str:
        """Begin a session; what has ended is swept away.

        Returns:
            Its secret, which is told only here.
        """
        from sqlalchemy import delete, insert, or_

        rows = self.database.tables.logins
        now = now or datetime.now(UTC)
        connection.execute(
            delete(rows).where(or_(rows.c.expires_at <= now, rows.c.seen_at <= now - IDLE))
        )
        secret = fresh()
        values = {"person": person.id, "made_at": now, "seen_at": now, "expires_at": now + LASTS}
        connection.execute(insert(rows).values(**values, hash=hashed(secret)))
        return secret

    def person(self, secret: str, now: datetime | None = None) -> Person | None:
        """Whose session it is; None where it has ended or never was."""
        from sqlalchemy import select, update

        if not self.database.exists():
            return None
        rows, people = self.database.tables.logins, self.database.tables.people
        now = now or datetime.now(UTC)
        query = (
            select(people, rows.c.seen_at)
            .join(rows, rows.c.person == people.c.id)
            .where(
                rows.c.hash == hashed(secret),
                rows.c.expires_at > now,
                rows.c.seen_at > now - IDLE,
                people.c.closed_at.is_(None),
            )
        )
        with self.database.begin() as connection:
            row = connection.execute(query).first()
            if row is not None and row.seen_at < now - NOTED:
                connection.execute(
                    update(rows).where(rows.c.hash == hashed(secret)).values(seen_at=now)
                )
        return Person(row.id, row.email, row.name, row.role, row.made_at) if row else None

    def of(self, person: Person, now: datetime | None = None) -> list[Login]:
        """Sessions of a person that have not ended, the newest first."""
        from sqlalchemy import select

        rows = self.database.tables.logins
        now = now or datetime.now(UTC)
        alive = (rows.c.expires_at > now, rows.c.seen_at > now - IDLE)
        query = select(rows).where(rows.c.person == person.id, *alive)
        with self.database.begin() as connection:
            found = connection.execute(query.order_by(rows.c.made_at.desc())).all()
        return [
            Login(row.hash[:16], row.person, row.made_at, row.seen_at, row.expires_at)
            for row in found
        ]

    def end(self, secret: str, connection: Connection) -> Person | None:
        """End a session; whose it was, None where there was none."""
        from sqlalchemy import delete, select

        rows, people = self.database.tables.logins, self.database.tables.people
        query = select(people).join(rows, rows.c.person == people.c.id)
        row = connection.execute(query.where(rows.c.hash == hashed(secret))).first()
        connection.execute(delete(rows).where(rows.c.hash == hashed(secret)))
        return Person(row.id, row.email, row.name, row.role, row.made_at) if row else None

    def end_all(
        self,
        person: Person,
        connection: Connection,
        *,
        id: str | None = None,  # noqa: A002 - what lists call it
        but: str | None = None,
    ) -> int:
        """End sessions of a person.

        Args:
            person: Whose.
            connection: The transaction.
            id: Only this one, as lists call it.
            but: Not the one with this secret.

        Returns:
            How many.
        """
        from sqlalchemy import delete

        rows = self.database.tables.logins
        wanted: list[Any] = [rows.c.person == person.id]
        if id is not None:
            wanted.append(rows.c.hash.startswith(id, autoescape=True))
        if but is not None:
            wanted.append(rows.c.hash != hashed(but))
        return int(connection.execute(delete(rows).where(*wanted)).rowcount)
