"""The value of a group of units and how sure it is: plain, with covariates, or stratified."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from heedful.stats.estimate import Floats
from heedful.stats.moments import EPSILON, RESOLUTION, Moments, squared_deviations

COLLINEAR = 1e-9
"""A covariate of whose variance others leave less than this share is left out."""

_Flags = NDArray[np.bool_]
_Numbers = list[float]


@dataclass(frozen=True, slots=True)
class Group:
    """One number of one group of units, and how sure it is.

    Attributes:
        value: the estimate, in its own unit; NaN where there is none.
        variance: variance of `value` (not of the units), in its unit squared; 0 where every unit
            shows the same, NaN where there is no value.
        df: degrees of freedom of `variance`.
        n: units behind it.
        unadjusted: the value without covariates and strata; NaN where there are neither.
        variance_reduction: share of the variance that covariates and strata took away; below 0
            where they cost more than they told. NaN where there are neither, or no variance.
    """

    value: float
    variance: float
    df: float
    n: float
    unadjusted: float = nan
    variance_reduction: float = nan


def groups(moments: Moments, *, ratio: bool, scale: float = 1.0) -> list[Group]:
    """Means or ratios of groups of units, with the variance of each.

    *Ratio*: `mean y / mean x`, with the variance of the linearised unit value
    `(y - r x) / mean x` (delta method; Deng, Knoblich and Lu 2018).

    *Covariates* (CUPED; Deng, Xu, Kohavi and Walker 2013): `value - theta'(mean z - pooled mean
    z)`. One theta for all groups, from the covariance within groups, so that an effect is not
    taken for a slope; adjusted values stay on the scale of the KPI. A covariate that is constant
    or says what others say already is left out. The variance carries what p estimated
    coefficients cost on average, `D (D - 1) / ((D - p) (D - p - 1))` with `D` units less cells:
    with few units that is more than they tell. Without `D > p + 1` there is no adjustment.

    *Strata* (post-stratification; Miratrix, Sekhon and Yu 2013): means of strata are weighted by
    the shares of strata among all units. Strata in which a group has fewer than 2 units become
    one rest stratum, which takes in the smallest others until every group has 2 units there.

    With either, the variance leaves out what all groups share (the luck of the pooled mean of z,
    and of the pooled shares, but for effects that differ between strata): it cancels in
    differences, and but for a factor of the lift in ratios.

    Args:
        moments: shape (groups,), or (groups, strata). Variables: y, then x for a ratio, then
            covariates.
        ratio: whether the second variable is the denominator.
        scale: factor to the unit in which values are shown, such as 100 for the net promoter
            score.

    Returns:
        One a group. No value for fewer than 2 units, sums that are not finite, or, of a ratio, a
        mean denominator that is not positive.

    Raises:
        ValueError: for moments of another shape, or without x for a ratio.

    >>> units = Moments.of([[1.0], [2.0], [3.0], [5.0], [7.0]], cells=[0, 0, 0, 1, 1], count=2)
    >>> [(round(g.value, 9), round(g.variance, 3), g.df) for g in groups(units, ratio=False)]
    [(2.0, 0.333, 2.0), (6.0, 1.0, 1.0)]
    """
    if len(moments.shape) not in (1, 2):
        raise ValueError(f"moments of shape {moments.shape}; give (groups,) or (groups, strata)")
    first = 2 if ratio else 1
    if moments.variables < first:
        raise ValueError("a ratio needs the variables y and x; these moments have only one")
    stratified = len(moments.shape) == 2
    total = moments.sum(axis=1) if stratified else moments
    counts = total.n.tolist()
    plain = [_plain(*parts, ratio) for parts in _parts(total, counts, first)]
    if not counts or (not stratified and moments.variables == first):
        return [
            Group(scale * value, scale * scale * variance, n - 1, n)
            for (value, variance), n in zip(plain, counts, strict=True)
        ]
    usable = _usable(total)
    cells = merged(moments, usable) if stratified else moments.reshape(-1, 1)
    columns = [column.tolist() for column in _adjusted(cells, usable, ratio=ratio)]
    return [
        Group(
            scale * value,
            scale * scale * variance,
            df,
            n,
            scale * bare,
            1 - variance / before if before > 0 else nan,
        )
        for value, variance, df, n, (bare, before) in zip(*columns, counts, plain, strict=True)
    ]


def _parts(
    total: Moments, counts: _Numbers, first: int
) -> Iterator[tuple[float, _Numbers, list[_Numbers], _Numbers]]:
    """Numbers of each group without covariates, as Python has them: quicker for so few."""
    sums = total.sums[:, :first].tolist()
    products = total.products[:, :first, :first].tolist()
    means = total.mean[:, :first].tolist()
    return zip(counts, sums, products, means, strict=True)


def _plain(
    n: float, sums: _Numbers, products: list[_Numbers], means: _Numbers, ratio: bool
) -> tuple[float, float]:
    """Value and variance of one group without covariates and strata; NaN where there is none."""
    if not n >= 2:
        return nan, nan
    y = means[0]
    yy = squared_deviations(n, sums[0], products[0][0], y)
    value, squares = y, yy
    if ratio:
        x = means[1]
        if not x > 0:
            return nan, nan
        xx = squared_deviations(n, sums[1], products[1][1], x)
        xy = products[0][1] - sums[0] * sums[1] / n if xx > 0 and yy > 0 else 0.0
        value = y / x
        squares = yy - 2 * value * xy + value * value * xx
        # Where terms cancel, what is left of them by rounding is no variation.
        noise = max(RESOLUTION, n * EPSILON) * (sqrt(yy) + abs(value) * sqrt(xx)) ** 2
        squares = 0.0 if squares <= noise else squares / (x * x)
    variance = squares / (n - 1) / n
    return (value, variance) if isfinite(value) and isfinite(variance) else (nan, nan)


def _usable(total: Moments) -> _Flags:
    finite = np.isfinite(total.sums).all(axis=-1) & np.isfinite(total.products).all(axis=(-1, -2))
    return np.asarray(finite & (total.n >= 2))


def merged(moments: Moments, usable: _Flags | None = None) -> Moments:
    """Moments (groups, strata) whose strata all have at least 2 units in every usable group.

    Args:
        moments: shape (groups, strata).
        usable: groups that count for it, shape (groups,); those with at least 2 units without.

    Returns:
        The strata that are large enough, then the rest as one, if there is one.
    """
    counting = moments.sum(axis=1).n >= 2 if usable is None else usable
    least = moments.n[counting].min(axis=0, initial=inf)
    some = moments.n.sum(axis=0) > 0
    kept = some & (least >= 2)
    if kept[some].all() or not counting.any():
        return moments[:, some]
    rest = some & ~kept
    in_order = np.flatnonzero(kept)[np.argsort(least[kept], kind="stable")].tolist()
    while in_order and moments.n[:, rest][counting].sum(axis=1).min() < 2:
        smallest = in_order.pop(0)
        kept[smallest], rest[smallest] = False, True
    parts = [moments[:, kept], moments[:, rest].sum(axis=1).reshape(-1, 1)]
    return Moments(
        np.concatenate([part.n for part in parts], axis=1),
        np.concatenate([part.sums for part in parts], axis=1),
        np.concatenate([part.products for part in parts], axis=1),
        moments.shift,
    )


def _adjusted(
    cells: Moments, usable: _Flags, *, ratio: bool
) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Values, variances and degrees of freedom of moments (groups, strata)."""
    first = 2 if ratio else 1
    with np.errstate(all="ignore"):
        covariance = cells.covariance
        impossible = np.isnan(covariance).any(axis=(2, 3)) & (cells.n >= 2)
        usable = usable & ~impossible.any(axis=1)
        counted = usable[:, None]
        n = np.where(counted, cells.n, 0.0)
        weights = n.sum(axis=0) / n.sum()
        means = np.where(counted[..., None], cells.mean, nan)
        level = weights @ means
        slope = np.zeros_like(level)  # of the value by the mean of each variable
        value = level[:, 0]
        slope[:, 0] = 1.0
        if ratio:
            below = np.where(level[:, 1] > 0, level[:, 1], nan)
            value = value / below
            slope[:, 0], slope[:, 1] = 1 / below, -value / below
        good = usable & np.isfinite(value)
        slope[~good] = 0.0
        n[~good] = 0.0
        covariance[~good] = 0.0
        price, left = 1.0, 1.0
        if cells.variables > first and good.any():
            theta, price, left = _theta(n, covariance, slope, first)
            units = n[good].ravel()
            centre = units @ means[good][..., first:].reshape(len(units), -1) / units.sum()
            value = value - (level[:, first:] - centre) @ theta
            slope[good, first:] = -theta
        variance, df = _variance(n, weights, covariance, slope)
        if cells.shape[1] > 1:
            variance, df = _with_mix(n, weights, means, slope, variance, df)
    bad = ~good
    value[bad] = variance[bad] = df[bad] = nan
    return value, variance * price, df * left


