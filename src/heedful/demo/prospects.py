"""People who look around before they are customers, and those of them who subscribe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import DAYS, Ints
from heedful.demo.luck import Luck
from heedful.demo.world import Flags, Words, World, pick

VISITORS_PER_CUSTOMER = 4.7


@dataclass(frozen=True)
class Visits:
    """One row a sitting, in no particular order.

    Attributes:
        person: Who.
        day: Local day.
        start: UTC seconds of the first page.
        landing: Touchpoint of the first page.
        bounced: Nothing but that page.
        checkout: A checkout begins in it.
        abandoned: That checkout is not finished.
    """

    person: Ints
    day: Ints
    start: Ints
    landing: Words
    bounced: Flags
    checkout: Flags
    abandoned: Flags


def visitors(world: World) -> int:
    """How many people come for the first time in the year."""
    return round(world.customers * VISITORS_PER_CUSTOMER)


def visits(world: World, luck: Luck) -> Visits:
    """Sittings of visitors; the last one may hold a checkout, and who finishes it subscribes.

    Bounces are drawn first and for every sitting alike, checkouts only where something followed:
    that keeps the expectation of each exact although one leads to the other.
    """
    rng = world.rng("prospects")
    n = visitors(world)
    first = world.calendar.days(rng, np.zeros(n, np.int64), np.full(n, DAYS))
    again = rng.geometric(0.74, n) - 1
    person = np.repeat(np.arange(n), 1 + again)
    order = np.arange(len(person)) - np.repeat(np.cumsum(1 + again) - (1 + again), 1 + again)
    gap = np.where(order == 0, 0, rng.integers(1, 9, len(person)))
    total = np.cumsum(gap)
    day = first[person] + total - total[np.flatnonzero(order == 0)][person]
    kept = day < DAYS
    person, day = person[kept], day[kept]
    last = np.append(person[1:] != person[:-1], True)
    landing = pick(rng, p.VISITOR_LANDINGS, len(person))
    bounced = luck.draw("visitor bounced", person) < world.levels(p.BOUNCED, landing, day)
    checkout = last & ~bounced & (rng.random(len(person)) < p.VISITOR_STARTS_CHECKOUT)
    leaves = world.level(p.CHECKOUT_ABANDONED["subscribe"], day)
    abandoned = checkout & (rng.random(len(person)) < leaves)
    start = world.calendar.moments(rng, day)
    return Visits(person, day, start, landing, bounced, checkout, abandoned)
