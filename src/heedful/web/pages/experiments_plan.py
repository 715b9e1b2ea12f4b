"""A plan as its page shows it: what each outcome needs, and what so many weeks can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.experiments import wording
from heedful.experiments.wording import NOTHING
from heedful.web import numbers, pictures

if TYPE_CHECKING:
    from markupsafe import Markup

    from heedful.definitions.experiment import Experiment
    from heedful.definitions.project_files import Definitions
    from heedful.experiments.planning import ExperimentPlan, PlannedOutcome

WORDS = {"enough": "Enough", "too_short": "Too short", "unknown": "Not decided"}
SHAPES = {"enough": ("ok", "good"), "too_short": ("data", "care"), "unknown": ("plain", "plain")}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What planning says of one outcome, as text."""

    kpi: str
    title: str
    role: str
    now: str
    to_see: str
    units: str
    by: str
    power: str
    sees: str
    window: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Weeks:
    """What so many weeks can see, as text."""

    weeks: int
    planned: bool
    units: str
    sees: str
    relative: str
    known_on: str


@dataclass(frozen=True, slots=True)
class Power:
    """Power for one true difference."""

    difference: str
    relative: str
    power: str
    bar: Markup


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, as text and pictures.

    Attributes:
        sign: Whether the planned duration is enough.
        days: Days that units enter.
        outcomes: One an outcome, the primary first.
        weeks: What so many weeks can see.
        powers: Power by difference.
        variants: Names, titles and planned shares.
    """

    sign: Markup
    days: int
    outcomes: tuple[Outcome, ...]
    weeks: tuple[Weeks, ...]
    powers: tuple[Power, ...]
    variants: tuple[tuple[str, str], ...]


def planned(plan: ExperimentPlan, experiment: Experiment, definitions: Definitions) -> Planned:
    """A plan as its page shows it.

    Args:
        plan: The plan.
        experiment: What is planned.
        definitions: The project's files.
    """
    currency = definitions.settings.currency
    unit = plan.outcomes[0].unit if plan.outcomes else None
    shape, tone = SHAPES[plan.state]
    days = (plan.end - plan.start).days
    weights = [1.0 if one.weight is None else one.weight for one in experiment.variants]
    return Planned(
        sign=pictures.sign(shape, WORDS[plan.state], tone),
        days=days,
        outcomes=tuple(_outcome(one, currency) for one in plan.outcomes),
        weeks=tuple(
            Weeks(
                one.weeks,
                7 * (one.weeks - 1) < days <= 7 * one.weeks,
                numbers.count(one.units),
                _unsigned(one.detectable, unit, currency),
                _unsigned(one.relative, "relative", None),
                numbers.day(one.known_on, year=True),
            )
            for one in plan.duration_curve
        ),
        powers=tuple(
            Power(
                _unsigned(one.difference, unit, currency),
                _unsigned(one.relative, "relative", None),
                wording.percent(one.power),
                pictures.bar(one.power),
            )
            for one in plan.power_curve
        ),
        variants=tuple(
            (one.title or one.name, wording.percent(weight / sum(weights)))
            for one, weight in zip(experiment.variants, weights, strict=True)
        ),
    )


def _outcome(one: PlannedOutcome, currency: str) -> Outcome:
    return Outcome(
        one.kpi,
        one.title or one.kpi,
        one.role,
        numbers.value(one.baseline, one.unit, one.history_units, currency),
        wording.difference(one.target, one.unit, currency=currency),
        numbers.count(one.units),
        NOTHING if one.enough_on is None else numbers.day(one.enough_on, year=True),
        NOTHING if one.power is None else wording.percent(one.power),
        _unsigned(one.detectable, one.unit, currency),
        "1 day" if one.window_days == 1 else f"{one.window_days} days",
        one.why,
    )


def _unsigned(number: float | None, unit: str | None, currency: str | None) -> str:
    """A size that may lie on either side of zero."""
    if number is None:
        return NOTHING
    return wording.difference(abs(number), unit, currency=currency).lstrip("+")
