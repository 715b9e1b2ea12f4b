"""Checks what the files of a project say about each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from heedful.definitions.alert import AlertsDefinition
from heedful.definitions.document import KeyPath
from heedful.definitions.entry import Entry
from heedful.definitions.experiment import Experiment
from heedful.definitions.hypothesis import Hypothesis
from heedful.definitions.instrument import Instrument
from heedful.definitions.kpi import Kpi
from heedful.definitions.override_references import override_problems
from heedful.definitions.pattern import Pattern
from heedful.definitions.playbook import Playbook
from heedful.definitions.problem import Problem, did_you_mean, one_of
from heedful.definitions.rules import Rules
from heedful.definitions.scorecard import ScorecardDefinition
from heedful.definitions.segment import Segment
from heedful.definitions.settings import Settings
from heedful.definitions.source import Source

AnyEntry = Entry[Any]


@dataclass(frozen=True)
class Draft:
    """All files of a project, each checked by itself.

    Attributes:
        kpi_files: The names of all KPI files, also of those that cannot be used.
        playbook_files: The names of all playbooks, also of those that cannot be used.
        experiment_files: The names of all experiments, also of those that cannot be used.
        hypothesis_ids: The ids of all hypotheses, also of those not rightly described; `None`:
            cannot be told.
    """

    settings: Entry[Settings]
    rules: Entry[Rules]
    scorecard: Entry[ScorecardDefinition]
    segments: dict[str, Entry[Segment]] = field(default_factory=dict)
    kpis: list[Entry[Kpi]] = field(default_factory=list)
    sources: list[Entry[Source]] = field(default_factory=list)
    hypotheses: list[Entry[Hypothesis]] = field(default_factory=list)
    playbooks: list[Playbook] = field(default_factory=list)
    experiments: list[Entry[Experiment]] = field(default_factory=list)
    alerts: Entry[AlertsDefinition] | None = None
    patterns: list[Entry[Pattern]] = field(default_factory=list)
    instruments: list[Entry[Instrument]] = field(default_factory=list)
    kpi_files: Collection[str] = ()
    playbook_files: Collection[str] = ()
    experiment_files: Collection[str] = ()
    hypothesis_ids: Collection[str] | None = ()

    @property
    def stages(self) -> tuple[str, ...] | None:
        """The stages; `None` where that cannot be told."""
        return None if "stages" in self.settings.broken else self.settings.value.stages

    @property
    def teams(self) -> tuple[str, ...] | None:
        """The ids of the teams, also of those not rightly described; `None`: cannot be told."""
        if "teams" not in self.settings.broken:
            return tuple(self.settings.value.teams)
        data = self.settings.document.data
        named = data.get("teams") if isinstance(data, dict) else None
        return tuple(named) if isinstance(named, dict) else None


def reference_problems(draft: Draft) -> Iterator[Problem]:
    """Yield each name in the files that leads nowhere."""
    settings = draft.settings
    for name, touchpoint in settings.value.touchpoints.items():
        if touchpoint.stage is not None:
            at: KeyPath = ("touchpoints", name, "stage")
            yield from stage_problem(draft, settings, at, touchpoint.stage)
    for kpi in draft.kpis:
        yield from _kpi(draft, kpi)
    for place, name in _scorecard_kpis(draft.scorecard):
        yield from kpi_problem(draft, draft.scorecard, place, name)
    seen: set[str] = set()
    for entry in draft.hypotheses:
        hypothesis = entry.value
        if "stage" not in entry.broken:
            yield from stage_problem(draft, entry, ("stage",), hypothesis.stage)
        if "kpi" not in entry.broken:
            yield from kpi_problem(draft, entry, ("kpi",), hypothesis.kpi)
        if "owner" not in entry.broken:
            yield from team_problem(draft, entry, hypothesis.owner)
        if "id" not in entry.broken and hypothesis.id in seen:
            yield entry.problem(("id",), f'id "{hypothesis.id}" is used twice', "choose another")
        seen.add(hypothesis.id)


def _kpi(draft: Draft, entry: Entry[Kpi]) -> Iterator[Problem]:
    kpi = entry.value
    if "owner" not in entry.broken:
        yield from team_problem(draft, entry, kpi.owner)
    if "playbook" not in entry.broken and kpi.playbook not in draft.playbook_files:
        near = did_you_mean(kpi.playbook, draft.playbook_files)
        yield entry.problem(
            ("playbook",),
            f"playbooks/{kpi.playbook}.md does not exist",
            f"write it, or name another{near}",
        )
    if "stages" not in entry.broken:
        for index, stage in enumerate(kpi.stages):
            yield from stage_problem(draft, entry, ("stages", index), stage)
    yield from override_problems(entry, draft.stages, draft.teams)


def stage_problem(draft: Draft, entry: AnyEntry, path: KeyPath, stage: str) -> Iterator[Problem]:
    """Yield a problem where a stage is not one of the project's."""
    stages = draft.stages
    if stages is None or stage in stages:
        return
    if path[0] == "stages" and ("stages",) not in entry.document.lines:
        found = f'stage "{stage}", which it has from elsewhere, is not known'
        yield entry.problem(path, found, f"add stages; {one_of(stages, stage)}")
    else:
        yield entry.problem(path, f'stage "{stage}" is not known', one_of(stages, stage))


def team_problem(draft: Draft, entry: AnyEntry, owner: str) -> Iterator[Problem]:
    """Yield a problem where an owner is not one of the project's teams."""
    teams = draft.teams
    if teams is None or owner in teams:
        return
    options = one_of(teams, owner) if teams else "add it under teams in heedful.yaml"
    yield entry.problem(("owner",), f'owner "{owner}" is not a team', options)


def kpi_problem(draft: Draft, entry: AnyEntry, path: KeyPath, name: str) -> Iterator[Problem]:
    """Yield a problem where a KPI is not switched on."""
    if name not in draft.kpi_files:
        near = did_you_mean(name, draft.kpi_files)
        allowed = f"allowed: a KPI with a file in kpis/{near}"
        yield entry.problem(path, f'KPI "{name}" is not switched on', allowed)


def _scorecard_kpis(entry: Entry[ScorecardDefinition]) -> Sequence[tuple[KeyPath, str]]:
    named: list[tuple[KeyPath, str]] = [
        (("dimensions", name, "kpis", index), kpi)
        for name, dimension in entry.value.dimensions.items()
        for index, kpi in enumerate(dimension.kpis)
    ]
    triads: list[tuple[KeyPath, str]] = [
        (("triads", index, role), getattr(triad, role))
        for index, triad in enumerate(entry.value.triads)
        for role in ("empathy", "business", "diagnostic")
    ]
    return [*named, *((("weights", kpi), kpi) for kpi in entry.value.weights), *triads]
