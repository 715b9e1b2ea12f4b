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
    from heedful.kpis.cells import Cells, Values
    from heedful.stats import Estimate, Estimates


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
    if not isinstance(measure, Quantile | Duration | Retention):
        raise TypeError(f"{cells.kpi.id} has no measure")
    counted = customers.sum(axis=1)
    return stats.Estimates.of(
        _distribution(measure, values, float(counted[cell]))
        for cell, values in enumerate(cells.values)
    )


def _distribution(
    measure: Quantile | Duration | Retention, values: Values, customers: float
) -> Estimate:
    if isinstance(measure, Quantile):
        return stats.quantile(values.value, values.count, values.bucket, customers, measure.q)
    rows = (values.value, values.event, values.count, values.bucket)
    if isinstance(measure, Duration):
        return stats.duration(*rows, customers, measure.q)
    return stats.survival(*rows, customers, measure.after, measure.complement)
