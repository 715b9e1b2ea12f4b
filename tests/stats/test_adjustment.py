import numpy as np
import pytest

from heedful.stats.adjustment import adjusted, merged, usable
from heedful.stats.moments import Moments

BOTH = np.array([True, True])


def test_small_strata_become_one() -> None:
    n = np.array([[10.0, 1.0, 5.0, 3.0, 0.0], [12.0, 4.0, 0.0, 2.0, 0.0]])
    sums = np.arange(10.0).reshape(2, 5, 1)
    moments = Moments(n, sums, sums[..., None] ** 2, np.zeros(1))
    found = merged(moments, BOTH)
    # Strata 1 and 2 lack units in a group, the last has none; together they have 6 and 4.
    assert found.n.tolist() == [[10, 3, 6], [12, 2, 4]]
    assert found.sums[..., 0].tolist() == [[0, 3, 1 + 2], [5, 8, 6 + 7]]


def test_a_rest_that_is_too_small_takes_in_the_smallest_stratum() -> None:
    n = np.array([[10.0, 3.0, 5.0, 1.0], [12.0, 9.0, 4.0, 0.0]])
    moments = Moments(n, np.zeros((2, 4, 1)), np.zeros((2, 4, 1, 1)), np.zeros(1))
    assert merged(moments, BOTH).n.tolist() == [[10, 5, 4], [12, 4, 9]]
    tiny = Moments(
        np.array([[2.0, 1.0], [1.0, 2.0]]), np.zeros((2, 2, 1)), np.zeros((2, 2, 1, 1)), np.zeros(1)
    )
    assert merged(tiny, BOTH).n.tolist() == [[3], [3]]


def test_strata_without_anybody_vanish() -> None:
    n = np.array([[0.0, 5.0, 0.0], [0.0, 4.0, 0.0]])
    moments = Moments(n, np.zeros((2, 3, 1)), np.zeros((2, 3, 1, 1)), np.zeros(1))
    assert merged(moments, BOTH).n.tolist() == [[5], [4]]
    assert merged(moments, ~BOTH).n.tolist() == [[5], [4]]


def test_merging_loses_no_unit() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        values, cells = rng.normal(size=(60, 2)), rng.integers(0, 3 * 25, 60)
        moments = Moments.of(values, cells, 75).reshape(3, 25)
        counting = usable(moments.sum(axis=1))
        found = merged(moments, counting)
        assert found.n.sum() == 60
        np.testing.assert_allclose(found.sum().sums, moments.sum().sums, atol=1e-12)
        np.testing.assert_allclose(found.sum().products, moments.sum().products)
        assert (found.n[counting] >= 2).all()


def test_which_groups_are_usable() -> None:
    n = np.array([1.0, 2.0, 9.0, 9.0])
    sums, products = np.zeros((4, 2)), np.zeros((4, 2, 2))
    sums[2, 1], products[3, 1, 1] = np.nan, np.inf
    assert usable(Moments(n, sums, products, np.zeros(2))).tolist() == [False, True, False, False]


def test_groups_that_do_not_count_have_no_value() -> None:
    rng = np.random.default_rng(2)
    cells = Moments.of(rng.normal(size=(90, 2)), np.arange(90) % 3, 3).reshape(3, 1)
    found = adjusted(cells, np.array([True, False, True]), ratio=False)
    assert np.isnan(found[1]).all()
    pair = adjusted(cells[[0, 2]], BOTH, ratio=False)
    assert (found[0], found[2]) == (pair[0], pair[1])
    assert all(np.isnan(adjusted(cells, np.zeros(3, dtype=bool), ratio=False)).ravel())


def test_least_squares_of_a_covariate_within_strata() -> None:
    rng = np.random.default_rng(3)
    n = 6000
    variant, stratum = rng.integers(0, 2, n), rng.integers(0, 3, n)
    z = rng.normal(size=n) + stratum
    y = variant + 2.0 * z + 5 * stratum + rng.normal(size=n)
    cells = Moments.of(np.column_stack([y, z]), variant * 3 + stratum, 6).reshape(2, 3)
    found = adjusted(cells, BOTH, ratio=False)
    dummies = np.eye(6)[variant * 3 + stratum]
    fit = np.linalg.lstsq(np.column_stack([dummies, z]), y, rcond=None)[0]
    weights = np.bincount(stratum) / n
    effect = (weights * (fit[3:6] - fit[:3])).sum()
    assert found[1].value - found[0].value == pytest.approx(effect, rel=1e-10)
