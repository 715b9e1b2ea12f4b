"""Sittings of customers: looking after plants, shopping, asking for help, filling in the form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import DAYS, Ints
from heedful.demo.luck import Luck
from heedful.demo.people import People, billed_next_day
from heedful.demo.prospects import Visits
from heedful.demo.world import Words, World, lognormal, pick

PER_WEEK = 0.25
VALUE_LEAD = 180
"""Seconds from the first page of the sitting in which the first plant settles in to that moment."""
_SHOP_APART = 3


@dataclass(frozen=True)
class Candidates:
    """Sittings before those on an occupied day are dropped; a lower rank goes first."""

    person: Ints
    day: Ints
    start: Ints
    landing: Words
    rank: Ints


def first_values(world: World, who: People, luck: Luck) -> tuple[Ints, Ints]:
    """Who reaches first value within the data, and when (UTC seconds)."""
    person = np.flatnonzero(who.new)
    day = world.calendar.day_of(who.signed_up[person])
    reaches = world.levels(p.REACHES_VALUE, who.device[person], day)
    hours = lognormal(
        luck.draw("hours to value", person), np.full(len(person), p.VALUE_HOURS), p.VALUE_SPREAD
    )
    at = who.signed_up[person] + (np.maximum(hours, 2.0) * 3600).astype(np.int64)
    kept = (luck.draw("reaches value", person) < reaches) & (at < world.calendar.end)
    return person[kept], at[kept]


def visits(world: World, who: People, luck: Luck) -> Visits:
    """All sittings of members: at most one a day, so that 30 minutes always tell them apart."""
    rng = world.rng("members")
    browsing = _browsing(world, who, rng)
    forms = _forms(world, who, rng)
    settled, at = first_values(world, who, luck)
    start = at - VALUE_LEAD
    values = Candidates(
        settled,
        world.calendar.day_of(start),
        start,
        np.full(len(settled), "first_plant", dtype=object),
        np.zeros(len(settled), np.int64),
    )
    parts = (values, forms, browsing)
    person, day, start, landing, rank = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("person", "day", "start", "landing", "rank")
    )
    order = np.lexsort((start, rank, day, person))
    person, day, start, landing = person[order], day[order], start[order], landing[order]
    once = np.append(True, (person[1:] != person[:-1]) | (day[1:] != day[:-1]))
    # An order that came by itself would pass for the end of a checkout begun the day before.
    once &= ~((landing == "shop") & billed_next_day(world, who, person, day))
    once &= _apart(person, day, landing)
    person, day, start, landing = person[once], day[once], start[once], landing[once]
    bounced = luck.draw("member bounced", person) < world.levels(p.BOUNCED, landing, day)
    starts = luck.draw("starts shopping", person) < p.SHOPPER_STARTS_CHECKOUT
    checkout = (landing == "shop") & ~bounced & starts
    leaves = world.level(p.CHECKOUT_ABANDONED["shop"], day)
    abandoned = checkout & (luck.draw("shop abandoned", person) < leaves)
    return Visits(person, day, start, landing, bounced, checkout, abandoned)


def _browsing(world: World, who: People, rng: np.random.Generator) -> Candidates:
    members = np.flatnonzero(who.last_day > who.first_day)
    first, last = who.first_day[members], who.last_day[members]
    full = world.calendar.fullness(first, last)
    n = rng.poisson(who.rate[members] * full / 7 * PER_WEEK)
    person = np.repeat(members, n)
    day = world.calendar.days(rng, who.first_day[person], who.last_day[person])
    landing = pick(rng, p.MEMBER_LANDINGS, len(person))
    start = world.calendar.moments(rng, day)
    rank = np.where(landing == "onboarding_form", 1, 2)
    return Candidates(person, day, start, landing, rank)


def _forms(world: World, who: People, rng: np.random.Generator) -> Candidates:
    """Plant matches of new customers: nearly all do one in the first week, some another later.

    How many there are must not depend on how the earlier ones went, or the share abandoned would
    no longer be what the parameters say.
    """
    new = np.flatnonzero(who.new)
    early = new[rng.random(len(new)) < 0.92]
    later = new[rng.random(len(new)) < 0.35]
    person = np.concatenate([early, later])
    wait = np.concatenate([rng.integers(0, 7, len(early)), rng.integers(9, 70, len(later))])
    day = who.first_day[person] + wait
    kept = (day < who.last_day[person]) & (day < DAYS)
    person, day = person[kept], day[kept]
    return Candidates(
        person,
        day,
        world.calendar.moments(rng, day),
        np.full(len(person), "onboarding_form", dtype=object),
        np.ones(len(person), np.int64),
    )


def _apart(person: Ints, day: Ints, landing: Words) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Shopping days of one person must be far apart, or one order could finish two checkouts."""
    shop = np.flatnonzero(landing == "shop")
    near = (np.diff(person[shop]) == 0) & (np.diff(day[shop]) < _SHOP_APART)
    kept = np.ones(len(person), dtype=np.bool_)
    kept[shop[1:][near]] = False
    return kept
