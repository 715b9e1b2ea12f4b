"""Everyone the company knows of: visitors, customers, their accounts and contracts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import DAYS, Floats, Ints
from heedful.demo.prospects import Visits, visitors
from heedful.demo.world import Flags, Words, World, ids, pick, present

DAY = 86_400
STAFF, TESTERS = 40, 20
BILLING = 3 * 3600
"""Second of the UTC day from which on boxes are billed, for an hour."""
CHECKOUT_SECONDS = 900
"""A new customer's first sitting is over this long after it began, at the latest."""


@dataclass(frozen=True)
class People:
    """One row a person. Columns about contracts are meaningless for those who never subscribed.

    Attributes:
        cookie: The browser's id, always known.
        customer_id: None for those who never subscribed.
        old_id: Id in the shop system of before, for customers older than the year.
        signed_up: UTC seconds; of the sitting's start for those who subscribe in the year.
        ended: UTC seconds of the contract's end, often after the data end.
        first_day, last_day: Days (from, to before) on which they are members within the year.
        rate: How busy they are, 1 on average.
        new: Subscribed within the year.
    """

    cookie: Words
    customer_id: Words
    old_id: Words
    device: Words
    country: Words
    channel: Words
    plan: Words
    account: Ints
    signed_up: Ints
    ended: Ints
    first_day: Ints
    last_day: Ints
    rate: Floats
    new: Flags
    staff: Flags
    tester: Flags

    def charmed(self, person: Ints) -> Flags:
        """Whether each row is about someone of the house."""
        return np.asarray(self.staff[person] | self.tester[person], dtype=np.bool_)

    @property
    def customers(self) -> Ints:
        """The people who ever subscribed."""
        return np.flatnonzero(present(self.customer_id))


def headcount(world: World) -> int:
    """An upper limit of how many people there are, before anyone is drawn."""
    return visitors(world) + world.customers + STAFF + TESTERS


def first_of_house(world: World) -> int:
    """Index from which people are staff and testers."""
    return visitors(world) + world.customers


def lifetimes(rng: np.random.Generator, plan: Words) -> Floats:
    """Days a contract lasts; never within a day of a multiple of 30, so limits are unambiguous."""
    early = np.array([p.EARLY_CHURN[x] for x in p.PLANS])
    later = np.array([p.LATER_CHURN[x] for x in p.PLANS])
    code = np.searchsorted(list(p.PLANS), plan.astype(str), sorter=np.argsort(list(p.PLANS)))
    code = np.argsort(list(p.PLANS))[code]
    leaves = rng.random(len(plan)) < early[code]
    cycles = rng.geometric(later[code])
    day = rng.uniform(1.0, 29.0, len(plan))
    return np.where(leaves, 15.0 + day * 13.0 / 29.0, 30.0 * cycles + day)


def people(world: World, seen: Visits) -> People:
    """Turn finished checkouts into customers and add those who came before the year."""
    rng, cal = world.rng("people"), world.calendar
    n, house = headcount(world), first_of_house(world)
    won = seen.checkout & ~seen.abandoned
    if won.sum() > world.customers:
        raise ValueError(
            f"customers: found {world.customers}, too few for a year; allowed: 200 or more"
        )
    signed_up = np.zeros(n, np.int64)
    signed_up[seen.person[won]] = seen.start[won] + CHECKOUT_SECONDS
    new = signed_up > 0
    older = visitors(world) + np.arange(world.customers - int(won.sum()))
    older = np.append(older, np.arange(house, n))
    ago = 1.0 + 360.0 * rng.beta(1.0, 1.3, len(older))
    morning = int(cal.midnights[0]) - (ago.astype(np.int64)) * DAY
    signed_up[older] = morning + 8 * 3600 + rng.integers(0, 12 * 3600, len(older))
    is_customer = signed_up > 0
    plan = pick(rng, p.PLANS, n)
    ended = signed_up + (lifetimes(rng, plan) * DAY).astype(np.int64)
    staff = np.arange(n) >= house
    tester = np.arange(n) >= house + STAFF
    ended[staff] = cal.end + 400 * DAY
    first_day = np.where(new, cal.day_of(signed_up) + 1, 0)
    last_day = np.where(ended >= cal.end, DAYS, cal.day_of(ended))
    last_day = np.where(is_customer & (ended > cal.begin), last_day, 0)
    rate = rng.gamma(2.5, 1 / 2.5, n)
    rate[staff] = 10.0
    business = np.flatnonzero(is_customer & (plan == "office") & ~staff)
    account = np.full(n, -1)
    account[business] = rng.integers(0, max(1, len(business) // 6), len(business))
    number = np.full(n, -1)
    known = np.flatnonzero(is_customer)
    number[known[np.lexsort((known, signed_up[known]))]] = np.arange(len(known)) + 1
    customer_id, old_id = np.full(n, None, dtype=object), np.full(n, None, dtype=object)
    customer_id[known] = ids("c", number[known], 6)
    old_id[older] = ids("FF-", number[older] + 30_000, 5)
    shares = {"organic": 0.34, "paid_search": 0.22, "social": 0.19, "partner": 0.1, "direct": 0.15}
    return People(
        cookie=ids("a", rng.permutation(n) + 100_000, 8),
        customer_id=customer_id,
        old_id=old_id,
        device=pick(rng, p.DEVICES, n),
        country=pick(rng, p.COUNTRIES, n),
        channel=pick(rng, shares, n),
        plan=plan,
        account=account,
        signed_up=signed_up,
        ended=ended,
        first_day=first_day,
        last_day=last_day,
        rate=rate,
        new=new,
        staff=staff & ~tester,
        tester=tester,
    )


def billed_every(who: People, person: Ints) -> Ints:
    """Days from one box to the next."""
    days = np.array(list(p.BILLED_EVERY.values()))
    code = np.zeros(len(person), np.int64)
    for i, plan in enumerate(p.BILLED_EVERY):
        code[who.plan[person] == plan] = i
    return np.asarray(days[code], dtype=np.int64)


def billed_next_day(world: World, who: People, person: Ints, day: Ints) -> Flags:
    """Whether a box is billed in the night that follows a local day of a member."""
    date = world.calendar.begin // DAY + 1 + day
    since = date - who.signed_up[person] // DAY
    return np.asarray((since + 1) % billed_every(who, person) == 0, dtype=np.bool_)
