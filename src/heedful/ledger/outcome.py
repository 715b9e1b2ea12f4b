"""What came of an action: a KPI after it beside the same KPI before it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Literal

State = Literal["waiting", "measured", "not_measured"]
Verdict = Literal["better", "worse", "unclear"]
Met = Literal["met", "in_reach", "missed"]
Basis = Literal["weeks", "sampling"]

_DATES = frozenset({"until", "before_start", "before_end", "after_start", "after_end"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action. It says what was after it, never that it was because of it.

    Attributes:
        state: waiting: weeks are missing yet. measured: for good. not_measured: `why` says why.
        says: One or two sentences.
        until: While waiting, when the readings are expected to be there.
        why: Why nothing was measured.
        before_start: First day of the weeks before.
        before_end: Day after the last.
        after_start: First day of the weeks after.
        after_end: Day after the last.
        weeks_before: Weeks before that have a reading.
        weeks_after: Weeks after that have one.
        n_before: Rows in those weeks.
        n_after: Rows in those weeks.
        unit: Unit of before and after; None of a share without one.
        before: The KPI in an average week before.
        before_low: Lower end of its 95% interval.
        before_high: Upper end.
        after: The KPI in an average week after.
        after_low: Lower end of its 95% interval.
        after_high: Upper end.
        difference: after - before, or after / before - 1 where `relative`.
        low: Lower end of its 95% interval.
        high: Upper end.
        relative: Whether the difference is relative.
        basis: weeks: the intervals know how much the KPI varies from week to week by itself.
            sampling: too few earlier weeks tell; the intervals are too short.
        history: Earlier weeks that told how much it varies.
        verdict: What it means for the customer; unclear where the interval holds 0.
        expected: The value that was hoped for.
        met: met: it was reached. in_reach: not reached, but the interval holds it. missed: the
            interval does not. None: nothing was expected.
    """

    state: State
    says: str
    until: date | None = None
    why: str | None = None
    before_start: date | None = None
    before_end: date | None = None
    after_start: date | None = None
    after_end: date | None = None
    weeks_before: int = 0
    weeks_after: int = 0
    n_before: int = 0
    n_after: int = 0
    unit: str | None = None
    before: float | None = None
    before_low: float | None = None
    before_high: float | None = None
    after: float | None = None
    after_low: float | None = None
    after_high: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    relative: bool = False
    basis: Basis | None = None
    history: int = 0
    verdict: Verdict | None = None
    expected: float | None = None
    met: Met | None = None

    def as_json(self) -> str:
        """As the ledger keeps it."""
        return json.dumps(asdict(self), default=str, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Outcome:
        """As it was kept; what a newer version added is left out.

        >>> found = Outcome("waiting", "Wait.", until=date(2026, 9, 7))
        >>> Outcome.from_json(found.as_json()) == found
        True
        """
        known = {each.name for each in fields(Outcome)}
        kept: dict[str, Any] = {k: v for k, v in json.loads(text).items() if k in known}
        days = {k: date.fromisoformat(kept[k]) for k in _DATES & kept.keys() if kept[k]}
        return Outcome(**{**kept, **days})
