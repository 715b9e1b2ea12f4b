"""Kaplan-Meier for groups of independent units: curves, survival at a time, restricted means."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan, nan

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import Floats
from heedful.stats.groups import Group
from heedful.stats.student import t_quantile


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Survival of one group at some times; columns of shape (k,), NaN where there is no number.

    Attributes:
        time: in the unit of the data, ascending.
        survival: share without the event up to and including `time`.
        low: lower limit.
        high: upper limit. There are no limits where nobody or everybody has had the event.
        at_risk: units still watched and without the event just before `time`.
        variance: Greenwood's, of `survival`.
    """

    time: Floats
    survival: Floats
    low: Floats
    high: Floats
    at_risk: Floats
    variance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Events by time, for units that are independent."""

    n: float
    watched: Floats
    """Distinct times of units, ascending."""
    leaving: Floats
    """Units whose time that is."""
    at_risk: Floats
    """Units with that time or a later one."""
    time: Floats
    """Distinct times with events."""
    died: Floats
    exposed: Floats
    """Units at risk then."""
    survival: Floats
    """After each time with events."""
    hazard: Floats
    """Running sum of d / (n (n - d)): Greenwood's variance over the survival squared."""

    @classmethod
    def of(cls, time: ArrayLike, event: ArrayLike, count: ArrayLike) -> _Table:
        times = np.asarray(time, dtype=np.float64)
        happened = np.asarray(event, dtype=np.bool_)
        numbers = np.broadcast_to(np.asarray(count, dtype=np.float64), times.shape)
        if times.ndim != 1 or times.shape != happened.shape:
            raise ValueError(
                f"times have shape {times.shape} and events {happened.shape}; give one of each "
                "a unit, or a distinct pair of them with a count"
            )
        kept = ~np.isnan(times) & (numbers > 0)
        times, happened, numbers = times[kept], happened[kept], numbers[kept]
        if times.size and times.min() < 0:
            raise ValueError(f"a duration is {times.min()}; durations must not be negative")
        watched, place = np.unique(times, return_inverse=True)
        leaving = np.bincount(place, numbers, minlength=len(watched)).astype(np.float64)
        died = np.bincount(place, numbers * happened, minlength=len(watched)).astype(np.float64)
        at_risk = leaving[::-1].cumsum()[::-1]
        some = died > 0
        d, n = died[some], at_risk[some]
        with np.errstate(divide="ignore"):
            hazard = np.cumsum(d / (n * (n - d)))
        survival = np.cumprod((n - d) / n)
        total = float(numbers.sum())
        return cls(total, watched, leaving, at_risk, watched[some], d, n, survival, hazard)

    @property
    def until(self) -> float:
        """The last time that survival is known at; infinite once nobody is left."""
        if not self.n:
            return -inf
        gone = len(self.survival) > 0 and self.survival[-1] <= 0
        return inf if gone else float(self.watched[-1])

    def known(self, at: float) -> float:
        """Units whose fate at a time is known: had the event by then, or were watched so long."""
        stayed = float(self.leaving[self.watched >= at].sum())
        gone = float(self.died[self.time < at].sum())
        return stayed + gone


def _unseen(known: float) -> float:
    """Variance of a share at 0 or 1, of which Greenwood's formula knows nothing.

    That of the share with one success and one failure added (Agresti and Caffo 2000): about
    (1 / known)², on the wide side.
    """
    return (known + 1) / (known + 2) ** 3


