"""Plans from the shop's past against pandas and statsmodels."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from statsmodels.stats.power import TTestIndPower

LATER = {
    "start": "2024-05-01",
    "end": "2024-05-29",
    "primary": {"kpi": "bought", "per": "unit", "window_days": 7},
    "guardrails": [
        {"kpi": "refunded", "margin_absolute": 0.05, "window_days": 7},
        {"kpi": "basket", "margin": 0.2, "window_days": 10},
    ],
}
SIX = [
    {"name": f"{tone}{size}", "levels": {"tone": tone, "size": size}}
    for tone in ("plain", "warm")
    for size in ("s", "m", "l")
]
EXPERIMENTS = {
    "simple": LATER,
    "ruled": {
        **LATER,
        "exposure": {"events": ["Checkout Started", "Quote's End"], "touchpoint": "till"},
        "population": {"country": ["DE", "it's", "日本"]},
    },
    "adjusted": {
        **LATER,
        "primary": {"kpi": "revenue", "window_days": 7},
        "covariates": ["before", "seats"],
        "smallest_effect": None,
        "smallest_effect_absolute": 4.0,
    },
    "rows": {
        **LATER,
        "primary": {"kpi": "net_order", "window_days": 7},
        "secondary": [{"kpi": "basket_p90", "window_days": 7}, {"kpi": "stay"}],
    },
    "companies": {**LATER, "unit": "account"},
    "several": {
        **LATER,
        "variants": [
            {"name": "a", "weight": 0.5},
            {"name": "b", "weight": 0.3},
            {"name": "c", "weight": 0.2},
        ],
    },
    "factors": {**LATER, "design": "factorial", "variants": SIX},
    "looked-at": {**LATER, "sequential": "alpha_spending", "looks": 5},
    "any-day": {**LATER, "sequential": "confidence_sequence", "units": 50},
    "held": {
        **LATER,
        "design": "holdout",
        "variants": [{"name": "without", "weight": 0.1}, {"name": "with", "weight": 0.9}],
    },
    "part": {
        **LATER,
        "share": 0.8,
        "group": "tills",
        "group_range": [0.25, 0.75],
        "holdout": "held",
    },
    "open-end": {**LATER, "smallest_effect": None},
    "browsers": {**LATER, "population": {"browser": "chrome", "plan": "pro"}},
    "running": {**LATER, "start": "2024-02-12", "end": "2024-03-11"},
    "much": {**LATER, "units": 100_000},
    "no-data": {**LATER, "primary": {"kpi": "won", "window_days": 7}},
}


@pytest.fixture(scope="module")
def past(small, tmp_path_factory):
    """A shop that has not tried anything yet."""
    given = {
        name: {k: v for k, v in one.items() if v is not None} for name, one in EXPERIMENTS.items()
    }
    for name, one in given.items():
        if EXPERIMENTS[name].get("smallest_effect", 0) is None:
            one["smallest_effect"] = None
    scene = small(tmp_path_factory.mktemp("past"), given, {}, size=400, seed=5, refresh=False)
    scene.plans = {}
    return scene


@pytest.fixture
def plan(past):
    def made(name):
        if name not in past.plans:
            now = past.limit("2024-04-30").to_pydatetime()
            past.plans[name] = past.project.experiments[name].plan(now=now)
        return past.plans[name]

    return made


def entering(scene, name, begin, end):
    """Units that come in some days, with the first time in these days."""
    given = scene.given(name)
    kind = given.get("unit", "customer")
    rows = scene.oracle.resolved("events")
    rows = rows[(rows.is_bot != "true") & rows.customer.notna()].copy()
    rule = given.get("exposure", {})
    if rule:
        rows = rows[rows.event.isin(rule["events"]) & (rows.touchpoint == rule["touchpoint"])]
    else:
        rows = rows[rows.touchpoint == "till"]
    rows["unit"] = [scene.oracle.unit_of(one, kind) for one in rows.customer]
    begin, end = (pd.Timestamp(day, tz="Europe/Berlin").tz_convert("UTC") for day in (begin, end))
    rows = rows[(rows.occurred_at >= begin) & (rows.occurred_at < end)]
    found = rows.groupby("unit").occurred_at.min().rename("exposed").reset_index()
    known = pd.DataFrame([scene.oracle._known(one, kind) for one in found.unit])
    found = pd.concat([found, known], axis=1)
    for column, allowed in given.get("population", {}).items():
        if column in found:
            found = found[found[column].isin([allowed] if isinstance(allowed, str) else allowed)]
    return found


def remembered(scene, name, horizon, monkeypatch):
    """Outcomes of those who came in the last 28 days whose windows have passed."""
    end = date(2024, 5, 1) - timedelta(days=horizon)
    rows = entering(scene, name, end - timedelta(days=28), end)
    rows["variant"], rows["met"] = "control", 1
    units = type("U", (), {"rows": rows})
    monkeypatch.setattr(scene.oracle, "units", lambda *_: units)
    return rows


@pytest.mark.parametrize("name", ["simple", "ruled", "companies"])
def test_traffic_is_who_came_in_the_newest_days(past, plan, name):
    found = plan(name)
    rows = entering(past, name, "2024-04-03", "2024-05-01")
    assert found.traffic_from == date(2024, 4, 3)
    assert found.traffic_days == 28
    assert found.traffic_units == found.expected_units == len(rows)
    assert len(rows) > 60
    days = rows.exposed.dt.tz_convert("Europe/Berlin").dt.date
    curve = {point.weeks: point.units for point in found.duration_curve}
    assert curve[1] == (days < date(2024, 4, 10)).sum()
    late = (days >= date(2024, 4, 17)).sum() / 14
    assert curve[8] == round(len(rows) + 28 * late)


@pytest.mark.parametrize("name", ["simple", "ruled", "companies"])
def test_a_share_needs_what_statsmodels_says(past, plan, monkeypatch, name):
    found = plan(name)
    remembered(past, name, 10, monkeypatch)
    outcome = past.oracle.outcome(name, past.given(name)["primary"], past.limit("2024-04-30"))
    share, deviation = outcome.rows.y.mean(), outcome.rows.y.std()
    row = found.outcomes[0]
    assert row.history_units == len(outcome.rows)
    assert row.baseline == pytest.approx(share)
    assert row.deviation == pytest.approx(deviation)
    assert row.target == pytest.approx(0.1 * share)
    each = TTestIndPower().solve_power(0.1 * share / deviation, alpha=0.05, power=0.8)
    assert row.units == pytest.approx(2 * each, abs=2.5)
    power = TTestIndPower().power(0.1 * share / deviation, found.expected_units / 2, alpha=0.05)
    assert row.power == pytest.approx(power, abs=2e-3)
    seen = TTestIndPower().solve_power(nobs1=found.expected_units / 2, alpha=0.05, power=0.8)
    assert row.detectable == pytest.approx(seen * deviation, rel=2e-3)
    assert found.state == ("enough" if row.units <= found.expected_units else "too_short")


def test_guardrails_need_what_their_margins_ask_for(past, plan, monkeypatch, reckon):
    found = plan("simple")
    remembered(past, "simple", 10, monkeypatch)
    for asked, row in zip(past.given("simple")["guardrails"], found.outcomes[1:], strict=True):
        outcome = past.oracle.outcome("simple", asked, past.limit("2024-04-30"))
        value, units = reckon.linearised(outcome.rows.y, outcome.rows.x)
        deviation = units.std(ddof=1)
        assert row.baseline == pytest.approx(value)
        assert row.deviation == pytest.approx(deviation)
        margin = asked.get("margin_absolute", asked.get("margin", 0) * value)
        assert row.target == pytest.approx(margin)
        # Higher is better for baskets: the control counts 1 - margin times.
        spread = (1 + (1 - asked.get("margin", 0)) ** 2) / 2
        each = TTestIndPower().solve_power(
            margin / (deviation * spread**0.5), alpha=0.025, power=0.8, alternative="larger"
        )
        assert row.units == pytest.approx(2 * each, rel=0.01)
        short = row.units > found.expected_units
        assert short == any(
            one.startswith(f"{row.kpi}: its margin needs") for one in found.warnings
        )


def test_covariates_bring_what_the_past_says(past, plan, monkeypatch, reckon):
    found = plan("adjusted")
    remembered(past, "adjusted", 10, monkeypatch)
    asked = past.given("adjusted")["primary"]
    outcome = past.oracle.outcome("adjusted", asked, past.limit("2024-04-30"))
    outcome.variants = ["control"]
    before, after = reckon.plain(outcome), reckon.adjusted(outcome, ["by", "seats"])
    gain = 1 - after["control"].variance / before["control"].variance
    row = found.outcomes[0]
    assert row.variance_reduction == pytest.approx(gain)
    assert abs(gain) > 0.01
    deviation = (after["control"].variance * len(outcome.rows)) ** 0.5
    each = TTestIndPower().solve_power(4.0 / deviation, alpha=0.05, power=0.8)
    assert row.units == pytest.approx(2 * each, abs=2.5)
    assert row.deviation == pytest.approx(outcome.rows.y.std())


def test_who_has_no_row_must_come_as_well(past, plan, monkeypatch, reckon):
    """Of ten who come, one may order: for quantiles as for ratios all ten count."""
    found = {row.kpi: row for row in plan("rows").outcomes}
    rows = remembered(past, "rows", 30, monkeypatch)
    given = past.given("rows")
    limit = past.limit("2024-04-30")
    outcome = past.oracle.outcome("rows", given["primary"], limit)
    _, units = reckon.linearised(outcome.rows.y, outcome.rows.x)
    assert found["net_order"].deviation == pytest.approx(units.std(ddof=1))
    ready, bought = past.oracle.rows_of("rows", given["secondary"][0], limit)
    bought = bought[bought.is_order == 1]
    side = reckon.quantile(bought, "gross", 0.9)
    assert found["basket_p90"].history_units == side.n < len(ready)
    assert found["basket_p90"].deviation == pytest.approx((side.variance * len(ready)) ** 0.5)
    lives = past.oracle.lives("rows", 30, limit)
    kept = reckon.stayed(lives, 30, lost=False)
    assert found["stay"].history_units == len(lives) < len(rows)
    assert found["stay"].deviation == pytest.approx((kept.variance * len(rows)) ** 0.5)


@pytest.mark.parametrize(
    ("name", "alpha", "share", "ratio"),
    [
        # The smallest variant, at the first step of Holm.
        ("several", 0.05 / 2, 0.2, 0.5 / 0.2),
        # Three effects; of the factor of three levels each pair holds a third and a third.
        ("factors", 0.05 / 3, 1 / 3, 1.0),
        ("held", 0.05, 0.9, 0.1 / 0.9),
    ],
)
def test_the_hardest_comparison_is_planned_for(plan, name, alpha, share, ratio):
    row, plain = plan(name).outcomes[0], plan("simple").outcomes[0]
    assert row.deviation == pytest.approx(plain.deviation)
    each = TTestIndPower().solve_power(
        row.target / row.deviation, alpha=alpha, power=0.8, ratio=ratio
    )
    assert row.units == pytest.approx(each / share, rel=2e-3)
    assert plan(name).comparisons == round(0.05 / alpha)


def test_looks_cost_units(plan):
    plain = plan("simple").outcomes[0].units
    for name, least, most in (("looked-at", 1.01, 1.06), ("any-day", 1.5, 2.0)):
        found = plan(name)
        assert least < found.inflation < most
        assert found.outcomes[0].units == pytest.approx(plain * found.inflation, rel=0.01)


def test_only_a_part_of_those_who_come_takes_part(past, plan):
    """Its share, its range of the group, and no one who is held out."""
    rows = entering(past, "part", "2024-04-03", "2024-05-01")
    part = 0.8 * 0.5 * 0.9
    assert plan("part").expected_units == round(part * len(rows))
    found, plain = plan("part").outcomes[0], plan("simple").outcomes[0]
    assert found.units == plain.units
    assert found.enough_on >= plain.enough_on


def test_the_power_curve_is_that_of_the_planned_end(plan):
    found = plan("simple")
    row = found.outcomes[0]
    for point in found.power_curve:
        power = TTestIndPower().power(
            point.difference / row.deviation, found.expected_units / 2, alpha=0.05
        )
        assert point.power == pytest.approx(power, abs=2e-3)
        assert point.relative == pytest.approx(point.difference / row.baseline)
    middle = [point for point in found.power_curve if point.difference == row.target]
    assert middle[0].power == pytest.approx(row.power)


def test_without_an_effect_that_matters_it_says_what_can_be_seen(plan):
    found = plan("open-end")
    assert found.state == "unknown"
    assert found.outcomes[0].units is found.outcomes[0].target is None
    assert "can see" in found.sentence
    assert any("has no smallest_effect" in one for one in found.warnings)


def test_a_population_that_history_cannot_tell_is_said(past, plan):
    found = plan("browsers")
    rows = entering(past, "browsers", "2024-04-03", "2024-05-01")
    assert found.traffic_units == len(rows)
    assert found.warnings[0].startswith("History does not know browser")


def test_thin_history_is_said(plan):
    found = plan("running")
    assert "There is too little history before the start" in found.warnings[0]
    assert any(one.startswith("100,000 units are planned") for one in plan("much").warnings)
    few = plan("ruled")
    assert few.traffic_units < 200
    assert any("numbers below are rough" in one for one in few.warnings)


def test_nothing_known_is_no_number(plan):
    found = plan("no-data")
    assert found.state == "unknown"
    row = found.outcomes[0]
    assert row.baseline is row.units is row.power is row.detectable is None
    assert row.why == "facts.leads_won has no data"
    assert found.sentence == "History says too little about won to plan with."
    assert not found.power_curve
    assert not found.duration_curve


def test_before_all_data_nothing_breaks(past):
    now = past.limit("2024-01-20").to_pydatetime()
    found = past.project.experiments["simple"].plan(now=now)
    assert found.traffic_units == found.expected_units == 0
    assert found.state == "unknown"
    assert found.outcomes[0].baseline is None
