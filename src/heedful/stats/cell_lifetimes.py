"""Kaplan-Meier for many cells at once; `lifetimes` says what each number is.

With no more than `life_tables.BINS` event times a cell it is the same number as that of
`lifetimes`, beyond that an end of an interval may fall on an event time beside it.
"""

from collections.abc import Iterator, Sequence
from math import nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heedful.stats.cell_parts import cell_parts
from heedful.stats.estimate import (
    BUCKETS,
    LEAST_CUSTOMERS,
    Estimates,
    Floats,
    Method,
    Why,
)
from heedful.stats.life_tables import BINS, Curves, Indices, LifeTables, bin_of
from heedful.stats.lifetimes import EXTREME, band
from heedful.stats.shares import wilson
from heedful.stats.student import t_quantiles

SLACK = 1e-10
NUMBERS = 1 << 17
"""About as many rows, or a quarter of the numbers of curves, are worked on at once."""


def duration_cells(
    time: ArrayLike,
    event: ArrayLike,
    count: ArrayLike,
    bucket: ArrayLike,
    start: ArrayLike,
    customers: ArrayLike,
    q: float = 0.5,
    *,
    level: float = 0.95,
) -> Estimates:
    """Time within which a share `q` has had the event, of each cell, as `duration` gives it.

    Args:
        time: time to the event or to the end of watching, cell after cell and ascending within
            each, not negative, shape (m,).
        event: whether the event happened (True) or watching ended (False), shape (m,).
        count: how many rows each stands for, whole numbers, shape (m,).
        bucket: bucket of each, 0 to 63, shape (m,).
        start: where each cell begins, and the end of the last, shape (cells + 1,).
        customers: distinct customers of each cell, shape (cells,).
        q: between 0 and 1.
        level: two-sided confidence level.

    Raises:
        ValueError: for a `q` outside (0, 1), or a negative time.

    >>> import numpy as np
    >>> hours = np.arange(1, 101)
    >>> found = duration_cells(hours, hours <= 80, np.ones(100), hours % 64, [0, 100], [100])
    >>> found.value.tolist(), found.low.tolist(), found.high.tolist()
    ([50.0], [40.0], [60.0])
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must lie between 0 and 1, such as 0.5 for the median")
    rows = np.asarray(time), np.asarray(event), np.asarray(count), np.asarray(bucket)
    parts = _parts(rows, np.asarray(start, dtype=np.intp), np.asarray(customers))
    return Estimates.joined([_durations(tables, people, q, level) for tables, people in parts])


def _durations(tables: LifeTables, people: Floats, q: float, level: float) -> Estimates:
    cells, held = len(people), tables.held
    t = t_quantiles(level, held.astype(np.float64) - 1)
    value, low, high = (np.full(cells, nan) for _ in range(3))
    replicates = np.full((cells, BUCKETS), nan)
    aim = -np.log(1 - q + SLACK)
    events = tables.events
    until = _needed(tables, t, aim)
    again = np.zeros(cells, dtype=np.bool_)
    for tries in range(2):
        # Where the interval ends behind what was thought to be needed, all events are taken.
        wanted = until if tries == 0 else np.where(again, events, 0)
        for curves in tables.curves(wanted):
            own = curves.cells
            reached = _ends(tables, curves, wanted, t, aim, (value, low, high), replicates)
            if tries == 0:
                again[own] = (wanted[own] < events[own]) & (np.isnan(high[own]) | (reached < 0))
        if not again.any():
            break
    empty = tables.every.sum(axis=1) == 0
    few, single = people < LEAST_CUSTOMERS, held < 2
    unreached = np.isnan(value)
    # Without a band at all nothing can be said of single buckets.
    replicates[(single | np.isnan(low)) | unreached] = nan
    why = np.select(
        [empty, unreached, few, single, np.isnan(high)],
        [Why.NO_DATA, Why.NOT_REACHED, Why.FEW_CUSTOMERS, Why.ONE_BUCKET, Why.OPEN_ABOVE],
        Why.NOTHING,
    )
    high[unreached] = nan
    low[few | single] = high[few | single] = nan
    shown = np.isfinite(low) | np.isfinite(high)
    return Estimates(
        value=value,
        low=low,
        high=high,
        why=why.astype(np.uint8),
        replicates=replicates,
        method=np.where(shown, Method.BROOKMEYER_CROWLEY, Method.NONE).astype(np.uint8),
        df=np.where(empty, np.inf, held - 1.0),
        skewed=np.zeros(cells, dtype=np.bool_),
        level=level,
    )


def _needed(tables: LifeTables, t: Floats, aim: float) -> Indices:
    """How many event times of each cell can hold the ends of an interval, as a rule.

    Those up to where a band three times as wide as that of independent rows has fallen far enough.
    """
    of = np.repeat(np.arange(len(t)), tables.events)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = 3 * t[of] * np.sqrt(tables.hazard) / tables.steepness
        passed = tables.steepness >= aim * np.exp(error)
    first = np.where(passed, np.arange(len(of)), len(of))
    some = np.flatnonzero(tables.events)
    found = tables.events.copy()
    if len(some):
        ends = np.minimum.reduceat(first, tables.event_start[some])
        found[some] = np.minimum(ends + 1 - tables.event_start[some], tables.events[some])
    return found


def _ends(
    tables: LifeTables,
    curves: Curves,
    until: Indices,
    t: Floats,
    aim: float,
    found: tuple[Floats, Floats, Floats],
    replicates: Floats,
) -> Indices:
    """Fill in value, limits and replicates of some cells; where survival fell far enough.

    A band holds `aim` where survival, on the scale of -log, lies no more than a factor from it.
    """
    value, low, high = found
    own = curves.cells
    events = until[own]
    begins = np.cumsum(events) - events
    of = np.repeat(np.arange(len(own)), events)
    number = np.arange(len(of)) - begins[of]
    at = number + tables.event_start[own][of]
    survival, steepness = tables.survival[at], tables.steepness[at]
    where, part = bin_of(number, events[of])
    many = tables.held[own]
    variance = np.einsum("cbk,cbk->ck", curves.deviation, curves.deviation)
    variance *= ((many - 1) / many)[:, None]
    # Variance grows evenly with events; its root does not.
    padded = np.concatenate([np.zeros((len(own), 1)), variance], axis=1)
    error = np.sqrt(padded[of, where] + part * (padded[of, where + 1] - padded[of, where]))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # At survival 0 there is no band but the value.
        relative = np.where(
            survival > 0, np.fmax(error / survival, np.sqrt(tables.hazard[at])) / steepness, 0.0
        )
        factor = np.exp(t[own][of] * relative)
        lowest = _first(steepness * factor >= aim, begins)
        # A band around 0 has no width and would pass for a limit.
        highest = _first((steepness >= aim * factor) & (survival > 0), begins)
    reached = _first(steepness >= aim, begins)
    for ends, first in ((value, reached), (low, lowest), (high, highest)):
        ends[own] = np.where(first >= 0, tables.time[at[first]], nan)
    known = np.flatnonzero(reached >= 0)
    mine, place = own[known], reached[known]
    deviation = _between(curves.deviation[known], where[place], part[place])
    scale = np.sqrt(((many - 1) / many)[known] * np.einsum("cb,cb->c", deviation, deviation))
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.where(
            np.isfinite(high[mine]), (high[mine] - low[mine]) / 2, value[mine] - low[mine]
        )
        factor = np.where(scale > 0, half / t[mine] / scale, 0.0)
    replicates[mine] = value[mine, None] + deviation * factor[:, None]
    return reached


def survival_cells(
    time: ArrayLike,
    event: ArrayLike,
    count: ArrayLike,
    bucket: ArrayLike,
    start: ArrayLike,
    customers: ArrayLike,
    after: float,
    complement: bool = False,
    *,
    level: float = 0.95,
) -> Estimates:
    """Share without the event up to and including `after`, of each cell, as `survival` gives it.

    Args:
        time: time to the event or to the end of watching, cell after cell and ascending within
            each, not negative, shape (m,).
        event: whether the event happened (True) or watching ended (False), shape (m,).
        count: how many rows each stands for, whole numbers, shape (m,).
        bucket: bucket of each, 0 to 63, shape (m,).
        start: where each cell begins, and the end of the last, shape (cells + 1,).
        customers: distinct customers of each cell, shape (cells,).
        after: the time asked for, in the unit of `time`.
        complement: True for the share with the event, 1 - S.
        level: two-sided confidence level.

    Raises:
        ValueError: A time is negative.

    >>> import numpy as np
    >>> days = np.arange(1, 101)
    >>> left = survival_cells(days, days <= 80, np.ones(100), days % 64, [0, 100], [100], after=60)
    >>> left.value.round(9).tolist()
    [0.4]
    """
    rows = np.asarray(time), np.asarray(event), np.asarray(count), np.asarray(bucket)
    parts = _parts(rows, np.asarray(start, dtype=np.intp), np.asarray(customers))
    return Estimates.joined(
        [_survivals(tables, people, after, complement, level) for tables, people in parts]
    )


def _survivals(
    tables: LifeTables, people: Floats, after: float, complement: bool, level: float
) -> Estimates:
    times, numbers = tables.watched, tables.count
    cells, held = len(people), tables.held
    cell = np.repeat(np.arange(cells), np.diff(tables.start))
    of = np.repeat(np.arange(cells), tables.events)
    until = np.bincount(of, tables.time <= after, minlength=cells).astype(np.intp)
    share, hazard, error = np.ones(cells), np.zeros(cells), np.zeros(cells)
    some = until > 0
    last = (tables.event_start[:-1] + until - 1)[some]
    share[some], hazard[some] = tables.survival[last], tables.hazard[last]
    without = np.repeat(share[:, None], BUCKETS, axis=1)
    for curves in tables.curves(until):
        own, many = curves.cells, held[curves.cells]
        deviation = curves.deviation[np.arange(len(own)), :, curves.bins - 1]
        error[own] = np.sqrt((many - 1) / many * np.einsum("cb,cb->c", deviation, deviation))
        without[own] = share[own, None] + deviation
    error = np.where(share > 0, np.fmax(error, share * np.sqrt(hazard)), error)
    stayed = np.bincount(cell, numbers * (times >= after), minlength=cells)
    gone = np.bincount(cell, tables.died * (times <= after), minlength=cells)
    empty = tables.every.sum(axis=1) == 0
    unwatched = (stayed == 0) & (share > 0) & ~empty
    few, single = people < LEAST_CUSTOMERS, held < 2
    without[single] = nan
    inner = (share > 0) & (share < 1) & (error > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = np.where(
            inner,
            np.minimum(share * (1 - share) / error**2, people),
            np.minimum(stayed + gone, people),
        )
    smooth = inner & (np.minimum(share, 1 - share) * effective >= EXTREME)
    ends = band(share, error, t_quantiles(level, held.astype(np.float64) - 1))
    rough = wilson(share, np.maximum(effective, 1e-9), level)
    none = empty | unwatched | few | single
    low, high = (
        np.where(none, nan, np.where(smooth, one, other))
        for one, other in zip(ends, rough, strict=True)
    )
    value = np.where(empty | unwatched, nan, share)
    if complement:
        value, without = 1 - value, 1 - without
        low, high = 1 - high, 1 - low
    why = np.select(
        [empty, unwatched, few, single],
        [Why.NO_DATA, Why.NOT_WATCHED, Why.FEW_CUSTOMERS, Why.ONE_BUCKET],
        Why.NOTHING,
    )
    without[empty | unwatched] = nan
    method = np.where(none, Method.NONE, np.where(smooth, Method.LOG_LOG, Method.WILSON))
    return Estimates(
        value=value,
        low=low,
        high=high,
        why=why.astype(np.uint8),
        replicates=without,
        method=method.astype(np.uint8),
        df=np.where(empty | unwatched | (~none & ~smooth), np.inf, held - 1.0),
        skewed=np.zeros(cells, dtype=np.bool_),
        level=level,
    )


def _parts(
    rows: Sequence[NDArray[Any]], start: Indices, customers: NDArray[Any]
) -> Iterator[tuple[LifeTables, Floats]]:
    """Some cells at a time, so that what is made of their rows stays near the processor."""
    people = customers.astype(np.float64)
    sizes = np.diff(start)
    curves = np.minimum(sizes, BINS) * BUCKETS // 4
    for cells in cell_parts(np.maximum(sizes, curves), NUMBERS):
        starts = start[cells.start : cells.stop + 1]
        mine = slice(starts[0], starts[-1])
        time, event, count, bucket = (one[mine] for one in rows)
        yield LifeTables.of(time, event, count, bucket, starts - starts[0]), people[cells]


def _first(mask: NDArray[np.bool_], begins: Indices) -> Indices:
    """Where each run begins to be true, as a place in the mask; -1 where it never does."""
    place = np.where(mask, np.arange(len(mask)), len(mask))
    found = np.minimum.reduceat(place, begins)
    return np.where(found < len(mask), found, -1)


def _between(deviation: Floats, where: Indices, part: Floats) -> Floats:
    """Deviations somewhere between two ends of bins, shape (cells, 64)."""
    rows = np.arange(len(where))
    end = deviation[rows, :, where]
    begin = np.where((where > 0)[:, None], deviation[rows, :, np.maximum(where - 1, 0)], 0.0)
    return np.asarray(begin + part[:, None] * (end - begin))
