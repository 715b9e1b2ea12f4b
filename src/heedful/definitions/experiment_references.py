"""Checks what experiments say about other files and about each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import combinations
from typing import Literal

from heedful.definitions.document import KeyPath
from heedful.definitions.entry import Entry
from heedful.definitions.experiment import Experiment, Guardrail, Outcome
from heedful.definitions.experiment_files import horizon, named_kpis, outcomes
from heedful.definitions.kpi import Kpi
from heedful.definitions.measure import (
    Duration,
    Measure,
    Nps,
    Product,
    Quantile,
    Retention,
    Total,
)
from heedful.definitions.problem import Problem, did_you_mean, one_of
from heedful.definitions.references import Draft, kpi_problem, stage_problem, team_problem

Entries = Mapping[str, Entry[Experiment]]
_ROLES = {"primary": "the primary", "guardrails": "a guardrail", "secondary": "secondary"}
_OF_ROWS = (Nps, Quantile, Duration, Retention)
_PLAIN = (Quantile, Duration, Retention)


def experiment_problems(draft: Draft) -> Iterator[Problem]:
    """Yield each name in the experiments that leads nowhere, and where experiments collide."""
    entries = {entry.value.id: entry for entry in draft.experiments}
    kpis = {entry.value.id: entry.value for entry in draft.kpis if "measure" not in entry.broken}
    for entry in draft.experiments:
        yield from _names(draft, entry)
        for place, name in named_kpis(entry):
            yield from kpi_problem(draft, entry, place, name)
        yield from _outcomes(entry, kpis)
        yield from _looks(entry, kpis)
        yield from _after(draft, entry, entries)
        yield from _holdout(draft, entry, entries)
        yield from _over(draft, entry, entries)
    yield from _groups(draft.experiments)


def _names(draft: Draft, entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    if "stage" not in entry.broken:
        yield from stage_problem(draft, entry, ("stage",), experiment.stage)
    if "owner" not in entry.broken:
        yield from team_problem(draft, entry, experiment.owner)
    known = draft.hypothesis_ids
    if "hypothesis" in entry.broken:
        known = None
    if known is not None and experiment.hypothesis not in known:
        found = f'hypothesis "{experiment.hypothesis}" is not known'
        add = "write it in hypotheses.yaml"
        options = f"{one_of(known, experiment.hypothesis)}; or {add}" if known else add
        yield entry.problem(("hypothesis",), found, options)
    settings, touchpoint = draft.settings, experiment.exposure.touchpoint
    if touchpoint is not None and "touchpoints" not in settings.broken:
        places = settings.value.touchpoints
        if touchpoint not in places:
            near = did_you_mean(touchpoint, places)
            yield entry.problem(
                ("exposure", "touchpoint"),
                f'exposure: touchpoint "{touchpoint}" is not known',
                f"allowed: a touchpoint of heedful.yaml{near}",
            )


def _outcomes(entry: Entry[Experiment], kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """Say which outcomes are there twice, and which ask for what their KPI cannot give."""
    experiment = entry.value
    seen: dict[object, str] = {}
    for place, outcome in outcomes(entry):
        kpi = kpis.get(outcome.kpi)
        measure = kpi.measure if kpi else None
        per = _per(outcome, measure)
        same = (outcome.kpi, experiment.window(outcome, measure), outcome.delay_days, per)
        role = _ROLES[str(place[0])]
        if same in seen:
            already = f"already {seen[same]}" if seen[same] != role else f"{role} twice"
            yield entry.problem(
                (*place, "kpi"),
                f'KPI "{outcome.kpi}" is {already}, with the same window',
                "name it once, or give it another window_days",
            )
        seen.setdefault(same, role)
        if measure is not None:
            yield from _possible(entry, place, outcome, measure)


def _looks(entry: Entry[Experiment], kpis: Mapping[str, Kpi]) -> Iterator[Problem]:
    """Say which looks come before there are units, or after all is known."""
    experiment = entry.value
    if isinstance(experiment.looks, int) or {"start", "end", "primary"} & entry.broken:
        return
    last = experiment.end + timedelta(days=horizon(experiment, experiment.primary, kpis))
    for index, look in enumerate(experiment.looks):
        if not experiment.start <= look <= last:
            found = f"looks: {look} is outside the plan"
            hint = (
                f"allowed: {experiment.start} to {last}, when the last window of the primary ends"
            )
            yield entry.problem(("looks", index), found, hint)


def _per(outcome: Outcome, measure: Measure | None) -> Literal["row", "unit"]:
    if isinstance(measure, Total):
        return "unit"
    return outcome.per or "row"


def _possible(
    entry: Entry[Experiment], place: KeyPath, outcome: Outcome, measure: Measure
) -> Iterator[Problem]:
    is_a = f'KPI "{outcome.kpi}" is of kind {measure.kind}'
    if isinstance(measure, Product):
        hint = "name KPIs of its parts instead: it says nothing of a single unit"
        yield entry.problem((*place, "kpi"), is_a, hint)
        return
    if isinstance(measure, Total) and outcome.per == "row":
        hint = "leave it out: totals are per unit"
        yield entry.problem((*place, "per"), f"per: row, but {is_a}", hint)
    if isinstance(measure, _OF_ROWS) and outcome.per == "unit":
        hint = "leave it out: it is taken over rows"
        yield entry.problem((*place, "per"), f"per: unit, but {is_a}", hint)
    margin = outcome.margin_absolute if isinstance(outcome, Guardrail) else None
    if margin is not None and margin >= 1 and measure.unit == "share":
        found = f"margin_absolute {margin:g} of a share is {100 * margin:,.0f} points"
        hint = f"allowed: under 1, where 0.01 is a point; did you mean {margin:g}%?"
        yield entry.problem((*place, "margin_absolute"), found, hint)
    if not isinstance(measure, _PLAIN):
        return
    hint = "leave it out: possible for sums and means only"
    if outcome.covariates:
        yield entry.problem((*place, "covariates"), f"covariates, but {is_a}", hint)
    if outcome.capping is not None:
        yield entry.problem((*place, "capping"), f"capping, but {is_a}", hint)


def _after(draft: Draft, entry: Entry[Experiment], entries: Entries) -> Iterator[Problem]:
    experiment, name = entry.value, entry.value.after
    if name is None:
        return
    wrong = list(_leads(draft, entry, "after", name, entries))
    yield from wrong
    earlier = entries.get(name)
    if wrong or earlier is None:
        return
    if {"start"} & entry.broken or {"end", "stopped"} & earlier.broken:
        return
    if earlier.value.closes > experiment.start:
        yield entry.problem(
            ("after",),
            f'after "{name}", which ends on {earlier.value.closes}, later than this starts',
            f"allowed: one that ends by {experiment.start}, or a later start",
        )


def _holdout(draft: Draft, entry: Entry[Experiment], entries: Entries) -> Iterator[Problem]:
    name = entry.value.holdout
    if entry.value.design == "holdout" and "design" not in entry.broken:
        for field in ("holdout", "group"):
            if getattr(entry.value, field) is not None:
                found = (
                    f"a holdout has a {field} of its own, so that it would not hold out everyone"
                )
                yield entry.problem((field,), found, f"leave {field} out")
    if name is None:
        return
    wrong = list(_leads(draft, entry, "holdout", name, entries))
    yield from wrong
    standing = entries.get(name)
    if wrong or standing is None:
        return
    if "design" not in standing.broken and standing.value.design != "holdout":
        found = f'holdout "{name}" is an experiment of design {standing.value.design}'
        holdouts = [each for each, one in entries.items() if one.value.design == "holdout"]
        hint = one_of(holdouts, name) if holdouts else "allowed: one of design holdout"
        yield entry.problem(("holdout",), found, hint)
    yield from _same_unit(entry, standing, f'its holdout "{name}"')


def _over(draft: Draft, entry: Entry[Experiment], entries: Entries) -> Iterator[Problem]:
    here = entry.value.id
    for index, name in enumerate(entry.value.over):
        if name not in draft.experiment_files or name == here:
            yield _nowhere(draft, entry, ("over", index), f'over: "{name}"', name)
        elif name in entries and entries[name].value.holdout != here:
            found = f'over: "{name}" does not keep the units of this holdout out'
            yield entry.problem(("over", index), found, f"write holdout: {here} there")


def _leads(
    draft: Draft, entry: Entry[Experiment], field: str, name: str, entries: Entries
) -> Iterator[Problem]:
    """Say that a chain of experiments leads nowhere, or in a circle."""
    here = entry.value.id
    if name not in draft.experiment_files or name == here:
        yield _nowhere(draft, entry, (field,), f'{field} "{name}"', name)
        return
    chain = [here]
    step: str | None = name
    while step is not None and step in entries and step not in chain:
        chain.append(step)
        step = getattr(entries[step].value, field)
    if step == here:
        circle = " -> ".join([*chain, here])
        yield entry.problem((field,), f"{field} goes in a circle: {circle}", "break it")


def _nowhere(
    draft: Draft, entry: Entry[Experiment], path: KeyPath, what: str, name: str
) -> Problem:
    here = entry.value.id
    is_what = "is this experiment itself" if name == here else "is not an experiment"
    others = sorted(set(draft.experiment_files) - {here})
    allowed = one_of(others, name) if others else "leave it out: there is no other experiment"
    return entry.problem(path, f"{what} {is_what}", allowed)


def _groups(experiments: list[Entry[Experiment]]) -> Iterator[Problem]:
    """Say which experiments of a group could meet the same unit."""
    members = [entry for entry in experiments if entry.value.group is not None]
    for one, other in combinations(members, 2):
        if one.value.group != other.value.group:
            continue
        first, second = sorted((one, other), key=lambda each: (each.value.start, each.value.id))
        yield from _same_unit(second, first, f'"{first.value.id}" of the same group')
        if {"start", "end", "stopped", "group_range"} & (first.broken | second.broken):
            continue
        until = min(first.value.closes, second.value.closes)
        low, high = _shared(first.value, second.value)
        if second.value.start < until and high - low > 1e-9:
            yield second.problem(
                ("group_range",) if second.value.group_range else ("group",),
                f'group "{second.value.group}": {100 * low:g}% to {100 * high:g}% are also those '
                f'of "{first.value.id}" until {until}',
                "give each a group_range of its own, or start later",
            )


def _shared(one: Experiment, other: Experiment) -> tuple[float, float]:
    """The part of their group that two experiments share; all of it where they name none."""
    first, second = (each.group_range or (0.0, 1.0) for each in (one, other))
    return max(first[0], second[0]), min(first[1], second[1])


def _same_unit(entry: Entry[Experiment], other: Entry[Experiment], who: str) -> Iterator[Problem]:
    if "unit" in entry.broken | other.broken or entry.value.unit == other.value.unit:
        return
    yield entry.problem(
        ("unit",),
        f"unit is {entry.value.unit}, and that of {who} is {other.value.unit}",
        "only units of one kind can be kept apart: give both the same",
    )