def _theta(n: Floats, covariance: Floats, slope: Floats, first: int) -> tuple[Floats, float, float]:
    """Pooled coefficients of the covariates; what they cost, and the degrees of freedom left."""
    degrees = np.maximum(n - 1, 0.0)
    residual = float(degrees.sum())
    count, strata, k, _ = covariance.shape
    within = (degrees[:, None, :] @ covariance.reshape(count, strata, k * k)).reshape(count, k, k)
    pooled = within[:, first:, first:].sum(axis=0)
    along = (within[:, first:, :] @ slope[..., None]).sum(axis=0)[:, 0]
    theta, rank = _solved(pooled.tolist(), along.tolist())
    left = residual - rank
    if rank == 0 or left <= 1:
        return np.zeros(k - first), 1.0, 1.0
    return np.array(theta), residual * (residual - 1) / (left * (left - 1)), left / residual


def _solved(matrix: list[_Numbers], along: _Numbers) -> tuple[_Numbers, int]:
    """Coefficients of the covariates, 0 for those left out, and how many stay.

    Gauss-Jordan in their order; what earlier covariates leave of a later one decides if it stays.
    """
    size = len(along)
    rows = [[*row, end] for row, end in zip(matrix, along, strict=True)]
    least = [COLLINEAR * matrix[i][i] for i in range(size)]
    kept = []
    for i in range(size):
        pivot = rows[i][i]
        if pivot <= least[i]:
            continue
        kept.append(i)
        rows[i] = [each / pivot for each in rows[i]]
        for j in range(size):
            if j != i:
                factor = rows[j][i]
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [rows[i][-1] if i in kept else 0.0 for i in range(size)], len(kept)


