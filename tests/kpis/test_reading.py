"""When a reading is complete, and when it may not be given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from heedful.definitions.kpi import CatalogueKpi
from heedful.kpis.cells import Cells, Spread
from heedful.kpis.reading import Frame, table

FIELDS = {
    "title": "t",
    "says": "s",
    "layer": "commercial",
    "timing": "lagging",
    "better": "higher",
    "threshold": {"rule": "trend"},
    "fact": "lifetimes",
}


def kpi(**more):
    measure = {"retention": "days", "lost": "lost", "after": 90}
    return CatalogueKpi.model_validate({"id": "retention", **FIELDS, "measure": measure, **more})


def frame(**more):
    given = {
        "first": date(2026, 1, 1),
        "last": date(2026, 6, 30),
        "until": datetime(2026, 7, 1, tzinfo=UTC),
        "late": 0,
        "definition": "x",
        "rules": {},
        "contracts": True,
        "timezone": "UTC",
        "versions": {},
        "now": datetime(2026, 7, 1, tzinfo=UTC),
    }
    return Frame(**given | more)


def cells(one, months):
    days = np.arange(100.0)
    many = len(months)
    spread = Spread(
        start=np.arange(many + 1) * 100,
        value=np.tile(days, many),
        event=np.tile(days < 40, many),
        count=np.ones(100 * many),
        bucket=np.tile(np.arange(100) % 64, many),
    )
    per = np.bincount(np.arange(100) % 64, minlength=64).astype(float)
    return Cells(
        kpi=one,
        grain=["month"] * len(months),
        begin=months,
        stage=[None] * len(months),
        dimension=[None] * len(months),
        segment=[None] * len(months),
        n=np.tile(per, (len(months), 1)),
        customers=np.tile(per, (len(months), 1)),
        sums={},
        spread=spread,
    )


def test_a_cohort_is_complete_once_all_of_it_could_reach_the_horizon():
    months = [date(2026, 3, 1), date(2026, 4, 1)]
    rows = table(cells(kpi(), months), frame(), staged=False).to_pylist()
    # 31 March and 90 days is 29 June; 30 April and 90 days is yet to come.
    assert [row["complete"] for row in rows] == [True, False]
    assert rows[0]["value"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("lapsed", "contracts", "known"),
    [
        (180, False, False),
        (90, False, False),
        (89, False, True),
        (180, True, True),
        (None, False, True),
    ],
)
def test_a_retention_true_by_definition_is_withheld(lapsed, contracts, known):
    given = frame(rules={"lapsed_after_days": lapsed}, contracts=contracts)
    (row,) = table(cells(kpi(), [date(2026, 1, 1)]), given, staged=False).to_pylist()
    assert (row["value"] is not None) is known
    if not known:
        assert (row["low"], row["high"], row["replicates"]) == (None, None, None)
        assert (
            row["why"] == f"by lapsed_after_days nobody counts as lost in the first {lapsed} days"
        )


def test_a_product_of_many_factors_is_a_reading():
    factors = tuple({"of": "a", "per": "b"} for _ in range(4))
    one = CatalogueKpi.model_validate(
        {"id": "x", **FIELDS, "unit": "account", "measure": {"product": factors, "in": "money"}}
    )
    sums = {f"{side}_{n}": np.full((1, 64), 2.0) for n in range(4) for side in ("above", "below")}
    held = np.zeros((1, 64))
    held[0, :20] = 1
    few = replace(cells(one, [date(2026, 3, 1)]), sums=sums, spread=None, n=held, customers=held)
    (row,) = table(few, frame(), staged=True).to_pylist()
    assert (row["value"], row["unit"], row["n"], row["weighted_n"]) == (1.0, "money", 20, 20.0)
    # It says what it counts.
    assert (row["low"], row["why"]) == (None, "fewer than 30 accounts")
