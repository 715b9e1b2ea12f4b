"""Life tables of many cells at once, and their curves without each bucket.

Survival and Greenwood's variance are taken at every event time. The jackknife, which is 64 curves
a cell, is taken at no more than `BINS` times a cell, spread evenly over the events that count, and
drawn straight between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heedful.stats.estimate import BUCKETS, Floats

BINS = 48
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


def bin_of(number: Indices, events: Indices) -> tuple[Indices, Floats]:
    """The bin that an event time lies in, and how far into it, up to 1 at its end."""
    bins = np.minimum(events, BINS)
    own = number * bins // events
    first = -(-own * events // bins)
    after = -(-(own + 1) * events // bins)
    return own, (number - first + 1) / (after - first)


def _within(steps: Floats, start: Indices, own: Indices) -> Floats:
    """Running sums that begin anew with every cell."""
    running = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(running[1:] - running[start[:-1]][own])
