import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heedful.stats import BUCKETS, Estimates, Why, ratio, ratios, total, totals
from heedful.stats.jackknife import variances

ONES = np.ones(BUCKETS)
POSITIVE = hnp.arrays(np.float64, (3, BUCKETS), elements=st.floats(0.1, 1e4))


def test_values_and_replicates_are_quotients() -> None:
    rng = np.random.default_rng(1)
    y, x = rng.gamma(2, size=BUCKETS), rng.gamma(3, size=BUCKETS)
    found = ratio(y, x, n=500, customers=400)
    assert found.value == pytest.approx(y.sum() / x.sum())
    assert found.replicates is not None
    without_seventh = np.delete(y, 7).sum() / np.delete(x, 7).sum()
    assert found.replicates[7] == pytest.approx(without_seventh)
    assert found.method == "jackknife"
    assert found.df == 63


def test_variance_is_that_of_cluster_robust_regression(draw) -> None:
    rng = np.random.default_rng(2)
    drawn = draw(rng, 1, 3000, rows=4)
    effect = rng.normal(size=3000)
    rows = 5 + effect[drawn.who] + rng.normal(size=len(drawn.who))
    y, x = drawn.add(rows), drawn.add(np.ones(len(rows)))
    found = ratios(y, x, n=x, customers=drawn.number())
    variance = variances(found.replicates, found.value, np.array([64.0]))[0]
    model = sm.OLS(rows, np.ones(len(rows)))
    by_bucket = model.fit(cov_type="cluster", cov_kwds={"groups": drawn.group[drawn.who]})
    assert variance**0.5 == pytest.approx(by_bucket.bse[0], rel=0.01)
    # Customers are the true clusters; 64 groups of them know it to about sqrt(2 / 63) / 2.
    by_customer = model.fit(cov_type="cluster", cov_kwds={"groups": drawn.who})
    assert variance**0.5 == pytest.approx(by_customer.bse[0], rel=0.25)


def test_interval_without_skewness_is_students() -> None:
    y = np.concatenate([np.arange(32.0), 31 - np.arange(32.0)])
    found = ratio(y, ONES, n=ONES, customers=ONES)
    half = 1.9983405 * np.std(y, ddof=1) / 8
    assert found.low == pytest.approx(found.value - half, rel=1e-3)
    assert found.high == pytest.approx(found.value + half, rel=1e-3)


def test_skewness_moves_both_ends_up() -> None:
    rng = np.random.default_rng(3)
    y = rng.lognormal(0, 1.5, BUCKETS)
    up = ratio(y, ONES, n=100, customers=100)
    down = ratio(-y, ONES, n=100, customers=100)
    assert up.high - up.value > 1.2 * (up.value - up.low)
    assert down.low == pytest.approx(-up.high)


@pytest.mark.parametrize(
    ("y", "x", "n", "people", "why"),
    [
        (0 * ONES, 0 * ONES, 0, 0, "no data"),
        (np.full(BUCKETS, np.nan), np.full(BUCKETS, np.nan), 0, 0, "no data"),
        (ONES, 0 * ONES, 64, 64, "the denominator is not positive"),
        (ONES, -ONES, 64, 64, "the denominator is not positive"),
        (np.inf * ONES, ONES, 64, 64, "the sums hold a number that is not finite"),
    ],
)
def test_no_value(y, x, n, people, why) -> None:
    found = ratio(y, x, n=n, customers=people)
    assert (found.value, found.low, found.high, found.replicates) == (None, None, None, None)
    assert found.why == why
    assert found.method == "none"


def test_few_customers_keep_the_value_only() -> None:
    found = ratio(3 * ONES, ONES, n=64, customers=29)
    assert (found.value, found.low, found.high) == (3.0, None, None)
    assert found.why == "fewer than 30 customers"
    assert found.replicates is not None
    assert ratio(np.arange(64.0), ONES, n=64, customers=30).low is not None


def test_customers_who_are_all_alike_do_not_say_how_far_others_may_differ() -> None:
    found = ratio(0.1 * np.arange(1.0, 65.0), np.arange(1.0, 65.0), n=640, customers=320)
    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high, found.method) == (None, None, "none")
    assert found.why == "every customer shows the same, so nothing says how far it may vary"


