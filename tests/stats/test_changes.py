import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from heedful.stats import (
    BUCKETS,
    Estimates,
    Why,
    change,
    changes,
    combine,
    duration,
    jackknife,
    missing,
    p_value,
    quantile,
    ratio,
    ratios,
    score,
    share,
    shares,
)
from heedful.stats.jackknife import variances

ONES = np.ones(BUCKETS)
SUMS = hnp.arrays(np.float64, (2, BUCKETS), elements=st.floats(1, 1e3))


def mean(seed: int, centre: float = 10.0):
    rng = np.random.default_rng(seed)
    return ratio(rng.normal(centre, 1, BUCKETS), ONES, n=ONES, customers=ONES)


def rare(hits: int, rows: int = 200):
    add = lambda number: np.bincount(np.arange(number) % 64, minlength=64)  # noqa: E731
    return share(add(hits), add(rows), n=rows, customers=rows)


@given(SUMS)
def test_change_properties(sums) -> None:
    a, b = (ratio(y, ONES, n=ONES, customers=ONES) for y in sums)
    assume(a.low is not None)
    assume(b.low is not None)
    none = change(a, a)
    assert (none.value, none.low, none.high) == (0, 0, 0)
    there, back = change(a, b), change(b, a)
    assert there.low <= there.value <= there.high
    assert there.low == pytest.approx(-back.high, rel=1e-6, abs=1e-6)
    relative = change(a, b, log=True)
    assert relative.value == pytest.approx(b.value / a.value - 1)
    assert relative.low <= relative.value <= relative.high
    assert 1 / (1 + relative.low) == pytest.approx(1 + change(b, a, log=True).high, rel=1e-6)


def test_the_same_customers_in_both_periods_sharpen_a_change() -> None:
    rng = np.random.default_rng(1)
    people, noise = rng.normal(10, 3, BUCKETS), rng.normal(0.5, 0.1, BUCKETS)
    a = ratio(people, ONES, n=ONES, customers=ONES)
    b = ratio(people + noise, ONES, n=ONES, customers=ONES)
    found = change(a, b)
    se = np.std(noise, ddof=1) / 8
    assert found.high - found.low == pytest.approx(2 * 1.9983 * se, rel=0.05)
    assert found.method == "jackknife"


def test_change_of_a_rare_share_is_newcombes_for_independent_samples() -> None:
    a, b = rare(3), rare(9)
    found = change(a, b)
    assert found.method == "mover"
    # Newcombe (1998), method 10, has no correlation; the drawn one is small but not 0.
    r = np.corrcoef(a.replicates - a.value, b.replicates - b.value)[0, 1]
    down = (b.value - b.low, a.high - a.value)
    expected = (down[0] ** 2 + down[1] ** 2 - 2 * r * down[0] * down[1]) ** 0.5
    assert found.value - found.low == pytest.approx(expected, rel=0.02)


def test_combination_is_the_jackknife_of_the_sum() -> None:
    a, b = mean(1), mean(2)
    found = combine([0.3, 0.7], [a, b])
    value = 0.3 * a.value + 0.7 * b.value
    direct = jackknife(0.3 * a.replicates + 0.7 * b.replicates, value, corrected=False)
    assert (found.value, found.low, found.high) == pytest.approx(
        (direct.value, direct.low, direct.high)
    )
    assert found.high - found.value == pytest.approx(found.value - found.low)
    alone = combine([1, 0], [a, b])
    assert (alone.low, alone.high) == pytest.approx((a.low, a.high))


def test_mixed_methods_are_combined_from_their_limits() -> None:
    rng = np.random.default_rng(3)
    value, bucket = rng.lognormal(size=400), rng.integers(0, 64, 400)
    median = quantile(value, 1, bucket, customers=400)
    alone = combine([1, 0], [median, mean(4)])
    assert alone.method == "mover"
    assert (alone.low, alone.high) == pytest.approx((median.low, median.high))
    flipped = combine([-2], [median])
    assert (flipped.low, flipped.high) == pytest.approx((-2 * median.high, -2 * median.low))
    wait = duration(value, value < 3, 1, bucket, customers=400)
    both = combine([0.5, 0.5], [median, wait])
    # Nearly the same statistic twice: averaging gains nothing.
    assert both.high - both.low == pytest.approx(median.high - median.low, rel=0.1)


