"""The empathy score: readings on accepted scales, weighed, with interval and coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful import stats
from heedful.stats import BUCKETS, Estimates, Method, Why

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.definitions.kpi import Kpi
    from heedful.definitions.project_files import Definitions

DEGREES = BUCKETS - 1.0


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one KPI adds to a score.

    Attributes:
        part: The scorecard's dimension it belongs to.
        kpi: The KPI.
        weight: Its weight in this score, 0 to 1; those of all contributions add up to 1.
        score: Its own score, 0 to 100.
        contribution: weight x score; those of all contributions add up to the score.
    """

    part: str
    kpi: str
    weight: float
    score: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Score:
    """An empathy score of one period, stage and segment.

    Attributes:
        grain: day, week, month, quarter or all.
        period_start: First day.
        period_end: Day after the last.
        stage: Stage, None for all.
        dimension: What it is broken down by, None for the total.
        segment: Value of the dimension.
        score: 0 to 100; None under the least coverage.
        low: Lower end of the 95% interval.
        high: Upper end.
        coverage: Share of the weight that had data, 0 to 1.
        why: Why the score is missing, if it is.
        contributions: What it is made of, also where the score is withheld.
    """

    grain: str
    period_start: date
    period_end: date
    stage: str | None
    dimension: str | None
    segment: str | None
    score: float | None
    low: float | None
    high: float | None
    coverage: float
    why: str | None
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A KPI's place in the scorecard."""

    kpi: Kpi
    part: str
    weight: float


def weighed(definitions: Definitions) -> list[Weighed]:
    """The KPIs that count: scored, with an accepted scale, in a dimension of the scorecard."""
    found = []
    card = definitions.scorecard
    for name, dimension in card.dimensions.items():
        for kpi in definitions.kpis.values():
            inside = kpi.id in dimension.kpis or kpi.layer in dimension.layers
            if inside and kpi.scored and kpi.scale is not None:
                found.append(Weighed(kpi, name, card.weights.get(kpi.id, 1.0)))
    return found


def without_scale(definitions: Definitions) -> list[str]:
    """Scored KPIs that count for nothing, because nobody has accepted a scale for them."""
    return [k.id for k in definitions.kpis.values() if k.scored and k.scale is None]


Key = tuple[str, date, date, str | None, str | None, str | None]


def scores(definitions: Definitions, readings: pa.Table) -> list[Score]:
    """Scores of every period, stage and segment that readings allow.

    A dimension is the weighted mean of its KPIs, the score the weighted mean of dimensions.
    What has no data is left out and the rest weighs more; `coverage` says how much was there.
    Readings that are not complete, or rest on fewer customers than the KPI asks for, do not
    count. The interval combines those of the KPIs with their real covariance.

    Args:
        definitions: The project.
        readings: Readings with replicates, as `ReadingLog.read` gives them.

    Returns:
        Scores in order of grain, period, stage and segment.
    """
    parts = weighed(definitions)
    rows = readings.to_pylist()
    keys = _keys(rows)
    if not parts or not keys:
        return []
    index = {key: number for number, key in enumerate(keys)}
    by_kpi: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_kpi.setdefault(row["kpi"], []).append(row)
    estimates, present = [], np.zeros((len(parts), len(keys)), dtype=bool)
    applies = np.zeros_like(present)
    for number, part in enumerate(parts):
        mine = [r for r in by_kpi.get(part.kpi.id, ()) if _counts(r, part.kpi)]
        estimates.append(_scaled(mine, index, part.kpi))
        present[number, [index[_key(row)] for row in mine]] = True
        stages = set(part.kpi.stages) or {r["stage"] for r in by_kpi.get(part.kpi.id, ())}
        applies[number] = [key[3] is None or key[3] in stages for key in keys]
    weights, coverage = shares_of_weight(definitions, parts, present, applies)
    summed = stats.combinations(list(weights), estimates)
    least = definitions.scorecard.min_coverage
    whole = min(r["period_start"] for r in rows), max(r["period_end"] for r in rows)
    found = []
    for cell, key in enumerate(keys):
        total = weights[:, cell].sum()
        if not total:
            continue
        contributions = tuple(
            Contribution(
                part.part,
                part.kpi.id,
                float(weights[number, cell]),
                float(estimates[number].value[cell]),
                float(weights[number, cell] * estimates[number].value[cell]),
            )
            for number, part in enumerate(parts)
            if weights[number, cell]
        )
        shown = coverage[cell] >= least - 1e-9
        why = None if shown else f"only {100 * coverage[cell]:.0f}% of the weight has data"
        one = summed[cell]
        grain, *period, stage, dimension, segment = key
        first, last = whole if grain == "all" else period
        found.append(
            Score(
                grain,
                first,
                last,
                stage,
                dimension,
                segment,
                score=one.value if shown else None,
                low=one.low if shown else None,
                high=one.high if shown else None,
                coverage=float(coverage[cell]),
                why=why or one.why,
                contributions=contributions,
            )
        )
    return found


