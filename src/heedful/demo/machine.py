"""Twig, the chatbot, and the plant recommendations: talks and what the machine put out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.answers import Survey
from heedful.demo.calendar import Ints
from heedful.demo.events import TOPICS
from heedful.demo.log import Frame
from heedful.demo.luck import Luck
from heedful.demo.people import People
from heedful.demo.prospects import Visits
from heedful.demo.support import Tickets
from heedful.demo.world import Words, World, ids, moment, only, pick

DAY = 86_400
#: Which question follows what share of the recommendations; never two of them.
_ASKED = {"csat": 0.3, "understood": 0.1, "trust": 0.08, "relevance": 0.08}
_REASONS = (
    "You told us the room faces north, and this one is happy there.",
    "You kept two ferns alive all winter; this is a step up.",
    "It is safe for the cat you mentioned.",
    "You travel often, and it forgives a missed watering.",
    "Customers with the same light kept it for over a year.",
)


@dataclass(frozen=True)
class Talks:
    """Conversations by time; `ticket` is a row of the tickets, -1 where none came of it."""

    person: Ints
    at: Ints
    day: Ints
    ticket: Ints
    topic: Words

    @property
    def conversation_id(self) -> Words:
        """Ids by time."""
        return ids("v", np.arange(len(self.person)) + 1, 6)


def talks(world: World, who: People, asked: Tickets) -> Talks:
    """One talk a ticket that the chatbot took, and quick questions that became none."""
    rng = world.rng("talks")
    chat = asked.by_ai
    members = np.flatnonzero(who.last_day > who.first_day)
    quick = rng.choice(members, len(chat) // 5)
    day = world.calendar.days(rng, who.first_day[quick], who.last_day[quick])
    person = np.concatenate([asked.person[chat], quick])
    at = np.concatenate([asked.opened[chat], world.calendar.moments(rng, day)])
    ticket = np.concatenate([chat, np.full(len(quick), -1)])
    other = pick(rng, dict.fromkeys(TOPICS, 1 / len(TOPICS)), len(quick))
    topic = np.concatenate([asked.topic[chat], other])
    order = np.lexsort((person, at))
    person, at, ticket, topic = person[order], at[order], ticket[order], topic[order]
    return Talks(person, at, world.calendar.day_of(at), ticket, topic)


def conversations(world: World, who: People, asked: Tickets, held: Talks, luck: Luck) -> Frame:
    """The chatbot's file."""
    rng, n = world.rng("conversations"), len(held.person)
    lost = luck.draw("misunderstood", held.person) < world.level(p.MISUNDERSTOOD, held.day)
    either = rng.random(n)
    rephrases = np.where(lost & (either < 0.75), 1 + rng.poisson(0.4, n), 0)
    fallbacks = np.where(lost & (either >= 0.5), 1 + rng.poisson(0.2, n), 0)
    ticketed = held.ticket >= 0
    handed = luck.draw("handed over", held.person) < p.ESCALATED["ai"]
    handed = np.where(ticketed, asked.escalated[held.ticket], handed)
    turns = 2 + rng.poisson(2.0, n) + rephrases
    length = 45 * turns + rng.integers(10, 90, n)
    over = held.at + (length * rng.uniform(0.3, 0.9, n)).astype(np.int64)
    return {
        "conversation_id": held.conversation_id,
        "started_at": moment(held.at),
        "customer_id": who.customer_id[held.person],
        "touchpoint": np.full(n, "chatbot", dtype=object),
        "device": who.device[held.person],
        "channel": np.full(n, "chat", dtype=object),
        "ended_at": moment(held.at + length),
        "turns": turns,
        "rephrases": rephrases,
        "fallbacks": fallbacks,
        "handed_over_at": moment(over, handed),
        "resolved": ~handed & ~(ticketed & asked.reopened[held.ticket]),
        "topic": held.topic,
        "ticket_id": only(ticketed, asked.ticket_id[held.ticket]),
    }


def calls(world: World, who: People, asked: Tickets) -> Frame:
    """Talks with people: a sample of tickets that were settled by telephone."""
    rng = world.rng("calls")
    row = np.flatnonzero(asked.handled_by == "human")
    row = row[rng.random(len(row)) < 0.15]
    row = row[asked.responded[row] < world.calendar.end - DAY]
    turns = 6 + rng.poisson(6, len(row))
    start = asked.responded[row]
    return {
        "conversation_id": ids("p", np.arange(len(row)) + 1, 6),
        "started_at": moment(start),
        "customer_id": who.customer_id[asked.person[row]],
        "touchpoint": np.full(len(row), "phone", dtype=object),
        "device": who.device[asked.person[row]],
        "channel": np.full(len(row), "phone", dtype=object),
        "ended_at": moment(start + 25 * turns),
        "turns": turns,
        "rephrases": np.zeros(len(row), np.int64),
        "fallbacks": np.zeros(len(row), np.int64),
        "handed_over_at": moment(np.full(len(row), np.nan)),
        "resolved": ~asked.reopened[row],
        "topic": asked.topic[row],
        "ticket_id": asked.ticket_id[row],
    }


