"""Bucket sums of a plan's cells, counted in arrays rather than by one grouping after the other.

An engine gives each customer's sums of a day, once; what a database would have to hash anew for
every grouping set, distinct customers above all, is counted here from rows in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from heedful.kpis.cells import Cells
from heedful.kpis.coded import Coded
from heedful.kpis.sums import default_stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.engines.duckdb import DuckDB
    from heedful.kpis.sums import Key, Query

    Floats = NDArray[np.float64]


class Tally:
    """Cells of a plan, in parts, so that no more than one grouping set is held at a time.

    Args:
        query: The SQL of the plan.
        engine: Where its rows are.
    """

    def __init__(self, query: Query, engine: DuckDB) -> None:
        self.query = query
        self.engine = engine

    def cells(self) -> Iterator[Cells]:
        """Cells of all KPIs: of each KPI a part for each grouping set."""
        query = self.query
        spread = {n for n, measure in enumerate(query.measures) if measure.value is not None}
        plain = [n for n in range(len(query.measures)) if n not in spread]
        if plain:
            counts = dict.fromkeys(query.measures[number].counts for number in plain)
            conditions = [query.conditions.index(one) for one in counts]
            yield from self._parts(self.engine.query(query.rows_sql(conditions)), plain)
        for number in query.distributions():
            sharing = [n for n in sorted(spread) if query.shared(n) == number]
            yield from self._parts(self.engine.query(query.spread_sql(number)), sharing)

    def _parts(self, table: pa.Table, kpis: Sequence[int]) -> Iterator[Cells]:
        query = self.query
        labels = [*query.stages.values(), *(f"d_{name}" for name in query.plan.dimensions)]
        rows = Coded(table, labels, query.plan.grains)
        del table
        # Sets with the same labels share the order of their rows.
        for key in sorted(query.sets(), key=lambda key: (str(key[2]), str(key[1]))):
            wanted = [n for n in kpis if key[1] in {None, self._stage(n)}]
            if wanted:
                yield from self._counted(rows, key, wanted)

    def _stage(self, number: int) -> str | None:
        return self.query.stages.get(default_stage(self.query.plan.kpis[number]))

    def _counted(self, rows: Coded, key: Key, kpis: Sequence[int]) -> Iterator[Cells]:
        grain, stage, dimension = key
        grouping = rows.grouping(grain, stage, f"d_{dimension}" if dimension else None)
        counted: dict[str, tuple[Floats, Floats]] = {}
        for number in kpis:
            measure = self.query.measures[number]
            if measure.counts not in counted:
                name = f"c{self.query.conditions.index(measure.counts)}"
                counted[measure.counts] = rows.summed(grouping, name), rows.units(grouping, name)
            n, units = counted[measure.counts]
            held = np.flatnonzero((n.sum(axis=1) > 0) & grouping.placed)
            yield Cells(
                kpi=self.query.plan.kpis[number],
                grain=[grain] * len(held),
                begin=grouping.begin[held].tolist(),
                stage=grouping.stage[held].tolist(),
                dimension=[dimension] * len(held),
                segment=grouping.segment[held].tolist(),
                n=n[held],
                customers=units[held],
                sums={
                    name: rows.summed(grouping, f"k{number}_{name}")[held] for name in measure.sums
                },
                spread=rows.spread(grouping, held) if measure.value else None,
            )
