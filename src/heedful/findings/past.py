"""The past of all KPIs: what every test of one grain looks at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from heedful.findings.history import History, calendar
from heedful.stats.variation import Common, common

if TYPE_CHECKING:
    from heedful.definitions.project_files import Definitions
    from heedful.kpis.periods import Grain
    from heedful.kpis.shelf import Shelf

    Part = tuple[str, str]
    Key = tuple[str, str | None]

GRAINS: tuple[Grain, ...] = ("week", "month", "quarter")


class Past:
    """Histories of one grain.

    A KPI that belongs to one stage only has one history, that of the stage.

    Args:
        definitions: The project.
        shelf: All readings.
        grain: week, month or quarter.
    """

    def __init__(self, definitions: Definitions, shelf: Shelf, grain: Grain) -> None:
        self.definitions = definitions
        self.shelf = shelf
        self.grain = grain

    @cached_property
    def days(self) -> list[date]:
        """First days of all periods in which any KPI has a complete reading, without gaps."""
        known = self.shelf.periods(self.grain)
        return calendar(self.grain, known[0][0], known[-1][0]) if known else []

    @cached_property
    def histories(self) -> Mapping[Key, History]:
        """By KPI and stage.

        Months serve KPIs that have no weeks, and trends over cohorts; quarters those whose rule
        compares quarters.
        """
        found: dict[Key, History] = {}
        for kpi in self.definitions.kpis.values():
            weekly = self.shelf.series(kpi.id, "week") is not None
            stages = self.shelf.stages(kpi.id, self.grain)
            for stage in stages if len(stages) == 1 else (None, *stages):
                here = kpi.at(stage)
                rule = here.threshold.rule
                wanted = {
                    "week": weekly,
                    "month": not weekly or rule == "trend",
                    "quarter": rule == "drop_points",
                }[self.grain]
                series = self.shelf.series(kpi.id, self.grain, stage=stage) if wanted else None
                if series is not None:
                    found[kpi.id, stage] = History(here, series, self.days, self.common)
        return found

    @cached_property
    def watched(self) -> Mapping[tuple[str, str | None, Part], History]:
        """Segments with a limit of their own, by KPI, stage and segment; by week only.

        They say nothing of how KPIs usually vary together: that is asked of wholes.
        """
        found: dict[tuple[str, str | None, Part], History] = {}
        for kpi in self.definitions.kpis.values() if self.grain == "week" else ():
            stages = self.shelf.stages(kpi.id, self.grain)
            for asked, part in kpi.watched():
                stage = stages[0] if asked is None and len(stages) == 1 else asked
                dimension, segment = part
                series = self.shelf.series(
                    kpi.id, self.grain, stage=stage, dimension=dimension, segment=segment
                )
                if series is not None:
                    here = kpi.at(stage, part)
                    found[kpi.id, stage, part] = History(here, series, self.days, self.common)
        return found

    def history(self, kpi: str, stage: str | None, part: Part | None = None) -> History | None:
        """The past of a KPI in a stage, or of one of its watched segments."""
        if part is None:
            return self.histories.get((kpi, stage))
        return self.watched.get((kpi, stage, part))

    def common(self, until: int) -> Common | None:
        """What all KPIs together say of how one of them usually varied before a period."""
        if until not in self._common:
            self._common[until] = common(one.own(until) for one in self.histories.values())
        return self._common[until]

    @cached_property
    def _common(self) -> dict[int, Common | None]:
        return {}

    def start(self, place: int) -> np.datetime64:
        """First day of a period."""
        return np.datetime64(self.days[place])
