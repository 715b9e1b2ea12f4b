"""Makers of KPIs, scorecards and readings."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from heedful.definitions.kpi import Kpi
from heedful.definitions.scorecard import ScorecardDefinition
from heedful.kpis.reported import STORED

LAYERS = {
    "csat": "experience",
    "form": "engagement",
    "speed": "operational",
    "value": "commercial",
    "trust": "governance",
}


def kpi(name, **more):
    fields = {
        "id": name,
        "title": name,
        "says": name,
        "layer": LAYERS[name],
        "timing": "leading",
        "better": "higher",
        "fact": "f",
        "measure": {"share": "x"},
        "owner": "a",
        "playbook": "p",
        "threshold": {"rule": "change"},
        "scale": {"worst": 0.0, "best": 1.0},
        **more,
    }
    return Kpi.model_validate(fields)


def definitions(*kpis, **card):
    return SimpleNamespace(
        kpis={one.id: one for one in kpis},
        scorecard=ScorecardDefinition.model_validate(card) if card else ScorecardDefinition(),
    )


def reading(name, value, *, spread=0.01, seed=0, **more):
    rng = np.random.default_rng(seed)
    row = {
        "kpi": name,
        "grain": "month",
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 2, 1),
        "complete": True,
        "stage": None,
        "dimension": None,
        "segment": None,
        "value": value,
        "low": value - 2 * spread,
        "high": value + 2 * spread,
        "n": 500,
        "customers": 400,
        "method": "jackknife",
        "replicates": value + spread * rng.standard_normal(64) / 8,
        **more,
    }
    return {field.name: row.get(field.name) for field in STORED}


def table(*rows):
    return pa.Table.from_pylist(list(rows), schema=STORED)


ALL = {"csat": 0.8, "form": 0.5, "speed": 0.7, "value": 0.4, "trust": 0.9}


@pytest.fixture(scope="session")
def make():
    """Makers: `kpi`, `definitions`, `reading`, `table`, and `ALL`: a value by KPI."""
    return SimpleNamespace(kpi=kpi, definitions=definitions, reading=reading, table=table, ALL=ALL)
