"""Sums and sums of products of units, from which means, ratios and adjustments are computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heedful.stats.estimate import Floats

RESOLUTION = 1e-12
"""A standard deviation up to this share of the mean is that of floating point, not of units."""

EPSILON = float(np.finfo(np.float64).eps)
"""A sum of n terms is off by up to n times this share of itself (Higham 2002, 4.2)."""

_LAST = 8  # roundings of a sum of squares that do not depend on the number of terms
_IMPOSSIBLE = 8.0  # times the rounding that a sum of squares may be below 0
_SAMPLED = 4096
_BLOCKED = 40
"""From so many sums a cell on, sorting the rows once beats summing column by column (measured)."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Number, sums and sums of products of k variables, for cells of any leading shape.

    All sums are taken about a fixed shift: raw sums of squares of numbers near 1e9 have no digits
    left for a standard deviation of 1. Moments of disjoint rows add up, whatever their shifts, so
    cells can be merged, and accumulated over days, without going back to the rows.

    Attributes:
        n: rows of each cell, shape (...).
        sums: sums of `v - shift`, shape (..., k).
        products: sums of `(v - shift)(v - shift)'`, shape (..., k, k).
        shift: shape (k,); any constant near the means keeps the digits.
    """

    n: Floats
    sums: Floats
    products: Floats
    shift: Floats

    def __post_init__(self) -> None:
        k = self.shift.shape
        if len(k) != 1 or self.sums.shape != self.n.shape + k:
            raise ValueError(
                f"n has shape {self.n.shape}, sums {self.sums.shape}, shift {k}; "
                "sums have shape (..., k), n (...), shift (k,)"
            )
        if self.products.shape != self.n.shape + k + k:
            raise ValueError(
                f"products have shape {self.products.shape}; they need {self.n.shape + k + k}"
            )

    @classmethod
    def of(
        cls,
        values: ArrayLike,
        cells: ArrayLike | None = None,
        count: int = 1,
        shift: ArrayLike | None = None,
    ) -> Self:
        """Sum rows.

        Args:
            values: one row a unit, shape (rows, k), or (rows,) for one variable. Every number must
                be finite: whoever knows what a missing number means leaves the row out or fills it.
            cells: the cell of each row, whole numbers from 0 to `count - 1`; all in cell 0 without.
            count: number of cells.
            shift: constants near the means, shape (k,); `near` the means of all rows without.

        Returns:
            Moments of shape (count,).

        Raises:
            ValueError: for numbers that are not finite, cells out of range, or wrong shapes.

        >>> spent = Moments.of([[1.0], [3.0], [8.0]], cells=[0, 0, 1], count=2)
        >>> spent.mean.tolist(), spent.covariance[0].tolist()
        ([[2.0], [8.0]], [[2.0]])
        """
        rows = np.asarray(values, dtype=np.float64)
        if rows.ndim == 1:
            rows = rows[:, None]
        if rows.ndim != 2:
            raise ValueError(f"values have shape {rows.shape}; give (rows, variables)")
        _all_finite(rows)
        k = rows.shape[1]
        if shift is not None:
            about = np.asarray(shift, dtype=np.float64).reshape(-1)
            if about.shape != (k,) or not np.isfinite(about).all():
                raise ValueError(f"shift is {about.tolist()}; give one finite number a variable")
        else:
            about = _middle(rows)
        index = _checked(cells, len(rows), count)
        if index is None or count == 1:
            moved = rows - about
            n = np.array([float(len(rows))])
            sums, products = moved.sum(axis=0)[None], (moved.T @ moved)[None]
        elif k + k * (k + 1) // 2 > _BLOCKED and len(rows) >= 8 * count:
            n, sums, products = _by_block(rows, index, count, about)
        else:
            n, sums, products = _by_column(rows, index, count, about)
        return cls(n, sums, products, about)

    @property
    def shape(self) -> tuple[int, ...]:
        """The leading shape: that of `n`."""
        return self.n.shape

    @property
    def variables(self) -> int:
        """Number of variables, k."""
        return len(self.shift)

    def __getitem__(self, index: Any) -> "Moments":
        """Some cells, by an index into the leading dimensions."""
        given = index if isinstance(index, tuple) else (index,)
        whole = (slice(None),) if any(each is Ellipsis for each in given) else ()
        return Moments(
            np.asarray(self.n[given]),
            np.asarray(self.sums[given + whole]),
            np.asarray(self.products[given + whole + whole]),
            self.shift,
        )

    def reshape(self, *shape: int) -> "Moments":
        """The same cells with another leading shape; one dimension may be -1."""
        n = self.n.reshape(shape)
        k = self.variables
        return Moments(
            n, self.sums.reshape(*n.shape, k), self.products.reshape(*n.shape, k, k), self.shift
        )

    def sum(self, axis: int | tuple[int, ...] | None = None) -> "Moments":
        """Merge cells along leading dimensions; all of them without `axis`."""
        dimensions = len(self.shape)
        given = range(dimensions) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        along = tuple(self._dimension(each) for each in given)
        return Moments(
            np.asarray(self.n.sum(axis=along)),
            self.sums.sum(axis=along),
            self.products.sum(axis=along),
            self.shift,
        )

    def cumulative(self, axis: int) -> "Moments":
        """Running totals along a leading dimension, such as days."""
        along = self._dimension(axis)
        return Moments(
            self.n.cumsum(axis=along),
            self.sums.cumsum(axis=along),
            self.products.cumsum(axis=along),
            self.shift,
        )

    def select(self, variables: Sequence[int]) -> "Moments":
        """Moments of some variables, in this order."""
        chosen = np.asarray(variables, dtype=np.intp)
        return Moments(
            self.n,
            self.sums[..., chosen],
            self.products[..., chosen[:, None], chosen],
            self.shift[chosen],
        )

    def shifted(self, shift: ArrayLike) -> "Moments":
        """The same rows about another shift, shape (k,)."""
        about = np.asarray(shift, dtype=np.float64)
        moved = self.shift - about
        count = self.n[..., None]
        cross = self.sums[..., :, None] * moved
        return Moments(
            self.n,
            self.sums + count * moved,
            self.products
            + cross
            + np.swapaxes(cross, -1, -2)
            + count[..., None] * np.outer(moved, moved),
            about,
        )

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of the rows of both, cell by cell."""
        if self.shape != other.shape or self.variables != other.variables:
            raise ValueError(
                f"moments of shape {self.shape} and {self.variables} variables cannot be added to "
                f"shape {other.shape} and {other.variables} variables; both must be the same"
            )
        near = other if np.array_equal(self.shift, other.shift) else other.shifted(self.shift)
        return Moments(
            self.n + near.n, self.sums + near.sums, self.products + near.products, self.shift
        )

    @property
    def mean(self) -> Floats:
        """Means, shape (..., k); NaN in cells without rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self.shift + self.sums / self.n[..., None]
            # Of units that are all 0 about another shift, rounding would leave a tiny mean.
            found[np.abs(found) <= RESOLUTION * np.abs(self.shift)] = 0.0
            return np.asarray(found)

    @property
    def covariance(self) -> Floats:
        """Covariances with divisor n - 1, shape (..., k, k); NaN in cells under 2 rows.

        A variable that differs by rounding only has covariances of exactly 0; one whose sums no
        rows can have (squares below those of the mean) has none.
        """
        n = self.n[..., None, None]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            outer = self.sums[..., :, None] * self.sums[..., None, :] / n
            squares = self.products - outer
            found = np.where(n >= 2, squares / (n - 1), np.nan)
            deviation = np.einsum("...kk->...k", squares)
            raw = np.einsum("...kk->...k", self.products)
            count = self.n[..., None]
            noise = np.maximum(
                (count + _LAST) * EPSILON * raw, count * (RESOLUTION * self.mean) ** 2
            )
            constant = (deviation <= noise) & np.isfinite(noise)
        if constant.any():
            found[(constant[..., :, None] | constant[..., None, :]) & (n >= 2)] = 0.0
            impossible = constant & (deviation < -_IMPOSSIBLE * noise)
            found[impossible[..., :, None] | impossible[..., None, :]] = np.nan
        return np.asarray(found)

    def _dimension(self, axis: int) -> int:
        dimensions = len(self.shape)
        if not -dimensions <= axis < dimensions:
            raise ValueError(f"axis {axis} of moments with {dimensions} leading dimensions")
        return axis % dimensions


def near(mean: ArrayLike, deviation: ArrayLike) -> Floats:
    """Shifts near means that keep sums of whole numbers, and of units that are all 0, exact.

    Multiples of a power of 2 of about the standard deviation have few digits, so that subtracting
    and summing them does not round.

    Args:
        mean: means of all units, roughly.
        deviation: standard deviations of all units, roughly; 0 gives the mean itself.

    >>> near([4.13, 1e9 + 0.3, 0.02], [1.1, 1.0, 0.14]).tolist()
    [4.0, 1000000000.0, 0.0]
    """
    means = np.asarray(mean, dtype=np.float64)
    spread = np.asarray(deviation, dtype=np.float64)
    known = np.isfinite(spread) & (spread > 0)
    step = np.exp2(np.floor(np.log2(np.where(known, spread, 1.0))))
    # Further out than this, whole steps have no fewer digits than the mean itself.
    known &= np.abs(means) < step * 2.0**40
    return np.where(known, np.rint(means / step) * step, means)


def squared_deviations(n: float, total: float, product: float, mean: float) -> float:
    """Sum of squared deviations from the mean, of one variable of one cell.

    The same as the diagonal of `covariance` times n - 1, quicker for single numbers.

    Args:
        n: rows, at least 1.
        total: sum of `v - shift`.
        product: sum of `(v - shift)` squared.
        mean: mean of v.

    Returns:
        Exactly 0 where the rows differ by rounding only; NaN for sums that are not finite, or that
        no rows can have.

    >>> squared_deviations(2, 0.0, 2.0, 5.0), squared_deviations(3, 0.3, 0.03, 0.1)
    (2.0, 0.0)
    """
    squares = product - total * total / n
    noise = max((n + _LAST) * EPSILON * product, n * (RESOLUTION * mean) ** 2)
    if not isfinite(noise) or squares < -_IMPOSSIBLE * noise:
        return nan
    return 0.0 if squares <= noise else squares


def _middle(rows: Floats) -> Floats:
    """A shift for these rows, from some of them: only its size matters, not its last digits."""
    if len(rows) == 0:
        return np.zeros(rows.shape[1])
    some = rows[:: max(1, len(rows) // _SAMPLED)]
    return near(some.mean(axis=0), some.std(axis=0))


def _all_finite(rows: Floats) -> None:
    # A sum is finite unless a number is not, or unless it overflows; the slow look comes then only.
    if np.isfinite(rows.sum()):
        return
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        row, variable = bad[0].tolist()
        raise ValueError(
            f"{len(bad)} numbers are missing or not finite (the first in row {row}, variable "
            f"{variable}); leave these rows out or fill them, whichever is right for the measure"
        )


def _checked(cells: ArrayLike | None, rows: int, count: int) -> NDArray[np.integer[Any]] | None:
    if count < 1:
        raise ValueError(f"count is {count}; there must be at least one cell")
    if cells is None:
        return None
    index = np.asarray(cells)
    if index.shape != (rows,):
        raise ValueError(f"cells have shape {index.shape}; give one a row, ({rows},)")
    if rows == 0:
        return index.astype(np.intp)
    if not np.issubdtype(index.dtype, np.integer):
        raise ValueError(f"cells are {index.dtype}; give whole numbers from 0 to {count - 1}")
    low, high = int(index.min()), int(index.max())
    if low < 0 or high >= count:
        raise ValueError(f"cells run from {low} to {high}; allowed: 0 to {count - 1}")
    return index


_Sums = tuple[Floats, Floats, Floats]


def _by_column(rows: Floats, index: NDArray[np.integer[Any]], count: int, about: Floats) -> _Sums:
    k = rows.shape[1]
    n = np.bincount(index, minlength=count).astype(np.float64)
    moved = [rows[:, each] - about[each] for each in range(k)]
    sums = np.empty((count, k))
    products = np.empty((count, k, k))
    for a in range(k):
        sums[:, a] = np.bincount(index, moved[a], minlength=count)
        for b in range(a + 1):
            total = np.bincount(index, moved[a] * moved[b], minlength=count)
            products[:, a, b] = products[:, b, a] = total
    return n, sums, products


def _by_block(rows: Floats, index: NDArray[np.integer[Any]], count: int, about: Floats) -> _Sums:
    k = rows.shape[1]
    small = index.astype(np.min_scalar_type(count))  # short integers are sorted by radix
    order = np.argsort(small, kind="stable")
    n = np.bincount(index, minlength=count)
    sums = np.zeros((count, k))
    products = np.zeros((count, k, k))
    ends = np.cumsum(n)
    for cell in np.flatnonzero(n).tolist():
        moved = rows[order[ends[cell] - n[cell] : ends[cell]]] - about
        sums[cell] = moved.sum(axis=0)
        products[cell] = moved.T @ moved
    return n.astype(np.float64), sums, products
