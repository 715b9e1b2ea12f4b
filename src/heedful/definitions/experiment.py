"""`experiments/*.yaml`: a planned comparison, who answers for it and what may not get worse."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from heedful.definitions.fields import (
    Date,
    Id,
    Model,
    NotNegative,
    Positive,
    Quantile,
    Share,
    Text,
    Who,
    day,
    or_percent,
    percentage,
    wrong,
)
from heedful.definitions.measure import Measure, Retention

Design = Literal["ab", "holdout", "factorial"]
Sequential = Literal["none", "confidence_sequence", "alpha_spending"]
Days = Annotated[int, Field(ge=0)]
BEFORE = "before"
"""The covariate that is the outcome's own KPI before the exposure."""
LOOKS_AT_MOST = 60


def _values(given: Any) -> Any:
    values = (given,) if isinstance(given, str) else given
    if isinstance(values, tuple) and values and all(isinstance(v, str) and v for v in values):
        return values
    raise wrong("{name} {value} is not text", 'allowed: such as DE, "3", or a list of such')


def _range(given: Any) -> Any:
    if isinstance(given, tuple) and len(given) == 2:
        with suppress(PydanticCustomError):
            begin, end = (percentage(one) for one in given)
            if 0 <= begin < end <= 1:
                return begin, end
    raise wrong("{name} is not a part of 0 to 1", "allowed: where it begins and ends: [0, 50%]")


def _looks(given: Any) -> Any:
    if isinstance(given, tuple) and 0 < len(given) <= LOOKS_AT_MOST:
        with suppress(PydanticCustomError):
            return tuple(day(one) for one in given)
    if isinstance(given, int) and not isinstance(given, bool) and 0 < given <= LOOKS_AT_MOST:
        return given
    raise wrong(
        "{name} {value} says neither how many there are nor when",
        f"allowed: a number from 1 to {LOOKS_AT_MOST}, or a list of dates such as [2026-03-02]",
    )


Values = Annotated[
    tuple[str, ...], BeforeValidator(_values, json_schema_input_type=str | tuple[str, ...])
]
"""One value or several."""
Range = Annotated[
    tuple[float, float],
    BeforeValidator(_range),
    WithJsonSchema(
        {
            "type": "array",
            "items": or_percent(minimum=0, maximum=1).json_schema,
            "minItems": 2,
            "maxItems": 2,
        }
    ),
]
"""A part of the numbers from 0 to 1: where it begins and where it ends."""
Looks = Annotated[
    Annotated[int, Field(ge=1, le=LOOKS_AT_MOST)]
    | Annotated[tuple[dt.date, ...], Field(min_length=1, max_length=LOOKS_AT_MOST)],
    BeforeValidator(_looks),
]
"""A number of looks, or their days."""
Part = Annotated[Share, Field(gt=0), or_percent(exclusiveMinimum=0, maximum=1)]
"""A share of something, and not nothing."""


class Variant(Model):
    """What one part of the units gets."""

    name: Text
    """As the column `variant` of `exposures` has it."""
    title: Text | None = None
    """What people call it."""
    weight: Part | None = None
    """The share of units that get it; without any weights all variants get the same."""
    levels: dict[Id, Text] = Field(default={})
    """In a factorial design: factor to level."""


class Outcome(Model):
    """A KPI that is compared, and when it counts."""

    kpi: Text
    """The KPI; it must be switched on."""
    window_days: Annotated[int, Field(gt=0)] | None = None
    """Days after the exposure (and `delay_days`) that count; without: the experiment's, and of
    retention its own horizon."""
    delay_days: Days = 0
    """Days after the exposure before anything counts."""
    per: Literal["row", "unit"] | None = None
    """row: as readings count, a sum over rows per row. unit: per exposed unit, also those without
    a row: a share is then of units with such a row, a mean the sum a unit. Totals are always
    per unit; others without it per row."""
    covariates: tuple[Text, ...] | None = None
    """Columns that say beforehand how it will come out; without: the experiment's."""
    capping: Quantile | None = None
    """Amounts of a unit above this quantile of all units count as the quantile; without: the
    experiment's."""


class Guardrail(Outcome):
    """A KPI that may not get worse by more than a margin."""

    margin: (
        Annotated[NotNegative, Field(lt=1), or_percent(minimum=0, exclusiveMaximum=1)] | None
    ) = None
    """How much worse it may get, relative to the control: such as 3%."""
    margin_absolute: Positive | None = None
    """How much worse it may get, in the KPI's own unit: of a share, 1% is one point."""

    @model_validator(mode="after")
    def _one_margin(self) -> Guardrail:
        if self.margin is None and self.margin_absolute is None:
            raise wrong(
                f'guardrail "{self.kpi}" has no margin',
                "add margin: 3% (of the control), or margin_absolute in the KPI's own unit",
            )
        if self.margin is not None and self.margin_absolute is not None:
            raise wrong(
                f'guardrail "{self.kpi}" has both margin and margin_absolute',
                "keep one of them",
                at=("margin_absolute",),
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
    unit: Who = "customer"
    """Who is assigned; without, what heedful.yaml says under unit."""
    design: Design = "ab"
    """ab: variants against a control. holdout: the control goes without, for long. factorial:
    several factors at once."""
    variants: Annotated[tuple[Variant, ...], Field(min_length=2)]
    """What the units get."""
    control: Text | None = None
    """The variant others are compared with; without: the first."""
    population: dict[Text, Values] = Field(default={})
    """Who takes part: attribute to value or values; empty: everyone."""
    share: Part = 1.0
    """The share of the population that takes part."""
    start: Date
    """The first day on which units enter."""
    end: Date
    """The planned end: the first day on which none enter any more."""
    stopped: Date | None = None
    """The day it was stopped, where that was not the planned end."""
    exposure: Exposure = Exposure()
    """From when on a unit counts."""
    after: Text | None = None
    """The experiment it builds on, in a staged test."""
    group: Text | None = None
    """Experiments of one group never meet the same unit."""
    group_range: Range | None = None
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
    capping: Quantile | None = None
    """Amounts of a unit above this quantile of all units count as the quantile, such as 99.9%."""
    alpha: Annotated[
        Share, Field(gt=0, lt=0.5), or_percent(exclusiveMinimum=0, exclusiveMaximum=0.5)
    ] = 0.05
    """The two-sided probability of a false alarm of the primary KPI."""
    power: Quantile = 0.8
    """The probability to see the smallest effect that matters."""
    smallest_effect: Positive | None = None
    """The smallest effect on the primary KPI that matters, relative to the control."""
    smallest_effect_absolute: Positive | None = None
    """The same in the KPI's own unit; give one of the two."""
    units: Annotated[int, Field(gt=0)] | None = None
    """How many units in all variants together are planned."""
    sequential: Sequential = "none"
    """Whether and how it may be looked at before its end."""
    looks: Looks = 4
    """For alpha_spending: the days of the planned looks, or how many there are, evenly spread."""

    @property
    def variant_names(self) -> tuple[str, ...]:
        """The names of the variants, in order."""
        return tuple(variant.name for variant in self.variants)

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

    def window(self, outcome: Outcome, measure: Measure | None = None) -> int:
        """Days after the delay within which an outcome counts.

        Args:
            outcome: The outcome.
            measure: What its KPI computes; of retention that says no window, its horizon counts.
        """
        if outcome.window_days is None and isinstance(measure, Retention):
            return measure.after
        return outcome.window_days or self.window_days

    @property
    def closes(self) -> dt.date:
        """The first day on which no unit enters any more."""
        return min(self.end, self.stopped) if self.stopped else self.end
