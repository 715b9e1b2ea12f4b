"""Customers of many samples drawn at once, and tallies of what intervals miss."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heedful.stats import BUCKETS, Estimate, Estimates

BATCH = 4_000_000
POOR = 93.0
SIZES = (30, 100, 300, 1000, 5000)

Floats = NDArray[np.float64]
Table = list[list[str]]


class Crowd(NamedTuple):
    """Customers of many drawn samples; `who` names a row's customer."""

    samples: int
    group: NDArray[np.intp]
    who: NDArray[np.intp]

    def add(self, rows: Floats) -> Floats:
        """Bucket sums (samples, 64) of a number a row."""
        sums = np.bincount(self.group[self.who], rows, minlength=self.samples * BUCKETS)
        return sums.reshape(self.samples, BUCKETS).astype(np.float64)

    def rows(self) -> Floats:
        return self.add(np.ones(len(self.who)))

    def customers(self) -> Floats:
        sums = np.bincount(self.group, minlength=self.samples * BUCKETS)
        return sums.reshape(self.samples, BUCKETS).astype(np.float64)

    def mixed(self, rng: np.random.Generator, alike: float) -> Floats:
        """Standard normal numbers, one a row, correlated by `alike` within a customer."""
        own = rng.standard_normal(len(self.group))[self.who]
        fresh = rng.standard_normal(len(self.who))
        return np.asarray(alike**0.5 * own + (1 - alike) ** 0.5 * fresh)


def crowd(
    rng: np.random.Generator, samples: int, each: int | NDArray[np.intp], rows: float
) -> Crowd:
    """`each` customers a sample; `rows` rows a customer, geometric with that mean, or exactly 1."""
    sizes = np.broadcast_to(np.asarray(each, dtype=np.intp), (samples,))
    sample = np.repeat(np.arange(samples), sizes)
    group = sample * BUCKETS + rng.integers(0, BUCKETS, len(sample))
    repeats = (
        np.ones(len(group), dtype=np.intp) if rows == 1 else rng.geometric(1 / rows, len(group))
    )
    return Crowd(samples, group, np.repeat(np.arange(len(group)), repeats))


@dataclass
class Tally:
    """Misses of an interval on both sides; an open end cannot miss."""

    runs: int = 0
    below: int = 0
    above: int = 0
    open: int = 0
    withheld: int = 0
    skewed: int = 0

    def count(self, found: Estimates | Estimate, truth: float) -> None:
        """Add one estimate, or a column of them."""
        columns = Estimates.of([found]) if isinstance(found, Estimate) else found
        self.ends(columns.low, columns.high, truth)
        self.skewed += int(columns.skewed.sum())

    def ends(self, low: Floats, high: Floats, truth: float) -> None:
        """Add ends of intervals; NaN is a missing one."""
        slack = 1e-12 * max(1.0, abs(truth))
        gone = np.isnan(low) & np.isnan(high)
        self.runs += len(low)
        self.withheld += int(gone.sum())
        self.open += int((np.isnan(low) ^ np.isnan(high)).sum())
        self.below += int((truth < low - slack).sum())
        self.above += int((truth > high + slack).sum())

    def __str__(self) -> str:
        shown = self.runs - self.withheld
        if not shown:
            return "withheld"
        below, above = 100 * self.below / shown, 100 * self.above / shown
        covered = f"{100 - below - above:.1f}"
        text = f"**{covered}**" if 100 - below - above < POOR else covered
        text += f" ({below:.1f} / {above:.1f})"
        if self.withheld:
            text += f", {100 * self.withheld / self.runs:.0f}% withheld"
        if self.open:
            text += f", {100 * self.open / self.runs:.0f}% open"
        return text


def batches(runs: int, rows: float) -> Iterator[int]:
    """Numbers of samples that fit into memory at `rows` rows each, adding up to `runs`."""
    most = max(1, int(BATCH / rows))
    while runs > 0:
        yield min(most, runs)
        runs -= most


def repeats(rows: float, alike: float) -> str:
    return "1" if rows == 1 else f"{rows:g}, alike {alike:g}"


def lognormal(normal: Floats, cv: float) -> Floats:
    """Lognormal numbers with mean 1."""
    variance = log(1 + cv * cv)
    return np.asarray(np.exp(normal * variance**0.5 - variance / 2))


def one_by_one(
    rng: np.random.Generator, runs: int, each: int, rows: float
) -> Iterator[tuple[Crowd, NDArray[np.intp]]]:
    """Single samples with their rows' buckets."""
    for _ in range(runs):
        people = crowd(rng, 1, each, rows)
        yield people, people.group[people.who]
