"""What came after an action: whole periods before it beside whole periods after it, from readings.

This compares before with after. Whatever else happened in those weeks is in it too, so it is
never called an effect of the action; only an experiment can say that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from heedful import stats
from heedful.actions.variation import MOST, Variation, variation
from heedful.actions.windows import Windows, windows
from heedful.actions.wording import measured_says, waiting_says
from heedful.definitions.measure import Total
from heedful.kpis import periods
from heedful.kpis.change import ABSOLUTE
from heedful.kpis.reading import window
from heedful.ledger.outcome import Outcome
from heedful.stats import LEAST_CUSTOMERS, Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.kpis.shelf import Series, Shelf
    from heedful.ledger.action import Action
    from heedful.ledger.outcome import Met, Verdict

    Floats = NDArray[np.float64]

LEAST_PERIODS = 2
"""Periods with a reading that each side needs; sparse segments skip some."""
T = 1.96


def outcome(
    shelf: Shelf,
    action: Action,
    kpi: CatalogueKpi | None,
    *,
    late: int = 0,
    currency: str | None = None,
) -> Outcome:
    """What came after an action.

    Args:
        shelf: The readings.
        action: The action; it is done and names a KPI.
        kpi: The KPI as the project uses it today; None where there is none of that name any more.
        late: Days that late data may take.
        currency: The project's.
    """
    if kpi is None or kpi.measure is None:
        return _not_measured(f"the KPI {action.kpi} is not there any more")
    if action.done_on is None:
        raise ValueError(f"action {action.id} is not done")
    grain = _grain(shelf, kpi.id)
    if grain is None:
        return _not_measured(f"{kpi.title} has no readings by week or month")
    found = windows(action.done_on, grain)
    total = shelf.series(kpi.id, grain)
    series = shelf.series(
        kpi.id, grain, stage=action.stage, dimension=action.dimension, segment=action.segment
    )
    if total is None or not _reached(total, found.last):
        until = found.after_end + timedelta(days=window(kpi) + late)
        return replace(
            _frame(found), state="waiting", until=until, says=waiting_says(found, kpi.title, until)
        )
    if series is None:
        where = action.stage or f"{action.dimension} {action.segment}"
        return _not_measured(f"{kpi.title} has no readings for {where}", found)
    return _compared(series, kpi, action, found, currency)


def _grain(shelf: Shelf, kpi: str) -> periods.Grain | None:
    grains: tuple[periods.Grain, ...] = ("week", "month")
    return next((grain for grain in grains if shelf.series(kpi, grain) is not None), None)


def _reached(total: Series, last: date) -> bool:
    """Whether readings are complete up to a period, as the total of all stages tells."""
    place = total.last()
    return place is not None and bool(total.start[place] >= np.datetime64(last))


def _frame(found: Windows) -> Outcome:
    return Outcome(
        "not_measured",
        "",
        before_start=found.before_start,
        before_end=found.before_end,
        after_start=found.after_start,
        after_end=found.after_end,
    )


def _not_measured(why: str, found: Windows | None = None) -> Outcome:
    says = f"Not measured: {why}."
    return replace(_frame(found) if found else Outcome("not_measured", ""), says=says, why=why)


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of the comparison."""

    series: Series
    weights: Floats
    pooled: Estimate

    @property
    def n(self) -> int:
        return int(self.series.n.sum())

    @property
    def values(self) -> Floats:
        return self.series.estimates.value


def _side(series: Series, start: date, end: date, *, equal: bool) -> _Side | None:
    """Readings of a side, and the KPI in an average period of it."""
    inside = (series.start >= np.datetime64(start)) & (series.start < np.datetime64(end))
    inside &= np.isfinite(series.estimates.value) & (series.n > 0) & series.complete
    part = series.take(np.flatnonzero(inside).tolist())
    if len(part) < LEAST_PERIODS:
        return None
    # A share's weeks weigh what their rows do: that is the share of all rows together. Sums are
    # per period, whatever the number of rows.
    weights = np.ones(len(part)) if equal else np.where(part.weight > 0, part.weight, part.n)
    weights = weights / weights.sum()
    return _Side(part, weights, _pooled(part, weights))


def _pooled(part: Series, weights: Floats) -> Estimate:
    found = stats.combine(weights.tolist(), list(part.estimates))
    if found.low is not None or found.replicates is None or found.value is None:
        return found
    # Single weeks of a small segment have too few customers for an interval; together they may
    # have enough. Replicates hold what each customer does in several weeks.
    whole = np.isfinite(found.replicates).all()
    if whole and part.customers.sum() >= LEAST_CUSTOMERS and np.ptp(found.replicates) > 0:
        return stats.jackknife(found.replicates, found.value)
    return found


