"""People: who may look, who may work, who may let others in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from heedful.ledger.refusal import RefusedError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from heedful.ledger.audit import Audit
    from heedful.ledger.database import Database

Role = Literal["viewer", "analyst", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: a viewer looks, an analyst works, an admin lets others in."""


class ThrottledError(Exception):
    """Too many wrong passwords in a row."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can log in.

    Attributes:
        id: Their number.
        email: Their address, in lower case.
        name: What people call them.
        role: viewer, analyst or admin.
        made_at: Since when, in UTC.
        closed_at: When they were shut out; None: they are not.
    """

    id: int
    email: str
    name: str
    role: Role
    made_at: datetime
    closed_at: datetime | None = None

    def may(self, role: Role) -> bool:
        """Whether they have at least a role.

        >>> Person(1, "a@b.example", "Ada", "analyst", datetime.now(UTC)).may("viewer")
        True
        """
        return ROLES.index(self.role) >= ROLES.index(role)


def known_role(role: str) -> Role:
    """A role, where there is one of that name.

    Raises:
        RefusedError: There is none.
    """
    found = next((each for each in ROLES if each == role), None)
    if found is None:
        raise RefusedError(f'role "{role}" does not exist; allowed: {", ".join(ROLES)}')
    return found


def lesser(one: Role, other: Role) -> Role:
    """The role of two that may less."""
    return min(one, other, key=ROLES.index)


def address(email: str) -> str:
    """An e-mail address as the ledger keeps it.

    >>> address(" Ada@Acme.example ")
    'ada@acme.example'

    Raises:
        RefusedError: It is none.
    """
    found = email.strip().lower()
    name, sign, host = found.rpartition("@")
    plain = found.isprintable() and not any(c.isspace() or c in '<>",;:()[]\\' for c in found)
    if not (name and sign and host.strip(".") == host and host and plain) or len(found) > 320:
        raise RefusedError(f'"{email.strip()[:80]}" is no e-mail address')
    return found


class People:
    """The people of a project.

    Args:
        database: The ledger's database.
        audit: Where changes are written down.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self.database = database
        self.audit = audit

    def all(self, *, closed: bool = False) -> list[Person]:
        """Everyone, by e-mail.

        Args:
            closed: Also those who were shut out.
        """
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.people
        query = select(rows).order_by(rows.c.email)
        if not closed:
            query = query.where(rows.c.closed_at.is_(None))
        with self.database.begin() as connection:
            return [_person(row) for row in connection.execute(query)]

    def find(self, email: str, connection: Connection | None = None) -> Person | None:
        """The person with an e-mail address, also one who was shut out."""
        from sqlalchemy import select

        rows = self.database.tables.people
        query = select(rows).where(rows.c.email == email.strip().lower())
        if connection is not None:
            row = connection.execute(query).first()
        elif not self.database.exists():
            return None
        else:
            with self.database.begin() as own:
                row = own.execute(query).first()
        return _person(row) if row else None

    def add(
        self, email: str, name: str, role: Role, password: str, connection: Connection
    ) -> Person:
        """Make a person.

        Args:
            email: Their address.
            name: What people call them.
            role: What they may.
            password: What is kept of their password.
            connection: The transaction.
        """
        from sqlalchemy import insert

        rows = self.database.tables.people
        now = datetime.now(UTC)
        values = {"email": email, "name": name, "role": role, "made_at": now}
        statement = insert(rows).values(**values, password=password).returning(rows.c.id)
        return Person(connection.execute(statement).scalar_one(), email, name, role, now)

    def password(self, email: str) -> tuple[Person, str] | None:
        """Who has an e-mail address, and what is kept of their password; not who is shut out."""
        from sqlalchemy import select

        if not self.database.exists():
            return None
        rows = self.database.tables.people
        query = select(rows).where(rows.c.email == email, rows.c.closed_at.is_(None))
        with self.database.begin() as connection:
            row = connection.execute(query).first()
        return (_person(row), row.password) if row and row.password else None

    def has_admin(self, connection: Connection) -> bool:
        """Whether anyone could let others in."""
        from sqlalchemy import select

        rows = self.database.tables.people
        query = select(rows.c.id).where(rows.c.role == "admin", rows.c.closed_at.is_(None))
        return connection.execute(query).first() is not None

    def set(self, person: Person, connection: Connection, **values: Any) -> None:
        """Change what is kept of a person: name, password, role, closed_at."""
        from sqlalchemy import update

        rows = self.database.tables.people
        connection.execute(update(rows).where(rows.c.id == person.id).values(**values))

    def give(self, email: str, role: str, by: str) -> Person:
        """Give someone a role.

        Args:
            email: Whose.
            role: viewer, analyst or admin.
            by: Who gives it.

        Raises:
            RefusedError: There is no such person or role, or nobody could let others in any more.
        """
        wanted = known_role(role)
        with self.database.begin() as connection:
            person = self._changed(connection, email, role=wanted)
            if person.role != wanted:
                detail = f"{person.role} → {wanted}"
                self.audit.add(
                    by, "gave a role", f"person {person.email}", detail, connection=connection
                )
        return Person(person.id, person.email, person.name, wanted, person.made_at)

    def close(self, email: str, by: str) -> Person:
        """Shut someone out: their sessions end, their tokens work no more.

        Args:
            email: Whom.
            by: Who does it.

        Raises:
            RefusedError: There is no such person, or nobody could let others in any more.
        """
        from sqlalchemy import delete, update

        tables = self.database.tables
        now = datetime.now(UTC)
        with self.database.begin() as connection:
            person = self._changed(connection, email, closed_at=now)
            connection.execute(delete(tables.logins).where(tables.logins.c.person == person.id))
            connection.execute(
                update(tables.tokens)
                .where(tables.tokens.c.person == person.id, tables.tokens.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            self.audit.add(by, "shut out", f"person {person.email}", connection=connection)
        return Person(person.id, person.email, person.name, person.role, person.made_at, now)

    def _changed(self, connection: Connection, email: str, **values: Any) -> Person:
        """Change a person, unless that leaves no admin; who they were before."""
        from sqlalchemy import func, select, update

        rows = self.database.tables.people
        admins = (rows.c.role == "admin", rows.c.closed_at.is_(None))
        # Two admins who demote each other at the same moment must wait for each other. SQLite
        # has one writer anyway.
        connection.execute(select(rows.c.id).where(*admins).order_by(rows.c.id).with_for_update())
        own = (rows.c.email == email.strip().lower(), rows.c.closed_at.is_(None))
        row = connection.execute(select(rows).where(*own)).first()
        if row is None:
            raise RefusedError(f'nobody has the e-mail "{email}"; see heedful person list')
        connection.execute(update(rows).where(*own).values(**values))
        left = connection.execute(select(func.count()).select_from(rows).where(*admins)).scalar()
        if row.role == "admin" and not left:
            raise RefusedError(
                f"{row.email} is the last admin; give another person the role admin first"
            )
        return _person(row)


def _person(row: Row[Any]) -> Person:
    return Person(row.id, row.email, row.name, row.role, row.made_at, row.closed_at)
