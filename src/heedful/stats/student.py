"""Quantiles of Student's t and the normal distribution, quick to import."""

from functools import lru_cache
from math import atan, cos, exp, inf, isfinite, lgamma, log, pi, sin, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_NORMAL = NormalDist()


def _t_central(t: float, df: int) -> float:
    """Probability of (-t, t); Abramowitz and Stegun 26.7.3 (odd df) and 26.7.4 (even df)."""
    angle = atan(t / sqrt(df))
    c = cos(angle)
    term, series = 1.0, 1.0
    if df % 2:
        for j in range(3, df - 1, 2):
            term *= (j - 1) / j * c * c
            series += term
        return 2 / pi * (angle + (sin(angle) * c * series if df > 1 else 0.0))
    for j in range(2, df - 1, 2):
        term *= (j - 1) / j * c * c
        series += term
    return sin(angle) * series


@lru_cache(maxsize=1024)
def t_quantile(level: float, df: float) -> float:
    """Half-width, in standard errors, of a two-sided interval at `level`.

    SciPy has the same function, but importing it takes longer than most answers in a shell may.

    Args:
        level: two-sided confidence level, between 0 and 1.
        df: degrees of freedom, a whole number of at least 1, or `inf` for the normal distribution.

    >>> round(t_quantile(0.95, 63), 4), round(t_quantile(0.95, inf), 4)
    (1.9983, 1.96)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    z = _NORMAL.inv_cdf((1 + level) / 2)
    if not isfinite(df):
        return z
    k = int(df)
    # The density falls beyond 0, so Newton from below the root approaches it without overshooting.
    scale = exp(lgamma((k + 1) / 2) - lgamma(k / 2)) / sqrt(k * pi)
    t = min(z, 1.0)
    for _ in range(200):
        density = 2 * scale * exp(-(k + 1) / 2 * log(1 + t * t / k))
        step = (level - _t_central(t, k)) / density
        t += step
        if abs(step) <= 1e-14 * t:
            break
    return t


@lru_cache(maxsize=16)
def _table(level: float) -> NDArray[np.float64]:
    return np.array([np.nan, *(t_quantile(level, df) for df in range(1, 64))])


def t_quantiles(level: float, df: NDArray[np.float64]) -> NDArray[np.float64]:
    """`t_quantile` for an array of degrees of freedom: 1 to 63, `inf`, or less than 1 (NaN)."""
    table = _table(level)
    finite = np.isfinite(df)
    index = np.where(finite & (df >= 1), df, 0).astype(np.intp)
    return np.where(finite | np.isnan(df), table[index], t_quantile(level, inf))
