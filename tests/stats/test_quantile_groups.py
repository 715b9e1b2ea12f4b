from math import isnan, nan

import duckdb
import numpy as np
import pytest
import scipy.stats
from scipy.special import ndtri

from heedful.stats import quantile
from heedful.stats.contrast import FixedHorizon, contrast
from heedful.stats.groups import Group, groups
from heedful.stats.moments import Moments
from heedful.stats.quantile_groups import quantile_group, quantile_of_rows, ranks


def clustered(rng, units, rows=5.0):
    """Standard normal rows, correlated by 0.5 within a unit."""
    who = np.repeat(np.arange(units), rng.geometric(1 / rows, units))
    own = rng.standard_normal(units)[who]
    return np.sqrt(0.5) * (own + rng.standard_normal(len(who))), who


@pytest.mark.parametrize(("n", "q"), [(50, 0.5), (200, 0.5), (200, 0.9), (1000, 0.25)])
def test_ranks_of_single_rows_are_the_binomial_ones(n, q) -> None:
    # Order statistics whose ranks are binomial quantiles enclose the quantile (Hahn and Meeker
    # 1991, section 5.2): the normal ranks here are within one of them.
    share = Group(q, q * (1 - q) / (n - 1), n - 1, n)
    found = ranks(share, q)
    below, above = scipy.stats.binom.ppf([0.025, 0.975], n, q)
    assert abs(found.lower * n - below) < 1
    assert abs(found.upper * n - above) < 1
    assert not found.open


def test_error_of_independent_rows_is_that_of_the_textbook() -> None:
    # q (1 - q) / (n f²), with the density f at the quantile.
    values = np.random.default_rng(1).standard_normal(200_000)
    for q in (0.5, 0.9):
        found = quantile_of_rows(values, np.arange(len(values)), q)
        density = scipy.stats.norm.pdf(ndtri(q))
        expected = q * (1 - q) / len(values) / density**2
        assert found.value == np.quantile(values, q)
        assert found.variance == pytest.approx(expected, rel=0.1)


def test_error_of_clustered_rows_is_what_samples_show() -> None:
    rng = np.random.default_rng(2)
    for q in (0.5, 0.9):
        drawn = [quantile_of_rows(*clustered(rng, 300), q) for _ in range(400)]
        real = np.var([each.value for each in drawn])
        told = np.mean([each.variance for each in drawn])
        assert told == pytest.approx(real, rel=0.25)
        # Counting rows as independent is what units are for.
        rows, who = clustered(rng, 300)
        assert quantile_of_rows(rows, np.arange(len(who)), q).variance < 0.6 * told


def test_ends_are_those_of_readings() -> None:
    rng = np.random.default_rng(3)
    values, who = clustered(rng, 2000, rows=3)
    bucket = rng.integers(0, 64, 2000)
    reading = quantile(values, 1, bucket[who], customers=2000)
    found = quantile_of_rows(values, who, 0.5)
    assert found.value == reading.value
    half = FixedHorizon().multiplier(found.df) * found.variance**0.5
    assert half == pytest.approx((reading.high - reading.low) / 2, rel=0.3)


def test_the_three_steps_in_sql_are_those_in_memory() -> None:
    rng = np.random.default_rng(4)
    values, who = clustered(rng, 400)
    values = np.round(values, 1)  # some rows share a value
    rows = {"v": values, "who": who}
    run = duckdb.connect().execute
    value = run("SELECT quantile_cont(v, 0.5) FROM rows").fetchone()[0]
    counted = "count(*) FILTER (v <= $1), count(*) FILTER (v < $1), count(*)"
    units = run(f"SELECT {counted} FROM rows GROUP BY who", [value]).fetchnumpy()
    counts = np.column_stack([np.asarray(column, dtype=float) for column in units.values()])
    moments = Moments.of(counts)
    share, below = (groups(moments.select([y, 2]), ratio=True)[0] for y in (0, 1))
    asked = ranks(share, 0.5, below=below)
    ends = run(f"SELECT quantile_cont(v, [{asked.lower!r}, {asked.upper!r}]) FROM rows").fetchone()[
        0
    ]
    found = quantile_group(value, share, *ends, 0.5, below=below)
    expected = quantile_of_rows(values, who, 0.5)
    assert (found.value, found.df, found.n) == (expected.value, expected.df, expected.n)
    assert found.variance == pytest.approx(expected.variance, rel=1e-9)
    assert rows


def test_groups_of_the_same_steps_do_not_differ() -> None:
    # Whole numbers with a step right at the median: every sample falls on either side of it.
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(300):
        pair = [
            quantile_of_rows(np.floor(3 * np.exp(rng.standard_normal(200))), np.arange(200), 0.5)
            for _ in range(2)
        ]
        alarms += contrast(*pair, FixedHorizon()).p_value < 0.05
    assert alarms / 300 < 0.05


def test_values_on_one_step_tell_nothing() -> None:
    coarse = quantile_of_rows([4] * 60 + [3] * 20 + [5] * 20, np.arange(100), 0.5)
    assert coarse.value == 4
    assert isnan(coarse.variance)
    same = quantile_of_rows([4] * 60, np.arange(60), 0.5)
    assert same.value == 4
    assert isnan(same.variance)


def test_too_little_data_beyond_the_quantile() -> None:
    values = np.random.default_rng(6).standard_normal(300)
    found = quantile_of_rows(values, np.arange(300), 0.99)
    assert found.value == np.quantile(values, 0.99)
    assert isnan(found.variance)
    assert ranks(Group(0.99, 0.99 * 0.01 / 300, 299, 300), 0.99).open


def test_without_rows_or_units() -> None:
    assert isnan(quantile_of_rows([], [], 0.5).value)
    assert isnan(quantile_of_rows([nan], [1], 0.5).value)
    one = quantile_of_rows([1, 2, 3], [7, 7, 7], 0.5)
    assert one.value == 2
    assert isnan(one.variance)
    none = quantile_group(nan, Group(nan, nan, nan, 0), nan, nan, 0.5)
    assert isnan(none.value)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        ranks(Group(0.5, 0.01, 9, 10), 1.0)
    with pytest.raises(ValueError, match="give one of each a row"):
        quantile_of_rows([1, 2], [1], 0.5)
