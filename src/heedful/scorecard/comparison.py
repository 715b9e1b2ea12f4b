"""How the score changed between two periods, on the KPIs that both have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from heedful import stats
from heedful.scorecard.score import Weighed, shares_of_weight, weighed
from heedful.stats import Estimates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.definitions.kpi import Kpi
    from heedful.definitions.project_files import Definitions
    from heedful.kpis.shelf import Shelf
    from heedful.stats import Estimate

Verdict = Literal["better", "worse", "unclear"]


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a score, or its part, moved; points of the whole score.

    Attributes:
        difference: now - before; None where the periods share nothing.
        low: Lower end of its 95% interval.
        high: Upper end.
        verdict: better, worse, or unclear where the interval holds 0.
        why: Why a number is missing.
    """

    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    why: str | None = None
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A dimension of the scorecard, or one of its KPIs, now and since before.

    Attributes:
        name: The dimension or KPI.
        score: Its own score now, 0 to 100; None without data.
        low: Lower end of its interval.
        high: Upper end.
        weight: Its share of the score now, 0 to 1.
        points: weight x score; those of all parts add up to the score.
        moved: What it adds to the change; those of all parts add up to the whole change.
        kpis: Of a dimension: its KPIs.
    """

    name: str
    score: float | None
    low: float | None
    high: float | None
    weight: float
    points: float | None
    moved: Moved
    kpis: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A score against an earlier one.

    Attributes:
        score: The score now on everything that has data; None under the least coverage.
        low: Lower end of its interval.
        high: Upper end.
        coverage: Share of the weight that has data now, 0 to 1.
        before: The earlier score, on what both periods have.
        moved: The change, on what both periods have.
        parts: The dimensions.
        customers: Most customers that any of its KPIs rests on now.
        left_out: KPIs that only one of the periods has; they are not compared.
        why: Why there is no score.
    """

    score: float | None
    low: float | None
    high: float | None
    coverage: float
    before: float | None
    moved: Moved
    parts: tuple[Part, ...]
    customers: int
    left_out: tuple[str, ...]
    why: str | None


@dataclass(frozen=True, slots=True)
class _Pair:
    """A KPI on its scale in both periods."""

    part: Weighed
    scaled: Estimates
    present: tuple[bool, bool]
    customers: int


def compare(
    definitions: Definitions,
    shelf: Shelf,
    grain: str,
    before: date | None,
    now: date,
    *,
    stage: str | None = None,
    dimension: str | None = None,
    segment: str | None = None,
) -> Comparison | None:
    """The score of one period, and how it moved since another.

    Args:
        definitions: The project.
        shelf: All readings.
        grain: Grain of both periods.
        before: First day of the earlier period; None: nothing is compared.
        now: First day of the later one.
        stage: One stage, or None for all.
        dimension: What it is broken down by, or None for all customers.
        segment: The dimension's value.

    Returns:
        None where nothing at all has data now.
    """
    pairs = [
        _pair(shelf, part, grain, before, now, stage, dimension, segment)
        for part in weighed(definitions)
    ]
    if not any(pair.present[1] for pair in pairs):
        return None
    here = np.array([[pair.present[1]] for pair in pairs])
    both = np.array([[all(pair.present)] for pair in pairs])
    applies = np.array([[_applies(shelf, pair.part.kpi, grain, stage)] for pair in pairs])
    parts = [pair.part for pair in pairs]
    weights, coverage = shares_of_weight(definitions, parts, here, applies)
    common, _ = shares_of_weight(definitions, parts, both, applies)
    least = definitions.scorecard.min_coverage
    shown = coverage[0] >= least - 1e-9
    whole = _sum(weights[:, 0], [pair.scaled.take([1]) for pair in pairs])
    why = None if shown else f"only {100 * coverage[0]:.0f}% of the weight has data"
    earlier = _sum(common[:, 0], [pair.scaled.take([0]) for pair in pairs])
    found = []
    for name in definitions.scorecard.dimensions:
        mine = [n for n, pair in enumerate(pairs) if pair.part.part == name]
        if any(here[n, 0] for n in mine):
            found.append(_part(name, mine, pairs, weights[:, 0], common[:, 0]))
    return Comparison(
        score=whole.value if whole and shown else None,
        low=whole.low if whole and shown else None,
        high=whole.high if whole and shown else None,
        coverage=float(coverage[0]),
        before=earlier.value if earlier else None,
        moved=_moved(common[:, 0], pairs, range(len(pairs))),
        parts=tuple(found),
        customers=max(pair.customers for pair in pairs),
        left_out=tuple(p.part.kpi.id for p in pairs if p.present[0] != p.present[1]),
        why=why or (whole.why if whole else None),
    )


