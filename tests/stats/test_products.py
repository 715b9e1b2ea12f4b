"""Products against a jackknife by hand, against their special cases, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from heedful.stats import product, products, ratio, total

BUCKETS = 64


@pytest.fixture
def sums():
    rng = np.random.default_rng(5)
    open_ = rng.poisson(6, BUCKETS).astype(float)
    closed = rng.poisson(5, BUCKETS) + 1.0
    won = rng.binomial(closed.astype(int), 0.4).astype(float)
    amount = won * rng.lognormal(3, 0.4, BUCKETS)
    days = won * rng.gamma(9, 4, BUCKETS)
    return open_, won, closed, amount, days


def factors(open_, won, closed, amount, days):
    return [(open_, None), (won, closed), (amount, won), (won, days)]


def test_the_value_is_the_product(sums):
    open_, won, closed, amount, days = sums
    found = product(factors(*sums), n=500, customers=300)
    wanted = open_.sum() * won.sum() / closed.sum() * amount.sum() / won.sum()
    assert found.value == pytest.approx(wanted * won.sum() / days.sum(), rel=1e-12)


def test_the_interval_is_the_jackknife_of_the_whole_formula(sums):
    """Every bucket is left out of the data, and the formula computed anew."""
    found = product(factors(*sums), n=500, customers=300)

    def formula(kept: np.ndarray, scale: float) -> float:
        open_, won, closed, amount, days = (each[kept].sum() for each in sums)
        return scale * open_ * (won / closed) * (amount / won) * (won / days)

    whole = formula(np.ones(BUCKETS, bool), 1)
    theta = np.array(
        [formula(np.arange(BUCKETS) != g, BUCKETS / (BUCKETS - 1)) for g in range(BUCKETS)]
    )
    np.testing.assert_allclose(found.replicates, theta, rtol=1e-12)
    deviations = np.log(theta) - np.log(whole)
    error = np.sqrt((BUCKETS - 1) / BUCKETS * (deviations**2).sum())
    reach = scipy_stats.t.ppf(0.975, BUCKETS - 1) * error
    ends = (whole * np.exp(-reach), whole * np.exp(reach))
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-9)
    assert found.df == BUCKETS - 1


def test_one_factor_is_a_total_or_a_ratio(sums):
    open_, won, closed, _, _ = sums
    for found, wanted in (
        (product([(open_, None)], n=400, customers=200), total(open_, 400, 200)),
        (product([(won, closed)], n=400, customers=200), ratio(won, closed, 400, 200)),
    ):
        assert (found.value, found.df) == pytest.approx((wanted.value, wanted.df))
        np.testing.assert_allclose(found.replicates, wanted.replicates)


def test_what_may_be_negative_has_the_plain_interval(sums):
    """Nobody can take the logarithm of a loss."""
    open_, won, closed, _, _ = sums
    found = product([(-open_, None), (won, closed)], n=400, customers=200)
    wanted = product([(open_, None), (won, closed)], n=400, customers=200)
    assert found.low < found.value < found.high < 0
    assert found.high - found.low == pytest.approx(wanted.high - wanted.low, rel=0.1)


def test_what_is_missing_is_told():
    ones, zeros = np.ones((1, BUCKETS)), np.zeros((1, BUCKETS))
    for below, n, why in (
        (zeros, 64, "the denominator is not positive"),
        (ones, 0, "no data"),
        (np.full((1, BUCKETS), np.inf), 64, "the sums hold a number that is not finite"),
    ):
        found = products([(ones, None), (zeros, below)], n, 64)[0]
        assert (found.value, found.low, found.why) == (None, None, why)
    few = products([(ones, None), (ones * np.arange(BUCKETS), ones)], 29, 29)[0]
    assert (few.value, few.low, few.why) == (64 * 31.5, None, "fewer than 30 customers")
    with pytest.raises(ValueError, match="at least one factor"):
        products([], 1, 1)


def drawn(rng: np.random.Generator, companies: int, accounts: int):
    """Bucket sums of companies whose accounts each have a few deals, alike in worth and time."""
    shape = (companies, accounts)
    deals = rng.poisson(1.5, shape)
    open_ = rng.binomial(deals, 0.5)
    closed = deals - open_
    chance = rng.beta(3, 7, shape)
    won = rng.binomial(closed, chance)
    size = rng.lognormal(0, 0.5, shape)
    amount = won * 1000 * size
    days = won * 30 * rng.gamma(4, 0.25, shape)
    places = rng.integers(0, BUCKETS, shape)
    rows = np.arange(companies)[:, None]
    summed = []
    for each in (open_, won, closed, amount, days):
        out = np.zeros((companies, BUCKETS))
        np.add.at(out, (rows, places), each)
        summed.append(out)
    return summed, (deals > 0).sum(axis=1)


@pytest.mark.parametrize("accounts", [100, 300, 1000])
def test_intervals_hold_the_truth_as_often_as_they_say(accounts):
    """Published in docs/statistics.md; 95% is nominal, 2 sd of 1,000 samples are 1.4 points."""
    rng = np.random.default_rng(accounts)
    sums, customers = drawn(rng, 1000, accounts)
    truth = accounts * 0.75 * 0.3 * 1000 * np.exp(0.125) / 30
    found = products(factors(*sums), 1000, customers)
    inside = (found.low <= truth) & (truth <= found.high)
    below, above = (truth < found.low).mean(), (truth > found.high).mean()
    assert max(below, above) < 0.035
    assert 0.935 <= inside.mean() <= 0.97
