"""What an interval means for a KPI, by the direction in which it is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.experiments.readout import OutcomeResult, Verdict


def verdict(result: OutcomeResult, alpha: float, smallest: float | None) -> Verdict:
    """Better, worse, no difference that matters, or inconclusive.

    Args:
        result: The effect, with its adjusted p value.
        alpha: Two-sided probability of a false alarm.
        smallest: The smallest difference that matters; None where nobody said.

    Returns:
        no_difference only where the whole interval lies within the smallest difference that
        matters: a difference that was not seen is not yet a difference that is not there.
    """
    difference, p = result.difference, result.p_adjusted
    if difference is None or p is None or result.low is None or result.high is None:
        return "inconclusive"
    if p < alpha:
        return "better" if (difference > 0) == (result.better == "higher") else "worse"
    if smallest is not None and -smallest < result.low and result.high < smallest:
        return "no_difference"
    return "inconclusive"


def margin_verdict(*, shown: bool, harmed: bool) -> Verdict:
    """The verdict on a guardrail.

    >>> margin_verdict(shown=True, harmed=False), margin_verdict(shown=False, harmed=False)
    ('non_inferior', 'inconclusive')
    """
    if shown:
        return "non_inferior"
    return "harmed" if harmed else "inconclusive"
