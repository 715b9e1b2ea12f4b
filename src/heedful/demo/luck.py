"""Customers repeat themselves, and yet every expectation stays exact.

Each customer has, for each trait, one lasting number between 0 and 1. A row takes it with
probability `LASTING` and a fresh one otherwise. Both are uniform, so whatever is read off the
row's number (a flag by `number < p`, a score or a duration by quantile) has exactly the stated
distribution, in every period, while two rows of a customer correlate by `LASTING ** 2`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from heedful.demo.calendar import Floats, Ints
from heedful.demo.world import Flags, World

LASTING = 0.45
_PERFECT = 0.9995


class Luck:
    """Numbers between 0 and 1 that a customer's rows share now and then.

    Args:
        world: The run.
        people: How many people there are.
        charmed: People whose number is always nearly 1: staff and testers, to whom nothing bad
            happens, so that forgetting to leave them out shows.
    """

    def __init__(self, world: World, people: int, charmed: Callable[[Ints], Flags]) -> None:
        self._world, self._people, self._charmed = world, people, charmed

    def draw(self, trait: str, person: Ints, *, lasting: float = LASTING) -> Floats:
        """One number a row.

        Args:
            trait: What it decides; each trait must be drawn only once.
            person: Who each row is about.
            lasting: Chance that a row takes the person's own number.
        """
        rng = self._world.rng(f"luck:{trait}")
        own = rng.random(self._people)
        fresh = rng.random(len(person))
        out = np.where(rng.random(len(person)) < lasting, own[person], fresh)
        out[self._charmed(person)] = _PERFECT
        return out
