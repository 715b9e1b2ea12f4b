"""How much a KPI changed between two periods, and whether that is clear."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING, Literal

from heedful import stats

if TYPE_CHECKING:
    from heedful.kpis.shelf import Series

ABSOLUTE = frozenset({"share", "nps", "score"})
"""Units whose changes are differences; of all others the relative change is taken."""

Verdict = Literal["better", "worse", "unclear"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change from an earlier reading to a later one, by sampling error alone.

    Attributes:
        before: The earlier value.
        now: The later value.
        difference: now - before in the KPI's unit, or now / before - 1 where `relative`.
        low: Lower end of its 95% interval.
        high: Upper end.
        relative: Whether it is relative.
        p_value: Two-sided, of no change; None where an end is missing.
        verdict: What that means for the customer; `unclear` where the interval holds 0.
        why: Why a number is missing.
    """

    before: float | None
    now: float | None
    difference: float | None
    low: float | None
    high: float | None
    relative: bool
    p_value: float | None
    verdict: Verdict
    why: str | None


def change(series: Series, before: date, now: date, better: str) -> Change | None:
    """The change between two periods of one series.

    Args:
        series: Readings of one KPI over time.
        before: First day of the earlier period.
        now: First day of the later one.
        better: `higher` or `lower`.

    Returns:
        None where either period has no reading. No difference is taken across a change of
        definition; `why` says so.
    """
    first, second = series.place(before), series.place(now)
    if first is None or second is None:
        return None
    pair = series.estimates.take([first, second])
    a, b = pair[0], pair[1]
    relative = series.unit not in ABSOLUTE
    if series.definition[first] != series.definition[second]:
        why = "the definition changed in between"
        return Change(a.value, b.value, None, None, None, relative, None, "unclear", why)
    found = stats.change(a, b, log=relative)
    p = stats.p_value(found)
    value = found.value if found.value is not None and isfinite(found.value) else None
    verdict: Verdict = "unclear"
    if found.low is not None and found.high is not None and not found.low <= 0 <= found.high:
        verdict = "better" if (found.low > 0) == (better == "higher") else "worse"
    return Change(a.value, b.value, value, found.low, found.high, relative, p, verdict, found.why)
