"""Contracts, boxes and shop orders, and one experiment in the shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heedful.demo import parameters as p
from heedful.demo.calendar import Ints
from heedful.demo.events import Checkout
from heedful.demo.log import Frame
from heedful.demo.people import BILLING, DAY, People, billed_every
from heedful.demo.world import Words, World, ids, moment, only, pick, present


@dataclass(frozen=True)
class Exposed:
    """First meeting of each person with an experiment: one row each.

    Attributes:
        treated: Whether each *person* would see the new variant; by person, not by row.
    """

    person: Ints
    at: Ints
    treated: np.ndarray[tuple[int], np.dtype[np.bool_]]


def first_met(world: World, name: str, person: Ints, at: Ints, people: int) -> Exposed:
    """Who meets an experiment in its weeks, and which half they are in."""
    first, last = (world.calendar.midnights[7 * week] for week in p.EXPERIMENTS[name])
    inside = np.flatnonzero((at >= first) & (at < last))
    order = inside[np.lexsort((at[inside], person[inside]))]
    once = np.append(True, person[order][1:] != person[order][:-1]) if len(order) else order > 0
    treated = world.rng(f"variant:{name}").random(people) < 0.5
    return Exposed(person[order[once]], at[order[once]], treated)


def exposures(who: People, met: dict[str, Exposed]) -> Frame:
    """The file of who saw which variant."""
    person = np.concatenate([x.person for x in met.values()])
    at = np.concatenate([x.at for x in met.values()])
    name = np.concatenate([np.full(len(x.person), k, dtype=object) for k, x in met.items()])
    treated = np.concatenate([x.treated[x.person] for x in met.values()])
    order = np.lexsort((person, at))
    return {
        "exposure_id": ids("x", np.arange(len(at)) + 1, 6),
        "exposed_at": moment(at[order]),
        "experiment": name[order],
        "variant": np.where(treated, "treatment", "control").astype(object)[order],
        "customer_id": who.customer_id[person][order],
        "device": who.device[person][order],
    }


def _boxes(world: World, who: People) -> tuple[Ints, Ints]:
    """Orders that contracts make by themselves, after the first: at night, when nobody shops."""
    customers = who.customers
    every = billed_every(who, customers)
    joined = who.signed_up[customers] // DAY
    last = np.minimum(who.ended[customers], world.calendar.end) // DAY - 1
    n = np.maximum((last - joined) // every, 0)
    person = np.repeat(customers, n)
    nth = np.arange(len(person)) - np.repeat(np.cumsum(n) - n, n) + 1
    day = np.repeat(joined, n) + nth * np.repeat(every, n)
    at = day * DAY + BILLING + world.rng("boxes").integers(0, 3600, len(day))
    within = at >= world.calendar.begin
    return person[within], at[within]


def orders(world: World, who: People, bought: Checkout, met: Exposed) -> Frame:
    """The shop's file: first boxes, boxes that follow, extras, and a few test orders."""
    rng, end = world.rng("orders"), world.calendar.end
    box_person, box_at = _boxes(world, who)
    testers = np.flatnonzero(who.tester | who.staff)
    probe = np.repeat(testers, 2)
    probe_at = world.calendar.moments(rng, world.calendar.days(rng, *_year(len(probe))))
    person = np.concatenate([bought.person, box_person, probe])
    at = np.concatenate([bought.at, box_at, probe_at])
    kind = np.concatenate(
        [bought.form, np.full(len(box_at), "box", object), np.full(len(probe), "test", object)]
    )
    order = np.lexsort((person, at))
    person, at, kind = person[order], at[order], kind[order]
    n, extra, test = len(person), kind == "shop", kind == "test"
    amount = np.array([p.PRICES[x] for x in who.plan[person]])
    spread = 0.5
    amount[extra] = np.exp(
        rng.normal(np.log(p.SHOP_MEAN) - spread**2 / 2, spread, int(extra.sum()))
    )
    first, last = (world.calendar.midnights[7 * week] for week in p.EXPERIMENTS["bundle-offer"])
    bundled = extra & met.treated[person] & (at >= first) & (at < last)
    amount[bundled] *= p.BUNDLE_LIFT
    amount[test] = 9999.0
    amount = amount.round(2)
    back = at + (rng.uniform(1.0, 10.0, n) * DAY).astype(np.int64)
    refunded = (rng.random(n) < p.REFUNDED) & ~test & (back < end)
    promised = at + 5 * DAY
    arrived = at + (rng.uniform(2.0, 5.6, n) * DAY).astype(np.int64)
    return {
        "order_id": ids("b", np.arange(n) + 1, 7),
        "ordered_at": moment(at),
        "customer_id": who.customer_id[person],
        "amount": amount,
        "refunded_amount": np.where(refunded, amount, 0.0),
        "refunded_at": moment(back, refunded),
        "currency": np.full(n, "EUR", dtype=object),
        "status": np.select([refunded, arrived < end], ["refunded", "delivered"], "sent").astype(
            object
        ),
        "kind": kind,
        "touchpoint": np.select(
            [kind == "box", kind == "shop"], ["box", "shop_checkout"], "checkout"
        ).astype(object),
        "device": who.device[person],
        "channel": who.channel[person],
        "promised_at": moment(promised),
        "delivered_at": moment(arrived, arrived < end),
        "is_test": test,
    }


