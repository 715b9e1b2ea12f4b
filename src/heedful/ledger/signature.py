"""Signatures: who took on which experiment's trade-off, against or beside what the rules said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.ledger.database import Database

VERDICTS = ("ship anyway", "stop anyway", "keep running anyway")
"""What can be signed."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A trade-off that someone took on.

    Attributes:
        experiment: The experiment's id.
        by: Who signed.
        at: When, with a timezone.
        verdict: What they decided, one of `VERDICTS`.
        reason: Why, in their words.
        decision: What the rules had decided when they signed.
        candidate: The variant it is about; None where there is no one candidate.
    """

    experiment: str
    by: str
    at: datetime
    verdict: str
    reason: str
    decision: str
    candidate: str | None


class Signatures:
    """The signatures of a project. They are added and read, never changed and never removed.

    Args:
        database: The ledger's database.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        experiment: str,
        by: str,
        verdict: str,
        reason: str,
        *,
        decision: str,
        candidate: str | None = None,
        at: datetime | None = None,
    ) -> Signature:
        """Write one down; the same one of the same moment twice stays one.

        Args:
            experiment: The experiment's id.
            by: Who signs.
            verdict: What they decide, one of `VERDICTS`.
            reason: Why.
            decision: What the rules decide at this moment.
            candidate: The variant it is about.
            at: When, with a timezone; now where None.

        Raises:
            ValueError: `at` has no timezone, the verdict is not known, or the experiment, the
                signer, the reason or the decision is empty.
        """
        from sqlalchemy import insert, select

        at = at or datetime.now(UTC)
        if at.tzinfo is None:
            raise ValueError(f"{at} has no timezone")
        if verdict not in VERDICTS:
            raise ValueError(f'verdict "{verdict}" is not known; allowed: {", ".join(VERDICTS)}')
        texts = {"experiment": experiment, "by": by, "reason": reason, "decision": decision}
        for name, text in texts.items():
            if not text.strip():
                raise ValueError(f"{name} is empty; a signature says who decided what and why")
        values = {**texts, "at": at.astimezone(UTC), "verdict": verdict, "candidate": candidate}
        rows = self.database.tables.signatures
        with self.database.begin() as connection:
            same = [
                rows.c[name].is_(None) if value is None else rows.c[name] == value
                for name, value in values.items()
            ]
            if connection.execute(select(rows.c.id).where(*same)).first() is None:
                connection.execute(insert(rows).values(**values))
        return Signature(experiment, by, at, verdict, reason, decision, candidate)

    def of(self, experiment: str) -> list[Signature]:
        """Those of one experiment, the earliest first."""
        return [each for each in self.all() if each.experiment == experiment]

    def all(self) -> list[Signature]:
        """All of them, the earliest first."""
        from sqlalchemy import select

        if not self.database.exists():
            return []
        rows = self.database.tables.signatures
        with self.database.begin() as connection:
            found = connection.execute(select(rows).order_by(rows.c.at, rows.c.id)).all()
        return [
            Signature(
                row.experiment,
                row.by,
                row.at,
                row.verdict,
                row.reason,
                row.decision,
                row.candidate,
            )
            for row in found
        ]
