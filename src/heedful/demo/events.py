"""What people did, page by page and step by step, from the sittings they had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import Ints
from heedful.demo.log import Frame, Log
from heedful.demo.luck import Luck
from heedful.demo.members import VALUE_LEAD
from heedful.demo.people import People
from heedful.demo.prospects import Visits
from heedful.demo.world import Flags, Words, World, ids, lognormal, only, pick, present

LANDING_PAGES = {
    "home": ("/",),
    "pricing_page": ("/pricing", "/pricing/office"),
    "blog": ("/blog/low-light-heroes", "/blog/repotting", "/blog/pets-and-plants"),
    "gift_page": ("/gifts",),
    "my_plants": ("/my-plants",),
    "shop": ("/shop",),
    "help_centre": ("/help",),
    "onboarding_form": ("/plant-match",),
    "first_plant": ("/my-plants/first",),
}
_NEXT = {
    "home": ("/plants", "/pricing", "/how-it-works"),
    "pricing_page": ("/plants", "/faq", "/pricing/compare"),
    "blog": ("/plants", "/blog/archive", "/"),
    "gift_page": ("/gifts/box", "/pricing", "/plants"),
    "my_plants": ("/my-plants/care", "/my-plants/calendar", "/my-plants/notes"),
    "shop": ("/shop/pots", "/shop/tools", "/shop/plants"),
    "help_centre": ("/help/watering", "/help/delivery", "/help/billing"),
    "onboarding_form": ("/plant-match/room",),
    "first_plant": ("/my-plants/care",),
}
_OF_PAGE = {
    "/": "home", "/plants": "plants", "/pricing": "pricing_page", "/pricing/compare":
    "pricing_page", "/gifts/box": "gift_page",
}  # fmt: skip
TOPICS = ("watering", "delivery", "billing", "pests", "light", "pause", "returns", "account")


@dataclass(frozen=True)
class Checkout:
    """Checkouts that were finished."""

    person: Ints
    at: Ints
    form: Words


@dataclass(frozen=True)
class Attempt:
    """Plant-match forms that were begun."""

    person: Ints
    at: Ints
    day: Ints
    submitted: Flags


@dataclass(frozen=True)
class Done:
    """What happened on the site and in the app."""

    log: Log
    checkouts: Checkout
    started: Checkout
    attempts: Attempt
    visits: Visits
    ends: Ints


def happen(world: World, who: People, seen: Visits, luck: Luck) -> Done:
    """Play every sitting."""
    rng, log = world.rng("events"), Log()
    ends = _pages(world, seen, rng, log)
    checkouts, started = _checkouts(who, seen, ends, rng, log)
    _help(seen, ends, rng, log)
    attempts = _forms(world, who, seen, ends, rng, luck, log)
    rows = np.flatnonzero(seen.landing == "first_plant")
    at = seen.start[rows] + VALUE_LEAD
    log.add(seen.person[rows], at, "Value Reached", page="/my-plants/first",
            touchpoint="first_plant", form="plant_setup")  # fmt: skip
    return Done(log, checkouts, started, attempts, seen, ends)


def _pages(world: World, seen: Visits, rng: np.random.Generator, log: Log) -> Ints:
    """Add page views and return the moment (UTC seconds) each sitting's last page is left."""
    n = len(seen.person)
    views = np.where(seen.bounced, 1, 2 + np.minimum(rng.poisson(0.7, n), 3))
    clear = world.planted & (seen.landing == "pricing_page") & (seen.day >= 7 * p.PRICING_FIX)
    reached = rng.beta(np.where(clear, 3.0, 2.2), np.where(clear, 1.7, 2.0))
    reached[seen.bounced] = rng.beta(1.2, 6.0, int(seen.bounced.sum()))
    at = seen.start.copy()
    for k in range(5):
        rows = np.flatnonzero(views > k)
        seconds = np.where(seen.bounced[rows], rng.integers(2, 9, len(rows)),
                           rng.integers(15, 116, len(rows)))  # fmt: skip
        page = _choose(LANDING_PAGES if k == 0 else _NEXT, seen.landing[rows], rng)
        depth = np.clip(reached[rows] + rng.normal(0, 0.06, len(rows)), 0.02, 1.0).round(2)
        log.add(
            seen.person[rows],
            at[rows],
            "Page Viewed",
            page=page,
            touchpoint=_place(page, seen.landing[rows], first=k == 0),
            depth=depth,
            seconds=seconds.astype(np.float64),
        )
        at[rows] += seconds
    return at


