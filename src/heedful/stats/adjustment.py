"""Values of groups adjusted by covariates and strata, with the variances that are left."""

from collections.abc import Sequence
from math import isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heedful.stats.moments import EPSILON, RESOLUTION, Moments

COLLINEAR = 1e-9
"""A covariate of whose variance others leave less than this share is left out."""

Flags = NDArray[np.bool_]
Numbers = list[float]


class Adjusted(NamedTuple):
    """A value, its variance, and the degrees of freedom of that; NaN where there is none."""

    value: float
    variance: float
    df: float


class _Group(NamedTuple):
    """One group in Python's numbers, which for so few are quicker than arrays."""

    n: Numbers  # of each stratum
    means: list[Numbers]  # of each stratum, each variable
    covariances: list[list[Numbers]]  # of each stratum
    value: float
    level: Numbers  # means over the strata, as weighted
    slope: Numbers  # of the value by the mean of each variable


def usable(moments: Moments) -> Flags:
    """Which groups have at least 2 units and finite sums; moments of shape (groups,)."""
    sums = np.isfinite(moments.sums).all(axis=-1)
    return np.asarray(sums & np.isfinite(moments.products).all(axis=(-1, -2)) & (moments.n >= 2))


def merged(moments: Moments, counting: Flags) -> Moments:
    """Moments (groups, strata) whose strata all have at least 2 units in every group that counts.

    Args:
        moments: shape (groups, strata).
        counting: the groups that count for it, shape (groups,).

    Returns:
        The strata that are large enough, then the rest as one, if there is one.
    """
    some = moments.n.sum(axis=0) > 0
    if not counting.any():
        return moments[:, some]
    least = moments.n[counting].min(axis=0)
    kept = some & (least >= 2)
    if kept[some].all():
        return moments if some.all() else moments[:, some]
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


def adjusted(cells: Moments, counting: Flags, *, ratio: bool) -> list[Adjusted]:
    """Means or ratios, adjusted by the other variables within strata; see `groups`.

    Args:
        cells: shape (groups, strata), every stratum with at least 2 units in groups that count.
        counting: the groups to have a value, shape (groups,).
        ratio: whether the second variable is the denominator.
    """
    first = 2 if ratio else 1
    found = [Adjusted(nan, nan, nan)] * len(counting)
    n, means, covariances = cells.n.tolist(), cells.mean.tolist(), cells.covariance.tolist()
    # Sums that no units can have come without covariances.
    there = [g for g in np.flatnonzero(counting).tolist() if _whole(covariances[g])]
    pooled = [sum(strata) for strata in zip(*(n[g] for g in there), strict=True)]
    units = sum(pooled)
    weights = [each / units for each in pooled]
    good, members = [], []
    for g in there:
        group = _weighted(n[g], means[g], covariances[g], weights, ratio)
        if isfinite(group.value):
            good.append(g)
            members.append(group)
    theta, price, left = _theta(members, first)
    centre = _centre(members, first)
    for group in members:
        group.slope[first:] = [-each for each in theta]
    mixes = _mixes(members, weights)
    for g, group, mix in zip(good, members, mixes, strict=True):
        away = sum(t * (z - c) for t, z, c in zip(theta, group.level[first:], centre, strict=True))
        variance, df = _variance(group, weights, mix)
        found[g] = Adjusted(group.value - away, variance * price, df * left)
    return found


def _whole(covariances: Sequence[list[Numbers]]) -> bool:
    return all(isfinite(sum(row)) for matrix in covariances for row in matrix)


def _weighted(
    n: Numbers,
    means: list[Numbers],
    covariances: list[list[Numbers]],
    weights: Numbers,
    ratio: bool,
) -> _Group:
    level = [sum(map(float.__mul__, weights, column)) for column in zip(*means, strict=True)]
    slope = [1.0] + [0.0] * (len(level) - 1)
    value = level[0]
    if ratio:
        below = level[1] if level[1] > 0 else nan
        value = level[0] / below
        slope[:2] = 1 / below, -value / below
    return _Group(n, means, covariances, value, level, slope)


def _centre(members: Sequence[_Group], first: int) -> Numbers:
    """Means of the covariates over all units."""
    units = sum(sum(group.n) for group in members)
    rows = [
        [count / units * each for each in row[first:]]
        for group in members
        for count, row in zip(group.n, group.means, strict=True)
    ]
    return [sum(column) for column in zip(*rows, strict=True)]


def _theta(members: Sequence[_Group], first: int) -> tuple[Numbers, float, float]:
    """Pooled coefficients of the covariates; what they cost, and the degrees of freedom left."""
    k = len(members[0].slope) if members else first
    if k == first:
        return [], 1.0, 1.0
    others = range(first, k)
    among = [[0.0] * (k - first) for _ in others]
    along = [0.0] * (k - first)
    residual = 0.0
    for group in members:
        for count, matrix in zip(group.n, group.covariances, strict=True):
            degrees = count - 1
            residual += degrees
            for i, row in enumerate(matrix[first:]):
                along[i] += degrees * sum(map(float.__mul__, row, group.slope))
                line = among[i]
                for j in range(k - first):
                    line[j] += degrees * row[first + j]
    theta, rank = _solved(among, along)
    left = residual - rank
    if rank == 0 or left <= 1:
        return [0.0] * (k - first), 1.0, 1.0
    return theta, residual * (residual - 1) / (left * (left - 1)), left / residual


def _solved(matrix: list[Numbers], along: Numbers) -> tuple[Numbers, int]:
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


def _variance(group: _Group, weights: Numbers, mix: float) -> tuple[float, float]:
    """Variance of a value and its degrees of freedom (Satterthwaite over strata)."""
    slope = group.slope
    total = uncertain = fallback = 0.0
    for weight, n, matrix in zip(weights, group.n, group.covariances, strict=True):
        square = size = 0.0
        for i, row in enumerate(matrix):
            square += slope[i] * sum(map(float.__mul__, row, slope))
            size += abs(slope[i]) * sqrt(row[i])
        # Where terms cancel, what is left of them by rounding is no variation.
        if square > max(RESOLUTION, n * EPSILON) * size * size:
            part = weight * weight * square / n
            total += part
            uncertain += part * part / (n - 1)
        fallback += weight * weight / (n - 1)
    if total == 0:
        return 0.0, 1 / fallback
    total += mix
    return total, total * total / uncertain


def _mixes(members: Sequence[_Group], weights: Numbers) -> Numbers:
    """What the shares of strata add to each variance, where effects differ between strata.

    The shares cancel in a difference but for `sum share (effect in stratum - effect)^2 / units`.
    Each group carries its part: of two groups exactly, of more on average over the pairs.
    """
    count = len(members)
    if count < 2 or len(weights) < 2:
        return [0.0] * count
    units = sum(sum(group.n) for group in members)
    rows = []
    for group in members:
        values = [sum(map(float.__mul__, row, group.slope)) for row in group.means]
        middle = sum(map(float.__mul__, weights, values))
        rows.append([each - middle for each in values])
    typical = [sum(column) / count for column in zip(*rows, strict=True)]
    return [
        count
        / (count - 1)
        * sum(w * (v - t) ** 2 for w, v, t in zip(weights, row, typical, strict=True))
        / units
        for row in rows
    ]
