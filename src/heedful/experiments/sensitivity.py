"""What a comparison with a known standard error can see."""

from __future__ import annotations


def detectable(se: float, *, alpha: float, power: float) -> float:
    """The difference that is seen with the given power.

    Args:
        se: Standard error of the difference.
        alpha: Two-sided probability of a false alarm.
        power: Probability to see it.

    >>> round(detectable(1.0, alpha=0.05, power=0.8), 3)
    2.802
    """
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power)) * se


def power_of(effect: float, se: float, *, alpha: float) -> float:
    """The probability to see a difference, in either direction.

    >>> round(power_of(2.802, 1.0, alpha=0.05), 3)
    0.8
    """
    from scipy.special import ndtr, ndtri

    bound = float(ndtri(1 - alpha / 2))
    return float(ndtr(effect / se - bound) + ndtr(-effect / se - bound))
