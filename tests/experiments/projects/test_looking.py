"""Planned looks: between them nothing moves, and before the first nothing is shown."""

from __future__ import annotations

from datetime import date, timedelta
from math import sqrt

import numpy as np
import pytest
from scipy import optimize, stats

from heedful.experiments.looking import look_days

LOOKS = ("2024-03-30", "2024-04-09", "2024-04-23")


def bounds(parts):
    """Lan and DeMets' bounds, by the distribution of all looks at once."""
    edge = stats.norm.ppf(1 - 0.05 / 4)
    spent = [4 * stats.norm.sf(edge / sqrt(part)) for part in parts]
    found = []
    for nth in range(len(parts)):
        at = parts[: nth + 1]
        cov = np.array([[sqrt(min(a, b) / max(a, b)) for a in at] for b in at])

        def excess(bound, cov=cov, spent=spent[nth]):
            ends = np.array([*found, bound])
            exact = {"abseps": 1e-7, "releps": 1e-7, "maxpts": 100_000}
            law = stats.multivariate_normal(np.zeros(len(ends)), cov, **exact)
            return law.cdf(ends, lower_limit=-ends) - (1 - spent)

        found.append(optimize.brentq(excess, 1.0, 8.0, xtol=1e-5))
    return found


def welch(one, other, critical):
    """An interval with a bound of z in place of alpha."""
    variance = one.variance + other.variance
    df = variance**2 / (one.variance**2 / one.df + other.variance**2 / other.df)
    half = stats.t.isf(stats.norm.sf(critical), df) * sqrt(variance)
    difference = one.value - other.value
    return difference - half, difference + half


def test_each_look_has_the_bound_of_its_information(berlin):
    limits = bounds([10 / 30, 20 / 30, 1.0])
    for day, bound in zip(LOOKS, limits, strict=True):
        found = berlin.readout("spent", day)
        assert found.as_of == date.fromisoformat(day)
        for (role, asked), got in zip(berlin.asked("spent"), found.outcomes, strict=True):
            sides, counts, waiting = berlin.sides("spent", asked, day)
            low, high = welch(sides["new"], sides["control"], bound)
            assert (got.role, got.waiting) == (role, waiting)
            if min(counts.values()) >= 30:
                assert got.low == pytest.approx(low, rel=1e-3)
                assert got.high == pytest.approx(high, rel=1e-3)
            else:
                assert got.low is None


@pytest.mark.parametrize("day", ["2024-03-31", "2024-04-08", "2024-04-22"])
def test_between_looks_everything_stands_as_at_the_last(berlin, alike, day):
    found = berlin.readout("spent", day)
    last = max(look for look in LOOKS if look <= day)
    assert alike(found, berlin.readout("spent", last))
    assert found.as_of == date.fromisoformat(last)
    assert not found.ended
    nth = LOOKS.index(last) + 1
    assert found.notes[0] == (
        f"everything stands as it did at the planned look of {last}, number {nth} of 3; "
        f"the next is on {LOOKS[nth]}"
    )


def test_after_the_last_look_nothing_moves(berlin, alike):
    found = berlin.readout("spent")
    assert alike(found, berlin.readout("spent", LOOKS[-1]))
    assert found.ended
    assert found.notes[0].endswith("it was the last")


def test_before_the_first_look_nothing_is_shown(berlin):
    found = berlin.readout("spent", "2024-03-29")
    assert found.notes[0] == "the first of 3 planned looks is on 2024-03-30"
    assert found.decision == "keep_running"
    assert sum(one.units for one in found.variants) > 100
    assert found.srm.p_value is not None
    assert not found.looks
    assert not found.segments
    assert not found.worth
    assert not found.curves
    for one in found.outcomes:
        shown = (one.value, one.control_value, one.difference, one.low, one.high, one.p_value)
        assert shown == (None,) * 6
        assert one.relative is one.unadjusted is one.power is one.detectable is None
        assert one.why == "the first planned look is on 2024-03-30"


