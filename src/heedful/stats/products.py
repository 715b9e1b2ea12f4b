"""Products of totals and ratios of bucket sums, such as a pipeline's velocity."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import BUCKETS, Estimate, Estimates, Floats, Why
from heedful.stats.jackknife import SKEWED, limits, skewness, variances
from heedful.stats.sums import (
    ROUNDING,
    Ratios,
    bucket_sums,
    counts,
    one_cell,
    single,
    student,
    withheld,
)

Factor = tuple[ArrayLike, ArrayLike | None]
"""Sums above and below; without those below it is a total."""


def products(
    factors: Sequence[Factor], n: ArrayLike, customers: ArrayLike, *, level: float = 0.95
) -> Estimates:
    """Products of totals and ratios of many cells, with jackknife intervals.

    A product of smooth functions of bucket sums is one itself, so its replicates are the products
    of its factors' replicates (Shao and Tu 1995, section 2.3), with the covariances that the
    factors have because the same customers stand behind them. A total without a bucket is taken
    times 64 / 63, as in `totals`. The interval of what is positive with and without every bucket
    is made on the log scale, on which a product is a sum: misses are balanced, and no end is
    negative.

    Args:
        factors: sums above and below of each factor, shape (cells, 64); None below: a total.
        n: rows, shape (cells, 64), or (cells,) or a number for totals over buckets.
        customers: distinct customers, with the same choice of shapes.
        level: two-sided confidence level.

    Returns:
        No value where a factor has none: no rows, or a denominator that is not positive. No
        interval for fewer than 30 customers.

    Raises:
        ValueError: for other shapes, or without factors.
    """
    if not factors:
        raise ValueError("a product needs at least one factor")
    cells = len(bucket_sums(factors[0][0]))
    value, replicates = np.ones(cells), np.ones((cells, BUCKETS))
    why = np.zeros(cells, dtype=np.uint8)
    why[counts(n, cells) <= 0] = Why.NO_DATA
    held = np.zeros((cells, BUCKETS), dtype=bool)
    totalled = False
    for above, below in factors:
        sums = bucket_sums(above)
        held |= sums != 0
        if below is None:
            totalled = True
            theta = sums.sum(axis=1)
            without = (theta[:, None] - sums) * (BUCKETS / (BUCKETS - 1))
            codes = np.where(np.isfinite(theta), Why.NOTHING, Why.NOT_FINITE).astype(np.uint8)
        else:
            held |= bucket_sums(below) != 0
            parted = Ratios.of(sums, below, 1, 1)
            # Rows there are, by `n`; what this factor lacks is something to divide by.
            codes = np.where(parted.why == Why.NO_DATA, Why.NO_DENOMINATOR, parted.why)
            theta, without = parted.value, parted.replicates
        why = np.where(why == Why.NOTHING, codes, why).astype(np.uint8)
        with np.errstate(invalid="ignore"):
            value, replicates = value * theta, replicates * without
    good = why == Why.NOTHING
    value = np.where(good, value, np.nan)
    replicates[~good] = np.nan
    # An observed 0 of a total counts, so with one all buckets do.
    groups = np.full(cells, float(BUCKETS)) if totalled else held.sum(axis=1).astype(np.float64)
    variance = variances(replicates, value, groups)
    with np.errstate(invalid="ignore"):
        alike = np.sqrt(variance) <= ROUNDING * np.abs(value)
    variance = np.where(alike, 0.0, variance)
    why = withheld(why, counts(customers, cells), groups - 1, variance)
    return _on_log_scale(student(value, replicates, groups - 1, why, level), groups - 1)


def _on_log_scale(found: Estimates, df: Floats) -> Estimates:
    """The same with intervals of the logarithm, where there is one with and without each bucket."""
    with np.errstate(invalid="ignore"):
        positive = (found.value > 0) & (found.replicates > 0).all(axis=1)
    value = np.log(np.where(positive, found.value, 1.0))
    replicates = np.log(np.where(positive[:, None], found.replicates, 1.0))
    low, high = limits(value, replicates, df, found.level, corrected=False)
    shown = positive & (found.why == Why.NOTHING)
    return replace(
        found,
        low=np.where(shown, np.exp(low), found.low),
        high=np.where(shown, np.exp(high), found.high),
        skewed=np.where(shown, np.abs(skewness(replicates, value)) > SKEWED, found.skewed),
    )


def product(
    factors: Sequence[Factor], n: ArrayLike, customers: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """One product: `products` for bucket sums with shape (64,).

    >>> import numpy as np
    >>> open_, won, closed = np.ones(64), np.tile([0.0, 1.0], 32), np.ones(64)
    >>> found = product([(open_, None), (won, closed)], n=closed, customers=closed)
    >>> found.value, round(found.low, 1), round(found.high, 1)
    (32.0, 24.9, 41.2)
    """
    cells: list[Factor] = []
    for above, below in factors:
        sums = one_cell("product", *([above] if below is None else [above, below]))
        cells.append((sums[0], sums[1] if below is not None else None))
    return products(cells, single(n), single(customers), level=level)[0]
