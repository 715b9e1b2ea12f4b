"""Tests of one KPI in one stage: did it change, is it worse than it may be, does it slide?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.findings.history import Contrast, History

Kind = Literal["change", "level", "trend"]
WIDTHS = (1, 4, 8)
"""Newest periods taken together: a week shows a break at once, four and eight a smaller one."""
LEVEL_WIDTH = 4
COHORTS = 6
DEFAULT_SIZE = 0.10
"""A change of less than 10% is no news, however sure it is; unless the KPI's rule says so."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One test at the end of one period.

    Attributes:
        kind: change: against no change, two-sided. level: against the limit of `below_target`.
            trend: of the slope over six cohorts.
        kpi: The KPI.
        stage: Its stage, None for all.
        p: P-value, for all widths that were tried together.
        up: P-value of a rise alone, for all widths too.
        down: P-value of a fall alone.
        contrast: The width that says it most clearly.
        better: Whether it is good news.
        size: How large it is, in units of the least that matters; 1 or more is worth telling.
        width: Newest periods taken together.
        part: Dimension and value of a segment with a limit of its own; None: all customers.
    """

    kind: Kind
    kpi: str
    stage: str | None
    p: float
    up: float
    down: float
    contrast: Contrast
    better: bool
    size: float
    width: int
    part: tuple[str, str] | None = None


def change(history: History, place: int, stage: str | None) -> Probe | None:
    """Whether a KPI changed, at any of the widths."""
    tried: list[tuple[float, int, Contrast]] = []
    ups, downs = [], []
    for width in WIDTHS:
        one = history.step(place, width)
        if one is not None:
            up, down = one.p_above(), one.p_below()
            ups.append(up)
            downs.append(down)
            tried.append((2 * min(up, down), width, one))
    if not tried:
        return None
    _, width, best = min(tried, key=lambda each: (each[0], each[1]))
    rose = best.difference > 0
    better = rose == (history.kpi.better == "higher")
    return Probe(
        "change",
        history.kpi.id,
        stage,
        any_of([p for p, _, _ in tried]),
        any_of(ups),
        any_of(downs),
        best,
        better,
        size_of(history.kpi, best, relative=history.relative, better=better),
        width,
    )


def any_of(p: Sequence[float]) -> float:
    """P-value of "none of these is so", for tests of the same periods (Simes 1986).

    >>> any_of([0.03]), any_of([0.01, 0.4, 0.5]), any_of([0.03, 0.03, 0.03])
    (0.03, 0.03, 0.03)
    """
    many = len(p)
    return min(1.0, *(many * one / (nth + 1) for nth, one in enumerate(sorted(p))))


def size_of(kpi: Kpi, one: Contrast, *, relative: bool, better: bool) -> float:
    """How large a change is, in units of the least that its rule calls news.

    Args:
        kpi: The KPI.
        one: The change.
        relative: Whether its difference is one of logarithms.
        better: Whether it is for the better; that has no rule of its own.
    """
    rule, by = kpi.threshold.rule, kpi.threshold.amount
    if rule == "drop_points" and not better:
        return abs(one.difference) / by
    share = abs(expm1(one.difference)) if relative else _share(one.difference, one.before, kpi)
    if better or rule in {"below_target", "drop_points", "trend"}:
        return share / DEFAULT_SIZE
    if rule == "decline":
        return max(1.0, share / DEFAULT_SIZE)
    return share / by if by > 0 else max(1.0, share / DEFAULT_SIZE)


def _share(difference: float, before: float, kpi: Kpi) -> float:
    """A difference as a share of what was there; of a score from -100 to 100, of its half."""
    if kpi.measure.unit == "nps":
        return abs(difference) / 50.0
    return abs(difference) / abs(before) if before else 0.0


def below_target(
    history: History, place: int, stage: str | None, part: tuple[str, str] | None = None
) -> Probe | None:
    """Whether a KPI is worse than its target allows, for all customers or one segment."""
    kpi = history.kpi
    if kpi.target is None:
        return None
    higher = kpi.better == "higher"
    by = kpi.threshold.amount
    limit = kpi.target * (1 - by) if higher else kpi.target * (1 + by)
    one = history.against(place, LEVEL_WIDTH, limit)
    if one is None:
        return None
    up, down = one.p_above(), one.p_below()
    p = down if higher else up
    worse = one.now < limit if higher else one.now > limit
    size = 1.0 if worse else 0.0
    return Probe("level", kpi.id, stage, p, up, down, one, False, size, LEVEL_WIDTH, part)


def trend(history: History, place: int, stage: str | None) -> Probe | None:
    """Whether each of the last six cohorts is worse than the one before, as a slope."""
    places = [at for at in range(max(0, place - COHORTS + 1), place + 1) if history.usable[at]]
    if len(places) < COHORTS or not history.one_definition(places[0], place):
        return None
    found = history.slope(places)
    if found is None:
        return None
    rose = found.difference > 0
    better = rose == (history.kpi.better == "higher")
    up, down = found.p_above(), found.p_below()
    p = down if history.kpi.better == "higher" else up
    return Probe(
        "trend", history.kpi.id, stage, p, up, down, found, better, 0.0 if better else 1.0, COHORTS
    )


def shown(difference: float, *, relative: bool) -> float:
    """A difference as people read it: relative ones as a share.

    >>> from math import log1p
    >>> round(shown(log1p(0.25), relative=True), 12), shown(0.25, relative=False)
    (0.25, 0.25)
    """
    return expm1(difference) if relative else difference
