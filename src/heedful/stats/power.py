"""How many units a comparison needs, and what it can see with those it has."""

from dataclasses import dataclass
from math import ceil, isfinite, nan, sqrt


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups that are to be compared by Welch's test.

    Attributes:
        variance: variance of the units that get something (of a ratio, of its linearised unit
            values), in the unit of the differences squared.
        control_variance: variance of the units they are compared with. For non-inferiority with a
            relative margin d, times `(1 - d)^2`, or `(1 + d)^2` where lower is better.
        share: share of all units that get something; what other variants take is in neither.
        control_share: share of all units they are compared with.
        alpha: two-sided probability of a false alarm.
        one_sided: True for non-inferiority: only the good side counts, at alpha / 2. A difference
            is then the distance to the margin: the margin plus the true difference toward better.
        inflation: how many times as many units a sequential design takes for the same power.

    >>> plan = Comparison(variance=1.0, control_variance=1.0)
    >>> plan.sample_size(0.5, power=0.8), round(plan.power(128, 0.5), 4)
    (128, 0.8015)
    >>> round(plan.detectable(128, power=0.8), 3)
    0.499
    """

    variance: float
    control_variance: float
    share: float = 0.5
    control_share: float = 0.5
    alpha: float = 0.05
    one_sided: bool = False
    inflation: float = 1.0

    def __post_init__(self) -> None:
        variances = (self.variance, self.control_variance)
        if not all(isfinite(v) and v >= 0 for v in variances) or not sum(variances) > 0:
            raise ValueError(
                f"variances are {self.variance} and {self.control_variance}; they must be finite, "
                "not negative, and not both 0: units that never vary cannot be planned with"
            )
        shares = (self.share, self.control_share)
        if not all(0 < w < 1 for w in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError(
                f"shares are {self.share} and {self.control_share}; each must lie between 0 and 1, "
                "and both together take at most 1"
            )
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}; it must lie between 0 and 1, such as 0.05")
        if not self.inflation >= 1:
            raise ValueError(f"inflation is {self.inflation}; it must be at least 1")

    def se(self, units: float) -> float:
        """Standard error of the difference with so many units in the whole experiment."""
        treated, control = self._parts(units)
        return sqrt(treated[0] + control[0])

    def power(self, units: float, difference: float) -> float:
        """Probability to see a true difference.

        Args:
            units: units of the whole experiment.
            difference: in the unit of the values; see `one_sided`.

        Returns:
            NaN where a group has fewer than 2 units.
        """
        from scipy.special import stdtrit

        parts = self._parts(units)
        if any(n < 2 for _, n in parts):
            return nan
        variance = sum(part for part, _ in parts)
        df = variance**2 / sum(part * part / (n - 1) for part, n in parts)
        away = difference / sqrt(variance)
        limit = -float(stdtrit(df, self.alpha / 2))
        beyond = 1 - _below(limit, df, away)
        return beyond if self.one_sided else beyond + _below(-limit, df, away)

    def detectable(self, units: float, power: float = 0.8) -> float:
        """Smallest true difference that is seen with this probability, above 0.

        NaN where a group has fewer than 2 units.

        Raises:
            ValueError: unless `power` lies between alpha and 1.
        """
        from scipy.optimize import brentq

        self._attainable(power)
        least = self.power(units, 0.0)
        if not isfinite(least):
            return nan
        high = self.se(units)
        while self.power(units, high) < power:
            high *= 2
        found = brentq(lambda d: self.power(units, d) - power, 0.0, high, xtol=1e-12 * high)
        return float(found)

    def sample_size(self, difference: float, power: float = 0.8) -> int:
        """Fewest units of the whole experiment that see this true difference so often.

        Raises:
            ValueError: for a difference of 0 (below 0 as well if `one_sided`), or unless `power`
                lies between alpha and 1.
        """
        self._attainable(power)
        seen = difference if self.one_sided else abs(difference)
        if not (isfinite(seen) and seen > 0):
            raise ValueError(
                f"difference is {difference}; no number of units sees it. Give the smallest "
                "difference that matters"
            )
        # Below `low` a group has fewer than 2 units, where nothing can be tested.
        low = ceil(2 * self.inflation / min(self.share, self.control_share))
        high = low
        while not self.power(high, seen) >= power:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            if self.power(middle, seen) >= power:
                high = middle
            else:
                low = middle
        return high

    def _parts(self, units: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of both groups: variance of the value, and units as a fixed horizon would count them."""
        treated = units * self.share / self.inflation
        control = units * self.control_share / self.inflation
        if not (treated > 0 and control > 0):
            raise ValueError(f"units are {units}; there must be some")
        return (self.variance / treated, treated), (self.control_variance / control, control)

    def _attainable(self, power: float) -> None:
        if not self.alpha < power < 1:
            raise ValueError(f"power is {power}; it must lie between alpha and 1, such as 0.8")


def _below(t: float, df: float, away: float) -> float:
    """Noncentral t distribution function; normal where its series gives up, far out in a tail."""
    from scipy.special import nctdtr, ndtr

    found = float(nctdtr(df, away, t)) if abs(away) < 100 else nan
    return found if isfinite(found) else float(ndtr(t - away))


def inflation(multiplier: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """How many times as many units a design takes whose last look needs so many standard errors.

    Args:
        multiplier: standard errors of the difference that the last look asks for.
        alpha: two-sided probability of a false alarm at a fixed horizon.
        power: power of both.

    >>> round(inflation(2.8), 2)
    1.69
    """
    from scipy.special import ndtri

    needed, fixed = float(ndtri(power)), -float(ndtri(alpha / 2))
    return max(1.0, ((multiplier + needed) / (fixed + needed)) ** 2)
