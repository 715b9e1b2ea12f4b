"""What a plan can see: power by difference, and the difference by weeks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, isfinite, nan
from typing import TYPE_CHECKING

from heedful.experiments.protocol import LEAST_UNITS

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.experiments.history import Traffic
    from heedful.stats.power import Comparison

WEEKS = (1, 2, 3, 4, 6, 8, 12)
STEPS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """Power for one difference of the primary outcome, at the planned duration."""

    difference: float
    relative: float | None
    power: float


@dataclass(frozen=True, slots=True)
class DurationPoint:
    """What so many weeks of entering can see.

    Attributes:
        weeks: Weeks in which units enter.
        units: Units that enter, in all variants.
        detectable: Difference of the primary outcome that is seen with the planned power.
        relative: The same relative to the baseline.
        known_on: Day on which the windows of all these units have passed.
    """

    weeks: int
    units: int
    detectable: float | None
    relative: float | None
    known_on: date


def power_curve(
    unit: float | None, baseline: float | None, compare: Comparison | None, expected: int
) -> tuple[PowerPoint, ...]:
    """Power for parts and multiples of a difference.

    Args:
        unit: The difference.
        baseline: Value of the primary outcome in history.
        compare: Its comparison.
        expected: Units by the planned end.
    """
    if compare is None or unit is None or expected < 2 * LEAST_UNITS:
        return ()
    return tuple(
        PowerPoint(
            step * unit, relative_to(baseline, step * unit), compare.power(expected, step * unit)
        )
        for step in STEPS
    )


def duration_curve(
    experiment: Experiment,
    baseline: float | None,
    horizon: int,
    compare: Comparison | None,
    traffic: Traffic,
    part: float,
) -> tuple[DurationPoint, ...]:
    """What some weeks can see, the planned ones among them.

    Args:
        experiment: The experiment.
        baseline: Value of the primary outcome in history.
        horizon: Days until it is known.
        compare: Its comparison.
        traffic: Who comes.
        part: The share of them that takes part.
    """
    if compare is None:
        return ()
    planned = ceil((experiment.end - experiment.start).days / 7)
    points = []
    for weeks in sorted({*WEEKS, planned}):
        units = round(part * traffic.units_in(7 * weeks))
        seen = nan
        if units >= 2 * LEAST_UNITS:
            seen = compare.detectable(units, experiment.power)
        points.append(
            DurationPoint(
                weeks=weeks,
                units=units,
                detectable=known(seen),
                relative=relative_to(baseline, known(seen)),
                known_on=experiment.start + timedelta(days=7 * weeks + horizon),
            )
        )
    return tuple(points)


def relative_to(baseline: float | None, value: float | None) -> float | None:
    """A difference relative to a baseline; None where that is not above 0."""
    if value is None or baseline is None or baseline <= 0:
        return None
    return value / baseline


def known(value: float) -> float | None:
    """A number, or None where there is none."""
    return float(value) if isfinite(value) else None
