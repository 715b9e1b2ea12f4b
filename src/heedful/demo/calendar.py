"""The year of the company: local days, a seasonal wave, and moments drawn from both.

Everything happens between 07:00 and 22:30 local time unless someone asks for another moment, so
nothing a visitor does in one sitting crosses midnight, a week's edge, or a change of clocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WEEKS = 52
DAYS = 7 * WEEKS

#: Week (counted from 0) -> how much fuller it is than an ordinary one: gifts before the winter
#: holidays, and the spring in which everyone repots.
WAVE = {
    10: 1.15, 11: 1.35, 12: 1.6, 13: 1.7, 14: 1.55, 15: 1.2, 16: 0.85,
    25: 1.15, 26: 1.35, 27: 1.45, 28: 1.4, 29: 1.2,
}  # fmt: skip
_WEEKDAYS = (1.12, 1.06, 1.03, 1.0, 0.95, 0.9, 0.94)


@dataclass(frozen=True)
class Calendar:
    """364 local days that end before `until`, a Monday.

    >>> calendar = Calendar(date(2026, 9, 7))
    >>> calendar.monday(0), calendar.monday(52)
    (datetime.date(2025, 9, 8), datetime.date(2026, 9, 7))
    """

    until: date
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Amsterdam"))

    def __post_init__(self) -> None:
        if self.until.weekday() != 0:
            raise ValueError(
                f"until: found {self.until:%A} {self.until}, allowed: a Monday, because the "
                "simulated year is 52 whole weeks"
            )

    @property
    def start(self) -> date:
        """First local day, a Monday."""
        return self.until - timedelta(days=DAYS)

    def monday(self, week: int) -> date:
        """First day of a week, counted from 0."""
        return self.start + timedelta(weeks=week)

    def _epochs(self, hour: int) -> Ints:
        days = (self.start + timedelta(days=i) for i in range(DAYS + 1))
        moments = (datetime.combine(d, time(hour), self.zone) for d in days)
        return np.array([int(m.timestamp()) for m in moments], dtype=np.int64)

    @cached_property
    def midnights(self) -> Ints:
        """UTC seconds of each local midnight; the last one ends the data."""
        return self._epochs(0)

    @cached_property
    def _noons(self) -> Ints:
        return self._epochs(12)

    @property
    def begin(self) -> int:
        """UTC seconds at which the year begins."""
        return int(self.midnights[0])

    @property
    def end(self) -> int:
        """UTC seconds at which the data end; nothing is known of this moment or later."""
        return int(self.midnights[-1])

    @cached_property
    def weights(self) -> Floats:
        """How full each day is, 1 on average over a year without a wave."""
        week = np.array([WAVE.get(w, 1.0) for w in range(WEEKS)])
        day = np.array(_WEEKDAYS) / np.mean(_WEEKDAYS)
        full: Floats = np.repeat(week, 7) * np.tile(day, WEEKS)
        return full

    @cached_property
    def _heaped(self) -> Floats:
        return np.concatenate([[0.0], np.cumsum(self.weights)])

    def fullness(self, first: Ints, last: Ints) -> Floats:
        """Ordinary days that the days from `first` to before `last` are worth."""
        full: Floats = self._heaped[last] - self._heaped[first]
        return full

    def days(self, rng: np.random.Generator, first: Ints, last: Ints) -> Ints:
        """Draw a day from `first` to before `last` for each row, full days more often."""
        low, high = self._heaped[first], self._heaped[last]
        aim = low + rng.random(len(first)) * (high - low)
        day = np.searchsorted(self._heaped, aim, side="right") - 1
        return np.clip(day, first, last - 1).astype(np.int64)

    def moments(self, rng: np.random.Generator, day: Ints) -> Ints:
        """Draw a waking moment of each day, in UTC seconds."""
        second = 7 * 3600 + rng.beta(2.0, 1.6, len(day)) * 15.5 * 3600
        return self._noons[day] - 12 * 3600 + second.astype(np.int64)

    def day_of(self, at: Ints) -> Ints:
        """Local day of UTC seconds: -1 before the year, 364 after it."""
        return (np.searchsorted(self.midnights, at, side="right") - 1).astype(np.int64)
