"""Readings of weeks that were drawn at random, from the estimators themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from heedful import stats
from heedful.definitions.kpi import CatalogueKpi
from heedful.kpis.periods import end
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf
from heedful.ledger.action import Action

FIRST = date(2026, 1, 5)
MEASURES: dict[str, dict[str, Any]] = {
    "share": {"share": "y"},
    "mean": {"mean": "y", "in": "hours"},
    "total": {"total": "y", "in": "count"},
    "retention": {"retention": "y", "lost": "z", "after": 30},
}


def kpi_of(measure: str = "share", better: str = "higher", **more: Any) -> CatalogueKpi:
    """A KPI of the catalogue."""
    return CatalogueKpi.model_validate(
        {
            "id": "csat",
            "title": "Satisfaction",
            "says": "s",
            "layer": "experience",
            "timing": "lagging",
            "better": better,
            "fact": "f",
            "measure": MEASURES[measure],
            "threshold": {"rule": "change", "by": 0.1},
            **more,
        },
        strict=False,
    )


def action_of(done_on: date = date(2026, 6, 1), **more: Any) -> Action:
    """An action that is done."""
    values: dict[str, Any] = {
        "id": 1,
        "title": "Act",
        "owner": "cx",
        "due": done_on,
        "state": "done",
        "grain": "week",
        "made_by": "ada",
        "made_at": datetime(2026, 1, 1, tzinfo=UTC),
        "done_on": done_on,
        "kpi": "csat",
    }
    empty = ("finding", "stage", "dimension", "segment", "value", "expected", "pattern", "playbook")
    return Action(**{**dict.fromkeys(empty), **values, **more})


@dataclass
class Weeks:
    """Weeks of one KPI, as bucket sums and as the readings that they give."""

    y: np.ndarray
    x: np.ndarray
    kind: str = "share"
    grain: str = "week"
    more: dict[str, Any] = field(default_factory=dict)
    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    left_out: set[int] = field(default_factory=set)

    def shelf(self, *others: Weeks) -> Shelf:
        rows = [row for each in (self, *others) for row in each.rows()]
        return Shelf(pa.Table.from_pylist(rows, schema=STORED))

    def rows(self) -> list[dict[str, Any]]:
        n = self.x.sum(axis=1)
        customers = np.maximum(1, self.x // 2)
        if self.kind == "share":
            found = stats.shares(self.y, self.x, self.x, customers)
        elif self.kind == "total":
            found = stats.totals(self.y, self.x, customers)
        else:
            found = stats.ratios(self.y, self.x, self.x, customers)
        units = {"share": "share", "total": "count", "mean": "hours"}
        rows = []
        start = FIRST if self.grain == "week" else FIRST.replace(day=1)
        for week, one in enumerate(found):
            until = end(self.grain, start)  # type: ignore[arg-type]
            row = {
                "kpi": "csat",
                "grain": self.grain,
                "period_start": start,
                "period_end": until,
                "complete": True,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "n": int(n[week]),
                "customers": int(customers[week].sum()),
                "weighted_n": float(n[week]),
                "unit": units[self.kind],
                "method": one.method,
                "why": one.why,
                "definition_hash": "a",
                "reported_at": datetime(2026, 12, 1, tzinfo=UTC),
                "replicates": None if one.replicates is None else one.replicates.tolist(),
                **self.more,
                **self.changes.get(week, {}),
            }
            if week not in self.left_out:
                rows.append({field.name: row.get(field.name) for field in STORED})
            start = until
        return rows


def drawn(
    rates: Any, size: float = 10.0, seed: int = 1, between: float = 0.0, spread: float = 0.0
) -> Weeks:
    """Weeks of a share.

    Args:
        rates: The true share of each week.
        size: Rows a bucket a week.
        seed: Of the draw.
        between: Standard deviation of the truth from week to week.
        spread: Standard deviation between customers, the same ones every week.
    """
    rng = np.random.default_rng(seed)
    truth = np.asarray(rates, dtype=float)
    truth = truth + between * rng.standard_normal(len(truth))
    people = spread * rng.standard_normal(64)
    x = rng.poisson(size, (len(truth), 64)) + 1
    chance = np.clip(truth[:, None] + people[None, :], 0.01, 0.99)
    return Weeks(rng.binomial(x, chance), x)


@pytest.fixture(scope="session")
def given() -> SimpleNamespace:
    """What tests are made of."""
    return SimpleNamespace(kpi=kpi_of, action=action_of, weeks=Weeks, drawn=drawn, first=FIRST)
