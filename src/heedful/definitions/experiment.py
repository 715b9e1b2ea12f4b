"""`experiments/*.yaml`: a planned comparison, who answers for it and what may not get worse."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from heedful.definitions.fields import Id, Model, NotNegative, Number, Share, Text, wrong

Design = Literal["ab", "holdout", "factorial"]
Sequential = Literal["none", "confidence_sequence", "alpha_spending"]
Days = Annotated[int, Field(ge=0)]
BEFORE = "before"
"""The covariate that is the outcome's own KPI before the exposure."""


class Variant(Model):
    """What one part of the units gets."""

    name: Text
    """As the column `variant` of `exposures` has it."""
    title: Text | None = None
    """What people call it."""
    weight: Share | None = None
    """The share of units that get it; without any weights all variants get the same."""
    levels: dict[Id, Text] = Field(default={})
    """In a factorial design: factor to level."""


class Outcome(Model):
    """A KPI that is compared, and when it counts."""

    kpi: Text
    """The KPI; it must be switched on."""
    window_days: Annotated[int, Field(gt=0)] | None = None
    """Days after the exposure (and `delay_days`) that count; without: the experiment's."""
    delay_days: Days = 0
    """Days after the exposure before anything counts."""
    per: Literal["row", "unit"] | None = None
    """row: as readings count, a sum over rows per row. unit: per exposed unit, also those without
    a row: a share is then of units with such a row, a mean the sum a unit. Totals are always
    per unit; others without it per row."""
    covariates: tuple[Text, ...] | None = None
    """Columns that say beforehand how it will come out; without: the experiment's."""
    capping: Annotated[float, Field(gt=0.5, lt=1)] | Text | None = None
    """Amounts of a unit above this quantile of all units count as the quantile."""


class Guardrail(Outcome):
    """A KPI that may not get worse by more than a margin."""

    margin: Annotated[NotNegative, Field(lt=1)] | None = None
    """How much worse it may get, relative to the control: such as 3%."""
    margin_absolute: Annotated[float, Field(gt=0)] | None = None
    """How much worse it may get, in the KPI's own unit (a share: 0.01 is one point)."""

    @model_validator(mode="after")
    def _one_margin(self) -> Guardrail:
        if (self.margin is None) == (self.margin_absolute is None):
            raise wrong(
                "a guardrail needs exactly one of margin and margin_absolute",
                "allowed: such as margin: 3%",
                at=("margin",),
            )
        return self


class Exposure(Model):
    """From when on a unit counts; without anything: from its first row in `exposures`."""

    events: tuple[Text, ...] = ()
    """Counted from the first of these events on that follows its first row in `exposures`."""
    touchpoint: Text | None = None
    """Only events there."""


class Experiment(Model):
    """A planned comparison."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Text
    """The name of its file, and the column `experiment` of `exposures`."""
    title: Text
    """What people call it."""
    question: Text
    """What it is to answer, in a sentence."""
    hypothesis: Text
    """The hypothesis it tests, an id in hypotheses.yaml."""
    owner: Text
    """The team that runs it, an id under teams in heedful.yaml."""
    approver: Text
    """Who may sign a trade-off: a team or a person."""
    stage: Text
    """The stage of the journey."""
    unit: Literal["customer", "account"] = "customer"
    """Who is assigned."""
    design: Design = "ab"
    """ab: variants against a control. holdout: some get nothing. factorial: several factors."""
    variants: Annotated[tuple[Variant, ...], Field(min_length=2)]
    """What the units get."""
    control: Text | None = None
    """The variant others are compared with; without: the first."""
    population: dict[Text, Text | tuple[Text, ...]] = Field(default={})
    """Who takes part: attribute to value or values; empty: everyone."""
    share: Share = 1.0
    """The share of the population that takes part."""
    start: dt.date
    """The first day on which units enter."""
    end: dt.date
    """The planned end: the first day on which none enter any more."""
    stopped: dt.date | None = None
    """The day it was stopped, where that was not the planned end."""
    exposure: Exposure = Exposure()
    """From when on a unit counts."""
    after: Text | None = None
    """The experiment it builds on, in a staged test."""
    group: Text | None = None
    """Experiments of one group never meet the same unit."""
    group_range: tuple[Share, Share] | None = None
    """The part of the group that is this experiment's, such as [0, 0.5]."""
    holdout: Text | None = None
    """The standing holdout whose units never take part: an experiment of design holdout."""
    over: tuple[Text, ...] = ()
    """For a standing holdout: the experiments whose sum it measures; empty: all that name it."""
    primary: Outcome
    """The KPI that decides."""
    guardrails: Annotated[tuple[Guardrail, ...], Field(min_length=2)]
    """KPIs that may not get worse; at least two."""
    secondary: tuple[Outcome, ...] = ()
    """Other KPIs to look at."""
    segments: tuple[Text, ...] = ()
    """Dimensions within which the effect is examined."""
    window_days: Annotated[int, Field(gt=0)] = 14
    """Days after the exposure that count, where an outcome does not say otherwise."""
    covariates: tuple[Text, ...] = (BEFORE,)
    """before: the KPI itself before the exposure; else numeric columns of the unit."""
    covariate_days: Annotated[int, Field(gt=0)] = 28
    """How many days before the exposure `before` looks at."""
    strata: tuple[Text, ...] = ()
    """Dimensions by which estimates are post-stratified."""
    capping: Annotated[float, Field(gt=0.5, lt=1)] | Text | None = None
    """Amounts of a unit above this quantile of all units count as the quantile, such as 99.9%."""
    alpha: Annotated[Share, Field(gt=0, lt=0.5)] = 0.05
    """The two-sided probability of a false alarm of the primary KPI."""
    power: Annotated[Share, Field(gt=0.5, lt=1)] = 0.8
    """The probability to see the smallest effect that matters."""
    smallest_effect: Annotated[NotNegative, Field(gt=0)] | None = None
    """The smallest effect on the primary KPI that matters, relative to the control."""
    smallest_effect_absolute: Annotated[float, Field(gt=0)] | None = None
    """The same in the KPI's own unit."""
    units: Annotated[int, Field(gt=0)] | None = None
    """How many units in all variants together are planned."""
    sequential: Sequential = "none"
    """Whether and how it may be looked at before its end."""
    looks: Annotated[int, Field(ge=1, le=60)] | tuple[dt.date, ...] = 4
    """For alpha_spending: the days of the planned looks, or how many there are, evenly spread."""

    @property
    def controlled(self) -> str:
        """The variant others are compared with."""
        return self.control or self.variants[0].name

    @property
    def weights(self) -> dict[str, float]:
        """The planned share of each variant; they add up to 1."""
        given = [variant.weight for variant in self.variants]
        if all(weight is None for weight in given):
            return {variant.name: 1 / len(given) for variant in self.variants}
        return {variant.name: variant.weight or 0.0 for variant in self.variants}

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Primary, guardrails, secondary, in this order."""
        return (self.primary, *self.guardrails, *self.secondary)

    def window(self, outcome: Outcome) -> int:
        """Days after the delay within which an outcome counts."""
        return outcome.window_days or self.window_days

    @property
    def closes(self) -> dt.date:
        """The first day on which no unit enters any more."""
        return min(self.end, self.stopped) if self.stopped else self.end


__all__ = ["BEFORE", "Experiment", "Exposure", "Guardrail", "Number", "Outcome", "Variant"]