def _key(row: Mapping[str, Any]) -> Key:
    return (
        row["grain"],
        # Facts of different age begin "all" on different days; it is one period all the same.
        date.min if row["grain"] == "all" else row["period_start"],
        date.max if row["grain"] == "all" else row["period_end"],
        row["stage"],
        row["dimension"],
        row["segment"],
    )


def _keys(rows: Iterable[Mapping[str, Any]]) -> list[Key]:
    def order(key: Key) -> tuple[Any, ...]:
        return (*key[:3], *((one is not None, one or "") for one in key[3:]))

    return sorted({_key(row) for row in rows}, key=order)


def _counts(row: Mapping[str, Any], kpi: Kpi) -> bool:
    return bool(
        row["complete"]
        and row["value"] is not None
        and row["customers"] >= kpi.min_customers
        and row["replicates"] is not None
    )


def _scaled(rows: Sequence[Mapping[str, Any]], index: Mapping[Key, int], kpi: Kpi) -> Estimates:
    """A KPI's readings on its scale, one a score cell; NaN where it has none."""
    cells = len(index)
    value, low, high = (np.full(cells, np.nan) for _ in range(3))
    replicates = np.full((cells, BUCKETS), np.nan)
    method = np.zeros(cells, dtype=np.uint8)
    why = np.full(cells, Why.NO_DATA, dtype=np.uint8)
    for row in rows:
        cell = index[_key(row)]
        value[cell] = row["value"]
        # An end that the data cannot give may lie anywhere; on a scale that is its own end.
        low[cell] = -np.inf if row["low"] is None else row["low"]
        high[cell] = np.inf if row["high"] is None else row["high"]
        replicates[cell] = np.array(row["replicates"], dtype=np.float64)
        method[cell] = Method[(row["method"] or "none").upper()]
        why[cell] = Why.NOTHING
    found = Estimates(
        value=value,
        low=low,
        high=high,
        why=why,
        replicates=replicates,
        method=method,
        df=np.full(cells, DEGREES),
        skewed=np.zeros(cells, dtype=np.bool_),
    )
    scale = kpi.scale
    if scale is None:
        raise ValueError(f"{kpi.id} has no scale")
    return stats.scores(found, scale.worst, scale.best)


def shares_of_weight(
    definitions: Definitions, parts: Sequence[Weighed], present: Any, applies: Any
) -> tuple[Any, Any]:
    """Weight of each KPI in each cell, adding up to 1, and the coverage of each cell.

    Args:
        definitions: The project.
        parts: The KPIs that count.
        present: Whether each has data, shape (parts, cells).
        applies: Whether each could have any there, shape (parts, cells).
    """
    own = np.array([part.weight for part in parts])[:, None]
    raw = np.zeros(present.shape)
    coverage = np.zeros(present.shape[1])
    asked = np.zeros(present.shape[1])
    for name, dimension in definitions.scorecard.dimensions.items():
        inside = np.array([part.part == name for part in parts])[:, None]
        there = (own * (present & inside)).sum(axis=0)
        meant = (own * ((applies | present) & inside)).sum(axis=0)
        # A dimension whose KPIs all belong to other stages is not asked of this one; one without
        # any KPI in the whole project is missing everywhere.
        asked += np.where((meant > 0) | (not inside.any()), dimension.weight, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            raw += np.where(present & inside, dimension.weight * own / there, 0.0)
            coverage += dimension.weight * np.where(meant > 0, there / meant, 0.0)
    total = raw.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        covered = np.where(asked > 0, coverage / asked, 0.0)
        return np.where(total > 0, raw / total, 0.0), covered