def _variance(
    n: Floats, weights: Floats, covariance: Floats, slope: Floats
) -> tuple[Floats, Floats]:
    """Variances of the values, and Satterthwaite's degrees of freedom over strata."""
    by = slope[:, None, :, None]
    units = ((covariance @ by)[..., 0] * by[..., 0]).sum(axis=-1)
    deviations = np.sqrt(np.diagonal(covariance, axis1=2, axis2=3))
    spread = (deviations @ np.abs(slope)[..., None])[..., 0]
    # Where terms cancel, what is left of them by rounding is no variation.
    noise = np.maximum(RESOLUTION, n * EPSILON) * spread**2
    parts = np.where((units > noise) & (n > 0), weights**2 * units / n, 0.0)
    variance = parts.sum(axis=1)
    total = variance[:, None]
    shares = np.where(total > 0, parts / total, weights)
    return variance, 1 / np.where(n > 1, shares**2 / (n - 1), 0.0).sum(axis=1)


def _with_mix(
    n: Floats, weights: Floats, means: Floats, slope: Floats, variance: Floats, df: Floats
) -> tuple[Floats, Floats]:
    """Variances with that of the shares of strata, where effects differ between strata.

    The shares cancel in a difference but for `sum share (effect in stratum - effect)^2 / units`.
    Each group carries its part: of two groups exactly, of more on average over the pairs.
    """
    good = n.sum(axis=1) > 0
    count = int(good.sum())
    if count < 2:
        return variance, df
    values = (means[good] * slope[good][:, None, :]).sum(axis=-1)
    values -= (values @ weights)[:, None]
    values -= values.mean(axis=0)
    mix = count / (count - 1) * (values**2 @ weights) / n.sum()
    before = variance[good]
    whole = before + np.where(before > 0, mix, 0.0)
    variance[good] = whole
    df[good] *= np.where(before > 0, whole / before, 1.0) ** 2
    return variance, df
