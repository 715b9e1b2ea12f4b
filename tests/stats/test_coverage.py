"""Short simulations; `benchmarks/simulate.py` has the long ones, published with the method."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from heedful.stats import (
    change,
    changes,
    combinations,
    duration,
    duration_cells,
    nps_scores,
    quantile,
    ratios,
    scores,
    shares,
    survival,
    survival_cells,
    totals,
)

CELLS = 3000  # standard error near 95%: 0.4 points


def covered(found, truth: float) -> float:
    assert np.isfinite(found.low).all()
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("each", [30, 300])
def test_shares(draw, each, rate) -> None:
    rng = np.random.default_rng(1)
    drawn = draw(rng, CELLS, each, rows=3)
    own = rng.beta(rate * 4, (1 - rate) * 4, len(drawn.group))[drawn.who]  # correlation 0.2
    count = drawn.add(np.ones(len(own)))
    hits = drawn.add((rng.random(len(own)) < own).astype(float))
    found = shares(hits, count, n=count, customers=drawn.number())
    assert 0.93 < covered(found, rate) < (0.995 if each * rate < 10 else 0.97)
    # Counting rows as if they were independent is what the buckets are for.
    if rate * each > 20:
        naive = 1.96 * np.sqrt(found.value * (1 - found.value) / count.sum(axis=1))
        assert np.mean(np.abs(found.value - rate) <= naive) < 0.91


def test_nps(draw) -> None:
    rng = np.random.default_rng(2)
    for each in (20, 200):
        drawn = draw(rng, CELLS, each, rows=1)
        row = rng.random(len(drawn.who))
        fans, critics = drawn.add((row < 0.7).astype(float)), drawn.add((row > 0.9).astype(float))
        count = drawn.number()
        found = nps_scores(fans, critics, count, n=count, customers=count)
        assert 0.935 < covered(found, 60) < 0.97


def test_means_and_totals(draw) -> None:
    rng = np.random.default_rng(3)
    drawn = draw(rng, CELLS, 300, rows=2)
    own = rng.lognormal(-0.35, 0.83, len(drawn.group))[drawn.who]  # CV 1
    amount = drawn.add(own * rng.gamma(4, 0.25, len(own)))
    count = drawn.add(np.ones(len(own)))
    mean = float(np.exp(-0.35 + 0.83**2 / 2))
    found = ratios(amount, count, n=count, customers=drawn.number())
    assert 0.93 < covered(found, mean) < 0.965
    misses = np.mean(mean < found.low), np.mean(mean > found.high)
    assert misses[1] < 2.5 * misses[0]  # 4 and more without the correction for skewness


def test_totals(draw) -> None:
    rng = np.random.default_rng(4)
    sizes = rng.poisson(200, CELLS)
    group = np.repeat(np.arange(CELLS), sizes) * 64 + rng.integers(0, 64, sizes.sum())
    spent = np.bincount(group, rng.gamma(2, 1, len(group)), minlength=CELLS * 64)
    number = np.bincount(group, minlength=CELLS * 64).reshape(CELLS, 64)
    found = totals(spent.reshape(CELLS, 64), n=number, customers=number)
    assert 0.935 < covered(found, 400) < 0.965


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_quantiles(draw, q) -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(600):
        drawn = draw(rng, 1, 150, rows=3)
        value = rng.normal(size=150)[drawn.who] + rng.normal(size=len(drawn.who))
        found = quantile(value, 1, drawn.group[drawn.who], customers=150, q=q)
        inside += found.low <= 2**0.5 * ndtri(q) <= found.high
    assert 0.925 < inside / 600 < 0.975


def test_kaplan_meier(draw) -> None:
    rng = np.random.default_rng(6)
    inside = np.zeros(2)
    for _ in range(500):
        drawn = draw(rng, 1, 150, rows=2)
        normal = rng.normal(size=150)[drawn.who] + rng.normal(size=len(drawn.who))
        time = -np.log(ndtr(normal / 2**0.5))
        end = rng.exponential(2, len(time))
        rows = np.minimum(time, end), time <= end, 1, drawn.group[drawn.who], 150
        median, stay = duration(*rows), survival(*rows, after=-np.log(0.8))
        inside += median.low <= np.log(2) <= median.high, stay.low <= 0.8 <= stay.high
    assert np.all((inside / 500 > 0.92) & (inside / 500 < 0.98))


@pytest.mark.parametrize("same", [True, False])
def test_a_change_where_there_is_none_is_called_one_time_in_twenty(draw, same) -> None:
    rng = np.random.default_rng(7)
    first = draw(rng, CELLS, 300)
    second = first if same else draw(rng, CELLS, 300)
    own = rng.normal(size=len(first.who))
    then = own if same else rng.normal(size=len(second.who))

    def part(drawn, effect, limit):
        hits = drawn.add((effect + rng.normal(size=len(effect)) < limit).astype(float))
        return shares(hits, drawn.number(), n=drawn.number(), customers=drawn.number())

    for limit in (-0.5, -2.5):  # 36% and 4%: jackknife and MOVER
        found = changes(part(first, own, limit), part(second, then, limit))
        called = np.mean((found.low > 0) | (found.high < 0))
        assert 0.03 < called < 0.065


def test_skewed_amounts_of_the_same_customers_raise_no_more_alarms(draw) -> None:
    rng = np.random.default_rng(10)
    drawn = draw(rng, CELLS, 200)
    own, count = rng.normal(size=len(drawn.who)), drawn.number()
    periods = [
        ratios(drawn.add(np.exp(own + rng.normal(size=len(own)))), count, n=count, customers=count)
        for _ in range(2)
    ]
    for log in (False, True):
        found = changes(*periods, log=log)
        assert 0.025 < np.mean((found.low > 0) | (found.high < 0)) < 0.07


def test_score_of_correlated_kpis(draw) -> None:
    rng = np.random.default_rng(8)
    drawn = draw(rng, CELLS, 200)
    own, count = rng.normal(size=len(drawn.who)), drawn.number()
    pleased = shares(drawn.add((own < 0.5).astype(float)), count, n=count, customers=count)
    spent = ratios(drawn.add(np.exp(0.5 * own)), count, n=count, customers=count)
    parts = [scores(pleased, worst=0.5, best=0.9), scores(spent, worst=2.0, best=0.5)]
    truth = 0.6 * (ndtr(0.5) - 0.5) / 0.4 + 0.4 * (2 - np.exp(0.125)) / 1.5
    found = combinations([0.6, 0.4], parts)
    assert 0.93 < covered(found, 100 * truth) < 0.97


def test_median_waits_of_the_same_customers(draw) -> None:
    rng = np.random.default_rng(9)
    called = 0
    for _ in range(400):
        drawn = draw(rng, 1, 120)
        own, bucket = rng.normal(size=120), drawn.group
        a, b = (quantile(own + rng.normal(size=120), 1, bucket, customers=120) for _ in range(2))
        found = change(a, b)
        called += found.low > 0 or found.high < 0
    assert 0.005 < called / 400 < 0.06  # cautious for quantiles: about 2.4%


def test_weights_that_go_with_the_answer(draw) -> None:
    rng = np.random.default_rng(8)
    drawn = draw(rng, CELLS, 300, rows=1)
    own = rng.standard_normal(len(drawn.group))
    spread = np.log(1 + 0.5**2) ** 0.5
    weight = np.exp(spread * own)
    leaning = 0.5 * own + 0.75**0.5 * rng.standard_normal(len(own))
    hit = (leaning > ndtri(0.8)).astype(float)
    count, x = drawn.number(), drawn.add(weight)
    args = (x, count, count)
    found = shares(drawn.add(weight * hit), *args, x2=drawn.add(weight**2))
    truth = 1 - ndtr(ndtri(0.8) - 0.5 * spread)
    assert 0.93 < covered(found, truth) < 0.97
    # Without weights the question is another one.
    assert covered(shares(drawn.add(hit), count, count, count), truth) < 0.6


def test_waiting_times_of_many_cells(draw) -> None:
    rng = np.random.default_rng(9)
    cells, each = 1500, 300
    drawn = draw(rng, cells, each, rows=1)
    wait, end = rng.exponential(size=(2, len(drawn.group)))
    sample, bucket = np.divmod(drawn.group, 64)
    time, event = np.minimum(wait, 3 * end), wait <= 3 * end
    order = np.lexsort((time, sample))
    start = np.arange(cells + 1) * each
    rows = (time[order], event[order], np.ones(len(order)), bucket[order], start)
    found = duration_cells(*rows, np.full(cells, each))
    assert 0.93 < covered(found, np.log(2)) < 0.97
    found = survival_cells(*rows, np.full(cells, each), 1.0)
    assert 0.93 < covered(found, np.exp(-1)) < 0.97
