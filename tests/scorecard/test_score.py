"""Scores: weights, missing parts, coverage and intervals."""

from __future__ import annotations

from datetime import date

import pytest

from heedful.scorecard.scale import suggest
from heedful.scorecard.score import scores, without_scale


def test_weights_are_those_of_the_seed_and_contributions_add_up(make):
    found = scores(
        make.definitions(*map(make.kpi, make.ALL)),
        make.table(*(make.reading(k, v) for k, v in make.ALL.items())),
    )
    (one,) = found
    # 30% experience, 30% friction (two KPIs share it), 25% business, 15% qualitative.
    assert one.score == pytest.approx(30 * 0.8 + 15 * 0.5 + 15 * 0.7 + 25 * 0.4 + 15 * 0.9)
    assert one.coverage == pytest.approx(1)
    assert sum(c.contribution for c in one.contributions) == pytest.approx(one.score)
    assert {c.kpi: round(c.weight, 3) for c in one.contributions} == {
        "csat": 0.3,
        "form": 0.15,
        "speed": 0.15,
        "value": 0.25,
        "trust": 0.15,
    }


def test_what_is_missing_is_reweighted_and_coverage_says_so(make):
    rows = [make.reading(k, make.ALL[k]) for k in ("csat", "form", "value")]
    (one,) = scores(make.definitions(*map(make.kpi, make.ALL)), make.table(*rows))
    # Half of friction, and no qualitative: 30 + 15 + 25 of 100.
    assert one.coverage == pytest.approx(0.70)
    assert one.score == pytest.approx(100 * (0.3 * 0.8 + 0.3 * 0.5 + 0.25 * 0.4) / 0.85)


def test_under_the_least_coverage_there_is_no_score_but_its_parts_are_shown(make):
    (one,) = scores(
        make.definitions(*map(make.kpi, make.ALL)), make.table(make.reading("csat", 0.8))
    )
    assert (one.score, one.low, one.high) == (None, None, None)
    assert one.coverage == pytest.approx(0.3)
    assert one.why == "only 30% of the weight has data"
    assert [c.kpi for c in one.contributions] == ["csat"]


@pytest.mark.parametrize(
    "change",
    [
        {"complete": False},
        {"customers": 29},
        {"value": None, "low": None, "high": None},
    ],
)
def test_immature_thin_and_missing_readings_do_not_count(make, change):
    rows = [make.reading(k, v) for k, v in make.ALL.items() if k != "csat"]
    with_bad = scores(
        make.definitions(*map(make.kpi, make.ALL)),
        make.table(*rows, make.reading("csat", 0.1) | change),
    )
    without = scores(make.definitions(*map(make.kpi, make.ALL)), make.table(*rows))
    assert with_bad[0].score == without[0].score
    assert with_bad[0].coverage == without[0].coverage == pytest.approx(0.7)


def test_values_beyond_the_scale_are_clipped_and_lower_can_be_better(make):
    speed = make.kpi(
        "speed",
        better="lower",
        scale={"worst": 40, "best": 10},
        measure={"mean": "x", "in": "hours"},
    )
    card = {"dimensions": {"all": {"weight": "100%", "layers": ("operational",)}}}
    for hours, expected in ((25, 50), (5, 100), (90, 0)):
        (one,) = scores(
            make.definitions(speed, **card), make.table(make.reading("speed", hours, spread=1.0))
        )
        assert one.score == pytest.approx(expected)
        assert 0 <= one.low <= one.score <= one.high <= 100


def test_the_same_customers_behind_two_kpis_widen_the_interval(make):
    """Replicates that move together add; independent ones partly cancel."""
    card = {"dimensions": {"all": {"weight": "100%", "kpis": ("csat", "form")}}}
    project = make.definitions(make.kpi("csat"), make.kpi("form"), **card)

    def width(**other):
        rows = [make.reading("csat", 0.5, seed=1), make.reading("form", 0.5, **other)]
        (one,) = scores(project, make.table(*rows))
        return one.high - one.low

    opposed = 1.0 - make.reading("csat", 0.5, seed=1)["replicates"]
    assert width(seed=1) > 1.15 * width(seed=2) > 1.15 * width(replicates=opposed)


def test_an_end_that_is_not_known_may_lie_anywhere_on_the_scale(make):
    card = {"dimensions": {"all": {"weight": "100%", "kpis": ("csat",)}}}
    (one,) = scores(
        make.definitions(make.kpi("csat"), **card),
        make.table(make.reading("csat", 0.6) | {"high": None}),
    )
    assert one.high == 100
    assert one.low is not None


def test_a_stage_counts_only_what_belongs_to_it(make):
    here = make.kpi("form", stages=("onboarding",))
    elsewhere = make.kpi("speed", stages=("retention",))
    rows = [make.reading(k, 0.5, stage="onboarding") for k in ("csat", "form", "value", "trust")]
    (one,) = scores(
        make.definitions(make.kpi("csat"), here, elsewhere, make.kpi("value"), make.kpi("trust")),
        make.table(*rows),
    )
    assert one.stage == "onboarding"
    assert one.coverage == pytest.approx(1)


def test_kpis_without_an_accepted_scale_are_named_not_scored(make):
    project = make.definitions(make.kpi("csat"), make.kpi("form", scale=None))
    assert without_scale(project) == ["form"]
    (one,) = scores(project, make.table(make.reading("csat", 0.5), make.reading("form", 0.5)))
    assert [c.kpi for c in one.contributions] == ["csat"]


def test_a_suggested_scale_holds_the_history_in_its_middle(make):
    rows = [
        make.reading("csat", v, period_start=date(2026, 1 + n, 1))
        for n, v in enumerate([0.70, 0.72, 0.71, 0.74, 0.73, 0.72, 0.75])
    ]
    found = suggest(make.kpi("csat"), make.table(*rows))
    assert found.worst < 0.70
    assert found.best > 0.75
    assert found.worst >= 0
    assert found.best <= 1
    lower = suggest(make.kpi("csat", better="lower", scale=None), make.table(*rows))
    assert (lower.worst, lower.best) == (found.best, found.worst)
    thin = suggest(make.kpi("csat"), make.table(*rows[:3]))
    assert (thin.worst, thin.yaml, thin.readings) == (None, None, 3)