def outputs(
    world: World, who: People, held: Talks, seen: Visits, luck: Luck, survey: Survey
) -> Frame:
    """What the machines told customers; some are asked at once what they think of it."""
    rng = world.rng("outputs")
    shelf = np.flatnonzero((seen.landing == "my_plants") & ~seen.bounced)
    shelf = shelf[rng.random(len(shelf)) < 0.6]
    talked = len(held.person)
    person = np.concatenate([held.person, seen.person[shelf]])
    at = np.concatenate([held.at + 12, seen.start[shelf] + 14])
    talk = np.concatenate([held.conversation_id, np.full(len(shelf), None, dtype=object)])
    reply = np.arange(len(person)) < talked
    order = np.lexsort((person, at))
    person, at, talk, reply = person[order], at[order], talk[order], reply[order]
    n, day = len(person), world.calendar.day_of(at)
    output_id = ids("o", np.arange(n) + 1, 6)
    has = {name: luck.draw(name, person) < share for name, share in p.OUTPUT_SHARES.items()}
    shown = has["explanation_shown"]
    accepted = luck.draw("accepted", person) < p.EXPLANATION_ACCEPTED
    reviewed = at + rng.integers(DAY // 4, 3 * DAY, n)
    looked = has["reviewed"] & (reviewed < world.calendar.end)
    newer = world.planted & (day >= 7 * p.NEW_BOT)
    frame: Frame = {
        "output_id": output_id,
        "produced_at": moment(at),
        "customer_id": who.customer_id[person],
        "touchpoint": np.where(reply, "chatbot", "recommendations").astype(object),
        "device": who.device[person],
        "channel": np.where(reply, "chat", "in_app").astype(object),
        "conversation_id": talk,
        "kind": np.where(reply, "reply", "recommendation").astype(object),
        "model": np.where(reply, "twig", "shelf").astype(object),
        "model_version": np.where(reply, np.where(newer, "4.0", "3.2"), "1.9").astype(object),
        "rationale": only(has["rationale"], np.array(_REASONS, object)[rng.integers(0, 5, n)]),
        "policy": only(has["policy"], "plant-advice-2"),
        "confidence": np.where(has["confidence"], rng.beta(6, 2, n).round(3), np.nan),
        "inputs": np.char.add("profile:", person.astype(str)).astype(object),
        "explanation_shown": shown,
        "explanation_opened": shown & (luck.draw("opened", person) < p.EXPLANATION_OPENED),
        "explanation_accepted": shown & accepted,
        "overridden": has["overridden"],
        "reviewed_at": moment(reviewed, looked),
        "reviewer": only(looked, pick(rng, {"ines": 0.5, "tobias": 0.5}, n)),
        "review_passed": only(looked, rng.random(n) < p.REVIEW_PASSED),
    }
    picks = np.flatnonzero(~reply)
    chance = rng.random(len(picks))
    low = 0.0
    for instrument, share in _ASKED.items():
        row = picks[(chance >= low) & (chance < low + share)]
        low += share
        good = p.SATISFIED["recommendations"] if instrument == "csat" else p.AGREE[instrument]
        high = world.level(good, day[row])
        about = output_id[row]
        survey.ask(person[row], at[row] + 60, instrument, "recommendations", high, output_id=about)
    return frame


def ask_after(world: World, asked: Tickets, held: Talks, chats: Frame, survey: Survey) -> None:
    """Ask for satisfaction: right after half the chats, and when a person resolved a ticket."""
    rng = world.rng("ask after")
    row = np.flatnonzero(rng.random(len(held.person)) < 0.5)
    ended = chats["ended_at"].astype(np.int64)
    survey.ask(held.person[row], ended[row] + 20, "csat", "chatbot",
               world.level(p.SATISFIED["chatbot"], held.day[row]),
               ticket_id=chats["ticket_id"][row].astype(object))  # fmt: skip
    row = np.flatnonzero((asked.handled_by == "human") & (rng.random(len(asked.person)) < 0.6))
    row = row[asked.first_resolved[row] < world.calendar.end - DAY]
    place = np.where(rng.random(len(row)) < 0.2, "phone", "email_support").astype(object)
    at = asked.first_resolved[row] + 1800
    survey.ask(asked.person[row], at, "csat", place,
               world.levels(p.SATISFIED, place, world.calendar.day_of(at)),
               ticket_id=asked.ticket_id[row])  # fmt: skip