def _compared(
    series: Series, kpi: CatalogueKpi, action: Action, found: Windows, currency: str | None
) -> Outcome:
    equal = isinstance(kpi.measure, Total)
    before = _side(series, found.before_start, found.before_end, equal=equal)
    after = _side(series, found.after_start, found.after_end, equal=equal)
    for side, name in ((before, "before"), (after, "after")):
        if side is None:
            word = f"{found.count} {found.grain}s {name} it"
            why = f"fewer than {LEAST_PERIODS} of the {word} have a reading"
            return _not_measured(why, found)
    if before is None or after is None:
        raise AssertionError
    hashes = {*before.series.definition.tolist(), *after.series.definition.tolist()}
    if len(hashes) > 1:
        why = "the definition changed in between, so before and after are not the same measure"
        return _not_measured(why, found)
    sides = np.concatenate([before.values, after.values])
    relative = series.unit not in ABSOLUTE and bool((sides > 0).all())
    usual = _usual(series, before, after, found, hashes.pop(), log=relative)
    change = stats.change(before.pooled, after.pooled, log=relative)
    both = np.concatenate([before.weights, after.weights])
    low, high = _widened(change, usual.margin(both) if usual else 0.0, log=relative)
    before_low, before_high = _own(before, usual, log=relative)
    after_low, after_high = _own(after, usual, log=relative)
    verdict: Verdict = "unclear"
    if low is not None and high is not None and not low <= 0 <= high:
        verdict = "better" if (low > 0) == (kpi.better == "higher") else "worse"
    result = replace(
        _frame(found),
        state="measured",
        weeks_before=len(before.series),
        weeks_after=len(after.series),
        n_before=before.n,
        n_after=after.n,
        unit=series.unit,
        before=before.pooled.value,
        before_low=before_low,
        before_high=before_high,
        after=after.pooled.value,
        after_low=after_low,
        after_high=after_high,
        difference=change.value,
        low=low,
        high=high,
        relative=relative,
        basis="weeks" if usual else "sampling",
        history=usual.history if usual else 0,
        verdict=verdict,
        expected=action.expected,
        met=_met(action.expected, after.pooled.value, after_low, after_high, kpi.better),
        why=change.why,
    )
    return replace(result, says=measured_says(result, found, kpi, currency))


def _usual(
    series: Series, before: _Side, after: _Side, found: Windows, definition: str, *, log: bool
) -> Variation | None:
    """How much the KPI varies by itself, from what came before the comparison and inside it."""
    old = (series.start < np.datetime64(found.before_start)) & series.complete
    old &= np.isfinite(series.estimates.value) & (series.definition == definition)
    if log:
        old &= series.estimates.value > 0
    history = series.take(np.flatnonzero(old)[-MOST:].tolist())
    parts = [history, before.series, after.series]
    errors = np.concatenate([_errors(part, log=log) for part in parts])

    def scaled(part: Series) -> Floats:
        return np.log(part.estimates.value) if log else part.estimates.value

    return variation(scaled(history), errors, [scaled(before.series), scaled(after.series)])


def _errors(part: Series, *, log: bool) -> Floats:
    """Standard errors by sampling, from the widths of intervals."""
    low, high = part.estimates.low, part.estimates.high
    if log:
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = np.log(np.where(low > 0, low, np.nan)), np.log(high)
    return np.asarray((high - low) / (2 * T))


def _widened(of: Estimate, margin: float, *, log: bool) -> tuple[float | None, float | None]:
    """Ends of an interval that also holds usual variation; sampling and variation add as squares.

    Args:
        of: A value with its interval by sampling; a relative change where `log`.
        margin: Half-width by usual variation, on the log scale where `log`.
        log: Whether to add on the log scale.
    """
    if of.value is None:
        return None, None
    ends: list[float | None] = []
    for end, sign in ((of.low, -1.0), (of.high, 1.0)):
        if end is None:
            ends.append(None)
            continue
        value, edge = (np.log1p(of.value), np.log1p(end)) if log else (of.value, end)
        moved = value + sign * np.hypot(value - edge, margin)
        ends.append(float(np.expm1(moved)) if log else float(moved))
    return ends[0], ends[1]


def _own(side: _Side, usual: Variation | None, *, log: bool) -> tuple[float | None, float | None]:
    """Ends of the interval of one side."""
    margin = usual.margin(side.weights) if usual else 0.0
    if not log:
        return _widened(side.pooled, margin, log=False)
    shifted = replace(
        side.pooled,
        value=None if side.pooled.value is None else side.pooled.value - 1,
        low=None if side.pooled.low is None or side.pooled.low <= 0 else side.pooled.low - 1,
        high=None if side.pooled.high is None else side.pooled.high - 1,
    )
    low, high = _widened(shifted, margin, log=True)
    return (None if low is None else low + 1), (None if high is None else high + 1)


def _met(
    expected: float | None,
    value: float | None,
    low: float | None,
    high: float | None,
    better: str,
) -> Met | None:
    """Whether what was hoped for was reached."""
    if expected is None or value is None:
        return None
    if value >= expected if better == "higher" else value <= expected:
        return "met"
    end = high if better == "higher" else low
    if end is None:
        return "missed"
    return "in_reach" if (end >= expected if better == "higher" else end <= expected) else "missed"
