"""Kaplan-Meier for many cells at once; `lifetimes` says what each number is.

Survival and Greenwood's variance are taken at every event time. The jackknife, which is 64 curves
a cell, is taken at no more than `BINS` times a cell, spread evenly over its events, and drawn
straight between them: with up to so many event times a cell it is the same number as that of
`lifetimes`, beyond that an end of an interval may fall on an event time beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

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
from heedful.stats.lifetimes import EXTREME, band
from heedful.stats.shares import wilson
from heedful.stats.student import t_quantiles

BINS = 48
SLACK = 1e-10
NUMBERS = 1 << 17
"""About as many rows, or a quarter of the numbers of curves, are worked on at once."""

WIDTHS = (0, 4, 8, 16, 32, BINS)

Indices = NDArray[np.intp]


class Curves(NamedTuple):
    """Some cells' survival without each bucket, less that of everybody, at the ends of bins."""

    cells: Indices
    """The cells, shape (c,)."""
    deviation: Floats
    """Shape (c, 64, bins)."""
    bins: Indices
    """How many bins each cell has, shape (c,)."""


@dataclass(frozen=True, slots=True)
class LifeTables:
    """Rows of cells in order of time, and their event times."""

    bucket: Indices
    watched: Floats
    """Time of a row."""
    died: Floats
    """Events of a row."""
    count: Floats
    start: Indices
    """Where the rows of each cell begin, shape (cells + 1,)."""
    last: Indices
    """A row's last event time at which it was at risk, counted within its cell; -1 for none."""
    event_start: Indices
    """Where the event times of each cell begin, shape (cells + 1,)."""
    time: Floats
    """Event times, cell after cell, shape (k,)."""
    survival: Floats
    steepness: Floats
    """-log of survival."""
    hazard: Floats
    """Greenwood's running sum."""
    every: Floats
    """Rows by cell and bucket, shape (cells, 64)."""

    @classmethod
    def of(
        cls,
        time: ArrayLike,
        event: ArrayLike,
        count: ArrayLike,
        bucket: ArrayLike,
        start: ArrayLike,
    ) -> "LifeTables":
        """Find event times, and survival at each.

        Raises:
            ValueError: A time is negative.
        """
        times = np.asarray(time, dtype=np.float64)
        numbers = np.asarray(count, dtype=np.float64)
        buckets = np.asarray(bucket, dtype=np.intp)
        begins = np.asarray(start, dtype=np.intp)
        if times.size and times.min() < 0:
            raise ValueError(f"a duration is {times.min()}; durations must not be negative")
        cells, sizes = len(begins) - 1, np.diff(begins)
        died = numbers * np.asarray(event, dtype=np.bool_)
        cell = np.repeat(np.arange(cells), sizes)
        new = np.ones(len(times), dtype=np.bool_)
        np.not_equal(times[1:], times[:-1], out=new[1:])
        new[begins[:-1][sizes > 0]] = True
        first = np.flatnonzero(new)
        deaths = np.add.reduceat(died, first) if len(first) else np.zeros(0)
        # The first row of each event time: whoever stands before it in its cell has left.
        at = first[deaths > 0]
        d, own = deaths[deaths > 0], cell[at]
        event_start = np.searchsorted(own, np.arange(cells + 1))
        running = np.concatenate([[0.0], np.cumsum(numbers)])
        n = running[begins[1:]][own] - running[at]
        reached = np.zeros(len(times), dtype=np.intp)
        reached[at] = 1
        np.cumsum(reached, out=reached)
        everybody = n <= d
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(everybody, 0.0, np.log1p(-d / n))
            hazards = np.where(everybody, 0.0, d / (n * (n - d)))
        steepness = -_within(steps, event_start, own)
        steepness[everybody] = np.inf
        return cls(
            bucket=buckets,
            watched=times,
            died=died,
            count=numbers,
            start=begins,
            last=reached - event_start[cell] - 1,
            event_start=event_start,
            time=times[at],
            survival=np.exp(-steepness),
            steepness=steepness,
            hazard=_within(hazards, event_start, own),
            every=np.bincount(cell * BUCKETS + buckets, numbers, minlength=cells * BUCKETS)
            .reshape(cells, BUCKETS)
            .astype(np.float64),
        )

    @property
    def events(self) -> Indices:
        """How many event times each cell has."""
        return np.diff(self.event_start)

    @property
    def held(self) -> Indices:
        """Buckets that hold rows, by cell."""
        return np.asarray(np.count_nonzero(self.every, axis=1))

    def curves(self, until: Indices) -> Iterator[Curves]:
        """Deviations of the curves without each bucket.

        Args:
            until: How many of each cell's event times count.
        """
        bins = np.minimum(until, BINS)
        # Cells of like many bins lie side by side, and have as many places: one for rows that
        # were never at risk, one for each bin that rows leave in, one for rows that stay.
        widths = np.array(WIDTHS)[np.searchsorted(WIDTHS, bins)]
        order = np.argsort(widths, kind="stable")
        sizes = BUCKETS * (widths + 2)
        base = np.empty(len(bins), np.intp)
        base[order] = np.cumsum(sizes[order]) - sizes[order]
        rows = np.diff(self.start)
        key = np.repeat(base, rows)
        key += self.bucket * np.repeat(widths + 2, rows)
        key += self._places(until, bins)[self.last + 1 + np.repeat(self._ahead, rows)]
        total = int(sizes.sum())
        left = np.bincount(key, self.count, minlength=total)
        died = np.bincount(key, self.died, minlength=total)
        for width in WIDTHS[1:]:
            cells = np.flatnonzero(widths == width)
            if len(cells):
                where = base[cells[0]], len(cells), BUCKETS, width + 2
                yield _curves(cells, bins[cells], _cut(left, *where), _cut(died, *where))

    @property
    def _ahead(self) -> Indices:
        """Where the places of each cell begin, of which it has one more than event times."""
        return self.event_start[:-1] + np.arange(len(self.event_start) - 1)

    def _places(self, until: Indices, bins: Indices) -> Indices:
        """The place of a row by its last event time at risk: 0 is none, then bins, then staying."""
        events = self.events
        cell = np.repeat(np.arange(len(events)), events + 1)
        number = np.arange(len(cell)) - self._ahead[cell] - 1
        found = number * bins[cell] // np.maximum(until[cell], 1) + 1
        return np.where(number < 0, 0, np.minimum(found, bins[cell] + 1))


