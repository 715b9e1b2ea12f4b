"""Cells of bucket sums to estimates, by the kind of measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful import stats
from heedful.definitions.measure import (
    Duration,
    Mean,
    Nps,
    Product,
    Quantile,
    Rate,
    Ratio,
    Retention,
    Share,
    TopBox,
    Total,
)

if TYPE_CHECKING:
    from heedful.kpis.cells import Cells
    from heedful.stats import Estimates


def estimates(cells: Cells) -> Estimates:
    """The estimate of each cell, with its interval.

    Args:
        cells: Cells of one KPI.

    Returns:
        One estimate a cell, in the same order; shares as fractions, NPS on -100 to 100,
        durations and money in the unit of the measure.
    """
    measure = cells.kpi.measure
    sums, n, customers = cells.sums, cells.n, cells.customers
    if isinstance(measure, Share | TopBox):
        return stats.shares(sums["y"], sums["x"], n, customers, x2=sums.get("x2"))
    if isinstance(measure, Nps):
        return stats.nps_scores(sums["p"], sums["d"], sums["x"], n, customers, x2=sums.get("x2"))
    if isinstance(measure, Mean | Ratio | Rate):
        return stats.ratios(sums["y"], sums["x"], n, customers)
    if isinstance(measure, Total):
        return stats.totals(sums["y"], n, customers)
    if isinstance(measure, Product):
        factors = [
            (sums[f"above_{place}"], sums.get(f"below_{place}"))
            for place in range(len(measure.product))
        ]
        return stats.products(factors, n, customers)
    spread, people = cells.spread, customers.sum(axis=1)
    if spread is None:
        raise TypeError(f"{cells.kpi.id} has no measure")
    if isinstance(measure, Quantile):
        rows = (spread.value, spread.count, spread.bucket, spread.start)
        return stats.quantile_cells(*rows, people, measure.q)
    waits = (spread.value, spread.event, spread.count, spread.bucket, spread.start)
    if isinstance(measure, Duration):
        return stats.duration_cells(*waits, people, measure.q)
    if isinstance(measure, Retention):
        return stats.survival_cells(*waits, people, measure.after, measure.complement)
    raise TypeError(f"{cells.kpi.id} has no measure")
