"""How much a KPI varies from period to period beyond what its customers explain."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import Floats

LEAST_PERIODS = 8
"""Earlier periods that must be known before anything is news."""

_MAD = 1.4826
# The median absolute deviation knows as much of a spread as 37% of so many values would.
_EFFICIENCY = 0.37


@dataclass(frozen=True, slots=True)
class Variation:
    """Variance between periods, beyond sampling.

    Attributes:
        variance: of one period's true value about its neighbours', in squared units; 0 where
            sampling explains all.
        df: degrees of freedom that this estimate is worth.
        periods: pairs of neighbours that it rests on.
    """

    variance: float
    df: float
    periods: int


def variation(values: ArrayLike, variances: ArrayLike) -> Variation | None:
    """The usual variation between neighbouring periods.

    Half the variance of differences of neighbours, less the variance that sampling gives them
    (von Neumann 1941 for the estimator, taken robustly by the median absolute deviation so that
    a single step, which is what is looked for, does not hide itself). The estimate is no smaller
    than that of differences two apart, so that slow drift counts as usual too.

    Args:
        values: by period in order of time, NaN where a period has none, shape (periods,).
        variances: of the values by sampling, shape (periods,).

    Returns:
        None with fewer than 8 values.

    >>> rng = np.random.default_rng(1)
    >>> weeks = rng.normal(10, 2, 400) + rng.normal(0, 1, 400)
    >>> found = variation(weeks, np.ones(400))
    >>> 1.8 < found.variance ** 0.5 < 2.2
    True
    """
    level, noise = (np.asarray(each, dtype=np.float64) for each in (values, variances))
    known = np.isfinite(level) & np.isfinite(noise)
    if known.sum() < LEAST_PERIODS:
        return None
    found = []
    for lag in (1, 2):
        both = known[lag:] & known[:-lag]
        steps = (level[lag:] - level[:-lag])[both]
        if len(steps) < LEAST_PERIODS - 2:
            continue
        # Differences have mean 0 but for steps and trends, which must not count: no centring.
        spread = (_MAD * float(np.median(np.abs(steps)))) ** 2
        sampled = float(np.median((noise[lag:] + noise[:-lag])[both]))
        found.append((max(0.0, (spread - sampled) / 2), len(steps)))
    if not found:
        return None
    variance = max(one for one, _ in found)
    pairs = found[0][1]
    return Variation(variance, max(1.0, _EFFICIENCY * pairs), pairs)


def together(
    sampling: ArrayLike, df: ArrayLike, between: float, between_df: float
) -> tuple[Floats, Floats]:
    """Variance and degrees of freedom of sampling and usual variation together.

    Satterthwaite's (1946) approximation.

    Args:
        sampling: variances by sampling.
        df: their degrees of freedom.
        between: variance between periods, as it enters the same contrast.
        between_df: its degrees of freedom.

    >>> variance, df = together([1.0], [63.0], 1.0, 10.0)
    >>> float(variance[0]), round(float(df[0]), 1)
    (2.0, 34.5)
    """
    one, own = np.asarray(sampling, dtype=np.float64), np.asarray(df, dtype=np.float64)
    whole = one + between
    own = np.where(np.isfinite(own), own, 1e9)
    with np.errstate(invalid="ignore", divide="ignore"):
        worth = whole**2 / (one**2 / own + between**2 / max(between_df, 1e-9))
    return whole, np.where(np.isfinite(worth), worth, inf)
