"""Memberships and lifetimes against implementations that walk through time."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from heedful.definitions.rules import Rules

Row = dict[str, Any]
DAY = dt.timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
FOREVER = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)


def month_start(year: int, month: int) -> dt.datetime:
    return dt.datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=BERLIN)


def a_time(some: random.Random) -> dt.datetime:
    """Often the very moment at which a month begins, or near it."""
    base = month_start(2023, some.randrange(1, 15)).astimezone(dt.UTC)
    return base + some.choice([0, 0, 1, 5, 7, 8, 14, 28]) * DAY * some.choice([1, 1, -1])


def contracts(some: random.Random) -> list[Row]:
    found = []
    for n in range(40):
        begun = a_time(some)
        length = some.choice([None, -3, 0, 10, 20, 31, 45, 90, 200])
        found.append(
            {
                "subscription_id": f"s{n:02}",
                "customer_id": f"c{some.randrange(12)}",
                "started_at": begun,
                "ended_at": None if length is None else begun + length * DAY,
                "plan": some.choice(["pro", None]),
            }
        )
    return found


def deeds(some: random.Random) -> tuple[list[Row], list[Row]]:
    events = [
        {
            "event_id": f"e{n:03}",
            "occurred_at": a_time(some) + dt.timedelta(hours=some.randrange(30)),
            "event": some.choice(["Page Viewed", "Played"]),
            some.choice(
                ["customer_id", "customer_id", "anonymous_id"]
            ): f"c{some.randrange(8, 20)}",
        }
        for n in range(120)
    ]
    orders = [
        {
            "order_id": f"o{n:02}",
            "ordered_at": a_time(some),
            "customer_id": f"c{some.randrange(8, 20)}",
            "amount": Decimal(some.choice(["10", "2.5", "-3"])),
            "refunded_amount": some.choice([None, Decimal(1)]),
        }
        for n in range(50)
    ]
    return events, orders


class Truth:
    """Spells of customers, found one customer at a time."""

    def __init__(
        self, subscriptions: list[Row], events: list[Row], orders: list[Row], rules: Rules
    ) -> None:
        self.lapse = rules.lapsed_after_days
        self.names = set(rules.active_events)
        self.contractual = {s["customer_id"] for s in subscriptions}
        self.subscriptions = subscriptions
        self.deeds = self.activity(events, orders)
        times = [t for s in subscriptions for t in (s["started_at"], s["ended_at"]) if t]
        self.contracts_until = max(times, default=FOREVER)
        newest = [max(e["occurred_at"] for e in events), max(o["ordered_at"] for o in orders)]
        ordered = not self.names or "Order Completed" in self.names
        self.activity_until = min(newest) if ordered else newest[0]
        self.observed = max([*newest, *times])

    def activity(self, events: list[Row], orders: list[Row]) -> dict[str, list[dt.datetime]]:
        found: dict[str, list[dt.datetime]] = {}
        for e in events:
            if e.get("customer_id") and (not self.names or e["event"] in self.names):
                found.setdefault(e["customer_id"], []).append(e["occurred_at"])
        for o in orders:
            if o["amount"] >= 0 and (not self.names or "Order Completed" in self.names):
                found.setdefault(o["customer_id"], []).append(o["ordered_at"])
        return {who: sorted(times) for who, times in found.items()}

    def spells(self, who: str) -> tuple[list[tuple[dt.datetime, dt.datetime]], dt.datetime]:
        """Begin and end of each spell, the end `FOREVER` where it has not been seen."""
        spans = []
        slack = dt.timedelta()
        until = self.activity_until
        if who in self.contractual:
            slack, until = 7 * DAY, self.contracts_until
            for s in self.subscriptions:
                end = s["ended_at"] or FOREVER
                if s["customer_id"] == who and end > s["started_at"]:
                    spans.append((s["started_at"], end))
        elif self.lapse:
            spans = [(t, t + self.lapse * DAY) for t in self.deeds.get(who, [])]
        merged: list[tuple[dt.datetime, dt.datetime]] = []
        for begun, end in sorted(spans):
            if merged and begun <= merged[-1][1] + slack:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((begun, end))
        seen = [(b, e if e <= until else FOREVER) for b, e in merged if b <= until]
        return seen, until

    def everybody(self) -> list[str]:
        return sorted(self.contractual | set(self.deeds))

    def memberships(self) -> list[Row]:
        found = []
        for who in self.everybody():
            spells, until = self.spells(who)
            for n in range(-2, 30):
                begun, end = month_start(2023, n), month_start(2023, n + 1)
                inside = [s for s in spells if s[0] < end and s[1] > begun]
                if inside and begun <= until:
                    found.append(
                        {
                            "customer": who,
                            "at": begun.astimezone(dt.UTC),
                            "at_start": any(s[0] <= begun < s[1] for s in spells),
                            "lost": not any(s[0] <= end < s[1] for s in spells),
                            "active": True,
                            "contractual": who in self.contractual,
                        }
                    )
        return found

    def lifetimes(self) -> list[Row]:
        found = []
        for who in self.everybody():
            spells, until = self.spells(who)
            if spells:
                begun, end = spells[0]
                lost = end != FOREVER
                found.append(
                    {
                        "customer": who,
                        "at": begun,
                        "days": pytest.approx(((end if lost else until) - begun) / DAY),
                        "lost": lost,
                        "returned": len(spells) > 1,
                    }
                )
        return found


@pytest.fixture(params=range(2))
def some(request):
    return random.Random(request.param)


@pytest.fixture
def history(some, company):
    subscriptions, (events, orders) = contracts(some), deeds(some)
    company.put("subscriptions", subscriptions)
    company.put("events", events)
    company.put("orders", orders)
    return subscriptions, events, orders


RULES = (
    Rules(),
    Rules(lapsed_after_days=30),
    Rules(lapsed_after_days=10, active_events=("Played",)),
    Rules(lapsed_after_days=60, active_events=("Played", "Order Completed")),
)


def test_memberships_and_lifetimes(company, history, agree):
    for rules in RULES:
        truth = Truth(*history, rules)
        agree(company.rows("memberships", rules), truth.memberships())
        agree(company.rows("lifetimes", rules), truth.lifetimes())


def test_who_is_not_lost_is_there_when_the_next_month_begins(company, history):
    found: dict[str, list[Row]] = {}
    for row in company.rows("memberships", Rules(lapsed_after_days=30)):
        found.setdefault(row["customer"], []).append(row)
    for rows in found.values():
        for this, following in pairwise(rows):
            end = (this["at"].astimezone(BERLIN).replace(day=1) + 32 * DAY).replace(day=1)
            next_month = following["at"].astimezone(BERLIN).date() == end.date()
            assert this["lost"] != (next_month and following["at_start"])


def test_amounts_and_tickets_of_a_month(company, at):
    company.put(
        "subscriptions",
        [
            {
                "subscription_id": "1",
                "customer_id": "a",
                "started_at": at("2024-01-10"),
                "plan": "pro",
            },
            {"subscription_id": "2", "customer_id": "b", "started_at": at("2024-03-05")},
        ],
    )
    order = {"customer_id": "a", "amount": Decimal(10)}
    company.put(
        "orders",
        [
            {**order, "order_id": "1", "ordered_at": at("2024-01-31T22:59:59")},
            {**order, "order_id": "2", "ordered_at": at("2024-01-31T23:00"), "refunded_amount": 4},
            {**order, "order_id": "3", "ordered_at": at("2024-02-03"), "amount": Decimal(-1)},
            {**order, "order_id": "4", "ordered_at": at("2024-02-03"), "customer_id": "b"},
        ],
    )
    company.put(
        "tickets", [{"ticket_id": "1", "opened_at": at("2024-02-29T12:00"), "customer_id": "a"}]
    )
    rows = company.rows("memberships")
    found = [(r["customer"], r["orders"], r["net_amount"], r["tickets"], r["plan"]) for r in rows]
    assert found == [
        ("a", 1, Decimal(10), 0, "pro"),
        ("a", 1, Decimal(5), 1, "pro"),
        ("a", 0, Decimal(0), 0, "pro"),
        ("b", 0, Decimal(0), 0, None),
    ]
    assert {row["lost"] for row in rows} == {False}


def test_without_contracts_and_a_lapse_only_activity_is_known(company, at):
    company.put(
        "events",
        [
            {
                "event_id": str(n),
                "occurred_at": at(time),
                "customer_id": "a",
                "event": "Page Viewed",
            }
            for n, time in enumerate(
                ["2024-01-31T22:30", "2024-01-31T23:30", "2024-03-31T21:00", "2024-04-30T22:00"]
            )
        ],
    )
    found = [(r["at"], r["active"], r["at_start"], r["lost"]) for r in company.rows("memberships")]
    begins = ("2023-12-31T23:00", "2024-01-31T23:00", "2024-02-29T23:00", "2024-04-30T22:00")
    assert found == [(at(begin), True, None, None) for begin in begins]
    assert company.rows("lifetimes") == []
    subscription = {"subscription_id": "1", "customer_id": "b", "started_at": at("2024-04-01")}
    company.put("subscriptions", [subscription])
    assert {row["customer"] for row in company.rows("memberships")} == {"b"}


def test_the_month_in_progress_ends_where_the_data_ends(company, at):
    subscription = {"started_at": at("2024-01-10")}
    company.put(
        "subscriptions",
        [
            {**subscription, "subscription_id": "1", "customer_id": "a"},
            {
                **subscription,
                "subscription_id": "2",
                "customer_id": "b",
                "ended_at": at("2024-02-10"),
            },
            # Cancelled already, but for a day that has not come.
            {
                **subscription,
                "subscription_id": "3",
                "customer_id": "c",
                "ended_at": dt.datetime(2999, 1, 1, tzinfo=dt.UTC),
            },
        ],
    )
    rows = [(r["customer"], r["at"].month, r["lost"]) for r in company.rows("memberships")]
    assert rows == [
        ("a", 12, False),
        ("a", 1, False),
        ("b", 12, False),
        ("b", 1, True),
        ("c", 12, False),
        ("c", 1, False),
    ]
    found = {row["customer"]: (row["days"], row["lost"]) for row in company.rows("lifetimes")}
    assert found == {"a": (31, False), "b": (31, True), "c": (31, False)}
