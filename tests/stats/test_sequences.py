from math import inf, isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import lambertw

from heedful.stats.contrast import FixedHorizon, contrast
from heedful.stats.groups import Group
from heedful.stats.sequences import LEAST, LEAST_UNEVEN, ConfidenceSequence, tuning

ALPHAS = st.floats(0.001, 0.4)


@given(ALPHAS)
def test_tuning_is_lamberts(alpha) -> None:
    # The exact tuning in closed form, on the lower branch of W.
    assert tuning(alpha) == pytest.approx(-lambertw(-(alpha**2) / np.e, -1).real - 1, rel=1e-10)


@given(ALPHAS, st.floats(500, 1e6))
def test_the_interval_is_tightest_at_the_planned_number(alpha, planned) -> None:
    def width(r):  # the boundary as printed in the paper, of an r of its own
        x = planned * r * r
        return sqrt(2 * (x + 1) / x * np.log(sqrt(x + 1) / alpha))

    best = minimize_scalar(width, bounds=(0.1 / sqrt(planned), 20 / sqrt(planned)))
    found = ConfidenceSequence(alpha, planned, planned).multiplier(inf)
    assert found == pytest.approx(best.fun, rel=1e-6)
    # With r fixed by the plan, the same boundary at another number.
    r = best.x
    x = 4 * planned * r * r
    later = ConfidenceSequence(alpha, 4 * planned, planned).multiplier(inf)
    assert later == pytest.approx(sqrt(2 * (x + 1) / x * np.log(sqrt(x + 1) / alpha)), rel=1e-4)


@given(ALPHAS, st.floats(LEAST, 1e5), st.floats(100, 1e5), st.floats(1, 10))
def test_interval_and_p_value_agree(alpha, n, planned, t) -> None:
    sequence = ConfidenceSequence(alpha, n, planned)
    m = sequence.multiplier(inf)
    assert sequence.p_value(m, inf) == pytest.approx(alpha, rel=1e-9)
    assert sequence.p_value(-m * 1.001, inf) < alpha < sequence.p_value(m * 0.999, inf)
    assert sequence.p_value(t, 10) == sequence.p_value(-t, 10) <= 1
    assert sequence.p_value(t, inf) >= sequence.p_value(t + 0.1, inf)
    assert m > FixedHorizon(alpha).multiplier(inf)


def test_nothing_is_said_of_too_few() -> None:
    few = ConfidenceSequence(0.05, LEAST - 1, 1000)
    assert few.multiplier(50) == inf
    assert few.p_value(20, 50) == 1
    assert ConfidenceSequence(0.05, LEAST, 1000).multiplier(50) < inf
    assert ConfidenceSequence(0.05, 0, 1000, least=0).multiplier(50) == inf
    shown = contrast(Group(2.0, 0.01, 40, 41), Group(1.0, 0.01, 40, 41), few)
    assert shown.difference == 1
    assert isnan(shown.low)
    assert shown.p_value == 1


def test_uneven_groups_wait_for_the_smaller_one() -> None:
    between = ConfidenceSequence.between
    assert between(70, 30, tuned_at=1000).multiplier(9) < inf
    assert between(4 * LEAST_UNEVEN - 4, LEAST_UNEVEN - 1, tuned_at=1000).multiplier(9) == inf
    assert between(4 * LEAST_UNEVEN, LEAST_UNEVEN, tuned_at=1000).multiplier(9) < inf
    assert between(500, 0, tuned_at=1000).multiplier(9) == inf
    even = between(600, 400, tuned_at=2000, alpha=0.1)
    assert even == ConfidenceSequence(0.1, 1000, 2000)


def test_no_number_stays_no_number() -> None:
    sequence = ConfidenceSequence(0.05, 1000, 1000)
    assert isnan(sequence.multiplier(nan))
    assert isnan(sequence.p_value(nan, 10))
    assert isnan(sequence.p_value(1, nan))


@pytest.mark.parametrize(("alpha", "planned"), [(0, 1), (1, 1), (nan, 1), (0.05, 0), (0.05, nan)])
def test_what_cannot_be_is_refused(alpha, planned) -> None:
    with pytest.raises(ValueError, match=r"alpha is|tuned_at is"):
        ConfidenceSequence(alpha, 100, planned)
