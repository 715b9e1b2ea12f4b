"""A finding: something that changed, crossed a threshold or contradicts something else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Kind = Literal["threshold", "change", "mismatch", "data"]
State = Literal["open", "closed"]
Severity = Literal["info", "watch", "act"]
Verdict = Literal["better", "worse", "flat", "unclear"]


@dataclass(frozen=True, slots=True)
class Leg:
    """One KPI of a finding, before and now.

    Attributes:
        kpi: The KPI.
        title: What people call it.
        unit: Its unit, as readings have it.
        role: main: what the finding is about. against: what contradicts it. beside: looked at.
        before: Value in the period compared with.
        now: Value in the period.
        low: Lower end of the 95% interval of `now`.
        high: Upper end.
        n: Rows of the period.
        customers: Most customers of one of its periods.
        difference: now - before, or now / before - 1 where `relative`.
        difference_low: Lower end of its interval, sampling and usual variation together.
        difference_high: Upper end.
        relative: Whether the difference is relative.
        verdict: What it means for the customer.
    """

    kpi: str
    title: str
    unit: str | None
    role: Literal["main", "against", "beside"]
    before: float | None
    now: float | None
    low: float | None
    high: float | None
    n: int
    customers: int
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    relative: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Onset:
    """The period in which it began, by change-point.

    Attributes:
        start: First day of the likeliest period.
        first: First day of the earliest period of the 95% set.
        last: First day of the latest one.
        sure: Whether the series shows one clear step at all.
    """

    start: date
    first: date
    last: date
    sure: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a dimension, as a part of the whole change.

    Attributes:
        dimension: The dimension, such as `touchpoint`.
        segment: Its value; None where it is not known.
        weight_before: Share of the denominator before, 0 to 1.
        weight: Share now.
        before: Value before.
        now: Value now.
        low: Lower end of the 95% interval of `now`.
        high: Upper end.
        n: Rows now.
        mix: What it adds to the change by growing or shrinking.
        rate: What it adds by having changed itself.
        total: mix + rate; all segments of a dimension add up to the change.
        share_of_change: total / change.
        difference: Its own change, now - before or relative.
        difference_low: Lower end of its interval.
        difference_high: Upper end.
        p_value: That this segment changed otherwise than the rest, adjusted.
        stands_out: Whether it did.

    Where a KPI cannot be split exactly (medians, Kaplan-Meier) weight, mix, rate, total and
    share_of_change are None.
    """

    dimension: str
    segment: str | None
    weight_before: float | None
    weight: float | None
    before: float | None
    now: float | None
    low: float | None
    high: float | None
    n: int
    mix: float | None
    rate: float | None
    total: float | None
    share_of_change: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p_value: float | None
    stands_out: bool


@dataclass(frozen=True, slots=True)
class Alike:
    """A dimension whose segments all changed alike: nothing stands out there."""

    dimension: str
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may have to do with it.

    Attributes:
        kind: experiment, or the kind of annotation.
        name: Id of an experiment, text of an annotation.
        title: What people call it.
        at: First day.
        until: Last day; None for a moment.
        evidence: causal only where an experiment measured its effect on this KPI.
        fits: Whether it begins at the onset.
        overlap: Share of the changed rows that it could have touched; None: not known.
        says: One sentence.
    """

    kind: Literal["experiment", "release", "campaign", "incident", "definition"]
    name: str
    title: str
    at: date
    until: date | None
    evidence: Literal["causal", "overlap"]
    fits: bool
    overlap: float | None
    says: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that deserves attention, with its evidence.

    Attributes:
        id: The same for as long as it stays.
        key: What it is about, whenever it happens: kind, KPI or pattern, stage, rule.
        kind: threshold, change, mismatch or data.
        state: open or closed.
        severity: info: know it. watch: look again. act: someone must do something.
        better: Whether it is good news.
        kpi: The KPI; of a mismatch its first leg; of data trouble None, or the KPI it affects.
        pattern: Of a mismatch: the pattern's id. Of data trouble: late, missing, volume,
            response_shift, join_rate.
        rule: The threshold's rule, where there is one.
        stage: Stage, None for all.
        grain: Grain of the periods compared.
        period_start: First day of the newest period it was seen in.
        period_end: Day after its last.
        against: First day of the period it is compared with.
        title: A headline that says it.
        says: One or two sentences.
        value: Newest value of the KPI.
        previous: Value before the onset.
        difference: Change in the unit of `Leg.difference`.
        low: Lower end of its interval.
        high: Upper end.
        relative: Whether it is relative.
        p_value: Of the rule that fired.
        p_adjusted: Adjusted within its family.
        family: How many tests the family held.
        onset: When it began.
        legs: The KPIs it is made of, the main one first.
        where: Segments of places: touchpoint, page, form, step, channel and so on.
        who: Segments of people: device, plan, country, tenure and so on.
        alike: Dimensions where nothing stands out.
        candidates: What overlaps in time and population, the likeliest first.
        playbook: Id of the playbook.
        owner: Id of the team.
        rank: 1 is the most important of the open ones.
        opened_at: First day after the period in which it was first seen.
        seen_at: When it was last confirmed.
        closed_at: When it ended.
        closed_because: Why: recovered, new level, no data, definition changed, or what a person
            said.
        closed_by: Who closed it; None: the engine.
        dimension: Of a segment with a limit of its own: its dimension.
        segment: Its value.
    """

    id: str
    key: str
    kind: Kind
    state: State
    severity: Severity
    better: bool
    kpi: str | None
    pattern: str | None
    rule: str | None
    stage: str | None
    grain: str
    period_start: date
    period_end: date
    against: date | None
    title: str
    says: str
    value: float | None
    previous: float | None
    difference: float | None
    low: float | None
    high: float | None
    relative: bool
    p_value: float | None
    p_adjusted: float | None
    family: int | None
    onset: Onset | None
    legs: tuple[Leg, ...]
    where: tuple[Segment, ...]
    who: tuple[Segment, ...]
    alike: tuple[Alike, ...]
    candidates: tuple[Candidate, ...]
    playbook: str | None
    owner: str | None
    rank: int | None
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None = None
    closed_because: str | None = None
    closed_by: str | None = None
    dimension: str | None = None
    segment: str | None = None

    @property
    def part(self) -> tuple[str, str] | None:
        """Dimension and value of the segment it is about; None: all customers."""
        if self.dimension is None or self.segment is None:
            return None
        return self.dimension, self.segment


@dataclass(frozen=True, slots=True)
class Comment:
    """What a customer wrote at the touchpoint and in the period of a finding.

    Never stored with the finding: it is looked up when it is shown, so that erasing a customer
    erases it everywhere.

    Attributes:
        text: The words.
        theme: Theme, where comments are coded; None while they are not.
        on: Day.
        touchpoint: Where.
        score: The score that came with it.
        about: What is known of the customer: dimension to segment.
    """

    text: str
    theme: str | None
    on: date
    touchpoint: str | None
    score: float | None
    about: tuple[tuple[str, str], ...] = ()
