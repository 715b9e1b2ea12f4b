"""How likely a series of looks crosses its bounds, and what looking costs in units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import inf, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAME = 1e-4
"""A look that adds less than this part of its information is the look before it again."""

REACH = 8.5
"""Standard deviations beyond which a path is not followed: 2e-17 of them."""

FARTHEST = 16.0
"""Drift up to which effects are looked for."""


def checked(fractions: Sequence[float]) -> tuple[float, ...]:
    """Fractions of the planned information at the looks.

    Raises:
        ValueError: for fractions that fall or are not positive.
    """
    at = tuple(float(part) for part in fractions)
    if not at or not all(isfinite(part) and part > 0 for part in at):
        raise ValueError(
            f"the looks are at the parts {list(at)} of the planned information; "
            "give at least one, all above 0"
        )
    if any(later < earlier for earlier, later in pairwise(at)):
        raise ValueError(
            f"the looks are at the parts {list(at)} of the planned information; "
            "give them in the order in which they happen: information does not shrink"
        )
    return at


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Where a Brownian motion without drift stands if it has crossed none of its bounds.

    The recursive integration of Armitage, McPherson and Rowe (1969), by Gauss-Legendre quadrature.
    Bounds are symmetric, so one side is enough.

    Attributes:
        at: information so far.
        place: nodes between 0 and the bound, shape (m,).
        mass: density at the nodes times their quadrature weight, both sides, shape (m,).
    """

    at: float
    place: Floats
    mass: Floats

    @classmethod
    def beyond(
        cls,
        path: Path | None,
        at: float,
        bound: float,
        following: float = inf,
        reach: float = REACH,
    ) -> Path:
        """The path after a look at `at` with a bound of |z|, fit for the step to `following`."""
        step = sqrt(min(at if path is None else at - path.at, following - at))
        place, weight = _nodes(min(bound, reach) * sqrt(at), 2 * step)
        if path is None:
            density = 2 * _normal(place / sqrt(at)) / sqrt(at)
        else:
            spread = sqrt(at - path.at)
            there = _normal((place[:, None] - path.place) / spread)
            there += _normal((place[:, None] + path.place) / spread)
            density = there @ path.mass / spread
        return cls(at, place, density * weight)

    def bound(self, at: float, share: float) -> float:
        """The |z| that is crossed first at `at` with this probability; 0 where it is too large."""
        from scipy.special import ndtr

        spread = sqrt(at - self.at)

        def crossing(z: float) -> float:
            limit = z * sqrt(at)
            beyond = ndtr((self.place - limit) / spread) + ndtr((-self.place - limit) / spread)
            return float(beyond @ self.mass)

        low, high = 0.0, 40.0
        if crossing(low) <= share:
            return 0.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if crossing(middle) > share else (low, middle)
        return (low + high) / 2


def _normal(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / sqrt(2 * np.pi))


@lru_cache(maxsize=1)
def _rule() -> tuple[Floats, Floats]:
    place, weight = np.polynomial.legendre.leggauss(8)
    return (place + 1) / 2, weight / 2


def _nodes(end: float, width: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre of 8 nodes on panels of at most `width` between 0 and `end`."""
    panels = max(1, int(np.ceil(end / width)))
    place, weight = _rule()
    size = end / panels
    places = (np.arange(panels)[:, None] + place) * size
    return places.ravel(), np.tile(weight * size, panels)


def crossing(fractions: Sequence[float], limits: Sequence[float], drift: float = 0.0) -> float:
    """Probability that |z| crosses a limit at any look.

    Args:
        fractions: information at the looks as a part of what was planned, ascending. Where it
            does not grow, only the lower of the limits counts.
        limits: of |z|, one a look, not negative; infinite for a look that cannot stop.
        drift: expected z at fraction 1, the true effect in standard errors of the planned end;
            up to 16.

    Raises:
        ValueError: for fractions that fall or are not positive, or another number of limits.

    >>> round(crossing([1.0], [1.96], drift=2.8), 3)
    0.8
    >>> round(crossing([0.2, 0.4, 0.6, 0.8, 1.0], [1.96] * 5), 3)
    0.142
    """
    at = checked(fractions)
    if len(limits) != len(at):
        raise ValueError(f"{len(limits)} limits for {len(at)} looks; give one a look")
    looks: list[tuple[float, float]] = []
    for part, limit in zip(at, limits, strict=True):
        if looks and part - looks[-1][0] < SAME * part:
            looks[-1] = looks[-1][0], min(looks[-1][1], float(limit))
        else:
            looks.append((part, float(limit)))
    reach = REACH + abs(drift) * sqrt(at[-1])
    path: Path | None = None
    for index, (part, limit) in enumerate(looks):
        following = looks[index + 1][0] if index + 1 < len(looks) else inf
        path = Path.beyond(path, part, limit, following, reach)
    if path is None:
        return 0.0
    # A drift changes the density of where a path stands by the likelihood ratio only.
    tilt = np.cosh(drift * path.place) * np.exp(-(drift**2) * path.at / 2)
    return float(1 - path.mass @ tilt)


def inflation(
    fractions: Sequence[float],
    limits: Sequence[float],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Units that a design with looks needs at most, over those of one look at the end.

    Both see the same effect with the same power; at the end the fixed design asks for the normal
    quantile at 1 - alpha / 2.

    Args:
        fractions: information at the looks as a part of what was planned, ascending.
        limits: of |z|, one a look.
        alpha: two-sided, of the design with one look.
        power: probability to see the effect, above alpha.

    Raises:
        ValueError: as `crossing`, or for an alpha or a power outside (0, 1).

    >>> round(inflation([0.2, 0.4, 0.6, 0.8, 1.0], [4.8769, 3.3570, 2.6803, 2.2898, 2.0310]), 3)
    1.025
    """
    from scipy.special import ndtri

    if not 0 < alpha < 1 or not alpha < power < 1:
        raise ValueError(
            f"alpha is {alpha} and power {power}; alpha must lie between 0 and 1, power between "
            "alpha and 1"
        )
    needed = _drift([1.0], [-float(ndtri(alpha / 2))], power)
    return (_drift(fractions, limits, power) / needed) ** 2


def _drift(fractions: Sequence[float], limits: Sequence[float], power: float) -> float:
    """The drift with which a limit is crossed with this probability."""
    low, high = 0.0, 1.0
    while crossing(fractions, limits, high) < power:
        low, high = high, 2 * high
        if high > FARTHEST:
            raise ValueError(
                f"no effect up to {FARTHEST:g} standard errors crosses the limits {list(limits)} "
                f"with probability {power}; give lower limits"
            )
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if crossing(fractions, limits, middle) < power else (low, middle)
    return (low + high) / 2
