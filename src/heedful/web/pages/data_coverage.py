"""What can be measured: KPIs that are on and have data, by stage and layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from heedful.web import pictures

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.web.edition import Edition

LAYERS = ("experience", "engagement", "operational", "commercial", "governance", "qualitative")


@dataclass(frozen=True, slots=True)
class Cell:
    """KPIs of one layer in one stage.

    Attributes:
        done: How many have data.
        all: How many are on.
        missing: Those without data.
    """

    done: int
    all: int
    missing: tuple[str, ...]

    @property
    def bar(self) -> Markup:
        """The share that has data, drawn."""
        return pictures.bar(self.done / self.all, "care" if self.missing else "")


@dataclass(frozen=True, slots=True)
class Row:
    """One stage.

    Attributes:
        stage: The stage.
        coverage: Share of the scorecard's weight that had data in the month that pages show.
        cells: A cell a layer; None where no KPI of it is on there.
    """

    stage: str
    coverage: float | None
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What can be measured.

    Attributes:
        rows: The stages.
        share: The same of all stages together.
        without: KPIs that are on and have no data anywhere.
    """

    rows: tuple[Row, ...]
    share: float | None
    without: tuple[Kpi, ...]


def coverage(edition: Edition) -> Coverage:
    """What an edition can measure; looked up once."""
    return edition.once("data coverage", lambda: _coverage(edition))


def _coverage(edition: Edition) -> Coverage:
    held = {
        (kpi, stage)
        for kpi, _, dimension, stage, _ in edition.shelf.every()
        if dimension is None and stage is not None
    }
    kpis = list(edition.definitions.kpis.values())
    newest: dict[str | None, float] = {}
    usual = edition.shelf.usual("month")
    for score in edition.scores("month"):
        if score.period_start == usual:
            newest[score.stage] = score.coverage
    rows = []
    for stage in edition.definitions.settings.stages:
        cells = []
        for layer in LAYERS:
            mine = [
                kpi
                for kpi in kpis
                if kpi.layer == layer and (stage in kpi.stages or (kpi.id, stage) in held)
            ]
            missing = tuple(kpi.id for kpi in mine if (kpi.id, stage) not in held)
            cells.append(Cell(len(mine) - len(missing), len(mine), missing) if mine else None)
        rows.append(Row(stage, newest.get(stage), tuple(cells)))
    without = tuple(kpi for kpi in kpis if kpi.id not in edition.shelf.kpis)
    return Coverage(tuple(rows), newest.get(None), without)
