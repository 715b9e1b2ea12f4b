"""Deals, renewals and upsells against implementations that look at every row for every month."""

from __future__ import annotations

import datetime as dt
import random
from calendar import monthrange
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from heedful.definitions.rules import Rules

Row = dict[str, Any]
DAY = dt.timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
FOREVER = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)


def month_start(year: int, month: int) -> dt.datetime:
    local = dt.datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=BERLIN)
    return local.astimezone(dt.UTC)


def months(first: dt.datetime, last: dt.datetime) -> list[tuple[dt.datetime, dt.datetime]]:
    begun = first.astimezone(BERLIN)
    found, n = [], begun.month
    while month_start(begun.year, n) <= last:
        found.append((month_start(begun.year, n), month_start(begun.year, n + 1)))
        n += 1
    return found


def a_time(some: random.Random) -> dt.datetime:
    base = month_start(2023, some.randrange(1, 15))
    return base + some.choice([0, 0, 1, 5, 7, 8, 14, 28, 30]) * DAY * some.choice([1, 1, -1])


@pytest.fixture(params=range(2))
def some(request):
    return random.Random(request.param)


# --- deals ---


def deals(some: random.Random) -> list[Row]:
    found = []
    for n in range(60):
        opened = a_time(some)
        ends = [opened + some.choice([-1, 0, 3, 31, 90]) * DAY, None, None]
        found.append(
            {
                "opportunity_id": f"p{n:02}",
                "opened_at": opened,
                "customer_id": some.choice(["c1", "c2", None]),
                "account_id": some.choice(["x1", "x2", None]),
                "amount": some.choice([Decimal(10), Decimal("99.5"), None]),
                "won_at": some.choice(ends),
                "lost_at": some.choice(ends),
            }
        )
    return found


def test_pipeline(company, some, agree):
    rows = deals(some)
    company.put("opportunities", rows)
    times = [t for r in rows for t in (r["opened_at"], r["won_at"], r["lost_at"]) if t]
    first, last = min(r["opened_at"] for r in rows), max(times)
    expected = []
    for r in rows:
        closed = r["won_at"] or r["lost_at"]
        if closed is not None and closed < r["opened_at"]:
            continue
        account = f"account:{r['account_id']}" if r["account_id"] else None
        for begin, end in months(first, last):
            if r["opened_at"] >= end or (closed or FOREVER) < begin:
                continue
            ended = closed is not None and closed < end
            won = ended and r["won_at"] is not None
            days = (closed - r["opened_at"]) / DAY if won else None
            expected.append(
                {
                    "opportunity_id": r["opportunity_id"],
                    "at": begin,
                    "customer": r["customer_id"] or account or f"deal:{r['opportunity_id']}",
                    "account": r["account_id"],
                    "is_open": int(not ended),
                    "is_closed": int(ended),
                    "is_won": int(won),
                    "won_amount": r["amount"] if won else None,
                    "won_days": None if days is None else pytest.approx(days),
                }
            )
    agree(company.rows("pipeline"), expected)


def test_leads_that_qualify(world, agree):
    for days in (None, 1):
        until = world.until("leads", "created_at", "qualified_at", "won_at")
        expected = []
        for lead in world.seen("leads"):
            begun, then = lead["created_at"], lead["qualified_at"]
            in_time = then is not None and (days is None or then - begun <= days * DAY)
            quality = lead["quality"]
            expected.append(
                {
                    "lead_id": lead["lead_id"],
                    "at": begun,
                    "account": lead["account_id"],
                    "qualified": in_time,
                    "qualification_matured": days is None or until - begun >= days * DAY,
                    "asked_for_quote": lead["asked_for_quote"],
                    "quality": None if quality == 1.5 else quality,
                }
            )
        agree(world.company.rows("leads_won", Rules(qualification_window_days=days)), expected)


def test_a_source_without_qualification_says_nothing_about_it(company, at):
    company.put("leads", [{"lead_id": "1", "created_at": at("2024-01-01")}])
    assert [row["qualified"] for row in company.rows("leads_won")] == [None]


# --- contracts ---


def contracts(some: random.Random) -> list[Row]:
    found = []
    for n in range(60):
        begun = a_time(some) + some.choice([0, 0, 13]) * dt.timedelta(hours=1)
        length = some.choice([None, 0, 20, 31, 59, 62, 90, 100, 181, 365])
        found.append(
            {
                "subscription_id": f"s{n:02}",
                "customer_id": f"c{some.randrange(15):02}",
                "started_at": begun,
                "ended_at": None if length is None else begun + length * DAY,
                "term_months": some.choice([1, 1, 3, 12, 0, None]),
                "plan": some.choice(["pro", None]),
                "mrr": some.choice([Decimal(10), Decimal(20), Decimal(20), Decimal(0), None]),
            }
        )
    return found


def run(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["ended_at"] is None or r["ended_at"] > r["started_at"]]


def due_dates(row: Row, last: dt.datetime) -> list[dt.datetime]:
    """The same time after the beginning of a later month; its last moment where it is shorter."""
    begun = row["started_at"].astimezone(BERLIN)
    elapsed = row["started_at"] - month_start(begun.year, begun.month)
    found = []
    for n in range(row["term_months"] or 99, 99, row["term_months"] or 99):
        month, after = (month_start(begun.year, begun.month + k) for k in (n, n + 1))
        due = min(month + elapsed, after - dt.timedelta(microseconds=1))
        # People would say the same day of that month, or its last; clocks change in either month.
        said = month.astimezone(BERLIN)
        days = monthrange(said.year, said.month)[1]
        day = said.replace(day=min(begun.day, days), hour=begun.hour)
        assert begun.day > days or abs(due - day) <= dt.timedelta(hours=2)
        if month <= last:
            found.append(due)
    return found


