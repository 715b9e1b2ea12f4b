"""Play the year: every part of the company in the order in which one leads to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heedful.demo import answers as surveys
from heedful.demo import (
    commerce,
    events,
    exports,
    machine,
    marketing,
    members,
    prospects,
    support,
    voices,
)
from heedful.demo import parameters as p
from heedful.demo.calendar import Ints
from heedful.demo.events import Checkout, Done
from heedful.demo.log import Frame
from heedful.demo.luck import Luck
from heedful.demo.people import People, first_of_house, headcount, people
from heedful.demo.prospects import Visits
from heedful.demo.world import Flags, World

Progress = Callable[[str, float], None]
NPS_PER_DAY = 0.0045


@dataclass(frozen=True)
class Year:
    """All tables of one run, one frame each, without the files around them."""

    accounts: Frame
    ai_outputs: Frame
    campaigns: Frame
    conversations: Frame
    customers: Frame
    deliveries: Frame
    events: Frame
    exposures: Frame
    feedback: Frame
    identities: Frame
    invitations: Frame
    leads: Frame
    opportunities: Frame
    orders: Frame
    responses: Frame
    spend: Frame
    subscriptions: Frame
    tickets: Frame
    meant: Frame


def play(world: World, progress: Progress | None = None) -> Year:
    """Draw the whole year."""
    tell = progress or (lambda _step, _share: None)
    tell("people", 0.0)
    house = first_of_house(world)
    luck = Luck(world, headcount(world), lambda person: person >= house)
    visited = prospects.visits(world, luck)
    who = people(world, visited)
    sittings = members.visits(world, who, luck)
    helped, when = support.from_help(world, sittings)
    asked = support.tickets(world, who, (sittings.person[helped], when), luck)
    kept = support.undisturbed(sittings, asked, helped)
    seen = _all(visited, sittings, kept)
    tell("events", 0.15)
    done = events.happen(world, who, seen, luck)
    events.bots(world, done.log)
    reached = marketing.reach(world, who, visited)
    log = events.export(who, done, (reached.campaign, reached.channel))
    tell("support", 0.45)
    held = machine.talks(world, who, asked)
    chats = machine.conversations(world, who, asked, held, luck)
    survey = surveys.Survey(world)
    outputs = machine.outputs(world, who, held, seen, luck, survey)
    machine.ask_after(world, asked, held, chats, survey)
    _ask_on_site(world, who, done, survey)
    _ask_members(world, who, survey)
    tell("surveys", 0.6)
    shown = survey.asked()
    given = surveys.answer(world, shown, luck)
    words = voices.comments(world, who, shown, given)
    invitations = surveys.invitations(who, shown)
    responses = surveys.responses(invitations, shown, given, words.text)
    reviews, meant = voices.feedback(world, who)
    tell("commerce", 0.7)
    begun = _shop(done.started)
    meetings = {"bundle-offer": begun, "reassuring-replies": (held.person, held.at)}
    met = {
        name: commerce.first_met(world, name, person, at, headcount(world))
        for name, (person, at) in meetings.items()
    }
    business = marketing.accounts(world, who)
    leads, deals = marketing.leads(world, business)
    return Year(
        accounts=business,
        ai_outputs=outputs,
        campaigns=marketing.campaigns(world),
        conversations=exports.joined(chats, machine.calls(world, who, asked)),
        customers=commerce.customers(world, who, business["account_id"].astype(object)),
        deliveries=marketing.deliveries(world, who),
        events=log,
        exposures=commerce.exposures(who, met),
        feedback=reviews,
        identities=commerce.identities(who),
        invitations=invitations,
        leads=leads,
        opportunities=deals,
        orders=commerce.orders(world, who, done.checkouts, met["bundle-offer"]),
        responses=responses,
        spend=marketing.spend(world),
        subscriptions=commerce.subscriptions(world, who),
        tickets=support.export(world, who, asked),
        meant=exports.joined(
            voices.meant("responses", responses["response_id"].astype(object), words),
            voices.meant("feedback", reviews["feedback_id"].astype(object), meant),
        ),
    )


def _all(visited: Visits, sittings: Visits, kept: Flags) -> Visits:
    names = Visits.__annotations__
    return Visits(*(
        np.concatenate([getattr(visited, name), getattr(sittings, name)[kept]]) for name in names
    ))  # fmt: skip


def _shop(started: Checkout) -> tuple[Ints, Ints]:
    row = started.form == "shop"
    return started.person[row], started.at[row]


def _ask_on_site(world: World, who: People, done: Done, survey: surveys.Survey) -> None:
    """Ask for ease after some plant matches, finished or not, and for confidence on prices."""
    rng, tried, seen = world.rng("ask on site"), done.attempts, done.visits
    row = np.flatnonzero(rng.random(len(tried.person)) < 0.4)
    person, day = tried.person[row], tried.day[row]
    good = world.levels(p.EASY, who.device[person], day)
    survey.ask(person, tried.at[row] + 1560, "ces", "onboarding_form", good)
    row = np.flatnonzero((seen.landing == "pricing_page") & ~seen.bounced & ~seen.checkout)
    row = row[rng.random(len(row)) < 0.9]
    good = world.level(p.CONFIDENT, seen.day[row])
    survey.ask(seen.person[row], seen.start[row] + 20, "confidence", "pricing_page", good)
    row = np.flatnonzero(np.isin(seen.landing, list(p.RELEVANT)) & ~seen.bounced)
    row = row[rng.random(len(row)) < 0.06]
    good = world.levels(p.RELEVANT, seen.landing[row], seen.day[row])
    survey.ask(seen.person[row], seen.start[row] + 20, "relevance", seen.landing[row], good)
    bought = done.checkouts
    row = np.flatnonzero(rng.random(len(bought.person)) < 0.3)
    place = np.where(bought.form[row] == "shop", "shop_checkout", "checkout").astype(object)
    good = world.levels(p.SATISFIED, place, world.calendar.day_of(bought.at[row]))
    survey.ask(bought.person[row], bought.at[row] + 30, "csat", place, good)


def _ask_members(world: World, who: People, survey: surveys.Survey) -> None:
    """Ask members now and then whether they would recommend the company."""
    rng = world.rng("ask members")
    members = np.flatnonzero(who.last_day > who.first_day)
    span = (who.last_day - who.first_day)[members]
    person = np.repeat(members, rng.poisson(span * NPS_PER_DAY))
    inside = (who.last_day - who.first_day)[person]
    day = who.first_day[person] + (rng.random(len(person)) * inside).astype(np.int64)
    at = world.calendar.moments(rng, day)
    survey.ask(person, at, "nps", "relationship_mail", np.full(len(person), np.nan))
