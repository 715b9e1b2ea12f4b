"""What an effect is worth, in units that a business counts: cases and money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from heedful.experiments.readout import OutcomeResult, Worth
from heedful.experiments.wording import difference, differences

if TYPE_CHECKING:
    from heedful.experiments.measured import Asked

PER = 1000
WORTH_SAYING = frozenset({"better", "worse", "harmed", "non_inferior", "inconclusive"})


def worth(
    outcomes: Sequence[OutcomeResult],
    asked: Sequence[Asked],
    unit: str,
    *,
    currency: str | None = None,
    a_month: float | None = None,
) -> list[Worth]:
    """Effects per unit of the experiment, for every 1,000 units.

    Only outcomes that are counted per unit can be multiplied with units: the mean amount of an
    order says nothing about how many orders there are.

    Args:
        outcomes: All effects.
        asked: What was asked about the outcomes, in any order.
        unit: What the experiment assigns, in the singular.
        currency: Of money.
        a_month: Units that enter in a month of 30 days, to speak of months.
    """
    per_unit = {one.kpi for one in asked if one.per_unit}
    found = []
    for one in outcomes:
        if one.kpi not in per_unit or one.unit not in {"share", "money", "count"}:
            continue
        if one.difference is None or one.low is None or one.high is None:
            continue
        if one.control is None or one.verdict == "void":
            continue
        found.append(_one(one, unit, currency, a_month))
    return found


def _one(one: OutcomeResult, unit: str, currency: str | None, a_month: float | None) -> Worth:
    money = one.unit == "money"
    kind = "money" if money else "count"

    def said(factor: float) -> str:
        value, low, high = (
            None if each is None else factor * each for each in (one.difference, one.low, one.high)
        )
        places = 0 if factor * abs(one.difference or 0) >= 10 else 1
        what = difference(value, kind, decimals=places, currency=currency)
        return f"{what} ({differences(low, high, kind, decimals=places)})"

    words = f"{one.title or one.kpi}: {said(PER)} for every {PER:,} {unit}s with {one.variant}"
    if a_month:
        words += f"; about {said(a_month)} a month at the pace of the experiment"
    return Worth(
        kpi=one.kpi,
        variant=one.variant,
        words=words + ".",
        value=PER * (one.difference or 0.0),
        low=None if one.low is None else PER * one.low,
        high=None if one.high is None else PER * one.high,
        money=money,
    )
