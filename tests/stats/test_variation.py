"""How a KPI usually varies, and tests that reckon with it."""

import numpy as np
import pytest
from scipy.special import stdtr

from heedful.stats.variation import (
    LEAST_KPIS,
    LEAST_PERIODS,
    common,
    moderated,
    together,
    variation,
    weighed,
)


def weeks(rng, periods, between, sampling=1.0):
    """Values of weeks whose truth varies, each known up to sampling."""
    return rng.normal(10, between, periods) + rng.normal(0, sampling, periods)


@pytest.mark.parametrize("between", [0.0, 0.5, 1.0, 3.0])
def test_the_variance_between_weeks_is_found_beside_that_of_sampling(between):
    rng = np.random.default_rng(1)
    found = [variation(weeks(rng, 52, between), np.ones(52)).variance for _ in range(400)]
    # It errs towards too much: the larger of two lags, and never below 0.
    assert between**2 * 0.95 <= np.mean(found) <= between**2 * 1.3 + 0.35
    exact = variation(weeks(rng, 100_000, between), np.ones(100_000))
    assert exact.variance == pytest.approx(between**2, abs=0.04 + 0.04 * between**2)


def test_a_single_step_does_not_hide_itself():
    rng = np.random.default_rng(2)
    ratios = []
    for _ in range(300):
        calm = weeks(rng, 40, 1.0)
        stepped = calm + np.where(np.arange(40) >= 25, 8.0, 0.0)
        before, after = (variation(each, np.ones(40)).variance for each in (calm, stepped))
        ratios.append((after + 1) / (before + 1))
        # The plain variance grows severalfold.
        assert stepped.var() > 3 * calm.var()
    assert np.median(ratios) < 1.2


def test_slow_drift_counts_as_usual():
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(0, 1, 2000))
    found = variation(walk, np.full(2000, 1e-9))
    # Two weeks of a walk differ by twice the variance of one step.
    assert found.variance == pytest.approx(1.0, rel=0.15)


def test_missing_weeks_are_left_out():
    rng = np.random.default_rng(4)
    values, noise = weeks(rng, 400, 2.0), np.ones(400)
    values[rng.random(400) < 0.2] = np.nan
    noise[rng.random(400) < 0.05] = np.nan
    found = variation(values, noise)
    assert found.variance**0.5 == pytest.approx(2.0, rel=0.2)
    both = np.isfinite(values) & np.isfinite(noise)
    assert found.periods == (both[1:] & both[:-1]).sum()


def test_fewer_than_eight_weeks_say_nothing():
    rng = np.random.default_rng(5)
    for known in range(LEAST_PERIODS + 2):
        values = np.full(30, np.nan)
        values[:known] = rng.normal(size=known)
        found = variation(values, np.ones(30))
        assert (found is None) == (known < LEAST_PERIODS)
    # Eight that are never neighbours say nothing of neighbours.
    values = np.full(40, np.nan)
    values[::5] = rng.normal(size=8)
    assert variation(values, np.ones(40)) is None
    assert variation([], []) is None


def test_degrees_of_freedom_are_those_of_satterthwaite():
    # statsmodels' CompareMeans gives the same for two groups of unequal variance.
    from statsmodels.stats.weightstats import CompareMeans

    rng = np.random.default_rng(6)
    a, b = rng.normal(0, 1, 12), rng.normal(0, 3, 30)
    oracle = CompareMeans.from_data(a, b).dof_satt()
    of_b = b.var(ddof=1) / 30
    variance, df = together([a.var(ddof=1) / 12], [11.0], of_b, of_b, 29.0)
    assert df[0] == pytest.approx(oracle, rel=1e-12)
    assert variance[0] == pytest.approx(a.var(ddof=1) / 12 + b.var(ddof=1) / 30)


def test_without_usual_variation_the_degrees_of_freedom_are_those_of_sampling():
    variance, df = together([2.0, 0.0], [63.0, np.inf], 0.0, 0.0, 10.0)
    assert variance.tolist() == [2.0, 0.0]
    assert df.tolist() == [pytest.approx(63.0), np.inf]


@pytest.mark.parametrize("past", [8, 16, 44])
@pytest.mark.parametrize("between", [0.0, 1.0, 2.0])
def test_ordinary_weeks_are_called_news_no_more_often_than_said(past, between):
    rng = np.random.default_rng(7)
    runs = 1500
    alarms = dict.fromkeys((1, 4, 8), 0)
    for _ in range(runs):
        values = weeks(rng, past + 8, between)
        usual = variation(values[:past], np.ones(past))
        for width in alarms:
            weights = np.repeat([-1 / 8, 1 / width], [8, width])
            difference = weights @ values[past - 8 : past + width]
            of_one = weighed(weights)
            variance, df = together(
                [float(weights @ weights)],
                [63.0],
                of_one * usual.variance,
                of_one * usual.doubt,
                usual.df,
            )
            p = 2 * stdtr(df[0], -abs(difference) / variance[0] ** 0.5)
            alarms[width] += p < 0.05
    # Monte Carlo error 0.6 points; autocorrelated weeks are in benchmarks/simulation/findings.py.
    assert max(alarms.values()) / runs <= 0.06
    assert min(alarms.values()) / runs >= 0.001


def test_periods_that_are_alike_weigh_more_together_and_less_against_each_other():
    apart = 0.3 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    for weights in (
        [0, 0.25, 0.25, 0.25, 0.25, 0],
        [-0.5, -0.5, 0, 0, 0.5, 0.5],
        [1, 0, 0, 0, 0, 0],
    ):
        assert weighed(weights) == pytest.approx(np.array(weights) @ apart @ np.array(weights))
    assert weighed([0.5, 0.5]) > 0.5
    assert weighed([-1, 1]) < 2
    assert weighed([]) == 0


def test_what_came_out_as_nothing_is_not_known_to_be_nothing():
    rng = np.random.default_rng(8)
    calm = variation(rng.normal(0, 0.7, 30), np.ones(30))
    assert calm.variance == 0
    assert calm.spread > 0
    _, sure = together([0.25], [63.0], 0.0, 0.0, calm.df)
    _, doubted = together([0.25], [63.0], 0.0, 0.25 * calm.doubt, calm.df)
    assert doubted[0] < sure[0]


def test_kpis_that_vary_alike_speak_for_each_other_and_those_that_differ_do_not():
    rng = np.random.default_rng(9)
    alike = [variation(weeks(rng, 12, 1.0), np.ones(12)) for _ in range(60)]
    found = common(alike)
    # The spread errs towards too much, as each KPI's own does.
    assert 1.8 < found.ratio < 3.2
    assert found.df > 8
    own = np.std([one.spread for one in alike])
    assert np.std([moderated(one, found).spread for one in alike]) < own / 2
    differ = [variation(weeks(rng, 12, s), np.ones(12)) for s in np.geomspace(0.1, 30, 60)]
    assert common(differ).df < 1.5
    wild = differ[-1]
    assert moderated(wild, common(differ)).spread > wild.spread / 2


def test_a_few_kpis_say_nothing_in_common():
    rng = np.random.default_rng(10)
    made = [variation(weeks(rng, 20, 1.0), np.ones(20)) for _ in range(LEAST_KPIS - 1)]
    assert common([*made, None, None]) is None
    assert moderated(made[0], None) == made[0]
    assert common([*made, made[0]]) is not None
