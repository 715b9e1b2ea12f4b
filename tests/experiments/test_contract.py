"""JSON has the names that scripts rely on, and plain values only."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from heedful.experiments.contract import as_contract, plain
from heedful.experiments.evidence import Answered
from heedful.experiments.example import outcome
from heedful.experiments.readout import (
    Claim,
    CurvePoint,
    Heterogeneity,
    Look,
    Readout,
    SampleRatio,
    SegmentResult,
    Signature,
    VariantCount,
    Worth,
)

# Names that are promised; more may be added, none may go.
READOUT = "name design decision rule reasons warnings srm variants outcomes segments"
READOUT += " heterogeneity looks"
NAMES = {
    "srm": "p_value state",
    "variants": "name weight units",
    "outcomes": "kpi role variant control n control_n value control_value difference low high"
    " relative relative_low relative_high p_value p_adjusted margin verdict method",
    "segments": "dimension segment kpi variant difference low high p_adjusted",
    "heterogeneity": "dimension kpi p_value",
    "looks": "date kpi variant difference low high",
}
NAN = float("nan")


@pytest.fixture
def found():
    """A readout with something in every place, as JSON gives it back."""
    readout = Readout(
        name="say-why",
        design="ab",
        decision="ship",
        rule="primary_better",
        reasons=("Because.",),
        warnings=(),
        srm=SampleRatio(NAN, "ok"),
        variants=(VariantCount("plain", 0.5, 10),),
        outcomes=(outcome(relative=NAN, relative_low=float("inf")),),
        segments=(SegmentResult("device", None, "csat", "warm", 0.1, NAN, None, 0.2),),
        heterogeneity=(Heterogeneity("device", "csat", 0.4),),
        looks=(Look(date(2026, 9, 1), "csat", "warm", 0.1, 0.0, 0.2),),
        pooled=(outcome(),),
        start=date(2026, 8, 1),
        curves=(CurvePoint("retention", "warm", 30, 0.8, None, None, 12),),
        claims=(Claim("a", "csat", 0.1, 0.0, 0.2, 0.05, "ship"),),
        worth=(Worth("csat", "warm", "Much.", 1.0, None, None),),
        signatures=(
            Signature("me", datetime(2026, 9, 1, 12, tzinfo=UTC), "ship", "So.", "needs_review"),
        ),
        answered=(Answered("csat", 0.5, "ok", (("plain", 0.1),)),),
        sql=(("survey_answers", "SELECT 1"),),
    )
    text = json.dumps(as_contract(readout), allow_nan=False)
    return json.loads(text)


def test_promised_names_come_first_and_in_order(found):
    promised = READOUT.split()
    assert list(found)[: len(promised)] == promised
    for place, names in NAMES.items():
        given = found[place] if isinstance(found[place], dict) else found[place][0]
        assert list(given)[: len(names.split())] == names.split(), place


def test_nothing_is_left_out(found):
    assert list(found) == [one.name for one in fields(Readout)]


def test_dates_are_iso_and_what_is_missing_is_null(found):
    assert found["start"] == "2026-08-01"
    assert found["end"] is None
    assert found["looks"][0]["date"] == "2026-09-01"
    assert found["signatures"][0]["at"] == "2026-09-01T12:00:00+00:00"
    assert found["srm"] == {"p_value": None, "state": "ok"}
    assert found["outcomes"][0]["relative"] is None
    assert found["outcomes"][0]["relative_low"] is None
    assert found["segments"][0]["low"] is None
    assert found["segments"][0]["segment"] is None


def test_sql_has_names(found):
    assert found["sql"] == [{"name": "survey_answers", "sql": "SELECT 1"}]


def test_plain_values():
    assert plain({"a": (Decimal("1.5"), Decimal("NaN"), "x", True, 3)}) == {
        "a": [1.5, None, "x", True, 3]
    }
