"""Annotations: what happened when, so that findings and charts can point at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from heedful.ledger.database import Database

Kind = Literal["release", "campaign", "incident", "definition"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened.

    Attributes:
        at: When, with a timezone.
        kind: What sort of thing.
        text: What people call it.
        stage: The stage it touches; None: all.
        made_at: When it was written down.
    """

    at: datetime
    kind: Kind
    text: str
    stage: str | None
    made_at: datetime


class Annotations:
    """The annotations of a project.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self, text: str, at: datetime, kind: Kind = "release", stage: str | None = None
    ) -> Annotation:
        """Write one down; the same one twice stays one.

        Args:
            text: What people call it.
            at: When it happened, with a timezone.
            kind: What sort of thing.
            stage: The stage it touches; None: all.

        Raises:
            ValueError: `at` has no timezone.
        """
        from sqlalchemy import insert, select

        if at.tzinfo is None:
            raise ValueError(f"{at} has no timezone")
        rows = self.database.tables.annotations
        values = {"at": at.astimezone(UTC), "kind": kind, "text": text, "stage": stage}
        made_at = datetime.now(UTC)
        with self.database.begin() as connection:
            same = select(rows.c.id).where(
                rows.c.at == values["at"],
                rows.c.kind == kind,
                rows.c.text == text,
                rows.c.stage.is_(None) if stage is None else rows.c.stage == stage,
            )
            if connection.execute(same).first() is None:
                connection.execute(insert(rows).values(**values, made_at=made_at))
        return Annotation(at, kind, text, stage, made_at)

    def all(self) -> list[Annotation]:
        """All of them, the earliest first."""
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.annotations
        with self.database.begin() as connection:
            found = connection.execute(select(rows).order_by(rows.c.at, rows.c.id)).all()
        return [Annotation(row.at, row.kind, row.text, row.stage, row.made_at) for row in found]
