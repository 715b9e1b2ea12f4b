"""Runs of refresh: when, by whom, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from heedful.ledger.database import Database

State = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        id: Its number.
        began_at: When it began.
        ended_at: When it ended; None: it runs, or died without a word.
        state: running, done or failed.
        who: Who asked for it.
        detail: What it did, or why it failed.
    """

    id: int
    began_at: datetime
    ended_at: datetime | None
    state: State
    who: str
    detail: str | None


class Runs:
    """The runs of a project.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def begin(self, who: str) -> Run:
        """Write down that one begins.

        Args:
            who: Who asked for it.
        """
        from sqlalchemy import insert

        rows = self.database.tables.runs
        now = datetime.now(UTC)
        with self.database.begin() as connection:
            statement = insert(rows).values(began_at=now, state="running", who=who)
            number = connection.execute(statement.returning(rows.c.id)).scalar_one()
        return Run(number, now, None, "running", who, None)

    def end(self, run: Run, detail: str, *, failed: bool = False) -> None:
        """Write down how it ended.

        Args:
            run: The run.
            detail: What it did, or why it failed.
            failed: Whether it did.
        """
        from sqlalchemy import update

        rows = self.database.tables.runs
        state = "failed" if failed else "done"
        values = {"ended_at": datetime.now(UTC), "state": state, "detail": detail}
        with self.database.begin() as connection:
            connection.execute(update(rows).where(rows.c.id == run.id).values(**values))

    def all(self, limit: int = 50) -> list[Run]:
        """Runs, the newest first."""
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.runs
        with self.database.begin() as connection:
            found = connection.execute(select(rows).order_by(rows.c.id.desc()).limit(limit)).all()
        return [
            Run(row.id, row.began_at, row.ended_at, row.state, row.who, row.detail) for row in found
        ]
