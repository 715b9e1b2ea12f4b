"""From a measure's expressions to the columns that are summed, as SQL over the rows of a fact."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
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
from heedful.definitions.parameters import substitute
from heedful.kpis.dimensions import comparing

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.parameters import Value

PROMOTER = 9
DETRACTOR = 6
A_DAY = {"days": 1, "hours": 24, "minutes": 1440, "seconds": 86_400}


@dataclass(frozen=True, slots=True)
class Columns:
    """What one KPI takes from each row of its fact.

    Attributes:
        counts: SQL condition: the row counts.
        sums: SQL of what is summed over rows that count, by name: `y` above, `x` below, `x2`
            squared weights, `p` and `d` promoters and detractors; `above_0`, `below_0` and so on of
            the factors of a product, where a total has none below.
        value: SQL of the duration or amount, where its distribution is needed.
        event: SQL condition: the awaited happened at `value` (rather than watching ended).
    """

    counts: str
    sums: Mapping[str, str]
    value: str | None = None
    event: str | None = None


def columns(
    kpi: CatalogueKpi,
    known: Collection[str],
    texts: Collection[str],
    parameters: Mapping[str, Value] | None = None,
) -> Columns:
    """What a KPI takes from each row.

    Args:
        kpi: The KPI; not a planned one.
        known: Columns of its fact.
        texts: Those that hold text, attributes above all.
        parameters: Values of `$name`, from `rules.yaml`.

    Raises:
        ValueError: The KPI is only planned.
    """
    measure = kpi.measure
    if measure is None:
        raise ValueError(f"{kpi.id} is planned; it has no measure")

    def sql(text: str) -> str:
        from sqlglot import parse_one

        tree = substitute(parse_one(text, dialect="duckdb"), parameters or {})
        tree = comparing(tree, texts)
        return f"({tree.sql(dialect='duckdb')})"

    weighted = kpi.weighted and "weight" in known
    weight = "COALESCE(weight, 1)" if weighted else "1"
    squares = {"x2": f"{weight} * {weight}"} if weighted else {}
    where = [sql(kpi.where)] if kpi.where else []

    def counted(*present: str) -> str:
        return " AND ".join([*where, *(f"{one} IS NOT NULL" for one in present)]) or "TRUE"

    if isinstance(measure, Share | TopBox):
        if isinstance(measure, Share):
            flag = sql(measure.share)
        else:
            boxes = sql(measure.boxes) if isinstance(measure.boxes, str) else measure.boxes
            flag = f"({sql(measure.top_box)} > {sql(measure.of)} - {boxes})"
        y = f"CASE WHEN {flag} THEN {weight} ELSE 0 END"
        return Columns(counted(flag), {"y": y, "x": weight, **squares})
    if isinstance(measure, Nps):
        score = sql(measure.nps)
        p = f"CASE WHEN {score} >= {PROMOTER} THEN {weight} ELSE 0 END"
        d = f"CASE WHEN {score} <= {DETRACTOR} THEN {weight} ELSE 0 END"
        return Columns(counted(score), {"p": p, "d": d, "x": weight, **squares})
    if isinstance(measure, Mean):
        value = sql(measure.mean)
        return Columns(counted(value), {"y": f"{weight} * {value}", "x": weight})
    if isinstance(measure, Ratio | Rate):
        above = sql(measure.ratio if isinstance(measure, Ratio) else measure.rate)
        below = sql(measure.per)
        return Columns(counted(above, below), {"y": above, "x": below})
    if isinstance(measure, Total):
        value = sql(measure.total)
        return Columns(counted(value), {"y": value})
    if isinstance(measure, Product):
        return _product(measure, sql, where)
    return _distribution(measure, sql, counted)


def _product(measure: Product, sql: Callable[[str], str], where: list[str]) -> Columns:
    """A row counts where any factor has its amounts; each factor sums only rows that have both."""
    sums, present = {}, []
    for place, factor in enumerate(measure.product):
        above = sql(factor.of)
        if factor.per is None:
            sums[f"above_{place}"] = above
            present.append(f"{above} IS NOT NULL")
            continue
        below = sql(factor.per)
        sums[f"above_{place}"] = f"CASE WHEN {below} IS NOT NULL THEN {above} END"
        sums[f"below_{place}"] = f"CASE WHEN {above} IS NOT NULL THEN {below} END"
        present.append(f"({above} IS NOT NULL AND {below} IS NOT NULL)")
    return Columns(" AND ".join([*where, f"({' OR '.join(present)})"]), sums)


def _distribution(
    measure: object, sql: Callable[[str], str], counted: Callable[..., str]
) -> Columns:
    if isinstance(measure, Quantile):
        value = sql(measure.quantile)
        return Columns(counted(value), {}, value)
    if isinstance(measure, Duration):
        value, event = sql(measure.duration), sql(measure.event)
        limit = measure.within and measure.within * A_DAY[measure.unit]
        return Columns(counted(value, event), {}, *watched(value, event, limit))
    if isinstance(measure, Retention):
        value, event = sql(measure.retention), sql(measure.lost)
        return Columns(counted(value, event), {}, value, event)
    raise TypeError(f"no such measure: {type(measure).__name__}")


def watched(value: str, event: str, limit: float | None) -> tuple[str, str]:
    """A duration and its event, as they are to those who stop watching at a limit.

    Args:
        value: SQL of the duration.
        event: SQL of whether the awaited happened.
        limit: The limit, in the unit of the duration; None: nobody stops.

    >>> watched("days", "lost", None)
    ('days', 'lost')
    """
    if not limit:
        return value, event
    longer = f"{value} > {limit} AND NOT ISNAN(CAST({value} AS DOUBLE))"
    return (
        f"CASE WHEN {longer} THEN {limit} ELSE {value} END",
        f"({event} AND NOT ({longer}))",
    )
