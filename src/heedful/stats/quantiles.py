"""Quantiles of grouped rows, with Woodruff's interval."""

from dataclasses import dataclass

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
    number,
)
from heedful.stats.student import t_quantile


@dataclass(frozen=True, slots=True)
class Sorted:
    """Grouped rows in the order of their values, with running counts."""

    value: Floats
    count: Floats
    bucket: NDArray[np.intp]
    running: Floats
    whole: bool

    @classmethod
    def of(cls, value: ArrayLike, count: ArrayLike, bucket: ArrayLike) -> "Sorted":
        """Sort, leaving out null values and groups without rows."""
        values = np.asarray(value, dtype=np.float64)
        numbers = np.broadcast_to(np.asarray(count, dtype=np.float64), values.shape)
        buckets = np.asarray(bucket, dtype=np.intp)
        if values.ndim != 1 or buckets.shape != values.shape:
            raise ValueError(
                f"values have shape {values.shape} and buckets {buckets.shape}; "
                "give one value and one bucket a group"
            )
        if buckets.size and not 0 <= buckets.min() <= buckets.max() < BUCKETS:
            raise ValueError(f"buckets run from 0 to {BUCKETS - 1}")
        kept = ~np.isnan(values) & (numbers > 0)
        if not kept.all():
            values, numbers, buckets = values[kept], numbers[kept], buckets[kept]
        if np.any(values[1:] < values[:-1]):
            order = np.argsort(values, kind="stable")
            values, numbers, buckets = values[order], numbers[order], buckets[order]
        whole = bool(np.all(numbers == np.floor(numbers)))
        return cls(values, numbers, buckets, np.cumsum(numbers), whole)

    def at(self, q: float) -> float:
        """The quantile at `q` in [0, 1]: R-7 of the expanded rows, or of the weighted ones.

        Whole counts are frequencies. Other counts are weights, whose scale means nothing: then
        the quantile is the smallest value with at least `q` of the weight at or below it, or the
        middle between it and the next where that is exactly `q` (R's type 2).
        """
        total = self.running[-1]
        if self.whole:
            place = (total - 1) * q
            first = np.floor(place)
            left, right = np.searchsorted(self.running, [first, first + 1], side="right")
            right = min(int(right), len(self.value) - 1)
            # The weighted mean of equals may differ from them by rounding.
            a, b = float(self.value[left]), float(self.value[right])
            return a if a == b else a + (b - a) * float(place - first)
        place = q * total
        slack = 1e-12 * total
        left = min(int(np.searchsorted(self.running, place - slack)), len(self.value) - 1)
        exact = self.running[left] <= place + slack and left + 1 < len(self.value)
        return float((self.value[left] + self.value[left + 1]) / 2 if exact else self.value[left])

    def share(self, side: str, limit: float) -> tuple[Floats, Floats]:
        """Bucket sums of the count below (`left`) or up to (`right`) a value, and of all."""
        end = int(np.searchsorted(self.value, limit, side="right" if side == "right" else "left"))
        below = np.bincount(self.bucket[:end], self.count[:end], minlength=BUCKETS)
        every = np.bincount(self.bucket, self.count, minlength=BUCKETS)
        return below.astype(np.float64), every.astype(np.float64)


def quantile(
    value: ArrayLike,
    count: ArrayLike,
    bucket: ArrayLike,
    customers: ArrayLike,
    q: float = 0.5,
    *,
    level: float = 0.95,
) -> Estimate:
    """Quantile of one cell: R-7, with Woodruff's (1952) interval for clustered rows.

    The ends are the quantiles at `q -+ t s`, s being the standard error of the share of rows up to
    the quantile, from the jackknife over buckets, and no less than of independent rows. With ties
    at the quantile the shares below and up to it are both asked, each brought to `q`. Where
    `q -+ t s` leaves [0, 1], there is no such end.

    Replicates: a bucket's effect on the share up to the quantile, scaled to the width of the
    interval, so that their jackknife standard error is the interval's width / (2 t).

    Args:
        value: values of the groups, in any order, shape (m,); NaN is left out.
        count: rows (or weight) of each group, shape (m,) or a number.
        bucket: bucket of each group, 0 to 63, shape (m,).
        customers: distinct customers, a number or one a bucket (64,).
        q: between 0 and 1.
        level: two-sided confidence level.

    >>> import numpy as np
    >>> middle = quantile(np.arange(101), 1, np.arange(101) % 64, customers=101)
    >>> middle.value, round(middle.low), round(middle.high)
    (50.0, 40, 60)
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must lie between 0 and 1, such as 0.5 for the median")
    rows = Sorted.of(value, count, bucket)
    if not len(rows.value):
        return missing(Why.NO_DATA, level=level)
    estimate = rows.at(q)
    if number(estimate) is None:
        return missing(Why.NOT_FINITE, level=level)
    below, every = rows.share("right", estimate)
    held = int(np.count_nonzero(every))
    if held < 2:
        few = np.sum(np.asarray(customers)) < LEAST_CUSTOMERS
        why = Why.FEW_CUSTOMERS if few else Why.ONE_BUCKET
        replicates = np.where(every > 0, np.nan, estimate)
        none = Method.NONE.text
        return Estimate(estimate, None, None, why.text, replicates, none, level=level)
    deviations, variance = _deviations(below, every, held, q)
    strictly, _ = rows.share("left", estimate)
    if strictly.sum() < below.sum():
        other, more = _deviations(strictly, every, held, q)
        if more > variance:
            deviations, variance = other, more
    total = rows.running[-1]
    s = max(variance, q * (1 - q) / total if rows.whole else 0.0) ** 0.5
    t = t_quantile(level, held - 1)
    ends = q - t * s, q + t * s
    inside = max(ends[0], 0.0), min(ends[1], 1.0)
    reached = rows.at(inside[0]), rows.at(inside[1])
    # The slope of the quantile over the share, and hence the standard error, from what was reached.
    error = s * (reached[1] - reached[0]) / (inside[1] - inside[0]) if s > 0 else 0.0
    spread = variance**0.5
    replicates = estimate - deviations * (error / spread if spread > 0 else 0.0)
    low = min(reached[0], estimate) if ends[0] >= 0 else None
    high = max(reached[1], estimate) if ends[1] <= 1 else None
    why = {
        (False, False): Why.NOTHING,
        (True, False): Why.OPEN_BELOW,
        (False, True): Why.OPEN_ABOVE,
        (True, True): Why.OPEN,
    }[low is None, high is None]
    if np.sum(np.asarray(customers)) < LEAST_CUSTOMERS:
        low, high, why = None, None, Why.FEW_CUSTOMERS
    shown = low is not None or high is not None
    return Estimate(
        value=estimate,
        low=low,
        high=high,
        why=why.text,
        replicates=replicates,
        method=(Method.WOODRUFF if shown else Method.NONE).text,
        df=held - 1,
        level=level,
    )


def _deviations(below: Floats, every: Floats, held: int, q: float) -> tuple[Floats, float]:
    """What leaving out each bucket does to the share below, and the variance of that share at q."""
    share = below.sum() / every.sum()
    deviations = (below.sum() - below) / (every.sum() - every) - share
    variance = (held - 1) / held * float(deviations @ deviations)
    spread = share * (1 - share)
    return deviations, variance * q * (1 - q) / spread if spread > 0 else 0.0
