"""Whether units fell on the variants as planned, and answered alike."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import Literal, NamedTuple

FAIL = 0.001
"""Under this p-value a comparison is not to be believed."""

CAUTION = 0.01
"""Under this p-value a comparison is to be looked into."""

LEAST_EXPECTED = 5.0
"""Where fewer units than this are expected anywhere, exact tests stand in for chi-square."""


class RatioCheck(NamedTuple):
    """How likely counts at least so far from the expected ones are by chance.

    Attributes:
        p_value: NaN where there is nothing to compare.
        state: fail under 0.001, caution under 0.01.
    """

    p_value: float
    state: Literal["ok", "caution", "fail"]


def sample_ratio(counts: Sequence[float], weights: Sequence[float]) -> RatioCheck:
    """Test counts of units against the planned weights.

    Pearson's chi-square (Fabijan et al. 2019); where fewer than 5 units are expected in a variant
    its tail is off, and each variant is tested exactly (binomial) against the others instead, by
    Bonferroni's rule.

    Args:
        counts: units of each variant.
        weights: planned weights; they need not add up to 1. A variant with weight 0 is to have no
            units: any unit there is a failure.

    Raises:
        ValueError: for counts or weights that are negative or not finite, or do not pair up, or
            when all weights are 0.

    >>> sample_ratio([5000, 5050], [1, 1]).state, sample_ratio([5000, 5500], [1, 1]).state
    ('ok', 'fail')
    """
    if len(counts) != len(weights) or not _sound(counts) or not _sound(weights) or not any(weights):
        raise ValueError(
            f"counts {list(counts)}, weights {list(weights)}; give one of each a variant, none "
            "negative, and not only weights of 0"
        )
    total, planned = sum(counts), sum(weights)
    if total == 0:
        return _check(nan)
    if any(count > 0 and weight == 0 for count, weight in zip(counts, weights, strict=True)):
        return _check(0.0)
    pairs = [(n, w / planned) for n, w in zip(counts, weights, strict=True) if w > 0]
    if len(pairs) < 2:
        return _check(nan)
    if min(share for _, share in pairs) * total < LEAST_EXPECTED:
        from scipy.stats import binomtest

        each = [binomtest(round(n), round(total), share).pvalue for n, share in pairs]
        return _check(_smallest(each))
    from scipy.special import chdtrc

    distance = sum((n - share * total) ** 2 / (share * total) for n, share in pairs)
    return _check(float(chdtrc(len(pairs) - 1, distance)))


def answered(yes: Sequence[float], no: Sequence[float]) -> RatioCheck:
    """Test whether the share that answered is the same in all variants.

    Pearson's chi-square of homogeneity, without a continuity correction; where fewer than 5 are
    expected in a cell, Fisher's exact test of each variant against the others, by Bonferroni's
    rule.

    Args:
        yes: units of each variant that answered.
        no: units of each variant that did not. Variants without units do not count.

    Returns:
        NaN where fewer than two variants have units, or where all or none answered.

    Raises:
        ValueError: for counts that are negative or not finite, or do not pair up.

    >>> answered([300, 310], [700, 690]).state, answered([300, 400], [700, 600]).state
    ('ok', 'fail')
    """
    if len(yes) != len(no) or not _sound(yes) or not _sound(no):
        raise ValueError(
            f"yes {list(yes)}, no {list(no)}; give one of each a variant, none negative"
        )
    pairs = [(a, b) for a, b in zip(yes, no, strict=True) if a + b > 0]
    total_yes, total_no = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    if len(pairs) < 2 or not total_yes or not total_no:
        return _check(nan)
    total = total_yes + total_no
    if min(a + b for a, b in pairs) * min(total_yes, total_no) < LEAST_EXPECTED * total:
        import numpy as np
        from scipy.stats import fisher_exact

        tables = [np.array([[a, b], [total_yes - a, total_no - b]]) for a, b in pairs]
        return _check(_smallest([float(fisher_exact(np.rint(t)).pvalue) for t in tables]))
    from scipy.special import chdtrc

    # Of a cell and its opposite the deviations are equal, so both terms of a variant become one.
    distance = sum((a - (a + b) * total_yes / total) ** 2 / (a + b) for a, b in pairs) / (
        total_yes / total * (total_no / total)
    )
    return _check(float(chdtrc(len(pairs) - 1, distance)))


def _sound(numbers: Sequence[float]) -> bool:
    return all(isfinite(number) and number >= 0 for number in numbers)


def _smallest(p: Sequence[float]) -> float:
    """Of two variants both tests are one and the same; of more, Bonferroni's rule."""
    return min(1.0, min(p) * (len(p) if len(p) > 2 else 1))


def _check(p: float) -> RatioCheck:
    return RatioCheck(p, "fail" if p < FAIL else "caution" if p < CAUTION else "ok")
