"""The audit log: who did what to what, when. It only grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from heedful.ledger.database import Database

LONGEST = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that someone did.

    Attributes:
        id: Grows with time.
        at: When, in UTC.
        who: An e-mail address; `cli:` and a login name for someone at the terminal; `heedful` for
            what nobody asked for.
        verb: What they did, such as `made`.
        object: To what, such as `action 12`.
        detail: What else there is to know.
    """

    id: int
    at: datetime
    who: str
    verb: str
    object: str
    detail: str | None


class Audit:
    """The audit log of a project. Entries are added and read, never changed and never removed.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        who: str,
        verb: str,
        object: str,  # noqa: A002 - what everyone calls it
        detail: str | None = None,
        *,
        connection: Connection | None = None,
    ) -> None:
        """Write down what someone did.

        Args:
            who: Who did it.
            verb: What they did.
            object: To what.
            detail: What else there is to know; never a secret.
            connection: The transaction that does it, so that there is never one without the
                other; None: a transaction of its own.
        """
        from sqlalchemy import insert

        statement = insert(self.database.tables.audit).values(
            at=datetime.now(UTC), who=who[:320], verb=verb, object=object[:LONGEST], detail=detail
        )
        if connection is not None:
            connection.execute(statement)
            return
        with self.database.begin() as own:
            own.execute(statement)

    def all(
        self,
        limit: int = 200,
        *,
        before: int | None = None,
        who: str | None = None,
        object: str | None = None,  # noqa: A002 - what everyone calls it
        since: datetime | None = None,
    ) -> list[Entry]:
        """Entries, the newest first.

        Args:
            limit: At most so many.
            before: Only those with a smaller id: the next page.
            who: Only of this person.
            object: Only about this.
            since: Only from then on, with a timezone.
        """
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.audit
        query = select(rows).order_by(rows.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(rows.c.id < before)
        if who is not None:
            query = query.where(rows.c.who == who)
        if object is not None:
            query = query.where(rows.c.object == object)
        if since is not None:
            query = query.where(rows.c.at >= since)
        with self.database.begin() as connection:
            found = connection.execute(query).all()
        return [Entry(row.id, row.at, row.who, row.verb, row.object, row.detail) for row in found]
