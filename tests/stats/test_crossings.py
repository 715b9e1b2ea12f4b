import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from heedful.stats.crossings import crossing, inflation

# Jennison and Turnbull (2000), tables 2.1 to 2.4: two-sided alpha 5%, five looks.
EVEN = np.arange(1, 6) / 5
POCOCK = np.full(5, 2.413)
OBRIEN_FLEMING = 2.040 / np.sqrt(EVEN)


@pytest.mark.parametrize(
    ("looks", "chance"), [(1, 0.05), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193)]
)
def test_looking_again_and_again_at_1_96(looks, chance) -> None:
    # Armitage, McPherson and Rowe (1969), table 2.
    found = crossing(np.arange(1, looks + 1) / looks, [1.96] * looks)
    assert found == pytest.approx(chance, abs=0.0006)


@pytest.mark.parametrize(
    ("limits", "power", "factor"),
    [
        (POCOCK, 0.8, 1.229),
        (POCOCK, 0.9, 1.207),
        (OBRIEN_FLEMING, 0.8, 1.028),
        (OBRIEN_FLEMING, 0.9, 1.026),
    ],
)
def test_published_inflation(limits, power, factor) -> None:
    assert crossing(EVEN, limits) == pytest.approx(0.05, abs=2e-4)
    assert inflation(EVEN, limits, power=power) == pytest.approx(factor, abs=1e-3)


@given(
    st.lists(st.floats(0.05, 1), min_size=1, max_size=4),
    st.lists(st.floats(0.5, 4), min_size=4, max_size=4),
    st.floats(0, 4),
)
@settings(deadline=None, max_examples=30)
def test_crossing_is_a_probability_of_the_multivariate_normal(gaps, limits, drift) -> None:
    at, limits = np.cumsum(gaps), np.array(limits[: len(gaps)])
    covariance = np.sqrt(np.minimum.outer(at, at) / np.maximum.outer(at, at))
    inside = multivariate_normal.cdf(
        limits,
        drift * np.sqrt(at),
        covariance,
        lower_limit=-limits,
        abseps=1e-7,
        rng=np.random.default_rng(1),
    )
    assert crossing(at, limits, drift) == pytest.approx(1 - inside, abs=2e-6)


def test_one_look_is_a_z_test() -> None:
    for drift in (0.0, 1.0, 2.8):
        expected = norm.sf(1.96 - drift) + norm.cdf(-1.96 - drift)
        assert crossing([1.0], [1.96], drift) == pytest.approx(expected, abs=1e-10)
    assert inflation([1.0], [norm.isf(0.025)]) == pytest.approx(1, abs=1e-9)


def test_a_look_at_the_same_information_counts_once() -> None:
    assert crossing([0.5, 0.5, 1], [3, 2.5, 2]) == crossing([0.5, 1], [2.5, 2])
    assert crossing([0.5, 1], [np.inf, 1.96]) == pytest.approx(0.05, abs=1e-5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="information does not shrink"):
        crossing([0.5, 0.4], [2, 2])
    with pytest.raises(ValueError, match="all above 0"):
        crossing([0.0, 0.4], [2, 2])
    with pytest.raises(ValueError, match="1 limits for 2 looks"):
        crossing([0.5, 1], [2])
    with pytest.raises(ValueError, match="power"):
        inflation([1], [1.96], power=0.01)
    with pytest.raises(ValueError, match="no effect up to 16"):
        inflation([1], [np.inf])
