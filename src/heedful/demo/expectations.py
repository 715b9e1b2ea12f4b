"""Exact expectations of what the simulator draws, computed from its parameters alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erf, log, sqrt

from heedful.demo import parameters as p
from heedful.demo.parameters import Level, Shift

Curve = Callable[[float], float]


def at(level: Level, *, after: bool) -> float:
    """The level before or after its change."""
    if isinstance(level, Shift):
        return level.after if after else level.before
    return level


def mixed(levels: Mapping[str, Level], shares: Mapping[str, float], *, after: bool) -> float:
    """The expectation over all, where each key has its share of the rows.

    >>> mixed({"a": 0.2, "b": 0.4}, {"a": 3.0, "b": 1.0}, after=False)
    0.25
    """
    whole = sum(shares.values())
    return sum(at(levels[k], after=after) * share for k, share in shares.items()) / whole


def lognormal_below(median: float, spread: float) -> Curve:
    """Share of a lognormal that lies below a value."""
    return lambda x: 0.5 * (1 + erf(log(x / median) / (spread * sqrt(2)))) if x > 0 else 0.0


def blend(parts: list[tuple[float, Curve]]) -> Curve:
    """Share below a value of a mixture; weights that miss 1 are people who never get there."""
    return lambda x: sum(weight * curve(x) for weight, curve in parts)


def quantile(below: Curve, q: float = 0.5, low: float = 1e-6, high: float = 1e6) -> float:
    """Where a share `q` lies below, by bisection.

    >>> round(quantile(lognormal_below(3.0, 0.9)), 6)
    3.0
    """
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < q else (low, middle)
    return (low + high) / 2


def resolution(handled_by: str, *, after: bool) -> Curve:
    """Share of tickets fully resolved within so many hours."""
    again = at(p.REOPENED[handled_by], after=after)
    once = lognormal_below(at(p.RESOLUTION_HOURS[handled_by], after=after), p.RESOLUTION_SPREAD)
    twice = lognormal_below(at(p.REOPENED_HOURS[handled_by], after=after), p.REOPENED_SPREAD)
    return blend([(1 - again, once), (again, twice)])


def resolution_of_all(*, after: bool) -> Curve:
    """The same over all tickets."""
    parts = (("ai", p.BY_AI), ("human", 1 - p.BY_AI))
    return blend([(w, resolution(h, after=after)) for h, w in parts])


def value_reached(device: str, *, after: bool) -> Curve:
    """Share of new customers who reach first value within so many hours."""
    reaches = at(p.REACHES_VALUE[device], after=after)
    return blend([(reaches, lognormal_below(p.VALUE_HOURS, p.VALUE_SPREAD))])


def value_reached_by_all(*, after: bool) -> Curve:
    """The same over all devices."""
    return blend([(w, value_reached(d, after=after)) for d, w in p.DEVICES.items()])


def form_seconds_of_all(*, after: bool) -> Curve:
    """Share of submitted forms that took less than so many seconds."""
    kept = {d: w * (1 - at(p.FORM_ABANDONED[d], after=after)) for d, w in p.DEVICES.items()}
    whole = sum(kept.values())
    return blend([
        (w / whole, lognormal_below(at(p.FORM_SECONDS[d], after=after), p.FORM_SPREAD))
        for d, w in kept.items()
    ])  # fmt: skip


def retained(plan: str, days: int) -> float:
    """Share of a plan's contracts that still run after a multiple of 30 days.

    >>> round(retained("office", 30), 4)
    0.97
    """
    return float((1 - p.EARLY_CHURN[plan]) * (1 - p.LATER_CHURN[plan]) ** (days // 30 - 1))


def retained_of_all(days: int) -> float:
    """The same over all plans."""
    return sum(share * retained(plan, days) for plan, share in p.PLANS.items())