def _year(n: int) -> tuple[Ints, Ints]:
    return np.zeros(n, np.int64), np.full(n, 364)


def customers(world: World, who: People, accounts: Words) -> Frame:
    """The file of customers, in order of their ids."""
    rng = world.rng("customers")
    row = who.customers
    row = row[np.argsort(who.customer_id[row].astype(str))]
    alive = who.ended[row] >= world.calendar.end
    return {
        "customer_id": who.customer_id[row],
        "account_id": only(who.account[row] >= 0, accounts[who.account[row]]),
        # The shop of before did not hand over when its customers had signed up.
        "signed_up_at": moment(who.signed_up[row], who.new[row]),
        "email": np.char.add(who.customer_id[row].astype(str), "@mail.example").astype(object),
        "country": who.country[row],
        "plan": who.plan[row],
        "channel": who.channel[row],
        "device": who.device[row],
        "is_staff": who.staff[row],
        "is_test": who.tester[row],
        "member": np.where(alive, "yes", "no").astype(object),
        "home": pick(rng, {"flat": 0.62, "house": 0.3, "office": 0.08}, len(row)),
    }


def subscriptions(world: World, who: People) -> Frame:
    """The file of contracts: one a customer."""
    rng, end = world.rng("subscriptions"), world.calendar.end
    row = who.customers[~who.tester[who.customers]]
    row = row[np.lexsort((row, who.signed_up[row]))]
    start, ended = who.signed_up[row], who.ended[row]
    notice = ended - (rng.uniform(0.0, 6.0, len(row)) * DAY).astype(np.int64)
    over = ended < end
    every = billed_every(who, row) * DAY
    last = start + (np.minimum(ended, end - 1) - start) // every * every
    price = np.array([p.PRICES[x] for x in who.plan[row]])
    return {
        "subscription_id": ids("s", np.arange(len(row)) + 1, 6),
        "customer_id": who.customer_id[row],
        "started_at": moment(start),
        "cancelled_at": moment(notice, notice < end),
        "ended_at": moment(ended, over),
        "renewed_at": moment(last, last > start),
        "renews_at": moment(last + every, notice >= end),
        "plan": who.plan[row],
        "mrr": (price * 30 * DAY / every).round(2),
        "status": np.select([over, notice < end], ["ended", "cancelled"], "active").astype(object),
    }


def identities(who: People) -> Frame:
    """Which cookies and old ids turned out to be which customer."""
    new, old = np.flatnonzero(who.new), np.flatnonzero(present(who.old_id))
    row = np.concatenate([new, old])
    return {
        "alias_id": np.concatenate([who.cookie[new], who.old_id[old]]),
        "customer_id": who.customer_id[row],
        "kind": np.repeat(np.array(["cookie", "old_id"], dtype=object), [len(new), len(old)]),
        "seen_at": moment(who.signed_up[row]),
    }
