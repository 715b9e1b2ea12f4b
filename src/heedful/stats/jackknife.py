"""Delete-a-group jackknife: variance and interval of any smooth statistic of bucket sums."""

from math import isnan

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import BUCKETS, Estimate, Floats, Method, Why, missing, number
from heedful.stats.student import t_quantile

SKEWED = 0.3
"""Skewness of an estimate from which its interval is marked as too short (`make simulate`)."""


def variances(replicates: Floats, value: Floats, groups: Floats) -> Floats:
    """Delete-a-group jackknife variances.

    Centred on the value, so that buckets without customers (whose replicate is the value itself)
    add nothing, whatever their number. Shao and Tu (1995), section 2.3.

    Args:
        replicates: shape (cells, 64), the statistic without each bucket.
        value: shape (cells,), the statistic on all data.
        groups: shape (cells,), buckets that hold customers.

    Returns:
        Shape (cells,); NaN where a replicate is NaN or `groups` is below 2.
    """
    deviations = replicates - value[:, None]
    squares = np.einsum("cg,cg->c", deviations, deviations)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(groups > 1, (groups - 1) / groups * squares, np.nan))


def skewness(replicates: Floats, value: Floats) -> Floats:
    """Skewness of estimates, shape (cells,), from the third moment of what each bucket adds."""
    added = value[:, None] - replicates
    squares = np.einsum("cg,cg->c", added, added)
    cubes = np.einsum("cg,cg,cg->c", added, added, added)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(squares > 0, cubes / squares**1.5, 0.0))


def jackknife(
    replicates: ArrayLike,
    value: float,
    *,
    df: float = BUCKETS - 1,
    level: float = 0.95,
) -> Estimate:
    """Interval of any smooth function of one or several KPIs, from its replicates.

    Because the same 64 buckets serve every KPI and period, applying a function to the replicates
    of several estimates, bucket by bucket, gives the replicates of the function with the real
    covariances.

    Args:
        replicates: shape (64,), the function of the replicates.
        value: the function of the values.
        df: smallest `df` of the estimates that went in: non-empty buckets - 1.
        level: two-sided confidence level.

    >>> import numpy as np
    >>> twice = jackknife(2 * np.linspace(9.9, 10.1, 64), 20.0)
    >>> round(twice.high - twice.low, 3)
    3.721
    """
    theta = np.asarray(replicates, dtype=np.float64)
    if theta.shape != (BUCKETS,):
        raise ValueError(f"replicates have shape {theta.shape}; expected ({BUCKETS},)")
    if number(value) is None:
        return missing(Why.NO_DATA, level=level)
    df = min(df, BUCKETS - 1)
    cell, at = theta[None, :], np.array([value])
    variance = float(variances(cell, at, np.array([df + 1]))[0])
    if isnan(variance):
        none = Method.NONE.text
        why = Why.ONE_BUCKET if df < 1 else Why.UNSTABLE_DENOMINATOR
        return Estimate(float(value), None, None, why.text, theta, none, df, level)
    half = t_quantile(level, df) * variance**0.5
    return Estimate(
        value=float(value),
        low=float(value) - half,
        high=float(value) + half,
        why=None,
        replicates=theta,
        method=Method.JACKKNIFE.text,
        df=df,
        level=level,
        skewed=bool(abs(skewness(cell, at)[0]) > SKEWED),
    )
