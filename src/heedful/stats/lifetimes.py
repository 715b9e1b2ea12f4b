"""Kaplan-Meier: how long something takes, and who is still there after a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heedful.stats.estimate import (
    BUCKETS,
    LEAST_CUSTOMERS,
    Estimate,
    Floats,
    Method,
    Why,
    missing,
)
from heedful.stats.shares import wilson
from heedful.stats.student import t_quantile

CHUNK = 4096
"""Event times worked on at once: 64 x 4096 numbers, 2 MB a matrix."""

EXTREME = 10.0
"""With fewer effective customers lost or left than this, survival gets Wilson's interval."""


class Step(NamedTuple):
    """Survival at a run of event times."""

    time: Floats
    """Event times, shape (k,)."""
    survival: Floats
    """Share surviving beyond each, shape (k,)."""
    without: Floats
    """The same without each bucket, shape (64, k)."""
    hazard: Floats
    """Running sum of d / (n (n - d)), Greenwood's, shape (k,)."""


@dataclass(frozen=True, slots=True)
class LifeTable:
    """Rows by the event times that they were at risk at."""

    event_time: Floats
    """Distinct times with events, ascending, shape (k,)."""
    last: NDArray[np.intp]
    """Index of the last event time at which a row was at risk, -1 for none, shape (m,)."""
    died: NDArray[np.bool_]
    count: Floats
    bucket: NDArray[np.intp]
    whole: bool

    @classmethod
    def of(
        cls, time: ArrayLike, event: ArrayLike, count: ArrayLike, bucket: ArrayLike
    ) -> "LifeTable | None":
        """Check and order the rows; None without any. A null time is left out."""
        times = np.asarray(time, dtype=np.float64)
        died = np.asarray(event, dtype=np.bool_)
        numbers = np.broadcast_to(np.asarray(count, dtype=np.float64), times.shape)
        buckets = np.asarray(bucket, dtype=np.intp)
        if times.ndim != 1 or not times.shape == died.shape == buckets.shape:
            raise ValueError(
                f"times have shape {times.shape}, events {died.shape}, buckets {buckets.shape}; "
                "give one of each a group"
            )
        if buckets.size and not 0 <= buckets.min() <= buckets.max() < BUCKETS:
            raise ValueError(f"buckets run from 0 to {BUCKETS - 1}")
        kept = ~np.isnan(times) & (numbers > 0)
        if not kept.any():
            return None
        times, died, numbers, buckets = times[kept], died[kept], numbers[kept], buckets[kept]
        if times.min() < 0:
            raise ValueError(f"a duration is {times.min()}; durations must not be negative")
        event_time = np.unique(times[died])
        last = np.searchsorted(event_time, times, side="right") - 1
        whole = bool(np.all(numbers == np.floor(numbers)))
        order = np.argsort(last, kind="stable")
        return cls(event_time, last[order], died[order], numbers[order], buckets[order], whole)

    def held(self) -> int:
        """Buckets that hold rows."""
        return int(np.count_nonzero(np.bincount(self.bucket, minlength=BUCKETS)))

    def walk(self, until: float = np.inf) -> Iterator[Step]:
        """Survival at all event times up to `until`, in chunks."""
        stop = int(np.searchsorted(self.event_time, until, side="right"))
        at_risk = np.bincount(self.bucket, self.count, minlength=BUCKETS)
        first_row = int(np.searchsorted(self.last, 0))
        at_risk -= np.bincount(self.bucket[:first_row], self.count[:first_row], minlength=BUCKETS)
        dust = 1e-9 * self.count.sum()
        everyone, without, hazard = 1.0, np.ones(BUCKETS), 0.0
        for start in range(0, stop, CHUNK):
            end = min(start + CHUNK, stop)
            rows = slice(*np.searchsorted(self.last, [start, end]))
            cell = self.bucket[rows] * (end - start) + self.last[rows] - start
            shape = BUCKETS, end - start
            left = np.bincount(cell, self.count[rows], minlength=BUCKETS * (end - start))
            died = np.bincount(
                cell, self.count[rows] * self.died[rows], minlength=BUCKETS * (end - start)
            ).reshape(shape)
            leaving = np.cumsum(left.reshape(shape), axis=1)
            exposed = np.empty(shape)
            exposed[:, 0] = at_risk
            exposed[:, 1:] = at_risk[:, None] - leaving[:, :-1]
            d, n = died.sum(axis=0), exposed.sum(axis=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                rest = n - exposed
                lost = np.where(rest > dust, (d - died) / rest, 0.0)
                survival = everyone * np.cumprod(np.clip(1 - d / n, 0, 1))
                greenwood = hazard + np.cumsum(d / (n * (n - d)))
            survival[survival < 1e-12] = 0.0
            others = without[:, None] * np.cumprod(np.clip(1 - lost, 0, 1), axis=1)
            yield Step(self.event_time[start:end], survival, others, greenwood)
            at_risk = at_risk - leaving[:, -1]
            everyone, without, hazard = survival[-1], others[:, -1], greenwood[-1]


def _error(step: Step, held: int, whole: bool) -> Floats:
    """Standard errors of survival, shape (k,): jackknife, and no less than of independent rows."""
    deviations = step.without - step.survival
    variance = (held - 1) / held * np.einsum("gk,gk->k", deviations, deviations)
    if whole:
        with np.errstate(invalid="ignore"):
            greenwood = step.survival**2 * step.hazard
        variance = np.fmax(variance, np.where(step.survival > 0, greenwood, 0.0))
    return np.asarray(np.sqrt(variance))


def band(survival: Floats, error: Floats, t: float | Floats) -> tuple[Floats, Floats]:
    """Limits of survival on the log(-log) scale; at 0 and 1 there are none but the value."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        step = np.exp(t * error / (survival * np.abs(np.log(survival))))
        inner = (survival > 0) & (survival < 1)
        low = np.where(inner, survival**step, survival)
        high = np.where(inner, survival ** (1 / step), survival)
    return low, high


def duration(
    time: ArrayLike,
    event: ArrayLike,
    count: ArrayLike,
    bucket: ArrayLike,
    customers: ArrayLike,
    q: float = 0.5,
    *,
    level: float = 0.95,
) -> Estimate:
    """Time within which a share `q` has had the event: Kaplan-Meier quantile of one cell.

    The smallest time at which survival is at most 1 - q. Brookmeyer and Crowley (1982): the
    interval holds the times whose survival band, on the log(-log) scale with the clustered
    standard error, holds 1 - q. If the band never falls that far there is no upper end; if the
    estimate itself does not, there is no value, though there may be a lower end.

    Replicates: a bucket's effect on survival at the value, scaled to the width of the interval
    (or twice the lower half of it), as for `quantile`.

    Args:
        time: time to the event or to the end of watching, shape (m,), not negative; NaN is left
            out.
        event: whether the event happened (True) or watching ended (False), shape (m,).
        count: rows (or weight) of each group, shape (m,) or a number.
        bucket: bucket of each group, 0 to 63, shape (m,).
        customers: distinct customers, a number or one a bucket (64,).
        q: between 0 and 1.
        level: two-sided confidence level.

    >>> import numpy as np
    >>> hours = np.arange(1, 101)
    >>> answered = duration(hours, hours <= 80, 1, hours % 64, customers=100)
    >>> answered.value, answered.low, answered.high
    (50.0, 40.0, 60.0)
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must lie between 0 and 1, such as 0.5 for the median")
    table = LifeTable.of(time, event, count, bucket)
    if table is None:
        return missing(Why.NO_DATA, level=level)
    held = table.held()
    t = t_quantile(level, held - 1) if held > 1 else np.nan
    target = 1 - q
    value: float | None = None
    low: float | None = None
    high: float | None = None
    deviations, spread = np.full(BUCKETS, np.nan), 0.0
    for step in table.walk():
        lower, upper = band(step.survival, _error(step, held, table.whole), t)
        if value is None and (at := _first(step.survival <= target + 1e-12)) is not None:
            value = float(step.time[at])
            deviations = step.without[:, at] - step.survival[at]
            spread = float((held - 1) / held * deviations @ deviations) ** 0.5
        if low is None and (at := _first(lower <= target + 1e-12)) is not None:
            low = float(step.time[at])
        # A band around 0 has no width and would pass for a limit.
        at = _first((upper <= target + 1e-12) & (step.survival > 0))
        if at is not None:
            high = float(step.time[at])
            break
    few = np.sum(np.asarray(customers)) < LEAST_CUSTOMERS
    if value is None:
        shown = None if few or held < 2 else low
        return Estimate(
            None,
            shown,
            None,
            Why.NOT_REACHED.text,
            None,
            (Method.NONE if shown is None else Method.BROOKMEYER_CROWLEY).text,
            df=held - 1,
            level=level,
        )
    if held > 1 and low is not None:
        error = ((high - low) / 2 if high is not None else value - low) / t
        replicates = value + deviations * (error / spread if spread > 0 else 0.0)
    else:
        replicates = np.full(BUCKETS, np.nan)
    why = Why.NOTHING if high is not None else Why.OPEN_ABOVE
    if held < 2:
        low, high, why = None, None, Why.ONE_BUCKET
    if few:
        low, high, why = None, None, Why.FEW_CUSTOMERS
    shown_at_all = low is not None or high is not None
    return Estimate(
        value=value,
        low=low,
        high=high,
        why=why.text,
        replicates=replicates,
        method=(Method.BROOKMEYER_CROWLEY if shown_at_all else Method.NONE).text,
        df=held - 1,
        level=level,
    )


def _first(mask: NDArray[np.bool_]) -> int | None:
    at = int(np.argmax(mask))
    return at if mask[at] else None


def survival(
    time: ArrayLike,
    event: ArrayLike,
    count: ArrayLike,
    bucket: ArrayLike,
    customers: ArrayLike,
    after: float,
    complement: bool = False,
    *,
    level: float = 0.95,
) -> Estimate:
    """Share without the event up to and including `after`: Kaplan-Meier of one cell.

    Interval on the log(-log) scale with the clustered standard error. With few customers lost or
    left it is Wilson's on the effective size S (1 - S) / variance (Rothman 1978), and where nobody
    or everybody was lost, on the rows whose fate at `after` is known.

    Args:
        time: time to the event or to the end of watching, shape (m,), not negative; NaN is left
            out.
        event: whether the event happened (True) or watching ended (False), shape (m,).
        count: rows (or weight) of each group, shape (m,) or a number.
        bucket: bucket of each group, 0 to 63, shape (m,).
        customers: distinct customers, a number or one a bucket (64,).
        after: the time asked for, in the unit of `time`.
        complement: True for the share with the event, 1 - S.
        level: two-sided confidence level.

    Returns:
        No value if nobody was watched until `after`, unless all had the event before.

    >>> import numpy as np
    >>> days = np.arange(1, 101)
    >>> left = survival(days, days <= 80, 1, days % 64, customers=100, after=60)
    >>> round(left.value, 9), left.method
    (0.4, 'log_log')
    """
    table = LifeTable.of(time, event, count, bucket)
    if table is None:
        return missing(Why.NO_DATA, level=level)
    held = table.held()
    step = Step(np.empty(0), np.ones(1), np.ones((BUCKETS, 1)), np.zeros(1))
    for reached in table.walk(after):
        step = reached
    share, without = float(step.survival[-1]), step.without[:, -1]
    times, numbers = np.asarray(time, dtype=np.float64), np.asarray(count, dtype=np.float64)
    weights = np.where(np.isnan(times), 0, np.broadcast_to(numbers, times.shape))
    stayed = float(weights[times >= after].sum())
    if stayed == 0 and share > 0:
        return missing(Why.NOT_WATCHED, level=level)
    last = Step(*(part[..., -1:] for part in step))
    error = float(_error(last, held, table.whole)[0]) if held > 1 else np.nan
    if held < 2:
        without = np.full(BUCKETS, np.nan)
    why = Why.ONE_BUCKET if held < 2 else Why.NOTHING
    people = float(np.sum(np.asarray(customers)))
    if people < LEAST_CUSTOMERS:
        why = Why.FEW_CUSTOMERS
    low: float | None = None
    high: float | None = None
    method = Method.NONE
    df: float = held - 1
    if why == Why.NOTHING:
        inner = 0 < share < 1 and error > 0
        gone = float(weights[np.asarray(event, dtype=np.bool_) & (times <= after)].sum())
        known = min(stayed + gone, people)
        effective = min(share * (1 - share) / error**2, people) if inner else known
        if inner and min(share, 1 - share) * effective >= EXTREME:
            ends = band(step.survival[-1:], np.array([error]), t_quantile(level, df))
            method = Method.LOG_LOG
        else:
            ends = wilson(np.array([share]), np.array([effective]), level)
            method, df = Method.WILSON, np.inf
        low, high = float(ends[0][0]), float(ends[1][0])
    value = share
    if complement:
        value, without = 1 - share, 1 - without
        if low is not None and high is not None:
            low, high = 1 - high, 1 - low
    return Estimate(value, low, high, why.text, without, method.text, df=df, level=level)
