"""Campaigns and what they cost, messages, leads, deals and business accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import DAYS, WEEKS, Ints
from heedful.demo.log import Frame
from heedful.demo.people import DAY, People
from heedful.demo.prospects import Visits
from heedful.demo.world import Words, World, ids, moment, only, pick, present


class Campaign(NamedTuple):
    """One campaign; it runs from week `first` to before week `last`."""

    name: str
    channel: str
    creative: str
    promise: str
    landing_page: str
    first: int
    last: int


_CAMPAIGNS = (
    Campaign(
        "Always-on search", "paid_search", "find-your-plant",
        "The right plant for your light", "/pricing", 0, 52,
    ),
    Campaign(
        "Autumn indoors", "social", "rainy-window",
        "Green until spring", "/", 1, 8,
    ),
    Campaign(
        "Gift a living thing", "social", "ribbon",
        "A gift that grows", "/gifts", 9, 16,
    ),
    Campaign(
        "Gift a living thing, search", "paid_search", "ribbon-text",
        "A gift that grows", "/gifts", 9, 16,
    ),
    Campaign(
        "New year, new leaf", "email", "new-leaf",
        "A small habit that lasts", "/pricing", 17, 21,
    ),
    Campaign(
        "Repotting season", "social", "hands-in-soil",
        "We bring the soil", "/blog/repotting", 24, 30,
    ),
    Campaign(
        "Plants at work", "partner", "desk-fern",
        "A greener office in a week", "/pricing/office", 12, 40,
    ),
    Campaign(
        "Balcony summer", "social", "balcony",
        "Sun, sorted", "/", 36, 46,
    ),
    Campaign(
        "Back from holiday", "email", "survivors",
        "Which of them made it?", "/", 47, 52,
    ),
)  # fmt: skip
PER_DAY = 0.0125
_DAILY = {"paid_search": 140.0, "social": 90.0, "email": 6.0, "partner": 35.0}


@dataclass(frozen=True)
class Reach:
    """Campaign and channel that brought each person first, None where nothing did."""

    campaign: Words
    channel: Words


def reach(world: World, who: People, seen: Visits) -> Reach:
    """Credit some first visits to a campaign that ran in their week."""
    rng = world.rng("reach")
    n = len(who.device)
    day = np.full(n, -1)
    order = np.argsort(-seen.start, kind="stable")
    day[seen.person[order]] = seen.day[order]
    campaign, channel = np.full(n, None, dtype=object), np.full(n, None, dtype=object)
    visitor = (day >= 0) & (~present(who.customer_id) | who.new)
    channel[visitor] = who.channel[visitor]
    for i, run in enumerate(_CAMPAIGNS):
        fits = visitor & (who.channel == run.channel)
        fits &= (day >= 7 * run.first) & (day < 7 * run.last)
        campaign[fits & (rng.random(n) < 0.6)] = f"k{i + 1:02d}"
    return Reach(campaign, channel)


def campaigns(world: World) -> Frame:
    """The file of campaigns."""
    midnights = world.calendar.midnights
    words = ("name", "channel", "creative", "promise", "landing_page")
    first, last = np.array([c.first for c in _CAMPAIGNS]), np.array([c.last for c in _CAMPAIGNS])
    return {
        "campaign_id": _number(np.arange(len(_CAMPAIGNS))),
        **{word: np.array([getattr(c, word) for c in _CAMPAIGNS], dtype=object) for word in words},
        "started_at": moment(midnights[7 * first]),
        "ended_at": moment(midnights[7 * last], last < WEEKS),
    }


def _number(campaign: Ints) -> Words:
    return ids("k", campaign + 1, 2)


def spend(world: World) -> Frame:
    """The file of costs: a row a campaign and day, without a key, in cents."""
    rng = world.rng("spend")
    day, which = np.divmod(np.arange(DAYS * len(_CAMPAIGNS)), len(_CAMPAIGNS))
    first, last = np.array([c.first for c in _CAMPAIGNS]), np.array([c.last for c in _CAMPAIGNS])
    runs = (day >= 7 * first[which]) & (day < 7 * last[which])
    day, which = day[runs], which[runs]
    channel = np.array([c.channel for c in _CAMPAIGNS], dtype=object)[which]
    daily = np.array([_DAILY[c] for c in channel])
    cost = daily * world.calendar.weights[day] * rng.lognormal(-0.02, 0.2, len(day))
    clicks = rng.poisson(cost / 0.9)
    return {
        "day": np.datetime64(world.calendar.start, "D") + day,
        "channel": channel,
        "campaign_id": _number(which),
        "cost_cents": np.round(cost * 100).astype(np.int64),
        "impressions": clicks * rng.integers(30, 70, len(day)),
        "clicks": clicks,
    }


def deliveries(world: World, who: People) -> Frame:
    """The mail tool's file: letters to members, and what they did with them."""
    rng, end = world.rng("deliveries"), world.calendar.end
    members = np.flatnonzero(who.last_day > who.first_day)
    days = (who.last_day - who.first_day)[members]
    person = np.repeat(members, rng.poisson(days * PER_DAY))
    day = who.first_day[person] + (
        rng.random(len(person)) * (who.last_day - who.first_day)[person]
    ).astype(np.int64)
    at = world.calendar.moments(rng, day)
    order = np.lexsort((person, at))
    person, at, day = person[order], at[order], day[order]
    n = len(person)

    def later(
        share: float, hours: float
    ) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        when = at + 30 + rng.integers(0, int(hours * 3600), n)
        return when, (rng.random(n) < share) & (when < end)

    arrived = rng.random(n) < 0.985
    opened, has_opened = later(0.42, 2.0)
    clicked, has_clicked = later(0.16, 1.0)
    has_opened &= arrived
    has_clicked &= has_opened
    replied, has_replied = later(0.012, 1.5)
    chance = rng.random(n)
    running = np.select([(day >= 7 * 17) & (day < 7 * 21), day >= 7 * 47], ["k05", "k09"], "")
    return {
        "delivery_id": ids("m", np.arange(n) + 1, 6),
        "sent_at": moment(at),
        "customer_id": who.customer_id[person],
        "touchpoint": np.full(n, "newsletter", dtype=object),
        "device": who.device[person],
        "channel": np.full(n, "email", dtype=object),
        "campaign_id": only(running != "", running),
        "offer": pick(rng, {"care tips": 0.6, "pots": 0.25, "refer a friend": 0.15}, n),
        "delivered_at": moment(at + 20, arrived),
        "opened_at": moment(opened, has_opened),
        "clicked_at": moment(opened + (clicked - at) // 4, has_clicked),
        "replied_at": moment(replied, has_replied & arrived),
        "unsubscribed_at": moment(at + 25, arrived & (chance < p.UNSUBSCRIBED * 0.8)),
        "complained_at": moment(
            at + 25, arrived & (chance >= p.UNSUBSCRIBED * 0.8) & (chance < p.UNSUBSCRIBED)
        ),
    }


def accounts(world: World, who: People) -> Frame:
    """The file of organisations, with how many seats they have."""
    rng = world.rng("accounts")
    n = int(who.account.max()) + 1
    first = np.full(n, world.calendar.end)
    held = who.account >= 0
    np.minimum.at(first, who.account[held], who.signed_up[held])
    empty = first == world.calendar.end
    first[empty] = world.calendar.begin
    seats = np.exp(rng.normal(3.4, 1.3, n)).astype(np.int64) + 2
    name = np.char.add(
        rng.choice(["Atelier ", "Bureau ", "Studio ", "Huis "], n), (np.arange(n) + 1).astype(str)
    )
    return {
        "account_id": ids("g", np.arange(n) + 1, 5),
        "name": name.astype(object),
        "created_at": moment(first - rng.integers(1, 60, n) * DAY),
        "industry": pick(rng, {"design": 0.3, "software": 0.3, "law": 0.15, "care": 0.25}, n),
        "account_value": np.select(
            [seats >= 150, seats >= 25], ["enterprise", "middle"], "small"
        ).astype(object),
        "owner": pick(rng, {"Noor": 0.5, "Jules": 0.5}, n),
        "seats": seats,
    }


def leads(world: World, business: Frame) -> tuple[Frame, Frame]:
    """Two files of the sales tool: enquiries (some entered twice) and the deals they led to."""
    rng, end = world.rng("leads"), world.calendar.end
    n = max(60, world.customers * 6 // 100)
    at = np.sort(
        world.calendar.moments(
            rng, world.calendar.days(rng, np.zeros(n, np.int64), np.full(n, DAYS))
        )
    )
    origin = pick(rng, {"organic": 0.3, "paid_search": 0.25, "partner": 0.25, "referral": 0.2}, n)
    good = rng.random(n) < 0.45
    qualified = at + (rng.uniform(0.2, 8.0, n) * DAY).astype(np.int64)
    chance = np.where(origin == "referral", 0.5, 0.32)
    won = good & (rng.random(n) < chance)
    settled = qualified + (rng.gamma(2.0, 12.0, n) * DAY).astype(np.int64)
    good_known, settled_known = good & (qualified < end), settled < end
    value = np.exp(rng.normal(6.6, 0.8, n)).round(2)
    account = only(won & settled_known, rng.choice(business["account_id"], n))
    stage = np.select([won & settled_known, settled_known], ["won", "lost"], "open").astype(object)
    lead_id = ids("l", np.arange(n) + 1, 5)
    enquiries: Frame = {
        "lead_id": lead_id,
        "created_at": moment(at),
        "account_id": account,
        "origin": origin,
        "landing_page": np.full(n, "/pricing/office", dtype=object),
        "touchpoint": np.full(n, "pricing_page", dtype=object),
        "device": pick(rng, {"desktop": 0.8, "mobile": 0.2}, n),
        "channel": origin,
        "campaign_id": only(origin == "partner", "k07"),
        "qualified_at": moment(qualified, good_known),
        "won_at": moment(settled, won & settled_known),
        "lost_at": moment(settled, ~won & settled_known),
        "value": value,
        "state": stage.copy(),
    }
    twice = rng.choice(n, max(3, n // 60), replace=False)
    doubled = {name: column[twice] for name, column in enquiries.items()}
    doubled["lead_id"] = ids("l", n + np.arange(len(twice)) + 1, 5)
    doubled["state"] = np.full(len(twice), "duplicate", dtype=object)
    row = np.flatnonzero(good_known)
    deals: Frame = {
        "opportunity_id": ids("d", np.arange(len(row)) + 1, 5),
        "opened_at": moment(qualified[row]),
        "account_id": account[row],
        "lead_id": lead_id[row],
        "origin": origin[row],
        "pipeline_stage": stage[row],
        "amount": value[row],
        "won_at": moment(settled[row], (won & settled_known)[row]),
        "lost_at": moment(settled[row], (~won & settled_known)[row]),
    }
    joined = {k: np.concatenate([enquiries[k], doubled[k]]) for k in enquiries}
    return joined, deals
