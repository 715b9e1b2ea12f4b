"""Whether an effect wears off: the trend of the effect over the days on which units entered."""

from __future__ import annotations

from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from heedful.experiments.evidence import Trend
from heedful.experiments.protocol import LEAST_UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.experiments.effects import Effect
    from heedful.experiments.measured import Measured
    from heedful.experiments.protocol import Protocol

LEAST_DAYS = 7


def trends(protocol: Protocol, measured: Sequence[Measured]) -> list[Trend]:
    """Effects on the primary outcome that shrink.

    A straight line, weighted by precision, through the effects of the units of each day. The test
    is one-sided against an effect that moves towards zero.

    Returns:
        One a comparison that has at least 7 days with 30 units on both sides.
    """
    primary = next((one for one in measured if one.asked.role == "primary"), None)
    if primary is None:
        return []
    found = (
        _trend(protocol, primary, effect) for effect in protocol.effects() if not effect.interaction
    )
    return [one for one in found if one is not None]


def _trend(protocol: Protocol, primary: Measured, effect: Effect) -> Trend | None:
    from scipy.special import ndtr

    from heedful.stats.contrast import FixedHorizon

    critical = FixedHorizon(protocol.alpha)
    days, effects, weights = [], [], []
    for day, groups in primary.daily:
        treated, control = effect.sides(groups)
        if min(treated.n, control.n) < LEAST_UNITS:
            continue
        one = effect.contrast(groups, critical)
        if isfinite(one.se) and one.se > 0:
            days.append(day.toordinal())
            effects.append(one.difference)
            weights.append(one.se**-2)
    if len(days) < LEAST_DAYS:
        return None
    x, y, w = np.array(days, float), np.array(effects), np.array(weights)
    mean = float(np.average(y, weights=w))
    x = x - np.average(x, weights=w)
    spread = float((w * x * x).sum())
    slope = float((w * x * y).sum()) / spread
    z = slope * sqrt(spread) * (1 if mean > 0 else -1)
    early = mean + slope * float(x.min())
    late = mean + slope * float(x.max())
    p = float(ndtr(z)) if isfinite(z) and abs(z) < inf else 1.0
    return Trend(effect.name, p, early, late)
