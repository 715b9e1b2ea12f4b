"""Quantiles of many cells at once; `quantiles.quantile` says what each of them is."""

from math import nan

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
from heedful.stats.student import t_quantiles

ROWS = 1 << 17
"""About as many rows are worked on at once."""


def quantile_cells(
    value: ArrayLike,
    count: ArrayLike,
    bucket: ArrayLike,
    start: ArrayLike,
    customers: ArrayLike,
    q: float = 0.5,
    *,
    level: float = 0.95,
) -> Estimates:
    """Quantile of each cell, as `quantile` gives it, for rows that are already in order.

    Args:
        value: values of the rows, cell after cell and ascending within each, shape (m,).
        count: how many rows each stands for, whole numbers, shape (m,).
        bucket: bucket of each, 0 to 63, shape (m,).
        start: where each cell begins, and the end of the last, shape (cells + 1,).
        customers: distinct customers of each cell, shape (cells,).
        q: between 0 and 1.
        level: two-sided confidence level.

    Raises:
        ValueError: for a `q` outside (0, 1).

    >>> import numpy as np
    >>> found = quantile_cells(np.arange(202) % 101, np.ones(202), np.arange(202) % 64,
    ...                   [0, 101, 202], [101, 101])
    >>> found.value.tolist(), found.low.round().tolist()
    ([50.0, 50.0], [40.0, 40.0])
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must lie between 0 and 1, such as 0.5 for the median")
    starts = np.asarray(start, dtype=np.intp)
    values, people = np.asarray(value, dtype=np.float64), np.asarray(customers, dtype=np.float64)
    counts, buckets = np.asarray(count, dtype=np.float64), np.asarray(bucket, dtype=np.intp)
    found = []
    for cells in cell_parts(np.diff(starts), ROWS):
        own = starts[cells.start : cells.stop + 1]
        mine = slice(own[0], own[-1])
        rows = _Rows(values[mine], counts[mine], buckets[mine], own - own[0])
        found.append(_quantiles(rows, people[cells], q, level))
    return Estimates.joined(found)


def _quantiles(rows: "_Rows", people: Floats, q: float, level: float) -> Estimates:
    size = rows.cells
    some = rows.total > 0
    middle = rows.at(np.full(size, q))
    finite = np.isfinite(middle) | ~some
    up_to, every = rows.below(rows.place(middle, "right")), rows.every
    held = np.count_nonzero(every, axis=1)
    deviations, variance = _deviations(up_to, every, held, q)
    strictly = rows.place(middle, "left")
    tied = np.flatnonzero(rows.running_at(strictly) < up_to.sum(axis=1))
    if len(tied):
        other, more = _deviations(rows.below(strictly)[tied], every[tied], held[tied], q)
        larger = more > variance[tied]
        deviations[tied[larger]], variance[tied[larger]] = other[larger], more[larger]
    with np.errstate(invalid="ignore", divide="ignore"):
        s = np.sqrt(np.maximum(variance, q * (1 - q) / rows.total))
        t = t_quantiles(level, held.astype(np.float64) - 1)
        ends = q - t * s, q + t * s
        inside = np.clip(ends[0], 0.0, 1.0), np.clip(ends[1], 0.0, 1.0)
        reached = rows.at(np.nan_to_num(inside[0])), rows.at(np.nan_to_num(inside[1]))
        error = np.where(s > 0, s * (reached[1] - reached[0]) / (inside[1] - inside[0]), 0.0)
        factor = np.where(variance > 0, error / np.sqrt(variance), 0.0)
    replicates = middle[:, None] - deviations * factor[:, None]
    single = held < 2
    # Without its only bucket a cell has no rows; without any other it is as it was.
    replicates[single] = np.where(every[single] > 0, nan, middle[single, None])
    few = people < LEAST_CUSTOMERS
    none = single | few | ~some | ~finite
    open_below, open_above = ends[0] < 0, ends[1] > 1
    low = np.where(none | open_below, nan, np.minimum(reached[0], middle))
    high = np.where(none | open_above, nan, np.maximum(reached[1], middle))
    why = np.select(
        [~some, ~finite, few, single, open_below & open_above, open_below, open_above],
        [
            Why.NO_DATA,
            Why.NOT_FINITE,
            Why.FEW_CUSTOMERS,
            Why.ONE_BUCKET,
            Why.OPEN,
            Why.OPEN_BELOW,
            Why.OPEN_ABOVE,
        ],
        Why.NOTHING,
    )
    shown = np.isfinite(low) | np.isfinite(high)
    replicates[~some | ~finite] = nan
    return Estimates(
        value=np.where(some & finite, middle, nan),
        low=low,
        high=high,
        why=why.astype(np.uint8),
        replicates=replicates,
        method=np.where(shown, Method.WOODRUFF, Method.NONE).astype(np.uint8),
        df=np.where(single | ~finite, np.inf, held - 1.0),
        skewed=np.zeros(size, dtype=np.bool_),
        level=level,
    )


class _Rows:
    """Rows of cells in order, with what is asked of them again and again."""

    def __init__(
        self, value: Floats, count: Floats, bucket: NDArray[np.intp], start: NDArray[np.intp]
    ) -> None:
        self.value, self.count, self.start = value, count, start
        self.cells = len(start) - 1
        running = np.concatenate([[0.0], np.cumsum(count)])
        self.running = running
        self.base = running[start[:-1]]
        self.total = running[start[1:]] - self.base
        cell = np.repeat(np.arange(self.cells), np.diff(start))
        self.key = cell * BUCKETS + bucket
        self.cell = cell
        self.every = self._summed(count)

    def _summed(self, weight: Floats) -> Floats:
        flat = np.bincount(self.key, weight, minlength=self.cells * BUCKETS)
        return flat.reshape(self.cells, BUCKETS).astype(np.float64)

    def at(self, q: Floats) -> Floats:
        """The R-7 quantile of each cell at its own `q`."""
        place = np.maximum(self.total - 1, 0) * q
        first = np.floor(place)
        end = np.maximum(self.start[1:] - 1, self.start[:-1])
        left, right = (
            np.clip(np.searchsorted(self.running, self.base + one, side="right") - 1, 0, end)
            for one in (first, first + 1)
        )
        if not len(self.value):
            return np.full(self.cells, nan)
        most = len(self.value) - 1
        a, b = self.value[np.minimum(left, most)], self.value[np.minimum(right, most)]
        # The weighted mean of equals may differ from them by rounding.
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(a == b, a, a + (b - a) * (place - first)))

    def place(self, limit: Floats, side: str) -> NDArray[np.intp]:
        """By bisection, where each cell's limit stands: behind its equals (`right`) or before."""
        low, high = self.start[:-1].copy(), self.start[1:].copy()
        while np.any(low < high):
            middle = (low + high) // 2
            value = self.value[np.minimum(middle, len(self.value) - 1)]
            before = value <= limit if side == "right" else value < limit
            open_ = low < high
            low = np.where(open_ & before, middle + 1, low)
            high = np.where(open_ & ~before, middle, high)
        return low

    def running_at(self, place: NDArray[np.intp]) -> Floats:
        """How much of each cell stands before a place."""
        return np.asarray(self.running[place] - self.base)

    def below(self, place: NDArray[np.intp]) -> Floats:
        """Bucket sums of each cell's rows before a place, shape (cells, 64)."""
        before = np.arange(len(self.value)) < place[self.cell]
        return self._summed(self.count * before)


def _deviations(
    below: Floats, every: Floats, held: NDArray[np.intp], q: float
) -> tuple[Floats, Floats]:
    """What leaving out each bucket does to the share below, and that share's variance at q."""
    with np.errstate(invalid="ignore", divide="ignore"):
        under, all_ = below.sum(axis=1, keepdims=True), every.sum(axis=1, keepdims=True)
        share = under / all_
        deviations = (under - below) / (all_ - every) - share
        variance = (held - 1) / held * np.einsum("cb,cb->c", deviations, deviations)
        spread = (share * (1 - share))[:, 0]
        return deviations, np.where(spread > 0, variance * q * (1 - q) / spread, 0.0)
