"""Reads all the text files of a project, and says everything that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from heedful.definitions import playbook as playbooks
from heedful.definitions.alert import AlertsDefinition
from heedful.definitions.alert_references import FILE as ALERTS
from heedful.definitions.alert_references import alert_problems, alert_warnings
from heedful.definitions.columns import Schema, SqlChecks
from heedful.definitions.database import database_warnings
from heedful.definitions.document import Document
from heedful.definitions.entry import Entry, Folder, not_a_name, unnamed
from heedful.definitions.experiment import Experiment
from heedful.definitions.experiment_design import design_problems
from heedful.definitions.experiment_files import FOLDER as EXPERIMENTS
from heedful.definitions.experiment_files import read_experiments
from heedful.definitions.experiment_references import experiment_problems
from heedful.definitions.experiment_warnings import experiment_warnings
from heedful.definitions.fields import Model
from heedful.definitions.format import Format
from heedful.definitions.hypothesis import Hypothesis
from heedful.definitions.instrument import Instrument
from heedful.definitions.instrument_files import FOLDER as INSTRUMENTS
from heedful.definitions.instrument_files import instrument_problems, read_instruments
from heedful.definitions.kpi import CatalogueKpi, Kpi
from heedful.definitions.kpi_files import catalogue_kpis, read_catalogue, read_kpis
from heedful.definitions.pattern import Pattern
from heedful.definitions.pattern_files import FOLDER as PATTERNS
from heedful.definitions.pattern_files import pattern_problems, read_patterns
from heedful.definitions.playbook import Playbook
from heedful.definitions.problem import Problem, ProjectError
from heedful.definitions.references import Draft, reference_problems
from heedful.definitions.rules import Rules
from heedful.definitions.scorecard import ScorecardDefinition
from heedful.definitions.segment import Segment
from heedful.definitions.settings import Settings
from heedful.definitions.source import Source

SETTINGS = "heedful.yaml"
HYPOTHESES = "hypotheses.yaml"
_FILES = (SETTINGS, "rules.yaml", "segments.yaml", "scorecard.yaml", HYPOTHESES, ALERTS)
_FOLDERS = ("kpis", "sources", EXPERIMENTS, PATTERNS, INSTRUMENTS)
_TEXT = "?"

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Definitions:
    """Everything that a project's files define.

    Attributes:
        root: The project folder.
        settings: `heedful.yaml`.
        rules: `rules.yaml`, or its defaults.
        segments: `segments.yaml`, by dimension.
        kpis: The KPIs that are switched on, by id.
        catalogue: All KPIs of the catalogue, also the planned ones, by id.
        scorecard: `scorecard.yaml`, or its default.
        sources: `sources/*.yaml`, by name.
        hypotheses: `hypotheses.yaml`, by id.
        playbooks: `playbooks/*.md`, by id.
        experiments: `experiments/*.yaml`, by id.
        alerts: `alerts.yaml`, or its defaults: nobody is told.
        patterns: `patterns/*.yaml`, the project's own, by id.
        instruments: `instruments/*.yaml`, the project's own, by id.
    """

    root: Path
    settings: Settings
    rules: Rules
    segments: Mapping[str, Segment]
    kpis: Mapping[str, Kpi]
    catalogue: Mapping[str, CatalogueKpi]
    scorecard: ScorecardDefinition
    sources: Mapping[str, Source]
    hypotheses: Mapping[str, Hypothesis]
    playbooks: Mapping[str, Playbook]
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    alerts: AlertsDefinition = field(default_factory=AlertsDefinition)
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder that Heedful writes to."""
        return self.root / self.settings.data


@dataclass(frozen=True)
class Loaded:
    """What came of reading a project.

    Attributes:
        definitions: What the files define; `None` if anything is wrong.
        problems: Everything that is wrong, by file and line.
        warnings: What is allowed and yet deserves a second thought, by file and line.
    """

    definitions: Definitions | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()

    def valid(self) -> Definitions:
        """Return the definitions.

        Raises:
            ProjectError: Something is wrong with the files.
        """
        if self.definitions is None:
            raise ProjectError(self.problems)
        return self.definitions


def find_root(start: Path) -> Path | None:
    """Return a folder, or its nearest parent, that holds a project."""
    start = start.resolve()
    return next((each for each in (start, *start.parents) if (each / SETTINGS).is_file()), None)


