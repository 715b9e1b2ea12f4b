"""Requests for help: who asks, who answers, how long it takes, and whether it held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import DAYS, Floats, Ints
from heedful.demo.events import TOPICS
from heedful.demo.log import Frame
from heedful.demo.luck import Luck
from heedful.demo.people import People
from heedful.demo.prospects import Visits
from heedful.demo.world import Flags, Words, World, ids, lognormal, moment, only, pick

PER_WEEK = 0.05
HOUR = 3600
_FOLLOWED_SECONDS = 26 * HOUR


@dataclass(frozen=True)
class Tickets:
    """One row a request, by time; times are UTC seconds and may lie after the data's end.

    Attributes:
        person: Who asked.
        opened: When.
        day: Local day of it.
        topic: What it is about.
        handled_by: `ai` or `human`.
        responded: First response.
        first_resolved: First resolution.
        resolved: Full resolution: the second one where it was reopened.
        reopened: It did not hold.
        escalated: Handed on.
        complaint: Marked as one.
    """

    person: Ints
    opened: Ints
    day: Ints
    topic: Words
    handled_by: Words
    responded: Ints
    first_resolved: Ints
    resolved: Ints
    reopened: Flags
    escalated: Flags
    complaint: Flags

    @property
    def ticket_id(self) -> Words:
        """Ids by time."""
        return ids("t", np.arange(len(self.person)) + 1, 6)

    @property
    def by_ai(self) -> Ints:
        """Rows of tickets that the chatbot took."""
        return np.flatnonzero(self.handled_by == "ai")


def from_help(world: World, seen: Visits) -> tuple[Ints, Ints]:
    """Help visits (rows of `seen`) that do not suffice, and when their tickets are opened."""
    rng = world.rng("help")
    rows = np.flatnonzero((seen.landing == "help_centre") & ~seen.bounced)
    rows = rows[rng.random(len(rows)) < p.HELP_BECOMES_TICKET]
    return rows, seen.start[rows] + 900 + rng.integers(60, 1500, len(rows))


def tickets(world: World, who: People, helped: tuple[Ints, Ints], luck: Luck) -> Tickets:
    """Everything that members ask for.

    Args:
        world: The run.
        who: Everyone.
        helped: People whose help visit did not suffice, and when they open a ticket.
        luck: Chance that lasts.
    """
    rng = world.rng("tickets")
    person, opened = _first_requests(world, who, rng)
    person = np.concatenate([person, helped[0]])
    opened = np.concatenate([opened, helped[1]])
    order = np.lexsort((opened, person))
    person, opened = person[order], opened[order]
    nth = np.arange(len(person)) - np.searchsorted(person, person)
    topic = (person * 5 + nth) % len(TOPICS)
    person, opened, topic, handled = _with_repeats(world, person, opened, topic, rng)
    order = np.lexsort((person, opened))
    person, opened, topic, handled = person[order], opened[order], topic[order], handled[order]
    day = world.calendar.day_of(opened)
    reopened = luck.draw("reopened", person) < world.levels(p.REOPENED, handled, day)
    # One number for both: who waits long for an answer waits long for the end, never the reverse.
    chance = luck.draw("resolution", person)
    response = lognormal(chance, _of(p.FIRST_RESPONSE_HOURS, handled), p.RESPONSE_SPREAD)
    once = lognormal(chance, world.levels(p.RESOLUTION_HOURS, handled, day), p.RESOLUTION_SPREAD)
    twice = lognormal(chance, world.levels(p.REOPENED_HOURS, handled, day), p.REOPENED_SPREAD)
    whole = _seconds(np.where(reopened, twice, once))
    first = np.where(reopened, (whole * rng.uniform(0.15, 0.5, len(whole))).astype(np.int64), whole)
    first = np.maximum(first, 60)
    return Tickets(
        person=person,
        opened=opened,
        day=day,
        topic=np.array(TOPICS, dtype=object)[topic],
        handled_by=handled,
        responded=opened + _seconds(response),
        first_resolved=opened + first,
        resolved=opened + np.maximum(whole, 120 * reopened + 60),
        reopened=reopened,
        escalated=luck.draw("escalated", person) < _of(p.ESCALATED, handled),
        complaint=luck.draw("complaint", person) < p.COMPLAINT,
    )


def _first_requests(world: World, who: People, rng: np.random.Generator) -> tuple[Ints, Ints]:
    members = np.flatnonzero(who.last_day > who.first_day)
    full = world.calendar.fullness(who.first_day[members], who.last_day[members])
    person = np.repeat(members, rng.poisson(who.rate[members] * full / 7 * PER_WEEK))
    day = world.calendar.days(rng, who.first_day[person], who.last_day[person])
    keys = np.unique(person * 1000 + day)
    person, day = keys // 1000, keys % 1000
    return person, world.calendar.moments(rng, day)


def _with_repeats(
    world: World, person: Ints, opened: Ints, topic: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Words]:
    """Let some tickets be followed by another on the topic, and that one perhaps by a third.

    Every ticket, first or not, is followed with the same chance; topics of one person's unrelated
    tickets take turns, so nothing else counts as a repeat.
    """
    parts = []
    while len(person):
        handled = pick(rng, {"ai": p.BY_AI, "human": 1 - p.BY_AI}, len(person))
        parts.append((person, opened, topic, handled))
        day = world.calendar.day_of(opened)
        again = rng.random(len(person)) < world.levels(p.REPEATED, handled, day)
        day += rng.integers(2, 7, len(day))
        again &= day < DAYS
        person, topic = person[again], topic[again]
        opened = world.calendar.moments(rng, day[again])
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        np.concatenate([part[3] for part in parts]),
    )


def _of(values: dict[str, float], key: Words) -> Floats:
    return np.where(key == "ai", values["ai"], values["human"])


def _seconds(hours: Floats) -> Ints:
    return np.asarray(np.round(hours * HOUR), dtype=np.int64)


def undisturbed(seen: Visits, asked: Tickets, helped: Ints) -> Flags:
    """Sittings to keep: all but help visits after which an unrelated ticket came within 26 hours.

    Such a ticket would count against the help visit although chance alone put it there, and the
    share of visits that sufficed would no longer be the stated one.

    Args:
        seen: Sittings.
        asked: All tickets.
        helped: Rows of `seen` whose visit ended in a ticket.
    """
    key = np.sort(asked.person * 10**11 + asked.opened)
    rows = np.flatnonzero(seen.landing == "help_centre")
    own = np.zeros(len(seen.person), np.int64)
    own[helped] = 1
    low = seen.person[rows] * 10**11 + seen.start[rows]
    found = np.searchsorted(key, low + _FOLLOWED_SECONDS) - np.searchsorted(key, low)
    kept = np.ones(len(seen.person), dtype=np.bool_)
    kept[rows] = found <= own[rows]
    return kept


def export(world: World, who: People, asked: Tickets) -> Frame:
    """The help desk's file as it stands when the data end, with spam and merged duplicates."""
    rng, end = world.rng("ticket export"), world.calendar.end
    n = len(asked.person)
    first_known, known = asked.first_resolved < end, asked.resolved < end
    reopened = asked.reopened & first_known
    chat = asked.handled_by == "ai"
    by_phone = ~chat & (rng.random(n) < 0.25)
    last = np.select([known, first_known], [asked.resolved, asked.first_resolved], asked.opened)
    replies = 1 + rng.poisson(0.8, n) + reopened
    frame: Frame = {
        "ticket_id": asked.ticket_id,
        "opened_at": moment(asked.opened),
        "customer_id": who.customer_id[asked.person],
        "first_response_at": moment(asked.responded, asked.responded < end),
        "first_resolved_at": moment(asked.first_resolved, first_known),
        "resolved_at": moment(asked.resolved, known & (first_known | ~asked.reopened)),
        "reopens": np.where(first_known, reopened.astype(np.int64), 0),
        "touchpoint": np.select([chat, by_phone], ["chatbot", "phone"], "email_support").astype(
            object
        ),
        "device": who.device[asked.person],
        "channel": np.select([chat, by_phone], ["chat", "phone"], "email").astype(object),
        "topic": asked.topic,
        "priority": pick(rng, {"low": 0.3, "normal": 0.6, "high": 0.1}, n),
        "status": np.select(
            [known, first_known & asked.reopened], ["solved", "reopened"], "open"
        ).astype(object),
        "handled_by": asked.handled_by,
        "escalated": asked.escalated,
        "transfers": rng.poisson(np.where(chat, 0.1, 0.25)),
        "replies": replies,
        "agent_minutes": np.where(chat & ~asked.escalated, 0.0, rng.gamma(2.0, 6.0, n).round(1)),
        "sla_due_at": moment(asked.opened + 8 * HOUR),
        "category": np.where(
            asked.complaint, "complaint", pick(rng, {"question": 0.7, "request": 0.3}, n)
        ),
        "is_spam": np.zeros(n, dtype=np.bool_),
        "merged_into": np.full(n, None, dtype=object),
        "updated_at": moment(last),
    }
    return _with_clutter(frame, rng)


def _with_clutter(frame: Frame, rng: np.random.Generator) -> Frame:
    """Add spam, and duplicates that were merged into their originals; rules leave both out."""
    n = len(frame["ticket_id"])
    spam, double = rng.choice(n, n // 90, replace=False), rng.choice(n, n // 150, replace=False)
    row = np.concatenate([np.arange(n), spam, double])
    whole = {name: column[row] for name, column in frame.items()}
    kind = np.repeat([0, 1, 2], [n, len(spam), len(double)])
    whole["ticket_id"] = ids("t", np.arange(len(row)) + 1, 6)
    whole["customer_id"] = only(kind != 1, whole["customer_id"])
    whole["is_spam"] = kind == 1
    whole["merged_into"] = only(kind == 2, frame["ticket_id"][row])
    whole["opened_at"] = whole["opened_at"] + np.where(kind == 2, 5, 0).astype("timedelta64[s]")
    whole["category"] = np.where(kind == 1, "spam", whole["category"])
    return whole
