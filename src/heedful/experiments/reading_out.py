"""Reads an experiment out of a project's facts: who met it, what they did, what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.definitions.experiment import Guardrail
from heedful.definitions.measure import Retention, Total
from heedful.definitions.problem import Problem, ProjectError
from heedful.experiments.clock import closing, last_day, opening
from heedful.experiments.collecting import SUMMED, Collector, Question
from heedful.experiments.concluding import conclude
from heedful.experiments.distributions import Distributions
from heedful.experiments.evidence import ENOUGH
from heedful.experiments.exposed import expose
from heedful.experiments.looking import fractions, look_days, standing
from heedful.experiments.measured import Asked, Measured
from heedful.experiments.protocol import Protocol
from heedful.experiments.readout import Readout, VariantCount
from heedful.experiments.staying import Staying
from heedful.kpis.computing import TIMELESS

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment, Outcome
    from heedful.definitions.kpi import Kpi
    from heedful.experiments.exposed import Exposed
    from heedful.experiments.readout import Role
    from heedful.facts.model import Fact
    from heedful.kpis.computing import Bench
    from heedful.kpis.computing import Measured as FactReady


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured for an experiment.

    Attributes:
        measured: One an outcome, in the order of the definition.
        questions: The same outcomes as they were asked.
        notes: What a reader should know.
        sql: Query by name.
    """

    measured: list[Measured]
    questions: list[Question]
    notes: list[str]
    sql: list[tuple[str, str]]


def questions(
    experiment: Experiment, kpis: Mapping[str, Kpi], surveys: Mapping[str, bool]
) -> list[Question]:
    """The outcomes of an experiment, with everything that decides how they are measured.

    Args:
        experiment: The experiment.
        kpis: The project's KPIs.
        surveys: Whether a KPI counts answers of a survey.
    """
    roles: list[tuple[Role, Outcome]] = [("primary", experiment.primary)]
    roles += [("guardrail", each) for each in experiment.guardrails]
    roles += [("secondary", each) for each in experiment.secondary]
    found = [_question(experiment, kpis[each.kpi], role, each, surveys) for role, each in roles]
    return _told_apart(found)


def _told_apart(found: Sequence[Question]) -> list[Question]:
    """Name a KPI that is asked in two ways twice, by what differs."""
    first: dict[str, Asked] = {}
    told = []
    for question in found:
        asked = question.asked
        other = first.setdefault(asked.kpi, asked)
        name = asked.kpi
        if asked.per_unit != other.per_unit:
            name += " per unit" if asked.per_unit else " per row"
        if (asked.window_days, asked.delay_days) != (other.window_days, other.delay_days):
            name += f" {asked.window_days} days"
            name += f" after {asked.delay_days}" if asked.delay_days else ""
        told.append(replace(question, asked=replace(asked, kpi=name)))
    return told


def _question(
    experiment: Experiment, kpi: Kpi, role: Role, outcome: Outcome, surveys: Mapping[str, bool]
) -> Question:
    measure = kpi.measure
    summed = isinstance(measure, SUMMED)
    per_unit = isinstance(measure, Total) or outcome.per == "unit"
    window = outcome.window_days or experiment.window_days
    if isinstance(measure, Retention) and outcome.window_days is None:
        window = int(measure.after)
    margin, relative = None, True
    if isinstance(outcome, Guardrail):
        relative = outcome.margin is not None
        margin = outcome.margin if relative else outcome.margin_absolute
    covariates = outcome.covariates if outcome.covariates is not None else experiment.covariates
    asked = Asked(
        kpi=kpi.id,
        role=role,
        title=_title(kpi, outcome),
        unit=measure.unit,
        better=kpi.better,
        layer=kpi.layer,
        margin=margin,
        relative=relative,
        window_days=window,
        delay_days=outcome.delay_days,
        per_unit=per_unit and summed,
        survey=surveys.get(kpi.id, False) and not per_unit,
    )
    capping = outcome.capping if outcome.capping is not None else experiment.capping
    return Question(
        asked,
        outcome,
        kpi,
        covariates if summed else (),
        None if capping is None else float(capping),
    )


