"""Bucket sums of a plan's cells, counted in arrays rather than by one grouping after the other.

An engine gives rows, with their labels and what is summed; what a database would have to hash
anew for every grouping set, distinct customers above all, is counted here from rows in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from heedful.kpis.cells import Cells
from heedful.kpis.coded import Coded
from heedful.kpis.sums import ONE, default_stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.engines.duckdb import DuckDB
    from heedful.kpis.periods import Grain
    from heedful.kpis.sums import Query

    Floats = NDArray[np.float64]

BATCH = 1_000_000


class Tally:
    """Cells of a plan, in parts, so that no more than a few grouping sets are held at a time.

    Args:
        query: The SQL of the plan.
        engine: Where its rows are.
    """

    def __init__(self, query: Query, engine: DuckDB) -> None:
        self.query = query
        self.engine = engine

    def parts(self) -> Iterator[list[Callable[[], Iterator[Cells]]]]:
        """Lists of parts that can be counted at the same time; together they are all cells."""
        for numbers in self.query.parts():
            yield self._parts(self.query.part_sql(numbers), numbers)

    def _parts(self, sql: str, kpis: Sequence[int]) -> list[Callable[[], Iterator[Cells]]]:
        query = self.query
        grains: dict[str | None, list[Grain]] = {}
        for grain, dimension in query.plan.sets:
            grains.setdefault(dimension, []).append(grain)
        labels = query.people_sql()
        people = self.engine.query(labels) if labels else None
        rows = Coded(self.engine.stream(sql, BATCH), query.labels(), grains.values(), people)
        if not len(rows):
            return []
        by_stage: dict[str | None, list[int]] = {None: list(kpis)}
        if query.staged:
            for number in kpis:
                stage = rows.filled("stage", default_stage(query.plan.kpis[number]))
                by_stage.setdefault(stage, []).append(number)
        return [
            partial(self._counted, rows, some, stage, dimension, mine)
            for dimension, some in grains.items()
            for stage, mine in by_stage.items()
        ]

    def _counted(
        self,
        rows: Coded,
        grains: Sequence[Grain],
        stage: str | None,
        dimension: str | None,
        kpis: Sequence[int],
    ) -> Iterator[Cells]:
        query = self.query
        grouping = rows.grouping(grains, stage, f"d_{dimension}" if dimension else None)
        measures = {number: query.measures[number] for number in kpis}
        conditions = {n: query.conditions.index(one.counts) for n, one in measures.items()}
        counted = [f"c{one}" for one in sorted(set(conditions.values()))]
        units = rows.units(grouping, counted)
        names = dict.fromkeys(counted)
        for number in kpis:
            for sql in measures[number].sums.values():
                names.setdefault(self._summand(conditions[number], sql))
        sums = rows.summed(grouping, list(names))
        for number in kpis:
            measure, condition = measures[number], conditions[number]
            for grain, cut in grouping.cuts.items():
                n = sums[f"c{condition}"][grain]
                held = np.flatnonzero((n.sum(axis=1) > 0) & cut.placed)
                yield Cells(
                    kpi=query.plan.kpis[number],
                    grain=[grain] * len(held),
                    begin=cut.begin[held].tolist(),
                    stage=cut.stage[held].tolist(),
                    dimension=[dimension] * len(held),
                    segment=cut.segment[held].tolist(),
                    n=n[held],
                    customers=units[f"c{condition}"][grain][held],
                    sums={
                        name: sums[self._summand(condition, sql)][grain][held]
                        for name, sql in measure.sums.items()
                    },
                    spread=rows.spread(grouping, grain, held) if measure.value else None,
                )

    def _summand(self, condition: int, sql: str) -> str:
        return f"c{condition}" if sql == ONE else self.query.summands[condition, sql]