def load(
    root: Path,
    catalogue: Path,
    *,
    tables: Schema | None = None,
    facts: Schema | None = None,
    formats: Mapping[str, Format] | None = None,
    people: Collection[str] = (),
    splits: Schema | None = None,
    instruments: Mapping[str, Instrument] | None = None,
) -> Loaded:
    """Read all files of a project.

    Args:
        root: The project folder.
        catalogue: The folder of the built-in KPIs.
        tables: The columns of each table; where given, files may name no others.
        facts: The columns of each fact; where given, files may name no others.
        formats: The known exports of other products; where given, sources may name no others.
        people: Columns of customers and accounts by which any KPI can be broken down.
        splits: Columns by which each fact can be broken down; where given, overrides may name no
            others but these, those of people, and attributes.
        instruments: Those that come with the program, by id.

    Raises:
        ProjectError: The built-in catalogue is broken.
    """
    folder = Folder(root)
    if not (root / SETTINGS).exists():
        found = Problem(SETTINGS, 1, "does not exist", f"make a project with: heedful init {root}")
        return Loaded(None, (found,))
    raw = read_catalogue(catalogue)
    draft = _draft(folder, raw)
    folder.problems += _strays(root)
    folder.problems += reference_problems(draft)
    for entry in draft.experiments:
        folder.problems += design_problems(entry)
    folder.problems += experiment_problems(draft)
    folder.problems += pattern_problems(draft, raw)
    folder.problems += alert_problems(draft)
    folder.problems += instrument_problems(draft.instruments, instruments or {})
    folder.problems += SqlChecks(draft, root, tables, facts, formats, people, splits).problems()
    wrong = {problem.file for problem in folder.problems}
    said = [*experiment_warnings(draft, wrong), *alert_warnings(draft, os.environ)]
    said += database_warnings(draft.sources, os.environ)
    warnings = tuple(sorted(said))
    if folder.problems:
        return Loaded(None, _said_once(folder.problems, draft), warnings)
    definitions = Definitions(
        root=root,
        settings=draft.settings.value,
        rules=draft.rules.value,
        segments={name: entry.value for name, entry in draft.segments.items()},
        kpis={entry.value.id: entry.value for entry in draft.kpis},
        catalogue=catalogue_kpis(raw, draft.rules.value, draft.settings.value.unit),
        scorecard=draft.scorecard.value,
        sources={entry.value.name: entry.value for entry in draft.sources},
        hypotheses={entry.value.id: entry.value for entry in draft.hypotheses},
        playbooks={each.id: each for each in draft.playbooks},
        experiments={entry.value.id: entry.value for entry in draft.experiments},
        alerts=draft.alerts.value if draft.alerts else AlertsDefinition(),
        patterns={entry.value.id: entry.value for entry in draft.patterns},
        instruments={entry.value.id: entry.value for entry in draft.instruments},
    )
    return Loaded(definitions, (), warnings)


def _said_once(problems: list[Problem], draft: Draft) -> tuple[Problem, ...]:
    """Sort problems, and drop those that a KPI only copies from another by `like`."""
    likes = {entry.value.id: entry.value.like for entry in draft.kpis}
    said = {(each.file, each.found, each.allowed) for each in problems}

    def copied(problem: Problem) -> bool:
        name = problem.file.removeprefix("kpis/").removesuffix(".yaml")
        source = f"kpis/{likes.get(name)}.yaml"
        return (source, problem.found, problem.allowed) in said

    return tuple(sorted(each for each in set(problems) if not copied(each)))


