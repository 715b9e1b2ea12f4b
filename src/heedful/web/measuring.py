"""How a KPI is measured, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from heedful.definitions.kpi import CatalogueKpi


def measured(kpi: CatalogueKpi) -> str:
    """One sentence on the measure and its interval.

    >>> from types import SimpleNamespace
    >>> measured(SimpleNamespace(measure=Nps(nps="score"), weighted=False, unit="customer"))
    'percent of 9 and 10 less percent of 0 to 6; adjusted Wald interval, clustered by customer'
    """
    measure = kpi.measure
    clustered = f"clustered by {kpi.unit}"
    jackknife = f"jackknife interval, {clustered}"
    weighted = ", weighted" if kpi.weighted else ""
    if isinstance(measure, Share):
        return f"share of rows where {measure.share}{weighted}; {jackknife} (Wilson where few)"
    if isinstance(measure, TopBox):
        number = "" if isinstance(measure.boxes, str) else f"{measure.boxes} "
        what = f"share of answers in the top {number}boxes of their scale{weighted}"
        return f"{what}; {jackknife} (Wilson where few)"
    if isinstance(measure, Nps):
        what = f"percent of 9 and 10 less percent of 0 to 6{weighted}"
        return f"{what}; adjusted Wald interval, {clustered}"
    if isinstance(measure, Mean):
        return f"mean of {measure.mean}{weighted}; {jackknife}"
    if isinstance(measure, Ratio):
        return f"sum of {measure.ratio} per sum of {measure.per}; {jackknife}"
    if isinstance(measure, Rate):
        return f"{measure.rate} per {measure.per}; {jackknife}"
    if isinstance(measure, Total):
        return f"sum of {measure.total}; {jackknife}"
    if isinstance(measure, Product):
        parts = [
            one.of if one.per is None else f"{one.of} per {one.per}" for one in measure.product
        ]
        return f"product of {' x '.join(parts)}, each summed; {jackknife}"
    if isinstance(measure, Quantile):
        return f"{_quantile(measure.q)} of {measure.quantile}; Woodruff interval, {clustered}"
    if isinstance(measure, Duration):
        watched = f", watched for {measure.within} days at most" if measure.within else ""
        return (
            f"{_quantile(measure.q)} of the time until it happens, by Kaplan and Meier: who still"
            f" waits counts as waiting{watched}; Brookmeyer-Crowley interval, {clustered}"
        )
    if isinstance(measure, Retention):
        what = "lost" if measure.complement else "still there"
        return (
            f"share {what} after {measure.after:g} days by start cohort, by Kaplan and Meier;"
            f" log-log interval, {clustered}"
        )
    return "planned: it cannot be measured yet"


def _quantile(q: float) -> str:
    return "median" if q == 0.5 else f"{100 * q:g}th percentile"
