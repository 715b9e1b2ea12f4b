"""Quantiles of rows of groups of units, of which each may have several rows.

What needs the rows can be asked of a database in three steps, each with flat memory:

1. the quantile of each group's rows, such as `quantile_cont(v, 0.5)`;
2. of each unit its rows up to that value and all its rows, summed as `Moments` of (y, x), whose
   `groups(..., ratio=True)` is the share up to the quantile with its clustered variance; where
   values repeat, the same of the rows strictly below it;
3. the quantiles at the two `ranks`, for `quantile_group`.
"""

from __future__ import annotations

from math import isfinite, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.contrast import FixedHorizon
from heedful.stats.groups import Group, groups
from heedful.stats.moments import Moments

TIED = 0.1
"""Rows on the quantile itself, as a part of those between the ranks, from which steps matter."""


class Ranks(NamedTuple):
    """Between which ranks the quantile lies for all that the sample tells.

    Attributes:
        lower: between 0 and 1.
        upper: between 0 and 1.
        open: a rank had to be cut at 0 or 1: there is too little data on that side.
    """

    lower: float
    upper: float
    open: bool


def ranks(share: Group, q: float, *, below: Group | None = None, level: float = 0.95) -> Ranks:
    """The two ranks whose quantiles `quantile_group` needs: `q -+ t s` (Woodruff 1952).

    Args:
        share: share of rows up to the sample quantile, with its clustered variance.
        q: between 0 and 1.
        below: share of rows strictly below it, where values repeat. Each share's variance is
            brought to `q` by `q (1 - q) / share (1 - share)`, and the larger one taken.
        level: two-sided confidence level of the ranks.

    Returns:
        NaN for both where the shares have no variance: fewer than 2 units with rows, or all rows
        of all units on one value.

    Raises:
        ValueError: for a `q` outside (0, 1).

    >>> median = ranks(Group(0.5, 0.25 / 99, 99.0, 100.0), 0.5)
    >>> round(median.lower, 3), round(median.upper, 3), median.open
    (0.4, 0.6, False)
    """
    s, t = _error(share, q, below), FixedHorizon(1 - level).multiplier(share.df)
    if isnan(s * t):
        return Ranks(nan, nan, True)
    lower, upper = q - t * s, q + t * s
    return Ranks(max(lower, 0.0), min(upper, 1.0), lower < 0 or upper > 1)


def _error(share: Group, q: float, below: Group | None) -> float:
    """Standard error of the share of rows below the true quantile."""
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must lie between 0 and 1, such as 0.5 for the median")
    variances = [
        each.variance * q * (1 - q) / (each.value * (1 - each.value))
        for each in (share, below)
        if each is not None and 0 < each.value < 1 and each.variance > 0
    ]
    return sqrt(max(variances)) if variances else nan


def quantile_group(
    value: float,
    share: Group,
    lower: float,
    upper: float,
    q: float,
    *,
    below: Group | None = None,
    level: float = 0.95,
) -> Group:
    """The quantile of a group, with the variance that the width between two ranks tells.

    Woodruff's interval from `lower` to `upper` is turned into a standard error: its width over
    that of as many standard errors. Differences between groups then have an interval like any
    other. Where many rows lie on the quantile itself, the quantile moves in steps: the longer half
    counts on both sides, since otherwise two groups of the same whole numbers differ 46% of the
    time (measured, with a step next to the median).

    Args:
        value: the quantile of the group's rows.
        share: as for `ranks`.
        lower: the quantile at the lower of the `ranks`.
        upper: the quantile at the upper of the `ranks`.
        q: as for `ranks`.
        below: as for `ranks`.
        level: as for `ranks`.

    Returns:
        No variance where a rank had to be cut (too little data beyond the quantile), or where both
        ranks fall on the same value (values too coarse to tell how the quantile moves).

    Raises:
        ValueError: for a `q` outside (0, 1).

    >>> share = Group(0.5, 0.25 / 99, 99.0, 100.0)
    >>> median = quantile_group(50.0, share, lower=40.0, upper=60.0, q=0.5)
    >>> median.value, round(median.variance**0.5, 2)
    (50.0, 5.04)
    """
    reached = ranks(share, q, below=below, level=level)
    if not isfinite(value):
        return Group(nan, nan, nan, share.n)
    width, apart = upper - lower, reached.upper - reached.lower
    if reached.open or not isfinite(width) or width <= 0:
        return Group(value, nan, share.df, share.n)
    if below is not None and share.value - below.value > TIED * apart:
        width = 2 * max(value - lower, upper - value)
    return Group(value, (width / apart * _error(share, q, below)) ** 2, share.df, share.n)


def quantile_of_rows(
    values: ArrayLike, units: ArrayLike, q: float, *, level: float = 0.95
) -> Group:
    """All three steps for rows in memory.

    Args:
        values: one a row, shape (m,); NaN is left out.
        units: the unit of each row, any labels, shape (m,).
        q: between 0 and 1.
        level: two-sided confidence level of the ranks.

    Returns:
        No value without rows.

    Raises:
        ValueError: for a `q` outside (0, 1), or other shapes.

    >>> waits = quantile_of_rows(range(101), range(101), 0.5)
    >>> waits.value, round(waits.variance**0.5, 2), waits.n
    (50.0, 5.0, 101.0)
    """
    rows = np.asarray(values, dtype=np.float64)
    labels = np.asarray(units)
    if rows.ndim != 1 or rows.shape != labels.shape:
        raise ValueError(
            f"values have shape {rows.shape} and units {labels.shape}; give one of each a row"
        )
    kept = ~np.isnan(rows)
    rows, labels = rows[kept], labels[kept]
    if not len(rows):
        return Group(nan, nan, nan, 0.0)
    value = float(np.quantile(rows, q))
    unit = np.unique(labels, return_inverse=True)[1]
    number = np.bincount(unit)

    def part(flags: ArrayLike) -> Group:
        counts = np.column_stack([np.bincount(unit, np.asarray(flags, np.float64)), number])
        return groups(Moments.of(counts), ratio=True)[0]

    share, below = part(rows <= value), part(rows < value)
    reached = ranks(share, q, below=below, level=level)
    if isnan(reached.lower):
        return Group(value, nan, share.df, share.n)
    lower, upper = np.quantile(rows, [reached.lower, reached.upper]).tolist()
    return quantile_group(value, share, lower, upper, q, below=below, level=level)
