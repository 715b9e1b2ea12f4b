import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from heedful.stats.sample_ratio import answered, sample_ratio

COUNTS = st.lists(st.integers(0, 5000), min_size=2, max_size=5)


@given(COUNTS, st.lists(st.floats(0.1, 1), min_size=5, max_size=5))
def test_counts_are_tested_by_chi_square(counts, weights) -> None:
    shares = np.array(weights[: len(counts)])
    shares /= shares.sum()
    expected = shares * sum(counts)
    assume(expected.min() >= 5)
    found = sample_ratio(counts, [10 * share for share in shares])
    assert found.p_value == pytest.approx(scipy.stats.chisquare(counts, expected).pvalue, rel=1e-6)


@given(COUNTS, st.lists(st.integers(0, 5000), min_size=5, max_size=5))
def test_response_is_tested_by_chi_square(yes, others) -> None:
    no = others[: len(yes)]
    table = np.array([yes, no])
    assume((table.sum(axis=0) > 0).all() and (table.sum(axis=1) > 0).all())
    expected = scipy.stats.chi2_contingency(table, correction=False)
    assume(expected.expected_freq.min() >= 5)
    assert answered(yes, no).p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ([5000, 5000], "ok"),
        ([5000, 5259], "ok"),  # p = 0.0105
        ([5000, 5262], "caution"),  # p = 0.0097
        ([5000, 5334], "caution"),  # p = 0.00102
        ([5000, 5337], "fail"),  # p = 0.00092
        ([0, 400], "fail"),
    ],
)
def test_thresholds(counts, state: str) -> None:
    found = sample_ratio(counts, [1, 1])
    assert found.state == state
    p = found.p_value
    assert state == ("fail" if p < 0.001 else "caution" if p < 0.01 else "ok")


def test_without_units_there_is_nothing_to_test() -> None:
    for found in (
        sample_ratio([0, 0], [1, 1]),
        sample_ratio([9], [1]),
        answered([0, 0], [0, 0]),
        answered([0, 0], [30, 40]),
        answered([30, 40], [0, 0]),
        answered([30, 0], [40, 0]),
    ):
        assert np.isnan(found.p_value)
        assert found.state == "ok"


def test_a_variant_that_is_to_get_nobody() -> None:
    assert sample_ratio([400, 410, 0], [1, 1, 0]) == sample_ratio([400, 410], [1, 1])
    assert sample_ratio([400, 410, 1], [1, 1, 0]) == (0.0, "fail")


def test_few_expected_units_are_tested_exactly() -> None:
    # Chi-square would say 0.00006, and void an experiment that nothing speaks against.
    found = sample_ratio([5, 95], [0.01, 0.99])
    assert found.p_value == pytest.approx(scipy.stats.binomtest(5, 100, 0.01).pvalue)
    assert found.state == "caution"
    three = sample_ratio([5, 45, 50], [0.02, 1, 1])
    lowest = scipy.stats.binomtest(5, 100, 0.02 / 2.02).pvalue
    assert three.p_value == pytest.approx(3 * lowest)


def test_few_expected_answers_are_tested_exactly() -> None:
    found = answered([0, 4], [200, 196])
    expected = scipy.stats.fisher_exact([[0, 200], [4, 196]])
    assert found.p_value == pytest.approx(expected.pvalue)
    three = answered([0, 4, 1], [200, 196, 199])
    assert three.p_value == pytest.approx(3 * scipy.stats.fisher_exact([[4, 196], [1, 399]]).pvalue)


@pytest.mark.parametrize("weight", [0.5, 0.9, 0.985])
def test_false_alarms_at_the_strict_threshold(weight: float) -> None:
    rng = np.random.default_rng(1)
    runs = 20_000
    treated = rng.binomial(120, weight, runs)
    values, times = np.unique(treated, return_counts=True)
    fails = sum(
        t
        for v, t in zip(values, times, strict=True)
        if sample_ratio([v, 120 - v], [weight, 1 - weight]).state == "fail"
    )
    # Chi-square errs a little (0.0018 where 12 units are expected); the exact test does not.
    assert fails / runs < 0.0025


@pytest.mark.parametrize(
    ("counts", "weights"),
    [([1, 2], [1]), ([-1, 2], [1, 1]), ([1, np.nan], [1, 1]), ([1, 2], [0, 0]), ([1, 2], [1, -1])],
)
def test_wrong_counts_and_weights_are_refused(counts, weights) -> None:
    with pytest.raises(ValueError, match="give one of each a variant"):
        sample_ratio(counts, weights)


def test_wrong_answers_are_refused() -> None:
    for yes, no in (([1], [1, 2]), ([1, -2], [1, 1]), ([1, np.inf], [1, 1])):
        with pytest.raises(ValueError, match="give one of each a variant"):
            answered(yes, no)