def _applies(shelf: Shelf, kpi: Kpi, grain: str, stage: str | None) -> bool:
    """Whether a KPI could have a reading there."""
    if stage is None or stage in kpi.stages:
        return True
    return not kpi.stages and shelf.series(kpi.id, grain, stage=stage) is not None


def _pair(
    shelf: Shelf,
    part: Weighed,
    grain: str,
    before: date | None,
    now: date,
    stage: str | None,
    dimension: str | None,
    segment: str | None,
) -> _Pair:
    kpi = part.kpi
    scale = kpi.scale
    series = shelf.series(kpi.id, grain, stage=stage, dimension=dimension, segment=segment)
    nothing = Estimates.of([stats.missing(stats.Why.NO_DATA)] * 2)
    if series is None or scale is None:
        return _Pair(part, nothing, (False, False), 0)
    found, present, customers = [], [], 0
    for start in (before, now):
        place = None if start is None else series.place(start)
        good = place is not None and bool(
            series.complete[place]
            and np.isfinite(series.estimates.value[place])
            and series.customers[place] >= kpi.min_customers
        )
        present.append(good)
        found.append(series.estimates[place] if good and place is not None else nothing[0])
        if good and place is not None and start == now:
            customers = int(series.customers[place])
    if all(present) and before is not None:
        first, second = series.place(before), series.place(now)
        if series.definition[first] != series.definition[second]:
            # Numbers of two definitions are not compared.
            present[0], found[0] = False, nothing[0]
    bounded = stats.scores(_open_ended(Estimates.of(found)), scale.worst, scale.best)
    return _Pair(part, bounded, (present[0], present[1]), customers)


def _open_ended(of: Estimates) -> Estimates:
    """An end that the data cannot give may lie anywhere; on a scale that is its own end."""
    from dataclasses import replace

    known = np.isfinite(of.value)
    low = np.where(known & np.isnan(of.low), -np.inf, of.low)
    high = np.where(known & np.isnan(of.high), np.inf, of.high)
    return replace(of, low=low, high=high)


def _sum(weights: NDArray[np.float64], of: Sequence[Estimates]) -> Estimate | None:
    if not weights.any():
        return None
    return stats.combinations(list(weights), of)[0]


def _moved(common: NDArray[np.float64], pairs: Sequence[_Pair], mine: Sequence[int]) -> Moved:
    used = [n for n in mine if common[n]]
    if not used:
        return Moved(None, None, None, "unclear", "the two periods share no data")
    weights = [common[n] for n in used] + [-common[n] for n in used]
    cells = [pairs[n].scaled.take([1]) for n in used] + [pairs[n].scaled.take([0]) for n in used]
    one = stats.combinations(weights, cells)[0]
    verdict: Verdict = "unclear"
    if one.low is not None and one.high is not None and not one.low <= 0 <= one.high:
        verdict = "better" if one.low > 0 else "worse"
    return Moved(one.value, one.low, one.high, verdict, one.why)


def _part(
    name: str,
    mine: Sequence[int],
    pairs: Sequence[_Pair],
    weights: NDArray[np.float64],
    common: NDArray[np.float64],
) -> Part:
    kpis = tuple(
        _one(pairs[n].part.kpi.id, [n], pairs, weights, common) for n in mine if weights[n]
    )
    whole = _one(name, mine, pairs, weights, common)
    return Part(
        name, whole.score, whole.low, whole.high, whole.weight, whole.points, whole.moved, kpis
    )


def _one(
    name: str,
    mine: Sequence[int],
    pairs: Sequence[_Pair],
    weights: NDArray[np.float64],
    common: NDArray[np.float64],
) -> Part:
    weight = float(sum(weights[n] for n in mine))
    used = [n for n in mine if weights[n]]
    own = np.array([weights[n] / weight for n in used])
    one = _sum(own, [pairs[n].scaled.take([1]) for n in used]) if used else None
    return Part(
        name,
        one.value if one else None,
        one.low if one else None,
        one.high if one else None,
        weight,
        weight * one.value if one and one.value is not None else None,
        _moved(common, pairs, mine),
    )
