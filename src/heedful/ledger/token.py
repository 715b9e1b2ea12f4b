"""Tokens: how programs ask the API on someone's behalf."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heedful.ledger.line import one_line
from heedful.ledger.person import Person, Role, known_role, lesser
from heedful.ledger.refusal import RefusedError
from heedful.ledger.secret import fresh, hashed

if TYPE_CHECKING:
    from sqlalchemy import Row

    from heedful.ledger.audit import Audit
    from heedful.ledger.database import Database

PREFIX = "heedful_"
NOTED = timedelta(minutes=5)
"""How often its use is written down: not for every request."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token; its secret is told once, when it is made.

    Attributes:
        id: Its number.
        person: Whose, by number.
        email: Whose, by address.
        name: What it is for.
        role: What it may at most; never more than its person may.
        made_at: Since when.
        seen_at: When it was last used, to five minutes; None: never.
        revoked_at: When it was taken back; None: it works.
    """

    id: int
    person: int
    email: str
    name: str
    role: Role
    made_at: datetime
    seen_at: datetime | None
    revoked_at: datetime | None


class Tokens:
    """The tokens of a project.

    Args:
        database: The ledger's database.
        audit: Where changes are written down.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self.database = database
        self.audit = audit

    def make(
        self, person: Person, name: str, role: str | None = None, *, by: str | None = None
    ) -> tuple[Token, str]:
        """Make a token.

        Args:
            person: Whose.
            name: What it is for.
            role: What it may; the person's own role without.
            by: Who makes it; the person without.

        Returns:
            The token, and its secret, which is told only here.

        Raises:
            RefusedError: It has no name, or would be allowed more than its person is.
        """
        from sqlalchemy import insert

        wanted = known_role(role or person.role)
        name = one_line(name)
        if not name or len(name) > 200:
            raise RefusedError("the token has no name; say what it is for, in 200 characters")
        if not person.may(wanted):
            raise RefusedError(
                f"{person.email} is {person.role}; a token cannot be {wanted}, which is more"
            )
        rows = self.database.tables.tokens
        secret, now = fresh(PREFIX), datetime.now(UTC)
        values = {"person": person.id, "name": name, "role": wanted, "made_at": now}
        with self.database.begin() as connection:
            statement = insert(rows).values(**values, hash=hashed(secret)).returning(rows.c.id)
            number = connection.execute(statement).scalar_one()
            detail = f"{name}, {wanted}, of {person.email}"
            self.audit.add(
                by or person.email, "made", f"token {number}", detail, connection=connection
            )
        token = Token(number, person.id, person.email, name, wanted, now, None, None)
        return token, secret

    def person(self, secret: str, now: datetime | None = None) -> Person | None:
        """On whose behalf a token asks, with the role that it has; None where it does not work."""
        from sqlalchemy import select, update

        if not secret.startswith(PREFIX) or not self.database.exists():
            return None
        rows, people = self.database.tables.tokens, self.database.tables.people
        now = now or datetime.now(UTC)
        query = (
            select(people, rows.c.role.label("most"), rows.c.seen_at)
            .join(rows, rows.c.person == people.c.id)
            .where(
                rows.c.hash == hashed(secret),
                rows.c.revoked_at.is_(None),
                people.c.closed_at.is_(None),
            )
        )
        with self.database.begin() as connection:
            row = connection.execute(query).first()
            if row is not None and (row.seen_at is None or row.seen_at < now - NOTED):
                connection.execute(
                    update(rows).where(rows.c.hash == hashed(secret)).values(seen_at=now)
                )
        if row is None:
            return None
        return Person(row.id, row.email, row.name, lesser(row.role, row.most), row.made_at)

    def all(self, person: Person | None = None, *, revoked: bool = False) -> list[Token]:
        """Tokens, the newest first.

        Args:
            person: Only of this person.
            revoked: Also those that work no more.
        """
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows, people = self.database.tables.tokens, self.database.tables.people
        query = select(rows, people.c.email).join(people, people.c.id == rows.c.person)
        if person is not None:
            query = query.where(rows.c.person == person.id)
        if not revoked:
            query = query.where(rows.c.revoked_at.is_(None))
        with self.database.begin() as connection:
            found = connection.execute(query.order_by(rows.c.id.desc())).all()
        return [_token(row) for row in found]

    def revoke(self, id: int, by: str, *, of: Person | None = None) -> Token:  # noqa: A002 - its name
        """Take a token back.

        Args:
            id: Its number.
            by: Who takes it back.
            of: Only if it is this person's.

        Raises:
            RefusedError: There is no such token that works.
        """
        from sqlalchemy import update

        rows = self.database.tables.tokens
        found = next((each for each in self.all(of) if each.id == id), None)
        now = datetime.now(UTC)
        working = (rows.c.id == id, rows.c.revoked_at.is_(None))
        with self.database.begin() as connection:
            if (
                found is None
                or not connection.execute(
                    update(rows).where(*working).values(revoked_at=now)
                ).rowcount
            ):
                raise RefusedError(f"token {id} does not exist, or was taken back before")
            detail = f"{found.name}, of {found.email}"
            self.audit.add(by, "revoked", f"token {id}", detail, connection=connection)
        return found


def _token(row: Row[Any]) -> Token:
    return Token(
        row.id,
        row.person,
        row.email,
        row.name,
        row.role,
        row.made_at,
        row.seen_at,
        row.revoked_at,
    )
