from math import inf, isnan, nan

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from heedful.stats.crossings import crossing
from heedful.stats.spending import AlphaSpending, bounds, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize(
    ("fractions", "alpha", "published", "digits"),
    [
        # The program of Reboussin, DeMets, Kim and Lan (2000).
        (FIVE, 0.05, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], 2e-4),
        # gsDesign (sfLDOF) and rpact (asOF) at one-sided 2.5%.
        ([1 / 3, 2 / 3, 1], 0.05, [3.7103, 2.5114, 1.9930], 1e-4),
        # SeqBounds.jl at one-sided 5%, on a coarser grid.
        ([0.25, 0.5, 0.75, 1], 0.1, [3.74955, 2.53993, 2.01604, 1.72014], 1e-4),
    ],
)
def test_published_bounds(fractions, alpha, published, digits) -> None:
    assert bounds(fractions, alpha) == pytest.approx(published, abs=digits)


def test_published_spending() -> None:
    # rpact prints for one side at 2.5%: 0.0038 at 60%, 0.0060 at two thirds.
    assert spent(0.6) / 2 == pytest.approx(0.0038, abs=5e-5)
    assert spent(2 / 3) / 2 == pytest.approx(0.0060, abs=5e-5)
    assert spent(1.0) == spent(1.7) == 0.05


@given(
    st.lists(st.floats(0.02, 0.5), min_size=1, max_size=8),
    st.floats(0.005, 0.3),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_each_look_spends_its_part(gaps, alpha, last) -> None:
    at = np.cumsum(gaps)
    found = bounds(at, alpha, last=last)
    for look in range(1, len(at) + 1):
        expected = alpha if last and look == len(at) else spent(at[look - 1], alpha)
        assert crossing(at[:look], found[:look]) == pytest.approx(expected, abs=1e-7)


def test_brownian_motion_crosses_as_often_as_it_should() -> None:
    rng = np.random.default_rng(1)
    at = np.array([0.15, 0.4, 0.5, 0.9, 1.2])  # the last look has more than was planned
    steps = rng.standard_normal((100_000, 5)) * np.sqrt(np.diff(at, prepend=0))
    z = np.abs(np.cumsum(steps, axis=1)) / np.sqrt(at)
    first = np.cumsum((z > bounds(at)).cumsum(axis=1) > 0, axis=1) == 1
    used = np.array([spent(part) for part in at])
    for look in range(5):
        part = np.diff(used, prepend=0)[look]
        assert abs(first[:, look].mean() - part) < 4 * np.sqrt(part / 1e5) + 1e-5


def test_a_late_end_spends_no_more_and_an_early_one_less() -> None:
    assert crossing([0.5, 0.8], bounds([0.5, 0.8])) < 0.025
    assert crossing([0.5, 0.8], bounds([0.5, 0.8], last=True)) == pytest.approx(0.05, abs=1e-9)
    late = bounds([0.5, 1.0, 1.5])
    assert late[2] == inf
    # Looks beyond the plan correlate by what they really have: taking 1.5 for 1 is too easy.
    assert bounds([0.9, 1.5])[1] > bounds([0.9, 1.0])[1]


def test_looking_at_the_same_data_twice_is_looking_once() -> None:
    twice = bounds([0.4, 0.4, 1.0])
    assert twice[0] == twice[1]
    assert twice[[0, 2]] == pytest.approx(bounds([0.4, 1.0]), abs=1e-12)
    # The end declared at the last look: all that is left, at the same data.
    end = bounds([0.3, 0.7, 0.7], last=True)
    assert end[2] == pytest.approx(bounds([0.3, 0.7], last=True)[1], abs=1e-9)


def test_tiny_first_looks_ask_for_the_impossible() -> None:
    found = bounds([0.0005, 0.001, 0.5, 1.0])
    assert found[0] > 37
    assert found[2:] == pytest.approx(bounds([0.5, 1.0]), abs=1e-6)


@pytest.mark.parametrize("fractions", [FIVE, (0.3, 0.35, 0.9), tuple(np.arange(1, 21) / 20)])
def test_interval_and_p_value_agree(fractions) -> None:
    for look in range(len(fractions)):
        here = AlphaSpending(0.05, fractions, look=look)
        for df in (inf, 60.0):
            m = here.multiplier(df)
            if not m < 8:
                continue
            assert here.p_value(m * 1.0005, df) < 0.05 < here.p_value(m * 0.9995, df)
            values = [here.p_value(t, df) for t in np.linspace(0, 8, 40)]
            assert np.all(np.diff(values) <= 0)
            assert values[0] == 1


@given(st.floats(0.002, 0.3), st.integers(0, 4))
@settings(deadline=None, max_examples=30)
def test_p_value_is_the_alpha_whose_bound_is_met(alpha, look) -> None:
    z = bounds(FIVE, alpha)[look]
    assume(z < 6.5)
    assert AlphaSpending(0.05, FIVE, look=look).p_value(z, inf) == pytest.approx(alpha, rel=0.02)


def test_one_look_is_a_t_test() -> None:
    once = AlphaSpending(0.05, (1.0,))
    for df in (5.0, 40.0, inf):
        t = scipy.stats.t.isf(0.025, df) if df < inf else scipy.stats.norm.isf(0.025)
        assert once.multiplier(df) == pytest.approx(t, rel=1e-9)
        expected = 2 * (scipy.stats.t.sf(1.3, df) if df < inf else scipy.stats.norm.sf(1.3))
        assert once.p_value(1.3, df) == pytest.approx(expected, rel=0.02)


def test_later_looks_change_nothing() -> None:
    assert AlphaSpending(0.05, FIVE, look=2).bound == AlphaSpending(0.05, FIVE[:3]).bound
    spent_out = AlphaSpending(0.05, (1.0, 1.3))
    assert spent_out.multiplier(50) == inf
    assert spent_out.p_value(9, 50) == 1


def test_no_number_stays_no_number() -> None:
    here = AlphaSpending(0.05, FIVE)
    assert isnan(here.multiplier(nan))
    assert isnan(here.p_value(nan, 10))
    assert isnan(here.p_value(1, nan))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="information does not shrink"):
        AlphaSpending(0.05, (0.5, 0.4))
    with pytest.raises(ValueError, match="there are 2"):
        AlphaSpending(0.05, (0.5, 1), look=2)
    with pytest.raises(ValueError, match="alpha is 0"):
        AlphaSpending(0, (0.5, 1))
    with pytest.raises(ValueError, match="alpha is 1"):
        bounds([1.0], 1)
