"""Tests of patterns: KPIs that move against each other in the same periods, or across segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from math import log1p
from typing import TYPE_CHECKING

import numpy as np

from heedful import stats
from heedful.kpis.change import ABSOLUTE

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.pattern import Pattern, PatternLeg
    from heedful.findings.history import Contrast, History
    from heedful.findings.probing import Probe
    from heedful.kpis.shelf import Series, Shelf

    Key = tuple[str, str | None]
    """KPI and stage."""

FLAT_WIDTH = 8
"""Periods on each side in which a KPI must be shown to have stayed."""
MOST_SEGMENTS = 8
ALSO = 0.05
"""So clear must another KPI have moved to be told of in the same breath."""


@dataclass(frozen=True, slots=True)
class Side:
    """One leg of a pattern as it was found."""

    kpi: str
    stage: str | None
    moves: str
    p: float
    size: float
    better: bool
    width: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A pattern, tested at the end of one period.

    Attributes:
        pattern: The pattern's id.
        stage: The stage in which its legs were found; None where they are of several.
        p: The largest of its legs' one-sided p-values, each corrected for its alternatives.
        sides: Its legs, as they were found.
        size: The smallest of its legs' sizes that move; 1 or more is worth telling.
        also: Other KPIs that a leg allows and that moved so too.
        across: For segments: dimension, the slower one, the other one.
    """

    pattern: str
    stage: str | None
    p: float
    sides: tuple[Side, ...]
    size: float
    also: tuple[Side, ...] = ()
    across: tuple[str, str, str] | None = None


def missing(pattern: Pattern, kpis: Mapping[str, Kpi]) -> list[str]:
    """KPIs without which a pattern cannot be tested; empty where it can."""
    return [
        name
        for leg in pattern.legs
        if not any(each in kpis for each in leg.kpi)
        for name in leg.kpi
    ]


def over_time(
    pattern: Pattern,
    histories: Mapping[Key, History],
    changes: Mapping[Key, Probe],
    place: int,
) -> Contradiction | None:
    """Whether a pattern's legs moved in the same periods.

    Args:
        pattern: The pattern.
        histories: All histories of one grain.
        changes: Tests of change at the end of the period.
        place: The period.
    """
    sides: list[Side] = []
    also: list[Side] = []
    for leg in pattern.legs:
        tried = _tried(leg, histories, changes, place)
        if not tried:
            return None
        best = min(tried, key=lambda side: (side.p, -side.size))
        sides.append(replace(best, p=min(1.0, len(tried) * best.p)))
        also += [one for one in tried if one is not best and one.p < ALSO and one.size >= 1]
    stages = {side.stage for side in sides}
    moving = [side.size for side in sides if side.moves in {"better", "worse"}]
    return Contradiction(
        pattern.id,
        stages.pop() if len(stages) == 1 else None,
        max(side.p for side in sides),
        tuple(sides),
        min(moving, default=0.0),
        tuple(also),
    )


def _tried(
    leg: PatternLeg,
    histories: Mapping[Key, History],
    changes: Mapping[Key, Probe],
    place: int,
) -> list[Side]:
    """The KPIs that a leg allows, each with how clearly it moved so."""
    tried: list[Side] = []
    for (kpi, stage), history in histories.items():
        if kpi not in leg.kpi:
            continue
        if leg.moves in {"better", "worse"}:
            one = changes.get((kpi, stage))
            if one is None:
                continue
            up_wanted = (history.kpi.better == "higher") == (leg.moves == "better")
            p = one.up if up_wanted else one.down
            fits = (one.contrast.difference > 0) == up_wanted
            size = one.size if fits else 0.0
            tried.append(Side(kpi, stage, leg.moves, p, size, leg.moves == "better", one.width))
        else:
            bounded = history.step(place, FLAT_WIDTH)
            if bounded is None or leg.within is None:
                continue
            p = _bounded(bounded, history, leg)
            tried.append(Side(kpi, stage, leg.moves, p, 0.0, False, FLAT_WIDTH))
    return tried