def _title(kpi: Kpi, outcome: Outcome) -> str:
    return f"{kpi.title}, per unit" if outcome.per == "unit" else kpi.title


def read_out(
    bench: Bench,
    facts: Mapping[str, Fact],
    experiment: Experiment,
    *,
    now: datetime,
    as_of: date | None = None,
    ready: Callable[[Fact], FactReady | None],
) -> Readout:
    """Analyse an experiment.

    Args:
        bench: The project's tables on an engine.
        facts: The project's facts.
        experiment: The experiment.
        now: The present.
        as_of: Look at it as it stood at the end of this day; later rows are left out.
        ready: Attaches a fact, and builds it where it never was; None without data.

    Returns:
        The readout, without signatures.

    Raises:
        ProjectError: A dimension or covariate of the definition does not exist, or there are no
            exposures at all.
    """
    definitions = bench.definitions
    zone = ZoneInfo(definitions.settings.timezone)
    limit = now if as_of is None else min(now, closing(as_of, zone))
    if bench.prepared.until.get("exposures") is None:
        raise ProjectError([_no_exposures(experiment)])
    surveys = {kpi.id: "responses" in facts[kpi.fact].reads for kpi in definitions.kpis.values()}
    asked = questions(experiment, definitions.kpis, surveys)
    days = _look_days(experiment, asked)
    limit = standing(days, limit, _seen(bench, facts, asked, limit), zone)
    exposed = expose(bench, experiment, limit)
    found = collect(bench, facts, experiment, exposed, asked, limit, ready)
    protocol = protocol_of(
        experiment,
        exposed,
        days,
        fractions(bench, experiment, days, asked[0].horizon),
        seen=last_day(_seen(bench, facts, asked, limit), zone),
        ended=limit >= opening(experiment.closes, zone) and _passed(found.measured, exposed.units),
    )
    readout = conclude(
        protocol,
        found.measured,
        unit=experiment.unit,
        currency=definitions.settings.currency,
        a_month=30 * exposed.units / max(exposed.days, 1),
    )
    return replace(
        readout,
        title=experiment.title,
        question=experiment.question,
        hypothesis=experiment.hypothesis,
        owner=experiment.owner,
        approver=experiment.approver,
        stage=experiment.stage,
        start=experiment.start,
        end=experiment.closes,
        notes=(*_said(protocol), *exposed.notes, *found.notes),
        sql=(("units", exposed.sql), *found.sql),
    )


def _no_exposures(experiment: Experiment) -> Problem:
    return Problem(
        f"experiments/{experiment.id}.yaml",
        1,
        "the table exposures is empty, so nobody is known to have met the experiment",
        "write a source for exposures (sources/*.yaml) and run heedful import",
    )


def collect(
    bench: Bench,
    facts: Mapping[str, Fact],
    experiment: Experiment,
    exposed: Exposed,
    asked: Sequence[Question],
    limit: datetime,
    ready: Callable[[Fact], FactReady | None],
) -> Found:
    """Measure all outcomes, one fact at a time."""
    measured: dict[int, list[Measured]] = {}
    notes: list[str] = []
    sql: list[tuple[str, str]] = []
    by_fact: dict[str, list[int]] = {}
    for place, question in enumerate(asked):
        by_fact.setdefault(question.kpi.fact, []).append(place)
    for name, places in by_fact.items():
        fact = ready(facts[name])
        until = known_until(bench, facts[name], limit)
        if fact is None or until is None:
            for place in places:
                measured[place] = [_nothing(asked[place], exposed, f"facts.{name} has no data")]
            continue
        collector = Collector(bench, experiment, exposed, fact, until)
        sums = [place for place in places if isinstance(asked[place].kpi.measure, SUMMED)]
        if sums:
            collected = collector.summed([asked[place] for place in sums])
            for place, one in zip(sums, collected.measured, strict=True):
                measured[place] = [one]
            sql.append((f"facts.{name}", collected.sql))
        for place in (each for each in places if each not in sums):
            measure = asked[place].kpi.measure
            spread = (
                Staying(collector, asked[place], measure).measured()
                if isinstance(measure, Retention)
                else Distributions(collector).measured(asked[place])
            )
            measured[place] = spread.measured
            notes += spread.notes
            sql.append((f"facts.{name}: {asked[place].asked.kpi}", spread.sql))
    ordered = [one for place in range(len(asked)) for one in measured[place]]
    return Found(ordered, list(asked), notes, sql)


