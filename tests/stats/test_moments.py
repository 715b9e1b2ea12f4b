import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heedful.stats.moments import Moments, squared_deviations

NUMBERS = st.floats(-1e6, 1e6)


def rows(k: int = 3):
    return hnp.arrays(np.float64, st.tuples(st.integers(2, 40), st.just(k)), elements=NUMBERS)


def same(a: Moments, b: Moments) -> None:
    """The same rows, up to rounding, whatever the shifts."""
    about = b.shifted(a.shift)
    size = np.abs(a.products).max(initial=1.0)
    np.testing.assert_array_equal(a.n, about.n)
    np.testing.assert_allclose(a.sums, about.sums, rtol=1e-9, atol=1e-12 * size)
    np.testing.assert_allclose(a.products, about.products, rtol=1e-9, atol=1e-9 * size)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_means_and_covariances_are_numpys(k: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.lognormal(0, 1, (3000, k)) @ rng.normal(size=(k, k))
    cells = rng.integers(0, 7, 3000)
    found = Moments.of(values, cells, 8)
    for cell in range(7):
        of_cell = values[cells == cell]
        assert found.n[cell] == len(of_cell)
        np.testing.assert_allclose(found.mean[cell], of_cell.mean(axis=0), rtol=1e-12)
        expected = np.cov(of_cell.T).reshape(k, k)
        np.testing.assert_allclose(found.covariance[cell], expected, rtol=1e-10, atol=1e-10)
    assert found.n[7] == 0
    assert np.isnan(found.mean[7]).all()
    assert np.isnan(found.covariance[7]).all()


def test_one_row_has_a_mean_and_no_covariance() -> None:
    found = Moments.of([[4.0, 7.0]])
    assert found.shape == (1,)
    np.testing.assert_allclose(found.mean, [[4.0, 7.0]])
    assert np.isnan(found.covariance).all()


def test_no_rows_at_all() -> None:
    found = Moments.of(np.empty((0, 2)), np.empty(0, int), 3)
    assert found.n.tolist() == [0, 0, 0]
    assert np.isnan(found.mean).all()
    assert np.isnan(found.covariance).all()


def test_means_of_a_billion_keep_a_standard_deviation_of_one() -> None:
    rng = np.random.default_rng(2)
    values = 1e9 + rng.normal(size=(200_000, 1))
    cells = rng.integers(0, 2, 200_000)
    found = Moments.of(values, cells, 2)
    for cell in (0, 1):
        assert found.covariance[cell, 0, 0] == pytest.approx(values[cells == cell].var(ddof=1))
    # Sums of squares about 0 have no digits left for it: about 1e23, exact to 1e7.
    raw = (values**2).sum() - values.sum() ** 2 / len(values)
    assert abs(raw / (len(values) - 1) - 1) > 0.5


def test_a_shift_far_from_the_mean_still_works() -> None:
    rng = np.random.default_rng(3)
    values = 1000 + rng.normal(size=(5000, 2))
    near, far = Moments.of(values), Moments.of(values, shift=[0.0, -50.0])
    np.testing.assert_allclose(near.covariance, far.covariance, atol=1e-8)
    np.testing.assert_allclose(near.mean, far.mean, rtol=1e-13)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 / 3, -7.7e-9])
@pytest.mark.parametrize("shift", [None, [0.0, 0.0]])
def test_what_never_varies_has_covariances_of_exactly_0(constant: float, shift) -> None:
    rng = np.random.default_rng(4)
    values = np.column_stack([np.full(100_000, constant), rng.normal(size=100_000)])
    # Sums about 0 are what a database hands over; they are off in their last digits.
    found = Moments.of(values, rng.integers(0, 3, 100_000), 3, shift=shift).covariance
    assert (found[:, 0, :] == 0).all()
    assert (found[:, :, 0] == 0).all()
    assert (found[:, 1, 1] > 0.9).all()
    whole = Moments.of(values, shift=shift)
    mean = float(whole.mean[0, 0])
    sums, products = float(whole.sums[0, 0]), float(whole.products[0, 0, 0])
    assert squared_deviations(100_000, sums, products, mean) == 0


def test_numbers_that_differ_in_their_last_digit_do_not_vary() -> None:
    values = np.where(np.arange(100) % 2, 0.3, 0.1 + 0.2)[:, None]
    assert values.var() > 0
    assert Moments.of(values).covariance[0, 0, 0] == 0


def test_whole_numbers_are_summed_exactly() -> None:
    rng = np.random.default_rng(7)
    values = np.column_stack([rng.poisson(0.02, 300_001), 10**9 + rng.poisson(30, 300_001)])
    cells = rng.integers(0, 5, 300_001)
    values[cells == 2, 0] = 0
    found = Moments.of(values, cells, 5)
    for cell in range(5):
        of_cell = values[cells == cell]
        assert found.mean[cell, 0] == of_cell[:, 0].sum() / len(of_cell)
        exact = (of_cell[:, 1] - 10**9).sum() / len(of_cell)
        assert found.mean[cell, 1] - 10**9 == pytest.approx(exact, abs=2e-7)
    assert found.mean[2, 0] == 0