def curve(
    time: ArrayLike,
    event: ArrayLike,
    count: ArrayLike = 1,
    at: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Curve:
    """Survival with Greenwood's variance and limits on the log(-log) scale.

    Kalbfleisch and Prentice (2002), section 1.4.

    Args:
        time: time to the event or to the end of watching, shape (m,), not negative; NaN is left
            out.
        event: whether the event happened (True) or watching ended (False), shape (m,).
        count: units with that time and event, shape (m,) or a number.
        at: times to show, ascending, such as whole days; the times with events without it.
        level: two-sided confidence level of each limit.

    Returns:
        NaN at times that nobody was watched for.

    Raises:
        ValueError: for other shapes, or a negative time.

    >>> days = curve([1, 2, 2, 3, 5], [True, True, False, True, False])
    >>> days.time.tolist(), days.survival.round(3).tolist(), days.at_risk.tolist()
    ([1.0, 2.0, 3.0], [0.8, 0.6, 0.3], [5.0, 4.0, 2.0])
    """
    table = _Table.of(time, event, count)
    shown = table.time if at is None else np.asarray(at, dtype=np.float64)
    z = t_quantile(level, inf)
    index = np.searchsorted(table.time, shown, side="right")
    survival = np.concatenate([[1.0], table.survival])[index]
    hazard = np.concatenate([[0.0], table.hazard])[index]
    place = np.searchsorted(table.watched, shown, side="left")
    at_risk = np.concatenate([table.at_risk, [0.0]])[place]
    survival = np.where(shown <= table.until, survival, nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        variance = np.where(survival > 0, survival**2 * hazard, survival * 0.0)
        inner = (survival > 0) & (survival < 1)
        step = np.exp(z * np.sqrt(hazard) / np.abs(np.log(survival)))
        low = np.where(inner, survival**step, nan)
        high = np.where(inner, survival ** (1 / step), nan)
    return Curve(shown, survival, low, high, at_risk, variance)


def surviving(
    time: ArrayLike,
    event: ArrayLike,
    count: ArrayLike = 1,
    *,
    at: float,
    complement: bool = False,
) -> Group:
    """Share of a group without the event up to and including `at`.

    Variance by Greenwood's formula, which needs independent units: one row a unit. Where nobody
    or everybody has had the event it would be 0; then it is that of a share with one unit added on
    each side.

    Args:
        time: as for `curve`.
        event: as for `curve`.
        count: as for `curve`.
        at: the time asked for, in the unit of `time`.
        complement: True for the share with the event.

    Returns:
        No value if nobody was watched until `at`, unless all had the event before.

    Raises:
        ValueError: for other shapes, or a negative time.

    >>> left = surviving([1, 2, 2, 3, 5], [True, True, False, True, False], at=4)
    >>> round(left.value, 3), round(left.variance, 4), left.n
    (0.3, 0.057, 5.0)
    """
    table = _Table.of(time, event, count)
    if at > table.until:
        return _none(table.n)
    passed = int(np.searchsorted(table.time, at, side="right"))
    share = float(table.survival[passed - 1]) if passed else 1.0
    if 0 < share < 1:
        variance = share**2 * float(table.hazard[passed - 1])
    else:
        variance = _unseen(table.known(at))
    value = 1 - share if complement else share
    return Group(value, variance, table.n - 1, table.n)


def restricted_mean(
    time: ArrayLike, event: ArrayLike, count: ArrayLike = 1, *, horizon: float
) -> Group:
    """Mean time without the event within the first `horizon`: the area under the curve.

    Irwin (1949); variance: sum over events of (area from there to the horizon)² d / (n (n - d)),
    Greenwood's formula carried through the area (Klein and Moeschberger 2003, section 4.5). Where
    nobody had the event it would be 0; then it is no less than if one unit had lost all of its
    time.

    Args:
        time: as for `curve`.
        event: as for `curve`.
        count: as for `curve`.
        horizon: in the unit of `time`, above 0. Later events do not matter.

    Returns:
        No value if nobody was watched until `horizon`, unless all had the event before.

    Raises:
        ValueError: for other shapes, a negative time, or a horizon that is not positive.

    >>> stay = restricted_mean([1, 2, 2, 3, 5], [True, True, False, True, False], horizon=4)
    >>> round(stay.value, 3), round(stay.variance, 4)
    (2.7, 0.257)
    """
    if isnan(horizon) or horizon <= 0:
        raise ValueError(f"horizon is {horizon}; give a time above 0")
    table = _Table.of(time, event, count)
    if horizon > table.until:
        return _none(table.n)
    before = table.time < horizon
    times = np.concatenate([[0.0], table.time[before], [horizon]])
    areas = np.concatenate([[1.0], table.survival[before]]) * np.diff(times)
    # Area from each event to the horizon.
    rest = areas[::-1].cumsum()[::-1][1:]
    d, n = table.died[before], table.exposed[before]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(rest > 0, rest**2 * d / (n * (n - d)), 0.0)
    variance = float(parts.sum()) if len(d) else horizon**2 * _unseen(table.known(horizon))
    return Group(float(areas.sum()), variance, table.n - 1, table.n)


def _none(n: float) -> Group:
    return Group(nan, nan, nan, n)
