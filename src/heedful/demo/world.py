"""What every part of the simulation shares: the calendar, chance, and whether anything changes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import erf

import numpy as np
from numpy.typing import NDArray

from heedful.demo.calendar import Calendar, Floats, Ints
from heedful.demo.parameters import Level, Levels, Shift

Words = NDArray[np.object_]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """One run of the company.

    Attributes:
        calendar: The year.
        customers: How many customers it has had when the data end.
        seed: Where chance begins.
        planted: Whether releases change anything; without, only the wave remains.
    """

    calendar: Calendar
    customers: int
    seed: int
    planted: bool

    def rng(self, name: str) -> np.random.Generator:
        """A stream of chance of its own, so that one part can change without moving the others."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def level(self, level: Level, day: Ints) -> Floats:
        """The expectation on each day."""
        if isinstance(level, Shift):
            changed = self.planted & (day >= 7 * level.week)
            return np.where(changed, level.after, level.before)
        return np.full(len(day), level)

    def levels(self, levels: Levels, key: Words, day: Ints) -> Floats:
        """The expectation on each day, of the key in each row."""
        out = np.full(len(key), np.nan)
        for name, level in levels.items():
            rows = np.flatnonzero(key == name)
            out[rows] = self.level(level, day[rows])
        return out


def pick(rng: np.random.Generator, shares: Mapping[str, float], size: int) -> Words:
    """Draw labels with the given shares."""
    edges = np.cumsum(list(shares.values()))
    code = np.searchsorted(edges / edges[-1], rng.random(size), side="right")
    return np.array(list(shares), dtype=object)[code]


def present(words: Words) -> Flags:
    """Whether there is a word in each row."""
    return np.asarray(words != _NOTHING, dtype=np.bool_)


def only(known: Flags, words: NDArray[np.generic] | str) -> Words:
    """The word where known, else None."""
    return np.where(known, words, _NOTHING).astype(object)


def ids(prefix: str, numbers: Ints, width: int = 7) -> Words:
    """Ids such as `t0000042`."""
    return np.char.add(prefix, np.char.zfill(numbers.astype(str), width)).astype(object)


def moment(seconds: Ints | Floats, known: Flags | None = None) -> NDArray[np.datetime64]:
    """UTC seconds as timestamps; NaT where not known."""
    out = np.asarray(seconds, dtype=np.float64).copy()
    if known is not None:
        out[~known] = np.nan
    stamps = np.full(len(out), np.datetime64("NaT", "s"), dtype="datetime64[s]")
    there = np.isfinite(out)
    stamps[there] = out[there].astype(np.int64).astype("datetime64[s]")
    return stamps


def lognormal(uniform: Floats, median: Floats, spread: float) -> Floats:
    """Lognormal values by their own quantiles, so that a customer's luck carries over.

    Args:
        uniform: Quantiles, 0 to 1.
        median: Median of each row.
        spread: Standard deviation of the logarithm.
    """
    return median * np.exp(spread * normal_quantile(uniform))


def normal_quantile(uniform: Floats) -> Floats:
    """Quantile of the standard normal, read off a fine grid (error under 1e-6 in the middle).

    >>> np.round(normal_quantile(np.array([0.025, 0.5, 0.975])), 4) + 0.0
    array([-1.96,  0.  ,  1.96])
    """
    return np.interp(uniform, _GRID_SHARE, _GRID)


_NOTHING = np.array(None, dtype=object)


def _normal_share(z: Floats) -> Floats:
    return np.array([0.5 * (1 + erf(v / 2**0.5)) for v in z])


_GRID = np.linspace(-5.5, 5.5, 22_001)
_GRID_SHARE = _normal_share(_GRID)