def test_renewals(company, some, agree):
    rows = contracts(some)
    company.put("subscriptions", rows)
    last = max(t for r in rows for t in (r["started_at"], r["ended_at"]) if t)
    expected = []
    for r in run(rows):
        end = r["ended_at"] or FOREVER
        for due in due_dates(r, last):
            if end < due - 7 * DAY:
                continue
            others = [
                s
                for s in run(rows)
                if s["customer_id"] == r["customer_id"]
                and s["started_at"] > r["started_at"]
                and end - 7 * DAY <= s["started_at"] <= due + 7 * DAY
            ]
            local = due.astimezone(BERLIN)
            expected.append(
                {
                    "subscription_id": r["subscription_id"],
                    "at": month_start(local.year, local.month),
                    "customer": r["customer_id"],
                    "renewed": end > due + 7 * DAY or bool(others),
                    "matured": last >= due + 7 * DAY,
                    "plan": r["plan"],
                }
            )
    agree(company.rows("renewals"), expected)
    assert {row["renewed"] for row in expected} == {True, False}


def test_a_renewal_is_due_on_the_last_day_of_a_short_month(company, at):
    contract = {"customer_id": "a", "started_at": at("2024-01-31T12:00"), "term_months": 1}
    end = {"ended_at": at("2024-02-29T12:00")}
    company.put(
        "subscriptions",
        [
            {**contract, **end, "subscription_id": "1"},
            # Cancelled long before the day: not due any more.
            {
                **contract,
                "subscription_id": "2",
                "customer_id": "b",
                "ended_at": at("2024-02-20"),
            },
            {**contract, "subscription_id": "3", "customer_id": "c"},
            # Another contract took its place.
            {**contract, **end, "subscription_id": "4", "customer_id": "d"},
            {
                "subscription_id": "5",
                "customer_id": "d",
                "started_at": at("2024-03-03T12:00"),
            },
            {"subscription_id": "6", "customer_id": "e", "started_at": at("2024-03-20")},
        ],
    )
    found = [(r["subscription_id"], r["renewed"], r["matured"]) for r in company.rows("renewals")]
    march = [("3", True, False)]
    assert found == [("1", False, True), ("3", True, True), *march, ("4", True, True)]


# --- upsells and complaints of a month ---


def events(some: random.Random) -> list[Row]:
    return [
        {
            "event_id": f"e{n:03}",
            "occurred_at": a_time(some) + dt.timedelta(hours=some.randrange(30)),
            "event": some.choice(["Page Viewed", "Page Viewed", "Plan Upgraded"]),
            "customer_id": f"c{some.randrange(15):02}",
        }
        for n in range(40)
    ]


def test_upsells(company, some):
    rows, acts = contracts(some), events(some)
    company.put("subscriptions", rows)
    company.put("events", acts)
    found = company.rows("memberships")

    def worth(who: str, moment: dt.datetime) -> Decimal:
        return sum(
            r["mrr"] or 0
            for r in run(rows)
            if r["customer_id"] == who and r["started_at"] <= moment < (r["ended_at"] or FOREVER)
        )

    seen = set()
    for row in found:
        who, begin = row["customer"], row["at"]
        local = begin.astimezone(BERLIN)
        end = month_start(local.year, local.month + 1)
        bought = any(
            e["customer_id"] == who
            and e["event"] == "Plan Upgraded"
            and begin <= e["occurred_at"] < end
            for e in acts
        )
        unknown = any(
            r["mrr"] is None
            and r["customer_id"] == who
            and r["started_at"] <= end
            and (r["ended_at"] or FOREVER) > begin
            for r in run(rows)
        )
        more = worth(who, end) > worth(who, begin) > 0 and not unknown
        assert row["upsold"] == (bought or more), row
        seen.add((bought, more))
    assert seen >= {(True, False), (False, True), (False, False)}


def test_what_nobody_ever_did_is_not_known(company, at):
    company.put(
        "subscriptions",
        [{"subscription_id": "1", "customer_id": "a", "started_at": at("2024-01-10")}],
    )
    (row,) = company.rows("memberships")
    nothing = ("upsold", "tickets", "complaints", "orders", "net_amount")
    assert [row[name] for name in nothing] == [None] * 5
    company.put(
        "tickets",
        [{"ticket_id": "1", "opened_at": at("2024-01-12"), "customer_id": "b", "topic": "bill"}],
    )
    (row,) = company.rows("memberships")
    assert (row["tickets"], row["complaints"]) == (0, None)
    ticket = {"opened_at": at("2024-01-12"), "customer_id": "a"}
    company.put("tickets", [{**ticket, "ticket_id": "2", "is_complaint": True}])
    (row,) = company.rows("memberships")
    assert (row["tickets"], row["complaints"]) == (1, 1)
    (row,) = company.rows("memberships", Rules(complaint_topics=("bill",)))
    assert (row["tickets"], row["complaints"]) == (1, 1)
