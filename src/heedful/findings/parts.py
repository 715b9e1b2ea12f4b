"""Where and for whom: what each segment adds to a change, and which of them stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from heedful.definitions.measure import Mean, Nps, Share, TopBox
from heedful.findings.finding import Alike, Segment
from heedful.kpis.change import ABSOLUTE
from heedful.stats.changes import logarithms
from heedful.stats.families import holm
from heedful.stats.heterogeneity import heterogeneity
from heedful.stats.mixing import Mixing, mix_and_rate

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.kpis.shelf import Series, Shelf

PLACES = frozenset(
    {
        "touchpoint",
        "page",
        "landing_page",
        "form",
        "last_step",
        "channel",
        "topic",
        "handled_by",
        "instrument",
        "survey",
        "kind",
        "model",
        "model_version",
        "offer",
        "origin",
        "campaign",
        "ai",
    }
)
"""Dimensions that say where; all others say for whom."""
STEPS = frozenset({"last_step"})
SPOTS = frozenset({"touchpoint", "form", "page", "landing_page"})
"""Places of which one alone says where something happened."""
MOST_SEGMENTS = 25
LEVEL = 0.05
BEYOND = 1.28
"""Standard errors by which a segment must have moved further than segments share."""
MOST = 0.6
"""A segment with so much of the change stands out where only the mix can have changed."""
ALONE = 0.9
"""A place with so much of the rows is where it happened, whatever else there is."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The segments of a change.

    Attributes:
        where: Segments of places.
        who: Segments of people.
        alike: Dimensions whose segments all changed alike.
    """

    where: tuple[Segment, ...]
    who: tuple[Segment, ...]
    alike: tuple[Alike, ...]


@dataclass(frozen=True, slots=True)
class _One:
    """A segment over both spans, on the test's scale."""

    name: str | None
    weight: tuple[float, float]
    value: tuple[float, float]
    n: int
    customers: int
    interval: tuple[float | None, float | None]
    difference: float
    se: float


def parts(
    shelf: Shelf,
    kpi: Kpi,
    grain: str,
    stage: str | None,
    before: Sequence[np.datetime64],
    now: Sequence[np.datetime64],
    *,
    rising: bool,
) -> Parts:
    """Split a change over all dimensions of a KPI.

    Args:
        shelf: All readings.
        kpi: The KPI.
        grain: Grain of the periods.
        stage: Its stage.
        before: First days of the periods before.
        now: First days of the periods of it.
        rising: Whether the KPI rose.
    """
    found: dict[str, list[_One]] = {}
    for dimension in shelf.dimensions(kpi.id, grain):
        segments = shelf.segments(kpi.id, grain, dimension, stage)
        ones = [one for name, s in segments.items() if (one := _one(name, s, before, now))]
        if 1 <= len(ones) <= MOST_SEGMENTS:
            found[dimension] = ones
    # Whether segments differ: one test a dimension, and there are as many as dimensions.
    tests = [_differ(ones, kpi) for ones in found.values()]
    adjusted: list[float] = list(holm(tests)) if tests else []
    where: list[Segment] = []
    who: list[Segment] = []
    alike: list[Alike] = []
    for (dimension, ones), p in zip(found.items(), adjusted, strict=True):
        rows = _segments(dimension, ones, kpi, float(p), rising=rising)
        hot = any(row.stands_out for row in rows)
        (where if dimension in PLACES else who).extend(rows)
        if not hot:
            alike.append(Alike(dimension, float(p) if isfinite(p) else None))
    return Parts(tuple(where), tuple(who), tuple(alike))


def _one(
    name: str | None,
    series: Series,
    before: Sequence[np.datetime64],
    now: Sequence[np.datetime64],
) -> _One | None:
    relative = series.unit not in ABSOLUTE
    of = logarithms(series.estimates) if relative else series.estimates
    spans = []
    for days in (before, now):
        places = np.flatnonzero(
            np.isin(series.start, np.array(days, dtype="datetime64[D]"))
            & series.complete
            & np.isfinite(of.value)
        )
        spans.append(places)
    first, second = spans
    if not len(second):
        return None
    weights = [series.weight[places] for places in spans]
    means, replicates = [], []
    for places, weight in zip(spans, weights, strict=True):
        if not len(places) or not weight.sum() > 0:
            means.append(float("nan"))
            replicates.append(np.full(of.replicates.shape[1], np.nan))
            continue
        share = weight / weight.sum()
        means.append(float(share @ of.value[places]))
        replicates.append(share @ of.replicates[places])
    deviations = (replicates[1] - means[1]) - (replicates[0] - means[0])
    groups = len(deviations)
    se = sqrt((groups - 1) / groups * float(deviations @ deviations))
    own = replicates[1] - means[1]
    half = 2.0 * sqrt((groups - 1) / groups * float(own @ own))
    ends = (means[1] - half, means[1] + half) if isfinite(half) else (None, None)
    customers = min(
        int(series.customers[first].max()) if len(first) else 0,
        int(series.customers[second].max()),
    )
    return _One(
        name,
        (float(weights[0].sum()), float(weights[1].sum())),
        (means[0], means[1]),
        int(series.n[second].sum()),
        customers,
        ends,
        means[1] - means[0],
        se,
    )


def _enough(one: _One, kpi: Kpi) -> bool:
    return isfinite(one.difference) and one.se > 0 and one.n >= kpi.min_customers


