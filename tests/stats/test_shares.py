import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from heedful.stats import BUCKETS, nps, nps_scores, share, shares

ONES = np.ones(BUCKETS)
COUNTS = st.lists(
    st.tuples(st.integers(0, 63), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
    min_size=1,
    max_size=60,
)


def spread(number: int, over: int = BUCKETS) -> np.ndarray:
    return np.bincount(np.arange(number) % over, minlength=BUCKETS).astype(float)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (3, 12), (0, 25), (40, 45), (3, 500)])
def test_one_row_a_customer_is_wilsons(hits: int, n: int) -> None:
    found = share(spread(hits), spread(n), n=n, customers=n)
    low, high = proportion_confint(hits, n, method="wilson")
    assert found.method == "wilson"
    assert found.value == hits / n
    assert found.low == pytest.approx(low, abs=1e-12)
    assert found.high == pytest.approx(high, abs=1e-12)


def test_plenty_of_both_outcomes_get_the_jackknife() -> None:
    rng = np.random.default_rng(1)
    y = rng.binomial(20, 0.3, BUCKETS)
    found = share(y, 20 * ONES, n=20 * ONES, customers=20 * ONES)
    assert found.method == "jackknife"
    assert found.low == pytest.approx(proportion_confint(y.sum(), 1280)[0], abs=0.01)


def test_alike_rows_of_a_customer_do_not_count_as_many() -> None:
    rng = np.random.default_rng(2)
    people = rng.integers(0, 2, 40)
    bucket = np.arange(40)
    y = np.bincount(bucket, 10 * people, minlength=BUCKETS)
    x = np.bincount(bucket, np.full(40, 10), minlength=BUCKETS)
    found = share(y, x, n=x, customers=x / 10)
    low, high = proportion_confint(people.sum(), 40, method="wilson")
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_at_the_boundary_every_customer_counts_once() -> None:
    found = share(0 * ONES, 10 * ONES, n=10 * ONES, customers=ONES)
    assert found.high == pytest.approx(proportion_confint(0, 64, method="wilson")[1])


def test_a_single_customer_with_many_rows_tells_little() -> None:
    only = np.zeros(BUCKETS)
    only[9] = 1000
    found = share(only / 2, only, n=only, customers=only / 1000)
    assert found.value == 0.5
    assert found.high - found.low > 0.7


def test_kish_effective_size_of_weights() -> None:
    weights = np.where(np.arange(60) % 2, 3.0, 1.0)
    bucket = np.arange(60)
    add = lambda rows: np.bincount(bucket, rows, minlength=BUCKETS)  # noqa: E731
    found = share(0 * ONES, add(weights), n=60, customers=60, x2=add(weights**2))
    kish = weights.sum() ** 2 / (weights**2).sum()
    paid = (1.959964 / 2.000995) ** 2  # z / t with 59 degrees of freedom
    expected = proportion_confint(0, kish * paid, method="wilson")[1]
    assert found.high == pytest.approx(expected, rel=1e-4)


def test_weights_of_one_change_little_and_never_the_value() -> None:
    y, x = spread(50), spread(90)
    plain = share(y, x, n=90, customers=90)
    weighted = share(y, x, n=90, customers=90, x2=x)
    assert weighted.value == plain.value
    assert weighted.low == pytest.approx(plain.low, abs=0.02)


@given(COUNTS)
def test_share_properties(rows) -> None:
    bucket = np.array([row[0] for row in rows])
    hits = np.bincount(bucket, [row[1] for row in rows], minlength=BUCKETS)
    misses = np.bincount(bucket, [row[2] for row in rows], minlength=BUCKETS)
    found = share(hits, hits + misses, n=hits + misses, customers=len(rows))
    if hits.sum() + misses.sum() == 0:
        assert found.value is None
        assert found.why == "no data"
        return
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    opposite = share(misses, hits + misses, n=hits + misses, customers=len(rows))
    assert opposite.low == pytest.approx(1 - found.high)
    order = np.random.default_rng(len(rows)).permutation(BUCKETS)
    mixed = share(
        hits[order], (hits + misses)[order], n=(hits + misses)[order], customers=len(rows)
    )
    assert mixed.high == pytest.approx(found.high)


def test_rocks_adjusted_wald_by_hand() -> None:
    # 30 answers: 15 promoters, 9 passives, 6 detractors, one a customer.
    found = nps(spread(15), spread(6), spread(30), n=30, customers=30)
    p, d = 15.75 / 33, 6.75 / 33
    half = 1.959964 * ((p + d - (p - d) ** 2) / 33) ** 0.5
    assert found.value == pytest.approx(30.0)
    assert found.low == pytest.approx(100 * (p - d - half), abs=1e-4)
    assert found.high == pytest.approx(100 * (p - d + half), abs=1e-4)
    assert found.method == "adjusted_wald"


@given(COUNTS, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_nps_properties(rows, level) -> None:
    bucket = np.array([row[0] for row in rows])
    fans, critics, others = (
        np.bincount(bucket, [row[k] for row in rows], minlength=BUCKETS) for k in (1, 2, 3)
    )
    answers = fans + critics + others
    found = nps(fans, critics, answers, n=answers, customers=len(rows), level=level)
    if answers.sum() == 0:
        assert found.why == "no data"
        return
    assert -100 <= found.low <= found.value <= found.high <= 100
    turned = nps(critics, fans, answers, n=answers, customers=len(rows), level=level)
    assert turned.low == pytest.approx(-found.high)


def test_many_cells_as_one_by_one() -> None:
    rng = np.random.default_rng(6)
    fans, critics, others = rng.poisson(2, (3, 5, BUCKETS))
    fans[1] = critics[1] = others[1] = 0
    answers = fans + critics + others
    weights = answers * 1.3
    args = (1.3 * fans, 1.3 * critics, weights)
    many = nps_scores(*args, n=answers, customers=answers, x2=1.3 * weights)
    parts = shares(args[0], weights, n=answers, customers=answers, x2=1.3 * weights)
    for cell in range(5):
        given_rows = {"n": answers[cell], "customers": answers[cell], "x2": 1.3 * weights[cell]}
        one = nps(*(sums[cell] for sums in args), **given_rows)
        part = share(args[0][cell], weights[cell], **given_rows)
        assert (many[cell].value, many[cell].low, many[cell].why) == (one.value, one.low, one.why)
        assert (parts[cell].value, parts[cell].high) == (part.value, part.high)
