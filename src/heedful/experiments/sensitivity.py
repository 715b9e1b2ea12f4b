"""What a comparison with a known standard error can see."""

from __future__ import annotations


def detectable(se: float, *, bound: float, power: float) -> float:
    """The difference that is seen with the given power.

    Args:
        se: Standard error of the difference.
        bound: Standard errors that a difference must be away from 0 to be seen.
        power: Probability to see it.

    >>> round(detectable(1.0, bound=1.96, power=0.8), 3)
    2.802
    """
    from scipy.special import ndtri

    return (bound + float(ndtri(power))) * se


def power_of(effect: float, se: float, *, bound: float) -> float:
    """The probability to see a difference, in either direction.

    >>> round(power_of(2.802, 1.0, bound=1.96), 3)
    0.8
    """
    from scipy.special import ndtr

    return float(ndtr(effect / se - bound) + ndtr(-effect / se - bound))