def test_one_bucket_and_an_unstable_denominator() -> None:
    only = np.zeros(BUCKETS)
    only[5] = 40
    found = ratio(2 * only, only, n=only, customers=only)
    assert (found.value, found.low, found.why) == (2.0, None, "all customers fall into one bucket")
    mixed = -0.01 * ONES
    mixed[5] = 40
    found = ratio(ONES, mixed, n=64, customers=64)
    assert found.value is not None
    assert found.low is None
    assert found.why == "without some of the customers the denominator is not positive"


def test_a_null_bucket_sum_counts_as_nothing() -> None:
    y, x = ONES.copy(), ONES.copy()
    y[3] = x[3] = np.nan
    assert ratio(y, x, n=63, customers=63).value == 1.0


def test_counts_a_bucket_a_cell_or_one_number() -> None:
    rng = np.random.default_rng(4)
    y, x = rng.gamma(2, size=(2, 3, BUCKETS))
    counts = np.ones((3, BUCKETS))
    ways = [counts, counts.sum(axis=1), 64]
    found = [ratios(y, x, n=way, customers=way) for way in ways]
    np.testing.assert_allclose(found[0].low, found[1].low)
    np.testing.assert_allclose(found[0].low, found[2].low)


def test_wrong_shapes_say_what_is_expected() -> None:
    with pytest.raises(ValueError, match=r"\(cells, 64\), found \(64,\)"):
        ratios(ONES, ONES, 64, 64)
    with pytest.raises(ValueError, match="plural"):
        ratio(ONES[None], ONES[None], 64, 64)


@given(y=POSITIVE, x=POSITIVE, seed=st.integers(0, 99))
def test_ratio_properties(y, x, seed) -> None:
    found = ratios(y, x, n=640, customers=320)
    assume(np.all(found.why == Why.NOTHING))
    assert np.all(found.low <= found.value)
    assert np.all(found.value <= found.high)
    order = np.random.default_rng(seed).permutation(BUCKETS)
    shuffled = ratios(y[:, order], x[:, order], n=640, customers=320)
    np.testing.assert_allclose(shuffled.low, found.low, rtol=1e-7, atol=1e-9)
    doubled = ratios(2 * y, 2 * x, n=1280, customers=320)
    np.testing.assert_allclose(doubled.value, found.value)
    np.testing.assert_allclose(doubled.high, found.high, rtol=1e-9)
    one = ratio(y[1], x[1], n=640, customers=320)
    assert one.high == found[1].high


@given(y=hnp.arrays(np.float64, (2, BUCKETS), elements=st.floats(-1e4, 1e4)))
def test_total_properties(y) -> None:
    found = totals(y, n=640, customers=320)
    np.testing.assert_allclose(found.value, y.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(found.replicates.mean(axis=1), found.value, atol=1e-6)
    variance = variances(found.replicates, found.value, np.array([64.0, 64.0]))
    np.testing.assert_allclose(variance, 64 * y.var(axis=1, ddof=1), rtol=1e-7, atol=1e-6)


def test_total_without_rows_is_not_zero() -> None:
    assert total(0 * ONES, n=0, customers=0).value is None
    assert total(0 * ONES, n=3, customers=40).value == 0.0


def test_columns_and_single_estimates_agree() -> None:
    rng = np.random.default_rng(5)
    x = rng.gamma(2, size=(4, BUCKETS))
    x[2] = 0
    many = ratios(rng.gamma(2, size=(4, BUCKETS)) * (x > 0), x, n=[64, 64, 0, 64], customers=40)
    again = Estimates.of(list(many))
    for name in ("value", "low", "high", "why", "method", "df", "skewed", "replicates"):
        np.testing.assert_array_equal(getattr(again, name), getattr(many, name))
    assert many.whys() == [None, None, "no data", None]
    assert many.methods()[2] == "none"
    assert many.take([3, 0]).value.tolist() == [many.value[3], many.value[0]]
