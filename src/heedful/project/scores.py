"""The room of the scorecard, as a project opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.project.kpis import known_grain, known_stage, only

if TYPE_CHECKING:
    from datetime import date, datetime

    import pyarrow as pa

    from heedful.definitions.kpi import Kpi
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

        KPIs that a refresh does not break down by the dimension are computed now.

        Args:
            by: Dimension; None, or `stage`: totals.
            grain: day, week, month, quarter or all.
            stage: Only this stage.
            since: Periods that end after this day.
            until: Periods that begin before this day.
            as_of: From what had been reported at the end of this day.

        Raises:
            NotFoundError: No such dimension, grain or stage.
        """
        import pyarrow as pa

        from heedful.scorecard.score import scores, weighed

        definitions = self.project.definitions
        known_grain(grain)
        known_stage(stage, definitions)
        by = None if by == "stage" else by
        kpis = [part.kpi for part in weighed(definitions)]
        found = self.project.kpis.log.read(
            [kpi.id for kpi in kpis],
            grain=grain,
            dimension=by,
            stage=stage,
            since=since,
            until=until,
            as_of=as_of,
            replicates=True,
        )
        if by is not None and as_of is None:
            held = set(found["kpi"].to_pylist())
            fresh = self._computed([k for k in kpis if k.id not in held], by, grain)
            found = pa.concat_tables([found, only(fresh, stage, since, until)])
        return scores(definitions, found)

    def _computed(self, kpis: list[Kpi], by: str, grain: str) -> pa.Table:
        return self.project.kpis.computed(kpis, by, grain, lambda _note: None)

    def suggest(self, grain: str = "month") -> list[Suggestion]:
        """Scales that the history of each scored KPI suggests."""
        from heedful.scorecard.scale import suggest

        kpis = [kpi for kpi in self.project.definitions.kpis.values() if kpi.scored]
        log = self.project.kpis.log
        return [suggest(kpi, log.read([kpi.id], grain=grain, stages=False)) for kpi in kpis]