def _choose(pages: dict[str, tuple[str, ...]], landing: Words, rng: np.random.Generator) -> Words:
    page = np.empty(len(landing), dtype=object)
    for name, options in pages.items():
        rows = np.flatnonzero(landing == name)
        page[rows] = np.array(options, dtype=object)[rng.integers(0, len(options), len(rows))]
    return page


def _place(page: Words, landing: Words, *, first: bool) -> Words:
    """The touchpoint the site's tags name; the blog has none, its pages say where it was."""
    out = landing.copy() if first else only(~np.isin(landing, _VISITOR), landing)
    if not first:
        for name, touchpoint in _OF_PAGE.items():
            out[page == name] = touchpoint
    out[(out == "blog") | np.array([x.startswith("/blog") for x in page], dtype=np.bool_)] = None
    return out


_VISITOR = list(p.VISITOR_LANDINGS)


def _checkouts(
    who: People, seen: Visits, ends: Ints, rng: np.random.Generator, log: Log
) -> tuple[Checkout, Checkout]:
    rows = np.flatnonzero(seen.checkout)
    person = seen.person[rows]
    form = np.where(seen.landing[rows] == "shop", "shop", "subscribe").astype(object)
    joins = form == "subscribe"
    place = np.where(joins, "checkout", "shop_checkout").astype(object)
    page = np.where(joins, "/checkout", "/shop/checkout").astype(object)
    began = ends[rows] + 5
    log.add(person, began, "Checkout Started", page=page, touchpoint=place, form=form)
    done = ~seen.abandoned[rows]
    at = began + rng.integers(45, 300, len(rows))
    at = np.where(joins & done, who.signed_up[person], at)
    for event, shown in (("Order Completed", done), ("Signed Up", done & joins)):
        log.add(person[shown], at[shown] + 2 * (event == "Signed Up"), event,
                page=page[shown], touchpoint=place[shown], form=form[shown])  # fmt: skip
    return Checkout(person[done], at[done], form[done]), Checkout(person, began, form)


def _help(seen: Visits, ends: Ints, rng: np.random.Generator, log: Log) -> None:
    rows = np.flatnonzero((seen.landing == "help_centre") & ~seen.bounced)
    topic = pick(rng, dict.fromkeys(TOPICS, 1 / len(TOPICS)), len(rows))
    page = np.array([f"/help/{x}" for x in topic], dtype=object)
    asked = rng.random(len(rows)) < 0.5
    log.add(seen.person[rows][asked], ends[rows][asked] + 5, "Help Searched", page="/help/search",
            touchpoint="help_centre", topic=topic[asked])  # fmt: skip
    depth = rng.beta(3, 2, len(rows)).round(2)
    log.add(seen.person[rows], ends[rows] + 40, "Help Article Viewed", page=page,
            touchpoint="help_centre", topic=topic, depth=depth)  # fmt: skip


