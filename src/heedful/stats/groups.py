"""The value of a group of units and how sure it is: plain, with covariates, or stratified."""

from dataclasses import dataclass
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from heedful.stats.estimate import Floats
from heedful.stats.moments import RESOLUTION, Moments

COLLINEAR = 1e-9
"""Directions of covariates with less than this share of their variance are left out."""

_EPSILON = float(np.finfo(np.float64).eps)
_Flags = NDArray[np.bool_]


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
    and of the pooled shares): it cancels in differences, and but for a factor of the lift in
    ratios.

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
    if total.shape[0] == 0:
        return []
    usable = _usable(total)
    bare = total.select(range(first)) if total.variables > first else total
    plain = _estimate(bare.reshape(-1, 1), usable, ratio=ratio)
    if not stratified and moments.variables == first:
        return _shown(plain, None, total.n, scale)
    cells = merged(moments, usable) if stratified else moments.reshape(-1, 1)
    return _shown(_estimate(cells, usable, ratio=ratio), plain, total.n, scale)


_Columns = tuple[Floats, Floats, Floats]  # value, variance, df


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


def _estimate(cells: Moments, usable: _Flags, *, ratio: bool) -> _Columns:
    """Values, variances and degrees of freedom of moments (groups, strata)."""
    n = np.where(usable[:, None], cells.n, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = n.sum(axis=0) / n.sum()
        means = np.where(usable[:, None, None], cells.mean, nan)
        level = np.einsum("s,gsk->gk", weights, means)
        slope = np.zeros_like(level)  # of the value by each variable's mean
        if ratio:
            below = np.where(level[:, 1] > 0, level[:, 1], nan)
            value = level[:, 0] / below
            slope[:, 0], slope[:, 1] = 1 / below, -value / below
        else:
            value = level[:, 0].copy()
            slope[:, 0] = 1.0
    good = usable & np.isfinite(value)
    slope[~good] = 0.0
    n = np.where(good[:, None], n, 0.0)
    covariance = np.where(good[:, None, None, None], cells.covariance, 0.0)
    first = 2 if ratio else 1
    price, left = 1.0, 1.0
    if cells.variables > first and good.any():
        theta, price, left = _theta(n, covariance, slope, first)
        centre = np.einsum("gs,gsk->k", n, np.where(good[:, None, None], means, 0.0)) / n.sum()
        value = value - (level[:, first:] - centre[first:]) @ theta
        slope[good, first:] = -theta
    variance, df = _variance(n, weights, covariance, slope)
    return (
        np.where(good, value, nan),
        np.where(good, variance * price, nan),
        np.where(good, df * left, nan),
    )


def _theta(n: Floats, covariance: Floats, slope: Floats, first: int) -> tuple[Floats, float, float]:
    """Pooled coefficients of the covariates; what they cost, and the degrees of freedom left."""
    degrees = np.maximum(n - 1, 0.0)
    residual = float(degrees.sum())
    pooled = np.einsum("gs,gskl->kl", degrees, covariance[:, :, first:, first:])
    along = np.einsum("gs,gskl,gl->k", degrees, covariance[:, :, first:, :], slope)
    size = np.sqrt(np.diagonal(pooled))
    known = size > 0
    theta = np.zeros(len(size))
    rank = int(known.sum())
    if rank == 1:
        theta[known] = along[known] / size[known] ** 2
    elif rank:
        scaled = pooled[np.ix_(known, known)] / np.outer(size[known], size[known])
        solved, _, rank, _ = np.linalg.lstsq(scaled, along[known] / size[known], rcond=COLLINEAR)
        theta[known] = solved / size[known]
    left = residual - rank
    if rank == 0 or left <= 1:
        return np.zeros(len(size)), 1.0, 1.0
    return theta, residual * (residual - 1) / (left * (left - 1)), left / residual


def _variance(
    n: Floats, weights: Floats, covariance: Floats, slope: Floats
) -> tuple[Floats, Floats]:
    """Variances of the values, and Satterthwaite's degrees of freedom over strata."""
    units = np.einsum("gk,gskl,gl->gs", slope, covariance, slope)
    spread = np.einsum("gk,gsk->gs", np.abs(slope), np.sqrt(np.einsum("gskk->gsk", covariance)))
    # Where terms cancel, what is left of them by rounding is no variation.
    noise = np.maximum(RESOLUTION, n * _EPSILON) * spread**2
    units = np.where(units <= noise, 0.0, units)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = np.where(n > 0, weights**2 * units / n, 0.0)
        variance = parts.sum(axis=1)
        shares = np.where(variance[:, None] > 0, parts / variance[:, None], weights)
        uncertain = np.where(n > 1, shares**2 / (n - 1), 0.0).sum(axis=1)
        df = 1 / uncertain
    return variance, df


def _shown(columns: _Columns, plain: _Columns | None, n: Floats, scale: float) -> list[Group]:
    value, variance, df = (column.tolist() for column in columns)
    counts = n.tolist()
    if plain is None:
        return [
            Group(scale * v, scale * scale * s, d, m)
            for v, s, d, m in zip(value, variance, df, counts, strict=True)
        ]
    bare, before = plain[0].tolist(), plain[1].tolist()
    return [
        Group(
            scale * value[g],
            scale * scale * variance[g],
            df[g],
            counts[g],
            scale * bare[g],
            1 - variance[g] / before[g] if before[g] > 0 else nan,
        )
        for g in range(len(counts))
    ]
