"""P-values adjusted for how many questions were asked together."""

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import Floats


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values that hold the chance of any false alarm in the family (Holm 1979).

    Valid however the tests depend on each other.

    Args:
        p: p-values of one family, shape (tests,). NaN is no test: it stays, and does not count.

    Returns:
        Shape (tests,), none smaller than its p-value, at most 1.

    Raises:
        ValueError: for numbers outside 0 to 1.

    >>> holm([0.01, 0.04, float("nan"), 0.03]).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    given, order = _ordered(p)
    tests = len(order)
    steps = given[order] * np.arange(tests, 0, -1)
    return _placed(given, order, np.minimum(np.maximum.accumulate(steps), 1.0))


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values that hold the share of false alarms among all alarms.

    Benjamini and Hochberg 1995; valid for independent and positively dependent tests.

    Args:
        p: p-values of one family, shape (tests,). NaN is no test: it stays, and does not count.

    Returns:
        Shape (tests,), none smaller than its p-value, at most 1.

    Raises:
        ValueError: for numbers outside 0 to 1.

    >>> benjamini_hochberg([0.01, 0.04, float("nan"), 0.03]).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    given, order = _ordered(p)
    tests = len(order)
    steps = given[order] * tests / np.arange(1, tests + 1)
    adjusted = np.minimum.accumulate(steps[::-1])[::-1]
    return _placed(given, order, np.minimum(adjusted, 1.0))


_Index = np.ndarray[tuple[int, ...], np.dtype[np.intp]]


def _ordered(p: ArrayLike) -> tuple[Floats, _Index]:
    given = np.asarray(p, dtype=np.float64)
    if given.ndim != 1:
        raise ValueError(f"p-values have shape {given.shape}; give one family, (tests,)")
    known = np.flatnonzero(~np.isnan(given))
    if len(known) and not (given[known].min() >= 0 and given[known].max() <= 1):
        raise ValueError(f"p-values {given.tolist()}; each must lie between 0 and 1, or be NaN")
    return given, known[np.argsort(given[known], kind="stable")]


def _placed(given: Floats, order: _Index, adjusted: Floats) -> Floats:
    found = np.full(given.shape, np.nan)
    # Rounding in the products must not make an adjusted p-value smaller than the plain one.
    found[order] = np.maximum(adjusted, given[order])
    return found
