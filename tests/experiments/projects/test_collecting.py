"""Windows, days and segments of outcomes that are sums."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("steady", ("2024-03-28", "2024-03-30", "2024-03-31", "2024-04-15", "2024-04-24")),
        ("replies", ("2024-03-31", "2024-04-20")),
        ("ninetieth", ("2024-03-30", "2024-04-20")),
        ("held", ("2024-04-16", "2024-05-06")),
    ],
)
def test_a_day_in_hindsight_is_what_it_was_on_that_day(berlin, name, days):
    """Also of medians, of quantiles and of staying; and where clocks change."""
    primary = berlin.given(name)["primary"]["kpi"]
    later = {str(one.date): one for one in berlin.readout(name).looks if one.kpi == primary}
    for day in days:
        then = berlin.readout(name, day).outcomes[0]
        look = later[day]
        assert then.difference is not None
        assert look.difference == pytest.approx(then.difference, rel=1e-9)
        assert look.low == (None if then.low is None else pytest.approx(then.low, rel=1e-9))
        assert look.high == (None if then.high is None else pytest.approx(then.high, rel=1e-9))
    values = [one.difference for one in later.values()]
    assert len(set(values)) > 10


def test_the_days_go_from_the_first_window_to_the_last(berlin):
    found = berlin.readout("steady")
    units = berlin.oracle.units("steady", berlin.limit(None)).rows
    days = [one.date for one in found.looks if one.kpi == "revenue"]
    local = (units.exposed + (9 * 24 * np.timedelta64(1, "h"))) - np.timedelta64(1, "us")
    passed = local.dt.tz_convert("Europe/Berlin").dt.date
    assert days[0] == passed.min()
    assert passed.max() in days
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    last = [one for one in found.looks if one.kpi == "revenue"][-1]
    assert last.n == found.outcomes[0].n + found.outcomes[0].control_n
    assert last.difference == pytest.approx(found.outcomes[0].difference)
    assert not [
        one for one in berlin.readout("steady", "2024-03-28").looks if one.date > date(2024, 3, 28)
    ]


@pytest.mark.parametrize(
    ("name", "dimension", "least"),
    [
        ("kinds", "country", 5),
        ("kinds", "browser", 15),
        ("layered", "plan", 3),
        ("triggered", "device", 0),
        ("companies", "account_value", 2),
    ],
)
def test_segments_are_those_of_the_exports(berlin, reckon, name, dimension, least):
    found = [one for one in berlin.readout(name).segments if one.dimension == dimension]
    asked = {one["kpi"]: one for _, one in reversed(berlin.asked(name))}
    checked = 0
    for kpi, one in asked.items():
        if kpi in {"stay", "leave", "first_reply", "basket_p90"}:
            continue
        outcome = berlin.oracle.outcome(name, one, berlin.limit(None))
        columns = berlin.covariates(name, one, outcome)
        rows = outcome.rows
        # The mean of all units stands for what is missing, not that of the segment.
        rows[columns] = rows[columns].fillna(rows[columns].mean())
        segments = [each for each in found if each.kpi == kpi]
        assert {each.segment or "" for each in segments} == set(rows[dimension])
        for got in segments:
            outcome.rows = rows[rows[dimension] == (got.segment or "")]
            sides = [outcome.of("new"), outcome.of("control")]
            sizes = [len(r[r.x > 0]) if outcome.kind == "ratio" else len(r) for r in sides]
            assert [got.n, got.control_n] == sizes
            if min(sizes) < 30:
                assert got.low is got.p_value is None
                continue
            wanted = reckon.adjusted(outcome, columns) if columns else reckon.plain(outcome)
            effect = reckon.compare(wanted["new"], wanted["control"])
            for field in ("difference", "low", "high", "p_value"):
                assert reckon.same(getattr(got, field), getattr(effect, field)), (got, field)
            checked += 1
    assert checked >= least


def test_adjusting_says_what_it_brought(berlin):
    found = {one.kpi: one for one in berlin.readout("adjusted").outcomes}
    for asked in (berlin.given("adjusted")["primary"], *berlin.given("adjusted")["guardrails"]):
        one = found[asked["kpi"]]
        plain, _, _ = berlin.sides("adjusted", {**asked, "covariates": []})
        adjusted, _, _ = berlin.sides("adjusted", asked)
        assert one.unadjusted == pytest.approx(plain["new"].value - plain["control"].value)
        reduced = [1 - adjusted[v].variance / plain[v].variance for v in ("new", "control")]
        assert one.variance_reduction == pytest.approx(np.mean(reduced))
        assert "adjusted for the time before" in one.method
    assert found["revenue 7 days"].variance_reduction is None
    assert "capped at the 90% quantile of all units" in found["revenue 7 days"].method


def test_what_was_not_yet_known_at_the_exposure_is_no_covariate(berlin):
    """Whether an order was given back is known only days later, and may be an effect."""
    outcome = berlin.oracle.outcome(
        "adjusted", berlin.given("adjusted")["guardrails"][1], berlin.limit(None)
    )
    rows = berlin.oracle.measured({"fact": "purchases", "measure": {"share": "refunded"}})
    pairs = outcome.rows.reset_index()[["unit", "exposed"]].merge(
        rows, left_on="unit", right_on="customer"
    )
    near = pairs[
        (pairs["at"] < pairs.exposed) & (pairs["at"] >= pairs.exposed - np.timedelta64(6, "D"))
    ]
    assert len(near) > 20
    assert outcome.rows.bx.sum() < len(pairs[pairs["at"] < pairs.exposed])
    assert berlin.wrong("adjusted") == []


def test_answers_that_differ_make_their_outcomes_void_and_no_others(berlin):
    from scipy import stats

    found = berlin.readout("silent")
    verdicts = {one.kpi: one.verdict for one in found.outcomes}
    assert verdicts["content"] == verdicts["mean_score"] == "void"
    assert "void" not in {v for k, v in verdicts.items() if k not in {"content", "mean_score"}}
    outcome = berlin.oracle.outcome("silent", {"kpi": "content"}, berlin.limit(None))
    counts = [
        [outcome.answered[v], len(outcome.of(v)) - outcome.answered[v]] for v in ("control", "new")
    ]
    p = stats.chi2_contingency(counts, correction=False).pvalue
    (said,) = [one for one in found.answered if one.kpi == "content"]
    assert said.p_value == pytest.approx(p)
    assert said.state == "fail"
    assert p < 0.001
    shares = {v: yes / (yes + no) for v, (yes, no) in zip(("control", "new"), counts, strict=True)}
    assert dict(said.shares) == pytest.approx(shares)
    other = {one.kpi: one for one in found.answered}["promoters"]
    assert other.state == "ok"
    assert {
        one.verdict
        for one in berlin.readout("kinds").outcomes
        if one.kpi in {"content", "mean_score", "promoters"}
    }.isdisjoint({"void"})


def test_one_kpi_in_several_ways_is_told_apart(berlin):
    names = [one.kpi for one in berlin.readout("kinds").outcomes]
    assert len(set(names)) == len(names)
    assert {
        "bought",
        "bought per row",
        "revenue",
        "revenue 5 days after 3",
        "net_order per unit 7 days",
        "content per unit",
    } <= set(names)
