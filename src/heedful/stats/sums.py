"""Means, ratios, rates and totals of bucket sums, for many cells at once."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heedful.stats.estimate import (
    BUCKETS,
    LEAST_CUSTOMERS,
    Codes,
    Estimate,
    Estimates,
    Floats,
    Method,
    Why,
)
from heedful.stats.jackknife import SKEWED, limits, skewness, variances

ROUNDING = 1e-9
"""Relative differences up to this are those of floating point, not of customers."""


def one_cell(name: str, *sums: ArrayLike) -> list[Floats]:
    """Bucket sums of a single cell as cells of one, with the shape checked."""
    arrays = [np.asarray(each, dtype=np.float64) for each in sums]
    for array in arrays:
        if array.shape != (BUCKETS,):
            raise ValueError(
                f"{name}: bucket sums of one cell have shape ({BUCKETS},), found {array.shape}; "
                "for many cells use the function with the plural name"
            )
    return [array[None, :] for array in arrays]


def bucket_sums(sums: ArrayLike) -> Floats:
    """Bucket sums with shape (cells, 64); a null sum (NaN: no values in the bucket) counts as 0."""
    array = np.asarray(sums, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != BUCKETS:
        raise ValueError(f"bucket sums have shape (cells, {BUCKETS}), found {array.shape}")
    return np.where(np.isnan(array), 0.0, array)


def counts(numbers: ArrayLike, cells: int) -> Floats:
    """One count a cell: shape (cells, 64) is summed, (cells,) or a number is taken as it is."""
    array = np.asarray(numbers, dtype=np.float64)
    if array.ndim == 2:
        array = bucket_sums(array).sum(axis=1)
    return np.broadcast_to(array, (cells,))


def groups(numbers: ArrayLike, otherwise: NDArray[np.bool_]) -> Floats:
    """Buckets that hold rows, a cell; `otherwise` (cells, 64) decides if counts came as totals."""
    array = np.asarray(numbers, dtype=np.float64)
    held = array > 0 if array.ndim == 2 else otherwise
    return np.asarray(held.sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Ratios:
    """Sums y / x of many cells before an interval is chosen; see `Estimates` for the shapes."""

    value: Floats
    replicates: Floats
    variance: Floats
    rows: Floats
    customers: Floats
    df: Floats
    why: Codes

    @classmethod
    def of(cls, y: ArrayLike, x: ArrayLike, n: ArrayLike, customers: ArrayLike) -> "Ratios":
        """Divide the sums, on all data and without each bucket."""
        above, below = bucket_sums(y), bucket_sums(x)
        cells = len(above)
        rows = counts(n, cells)
        filled = groups(n, (above != 0) | (below != 0))
        upper, lower = above.sum(axis=1), below.sum(axis=1)
        why = np.zeros(cells, dtype=np.uint8)
        why[~(lower > 0)] = Why.NO_DENOMINATOR
        why[~np.isfinite(upper) | ~np.isfinite(lower)] = Why.NOT_FINITE
        why[(rows <= 0) | ((lower == 0) & (upper == 0))] = Why.NO_DATA
        good = why == Why.NOTHING
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(good, upper / lower, np.nan)
            rest = lower[:, None] - below
            # What is left by rounding when one bucket holds everything is not a denominator.
            left = rest > 1e-12 * lower[:, None]
            replicates = np.where(left, (upper[:, None] - above) / rest, np.nan)
        replicates[~good] = np.nan
        return cls(
            value=value,
            replicates=replicates,
            variance=variances(replicates, value, filled),
            rows=rows,
            customers=counts(customers, cells),
            df=filled - 1,
            why=why,
        )


def withheld(why: Codes, customers: Floats, df: Floats, variance: Floats) -> Codes:
    """Codes of why each interval is withheld, after those of why there is no value."""
    codes = why.copy()
    for mask, reason in (
        (customers < LEAST_CUSTOMERS, Why.FEW_CUSTOMERS),
        (df < 1, Why.ONE_BUCKET),
        (np.isnan(variance), Why.UNSTABLE_DENOMINATOR),
        (variance <= 0, Why.NO_VARIATION),
    ):
        codes[(codes == Why.NOTHING) & mask] = reason
    return codes


def student(value: Floats, replicates: Floats, df: Floats, why: Codes, level: float) -> Estimates:
    """Jackknife intervals where `why` holds nothing against them."""
    shown = why == Why.NOTHING
    low, high = limits(value, replicates, df, level)
    return Estimates(
        value=value,
        low=np.where(shown, low, np.nan),
        high=np.where(shown, high, np.nan),
        why=why,
        replicates=replicates,
        method=np.where(shown, Method.JACKKNIFE, Method.NONE).astype(np.uint8),
        df=np.where(shown, df, inf),
        skewed=shown & (np.abs(skewness(replicates, value)) > SKEWED),
        level=level,
    )


def ratios(
    y: ArrayLike, x: ArrayLike, n: ArrayLike, customers: ArrayLike, *, level: float = 0.95
) -> Estimates:
    """Means, ratios and rates sum(y) / sum(x) of many cells, with jackknife intervals.

    Args:
        y: sums of the numerator, shape (cells, 64).
        x: sums of the denominator (rows, weights or exposure), shape (cells, 64).
        n: rows, shape (cells, 64), or (cells,) or a number for totals over buckets.
        customers: distinct customers, with the same choice of shapes.
        level: two-sided confidence level.

    Returns:
        No value without rows or with a denominator that is not positive; no interval for fewer
        than 30 customers.

    Raises:
        ValueError: for other shapes.
    """
    cells = Ratios.of(y, x, n, customers)
    # Sums of equal amounts differ in their last digits only; that is no variation.
    with np.errstate(invalid="ignore"):
        alike = np.sqrt(cells.variance) <= ROUNDING * np.abs(cells.value)
    variance = np.where(alike, 0.0, cells.variance)
    why = withheld(cells.why, cells.customers, cells.df, variance)
    return student(cells.value, cells.replicates, cells.df, why, level)


def ratio(
    y: ArrayLike, x: ArrayLike, n: ArrayLike, customers: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """One mean, ratio or rate: `ratios` for bucket sums with shape (64,).

    >>> import numpy as np
    >>> spent, orders = np.arange(64.0), np.ones(64)
    >>> mean = ratio(spent, orders, n=orders, customers=orders)
    >>> mean.value, round(mean.low, 2), round(mean.high, 2)
    (31.5, 26.85, 36.15)
    >>> ratio(spent[:0], orders[:0], 0, 0)
    Traceback (most recent call last):
    ValueError: ratio: bucket sums of one cell have shape (64,), found (0,); ...
    """
    above, below = one_cell("ratio", y, x)
    return ratios(above, below, single(n), single(customers), level=level)[0]


def single(numbers: ArrayLike) -> Floats:
    """Counts of a single cell, (64,) or a number, in the shape that the plural functions take."""
    array = np.asarray(numbers, dtype=np.float64)
    return array[None] if array.ndim else array


def totals(y: ArrayLike, n: ArrayLike, customers: ArrayLike, *, level: float = 0.95) -> Estimates:
    """Totals of many cells with the jackknife of bucket totals; shapes as for `ratios`.

    The number of customers is itself random, so a bucket without any is an observed 0: all 64
    buckets count. Replicates are the totals of the other buckets, times 64 / 63.
    """
    sums = bucket_sums(y)
    cells = len(sums)
    value = sums.sum(axis=1)
    why = np.zeros(cells, dtype=np.uint8)
    why[~np.isfinite(value)] = Why.NOT_FINITE
    why[counts(n, cells) <= 0] = Why.NO_DATA
    value = np.where(why == Why.NOTHING, value, np.nan)
    with np.errstate(invalid="ignore"):
        replicates = (value[:, None] - sums) * (BUCKETS / (BUCKETS - 1))
    df = np.full(cells, BUCKETS - 1.0)
    variance = variances(replicates, value, df + 1)
    why = withheld(why, counts(customers, cells), df, variance)
    return student(value, replicates, df, why, level)


def total(y: ArrayLike, n: ArrayLike, customers: ArrayLike, *, level: float = 0.95) -> Estimate:
    """One total: `totals` for bucket sums with shape (64,).

    >>> import numpy as np
    >>> total(np.zeros(64), n=0, customers=0).why
    'no data'
    """
    (sums,) = one_cell("total", y)
    return totals(sums, single(n), single(customers), level=level)[0]