def _differ(ones: Sequence[_One], kpi: Kpi) -> float:
    """P-value of "all segments changed alike"; NaN with fewer than two to compare."""
    known = [one for one in ones if _enough(one, kpi)]
    if len(known) < 2:
        return float("nan")
    return heterogeneity([o.difference for o in known], [o.se for o in known], [63.0] * len(known))


def _segments(
    dimension: str, ones: Sequence[_One], kpi: Kpi, p: float, *, rising: bool
) -> list[Segment]:
    split = _split(ones, kpi)
    whole = split.change if split is not None else float("nan")
    total = sum(one.weight[1] for one in ones)
    hot = _hot(dimension, ones, kpi, p, split, rising=rising)
    relative = kpi.measure.unit not in ABSOLUTE
    rows = []
    for place, one in enumerate(ones):
        low, high = _interval(one, relative=relative, unit=kpi.measure.unit)
        difference = _ends(one, relative=relative)
        mix = rate = both = share = None
        if split is not None:
            mix, rate = float(split.mix[place]), float(split.rate[place])
            both = mix + rate
            share = both / whole if abs(whole) > 1e-12 else None
        weight = one.weight[1] / total if total else None
        before = sum(each.weight[0] for each in ones)
        rows.append(
            Segment(
                dimension=dimension,
                segment=one.name,
                weight_before=one.weight[0] / before if before else None,
                weight=weight,
                before=_back(one.value[0], relative=relative),
                now=_back(one.value[1], relative=relative),
                low=low,
                high=high,
                n=one.n,
                mix=mix,
                rate=rate,
                total=both,
                share_of_change=share,
                difference=difference[0],
                difference_low=difference[1],
                difference_high=difference[2],
                p_value=p if isfinite(p) else None,
                stands_out=one.name in hot and one.name is not None,
            )
        )
    return sorted(rows, key=lambda row: -abs(row.total or row.difference or 0.0))


def _split(ones: Sequence[_One], kpi: Kpi) -> Mixing | None:
    """An exact split, for measures that are weighted means of their segments."""
    if not isinstance(kpi.measure, Share | TopBox | Nps | Mean) or len(ones) < 2:
        return None
    columns = [
        np.array([one.weight[0] for one in ones]),
        np.array([one.value[0] for one in ones]),
        np.array([one.weight[1] for one in ones]),
        np.array([one.value[1] for one in ones]),
    ]
    if kpi.measure.unit not in ABSOLUTE:
        columns[1], columns[3] = np.exp(columns[1]), np.exp(columns[3])
    if not (columns[0].sum() > 0 and columns[2].sum() > 0):
        return None
    return mix_and_rate(*columns)


def _hot(
    dimension: str,
    ones: Sequence[_One],
    kpi: Kpi,
    p: float,
    split: Mixing | None,
    *,
    rising: bool,
) -> set[str | None]:
    """Segments that stand out."""
    sign = 1.0 if rising else -1.0
    total = sum(one.weight[1] for one in ones)
    if split is not None and _only_mix(split):
        shares = split.total / split.change if split.change else np.zeros(len(ones))
        # Of steps only those at which people are lost can be where they are lost.
        lossy = [one.value[1] * sign > 0 if dimension in STEPS else True for one in ones]
        best = int(np.argmax(np.where(lossy, shares, -np.inf)))
        return {ones[best].name} if shares[best] >= MOST / 2 else set()
    if isfinite(p) and p < LEVEL:
        known = [one for one in ones if _enough(one, kpi)]
        middle = _middle(known)
        found = set()
        for one in known:
            clear = sign * one.difference - 2.0 * one.se > 0
            # A small segment far off by chance does not stand out of what all share.
            beyond = sign * (one.difference - middle) > BEYOND * one.se
            if clear and beyond:
                found.add(one.name)
        return found
    if dimension in SPOTS and total:
        return {one.name for one in ones if one.weight[1] / total >= ALONE and one.n}
    return set()


def _only_mix(split: Mixing) -> bool:
    mixed, rated = float(np.abs(split.mix).sum()), float(np.abs(split.rate).sum())
    return abs(split.change) > 1e-12 and mixed > 4 * rated


def _middle(ones: Sequence[_One]) -> float:
    """The change that segments share: weighted by how surely each is known."""
    weights = np.array([1 / one.se**2 for one in ones])
    return float(weights @ np.array([one.difference for one in ones]) / weights.sum())


def _back(value: float, *, relative: bool) -> float | None:
    if not isfinite(value):
        return None
    return float(np.exp(value)) if relative else value


def _interval(one: _One, *, relative: bool, unit: str) -> tuple[float | None, float | None]:
    low, high = one.interval
    if low is None or high is None:
        return None, None
    ends = (float(np.exp(low)), float(np.exp(high))) if relative else (low, high)
    if unit == "share":
        return max(0.0, ends[0]), min(1.0, ends[1])
    return ends


def _ends(one: _One, *, relative: bool) -> tuple[float | None, float | None, float | None]:
    # Without any spread, as of those lost at a step, a change says nothing of itself.
    if not (isfinite(one.difference) and isfinite(one.se) and one.se > 0):
        return None, None, None
    ends = (one.difference, one.difference - 2.0 * one.se, one.difference + 2.0 * one.se)
    return tuple(expm1(end) for end in ends) if relative else ends  # type: ignore[return-value]


def hottest(found: Sequence[Segment]) -> list[Segment]:
    """Segments that stand out, the largest part of the change first."""
    hot = [one for one in found if one.stands_out]
    return sorted(hot, key=lambda one: -abs(one.share_of_change or one.difference or 0.0))
