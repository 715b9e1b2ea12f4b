"""The past of one KPI in one stage, on the scale on which changes are tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from heedful.kpis import periods
from heedful.kpis.change import ABSOLUTE
from heedful.stats.changes import logarithms
from heedful.stats.student import t_quantile
from heedful.stats.variation import Common, Variation, moderated, together, variation, weighed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.definitions.kpi import Kpi
    from heedful.kpis.periods import Grain
    from heedful.kpis.shelf import Series
    from heedful.stats import Estimates

    Floats = NDArray[np.float64]

BASELINE = 8
"""So many periods say what it was like before."""
LATEST = 52
"""So many periods of the past say how a KPI usually varies."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The mean of some periods against the mean of others, on the test's scale.

    Attributes:
        difference: Later less earlier; a difference of logarithms where changes are relative.
        se: Its standard error, of sampling and usual variation together.
        df: Its degrees of freedom.
        before: Earlier level, in the KPI's unit.
        now: Later level.
        low: Lower end of its 95% interval.
        high: Upper end.
        n: Rows of the later periods.
        customers: Most customers of one of the later periods.
    """

    difference: float
    se: float
    df: float
    before: float
    now: float
    low: float
    high: float
    n: int
    customers: int

    def p_above(self, limit: float = 0.0) -> float:
        """P-value of "the difference is at most `limit`"."""
        from scipy.special import stdtr

        return float(stdtr(self.df, -(self.difference - limit) / self.se))

    def p_below(self, limit: float = 0.0) -> float:
        """P-value of "the difference is at least `limit`"."""
        from scipy.special import stdtr

        return float(stdtr(self.df, (self.difference - limit) / self.se))


def calendar(grain: Grain, first: date, last: date) -> list[date]:
    """First days of all periods from one to another."""
    found = [first]
    while found[-1] < last:
        found.append(periods.end(grain, found[-1]))
    return found


class History:
    """Readings of one KPI and stage on a calendar without gaps.

    Args:
        kpi: The KPI.
        series: Its readings.
        days: First days of all periods.
        common: Gives what all KPIs say of how one usually varied before a period.
    """

    def __init__(
        self,
        kpi: Kpi,
        series: Series,
        days: Sequence[date],
        common: Callable[[int], Common | None] = lambda _: None,
    ) -> None:
        self.kpi = kpi
        self.common = common
        self.series = series
        self.relative = series.unit not in ABSOLUTE
        size = len(days)
        self.place = np.full(size, -1)
        index = np.searchsorted(np.array(days, dtype="datetime64[D]"), series.start)
        inside = index < size
        self.place[index[inside]] = np.flatnonzero(inside)
        known = self.place >= 0
        at = np.maximum(self.place, 0)
        of = series.estimates
        usable = (
            known
            & series.complete[at]
            & (series.customers[at] >= kpi.min_customers)
            & np.isfinite(of.value[at])
            & np.isfinite(of.low[at])
            & np.isfinite(of.high[at])
        )
        # Where nothing of a definition is the same, nothing is compared.
        self.definition = np.where(usable, series.definition[at], None)
        self.weight = np.where(usable, np.maximum(series.weight[at], 1e-12), np.nan)
        self.n = np.where(usable, series.n[at], 0)
        self.customers = np.where(usable, series.customers[at], 0)
        scaled = logarithms(of) if self.relative else of
        self.level: Estimates = scaled.take(at)
        self.usable = usable & np.isfinite(self.level.value)

    def __len__(self) -> int:
        return len(self.place)

    @cached_property
    def values(self) -> Floats:
        """Values on the test's scale, NaN where unusable."""
        return np.where(self.usable, self.level.value, np.nan)

    @cached_property
    def replicates(self) -> Floats:
        """Values without each bucket, on the test's scale, shape (periods, 64)."""
        return self.level.replicates

    @cached_property
    def noise(self) -> Floats:
        """Variances of the values by sampling."""
        return np.where(self.usable, self._jackknife(self.replicates, self.values), np.nan)

    @staticmethod
    def _jackknife(replicates: Floats, values: Floats) -> Floats:
        groups = replicates.shape[-1]
        deviations = replicates - values[..., None]
        return np.asarray((groups - 1) / groups * (deviations**2).sum(axis=-1))

    def usual(self, until: int) -> Variation | None:
        """How much it varied from period to period before one; None where too little is known."""
        own = self.own(until)
        return own and moderated(own, self.common(until))

    def own(self, until: int) -> Variation | None:
        """The same, of its own past only."""
        if until not in self._usual:
            first = max(0, until - LATEST)
            self._usual[until] = variation(self.values[first:until], self.noise[first:until])
        return self._usual[until]

    @cached_property
    def _usual(self) -> dict[int, Variation | None]:
        return {}

    def one_definition(self, first: int, last: int) -> bool:
        """Whether all usable periods between two have the same definition."""
        seen = {d for d in self.definition[first : last + 1] if d is not None}
        return len(seen) <= 1

    def contrast(
        self, before: Sequence[int], now: Sequence[int], until: int | None = None
    ) -> Contrast | None:
        """Some periods against others.

        Args:
            before: Places of the earlier ones; those without a usable reading are left out.
            now: Places of the later ones.
            until: The usual variation is that of periods before this one; before `now` where None.

        Returns:
            None where either side has nothing, definitions differ, or the usual variation is not
            known.
        """
        first = [place for place in before if self.usable[place]]
        second = [place for place in now if self.usable[place]]
        if not first or not second or not self.one_definition(min(first), max(second)):
            return None
        usual = self.usual(min(second) if until is None else until)
        if usual is None:
            return None
        weights = np.zeros(len(self))
        weights[first] = -self.weight[first] / self.weight[first].sum()
        weights[second] = self.weight[second] / self.weight[second].sum()
        return self._contrast(weights, 0.0, self._mean(first), second, usual)

    def _contrast(
        self, weights: Floats, zero: float, before: float, now: Sequence[int], usual: Variation
    ) -> Contrast | None:
        """A weighted sum of periods, with the variance of sampling and usual variation together."""
        used = np.flatnonzero(weights)
        w = weights[used]
        difference = float(w @ self.values[used]) - zero
        deviations = w @ (self.replicates[used] - self.values[used][:, None])
        groups = len(deviations)
        sampling = (groups - 1) / groups * float(deviations @ deviations)
        of_one = weighed(weights)
        variance, df = together(
            [sampling], [groups - 1.0], of_one * usual.variance, of_one * usual.doubt, usual.df
        )
        se, degrees = float(np.sqrt(variance[0])), float(df[0])
        if not (se > 0 and np.isfinite(se)):
            return None
        wide = se * t_quantile(0.95, max(1, int(min(degrees, 63))))
        return Contrast(
            difference,
            se,
            degrees,
            before,
            self._mean(now),
            difference - wide,
            difference + wide,
            int(self.n[list(now)].sum()),
            int(self.customers[list(now)].max()),
        )

    def _mean(self, places: Sequence[int]) -> float:
        weight = self.weight[places]
        mean = float((weight * self.values[places]).sum() / weight.sum())
        return float(np.exp(mean)) if self.relative else mean

    def step(self, place: int, width: int) -> Contrast | None:
        """The `width` periods up to one against the eight before them."""
        if (place, width) not in self._steps:
            self._steps[place, width] = self._step(place, width)
        return self._steps[place, width]

    @cached_property
    def _steps(self) -> dict[tuple[int, int], Contrast | None]:
        return {}

    def _step(self, place: int, width: int) -> Contrast | None:
        first = place - width + 1
        if first < BASELINE:
            return None
        before, now = range(first - BASELINE, first), range(first, place + 1)
        if not (self.usable[list(before)].all() and self.usable[list(now)].all()):
            return None
        return self.contrast(list(before), list(now))

    def against(self, place: int, width: int, limit: float) -> Contrast | None:
        """The `width` periods up to one against a number in the KPI's unit."""
        places = [at for at in range(max(0, place - width + 1), place + 1) if self.usable[at]]
        if not places or not self.usable[place]:
            return None
        usual = self.usual(place + 1)
        if usual is None or (self.relative and limit <= 0):
            return None
        weights = np.zeros(len(self))
        weights[places] = self.weight[places] / self.weight[places].sum()
        zero = float(np.log(limit)) if self.relative else limit
        return self._contrast(weights, zero, limit, places, usual)

    def slope(self, places: Sequence[int]) -> Contrast | None:
        """The straight line through some periods: its rise from the first to the last."""
        usual = self.usual(max(places) + 1)
        if usual is None:
            return None
        x = np.array(places, dtype=np.float64)
        x -= x.mean()
        weights = np.zeros(len(self))
        weights[list(places)] = x / (x * x).sum() * (max(places) - min(places))
        return self._contrast(weights, 0.0, self._mean(places[:1]), places[-1:], usual)
