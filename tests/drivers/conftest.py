"""A company with contracts, orders, answers, tickets and visits, in files that tests read too."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import heedful

FILES = {
    "heedful.yaml": (
        "name: Tea by post\ntimezone: Europe/Berlin\ncurrency: EUR\n"
        "touchpoints:\n  till: {stage: conversion}\n  helpline: {stage: retention}\n"
        "teams:\n  shop: {name: Shop}\n"
    ),
    "kpis/csat.yaml": (
        "owner: shop\nplaybook: listen\ntarget: 80%\nbreakdowns: [plan, touchpoint]\n"
    ),
    "kpis/nps.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/resolution_time.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/reopen_rate.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/response_rate.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/order_value.yaml": "owner: shop\nplaybook: listen\n",
    "kpis/retention.yaml": "owner: shop\nplaybook: listen\n",
    "playbooks/listen.md": "# Listen\n",
    **{
        f"sources/{name}.yaml": f"table: {name}\npath: in/{name}.csv\n"
        for name in ("customers", "subscriptions", "orders", "responses", "tickets", "events")
    },
}
FIRST = datetime(2025, 10, 1, tzinfo=UTC)
LAST = datetime(2026, 9, 20, 12, tzinfo=UTC)
CUSTOMERS = 500


def write(root: Path, customers: int = CUSTOMERS) -> Path:
    """The project, and its exports: large plans are content, stay, and buy more."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "in").mkdir(exist_ok=True)
    rng = random.Random(17)
    span = int((LAST - FIRST).total_seconds())
    people, contracts, orders, answers, tickets, events = [], [], [], [], [], []

    def some(per_month: float, begin: datetime, end: datetime) -> list[datetime]:
        """Moments in a time; every fifth exactly at a midnight in Berlin, when months begin."""
        found, at = [], begin
        while (at := at + timedelta(days=rng.expovariate(per_month / 30))) < end:
            midnight = at.replace(hour=22, minute=0, second=0, microsecond=0)
            found.append(midnight if rng.random() < 0.2 and begin < midnight < end else at)
        return found

    for number in range(customers):
        name, large = f"c{number}", rng.random() < 0.5
        begin = FIRST + timedelta(seconds=rng.randrange(span // 2))
        lasts = timedelta(days=rng.expovariate(1 / (700 if large else 200)))
        end = begin + lasts
        gone = end < LAST
        people.append([name, begin, "large" if large else "small", rng.choice(["DE", "AT", ""])])
        if number % 10:
            contracts.append([f"s{number}", name, begin, end if gone else "", 10])
        until = min(end, LAST)
        orders += [
            [f"o{number}-{nth}", name, at, round(rng.expovariate(1 / (40 if large else 15)), 2), 0]
            for nth, at in enumerate(some(1.2 if large else 0.6, begin, until))
        ]
        if rng.random() < 0.2:
            at = begin + (until - begin) * rng.random()
            orders.append([f"r{number}", name, at, -5.0, 0])
        for at in some(0.8, begin, until):
            kind = rng.choice(["csat", "csat", "nps"])
            low, high = ((7, 10) if large else (2, 10)) if kind == "nps" else (1, 5)
            score = rng.randint(low, high)
            if kind == "csat" and large:
                score = max(score, rng.randint(1, 5))
            place = rng.choice(["till", "helpline"])
            answers.append([f"a{len(answers)}", name, at, kind, score, place])
        for at in some(0.5, begin, until):
            solved = at + timedelta(hours=rng.expovariate(1 / 60))
            done = solved < LAST and rng.random() < 0.9
            tickets.append(
                [f"t{len(tickets)}", name, at, solved if done else "", rng.randint(0, 1)]
            )
        events += [
            [f"e{number}-{nth}", name, at, "Page Viewed", "/"]
            for nth, at in enumerate(some(2, begin, until))
        ]
    # These say how far the data reaches.
    contracts += [["s-end", "c-end", FIRST, LAST, 10]]
    orders += [["o-end", "c-end", LAST, 1, 0]]
    answers += [["a-none", "", FIRST + timedelta(days=40), "csat", 5, "till"]]
    for name, head, rows in (
        ("customers", ["customer_id", "signed_up_at", "plan", "country"], people),
        (
            "subscriptions",
            ["subscription_id", "customer_id", "started_at", "ended_at", "mrr"],
            contracts,
        ),
        ("orders", ["order_id", "customer_id", "ordered_at", "amount", "refunded_amount"], orders),
        (
            "responses",
            ["response_id", "customer_id", "answered_at", "instrument", "score", "touchpoint"],
            answers,
        ),
        ("tickets", ["ticket_id", "customer_id", "opened_at", "resolved_at", "reopens"], tickets),
        ("events", ["event_id", "customer_id", "occurred_at", "event", "page"], events),
    ):
        with (root / f"in/{name}.csv").open("w", newline="", encoding="utf-8") as file:
            plain = [
                [one.isoformat() if isinstance(one, datetime) else one for one in row]
                for row in rows
            ]
            csv.writer(file).writerows([head, *plain])
    return root


@pytest.fixture(scope="session")
def company(tmp_path_factory) -> Path:
    """Imported; its facts are made when they are asked for."""
    root = write(tmp_path_factory.mktemp("drivers") / "tea")
    project = heedful.open(root)
    assert all(not one.rejected for one in project.tables.import_())
    return root