def _draft(folder: Folder, catalogue: Mapping[str, Mapping[str, object]]) -> Draft:
    """Read every file by itself."""
    empty = Entry(Settings(name=_TEXT, timezone="UTC", currency="EUR"), Document(SETTINGS, {}))
    document = folder.document(SETTINGS)
    stand_ins = {"name": _TEXT, "timezone": "UTC", "currency": "EUR"}
    settings = document and folder.check(Settings, document, stand_ins=stand_ins)
    # Without settings nothing follows about teams and stages.
    settings = settings or empty._replace(broken=frozenset({"teams", "stages"}))
    rules = _optional(folder, Rules, "rules.yaml")
    expected = folder.document(HYPOTHESES)
    return Draft(
        settings=settings,
        rules=rules,
        scorecard=_optional(folder, ScorecardDefinition, "scorecard.yaml"),
        segments=dict(_segments(folder)),
        kpis=read_kpis(folder, catalogue, rules.value, settings.value.unit),
        sources=list(_sources(folder)),
        hypotheses=list(_hypotheses(folder, expected)),
        playbooks=list(_playbooks(folder)),
        experiments=list(read_experiments(folder, settings.value.unit)),
        alerts=_optional(folder, AlertsDefinition, ALERTS),
        patterns=list(read_patterns(folder)),
        instruments=list(read_instruments(folder)),
        kpi_files={path.stem for path in (folder.root / "kpis").glob("*.yaml")},
        playbook_files={path.stem for path in (folder.root / "playbooks").glob("*.md")},
        experiment_files={path.stem for path in (folder.root / EXPERIMENTS).glob("*.yaml")},
        hypothesis_ids=_ids(folder, expected),
    )


def _optional(folder: Folder, model: type[M], file: str) -> Entry[M]:
    """Read a file that may be missing; its defaults then hold."""
    document = folder.document(file)
    entry = document and folder.check(model, document)
    return entry or Entry(model(), document or Document(file, {}))


def _segments(folder: Folder) -> Iterator[tuple[str, Entry[Segment]]]:
    document = folder.document("segments.yaml")
    if document is None or document.data is None:
        return
    if not isinstance(document.data, dict):
        folder.check(Segment, document)  # says that it is not a mapping
        return
    for name in unnamed(document.data):
        line = document.line((name,))
        folder.problems.append(not_a_name(document.file, line, "dimension", name))
    for name, data in document.data.items():
        entry = folder.check(Segment, document, (name,), data, {"cases": {_TEXT: "true"}})
        if entry:
            yield name, entry


def _sources(folder: Folder) -> Iterator[Entry[Source]]:
    for name, document in folder.documents("sources"):
        data: Any = {} if document.data is None else document.data
        if isinstance(data, dict):
            if "name" in data:
                hint = "the name of the file is the name of the source"
                folder.problems.append(document.problem(("name",), 'unknown field "name"', hint))
            data = {**data, "name": name}
        entry = folder.check(Source, document, (), data, {"table": _TEXT, "path": _TEXT})
        if entry:
            yield entry


def _hypotheses(folder: Folder, document: Document | None) -> Iterator[Entry[Hypothesis]]:
    if document is None or document.data is None:
        return
    if not isinstance(document.data, tuple):
        hint = "allowed: a list; begin each hypothesis with - id: ..."
        folder.problems.append(document.problem((), "the file is not a list", hint))
        return
    stand_ins = dict.fromkeys(Hypothesis.model_fields, _TEXT) | {"id": "stand_in"}
    for index, data in enumerate(document.data):
        entry = folder.check(Hypothesis, document, (index,), data, stand_ins)
        if entry:
            yield entry


def _ids(folder: Folder, document: Document | None) -> list[str] | None:
    """Return the ids in hypotheses.yaml, also of those that are wrong; `None`: cannot be told."""
    if document is None:
        return None if (folder.root / HYPOTHESES).is_file() else []
    if not isinstance(document.data, tuple):
        return None if document.data else []
    ids = (data.get("id") for data in document.data if isinstance(data, dict))
    return [one for one in ids if isinstance(one, str)]


def _playbooks(folder: Folder) -> Iterator[Playbook]:
    for path in sorted((folder.root / "playbooks").glob("*.md")):
        playbook = playbooks.read(path, f"playbooks/{path.name}")
        if isinstance(playbook, Problem):
            folder.problems.append(playbook)
        else:
            yield playbook


def _strays(root: Path) -> Iterator[Problem]:
    """Yield files that nobody reads, but whose names look as if someone should."""
    found = "is not a file that Heedful reads"
    for path in sorted(root.glob("*.y*ml")):
        near = get_close_matches(path.name, _FILES, n=1, cutoff=0.8)
        folder = get_close_matches(path.stem, _FOLDERS, n=1, cutoff=0.8)
        if path.name in _FILES:
            continue
        if near:
            yield Problem(path.name, 1, found, f"rename it to {near[0]}")
        elif folder:
            yield Problem(path.name, 1, found, f"write a file for each in {folder[0]}/")
