"""Steps: how many get to each step of a form or a checkout, and where they are lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from heedful import stats
from heedful.engines.duckdb import DuckDB, literal, quoted
from heedful.stats import BUCKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.stats import Estimate, Estimates
    from heedful.store.lake import Lake

FORMS, CHECKOUTS = "form_attempts", "checkouts"
MOST_STEPS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: What it is called.
        reached: Attempts that got to it.
        share: The same as a share of those that began.
        lost: Attempts that got to the step before and not to this one; None for the first.
        loss: lost / reached the step before, with its customer-clustered interval.
        change: Change of that share against the other period; None where there is none.
    """

    name: str
    reached: int
    share: float
    lost: int | None
    loss: Estimate | None
    change: Estimate | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """The steps of one form or checkout in one period.

    Attributes:
        fact: `form_attempts` or `checkouts`.
        name: The form or touchpoint.
        steps: The steps, the first one first.
        customers: Distinct customers who began.
    """

    fact: str
    name: str
    steps: tuple[Step, ...]
    customers: int


@dataclass(frozen=True, slots=True)
class _Counts:
    """Attempts that reached each step, by bucket, and customers who did."""

    reached: NDArray[np.float64]
    customers: NDArray[np.float64]


def funnels(
    facts: Lake,
    stage: str,
    now: tuple[date, date],
    before: tuple[date, date] | None,
    where: Mapping[str, str | None] | None = None,
) -> list[Funnel]:
    """Forms and checkouts of a stage, step by step.

    Args:
        facts: Where facts are built.
        stage: The stage.
        now: First day of the period, and the day after its last.
        before: The same of the period compared with.
        where: Column to value: only those rows; a fact without the column gives no funnel.

    Returns:
        The larger ones first; without forms or checkouts there, none.
    """
    found = []
    engine = DuckDB()
    try:
        for fact, name, step, end in (
            (FORMS, "form", "last_step", "submitted"),
            (CHECKOUTS, "touchpoint", "NULL", "completed"),
        ):
            snapshot = facts.snapshot(fact)
            if snapshot is None or not set(where or {}) <= set(snapshot.columns):
                continue
            engine.attach("attempts", snapshot)
            sql = _sql(name, step, end, stage, where or {})
            rows = {
                period: engine.query(sql, list(period)).to_pylist()
                for period in (now, before)
                if period is not None
            }
            earlier = rows[before] if before is not None else []
            found += _of_fact(fact, rows[now], earlier)
    finally:
        engine.close()
    return sorted(found, key=lambda one: -one.steps[0].reached)


def _sql(name: str, step: str, end: str, stage: str, where: Mapping[str, str | None]) -> str:
    wanted = {name: "NULL" if value is None else literal(value) for name, value in where.items()}
    more = "".join(
        f" AND {quoted(column)} IS NOT DISTINCT FROM {value}" for column, value in wanted.items()
    )
    return (
        f"SELECT {name} AS name, bucket, {step} AS step, {end} AS done, COUNT(*) AS attempts,"
        " COUNT(DISTINCT customer) AS customers FROM attempts"
        f" WHERE stage = {literal(stage)} AND day >= ? AND day < ?{more} GROUP BY ALL"
    )


def _of_fact(
    fact: str, now: Sequence[Mapping[str, object]], before: Sequence[Mapping[str, object]]
) -> list[Funnel]:
    found = []
    for name in dict.fromkeys(row["name"] for row in now):
        mine = [row for row in now if row["name"] == name]
        steps = sorted({int(str(row["step"])) for row in mine if row["step"]})[:MOST_STEPS]
        counts = _counts(mine, steps)
        earlier = [row for row in before if row["name"] == name]
        other = _counts(earlier, steps) if earlier else None
        names = _names(fact, steps)
        found.append(_funnel(fact, str(name or "not named"), names, counts, other))
    return found


def _names(fact: str, steps: Sequence[int]) -> list[str]:
    if fact == CHECKOUTS:
        return ["Checkout begun", "Order completed"]
    return ["Begun", *(f"Step {step} finished" for step in steps), "Submitted"]


def _counts(rows: Sequence[Mapping[str, object]], steps: Sequence[int]) -> _Counts:
    """By step (begun, each numbered one, done) and bucket."""
    reached = np.zeros((len(steps) + 2, BUCKETS))
    customers = np.zeros_like(reached)
    for row in rows:
        step, done = row["step"], bool(row["done"])
        last = sum(step is not None and int(str(step)) >= one for one in steps)
        # Who submits has passed every step, also those that a browser did not tell of.
        upto = len(steps) + 2 if done else 1 + last
        bucket = int(str(row["bucket"]))
        reached[:upto, bucket] += float(str(row["attempts"]))
        customers[:upto, bucket] += float(str(row["customers"]))
    return _Counts(reached, customers)


def _funnel(
    fact: str, name: str, names: Sequence[str], now: _Counts, before: _Counts | None
) -> Funnel:
    losses = _losses(now)
    earlier = _losses(before) if before is not None else None
    changes = stats.changes(earlier, losses) if earlier is not None else None
    totals = now.reached.sum(axis=1)
    steps = [Step(names[0], int(totals[0]), 1.0, None, None, None)]
    for place in range(1, len(names)):
        moved = changes[place - 1] if changes is not None else None
        steps.append(
            Step(
                names[place],
                int(totals[place]),
                float(totals[place] / totals[0]) if totals[0] else 0.0,
                int(totals[place - 1] - totals[place]),
                losses[place - 1],
                moved if moved is not None and moved.value is not None else None,
            )
        )
    return Funnel(fact, name, tuple(steps), int(now.customers[0].sum()))


def _losses(counts: _Counts) -> Estimates:
    before, after = counts.reached[:-1], counts.reached[1:]
    return stats.shares(before - after, before, before, counts.customers[:-1])
