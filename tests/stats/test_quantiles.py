import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.stats import BUCKETS, quantile
from heedful.stats.jackknife import variances

ROWS = st.lists(
    st.tuples(st.integers(-20, 20), st.integers(1, 4), st.integers(0, 63)), min_size=1, max_size=80
)


@given(ROWS, st.floats(0.01, 0.99))
def test_value_is_numpys_of_the_expanded_rows(rows, q) -> None:
    value, count, bucket = (np.array(column) for column in zip(*rows, strict=True))
    found = quantile(value, count, bucket, customers=len(rows), q=q)
    assert found.value == pytest.approx(np.quantile(np.repeat(value, count), q, method="linear"))
    for end, sign in ((found.low, 1), (found.high, -1)):
        assert end is None or sign * end <= sign * found.value
    assert (found.low is None or found.high is None) == (found.why is not None)


@given(ROWS)
def test_grouping_and_order_of_rows_do_not_matter(rows) -> None:
    value, count, bucket = (np.array(column) for column in zip(*rows, strict=True))
    found = quantile(value, count, bucket, customers=40)
    order = np.random.default_rng(1).permutation(count.sum())
    expanded = quantile(
        np.repeat(value, count)[order], 1, np.repeat(bucket, count)[order], customers=40
    )
    assert (expanded.value, expanded.low, expanded.high) == (found.value, found.low, found.high)


def test_interval_of_independent_rows_is_that_of_the_binomial() -> None:
    rng = np.random.default_rng(2)
    value = np.sort(rng.normal(size=2000))
    found = quantile(value, 1, rng.integers(0, BUCKETS, 2000), customers=2000, q=0.3)
    half = 1.96 * (0.3 * 0.7 / 2000) ** 0.5
    place = np.searchsorted(value, [found.low, found.high]) / 2000
    assert place[1] - place[0] == pytest.approx(2 * half, rel=0.25)
    assert place.mean() == pytest.approx(0.3, abs=0.002)
    assert found.method == "woodruff"


def test_rows_of_a_customer_are_not_independent() -> None:
    rng = np.random.default_rng(3)
    value, bucket = rng.normal(size=300), rng.integers(0, BUCKETS, 300)
    once = quantile(value, 1, bucket, customers=300)
    tenfold = quantile(value, 10, bucket, customers=300)
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=0.2)


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_jackknife_of_the_replicates_has_the_width_of_the_interval(q) -> None:
    rng = np.random.default_rng(4)
    found = quantile(rng.lognormal(size=900), 1, rng.integers(0, 64, 900), customers=900, q=q)
    variance = variances(found.replicates[None], np.array([found.value]), np.array([64.0]))
    assert 2 * 1.9983405 * variance[0] ** 0.5 == pytest.approx(found.high - found.low)
    assert found.replicates.mean() == pytest.approx(found.value, rel=1e-2)


def test_a_bucket_of_high_values_pulls_the_median_up() -> None:
    rng = np.random.default_rng(5)
    value, bucket = rng.normal(size=640), np.arange(640) % 64
    value[bucket == 11] += 5
    found = quantile(value, 1, bucket, customers=640)
    assert found.replicates[11] < found.value


def test_an_end_without_data_is_open() -> None:
    found = quantile(np.arange(30), 1, np.arange(30), customers=30, q=0.95)
    assert found.value == pytest.approx(27.55)
    assert found.low is not None
    assert found.high is None
    assert found.why == "too little data above the value for an upper end"
    low = quantile(np.arange(30), 1, np.arange(30), customers=30, q=0.05)
    assert low.low is None
    assert low.why == "too little data below the value for a lower end"


def test_most_rows_at_the_largest_value_leave_doubt_below() -> None:
    value = np.repeat([0.2, 1.0], [18, 22])
    found = quantile(value, 1, np.arange(40), customers=40)
    assert (found.value, found.low, found.high) == (1.0, 0.2, 1.0)


def test_weights_have_no_scale() -> None:
    rng = np.random.default_rng(6)
    value, weight = rng.normal(size=200), rng.uniform(0.5, 2, 200)
    bucket = rng.integers(0, 64, 200)
    found = quantile(value, weight, bucket, customers=200)
    scaled = quantile(value, 1000.5 * weight, bucket, customers=200)
    assert scaled.value == found.value
    assert scaled.low == pytest.approx(found.low)
    order = np.argsort(value)
    at = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    assert found.value == value[order][at]


def test_no_rows_few_customers_one_bucket() -> None:
    assert quantile([], [], [], customers=0).why == "no data"
    assert quantile([np.nan, np.nan], 1, [1, 2], customers=2).why == "no data"
    few = quantile(np.arange(20), 1, np.arange(20), customers=20)
    assert (few.value, few.low, few.why) == (9.5, None, "fewer than 30 customers")
    one = quantile(np.arange(50), 1, np.zeros(50, int), customers=50)
    assert (one.value, one.low, one.why) == (24.5, None, "all customers fall into one bucket")
    same = quantile(np.full(64, 3.0), 1, np.arange(64), customers=64)
    assert (same.low, same.value, same.high) == (3.0, 3.0, 3.0)


def test_bad_input_says_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], 1, [1], customers=1, q=50)
    with pytest.raises(ValueError, match="0 to 63"):
        quantile([1.0], 1, [64], customers=1)
    with pytest.raises(ValueError, match="one value and one bucket"):
        quantile([1.0, 2.0], 1, [1], customers=1)
