"""Says what in an experiment is allowed and yet deserves a second thought."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

from heedful.definitions.entry import Entry
from heedful.definitions.experiment import Experiment, Guardrail
from heedful.definitions.experiment_files import PRIMARY, horizon, outcomes
from heedful.definitions.kpi import Kpi
from heedful.definitions.measure import Nps, Retention
from heedful.definitions.problem import Problem
from heedful.definitions.references import Draft

BUCKETS = 10_000
UNEVEN = 0.005


def experiment_warnings(draft: Draft, wrong: Collection[str] = ()) -> Iterator[Problem]:
    """Yield warnings of the experiments that have no problem, and of stages without any.

    Args:
        draft: The project's files.
        wrong: The files that have problems.
    """
    kpis = {entry.value.id: entry.value for entry in draft.kpis if not entry.broken}
    tested = {entry.value.id: entry.value.kpi for entry in draft.hypotheses if not entry.broken}
    for entry in draft.experiments:
        if entry.document.file not in wrong:
            yield from _outlasts(entry, kpis)
            yield from _horizons(entry, kpis)
            yield from _scales(entry, kpis)
            yield from _effect(entry)
            yield from _spending(entry)
            yield from _looks(entry, kpis)
            yield from _untested(entry, tested)
            yield from _buckets(entry)
    yield from _stages(draft)


def _outlasts(entry: Entry[Experiment], kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """Windows longer than the plan; those that come from one field are said once."""
    experiment = entry.value
    planned = (experiment.end - experiment.start).days
    said = set()
    for place, outcome in outcomes(entry):
        kpi = kpis.get(outcome.kpi)
        window = experiment.window(outcome, kpi.measure if kpi else None)
        days = outcome.delay_days + window
        own = days != experiment.window_days or outcome.window_days is not None
        field = (*place, "window_days") if own else ("window_days",)
        if days > planned and field not in said:
            said.add(field)
            what = f'"{outcome.kpi}" counts' if own else "window_days counts"
            yield entry.problem(
                field,
                f"{what} {days} days from exposure, and the plan runs for {planned}",
                f"nothing is known before {days} days have passed, and all only {days} days "
                "after the end: shorten it, or plan for that",
            )


def _buckets(entry: Entry[Experiment]) -> Iterator[Problem]:
    """Say that so small a part of all cannot be cut as planned: units fall into 10,000 buckets."""
    experiment = entry.value
    for name, weight in experiment.weights.items():
        planned = experiment.share * weight * BUCKETS
        off = abs(round(planned) - planned) / planned if planned else 0.0
        if off > UNEVEN:
            yield entry.problem(
                ("share",),
                f'"{name}" is to get {planned:.4g} of {BUCKETS:,} buckets, and gets whole ones',
                "the test of the sample ratio may then alarm; choose a share that is larger",
            )
            return


def _horizons(entry: Entry[Experiment], kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    for place, outcome in outcomes(entry):
        kpi = kpis.get(outcome.kpi)
        measure = kpi.measure if kpi else None
        if not isinstance(measure, Retention):
            continue
        window = entry.value.window(outcome, measure)
        if measure.after > window:
            yield entry.problem(
                (*place, "window_days"),
                f'"{outcome.kpi}" asks who is there after {measure.after} days, '
                f"and its window ends after {window}",
                f"write window_days: {measure.after}, or leave it out",
            )


def _scales(entry: Entry[Experiment], kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """A relative difference of a score that may be 0 or negative."""
    for place, outcome in outcomes(entry):
        kpi = kpis.get(outcome.kpi)
        if not (kpi and isinstance(kpi.measure, Nps)):
            continue
        if isinstance(outcome, Guardrail) and outcome.margin is not None:
            yield _relative(entry, (*place, "margin"), outcome.kpi, "margin_absolute: 3")
        if place == (PRIMARY,) and entry.value.smallest_effect is not None:
            hint = "smallest_effect_absolute: 3"
            yield _relative(entry, ("smallest_effect",), outcome.kpi, hint)


def _relative(
    entry: Entry[Experiment], path: tuple[str | int, ...], kpi: str, instead: str
) -> Problem:
    found = f'{path[-1]} is relative, and the promoter score "{kpi}" may be 0 or below'
    return entry.problem(path, found, f"write {instead}")


def _effect(entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    if experiment.smallest_effect is None and experiment.smallest_effect_absolute is None:
        yield entry.problem(
            (),
            "smallest_effect is missing: nobody can say whether this finds what matters",
            "add smallest_effect: 5% (of the control), or smallest_effect_absolute",
        )


def _spending(entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    planned = "looks" in experiment.model_fields_set or experiment.units is not None
    if experiment.sequential == "alpha_spending" and not planned:
        yield entry.problem(
            ("sequential",),
            "alpha_spending has neither looks nor units: nobody can say how much is spent when",
            "add looks: the days on which you will look; or units: how many are planned",
        )


def _looks(entry: Entry[Experiment], kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """Looks that see nobody, or not everybody in the end."""
    experiment = entry.value
    if isinstance(experiment.looks, int):
        return
    wait = timedelta(days=horizon(experiment, experiment.primary, kpis))
    first, last = experiment.start + wait, experiment.end + wait
    if experiment.looks[0] < first:
        found = f"looks: on {experiment.looks[0]} no unit's window of the primary has passed"
        yield entry.problem(("looks", 0), found, f"plan the first look for {first} or later")
    if experiment.looks[-1] < last:
        found = f"looks: on {experiment.looks[-1]}, the last, windows of the primary are still open"
        hint = f"units that enter late never count: plan the last look for {last}"
        yield entry.problem(("looks", len(experiment.looks) - 1), found, hint)


def _untested(entry: Entry[Experiment], tested: Mapping[str, str]) -> Iterator[Problem]:
    """A hypothesis whose KPI is not looked at."""
    experiment = entry.value
    kpi = tested.get(experiment.hypothesis)
    if kpi is not None and kpi not in {outcome.kpi for outcome in experiment.outcomes}:
        yield entry.problem(
            ("hypothesis",),
            f'hypothesis "{experiment.hypothesis}" expects "{kpi}" to move, and no outcome is it',
            f"add it to the outcomes: kpi: {kpi}",
        )


def _stages(draft: Draft) -> Iterator[Problem]:
    """One warning for all stages in which nothing is tried; none before the first experiment."""
    stages = draft.stages or ()
    covered = {entry.value.stage for entry in draft.experiments}
    told = len(draft.experiments) == len(draft.experiment_files) and covered <= set(stages)
    empty = [stage for stage in stages if stage not in covered]
    if covered and told and empty:
        plural = "s" if len(empty) > 1 else ""
        found = f"no experiment in the stage{plural} {', '.join(empty)}"
        hint = "begin with the hypothesis of a stage that matters"
        yield draft.settings.problem(("stages",), found, hint)
