"""All experiments of a project by stage, how far each is, and the stages without any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from heedful.definitions.experiment_files import horizon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heedful.definitions.experiment import Design, Experiment
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.project_files import Definitions

State = Literal["planned", "running", "maturing", "finished"]


@dataclass(frozen=True, slots=True)
class PortfolioRow:
    """One experiment on one day.

    Attributes:
        stage: Its stage.
        experiment: Its id.
        title: What people call it.
        state: planned: not started. running: units enter. maturing: no unit enters any more, and
            windows of outcomes are still open. finished: everything it will ever say is in.
        days_left: Days until the next state; None when finished.
        owner: The team that runs it.
        primary: The KPI that decides.
        design: ab, holdout or factorial.
        after: The experiment it builds on.
        start: The first day on which units enter.
        closes: The first day on which none enter any more.
        matures: The first day on which every outcome of every unit is known.
    """

    stage: str
    experiment: str
    title: str
    state: State
    days_left: int | None
    owner: str
    primary: str
    design: Design
    after: str | None
    start: date
    closes: date
    matures: date


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All experiments on one day.

    Attributes:
        on: The day.
        rows: The experiments, by stage in the order of the journey, then by start and id.
        without: The stages that no experiment ever was or is to be in, in the order of the
            journey.
    """

    on: date
    rows: tuple[PortfolioRow, ...]
    without: tuple[str, ...]


def portfolio(definitions: Definitions, on: date) -> Portfolio:
    """Return all experiments as they stand on a day.

    Args:
        definitions: The project's files.
        on: The day, in the project's timezone.
    """
    stages = definitions.settings.stages
    rows = [_row(each, definitions.kpis, on) for each in definitions.experiments.values()]
    rows.sort(key=lambda row: (stages.index(row.stage), row.start, row.experiment))
    tried = {row.stage for row in rows}
    return Portfolio(on, tuple(rows), tuple(stage for stage in stages if stage not in tried))


def matures(experiment: Experiment, kpis: Mapping[str, Kpi]) -> date:
    """Return the first day on which every outcome of every unit is known.

    Args:
        experiment: The experiment.
        kpis: The project's KPIs, by id.
    """
    longest = max(horizon(experiment, outcome, kpis) for outcome in experiment.outcomes)
    return experiment.closes + timedelta(days=longest)


def _row(experiment: Experiment, kpis: Mapping[str, Kpi], on: date) -> PortfolioRow:
    known = matures(experiment, kpis)
    state, until = _state(experiment, known, on)
    return PortfolioRow(
        stage=experiment.stage,
        experiment=experiment.id,
        title=experiment.title,
        state=state,
        days_left=None if until is None else (until - on).days,
        owner=experiment.owner,
        primary=experiment.primary.kpi,
        design=experiment.design,
        after=experiment.after,
        start=experiment.start,
        closes=experiment.closes,
        matures=known,
    )


def _state(experiment: Experiment, known: date, on: date) -> tuple[State, date | None]:
    """How far an experiment is, and when that changes."""
    if on < experiment.start:
        return "planned", experiment.start
    if on < experiment.closes:
        return "running", experiment.closes
    if on < known:
        return "maturing", known
    return "finished", None
