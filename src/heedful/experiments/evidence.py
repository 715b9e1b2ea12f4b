"""What a decision is made from, and how it looks for each variant that could be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from heedful.experiments.readout import OutcomeResult, SampleRatio, SrmState, VariantCount
from heedful.experiments.sentences import known

if TYPE_CHECKING:
    from heedful.definitions.experiment import Sequential

Guarded = Literal["held", "harmed", "open", "void"]

_GUARDED: dict[str, Guarded] = {
    "non_inferior": "held",
    "better": "held",
    "harmed": "harmed",
    "worse": "harmed",
    "void": "void",
}

ENOUGH = 0.95
"""The share of units whose window must have passed before an outcome counts as complete."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether the effect on the primary KPI shrinks with the days since exposure.

    Attributes:
        variant: The variant.
        p_value: Of a constant effect, against one that goes towards zero.
        early: Effect in the first part of the days, in the KPI's unit.
        late: Effect in the last part.
    """

    variant: str
    p_value: float
    early: float | None = None
    late: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """Whether the groups answered a survey alike.

    Attributes:
        kpi: The KPI that comes from answers.
        p_value: Of a chi-square test of the response rates; None without units.
        state: fail under 0.001, caution under 0.01.
        shares: Variant and the share of its units that answered.
        title: What people call the KPI.
    """

    kpi: str
    p_value: float | None
    state: SrmState
    shares: tuple[tuple[str, float], ...] = ()
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a decision may look at.

    Attributes:
        outcomes: Every KPI of every comparison, with its verdict.
        srm: Whether units fell on the variants as planned.
        variants: Units by variant.
        candidates: Variants that could be chosen; empty: all that a primary outcome compares
            with a control. Interactions and pooled variants are none.
        ended: The planned end has passed, and with it the windows of enough units (see
            `windows_passed`). A file that is analysed once has ended.
        stopped: It was closed before its planned end.
        sequential: How it was meant to be looked at before its end.
        looks: How often it was looked at before its end.
        planned_looks: How many looks alpha spending was planned for.
        alpha: Two-sided probability of a false alarm.
        power: The planned probability to see the smallest effect that matters.
        smallest_effect: The smallest effect on the primary KPI that matters, above 0.
        smallest_kind: Relative to the control, or in the KPI's unit.
        planned_units: Units planned in all variants together.
        crossovers: Units that met more than one variant.
        trends: By variant.
        answered: By KPI that comes from answers.
        unit: What a unit is called.
        currency: Of money.
    """

    outcomes: tuple[OutcomeResult, ...]
    srm: SampleRatio
    variants: tuple[VariantCount, ...] = ()
    candidates: tuple[str, ...] = ()
    ended: bool = True
    stopped: bool = False
    sequential: Sequential = "none"
    looks: int = 0
    planned_looks: int | None = None
    alpha: float = 0.05
    power: float = 0.8
    smallest_effect: float | None = None
    smallest_kind: Literal["relative", "absolute"] = "relative"
    planned_units: int | None = None
    crossovers: int = 0
    trends: tuple[Trend, ...] = ()
    answered: tuple[Answered, ...] = ()
    unit: str = "unit"
    currency: str | None = None

    @property
    def units(self) -> int:
        """Units of all variants together."""
        return sum(variant.units for variant in self.variants)

    @property
    def fixed(self) -> bool:
        """Whether it is meant to be read once, at its end."""
        return self.sequential == "none"

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return not self.ended


@dataclass(frozen=True, slots=True)
class Case:
    """What speaks for and against one variant.

    Attributes:
        evidence: All there is.
        variant: The variant; None where there is none to speak of.
        primary: Its primary outcome.
        guardrails: Its guardrails.
        secondary: Its other outcomes.
        unread: Guardrail KPIs that other variants have a result of and this one has not.
    """

    evidence: Evidence
    variant: str | None
    primary: OutcomeResult | None
    guardrails: tuple[OutcomeResult, ...]
    secondary: tuple[OutcomeResult, ...]
    unread: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the primary KPI is shown to be better."""
        return self.read is not None and self.read.verdict == "better"

    @property
    def worse(self) -> bool:
        """Whether the primary KPI is shown to be worse."""
        return self.read is not None and self.read.verdict in ("worse", "harmed")

    @property
    def void(self) -> bool:
        """Whether the primary KPI cannot be compared."""
        return self.read is not None and self.read.verdict == "void"

    @property
    def unclear(self) -> bool:
        """Whether the primary KPI has a value, but no effect is shown."""
        return self.read is not None and not (self.better or self.worse or self.void)

    @property
    def read(self) -> OutcomeResult | None:
        """The primary outcome, if it has a value."""
        return self.primary if known(self.primary) else None

    def guarded(self, state: Guarded) -> tuple[OutcomeResult, ...]:
        """Guardrails in a state: held, harmed, void, or open (neither is shown)."""
        return tuple(g for g in self.guardrails if _GUARDED.get(g.verdict, "open") == state)

    @property
    def open(self) -> bool:
        """Whether a guardrail is neither held nor harmed nor void."""
        return bool(self.guarded("open") or self.unread)

    @property
    def paid(self) -> tuple[OutcomeResult, ...]:
        """Secondary outcomes that are shown to be worse."""
        return tuple(one for one in self.secondary if one.verdict in ("worse", "harmed"))

    @property
    def gain(self) -> float:
        """Effect on the primary KPI, positive where it is good; minus infinity without one."""
        if self.read is None or self.read.difference is None:
            return float("-inf")
        return self.read.difference * (1 if self.read.better == "higher" else -1)


def cases(evidence: Evidence) -> tuple[Case, ...]:
    """One case for every variant that could be chosen; a case without a variant if there is none.

    Args:
        evidence: All there is.

    Returns:
        In the order of `candidates`, or of the outcomes.
    """
    primaries = [one for one in evidence.outcomes if one.role == "primary" and one.control]
    compared = {one.variant: None for one in primaries}
    candidates = evidence.candidates or tuple(compared)
    guarded = {
        one.kpi: None
        for one in evidence.outcomes
        if one.role == "guardrail" and one.control and one.variant in candidates
    }
    if not candidates:
        return (Case(evidence, None, None, (), ()),)
    return tuple(_case(evidence, name, candidates, tuple(guarded)) for name in candidates)


def _case(
    evidence: Evidence, variant: str, candidates: Sequence[str], guarded: Sequence[str]
) -> Case:
    # Against the control only: two candidates beside each other say nothing about shipping one.
    mine = [
        one
        for one in evidence.outcomes
        if one.variant == variant and one.control and one.control not in candidates
    ]
    guardrails = tuple(one for one in mine if one.role == "guardrail")
    have = {one.kpi for one in guardrails}
    return Case(
        evidence,
        variant,
        next((one for one in mine if one.role == "primary"), None),
        guardrails,
        tuple(one for one in mine if one.role == "secondary"),
        tuple(kpi for kpi in guarded if kpi not in have),
    )


def windows_passed(
    outcomes: Sequence[OutcomeResult], units: int, *, enough: float = ENOUGH
) -> bool:
    """Whether the windows of the primary KPI and of all guardrails have passed for enough units.

    Args:
        outcomes: Results, with the units of all variants that still wait.
        units: Units of all variants.
        enough: The share of them whose window must have passed.

    >>> from heedful.experiments.example import outcome
    >>> windows_passed([outcome(waiting=30)], 1000), windows_passed([outcome(waiting=300)], 1000)
    (True, False)
    """
    decisive = [one for one in outcomes if one.role != "secondary"]
    return all(one.waiting <= (1 - enough) * units for one in decisive)
