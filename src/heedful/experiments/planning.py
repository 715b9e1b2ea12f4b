"""How many units an experiment needs, how long that takes, and what it could see: from history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Literal

from heedful.definitions.experiment import Experiment, Variant
from heedful.definitions.measure import Retention
from heedful.experiments.history import Traffic, remembered
from heedful.experiments.plan_curves import (
    DurationPoint,
    PowerPoint,
    duration_curve,
    known,
    power_curve,
    relative_to,
)
from heedful.experiments.plan_design import PlanDesign, taking_part
from heedful.experiments.plan_words import sentence, warnings
from heedful.experiments.protocol import LEAST_UNITS
from heedful.experiments.reading_out import collect, known_until, questions

if TYPE_CHECKING:
    from heedful.experiments.collecting import Question
    from heedful.experiments.measured import Measured
    from heedful.experiments.readout import Role
    from heedful.facts.model import Fact
    from heedful.kpis.computing import Bench
    from heedful.kpis.computing import Measured as FactReady
    from heedful.stats.power import Comparison

PAST = "history"


@dataclass(frozen=True, slots=True)
class PlannedOutcome:
    """What planning says of one outcome.

    Attributes:
        kpi: KPI.
        role: Its part in the experiment.
        title: What people call it.
        unit: Unit of its value.
        baseline: Its value in history.
        deviation: Standard deviation of one unit's part in it, before covariates.
        history_units: Units of history behind these.
        variance_reduction: Share of the variance that covariates take away.
        target: Difference to be seen: the smallest effect that matters, or the margin.
        target_relative: The same relative to the baseline.
        units: Units in all variants together that are needed for it; None without a target.
        enough_on: Day on which they will have entered and their windows have passed.
        detectable: Difference that the planned duration can see with the planned power.
        detectable_relative: The same relative to the baseline.
        power: Power for the target at the planned duration.
        window_days: Days from the exposure until it is known.
        why: Why there is nothing.
    """

    kpi: str
    role: Role
    title: str | None
    unit: str | None
    baseline: float | None
    deviation: float | None
    history_units: int
    variance_reduction: float | None
    target: float | None
    target_relative: float | None
    units: int | None
    enough_on: date | None
    detectable: float | None
    detectable_relative: float | None
    power: float | None
    window_days: int
    why: str | None = None


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """A plan.

    Attributes:
        name: The experiment.
        title: What people call it.
        state: enough (the planned duration sees what matters), too_short, unknown.
        sentence: What a person would say.
        start: First day.
        end: Planned end.
        known_on: Day on which all windows have passed.
        alpha: Two-sided probability of a false alarm.
        power: Planned power.
        sequential: How it may be looked at before its end.
        inflation: How many times as many units that design takes.
        comparisons: Comparisons with the control that the primary outcome allows for.
        traffic_units: Units that entered in history.
        traffic_days: In so many days.
        traffic_from: First day of the history that was used.
        traffic_said: Who counts as entering.
        expected_units: Units expected by the planned end.
        outcomes: One an outcome.
        power_curve: Power by difference.
        duration_curve: What can be seen by weeks.
        warnings: What to read with care.
    """

    name: str
    title: str
    state: Literal["enough", "too_short", "unknown"]
    sentence: str
    start: date
    end: date
    known_on: date
    alpha: float
    power: float
    sequential: str
    inflation: float
    comparisons: int
    traffic_units: int
    traffic_days: int
    traffic_from: date
    traffic_said: str
    expected_units: int
    outcomes: tuple[PlannedOutcome, ...]
    power_curve: tuple[PowerPoint, ...]
    duration_curve: tuple[DurationPoint, ...]
    warnings: tuple[str, ...]


def plan(
    bench: Bench,
    facts: Mapping[str, Fact],
    experiment: Experiment,
    *,
    now: datetime,
    ready: Callable[[Fact], FactReady | None],
) -> ExperimentPlan:
    """Plan an experiment from the project's own history.

    Units that met the exposure rule in the newest days whose outcomes are known stand for those
    to come: the same query as for a readout measures their outcomes, before and after.

    Args:
        bench: The project's tables on an engine.
        facts: The project's facts.
        experiment: The experiment.
        now: The present.
        ready: Attaches a fact, and builds it where it never was; None without data.

    Raises:
        ProjectError: A dimension or covariate of the definition does not exist.
    """
    kpis = bench.definitions.kpis
    asked = questions(experiment, kpis, dict.fromkeys(kpis, False))
    fact = facts[asked[0].kpi.fact]
    attached = ready(fact) is not None
    until = known_until(bench, fact, now) or now
    horizons = [question.horizon for question in asked]
    past = experiment.model_copy(
        update={"variants": (Variant(name=PAST),), "control": PAST, "segments": (), "strata": ()}
    )
    exposed, traffic = remembered(bench, past, fact.name if attached else None, until, horizons)
    # Nothing is wanted day by day, as it is of a primary outcome.
    plain = [replace(one, asked=replace(one.asked, role="secondary")) for one in asked]
    found = collect(bench, facts, past, exposed, plain, now, ready)
    first: dict[str, Measured] = {}
    for one in found.measured:
        # Some outcomes have more than one number, such as retention.
        first.setdefault(one.asked.kpi, one)
    measured = [first[question.asked.kpi] for question in asked]
    part = taking_part(experiment, bench.definitions.experiments)
    return _planned(experiment, asked, measured, traffic, exposed.units, part)


def _planned(
    experiment: Experiment,
    asked: Sequence[Question],
    measured: Sequence[Measured],
    traffic: Traffic,
    entered: int,
    part: float,
) -> ExperimentPlan:
    design = PlanDesign(experiment)
    expected = round(part * traffic.units_in((experiment.end - experiment.start).days))
    compared = [
        design.comparison(question.asked, one, entered - _waiting(question, one))
        for question, one in zip(asked, measured, strict=True)
    ]
    rows = [
        _outcome(experiment, question, one, compare, traffic, part, expected)
        for question, one, compare in zip(asked, measured, compared, strict=True)
    ]
    primary, compare = rows[0], compared[0]
    state: Literal["enough", "too_short", "unknown"] = "unknown"
    if primary.units is not None and expected:
        state = "enough" if primary.units <= expected else "too_short"
    deciding = max(q.horizon for q in asked if q.asked.role != "secondary")
    return ExperimentPlan(
        name=experiment.id,
        title=experiment.title,
        state=state,
        sentence=sentence(experiment, primary, expected, state),
        start=experiment.start,
        end=experiment.end,
        known_on=experiment.end + timedelta(days=deciding),
        alpha=experiment.alpha,
        power=experiment.power,
        sequential=experiment.sequential,
        inflation=design.inflation,
        comparisons=design.comparisons,
        traffic_units=traffic.units,
        traffic_days=traffic.days,
        traffic_from=traffic.first,
        traffic_said=traffic.said,
        expected_units=expected,
        outcomes=tuple(rows),
        power_curve=power_curve(
            primary.target or primary.detectable, primary.baseline, compare, expected
        ),
        duration_curve=duration_curve(
            experiment, primary.baseline, primary.window_days, compare, traffic, part
        ),
        warnings=warnings(experiment, rows, traffic, expected),
    )


def _waiting(question: Question, one: Measured) -> int:
    """Units that say nothing yet; how long somebody stays is watched from the first day on."""
    return 0 if isinstance(question.kpi.measure, Retention) else one.waiting


def _outcome(
    experiment: Experiment,
    question: Question,
    one: Measured,
    compare: Comparison | None,
    traffic: Traffic,
    part: float,
    expected: int,
) -> PlannedOutcome:
    asked, group = question.asked, one.groups[0]
    plain = known(group.unadjusted)
    baseline = plain if plain is not None else known(group.value)
    units = detectable = power = None
    target = _target(experiment, question, baseline)
    if compare is not None and baseline is not None:
        if expected >= 2 * LEAST_UNITS:
            detectable = known(compare.detectable(expected, experiment.power))
        if target is not None and target > 0:
            units = compare.sample_size(target, experiment.power)
            if expected >= 2 * LEAST_UNITS:
                power = known(compare.power(expected, target))
    reduced = known(group.variance_reduction)
    deviation = None
    if compare is not None:
        deviation = (compare.variance / (1 - (reduced or 0.0))) ** 0.5
    return PlannedOutcome(
        kpi=asked.kpi,
        role=asked.role,
        title=asked.title,
        unit=asked.unit,
        baseline=baseline,
        deviation=deviation,
        history_units=int(group.n) if isfinite(group.n) else 0,
        variance_reduction=reduced,
        target=target,
        target_relative=relative_to(baseline, target),
        units=units,
        enough_on=_enough_on(experiment, traffic, units, part, question.horizon),
        detectable=detectable,
        detectable_relative=relative_to(baseline, detectable),
        power=power,
        window_days=question.horizon,
        why=one.why or (None if compare else "history has too few values, or none that vary"),
    )


def _target(experiment: Experiment, question: Question, baseline: float | None) -> float | None:
    """The difference that matters: of the primary outcome an effect, of a guardrail its margin."""
    asked = question.asked
    if asked.role == "primary":
        if experiment.smallest_effect_absolute is not None:
            return experiment.smallest_effect_absolute
        if experiment.smallest_effect is None or not baseline:
            return None
        return experiment.smallest_effect * abs(baseline)
    if asked.role == "guardrail" and asked.margin is not None:
        if not asked.relative:
            return asked.margin
        return asked.margin * abs(baseline) if baseline else None
    return None


def _enough_on(
    experiment: Experiment, traffic: Traffic, units: int | None, part: float, horizon: int
) -> date | None:
    if units is None:
        return None
    days = traffic.days_for(units / part)
    if days is None:
        return None
    with suppress(OverflowError):
        return experiment.start + timedelta(days=days + horizon)
    return None
