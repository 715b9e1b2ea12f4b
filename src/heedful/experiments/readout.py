"""What an analysed experiment amounts to: small frozen results, as the JSON contract names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from heedful.experiments.evidence import Answered

Decision = Literal["ship", "do_not_ship", "keep_running", "needs_review", "invalid"]
Role = Literal["primary", "guardrail", "secondary"]
SrmState = Literal["ok", "caution", "fail"]
Verdict = Literal[
    "better", "worse", "no_difference", "non_inferior", "harmed", "inconclusive", "void"
]


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether units fell on the variants as planned.

    Attributes:
        p_value: Of a chi-square test against the weights; None without units.
        state: fail under 0.001, caution under 0.01.
    """

    p_value: float | None
    state: SrmState


@dataclass(frozen=True, slots=True)
class VariantCount:
    """How many units got a variant.

    Attributes:
        name: The variant.
        weight: Its planned share.
        units: Units that entered with it.
        title: What people call it.
    """

    name: str
    weight: float
    units: int
    title: str | None = None


@dataclass(frozen=True, slots=True)
class OutcomeResult:
    """One KPI, one variant against the control.

    In a factorial design `variant` and `control` are levels (`tone=warm`, `tone=plain`), or for
    interactions `tone=warm × reason=yes` and None.

    Attributes:
        kpi: KPI, or column of a flat file.
        role: Its part in the experiment.
        variant: What is compared.
        control: With what.
        n: Units of the variant whose window has passed (per row KPIs: units that have a row).
        control_n: The same of the control.
        value: Value of the variant in the KPI's unit, adjusted as `method` says.
        control_value: Value of the control.
        difference: Variant less control, in the KPI's unit.
        low: Lower end of its interval.
        high: Upper end.
        relative: Relative difference; None where the control is not above 0.
        relative_low: Lower end of its interval.
        relative_high: Upper end.
        p_value: Two-sided of no difference; of a guardrail one-sided of harm beyond the margin.
        p_adjusted: Adjusted for its family.
        margin: Of a guardrail; how much worse is tolerated.
        verdict: What that means, by the direction in which the KPI is better.
        method: How it was estimated, in words.
        title: What people call the KPI.
        unit: share, nps, money and so on; None in a flat file.
        better: higher or lower.
        layer: The KPI's layer; None in a flat file.
        margin_kind: relative or absolute.
        why: Why numbers are missing, or the outcome is void.
        window_days: Days from exposure that count.
        delay_days: Days from exposure that do not count yet.
        waiting: Units of all variants whose window has not passed.
        unadjusted: Difference without covariates, where there are any.
        variance_reduction: Share of the variance that covariates took away.
        power: Power for the smallest effect that matters, at the data that came and with the
            bounds of the design; primary only.
        detectable: Difference that would have been seen with the planned power.
        se: Standard error of the difference.
    """

    kpi: str
    role: Role
    variant: str
    control: str | None
    n: int
    control_n: int
    value: float | None
    control_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    p_value: float | None
    p_adjusted: float | None
    margin: float | None
    verdict: Verdict
    method: str
    title: str | None = None
    unit: str | None = None
    better: Literal["higher", "lower"] = "higher"
    layer: str | None = None
    margin_kind: Literal["relative", "absolute"] | None = None
    why: str | None = None
    window_days: int | None = None
    delay_days: int = 0
    waiting: int = 0
    unadjusted: float | None = None
    variance_reduction: float | None = None
    power: float | None = None
    detectable: float | None = None
    se: float | None = None


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """The effect within one segment; p_adjusted by Benjamini-Hochberg over all segments."""

    dimension: str
    segment: str | None
    kpi: str
    variant: str
    difference: float | None
    low: float | None
    high: float | None
    p_adjusted: float | None
    n: int = 0
    control_n: int = 0
    value: float | None = None
    control_value: float | None = None
    p_value: float | None = None
    relative: float | None = None


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether the effect differs between the segments of a dimension."""

    dimension: str
    kpi: str
    p_value: float | None
    variant: str | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The difference as it stood at the end of a day, with the interval of the design."""

    date: date
    kpi: str
    variant: str
    difference: float | None
    low: float | None
    high: float | None
    n: int = 0
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Share of units still there so many days after exposure."""

    kpi: str
    variant: str
    day: int
    value: float
    low: float | None
    high: float | None
    at_risk: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What one experiment claimed, and what is left of it once luck is taken out."""

    experiment: str
    kpi: str
    difference: float
    low: float
    high: float
    shrunk: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Worth:
    """An effect in units that a business counts.

    Attributes:
        kpi: The KPI.
        variant: The variant.
        words: A sentence: what it is worth, with its interval.
        value: Amount for every 1,000 units, in the KPI's unit or in cases.
        low: Lower end.
        high: Upper end.
        money: Whether `value` is money.
    """

    kpi: str
    variant: str
    words: str
    value: float
    low: float | None
    high: float | None
    money: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """A trade-off that an approver took on; the decision of the rules stays beside it."""

    by: str
    at: datetime
    verdict: str
    reason: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Readout:
    """An analysed experiment.

    Attributes:
        decision: What to do.
        rule: The rule that decided.
        reasons: What the rule saw.
        warnings: What to read with care.
        trade_offs: What got better at the price of what.
        candidate: The variant the decision is about.
        pooled: All variants but the control taken as one, where there are several; these do not
            take part in the decision.
        planned_units: Units planned in all variants together; None where nobody said.
        power: The planned probability to see the smallest effect that matters.
        answered: By KPI that comes from answers: whether the variants answered alike.
    """

    name: str
    design: str
    decision: Decision
    rule: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    srm: SampleRatio
    variants: tuple[VariantCount, ...]
    outcomes: tuple[OutcomeResult, ...]
    segments: tuple[SegmentResult, ...] = ()
    heterogeneity: tuple[Heterogeneity, ...] = ()
    looks: tuple[Look, ...] = ()
    pooled: tuple[OutcomeResult, ...] = ()
    trade_offs: tuple[str, ...] = ()
    candidate: str | None = None
    title: str | None = None
    question: str | None = None
    hypothesis: str | None = None
    owner: str | None = None
    approver: str | None = None
    stage: str | None = None
    unit: str = "unit"
    control: str | None = None
    start: date | None = None
    end: date | None = None
    as_of: date | None = None
    ended: bool = True
    alpha: float = 0.05
    sequential: str = "none"
    currency: str | None = None
    crossovers: int = 0
    curves: tuple[CurvePoint, ...] = ()
    claims: tuple[Claim, ...] = ()
    worth: tuple[Worth, ...] = ()
    signatures: tuple[Signature, ...] = ()
    notes: tuple[str, ...] = ()
    planned_units: int | None = None
    power: float = 0.8
    answered: tuple[Answered, ...] = ()
    definition: str | None = None
    sql: tuple[tuple[str, str], ...] = field(default=(), repr=False)
