"""What an estimator answers: a value, its interval, and why a part of that is missing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from math import inf, isfinite, nan
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

BUCKETS = 64
"""Groups that customers fall into for good; the unit of every jackknife."""

LEAST_CUSTOMERS = 30
"""Fewer customers than this give an interval only to shares and the Net Promoter Score."""

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]


class Why(IntEnum):
    """Why a value or an end of its interval is missing; `text` is fit to be shown."""

    NOTHING = 0
    NO_DATA = 1
    NO_DENOMINATOR = 2
    NOT_FINITE = 3
    FEW_CUSTOMERS = 4
    ONE_BUCKET = 5
    UNSTABLE_DENOMINATOR = 6
    OPEN_BELOW = 7
    OPEN_ABOVE = 8
    OPEN = 9
    NOT_REACHED = 10
    NOT_WATCHED = 11
    NOT_POSITIVE = 12
    PART_MISSING = 13
    NO_VARIATION = 14

    @property
    def text(self) -> str | None:
        """One sentence fragment, or None for `NOTHING`."""
        return _TEXTS[self]


_TEXTS: dict[Why, str | None] = {
    Why.NOTHING: None,
    Why.NO_DATA: "no data",
    Why.NO_DENOMINATOR: "the denominator is not positive",
    Why.NOT_FINITE: "the sums hold a number that is not finite",
    Why.FEW_CUSTOMERS: f"fewer than {LEAST_CUSTOMERS} customers",
    Why.ONE_BUCKET: "all customers fall into one bucket",
    Why.UNSTABLE_DENOMINATOR: "without some of the customers the denominator is not positive",
    Why.OPEN_BELOW: "too little data below the value for a lower end",
    Why.OPEN_ABOVE: "too little data above the value for an upper end",
    Why.OPEN: "too little data on both sides of the value",
    Why.NOT_REACHED: "too few of the events had happened when watching ended",
    Why.NOT_WATCHED: "nobody was watched for that long",
    Why.NOT_POSITIVE: "a relative change needs positive numbers",
    Why.PART_MISSING: "a part has no value",
    Why.NO_VARIATION: "every customer shows the same, so nothing says how far it may vary",
}


class Method(IntEnum):
    """How the interval was made; `text` is the name in answers and documentation."""

    NONE = 0
    JACKKNIFE = 1
    WILSON = 2
    ADJUSTED_WALD = 3
    WOODRUFF = 4
    BROOKMEYER_CROWLEY = 5
    LOG_LOG = 6
    MOVER = 7

    @property
    def text(self) -> str:
        """Lower-case name, such as `adjusted_wald`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """One estimate with its interval.

    Attributes:
        value: the estimate; None where there is none, never 0 for "no data".
        low: lower end of the interval, in the unit of `value`.
        high: upper end.
        why: why `value`, `low` or `high` is missing, as a sentence fragment; None if nothing is.
        replicates: shape (64,): the value without each bucket's customers, or what stands for
            it (see `docs/statistics.md`). None where `value` is; NaN where one is undefined.
        method: name of the interval's method, `none` where both ends are missing.
        df: degrees of freedom of the interval, `inf` for one on normal quantiles.
        level: two-sided confidence level.
        skewed: the data are more skewed than the interval allows for; a sign of a KPI whose
            intervals are too short on the whole, not of a sample that is off.
    """

    value: float | None
    low: float | None
    high: float | None
    why: str | None
    replicates: Floats | None
    method: str
    df: float = inf
    level: float = 0.95
    skewed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Estimates of many cells as columns; a missing number is NaN.

    Attributes:
        value: shape (cells,).
        low: shape (cells,).
        high: shape (cells,).
        why: codes of `Why`, shape (cells,).
        replicates: shape (cells, 64).
        method: codes of `Method`, shape (cells,).
        df: degrees of freedom, shape (cells,).
        skewed: shape (cells,).
        level: two-sided confidence level of all intervals.
    """

    value: Floats
    low: Floats
    high: Floats
    why: Codes
    replicates: Floats
    method: Codes
    df: Floats
    skewed: NDArray[np.bool_]
    level: float = 0.95

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, cell: int) -> Estimate:
        method = Method(int(self.method[cell]))
        present = bool(np.isfinite(self.value[cell]))
        return Estimate(
            value=number(self.value[cell]),
            low=number(self.low[cell]),
            high=number(self.high[cell]),
            why=Why(int(self.why[cell])).text,
            replicates=self.replicates[cell] if present else None,
            method=method.text,
            df=float(self.df[cell]),
            level=self.level,
            skewed=bool(self.skewed[cell]),
        )

    def __iter__(self) -> Iterator[Estimate]:
        return (self[cell] for cell in range(len(self)))

    def whys(self) -> list[str | None]:
        """`why` as text, one a cell."""
        texts = {code: Why(code).text for code in np.unique(self.why).tolist()}
        return [texts[code] for code in self.why.tolist()]

    def methods(self) -> list[str]:
        """`method` as text, one a cell."""
        texts = {code: Method(code).text for code in np.unique(self.method).tolist()}
        return [texts[code] for code in self.method.tolist()]

    def take(self, cells: ArrayLike) -> Self:
        """These cells, in this order: indices or a mask."""
        index = np.asarray(cells)
        columns = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name != "level"
        }
        return type(self)(**columns, level=self.level)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Estimates of one level, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        names = [field.name for field in fields(cls) if field.name != "level"]
        columns = {name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
        return cls(**columns, level=parts[0].level)

    @classmethod
    def of(cls, estimates: Iterable[Estimate]) -> Self:
        """Columns of single estimates, which must share one level."""
        rows = list(estimates)
        levels = {row.level for row in rows} or {0.95}
        if len(levels) > 1:
            raise ValueError(f"estimates at different levels: {sorted(levels)}; use one level")
        empty = np.full(BUCKETS, nan)
        stacked = [empty if row.replicates is None else row.replicates for row in rows]
        return cls(
            value=_column([row.value for row in rows]),
            low=_column([row.low for row in rows]),
            high=_column([row.high for row in rows]),
            why=np.array([_WHYS[row.why] for row in rows], dtype=np.uint8),
            replicates=np.array(stacked, dtype=np.float64).reshape(-1, BUCKETS),
            method=np.array([Method[row.method.upper()] for row in rows], dtype=np.uint8),
            df=np.array([row.df for row in rows], dtype=np.float64),
            skewed=np.array([row.skewed for row in rows], dtype=np.bool_),
            level=levels.pop(),
        )


_WHYS = {why.text: why for why in Why}


def number(value: float) -> float | None:
    """A finite number, or None."""
    return float(value) if isfinite(value) else None


def _column(numbers: list[float | None]) -> Floats:
    return np.array([nan if x is None else x for x in numbers], dtype=np.float64)


def missing(why: Why, *, level: float = 0.95) -> Estimate:
    """An estimate without a value.

    >>> missing(Why.NO_DATA).why
    'no data'
    """
    return Estimate(None, None, None, why.text, None, Method.NONE.text, level=level)
