"""What may follow an experience: who stays, buys again, pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from heedful.definitions.measure import Mean, Ratio, Retention, Share, Total

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.drivers.driver import OutcomeName

LIFETIMES, MEMBERSHIPS, PURCHASES, FIRST = (
    "lifetimes",
    "memberships",
    "purchases",
    "first_purchases",
)
FACTS = frozenset({LIFETIMES, MEMBERSHIPS, PURCHASES, FIRST})
"""Facts that are about what comes of customers, so nothing in them is an experience."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something that may follow.

    Attributes:
        name: As commands and addresses have it.
        title: What people call it.
        says: What it is, in a sentence; `{days}` stands for the days.
        done: What customers do, after "points more" or an amount.
        unit: share or money.
        missing: What to do where no customer can have it.
    """

    name: OutcomeName
    title: str
    says: str
    done: str
    unit: Literal["share", "money"]
    missing: str

    def measured_by(self, kpi: Kpi) -> bool:
        """Whether a KPI of an experiment is this outcome."""
        measure = kpi.measure
        if self.name == "retention":
            if kpi.fact == LIFETIMES:
                return isinstance(measure, Retention)
            return kpi.fact == MEMBERSHIPS and isinstance(measure, Share)
        if self.name == "repeat_purchase":
            return kpi.fact == FIRST and isinstance(measure, Share)
        return (
            kpi.fact in {PURCHASES, MEMBERSHIPS}
            and isinstance(measure, Mean | Ratio | Total)
            and measure.unit == "money"
        )


OUTCOMES: Mapping[str, Outcome] = {
    one.name: one
    for one in (
        Outcome(
            "retention",
            "Retention",
            "Customers on the first of a month who are still customers {days} days later.",
            "are still customers {days} days later",
            "share",
            "import subscriptions, or set lapsed_after_days in rules.yaml",
        ),
        Outcome(
            "repeat_purchase",
            "Repeat purchase",
            "Buyers on the first of a month with another order in the {days} days that follow.",
            "buy again within {days} days",
            "share",
            "import orders",
        ),
        Outcome(
            "revenue",
            "Revenue",
            "What customers on the first of a month pay in the {days} days after, less refunds.",
            "a customer in the {days} days that follow",
            "money",
            "import orders",
        ),
    )
}
