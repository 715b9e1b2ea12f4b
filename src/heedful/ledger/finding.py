"""Findings as they were told: what opened, what ended, and what a person said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Row

    from heedful.ledger.audit import Audit
    from heedful.ledger.database import Database


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as the ledger keeps it.

    Attributes:
        id: The same for as long as it stays.
        key: What it is about.
        kind: threshold, change, mismatch or data.
        state: open or closed.
        severity: info, watch or act.
        kpi: Its KPI, if it has one.
        pattern: Its pattern, if it has one.
        stage: Its stage, None for all.
        grain: Grain of its periods.
        period_start: First day of the newest period it was seen in.
        opened_at: When it opened.
        seen_at: When it was last confirmed.
        closed_at: When it ended.
        closed_by: Who ended it; None: it ended by itself.
        closed_because: Why.
        payload: All of it, as JSON.
    """

    id: str
    key: str
    kind: str
    state: str
    severity: str
    kpi: str | None
    pattern: str | None
    stage: str | None
    grain: str
    period_start: date
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_because: str | None
    payload: str


class FindingRows:
    """The findings of a project.

    Args:
        database: The ledger's database.
        audit: Where people's changes are written down.
    """

    def __init__(self, database: Database, audit: Audit) -> None:
        self.database = database
        self.audit = audit

    def all(self, state: str | None = None) -> list[FindingRow]:
        """Findings, the newest first.

        Args:
            state: Only those that are open or closed.
        """
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.findings
        query = select(rows).order_by(rows.c.opened_at.desc(), rows.c.id)
        if state is not None:
            query = query.where(rows.c.state == state)
        with self.database.begin() as connection:
            return [_row(one) for one in connection.execute(query)]

    def find(self, id: str) -> FindingRow | None:  # noqa: A002 - its name
        """One finding."""
        from sqlalchemy import select

        if not self.database.exists():
            return None
        rows = self.database.tables.findings
        with self.database.begin() as connection:
            found = connection.execute(select(rows).where(rows.c.id == id)).first()
        return _row(found) if found else None

    def put(self, found: Iterable[FindingRow]) -> None:
        """Write findings in one go; one of the same id is replaced.

        What a person closed meanwhile stays closed.
        """
        from sqlalchemy import insert, select, update

        rows = self.database.tables.findings
        with self.database.begin() as connection:
            for one in found:
                known = connection.execute(select(rows).where(rows.c.id == one.id)).first()
                if known is None:
                    connection.execute(insert(rows).values(**asdict(one)))
                elif known.closed_by is None:
                    values = asdict(one)
                    connection.execute(update(rows).where(rows.c.id == one.id).values(**values))

    def close(self, id: str, by: str, because: str) -> None:  # noqa: A002 - its name
        """Close one, for a reason that a person gives."""
        from sqlalchemy import update

        rows = self.database.tables.findings
        values = {
            "state": "closed",
            "closed_at": datetime.now(UTC),
            "closed_by": by,
            "closed_because": because,
        }
        with self.database.begin() as connection:
            connection.execute(update(rows).where(rows.c.id == id).values(**values))
            self.audit.add(by, "closed", f"finding {id}", because, connection=connection)

    def reopen(self, id: str, by: str) -> None:  # noqa: A002 - its name
        """Take back what a person closed."""
        from sqlalchemy import update

        rows = self.database.tables.findings
        values = {"state": "open", "closed_at": None, "closed_by": None, "closed_because": None}
        with self.database.begin() as connection:
            connection.execute(update(rows).where(rows.c.id == id).values(**values))
            self.audit.add(by, "reopened", f"finding {id}", connection=connection)


def _row(row: Row[Any]) -> FindingRow:
    return FindingRow(**{name: getattr(row, name) for name in FindingRow.__dataclass_fields__})