def _forms(
    world: World,
    who: People,
    seen: Visits,
    ends: Ints,
    rng: np.random.Generator,
    luck: Luck,
    log: Log,
) -> Attempt:
    rows = np.flatnonzero(seen.landing == "onboarding_form")
    person, day, began = seen.person[rows], seen.day[rows], ends[rows] + 5
    device = who.device[person]
    leaves = luck.draw("form abandoned", person) < world.levels(p.FORM_ABANDONED, device, day)
    median = world.levels(p.FORM_SECONDS, device, day)
    seconds = lognormal(luck.draw("form seconds", person), median, p.FORM_SPREAD)
    seconds = np.clip(seconds, 20.0, 1500.0)
    confusing = world.planted & (device == "mobile") & (day >= 7 * p.NEW_FORM)
    last = np.full(len(rows), p.FORM_STEPS)
    for rowset, shares in (
        (leaves & ~confusing, p.LAST_STEP),
        (leaves & confusing, p.LAST_STEP_NEW),
    ):
        last[rowset] = rng.choice(p.FORM_STEPS, int(rowset.sum()), p=shares)
    common: dict[str, str | float] = {
        "page": "/plant-match",
        "touchpoint": "onboarding_form",
        "form": "plant_match",
        "steps": float(p.FORM_STEPS),
    }
    log.add(person, began, "Form Started", **common, step=0.0, depth=0.0)
    for step, share in enumerate((0.12, 0.30, 0.62, 0.80, 0.95), start=1):
        there = last >= step
        at = began[there] + (seconds[there] * share).astype(np.int64)
        log.add(person[there], at, "Form Step Completed", **common, step=float(step),
                depth=step / p.FORM_STEPS)  # fmt: skip
    sent = ~leaves
    whole = np.round(seconds[sent])
    log.add(person[sent], began[sent] + whole.astype(np.int64), "Form Submitted", **common,
            step=float(p.FORM_STEPS), depth=1.0, seconds=whole)  # fmt: skip
    return Attempt(person, began, day, sent)


def bots(world: World, log: Log) -> int:
    """Add visits of machines that say so in their browser string; return how many machines."""
    rng = world.rng("bots")
    machines = max(3, world.customers // 250)
    n = machines * 40
    person = -1 - rng.integers(0, machines, n)
    day = world.calendar.days(rng, np.zeros(n, np.int64), np.full(n, 364))
    at = world.calendar.moments(rng, day)
    log.add(person, at, "Page Viewed", page="/pricing", touchpoint="pricing_page", depth=0.0,
            seconds=1.0)  # fmt: skip
    return machines


def export(who: People, done: Done, campaigns: tuple[Words, Words]) -> Frame:
    """The events file: names for people, and the campaign and channel that brought them.

    Args:
        who: Everyone.
        done: What happened.
        campaigns: Campaign and channel of each person's first visit, None where there is none.
    """
    frame = done.log.frame()
    person, at = frame.pop("person").astype(np.int64), frame["at"].astype(np.int64)
    machine = person < 0
    known = ~machine & (at >= np.where(machine, 0, who.signed_up[person]))
    known &= present(who.customer_id[person])
    robots = ids("bot-", -person, 4)
    agents = np.array(["Mozilla/5.0 (iPhone)", "Mozilla/5.0 (Macintosh)", "Mozilla/5.0 (iPad)"])
    kind = np.select([who.device[person] == "mobile", who.device[person] == "desktop"], [0, 1], 2)
    fresh = ~known & ~machine
    return {
        "event_id": ids("e", np.arange(len(at)) + 1, 8),
        "occurred_at": at.astype("datetime64[s]"),
        "customer_id": only(known, who.customer_id[person]),
        "anonymous_id": np.where(
            machine, robots, only(~known | who.new[person], who.cookie[person])
        ),
        **{name: column for name, column in frame.items() if name != "at"},
        "device": np.where(machine, "desktop", who.device[person]),
        "channel": only(fresh, campaigns[1][person]),
        "campaign_id": only(fresh, campaigns[0][person]),
        "country": np.where(machine, "US", who.country[person]),
        "user_agent": np.where(machine, "ExampleBot/2.1", agents.astype(object)[kind]),
        "is_bot": machine,
        "visitor": np.where(known, "member", "guest").astype(object),
    }