def test_units_that_are_all_0_have_mean_0_about_any_shift() -> None:
    values = np.zeros((1_000_003, 1))
    for shift in (0.1, 1 / 3, 123.456):
        assert Moments.of(values, shift=[shift]).mean[0, 0] == 0


def test_rare_events_do_vary() -> None:
    values = np.zeros((1_000_000, 1))
    values[17] = 1.0
    found = Moments.of(values).covariance[0, 0, 0]
    assert found == pytest.approx(values.var(ddof=1), rel=1e-9)


def test_sums_that_overflow_are_no_constants() -> None:
    with np.errstate(over="ignore"):
        found = Moments.of([[1e200], [-1e200]])
    assert found.covariance[0, 0, 0] != 0


def test_sums_that_no_rows_can_have_have_no_covariance() -> None:
    wrong = Moments(
        np.array([10.0]),
        np.array([[20.0, 5.0]]),
        np.array([[[30.0, 10.0], [10.0, 9.0]]]),
        np.zeros(2),
    )
    found = wrong.covariance[0]
    assert np.isnan([found[0, 0], found[0, 1], found[1, 0]]).all()
    assert found[1, 1] == pytest.approx(6.5 / 9)
    assert np.isnan(squared_deviations(10, 20.0, 30.0, 2.0))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    values = np.ones((5, 2))
    values[3, 1] = bad
    with pytest.raises(ValueError, match="the first in row 3, variable 1"):
        Moments.of(values)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([0, 2, 1], "cells run from 0 to 2; allowed: 0 to 1"),
        ([0, -1, 1], "cells run from -1 to 1; allowed: 0 to 1"),
        ([0, 1], r"cells have shape \(2,\); give one a row, \(3,\)"),
        ([0.0, 1.0, 1.0], "cells are float64; give whole numbers from 0 to 1"),
    ],
)
def test_wrong_cells_are_refused(cells, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Moments.of(np.ones((3, 1)), cells, 2)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="give \\(rows, variables\\)"):
        Moments.of(np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="give one finite number a variable"):
        Moments.of(np.ones((2, 2)), shift=[1.0])
    with pytest.raises(ValueError, match="there must be at least one cell"):
        Moments.of(np.ones((2, 2)), count=0)
    with pytest.raises(ValueError, match="products have shape"):
        Moments(np.ones(2), np.ones((2, 1)), np.ones((2, 2, 2)), np.ones(1))
    with pytest.raises(ValueError, match="sums have shape"):
        Moments(np.ones(2), np.ones((3, 1)), np.ones((2, 1, 1)), np.ones(1))


@given(rows(), rows())
def test_parts_add_up_whatever_their_shifts(a, b) -> None:
    same(Moments.of(np.concatenate([a, b])), Moments.of(a) + Moments.of(b))


@given(rows(), st.integers(1, 6))
def test_merged_cells_are_all_rows(values, count: int) -> None:
    cells = np.arange(len(values)) % count
    whole = Moments.of(values).sum()
    assert whole.shape == ()
    same(whole, Moments.of(values, cells, count).sum())


@given(rows(2))
def test_running_totals_end_with_the_sum(values) -> None:
    parts = Moments.of(values, np.arange(len(values)) % 6, 6).reshape(2, 3)
    running = parts.cumulative(axis=1)
    assert running.shape == (2, 3)
    same(running[:, 2], parts.sum(axis=-1))
    same(running[1, 1], parts[1, 0] + parts[1, 1])


def test_cells_are_taken_by_any_index() -> None:
    rng = np.random.default_rng(5)
    parts = Moments.of(rng.normal(size=(600, 2)), rng.integers(0, 24, 600), 24).reshape(2, 3, -1)
    assert parts.shape == (2, 3, 4)
    for index in (1, (1, 2), (..., 3), (slice(None), [0, 2]), (0, ..., slice(1, 3))):
        taken = parts[index]
        np.testing.assert_array_equal(taken.n, parts.n[index])
        np.testing.assert_array_equal(taken.mean[..., 1], parts.mean[..., 1][index])
        np.testing.assert_array_equal(
            taken.covariance[..., 0, 1], parts.covariance[..., 0, 1][index]
        )
    np.testing.assert_array_equal(parts.sum(axis=(0, 2)).n, parts.n.sum(axis=(0, 2)))
    with pytest.raises(ValueError, match="axis 3"):
        parts.sum(axis=3)


def test_some_variables_in_another_order() -> None:
    rng = np.random.default_rng(6)
    values, cells = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    same(Moments.of(values[:, [3, 1]], cells, 3), Moments.of(values, cells, 3).select([3, 1]))


def test_moments_of_other_shapes_do_not_add() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        Moments.of(np.ones((3, 2))) + Moments.of(np.ones((3, 1)))
