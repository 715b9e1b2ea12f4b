"""How much a KPI varies from period to period beyond what its customers explain."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from heedful.stats.estimate import Floats

LEAST_PERIODS = 8
"""Earlier periods that must be known before anything is news."""

LEAST_KPIS = 5
"""Fewer KPIs say nothing in common."""
MOST_DF = 30.0
"""However alike KPIs are, they say no more than this of one of them."""
ALIKE = 0.3
"""Correlation of neighbouring periods that is reckoned with: weeks of real companies are not
independent, and a short past cannot tell how alike they are."""

DOUBT = 2 / 3
"""Share of the spread that the usual variation is uncertain by, however small it came out."""

_MAD = 1.4826
_FAR = 3.0
# The mean square of normal values that are no further than that.
_KEPT = 0.9733
# Differences of neighbours share a period, so so many of them know a variance as well as half as
# many independent values would.
_EFFICIENCY = 0.5


@dataclass(frozen=True, slots=True)
class Variation:
    """Variance between periods, beyond sampling.

    Attributes:
        variance: of one period's true value about its neighbours', in squared units; 0 where
            sampling explains all.
        spread: of one period's value as it was read, sampling in it; what `variance` was taken
            from, and what makes it uncertain even where it is 0.
        sampling: the part of `spread` that sampling explains.
        df: degrees of freedom of `spread`.
        periods: pairs of neighbours that it rests on.
    """

    variance: float
    spread: float
    sampling: float
    df: float
    periods: int

    @property
    def doubt(self) -> float:
        """What the variance is uncertain by, as a variance of `df` degrees of freedom.

        All of the spread would be safest where sampling makes most of it, and would hide what can
        be seen in a short past; two thirds hold the false alarms of autocorrelated weeks, as
        measured in `docs/findings.md`.
        """
        return max(self.variance, DOUBT * self.spread)


def variation(values: ArrayLike, variances: ArrayLike) -> Variation | None:
    """The usual variation between neighbouring periods.

    Half the mean square of differences of neighbours (von Neumann 1941), less what sampling gives
    them. Differences of more than three robust standard deviations are left out, so that a single
    step, which is what is looked for, does not hide itself. The estimate is no smaller than that
    of differences two apart, so that slow drift counts as usual too.

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
        far = _FAR * _MAD * float(np.median(np.abs(steps)))
        kept = np.abs(steps) <= far if far > 0 else np.ones(len(steps), dtype=np.bool_)
        spread = float((steps[kept] ** 2).mean()) / 2
        spread /= _KEPT if far > 0 else 1.0
        sampled = float((noise[lag:] + noise[:-lag])[both][kept].mean()) / 2
        found.append((max(0.0, spread - sampled), spread, sampled, len(steps)))
    if not found:
        return None
    variance, spread, sampled, _ = max(found)
    pairs = found[0][3]
    return Variation(variance, spread, sampled, max(1.0, _EFFICIENCY * pairs), pairs)


@dataclass(frozen=True, slots=True)
class Common:
    """What many KPIs say of how one of them usually varies.

    Attributes:
        ratio: of the spread to what sampling explains of it.
        df: degrees of freedom that this is worth for a single KPI; few where KPIs differ.
    """

    ratio: float
    df: float


def common(found: Iterable[Variation | None]) -> Common | None:
    """How much KPIs vary beyond sampling, and how much they differ in that.

    The moments of logarithms of variances of Smyth (2004), for spreads in units of sampling.

    Args:
        found: by KPI; those that are not known, or do not vary at all, do not count.

    Returns:
        None with fewer than 5 KPIs.
    """
    known = [one for one in found if one is not None and one.spread > 0 and one.sampling > 0]
    if len(known) < LEAST_KPIS:
        return None
    half = np.array([one.df / 2 for one in known])
    logs = np.log([one.spread / one.sampling for one in known]) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    df = MOST_DF
    if excess > float(polygamma(1, MOST_DF / 2)):
        df = 2 * float(brentq(lambda x: polygamma(1, x) - excess, 1e-3, MOST_DF))
    middle = float(logs.mean()) + float(digamma(df / 2)) - log(df / 2)
    return Common(exp(middle), df)


def moderated(one: Variation, others: Common | None) -> Variation:
    """A KPI's own variation together with what all KPIs say of it.

    A short past tells little of one KPI, and more of forty. Where they differ, each is left
    almost as it is.

    Args:
        one: of the KPI.
        others: of all KPIs.
    """
    if others is None or one.sampling <= 0:
        return one
    df = one.df + others.df
    spread = (one.df * one.spread + others.df * others.ratio * one.sampling) / df
    return Variation(max(0.0, spread - one.sampling), spread, one.sampling, df, one.periods)


def weighed(weights: ArrayLike) -> float:
    """Variance of a weighted sum of periods, in variances of one.

    Periods are taken to be alike by `ALIKE`, those two apart by its square, and so on.

    Args:
        weights: by period in order of time, 0 where it is not used, shape (periods,).

    >>> round(weighed([0.5, 0.5]), 12), round(weighed([-1, 1]), 12), weighed([0, 1, 0])
    (0.65, 1.4, 1.0)
    """
    w = np.asarray(weights, dtype=np.float64)
    places = np.flatnonzero(w)
    apart = np.abs(places[:, None] - places[None, :])
    return float(w[places] @ ALIKE**apart @ w[places])


def together(
    sampling: ArrayLike, df: ArrayLike, between: float, doubt: float, doubt_df: float
) -> tuple[Floats, Floats]:
    """Variance and degrees of freedom of sampling and usual variation together.

    Satterthwaite's (1946) approximation.

    Args:
        sampling: variances by sampling.
        df: their degrees of freedom.
        between: variance between periods, as it enters the same contrast.
        doubt: what it is uncertain by, as it would enter the same contrast.
        doubt_df: degrees of freedom of that.

    >>> variance, df = together([1.0], [63.0], 1.0, 2.0, 10.0)
    >>> float(variance[0]), round(float(df[0]), 1)
    (2.0, 9.6)
    """
    one, own = np.asarray(sampling, dtype=np.float64), np.asarray(df, dtype=np.float64)
    whole = one + between
    own = np.where(np.isfinite(own), own, 1e9)
    with np.errstate(invalid="ignore", divide="ignore"):
        worth = whole**2 / (one**2 / own + doubt**2 / max(doubt_df, 1e-9))
    return whole, np.where(np.isfinite(worth), worth, inf)
