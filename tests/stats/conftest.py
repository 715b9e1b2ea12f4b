"""Drawn customers in buckets, for tests of estimators."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from heedful.stats import BUCKETS

Floats = NDArray[np.float64]


class Customers(NamedTuple):
    """Customers of many cells; rows point at their customer."""

    cells: int
    group: NDArray[np.intp]  # cell * 64 + bucket, one a customer
    who: NDArray[np.intp]  # customer, one a row

    def add(self, rows: Floats) -> Floats:
        """Bucket sums (cells, 64) of a number a row."""
        return self._sums(self.group[self.who], rows)

    def number(self) -> Floats:
        """Customers, (cells, 64)."""
        return self._sums(self.group, np.ones(len(self.group)))

    def _sums(self, group: NDArray[np.intp], weights: Floats) -> Floats:
        sums = np.bincount(group, weights, minlength=self.cells * BUCKETS)
        return sums.reshape(self.cells, BUCKETS)


def customers(rng: np.random.Generator, cells: int, each: int, rows: float = 1) -> Customers:
    """`each` customers a cell, with `rows` rows on average (geometric), or exactly 1."""
    many = cells * each
    group = np.repeat(np.arange(cells), each) * BUCKETS + rng.integers(0, BUCKETS, many)
    repeats = np.ones(many, dtype=np.intp) if rows == 1 else rng.geometric(1 / rows, many)
    return Customers(cells, group, np.repeat(np.arange(many), repeats))


@pytest.fixture
def draw() -> Callable[..., Customers]:
    """`draw(rng, cells, customers a cell, rows a customer)`."""
    return customers
