"""Suggests scales from history; a person accepts one by writing it into the KPI's file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.definitions.kpi import Kpi

LEAST_READINGS = 6
LIMITS = {"share": (0.0, 1.0), "nps": (-100.0, 100.0)}
ROOM = 1.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A scale that history suggests.

    Attributes:
        kpi: The KPI.
        worst: The value that would score 0; None where history is too thin.
        best: The value that would score 100.
        readings: Completed readings it rests on.
        lowest: Lowest of them.
        highest: Highest of them.
        accepted: The scale in the KPI's file, as (worst, best).
    """

    kpi: str
    worst: float | None
    best: float | None
    readings: int
    lowest: float | None
    highest: float | None
    accepted: tuple[float, float] | None

    @property
    def yaml(self) -> str | None:
        """The line to put into the KPI's file.

        >>> Suggestion("csat", 0.5, 0.9, 12, 0.6, 0.8, None).yaml
        'scale: {worst: 0.5, best: 0.9}'
        """
        if self.worst is None or self.best is None:
            return None
        return f"scale: {{worst: {self.worst:g}, best: {self.best:g}}}"


def suggest(kpi: Kpi, readings: pa.Table) -> Suggestion:
    """A scale wide enough that the KPI's history sits in its middle.

    The range of completed readings is widened by its own size on both sides, kept inside what
    is possible (0 to 1 for shares, not below 0 for durations and money) and rounded outward.

    Args:
        kpi: The KPI.
        readings: Its readings.
    """
    complete = readings["complete"].to_pylist()
    values = [
        value
        for value, done in zip(readings["value"].to_pylist(), complete, strict=True)
        if done and value is not None
    ]
    accepted = (kpi.scale.worst, kpi.scale.best) if kpi.scale else None
    if len(values) < LEAST_READINGS:
        low, high = min(values, default=None), max(values, default=None)
        return Suggestion(kpi.id, None, None, len(values), low, high, accepted)
    lowest, highest = min(values), max(values)
    bottom, top = _room(values, kpi.measure.unit)
    worst, best = (bottom, top) if kpi.better == "higher" else (top, bottom)
    return Suggestion(kpi.id, worst, best, len(values), lowest, highest, accepted)


def _room(values: Sequence[float], unit: str) -> tuple[float, float]:
    lowest, highest = min(values), max(values)
    size = max(highest - lowest, abs(highest) * 0.05, 1e-9)
    least, most = LIMITS.get(unit, (0.0 if lowest >= 0 else -math.inf, math.inf))
    step = 10 ** math.floor(math.log10(3 * size)) / 2
    bottom = math.floor((lowest - ROOM * size) / step) * step
    top = math.ceil((highest + ROOM * size) / step) * step
    return round(max(bottom, least), 12), round(min(top, most), 12)
