"""The room of the scorecard, as a project opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.project.kpis import known_grain

if TYPE_CHECKING:
    from datetime import date, datetime

    from heedful.project.project import Project
    from heedful.scorecard.scale import Suggestion
    from heedful.scorecard.score import Score


@dataclass(frozen=True)
class Scorecard:
    """The empathy score of a project."""

    project: Project

    def scores(
        self,
        *,
        by: str | None = None,
        grain: str = "month",
        stage: str | None = None,
        since: date | None = None,
        until: date | None = None,
        as_of: date | datetime | None = None,
    ) -> list[Score]:
        """Scores by period and stage, in total or by a dimension.

        Args:
            by: Dimension; None: totals.
            grain: day, week, month, quarter or all.
            stage: Only this stage.
            since: Periods that end after this day.
            until: Periods that begin before this day.
            as_of: From what had been reported at the end of this day.
        """
        from heedful.scorecard.score import scores, weighed

        known_grain(grain)
        definitions = self.project.definitions
        found = self.project.kpis.log.read(
            [part.kpi.id for part in weighed(definitions)],
            grain=grain,
            dimension=by,
            stage=stage,
            since=since,
            until=until,
            as_of=as_of,
            replicates=True,
        )
        return scores(definitions, found)

    def suggest(self, grain: str = "month") -> list[Suggestion]:
        """Scales that the history of each scored KPI suggests."""
        from heedful.scorecard.scale import suggest

        kpis = [kpi for kpi in self.project.definitions.kpis.values() if kpi.scored]
        log = self.project.kpis.log
        return [suggest(kpi, log.read([kpi.id], grain=grain, stages=False)) for kpi in kpis]
