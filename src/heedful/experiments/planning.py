"""How many units an experiment needs, how long that takes, and what it could see: from history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil, isfinite, nan
from typing import TYPE_CHECKING, Literal

from heedful.definitions.experiment import Experiment, Variant
from heedful.experiments.history import Traffic, remembered
from heedful.experiments.protocol import LEAST_UNITS, TUNED_AT
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
LEAST_DAYS = 28
LEAST_HISTORY = 200
WEEKS = (1, 2, 3, 4, 6, 8, 12)
STEPS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


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
class PowerPoint:
    """Power for one difference of the primary outcome, at the planned duration."""

    difference: float
    relative: float | None
    power: float


@dataclass(frozen=True, slots=True)
class DurationPoint:
    """What so many weeks of entering can see.

    Attributes:
        weeks: Weeks in which units enter.
        units: Units that enter, in all variants.
        detectable: Difference of the primary outcome that is seen with the planned power.
        relative: The same relative to the baseline.
        known_on: Day on which the windows of all these units have passed.
    """

    weeks: int
    units: int
    detectable: float | None
    relative: float | None
    known_on: date


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
    surveys = dict.fromkeys(bench.definitions.kpis, False)
    asked = questions(experiment, bench.definitions.kpis, surveys)
    fact = facts[asked[0].kpi.fact]
    ready(fact)
    until = known_until(bench, fact, now) or now
    horizons = [question.horizon for question in asked]
    past = experiment.model_copy(
        update={"variants": (Variant(name=PAST),), "control": PAST, "segments": (), "strata": ()}
    )
    exposed, traffic = remembered(bench, past, asked[0], until, horizons)
    found = collect(bench, facts, past, exposed, asked, now, ready)
    return _planned(experiment, asked, _firsts(asked, found.measured), traffic)


def _firsts(asked: Sequence[Question], measured: Sequence[Measured]) -> list[Measured]:
    """Of each outcome the first number: some have more than one, such as curves."""
    kept: dict[tuple[str, Role], Measured] = {}
    for one in measured:
        kept.setdefault((one.asked.kpi, one.asked.role), one)
    return [kept[question.asked.kpi, question.asked.role] for question in asked]


def _planned(
    experiment: Experiment,
    asked: Sequence[Question],
    measured: Sequence[Measured],
    traffic: Traffic,
) -> ExperimentPlan:
    design = _Design(experiment)
    length = (experiment.end - experiment.start).days
    expected = round(experiment.share * traffic.units_in(length))
    rows = [
        _outcome(experiment, design, question, one, traffic, expected)
        for question, one in zip(asked, measured, strict=True)
    ]
    primary = rows[0]
    warnings = _warnings(experiment, rows, traffic, length, expected)
    compare = design.comparison(asked[0], measured[0])
    state: Literal["enough", "too_short", "unknown"] = "unknown"
    if primary.units is not None and expected:
        state = "enough" if primary.units <= expected else "too_short"
    deciding = max(q.horizon for q in asked if q.asked.role != "secondary")
    return ExperimentPlan(
        name=experiment.id,
        title=experiment.title,
        state=state,
        sentence=_sentence(experiment, primary, expected, state),
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
        power_curve=_power_curve(primary, compare, expected),
        duration_curve=_duration_curve(experiment, primary, compare, traffic),
        warnings=warnings,
    )


class _Design:
    """What of an experiment decides how many units it needs."""

    def __init__(self, experiment: Experiment) -> None:
        from heedful.stats.power import inflation

        self.experiment = experiment
        self.comparisons = len(experiment.variants) - 1
        if experiment.design == "factorial":
            self.comparisons = len(_factor_levels(experiment))
        # The first step of Holm's procedure is the hardest; a plan must pass it.
        self.alpha = experiment.alpha / self.comparisons
        self.inflation = inflation(self._multiplier(), experiment.alpha, experiment.power)
        self.share, self.control_share = self._shares()

    def _multiplier(self) -> float:
        from scipy.special import ndtri

        experiment = self.experiment
        if experiment.sequential == "confidence_sequence":
            from heedful.stats.sequences import ConfidenceSequence

            tuned = float(experiment.units or TUNED_AT)
            # At the planned number of units, however small that is.
            return ConfidenceSequence(experiment.alpha, tuned, tuned, 0).multiplier(float("inf"))
        if experiment.sequential == "alpha_spending":
            from heedful.stats.spending import bounds

            looks = experiment.looks
            count = looks if isinstance(looks, int) else len(looks)
            return float(bounds([n / count for n in range(1, count + 1)], experiment.alpha)[-1])
        return -float(ndtri(experiment.alpha / 2))

    def _shares(self) -> tuple[float, float]:
        experiment = self.experiment
        if experiment.design == "factorial":
            return 0.5, 0.5
        weights = experiment.weights
        control = weights.pop(experiment.controlled)
        return min(weights.values()), control

    def comparison(self, question: Question, one: Measured) -> Comparison | None:
        """The comparison of one outcome; None where history says nothing of it."""
        from heedful.stats.power import Comparison

        group = one.groups[0]
        variance = group.variance * group.n
        if not (isfinite(variance) and variance > 0):
            return None
        asked = question.asked
        guard = asked.role == "guardrail"
        factor = 1.0
        if guard and asked.relative and asked.margin is not None:
            worse = -asked.margin if asked.better == "higher" else asked.margin
            factor = (1 + worse) ** 2
        return Comparison(
            variance=variance,
            control_variance=variance * factor,
            share=self.share,
            control_share=self.control_share,
            alpha=self.experiment.alpha if guard else self.alpha,
            one_sided=guard,
            inflation=self.inflation,
        )


def _factor_levels(experiment: Experiment) -> list[tuple[str, str]]:
    """Levels that are compared with the base of their factor."""
    base = next(v for v in experiment.variants if v.name == experiment.controlled).levels
    return list(
        dict.fromkeys(
            (factor, level)
            for variant in experiment.variants
            for factor, level in variant.levels.items()
            if base.get(factor) != level
        )
    )


def _outcome(
    experiment: Experiment,
    design: _Design,
    question: Question,
    one: Measured,
    traffic: Traffic,
    expected: int,
) -> PlannedOutcome:
    asked, group = question.asked, one.groups[0]
    baseline = _known(group.value)
    plain = _known(group.unadjusted)
    baseline = plain if plain is not None else baseline
    compare = design.comparison(question, one)
    units = detectable = power = None
    target = _target(experiment, question, baseline)
    if compare is not None and baseline is not None:
        if expected >= 2 * LEAST_UNITS:
            detectable = _known(compare.detectable(expected, experiment.power))
        if target is not None and target > 0:
            units = compare.sample_size(target, experiment.power)
            if expected >= 2 * LEAST_UNITS:
                power = _known(compare.power(expected, target))
    reduced = _known(group.variance_reduction)
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
        target_relative=_relative(target, baseline),
        units=units,
        enough_on=_enough_on(experiment, traffic, units, question.horizon),
        detectable=detectable,
        detectable_relative=_relative(detectable, baseline),
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
        if experiment.smallest_effect is None or baseline is None:
            return None
        return experiment.smallest_effect * abs(baseline)
    if asked.role == "guardrail" and asked.margin is not None:
        if not asked.relative:
            return asked.margin
        return None if baseline is None else asked.margin * abs(baseline)
    return None


def _enough_on(
    experiment: Experiment, traffic: Traffic, units: int | None, horizon: int
) -> date | None:
    if units is None:
        return None
    days = traffic.days_for(units / experiment.share)
    return None if days is None else experiment.start + timedelta(days=days + horizon)


def _relative(value: float | None, baseline: float | None) -> float | None:
    if value is None or baseline is None or baseline <= 0:
        return None
    return value / baseline


def _known(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _power_curve(
    primary: PlannedOutcome, compare: Comparison | None, expected: int
) -> tuple[PowerPoint, ...]:
    unit = primary.target or primary.detectable
    if compare is None or unit is None or expected < 2 * LEAST_UNITS:
        return ()
    return tuple(
        PowerPoint(
            step * unit,
            _relative(step * unit, primary.baseline),
            compare.power(expected, step * unit),
        )
        for step in STEPS
    )


def _duration_curve(
    experiment: Experiment,
    primary: PlannedOutcome,
    compare: Comparison | None,
    traffic: Traffic,
) -> tuple[DurationPoint, ...]:
    if compare is None:
        return ()
    planned = ceil((experiment.end - experiment.start).days / 7)
    points = []
    for weeks in sorted({*WEEKS, planned}):
        units = round(experiment.share * traffic.units_in(7 * weeks))
        seen = nan
        if units >= 2 * LEAST_UNITS:
            seen = compare.detectable(units, experiment.power)
        points.append(
            DurationPoint(
                weeks=weeks,
                units=units,
                detectable=_known(seen),
                relative=_relative(_known(seen), primary.baseline),
                known_on=experiment.start + timedelta(days=7 * weeks + primary.window_days),
            )
        )
    return tuple(points)


def _warnings(
    experiment: Experiment,
    rows: Sequence[PlannedOutcome],
    traffic: Traffic,
    length: int,
    expected: int,
) -> tuple[str, ...]:
    said = []
    if traffic.days < LEAST_DAYS:
        said.append(
            f"Only {traffic.days} days of history could be used: traffic and spread may be "
            "quite different."
        )
    if traffic.units < LEAST_HISTORY:
        said.append(f"Only {traffic.units:,} units in history: numbers below are rough.")
    if length > traffic.days:
        said.append(
            f"The plan runs for {length} days, history covers {traffic.days}; beyond, the pace of "
            "its last days is taken to go on."
        )
    if rows[0].target is None:
        said.append(
            "The definition has no smallest_effect, so no number of units can be given; below is "
            "what the planned duration can see."
        )
    said += [
        f"{row.title or row.kpi}: {row.why}." for row in rows if row.baseline is None and row.why
    ]
    said += [
        f"{row.title or row.kpi}: its margin needs {row.units:,} units, {expected:,} are expected; "
        "it will most likely stay inconclusive, and the experiment cannot ship."
        for row in rows
        if row.role == "guardrail" and row.units is not None and row.units > expected
    ]
    if experiment.units is not None and expected and experiment.units > 1.1 * expected:
        said.append(f"{experiment.units:,} units are planned, {expected:,} are expected.")
    return tuple(said)


def _sentence(experiment: Experiment, primary: PlannedOutcome, expected: int, state: str) -> str:
    from heedful.experiments.wording import difference, relative

    length = (experiment.end - experiment.start).days
    name = primary.title or primary.kpi
    if primary.detectable is None:
        return f"History says too little about {name} to plan with."
    seen = difference(primary.detectable, primary.unit)
    if primary.detectable_relative is not None:
        seen += f" ({relative(primary.detectable_relative)})"
    if state == "unknown" or primary.units is None:
        return f"{length} days bring about {expected:,} units and can see {seen} in {name}."
    wanted = difference(primary.target, primary.unit)
    power = 0.0 if primary.power is None else primary.power
    begin = (
        f"To see {wanted} in {name} with {experiment.power:.0%} power, {primary.units:,} units are "
        f"needed; {length} days bring about {expected:,}"
    )
    if state == "enough":
        return f"{begin}. That is enough: the power is {power:.0%}."
    late = f"; enough by {primary.enough_on}" if primary.enough_on else ""
    return f"{begin}. That is too few: they can see {seen}, and the power is {power:.0%}{late}."