def _bounded(one: Contrast, history: History, leg: PatternLeg) -> float:
    """P-value of "it moved further than `within`": two one-sided tests (Schuirmann 1987)."""
    within = leg.within or 0.0
    if history.kpi.measure.unit == "nps":
        within *= 100
    if history.relative:
        low, high = log1p(-min(within, 0.99)), log1p(within)
    else:
        low, high = -within, within
    outside = max(one.p_above(low), one.p_below(high))
    if leg.moves == "flat":
        return outside
    # Slightly worse: on the wrong side of 0, and shown not to be beyond the margin.
    falls = history.kpi.better == "higher"
    wrong = one.p_below() if falls else one.p_above()
    return max(outside, 2 * min(wrong, 0.5))


def across_segments(
    pattern: Pattern, kpis: Mapping[str, Kpi], shelf: Shelf, grain: str, start: np.datetime64
) -> Iterator[Contradiction]:
    """Whether one segment beats another on one leg and is beaten on the other.

    Each dimension that both KPIs are broken down by gives one test: that of its clearest pair,
    corrected for the number of pairs.

    Args:
        pattern: The pattern; its first leg is what the slower segment does better.
        kpis: KPIs that are switched on.
        shelf: All readings.
        grain: Grain of the period.
        start: First day of the period.
    """
    gain, cost = pattern.legs[0], pattern.legs[1]
    a = next((kpis[name] for name in gain.kpi if name in kpis), None)
    b = next((kpis[name] for name in cost.kpi if name in kpis), None)
    if a is None or b is None:
        return
    common = [d for d in shelf.dimensions(a.id, grain) if d in shelf.dimensions(b.id, grain)]
    for dimension in common:
        first = _at(shelf.segments(a.id, grain, dimension), start, a)
        second = _at(shelf.segments(b.id, grain, dimension), start, b)
        names = [name for name in first if name in second]
        if not 2 <= len(names) <= MOST_SEGMENTS:
            continue
        tried = [
            (max(_beats(first[x], first[y], a), _slightly(second[x], second[y], b, cost)), x, y)
            for x, y in permutations(names, 2)
        ]
        p, slower, other = min(tried)
        sides = (
            Side(a.id, None, gain.moves, p, 1.0, True, 1),
            Side(b.id, None, cost.moves, p, 0.0, False, 1),
        )
        yield Contradiction(
            pattern.id, None, min(1.0, p * len(tried)), sides, 1.0, (), (dimension, slower, other)
        )


def _at(
    segments: Mapping[str | None, Series], start: np.datetime64, kpi: Kpi
) -> dict[str, tuple[Series, int]]:
    """Segments by name that have a usable reading in a period, or the newest complete one."""
    found = {}
    for name, series in segments.items():
        done = np.flatnonzero(series.complete & (series.start <= start))
        if name is not None and len(done):
            place = int(done[-1])
            if series.customers[place] >= kpi.min_customers:
                found[name] = (series, place)
    return found


def _pair(one: tuple[Series, int], other: tuple[Series, int]) -> stats.Estimate:
    a, b = (series.estimates[place] for series, place in (other, one))
    return stats.change(a, b, log=one[0].unit not in ABSOLUTE)


def _beats(one: tuple[Series, int], other: tuple[Series, int], kpi: Kpi) -> float:
    found = _pair(one, other)
    side = "above" if kpi.better == "higher" else "below"
    p = stats.p_value(found, 0.0, side)  # type: ignore[arg-type]
    return 1.0 if p is None else p


def _slightly(
    one: tuple[Series, int], other: tuple[Series, int], kpi: Kpi, leg: PatternLeg
) -> float:
    """P-value of "it is not slightly worse"."""
    found = _pair(one, other)
    value = other[0].estimates[other[1]].value
    if found.value is None or value is None:
        return 1.0
    higher = kpi.better == "higher"
    if (found.value > 0) == higher:
        return 1.0
    # The margin is a share of the other segment's value.
    within = (leg.within or 0.0) * (1.0 if one[0].unit not in ABSOLUTE else abs(value))
    p = stats.p_value(found, -within if higher else within, "above" if higher else "below")
    return 1.0 if p is None else p
