"""Confidence sequences: intervals that hold at all looks at once, however often one looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, isnan, log, log1p, nan, sqrt

LEAST = 100
"""Units in both groups together from which on a confidence sequence is shown."""

UNEVEN = 0.28
"""Where the smaller group holds less than this share of the units, more of them are asked for."""

LEAST_UNEVEN = 1000
"""Units in the smaller group from which on a confidence sequence of uneven groups is shown."""


@lru_cache(maxsize=64)
def tuning(alpha: float) -> float:
    """N r², at which the boundary of the normal mixture is tightest.

    The multiplier, as a function of x = N r², is least where x = ln(1 + x) - 2 ln(alpha): the
    exact form, -W(-alpha² / e) - 1 on the lower branch of Lambert's W, of the approximation in
    Waudby-Smith et al. (2024).

    >>> round(tuning(0.05), 4)
    8.212
    """
    x = -2 * log(alpha)
    for _ in range(100):
        step = log1p(x) - 2 * log(alpha)
        if abs(step - x) <= 1e-14 * x:
            break
        x = step
    return x


def least_units(treated: float, control: float) -> float:
    """Units in both groups together from which on early looks can be believed.

    Where the groups are uneven, so many that the smaller one has `LEAST_UNEVEN` of them; see
    `ConfidenceSequence` for what was measured.

    >>> least_units(600, 400), least_units(900, 100)
    (100, 10000.0)
    """
    n, smaller = treated + control, min(treated, control)
    if smaller >= UNEVEN * n:
        return LEAST
    return LEAST_UNEVEN * n / smaller if smaller > 0 else inf


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """An asymptotic confidence sequence for differences of means, shares and ratios.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central limit theory and
    asymptotic confidence sequences, with the normal mixture of Howard, Ramdas, McAuliffe and
    Sekhon (2021) for a boundary. With x = n r² the interval is the estimate -+ its standard
    error times

        sqrt((1 + 1 / x) (ln(1 + x) - 2 ln(alpha))),

    r being such that the interval is tightest at `tuned_at` units. It covers at all looks together
    with probability 1 - alpha, whenever and for whatever reason one looks or stops. That is a
    promise about many units; the statement about few is what was measured.

    Measured (no effect, 60 looks evenly spread over 200 to 300,000 planned units, alpha 5%, normal
    values, shares of 1% and 5%, lognormal amounts with a coefficient of variation of 1, 2 and 6):
    from `LEAST` units on, at most 2% of experiments with even groups showed an effect at any look,
    even at CV 6, as skewness cancels in their difference; with 7 : 3 at most 4%. In more uneven
    groups it does not cancel, and early looks call far too much: 9 : 1 up to 34% (shares of 1%)
    and 15% (CV 6). No number of units in both groups mends that; a number in the smaller group
    does. `between` therefore asks for `LEAST_UNEVEN` there: then 8 : 2 to 9.5 : 0.5 stay at or
    under 5%, except CV 6 at 9 : 1 (6%) and 9.5 : 0.5 (7 to 9%), for which no reasonable minimum is
    enough. Capping at the 99.9% quantile is: at most 4%.

    Attributes:
        alpha: two-sided probability that the true value is ever outside.
        n: units in both groups so far.
        tuned_at: units in both groups at which the interval is to be tightest: the planned number.
        least: units under which nothing is said: the multiplier is infinite and p is 1.

    Raises:
        ValueError: for an alpha outside (0, 1) or a `tuned_at` that is not positive.

    >>> halfway = ConfidenceSequence(alpha=0.05, n=5_000, tuned_at=10_000)
    >>> round(halfway.multiplier(4_998), 3)
    3.079
    >>> round(halfway.p_value(3.5, 4_998), 4)
    0.0164
    """

    alpha: float
    n: float
    tuned_at: float
    least: float = LEAST

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(
                f"alpha is {self.alpha}; it must lie between 0 and 1, such as 0.05 for 95%"
            )
        if not self.tuned_at > 0:
            raise ValueError(
                f"tuned_at is {self.tuned_at}; give the planned number of units, above 0"
            )

    @classmethod
    def between(
        cls, treated: float, control: float, *, tuned_at: float, alpha: float = 0.05
    ) -> ConfidenceSequence:
        """For two groups of this many units, with the minimum that their sizes ask for.

        >>> ConfidenceSequence.between(4_000, 4_000, tuned_at=10_000).least
        100
        >>> ConfidenceSequence.between(7_200, 800, tuned_at=10_000).multiplier(7_998)
        inf
        """
        least = least_units(treated, control)
        return cls(alpha=alpha, n=treated + control, tuned_at=tuned_at, least=least)

    @property
    def _x(self) -> float:
        """Units times r²; 0 where nothing is said."""
        enough = self.n > 0 and self.n >= self.least
        return tuning(self.alpha) * self.n / self.tuned_at if enough else 0.0

    def multiplier(self, df: float) -> float:
        """Half the width of the interval in standard errors; infinite under `least` units.

        Args:
            df: degrees of freedom of the standard error. Not used but for NaN, which gives NaN:
                from `least` units on Student's t is too close to the normal to matter.
        """
        if isnan(df):
            return nan
        x = self._x
        return sqrt((1 + 1 / x) * (log1p(x) - 2 * log(self.alpha))) if x > 0 else inf

    def p_value(self, t: float, df: float) -> float:
        """The least alpha at which the sequence, tuned as it is, excludes 0 at this look.

        Always valid: without an effect the chance that it is ever at most a is at most a, so it
        may be looked at any time, and its least value so far is a p-value too. At most `alpha`
        exactly where the interval excludes 0.

        Args:
            t: estimate over standard error; its sign does not matter.
            df: as for `multiplier`.
        """
        if isnan(t) or isnan(df):
            return nan
        x = self._x
        return min(1.0, sqrt(1 + x) * exp(-t * t * x / (2 * (1 + x))))