def test_what_a_part_lacks_the_sum_lacks() -> None:
    few = ratio(ONES, ONES, n=20, customers=20)
    assert change(mean(1), few).value == pytest.approx(1 - mean(1).value)
    assert change(mean(1), few).low is None
    assert change(mean(1), few).why == "fewer than 30 customers"
    nothing = change(mean(1), missing(Why.NO_DATA))
    assert (nothing.value, nothing.replicates, nothing.why) == (None, None, "no data")
    assert combine([1, 0], [mean(1), missing(Why.NO_DATA)]).low == pytest.approx(mean(1).low)
    p95 = quantile(np.arange(30), 1, np.arange(30), customers=30, q=0.95)
    up = change(mean(1), p95)
    assert up.low is not None
    assert (up.high, up.why) == (None, p95.why)
    assert change(p95, mean(1)).low is None


def test_relative_change_needs_positive_numbers() -> None:
    zero = rare(0)
    found = change(zero, rare(5), log=True)
    assert found.value is None
    assert found.why == "a relative change needs positive numbers"


def test_score_clips_and_turns() -> None:
    part = mean(1)
    rising, falling = score(part, worst=5, best=15), score(part, worst=15, best=5)
    assert rising.value == pytest.approx(100 - falling.value)
    assert (rising.low, rising.high) == pytest.approx((100 - falling.high, 100 - falling.low))
    full = score(part, worst=0, best=9)
    assert (full.low, full.value, full.high) == (100, 100, 100)
    assert combine([1], [full]).high == 100
    edge = score(part, worst=0, best=part.value)
    assert (edge.value, edge.high) == (100, 100)
    assert combine([0.5], [edge]).low == pytest.approx(edge.low / 2)
    with pytest.raises(ValueError, match="must differ"):
        score(part, worst=3, best=3)


def test_columns_and_single_changes_agree() -> None:
    rng = np.random.default_rng(5)
    y, x = rng.binomial(30, 0.04, (2, 6, BUCKETS)), np.full((6, BUCKETS), 30)
    a, b = (shares(each, x, n=x, customers=x) for each in y)
    many = changes(a, b)
    for cell in range(6):
        one = change(a[cell], b[cell])
        assert (one.value, one.low, one.high) == (many.value[cell], many.low[cell], many.high[cell])


def test_p_value_is_students_and_agrees_with_the_interval() -> None:
    y = np.concatenate([np.arange(32.0), 31 - np.arange(32.0)])
    found = ratio(y, ONES, n=ONES, customers=ONES)
    exact = stats.ttest_1samp(y, 14.0)
    assert p_value(found, 14.0) == pytest.approx(exact.pvalue, rel=0.01)
    one_sided = p_value(found, 14.0, "above") + p_value(found, 14.0, "below")
    assert one_sided == pytest.approx(1)
    for part in (rare(4), mean(3), quantile(y, 1, np.arange(64), customers=64)):
        assert p_value(part, part.low) == pytest.approx(0.05, abs=1e-6)
        assert p_value(part, part.high) == pytest.approx(0.05, abs=1e-6)
    assert p_value(ratio(ONES, ONES, n=9, customers=9), 3.0) is None
    assert p_value(missing(Why.NO_DATA)) is None
    assert p_value(change(mean(1), mean(1))) == 1.0


def test_jackknife_of_any_function() -> None:
    a, b = mean(1), mean(2)
    product = jackknife(a.replicates * b.replicates, a.value * b.value)
    va, vb = (
        variances(e.replicates[None], np.array([e.value]), np.array([64.0]))[0] for e in (a, b)
    )
    error = (product.high - product.low) / 2 / 1.9983
    cov = 63 / 64 * (a.replicates - a.value) @ (b.replicates - b.value)
    delta = b.value**2 * va + a.value**2 * vb + 2 * a.value * b.value * cov
    assert error == pytest.approx(delta**0.5, rel=0.02)
    undefined = jackknife(np.full(BUCKETS, np.nan), 3.0)
    assert (undefined.value, undefined.low) == (3.0, None)
    assert jackknife(np.full(BUCKETS, np.nan), np.nan).why == "no data"
    with pytest.raises(ValueError, match=r"expected \(64,\)"):
        jackknife(np.ones(63), 1.0)


def test_levels_and_lengths_must_match() -> None:
    rng = np.random.default_rng(7)
    y, x = rng.gamma(2, size=(2, 3, BUCKETS))
    ninety = ratios(y, x, 64, 64, level=0.9)
    assert np.all(ninety.low > ratios(y, x, 64, 64).low)
    with pytest.raises(ValueError, match="different levels"):
        changes(ninety, ratios(y, x, 64, 64))
    with pytest.raises(ValueError, match="different levels"):
        Estimates.of([mean(1), ninety[0]])
    with pytest.raises(ValueError, match="2 weights for 1 parts"):
        combine([1, 2], [mean(1)])