def known_until(bench: Bench, fact: Fact, limit: datetime) -> datetime | None:
    """Until when the rows of a fact are known; None without data."""
    moments = [
        moment
        for table in fact.reads
        if table not in TIMELESS and (moment := bench.prepared.until.get(table)) is not None
    ]
    if not moments:
        return None
    late = timedelta(days=bench.definitions.rules.late_data_days)
    return min(limit, min(moments) - late)


def _seen(
    bench: Bench, facts: Mapping[str, Fact], asked: Sequence[Question], limit: datetime
) -> datetime:
    """Until when the primary outcome is known."""
    return known_until(bench, facts[asked[0].kpi.fact], limit) or limit


def _nothing(question: Question, exposed: Exposed, why: str) -> Measured:
    from heedful.experiments.measured import no_groups

    return Measured(
        asked=question.asked,
        groups=no_groups(len(exposed.variants)),
        method="none",
        counts=[0] * len(exposed.variants),
        why=why,
    )


def protocol_of(
    experiment: Experiment,
    exposed: Exposed,
    looks: Sequence[date],
    information: Sequence[float],
    *,
    seen: date,
    ended: bool,
) -> Protocol:
    """How an experiment is to be read, on a day.

    Args:
        experiment: The experiment.
        exposed: Its units.
        looks: The days of its planned looks.
        information: How much is known at each.
        seen: The last day of which the primary outcome is known.
        ended: Whether no unit enters any more and the windows of enough have passed.
    """
    smallest = experiment.smallest_effect
    return Protocol(
        name=experiment.id,
        design=experiment.design,
        variants=[
            VariantCount(one.name, experiment.weights[one.name], units, one.title)
            for one, units in zip(experiment.variants, exposed.counts, strict=True)
        ],
        control=experiment.controlled,
        levels=[one.levels for one in experiment.variants],
        alpha=experiment.alpha,
        power=experiment.power,
        smallest=smallest if smallest is not None else experiment.smallest_effect_absolute,
        relative=smallest is not None,
        sequential=experiment.sequential,
        planned=experiment.units,
        looks=looks,
        fractions=information,
        ended=ended,
        as_of=seen,
        stopped=experiment.stopped is not None and experiment.stopped < experiment.end,
        crossovers=exposed.crossovers,
    )


def _look_days(experiment: Experiment, asked: Sequence[Question]) -> list[date]:
    if experiment.sequential != "alpha_spending":
        return []
    return look_days(
        experiment.looks,
        experiment.start,
        experiment.end,
        horizon=asked[0].horizon,
        deciding=max(each.horizon for each in asked if each.asked.role != "secondary"),
    )


def _passed(measured: Sequence[Measured], units: int) -> bool:
    """Whether the windows of enough units have passed, of everything that decides."""
    deciding = (one for one in measured if one.asked.role != "secondary")
    return all(one.waiting <= (1 - ENOUGH) * units for one in deciding)


def _said(protocol: Protocol) -> list[str]:
    """Where a readout stands between planned looks."""
    past = protocol.past_looks()
    if not protocol.looks:
        return []
    to_come = protocol.looks[len(past) :]
    if not past:
        return [f"the first of {len(protocol.looks)} planned looks is on {to_come[0]}"]
    stands = f"everything stands as it did at the planned look of {past[-1]}"
    following = f"the next is on {to_come[0]}" if to_come else "it was the last"
    return [f"{stands}, number {len(past)} of {len(protocol.looks)}; {following}"]