def test_days_of_looks_are_kept_and_the_end_is_one(berlin):
    """Windows of the last units pass after the last day that was given."""
    found = berlin.readout("spent-days")
    days = list(dict.fromkeys(str(one.date) for one in found.looks))
    # On the first day no window has passed.
    assert days == ["2024-04-02", "2024-04-15", "2024-04-28"]
    known = []
    for day in days:
        sides, _, _ = berlin.sides("spent-days", berlin.given("spent-days")["primary"], day)
        known.append(sum(one.n for one in sides.values()))
    elapsed = [(date.fromisoformat(day) - date(2024, 3, 24)).days / 35 for day in days]
    parts = [min(n / 400, part) for n, part in zip(known, elapsed, strict=True)]
    limits = bounds(parts)
    for day, bound in zip(days, limits, strict=True):
        sides, _, _ = berlin.sides("spent-days", berlin.given("spent-days")["primary"], day)
        low, high = welch(sides["new"], sides["control"], bound)
        (look,) = [o for o in found.looks if str(o.date) == day and o.kpi == "order_count"]
        assert (look.low, look.high) == (
            pytest.approx(low, rel=1e-3),
            pytest.approx(high, rel=1e-3),
        )


def test_looks_of_the_past_never_move(berlin):
    """What is shown of an earlier look is what was shown then."""
    later = berlin.readout("spent")
    for day in LOOKS[:2]:
        then = berlin.readout("spent", day)
        shown = {one.kpi: one for one in then.looks if str(one.date) == day}
        again = {one.kpi: one for one in later.looks if str(one.date) == day}
        # Units that have met another variant since are left out of both looks now.
        gone = later.crossovers - then.crossovers
        for kpi, one in shown.items():
            assert abs(one.n - again[kpi].n) <= gone


def test_a_confidence_sequence_is_tightest_at_the_plan(berlin):
    alpha = 0.05

    def width(x):
        return (1 + 1 / x) * (np.log1p(x) - 2 * np.log(alpha))

    best = optimize.minimize_scalar(width, bounds=(0.1, 100), method="bounded").x
    found = berlin.readout("always")
    for (role, asked), got in zip(berlin.asked("always"), found.outcomes, strict=True):
        sides, _, _ = berlin.sides("always", asked)
        units = sum(one.n for one in sides.values())
        multiplier = sqrt(width(best * units / 400))
        one, other = sides["new"], sides["control"]
        half = multiplier * sqrt(one.variance + other.variance)
        assert role in {"primary", "guardrail"}
        assert got.low == pytest.approx(one.value - other.value - half, rel=1e-6)
        assert got.high == pytest.approx(one.value - other.value + half, rel=1e-6)
    units = {str(look.date): look.n for look in found.looks if look.kpi == "revenue"}
    early = [day for day, n in units.items() if n < 100]
    assert early
    for look in found.looks:
        if str(look.date) in early:
            assert look.low is None


def test_stopping_early_spends_nothing_more(small, tmp_path):
    """Alpha that is left must not go to data that were chosen by looking at them."""
    given = {
        "sequential": "alpha_spending",
        "looks": 2,
        "primary": {"kpi": "revenue", "window_days": 5},
        "guardrails": [
            {"kpi": "refunded", "margin_absolute": 0.05, "window_days": 5},
            {"kpi": "basket", "margin": 0.1, "window_days": 5},
        ],
    }
    scene = small(
        tmp_path,
        {"quick": {**given, "stopped": "2024-03-25"}, "whole": given},
        {"quick": {"people": 0.9}, "whole": {"people": 0.9}},
        size=300,
        refresh=False,
    )
    found = scene.readout("quick")
    assert found.ended
    sides, _, _ = scene.sides("quick", given["primary"])
    # 14 of 35 days of units came in; the last look adds nothing to the first.
    bound = bounds([14 / 35])[0]
    low, high = welch(sides["new"], sides["control"], bound)
    assert found.outcomes[0].low == pytest.approx(low, rel=1e-3)
    sides, _, _ = scene.sides("whole", given["primary"])
    low, high = welch(sides["new"], sides["control"], bounds([18 / 35, 1.0])[1])
    assert scene.readout("whole").outcomes[0].high == pytest.approx(high, rel=1e-3)


@pytest.mark.parametrize("looks", [1, 2, 5, 60])
def test_looks_are_spread_over_the_time_in_which_windows_pass(looks):
    start, end = date(2024, 3, 11), date(2024, 4, 15)
    days = look_days(looks, start, end, horizon=14, deciding=14)
    assert len(days) <= looks
    assert days[-1] == end + timedelta(days=13)
    assert days == sorted(days)
    assert days[0] >= start + timedelta(days=13)
