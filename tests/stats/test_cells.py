"""Estimates of many cells at once are those of one cell at a time."""

from __future__ import annotations

import numpy as np
import pytest

from heedful import stats
from heedful.stats.cell_lifetimes import _needed
from heedful.stats.life_tables import BINS, LifeTables
from heedful.stats.student import t_quantiles

SIZES = (0, 1, 2, 5, 29, 40, 64, 100, 300)


class Rows:
    """Cells of all sizes: with ties, weights, few buckets, and with much or nothing censored."""

    def __init__(self, seed: int, *, distinct: int | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.cells = []
        for number, size in enumerate(SIZES * 6):
            waits = rng.lognormal(size=size)
            if distinct:
                waits = np.round(waits * distinct / 4)
            ends = rng.lognormal(0.5, size=size) if number % 2 else np.full(size, 1e9)
            time = np.minimum(waits, ends)
            order = np.argsort(time, kind="stable")
            bucket = rng.integers(0, 2 if number % 5 == 4 else 64, size)
            count = rng.integers(1, 3, size) if number % 7 == 3 else np.ones(size)
            happened = (waits <= ends)[order]
            self.cells.append((time[order], happened, count, bucket, size // (1 + number % 2)))
        columns = list(zip(*self.cells, strict=True))
        self.time, self.event, self.count, self.bucket = (np.concatenate(c) for c in columns[:4])
        self.customers = np.array(columns[4])
        self.start = np.cumsum([0, *(len(time) for time in columns[0])])


def same(found, one, *, loose=False):
    for name in ("value", "df") if loose else ("value", "low", "high", "df"):
        mine, exact = getattr(found, name), getattr(one, name)
        assert (mine is None) == (exact is None), name
        assert exact is None or np.isclose(mine, exact, rtol=1e-9, atol=1e-12), name
    assert (found.why, found.method) == (one.why, one.method)
    if loose:
        return
    assert (found.replicates is None) == (one.replicates is None)
    if one.replicates is not None:
        np.testing.assert_allclose(found.replicates, one.replicates, rtol=1e-8, atol=1e-10)


@pytest.fixture(params=[None, 1, 150], ids=["whole", "single", "parts"])
def at_once(request, monkeypatch):
    """How many rows are worked on at once, by which no number may change."""
    if request.param:
        monkeypatch.setattr("heedful.stats.cell_quantiles.ROWS", request.param)
        monkeypatch.setattr("heedful.stats.cell_lifetimes.NUMBERS", request.param)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("distinct", [None, 6])
def test_quantiles(q, distinct):
    rows = Rows(1, distinct=distinct)
    found = stats.quantile_cells(rows.time, rows.count, rows.bucket, rows.start, rows.customers, q)
    for number, (time, _, count, bucket, customers) in enumerate(rows.cells):
        same(found[number], stats.quantile(time, count, bucket, customers, q))


def test_a_quantile_that_is_not_finite_says_so():
    value = np.array([1.0, np.inf, np.inf])
    found = stats.quantile_cells(value, np.ones(3), np.arange(3), [0, 3], [3])
    same(found[0], stats.quantile(value, 1, np.arange(3), 3))


@pytest.mark.parametrize("q", [0.2, 0.5, 0.8])
@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("distinct", [6, BINS])
def test_durations_with_no_more_times_than_bins(q, distinct):
    rows = Rows(2, distinct=distinct)
    found = stats.duration_cells(
        rows.time, rows.event, rows.count, rows.bucket, rows.start, rows.customers, q
    )
    for number, (time, event, count, bucket, customers) in enumerate(rows.cells):
        if len(set(time[event])) <= BINS:
            same(found[number], stats.duration(time, event, count, bucket, customers, q))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("complement", [False, True])
@pytest.mark.parametrize("after", [0.0, 3.0, 1000.0])
def test_survival_with_no_more_times_than_bins(after, complement):
    rows = Rows(3, distinct=8)
    args = rows.time, rows.event, rows.count, rows.bucket, rows.start, rows.customers
    found = stats.survival_cells(*args, after, complement)
    for number, (time, event, count, bucket, customers) in enumerate(rows.cells):
        one = stats.survival(time, event, count, bucket, customers, after, complement)
        same(found[number], one)


def test_an_interval_far_wider_than_that_of_independent_rows_is_found():
    """Few customers with many rows alike: it ends behind the event times that are tried first."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        time = np.repeat(np.sort(rng.lognormal(size=24)), 60)
        bucket = np.repeat(rng.permutation(24), 60)
        event, count = np.ones(len(time), dtype=bool), np.ones(len(time))
        tables = LifeTables.of(time, event, count, bucket, [0, len(time)])
        t = t_quantiles(0.95, np.array([23.0]))
        one = stats.duration(time, event, count, bucket, 24)
        needed = _needed(tables, t, -np.log(0.5))[0]
        assert one.high is None or one.high > np.unique(time)[needed - 1], "it proves nothing"
        found = stats.duration_cells(time, event, count, bucket, [0, len(time)], [24])
        same(found[0], one)


def test_with_more_times_than_bins_an_end_moves_by_a_step_at_most():
    rows = Rows(4)
    args = rows.time, rows.event, rows.count, rows.bucket, rows.start, rows.customers
    found = stats.duration_cells(*args)
    compared = 0
    for number, (time, event, count, bucket, customers) in enumerate(rows.cells):
        one = stats.duration(time, event, count, bucket, customers)
        moments = np.unique(time[event])
        if len(moments) <= BINS or one.low is None or one.high is None:
            continue
        same(found[number], one, loose=True)
        for mine, exact in ((found[number].low, one.low), (found[number].high, one.high)):
            steps = np.searchsorted(moments, mine) - np.searchsorted(moments, exact)
            assert abs(steps) <= 1
        compared += 1
    assert compared > 5


def test_no_cells_and_no_rows():
    none = np.zeros(0)
    for cells in (0, 2):
        start, people = np.zeros(cells + 1, np.intp), np.zeros(cells)
        assert len(stats.quantile_cells(none, none, none, start, people)) == cells
        found = stats.duration_cells(none, none, none, none, start, people)
        assert [one.why for one in found] == ["no data"] * cells
        found = stats.survival_cells(none, none, none, none, start, people, 3)
        assert [one.why for one in found] == ["no data"] * cells


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.quantile_cells([1.0], [1], [0], [0, 1], [1], 1.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.duration_cells([1.0], [True], [1], [0], [0, 1], [1], 0)
    with pytest.raises(ValueError, match="must not be negative"):
        stats.duration_cells([-1.0], [True], [1], [0], [0, 1], [1])
