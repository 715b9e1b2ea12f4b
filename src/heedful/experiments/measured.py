"""What was measured of one outcome: a number of each variant, in total, by segment and by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from heedful.stats.groups import Group, groups

if TYPE_CHECKING:
    from heedful.experiments.readout import CurvePoint, Role
    from heedful.stats.moments import Moments

ENDS: Mapping[str, tuple[float, float]] = {"share": (0.0, 1.0), "nps": (-100.0, 100.0)}
"""Between which values of a unit lie, where that is limited."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about one outcome.

    Attributes:
        kpi: KPI, or column of a flat file.
        role: Its part in the experiment.
        title: What people call it.
        unit: share, nps, money and so on; None where that is not known.
        better: Which way is better.
        layer: The KPI's layer; None where that is not known.
        margin: Of a guardrail: how much worse is tolerated.
        relative: Whether the margin is relative to the control.
        window_days: Days that count; None where that is not known.
        delay_days: Days before anything counts.
        per_unit: Whether the value is per unit of the experiment rather than per row.
        survey: Whether it counts only those who answer, so that the variants must answer alike.
    """

    kpi: str
    role: Role
    title: str | None = None
    unit: str | None = None
    better: Literal["higher", "lower"] = "higher"
    layer: str | None = None
    margin: float | None = None
    relative: bool = True
    window_days: int | None = None
    delay_days: int = 0
    per_unit: bool = True
    survey: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """One outcome by variant; lists are in the order of the variants.

    Attributes:
        asked: What was asked.
        groups: Its value in each variant.
        method: How the value was estimated, in words.
        counts: Units that count, by variant.
        waiting: Units whose window has not passed.
        segments: By dimension and segment: the value in each variant.
        looks: By day, in order: the value as it stood then.
        daily: By day of entry: the value of the units of that day alone.
        pooled: All variants but the control taken as one; None where there is only one.
        answered: Units with and without an answer, by variant; None where everyone counts.
        answered_within: Units with an answer, by dimension, segment and variant; without, all.
        why: Why there is nothing.
        curves: Survival curves.
    """

    asked: Asked
    groups: Sequence[Group]
    method: str
    counts: Sequence[int]
    waiting: int = 0
    segments: Mapping[str, Mapping[str | None, Sequence[Group]]] = field(default_factory=dict)
    looks: Sequence[tuple[date, Sequence[Group]]] = ()
    daily: Sequence[tuple[date, Sequence[Group]]] = ()
    pooled: Group | None = None
    answered: Sequence[tuple[int, int]] | None = None
    answered_within: Mapping[str, Mapping[str | None, Sequence[int]]] = field(default_factory=dict)
    why: str | None = None
    curves: Sequence[CurvePoint] = ()


@dataclass(frozen=True, slots=True)
class Summed:
    """The moments of one outcome, before they become numbers.

    Attributes:
        ratio: Whether the value is a ratio of sums; y and x are then the first two variables.
        scale: What the value is multiplied with: 100 for NPS.
        days: First dimension variants, second strata, third days.
        dates: The day on which the units of each place of the third dimension count.
        segments: By dimension: labels, and moments with variants and labels.
    """

    ratio: bool
    scale: float
    days: Moments
    dates: Sequence[date]
    segments: Mapping[str, tuple[Sequence[str | None], Moments]]

    def measured(
        self,
        asked: Asked,
        method: str,
        control: int,
        *,
        waiting: int = 0,
        answered: Sequence[tuple[int, int]] | None = None,
        answered_within: Mapping[str, Mapping[str | None, Sequence[int]]] | None = None,
        last: date | None = None,
        by_day: bool = True,
    ) -> Measured:
        """Turn moments into numbers.

        Args:
            asked: What was asked.
            method: How the value is estimated, in words.
            control: Place of the control among the variants.
            waiting: Units whose window has not passed.
            answered: Units with and without an answer, by variant.
            answered_within: Units with an answer, by dimension, segment and variant.
            last: Days after it are not over.
            by_day: Whether results day by day are wanted.
        """
        total = self.days.sum(axis=2)
        variants, strata = total.shape
        stratified = strata > 1

        def numbers(some: Moments) -> list[Group]:
            flat = some if stratified else some[:, 0]
            return self._groups(flat, asked)

        looks: list[tuple[date, Sequence[Group]]] = []
        daily: list[tuple[date, Sequence[Group]]] = []
        if by_day:
            running = self.days.cumulative(axis=2)
            entered = self.days.n.sum(axis=(0, 1))
            for place, day in enumerate(self.dates):
                if last is not None and day > last:
                    break
                if entered[: place + 1].sum():
                    looks.append((day, numbers(running[:, :, place])))
                if entered[place] and asked.role == "primary":
                    daily.append((day, numbers(self.days[:, :, place])))
        pooled = None
        if variants > 2:
            others = [place for place in range(variants) if place != control]
            both = _stacked(total, control, others)
            pooled = numbers(both)[1]
        return Measured(
            asked=asked,
            groups=numbers(total),
            method=method,
            counts=[int(n) for n in total.n.sum(axis=1)],
            waiting=waiting,
            segments={
                name: {
                    label: self._groups(some[:, place], asked)
                    for place, label in enumerate(labels)
                    if some.n[:, place].sum()
                }
                for name, (labels, some) in self.segments.items()
            },
            looks=looks,
            daily=daily,
            pooled=pooled,
            answered=answered,
            answered_within=answered_within or {},
        )

    def _groups(self, some: Moments, asked: Asked) -> list[Group]:
        found = groups(some, ratio=self.ratio, scale=self.scale)
        ends = ENDS.get(asked.unit or "")
        if ends is None:
            return found
        total = some if len(some.shape) == 1 else some.sum(axis=1)
        # Of units without a row nothing is known: as many count as there are rows at most.
        rows = total.mean[:, 1] * total.n if self.ratio else total.n
        return [
            _unanimous(one, ends, min(one.n, float(n))) for one, n in zip(found, rows, strict=True)
        ]


def _unanimous(one: Group, ends: tuple[float, float], n: float) -> Group:
    """A share of 0 or 1: that nobody differed is no certainty.

    The variance of a share with one unit added on each side (Agresti and Caffo 2000), as for
    retention.

    >>> sure = _unanimous(Group(0.0, 0.0, 499.0, 500.0), (0.0, 1.0), 200.0)
    >>> sure.value, round(sure.variance**0.5, 4)
    (0.0, 0.0049)
    """
    low, high = ends
    if one.variance != 0 or one.value not in ends:
        return one
    variance = (high - low) ** 2 * (n + 1) / (n + 2) ** 3
    return replace(one, variance=variance, df=max(n - 1, 1.0))


def _stacked(total: Moments, control: int, others: Sequence[int]) -> Moments:
    """Two groups: the control, and all others as one."""
    rest = total[np.array(others)].sum(axis=0)
    first = total[control]
    return type(total)(
        np.stack([first.n, rest.n]),
        np.stack([first.sums, rest.sums]),
        np.stack([first.products, rest.products]),
        total.shift,
    )


def no_groups(count: int) -> list[Group]:
    """Groups of which nothing is known."""
    nothing = float("nan")
    return [Group(nothing, nothing, nothing, 0.0)] * count
