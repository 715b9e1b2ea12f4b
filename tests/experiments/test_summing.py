"""Sums over units are those of numpy, in every set of cells, and keep their digits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.engines.duckdb import DuckDB
from heedful.experiments import summing
from heedful.experiments.summing import Vector, moments

VARIANTS, DAYS, SEGMENTS = 2, 3, 4
BY_DAY, BY_SEGMENT = ("variant", "day"), ("segment", "variant")
SETS = {BY_DAY: (VARIANTS, DAYS), BY_SEGMENT: (SEGMENTS, VARIANTS)}


def units(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = {"variant": VARIANTS, "day": DAYS, "segment": SEGMENTS}
    return {name: rng.integers(0, size, n) for name, size in sizes.items()}


@pytest.fixture
def summed():
    """Moments of some columns, with nulls where they are NaN."""
    engine = DuckDB()

    def run(columns, vectors, sets=SETS):
        arrays = {
            name: pa.array(values, from_pandas=True) if values.dtype.kind == "f" else values
            for name, values in columns.items()
        }
        engine.connection.register("units", pa.table(arrays))
        return moments(engine, "units", vectors, sets)

    yield run
    engine.close()


def cells(columns, keys):
    shape = {"variant": VARIANTS, "day": DAYS, "segment": SEGMENTS}
    for place in product(*(range(shape[key]) for key in keys)):
        mask = np.all([columns[key] == at for key, at in zip(keys, place, strict=True)], axis=0)
        yield place, mask


@settings(max_examples=40, deadline=None)
@given(
    mean=st.sampled_from([0.0, 1.0, -3e4, 1e9, -1e9, 1e-6]),
    spread=st.sampled_from([1.0, 50.0]),
    n=st.integers(50, 400),
    ascending=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_sums_keep_their_digits_wherever_the_mean_lies(mean, spread, n, ascending, seed):
    rng = np.random.default_rng(seed)
    columns = units(n, seed)
    y = mean + spread * rng.normal(size=n)
    if ascending:
        y.sort()
    columns |= {"y": y, "z": 0.3 * y + rng.normal(size=n)}
    engine = DuckDB()
    engine.connection.register("units", pa.table(columns))
    found = moments(engine, "units", [Vector("y", None, ("z",))], SETS)
    engine.close()
    for keys in SETS:
        for place, mask in cells(columns, keys):
            if mask.sum() < 3:
                continue
            one = found[keys][0][place]
            both = np.array([columns["y"][mask], columns["z"][mask]])
            assert one.n == mask.sum()
            np.testing.assert_allclose(one.mean, both.mean(axis=1), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(one.covariance, np.cov(both), rtol=1e-9, atol=1e-9)


def test_a_guess_that_misleads_is_corrected(summed, monkeypatch):
    # The first rows are constant and far from the rest: about them, 1e9 squared leaves no digits.
    rng = np.random.default_rng(1)
    n = 3 * summing.SAMPLED
    columns = units(n, 2)
    y = 1e9 + rng.normal(size=n)
    y[: summing.SAMPLED] = np.nan
    columns["y"] = y
    found = summed(columns, [Vector("y")])
    known = ~np.isnan(y)
    for place, mask in cells(columns, BY_DAY):
        expected = np.var(y[mask & known], ddof=1)
        assert found[BY_DAY][0][place].covariance == pytest.approx(expected, rel=1e-9)
    assert abs(found[BY_DAY][0].shift[0] - 1e9) < 10


def test_a_unit_without_an_amount_does_not_count_and_without_a_covariate_counts_as_the_mean(summed):
    rng = np.random.default_rng(3)
    n = 600
    columns = units(n, 4)
    z = 5 + rng.normal(size=n)
    y = z + rng.normal(size=n)
    y[rng.random(n) < 0.2] = np.nan
    z[rng.random(n) < 0.3] = np.nan
    columns |= {"y": y, "z": z, "w": rng.random(n)}
    found = summed(columns, [Vector("y", None, ("z", "w")), Vector("w", None, ("z",))])
    counts = ~np.isnan(y)
    filled = np.where(np.isnan(z), z[counts & ~np.isnan(z)].mean(), z)
    other = np.where(np.isnan(z), np.nanmean(z), z)
    for keys in SETS:
        for place, mask in cells(columns, keys):
            here = mask & counts
            one = found[keys][0][place]
            expected = np.array([y[here], filled[here], columns["w"][here]])
            assert one.n == here.sum()
            np.testing.assert_allclose(one.mean, expected.mean(axis=1), rtol=1e-12)
            np.testing.assert_allclose(one.covariance, np.cov(expected), rtol=1e-9, atol=1e-12)
            both = np.array([columns["w"][mask], other[mask]])
            np.testing.assert_allclose(
                found[keys][1][place].covariance, np.cov(both), rtol=1e-9, atol=1e-12
            )


def test_outcomes_do_not_mix_up_what_they_share(summed):
    rng = np.random.default_rng(5)
    columns = units(500, 6)
    columns |= {name: rng.normal(i, 1 + i, 500) for i, name in enumerate("abz")}
    alone = [summed(columns, [vector])[BY_DAY][0] for vector in both_vectors()]
    together = summed(columns, both_vectors())[BY_DAY]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)
        np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-12)


def both_vectors() -> list[Vector]:
    return [
        Vector("a", None, ("z",)),
        Vector("b", "z"),
        Vector("a"),
        Vector("LEAST(b, 1)", None, ("a", "z")),
    ]


def test_one_cube_or_several_sets_say_the_same(summed, monkeypatch):
    rng = np.random.default_rng(7)
    columns = units(800, 8)
    columns |= {"y": rng.exponential(size=800)}
    cube = summed(columns, [Vector("y")])
    monkeypatch.setattr(summing, "SMALL", 1)
    apart = summed(columns, [Vector("y")])
    assert list(cube) == list(apart) == list(SETS)
    for keys in SETS:
        assert cube[keys][0].shape == SETS[keys]
        np.testing.assert_array_equal(cube[keys][0].n, apart[keys][0].n)
        np.testing.assert_allclose(cube[keys][0].mean, apart[keys][0].mean, rtol=1e-12)


def test_whole_numbers_are_summed_exactly(summed):
    columns = units(1000, 9)
    y = np.random.default_rng(10).integers(0, 2, 1000)
    columns["y"] = y
    found = summed(columns, [Vector("y")])[BY_DAY][0].sum()
    assert found.sums[0] + found.n * found.shift[0] == y.sum()


def test_nothing_to_sum(summed):
    assert summed(units(3, 1), []) == {BY_DAY: [], BY_SEGMENT: []}
    empty = {name: values[:0] for name, values in units(3, 1).items()} | {"y": np.zeros(0)}
    found = summed(empty, [Vector("y")])
    assert found[BY_DAY][0].n.sum() == 0
    assert np.isnan(found[BY_DAY][0].mean).all()
