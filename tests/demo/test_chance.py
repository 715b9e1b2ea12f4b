"""Calendar, luck and expectations: the parts on which exactness rests."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from scipy import stats

from heedful.demo import expectations as e
from heedful.demo import parameters as p
from heedful.demo.answers import recommend
from heedful.demo.calendar import DAYS, Calendar
from heedful.demo.luck import LASTING, Luck
from heedful.demo.people import lifetimes
from heedful.demo.world import World, lognormal, normal_quantile

CALENDAR = Calendar(date(2026, 9, 7))
WORLD = World(CALENDAR, 1000, 1, planted=True)


def test_days_begin_at_local_midnight_also_after_clocks_change() -> None:
    summer = datetime.fromtimestamp(CALENDAR.begin, UTC)
    winter = datetime.fromtimestamp(int(CALENDAR.midnights[100]), UTC)
    assert (summer.hour, winter.hour) == (22, 23)
    assert set(np.diff(CALENDAR.midnights) // 3600) == {23, 24, 25}


def test_moments_stay_within_waking_hours_of_their_day() -> None:
    day = np.repeat(np.arange(DAYS), 20)
    at = CALENDAR.moments(np.random.default_rng(0), day)
    assert (CALENDAR.day_of(at) == day).all()
    hours = [datetime.fromtimestamp(int(x), CALENDAR.zone).hour for x in at]
    assert 7 <= min(hours) <= max(hours) <= 22


def test_days_are_drawn_by_how_full_they_are() -> None:
    n = 200_000
    day = CALENDAR.days(np.random.default_rng(0), np.full(n, 30), np.full(n, 200))
    expected = CALENDAR.weights[30:200] / CALENDAR.weights[30:200].sum() * n
    counts = np.bincount(day, minlength=200)[30:]
    assert counts.sum() == n
    assert stats.chisquare(counts, expected).pvalue > 1e-4


def test_luck_is_uniform_and_rows_of_a_customer_correlate_as_stated() -> None:
    luck = Luck(WORLD, 40_000, lambda person: person < 0)
    person = np.repeat(np.arange(40_000), 2)
    drawn = luck.draw("anything", person)
    # One row a customer is independent of all others; both together are not.
    assert stats.kstest(drawn[::2], "uniform").pvalue > 1e-4
    correlation = np.corrcoef(drawn[::2], drawn[1::2])[0, 1]
    assert correlation == pytest.approx(LASTING**2, abs=0.02)


def test_those_of_the_house_are_always_lucky() -> None:
    luck = Luck(WORLD, 100, lambda person: person >= 90)
    drawn = luck.draw("anything", np.arange(100))
    assert (drawn[90:] > 0.999).all()
    assert (drawn[:90] < 0.999).any()


def test_normal_quantiles_are_those_of_scipy() -> None:
    share = np.linspace(0.0005, 0.9995, 999)
    assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), abs=1e-5)


def test_expected_medians_are_those_of_large_samples() -> None:
    rng = np.random.default_rng(3)
    n = 400_000
    again = rng.random(n) < e.at(p.REOPENED["ai"], after=True)
    once = lognormal(rng.random(n), np.full(n, p.RESOLUTION_HOURS["ai"].after), p.RESOLUTION_SPREAD)  # type: ignore[union-attr]
    twice = lognormal(rng.random(n), np.full(n, p.REOPENED_HOURS["ai"].after), p.REOPENED_SPREAD)  # type: ignore[union-attr]
    drawn = np.where(again, twice, once)
    assert np.median(drawn) == pytest.approx(e.quantile(e.resolution("ai", after=True)), rel=0.01)


def test_contracts_last_as_long_as_stated() -> None:
    rng = np.random.default_rng(9)
    for plan in p.PLANS:
        days = lifetimes(rng, np.full(200_000, plan, dtype=object))
        for limit in (30, 90, 360):
            kept = float((days > limit).mean())
            assert kept == pytest.approx(e.retained(plan, limit), abs=0.004)
        assert not ((days % 30 < 0.9) | (days % 30 > 29.1)).any()


def test_recommendations_have_the_stated_score() -> None:
    score = recommend((np.arange(100_000) + 0.5) / 100_000)
    assert (score >= 9).mean() == pytest.approx(p.PROMOTERS, abs=1e-4)
    assert (score <= 6).mean() == pytest.approx(p.DETRACTORS, abs=1e-4)
    assert set(score) == set(range(11))


def test_shares_of_labels_add_up() -> None:
    for shares in (p.DEVICES, p.PLANS, p.COUNTRIES, p.VISITOR_LANDINGS, p.MEMBER_LANDINGS):
        assert sum(shares.values()) == pytest.approx(1.0)
    for steps in (p.LAST_STEP, p.LAST_STEP_NEW):
        assert sum(steps) == pytest.approx(1.0)
        assert len(steps) == p.FORM_STEPS
