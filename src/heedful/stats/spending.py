"""Alpha spending: bounds for a few planned looks, of which each spends a part of alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isfinite, isnan, nan, sqrt

import numpy as np

from heedful.stats.crossings import SAME, Floats, Path, checked

DUST = 1e-13
"""Alpha under which what earlier looks took away is lost in rounding, and left out."""

_LADDER: list[float] = np.linspace(0.02, 7.0, 36).tolist()
"""Normal quantiles of the alphas that p-values are interpolated between."""


def spent(fraction: float, alpha: float = 0.05) -> float:
    """Alpha spent by the time a part of the planned information is in, both sides together.

    Lan and DeMets (1983), the function that resembles O'Brien and Fleming's bounds, for each side
    with half of alpha: 2 (2 - 2 Phi(z / sqrt(fraction))), z being the normal quantile at
    1 - alpha / 4. Fractions above 1 count as 1.

    >>> [round(spent(part), 5) for part in (0.2, 0.6, 1.0, 1.3)]
    [0.0, 0.00762, 0.05, 0.05]
    """
    from scipy.special import ndtr, ndtri

    if fraction >= 1:
        return alpha
    return float(4 * ndtr(ndtri(alpha / 4) / sqrt(fraction)))


def bounds(fractions: Sequence[float], alpha: float = 0.05, *, last: bool = False) -> Floats:
    """Two-sided bounds of |z| at each look, so that any of them is crossed with alpha at most.

    Each look spends what the spending function has grown by since the look before: so much is the
    probability to cross either bound there first.

    Args:
        fractions: information (units whose window has passed) at each look, as a part of what was
            planned, ascending. Above 1 all of alpha has been spent, though looks still correlate
            by their real information.
        alpha: two-sided.
        last: the last look is final, so it spends all that is left even under a fraction of 1.
            Allowed only where the end was not chosen by what earlier looks showed.

    Returns:
        Shape (looks,). Infinite where nothing is left to spend; a look at the same information as
        the one before has its bound.

    Raises:
        ValueError: for fractions that fall or are not positive.

    >>> bounds([0.2, 0.4, 0.6, 0.8, 1.0]).round(4)
    array([4.8769, 3.357 , 2.6803, 2.2898, 2.031 ])
    """
    at = checked(fractions)
    return np.array(_bounds(at, alpha, last))


@lru_cache(maxsize=4096)
def _bounds(at: tuple[float, ...], alpha: float, last: bool) -> tuple[float, ...]:
    from scipy.special import ndtri

    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie between 0 and 1, such as 0.05")
    found: list[float] = []
    path: Path | None = None
    used, earlier, before = 0.0, 0.0, 0.0
    for look, part in enumerate(at):
        final = last and look == len(at) - 1
        if found and part - before < SAME * part:
            if not final:
                found.append(found[-1])
                continue
            used = earlier
        total = alpha if final else spent(part, alpha)
        share, earlier, used = total - used, used, total
        if share <= 0:
            bound = inf
        elif path is None or share < DUST:
            # Also where earlier looks matter less than rounding: a little wider than need be.
            bound = -float(ndtri(share / 2))
        else:
            bound = path.bound(part, share)
        following = [later for later in at[look + 1 :] if later - part >= SAME * later]
        if following:
            path = Path.beyond(path, part, bound, following[0])
        found.append(bound)
        before = part
    return tuple(found)


@lru_cache(maxsize=256)
def _ladder(at: tuple[float, ...], last: bool, look: int) -> tuple[Floats, Floats]:
    """Bounds of a look, ascending, and normal quantiles of the alphas that they belong to."""
    from scipy.special import ndtr

    alphas = [float(2 * ndtr(-z)) for z in _LADDER]
    found = np.array([_bounds(at, alpha, last)[look] for alpha in alphas])
    # A larger alpha never has a wider bound; rounding must not break that.
    rising = np.maximum.accumulate(found)
    return rising, np.array(_LADDER)


@dataclass(frozen=True, slots=True)
class AlphaSpending:
    """Interval and p-value at one of the looks of a design with alpha spending.

    Bounds are for z; where the standard error has few degrees of freedom, Student's t at the same
    nominal probability stands in for it (Jennison and Turnbull 2000).

    Attributes:
        alpha: two-sided, over all looks.
        fractions: information at the looks, as `bounds` takes it. Looks after `look` may be left
            out; they change nothing.
        look: which of them this is, from 0; negative counts from the end.
        last: the last of `fractions` is the final look and spends all that is left.

    Raises:
        ValueError: for fractions that fall or are not positive, or a look that is not among them.

    >>> third = AlphaSpending(0.05, (0.2, 0.4, 0.6, 0.8, 1.0), look=2)
    >>> round(third.multiplier(float("inf")), 4), round(third.p_value(2.6803, float("inf")), 4)
    (2.6803, 0.05)
    """

    alpha: float
    fractions: tuple[float, ...]
    look: int = -1
    last: bool = False

    def __post_init__(self) -> None:
        checked(self.fractions)
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}; it must lie between 0 and 1, such as 0.05")
        if not -len(self.fractions) <= self.look < len(self.fractions):
            raise ValueError(
                f"look {self.look} is asked for, but there are {len(self.fractions)}; "
                "looks count from 0"
            )

    @property
    def _index(self) -> int:
        return self.look % len(self.fractions)

    @property
    def bound(self) -> float:
        """The |z| that this look asks for."""
        return _bounds(tuple(map(float, self.fractions)), self.alpha, self.last)[self._index]

    def multiplier(self, df: float) -> float:
        """Half the width of this look's interval in standard errors.

        All intervals of all looks together hold the true value with probability 1 - alpha
        (repeated confidence intervals, Jennison and Turnbull 1989).

        Args:
            df: degrees of freedom of the standard error, `inf` for the normal.
        """
        from scipy.special import ndtr, stdtrit

        bound = self.bound
        if isnan(df) or df <= 0:
            return nan
        if not isfinite(df) or not isfinite(bound):
            return bound
        return -float(stdtrit(df, float(ndtr(-bound))))

    def p_value(self, t: float, df: float) -> float:
        """The least alpha of the whole design at which this look would cross its bound.

        The repeated p-value (Jennison and Turnbull 2000): at most `alpha` exactly
        where the interval excludes 0, so it may stand beside other p-values in a family. It is
        not the p-value of a fixed sample, which would be smaller. Interpolated between 36 alphas,
        good to about 1%.

        Args:
            t: estimate over standard error; its sign does not matter.
            df: as for `multiplier`.
        """
        from scipy.special import ndtr, ndtri, stdtr

        if isnan(t) or isnan(df) or df <= 0:
            return nan
        z = abs(t)
        if isfinite(df):
            z = -float(ndtri(stdtr(df, -z)))
        at = tuple(map(float, self.fractions))
        ladder, quantiles = _ladder(at, self.last, self._index)
        # The design's own alpha is a rung, so that test and interval agree.
        own = -float(ndtri(self.alpha / 2))
        place = int(np.searchsorted(quantiles, own))
        ladder = np.insert(ladder, place, self.bound)
        quantiles = np.insert(quantiles, place, own)
        held = np.isfinite(ladder)
        if not held.any():
            return 1.0
        quantile = float(np.interp(z, ladder[held], quantiles[held], left=0.0))
        return min(1.0, float(2 * ndtr(-quantile)))