def _cut(flat: NDArray[Any], begin: int, *shape: int) -> Floats:
    return flat[begin : begin + int(np.prod(shape))].reshape(shape)


def _curves(cells: Indices, bins: Indices, left: Floats, died: Floats) -> Curves:
    """Curves of cells from what leaves and dies by place, shapes (c, 64, places)."""
    at_risk = left[:, :, 1:].sum(axis=2, keepdims=True)
    inner = slice(1, left.shape[2] - 1)
    left, died = left[:, :, inner], died[:, :, inner]
    exposed = np.cumsum(left, axis=2)
    exposed -= left
    np.subtract(at_risk, exposed, out=exposed)
    d, n = died.sum(axis=1, keepdims=True), exposed.sum(axis=1, keepdims=True)
    rest = n - exposed
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = np.where(rest > 1e-9 * n, (d - died) / rest, 0.0)
        everyone = np.cumprod(np.clip(1 - np.where(n > 0, d / n, 0.0), 0, 1), axis=2)
    others = np.cumprod(np.clip(1 - lost, 0, 1), axis=2)
    return Curves(cells, others - everyone, bins)


def _bin_of(number: Indices, events: Indices) -> tuple[Indices, Floats]:
    """The bin that an event time lies in, and how far into it, up to 1 at its end."""
    bins = np.minimum(events, BINS)
    own = number * bins // events
    first = -(-own * events // bins)
    after = -(-(own + 1) * events // bins)
    return own, (number - first + 1) / (after - first)


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
    where, part = _bin_of(number, events[of])
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


def _within(steps: Floats, start: Indices, own: Indices) -> Floats:
    """Running sums that begin anew with every cell."""
    running = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(running[1:] - running[start[:-1]][own])


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
