"""Facts of events against row-by-row implementations."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import Any

import pytest

from heedful.definitions.rules import Rules

Row = dict[str, Any]
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
GAP = 30 * MINUTE
PLACE = ("touchpoint", "stage", "ai", "device", "channel")
FRUSTRATING = {"Rage Clicked", "Dead Clicked"}


def chosen(row: Row, *columns: str) -> Row:
    return {one: row.get(one) for one in (*columns, *PLACE)}


def by_customer(rows: list[Row]) -> list[list[Row]]:
    rows = [row for row in rows if row["customer"] is not None]
    rows.sort(key=lambda row: (row["customer"], row["occurred_at"], row["event_id"]))
    return [list(group) for _, group in groupby(rows, key=lambda row: row["customer"])]


def visits(rows: list[Row]) -> list[list[Row]]:
    """Events of one customer, split where there was a pause."""
    found: list[list[Row]] = []
    for row in rows:
        if not found or row["occurred_at"] - found[-1][-1]["occurred_at"] >= GAP:
            found.append([])
        found[-1].append(row)
    return found


def session(events: list[Row], orders: list[Row], gap: dt.timedelta = GAP) -> Row:
    begun, last = events[0]["occurred_at"], events[-1]["occurred_at"]
    pages = [e for e in events if e["event"] == "Page Viewed"]
    landing = (pages or events)[0]
    ends = [e["occurred_at"] for e in events]
    spent = [
        e["occurred_at"] + dt.timedelta(seconds=e["seconds"])
        for e in events
        if e["seconds"] is not None and e["seconds"] >= 0
    ]
    seconds = (max(ends + spent) - begun).total_seconds() if spent or last > begun else None
    bought = [
        o
        for o in orders
        if o["customer"] == landing["customer"] and o["amount"] >= 0
        and begun <= o["ordered_at"] < last + gap
    ]  # fmt: skip
    converted = bool(bought) or any(e["event"] == "Order Completed" for e in events)
    shares = [e["depth"] for e in events if e["depth"] is not None]
    shares += [e["step"] / e["steps"] for e in events if e["step"] and e["steps"]]
    return {
        "session_id": landing["event_id"],
        "customer": landing["customer"],
        "at": begun,
        "pages": len(pages),
        "seconds": seconds,
        "converted": converted,
        "bounced": len(pages) == 1 and not converted and (seconds or 0) < 10,
        "engaged": len(pages) >= 2 or converted or (seconds or 0) >= 10,
        "depth": min(1.0, max(shares)) if shares else None,
        "frustrated": any(e["event"] in FRUSTRATING for e in events)
        or sum(e["event"] == "Form Error Shown" for e in events) >= 3,
        "landing_page": landing["page"],
        "experiment_arm": landing["experiment_arm"],
        **chosen(landing, "country"),
    }


def test_sessions(world, agree):
    orders = world.seen("orders")
    expected = [
        session(one, orders) for rows in by_customer(world.seen("events")) for one in visits(rows)
    ]
    expected.sort(key=lambda row: row["session_id"])
    found = world.company.rows("sessions")
    assert len(expected) > 40
    agree(found, expected)


def test_a_session_ends_at_a_pause_of_exactly_the_gap(company, at):
    times = ["2024-01-01T10:00", "2024-01-01T10:29:59.999999", "2024-01-01T10:59:59.999999"]
    company.put(
        "events",
        [
            {"event_id": str(n), "occurred_at": at(t), "customer_id": "a", "event": "Page Viewed"}
            for n, t in enumerate(times)
        ],
    )
    assert [row["pages"] for row in company.rows("sessions")] == [2, 1]


def test_a_session_of_one_moment_has_no_seconds_and_bounces(company, at):
    view = {"occurred_at": at("2024-01-01"), "event": "Page Viewed"}
    company.put(
        "events",
        [
            {**view, "event_id": "1", "customer_id": "silent"},
            {**view, "event_id": "2", "customer_id": "short", "seconds": 9.0},
            {**view, "event_id": "3", "customer_id": "long", "seconds": 10.0},
            {**view, "event_id": "4", "customer_id": "odd", "seconds": float("nan")},
        ],
    )
    found = [(r["seconds"], r["bounced"], r["engaged"]) for r in company.rows("sessions")]
    assert found == [
        (None, True, False),
        (9.0, True, False),
        (10.0, False, True),
        (None, True, False),
    ]


def test_orders_convert_only_where_completing_one_is_a_conversion(company, at):
    view = {"event_id": "1", "occurred_at": at("2024-01-01"), "event": "Page Viewed"}
    company.put("events", [{**view, "customer_id": "a"}])
    order = {"order_id": "1", "ordered_at": at("2024-01-01T00:10"), "customer_id": "a"}
    company.put("orders", [{**order, "amount": 1}])
    assert company.rows("sessions")[0]["converted"] is True
    assert company.rows("first_visits")[0]["converted"] is True
    rules = Rules(conversion_events=("Demo Booked",))
    assert company.rows("sessions", rules)[0]["converted"] is False
    assert company.rows("first_visits", rules)[0]["converted"] is False


def reached(depth: float | None, needed: float | None) -> bool | None:
    return None if depth is None or needed is None else depth >= needed


def test_page_steps(world, agree):
    expected = []
    for rows in by_customer(world.seen("events")):
        for visit in visits(rows):
            pages = [e for e in visit if e["event"] == "Page Viewed"]
            expected += [
                {
                    "view_id": e["event_id"],
                    "page": e["page"],
                    "customer": e["customer"],
                    "at": e["occurred_at"],
                    "last": e is pages[-1],
                    "key_section_reached": reached(e["depth"], e["key_depth"]),
                    **chosen(e),
                }
                for e in pages
            ]
    expected.sort(key=lambda row: row["view_id"])
    agree(world.company.rows("page_steps"), expected)


def attempts(rows: list[Row]) -> list[Row]:
    """Attempts at one form by one customer."""
    rank = {"Form Started": 0, "Form Step Completed": 1, "Form Submitted": 2}
    rows = sorted(rows, key=lambda e: (e["occurred_at"], rank[e["event"]], e["event_id"]))
    found: list[Row] = []
    latest = None
    for e in rows:
        now, open_ = e["occurred_at"], found[-1] if found else None
        if e["event"] == "Form Started":
            again = open_ and not open_["ended"] and now - latest <= 30 * MINUTE
            latest = now
            if not again:
                found.append({"first": e, "steps": [], "ended": False, "submitted": None})
        elif open_ and now - open_["first"]["occurred_at"] <= DAY + 30 * MINUTE:
            if e["event"] == "Form Step Completed":
                open_["steps"].append(e["step"])
            elif now - latest <= 30 * MINUTE and open_["submitted"] is None:
                open_["submitted"] = now
        if e["event"] == "Form Submitted" and open_:
            open_["ended"] = True
    return found


def test_form_attempts(world, agree):
    names = {"Form Started", "Form Step Completed", "Form Submitted"}
    events = [e for e in world.seen("events") if e["event"] in names and e["customer"]]
    events.sort(key=lambda e: (e["customer"], e["form"] or ""))
    expected = []
    for _, group in groupby(events, key=lambda e: (e["customer"], e["form"])):
        for one in attempts(list(group)):
            first, done = one["first"], one["submitted"]
            steps = [s for s in one["steps"] if s is not None]
            expected.append(
                {
                    "attempt_id": first["event_id"],
                    "customer": first["customer"],
                    "at": first["occurred_at"],
                    "form": first["form"],
                    "last_step": max(steps) if steps else (None if one["steps"] else 0),
                    "submitted": done is not None,
                    "seconds": done and (done - first["occurred_at"]).total_seconds(),
                    "experiment_arm": first["experiment_arm"],
                    **chosen(first),
                }
            )
    expected.sort(key=lambda row: row["attempt_id"])
    assert any(row["submitted"] for row in expected)
    agree(world.company.rows("form_attempts"), expected)


@pytest.mark.parametrize(
    ("minutes", "kinds", "expected"),
    [
        ((0, 20, 40), "SSE", [(True, 2400.0)]),  # begun again: the clock runs anew
        ((0, 40, 50), "SSE", [(False, None), (True, 600.0)]),  # too late: another attempt
        ((0, 5, 10, 12), "SESE", [(True, 300.0), (True, 120.0)]),  # after a submission: another
        ((0, 30), "SE", [(True, 1800.0)]),
        ((0, 31), "SE", [(False, None)]),
        ((5,), "E", []),
    ],
)
def test_what_is_one_attempt(company, at, minutes, kinds, expected):
    names = {"S": "Form Started", "E": "Form Submitted"}
    company.put(
        "events",
        [
            {
                "event_id": f"{n}",
                "occurred_at": at("2024-01-01") + minute * MINUTE,
                "customer_id": "a",
                "event": names[kind],
            }
            for n, (minute, kind) in enumerate(zip(minutes, kinds, strict=True))
        ],
    )
    found = [(row["submitted"], row["seconds"]) for row in company.rows("form_attempts")]
    assert found == expected


def test_checkouts(world, agree):
    acts = [
        (e["customer"], e["occurred_at"], 0 if e["event"] == "Checkout Started" else 1, e)
        for e in world.seen("events")
        if e["event"] in {"Checkout Started", "Order Completed"} and e["customer"]
    ]
    acts += [
        (o["customer"], o["ordered_at"], 1, {**o, "event_id": o["order_id"]})
        for o in world.seen("orders")
        if o["amount"] >= 0 and o["customer"]
    ]
    acts.sort(key=lambda act: (*act[:3], act[3]["event_id"]))
    expected = []
    for n, (customer, time, kind, e) in enumerate(acts):
        following = acts[n + 1] if n + 1 < len(acts) and acts[n + 1][0] == customer else None
        soon = following is not None and following[1] - time <= 24 * HOUR
        if kind == 0 and not (soon and following[2] == 0):
            expected.append(
                {
                    "checkout_id": e["event_id"],
                    "customer": customer,
                    "at": time,
                    "completed": soon,
                    "experiment_arm": e["experiment_arm"],
                    **chosen(e),
                }
            )
    expected.sort(key=lambda row: row["checkout_id"])
    found = world.company.rows("checkouts")
    assert {row["completed"] for row in found} == {True, False}
    agree(found, expected)


def test_help_visits(world, agree):
    names = {"Help Article Viewed", "Help Searched"}
    helped = [e for e in world.seen("events") if e["event"] in names]
    expected = []
    for rows in by_customer(helped):
        for visit in visits(rows):
            first, last = visit[0], visit[-1]["occurred_at"]
            followed = any(
                t["customer"] == first["customer"]
                and first["occurred_at"] <= t["opened_at"] <= last + 24 * HOUR
                for t in world.seen("tickets")
            )
            topics = [e["topic"] for e in visit if e["topic"] is not None]
            expected.append(
                {
                    "visit_id": first["event_id"],
                    "customer": first["customer"],
                    "at": first["occurred_at"],
                    "ticket_followed": followed,
                    "topic": topics[0] if topics else None,
                    **chosen(first),
                }
            )
    expected.sort(key=lambda row: row["visit_id"])
    found = world.company.rows("help_visits")
    assert {row["ticket_followed"] for row in found} == {True, False}
    agree(found, expected)


def test_first_visits(world, agree):
    orders = world.seen("orders")
    until = min(
        world.until("events", "occurred_at"), world.until("orders", "ordered_at", "delivered_at")
    )
    rules = Rules(conversion_window_days=1)
    expected = []
    for rows in by_customer(world.seen("events")):
        begun = rows[0]["occurred_at"]
        firsts = [e for e in rows if e["occurred_at"] == begun]
        first = next((e for e in firsts if e["event"] == "Page Viewed"), firsts[0])
        times = [e["occurred_at"] for e in rows if e["event"] == "Order Completed"]
        times += [
            o["ordered_at"]
            for o in orders
            if o["customer"] == first["customer"] and o["amount"] >= 0
        ]
        expected.append(
            {
                "customer": first["customer"],
                "at": begun,
                "converted": any(begun <= time <= begun + DAY for time in times),
                "matured": begun + DAY <= until,
                "landing_page": first["page"],
                **chosen(first, "country"),
            }
        )
    agree(world.company.rows("first_visits", rules), expected)


def test_first_value(world, agree):
    events = world.seen("events")
    until = world.until("events", "occurred_at")
    rules = Rules(activation_days=1)
    people = world.people()
    signups: dict[str, Row] = {}
    values: dict[str, dt.datetime] = {}
    for e in sorted(events, key=lambda e: (e["occurred_at"], e["event_id"])):
        if e["customer"] and e["event"] == "Signed Up":
            signups.setdefault(e["customer"], e)
        if e["customer"] and e["event"] == "Value Reached":
            values.setdefault(e["customer"], e["occurred_at"])
    expected = []
    for customer in sorted({*people, *signups}):
        person, signup = people.get(customer, {}), signups.get(customer, {})
        begun = person.get("signed_up_at") or signup.get("occurred_at")
        if begun is None:
            continue
        reached = values.get(customer)
        wait = max((reached or until) - begun, dt.timedelta())
        expected.append(
            {
                "customer": customer,
                "at": begun,
                "hours": pytest.approx(wait / HOUR),
                "reached": reached is not None,
                "activated": reached is not None and wait <= DAY,
                "activation_matured": begun + DAY <= until,
                "country": person.get("country") or signup.get("country"),
                "plan": person.get("plan"),
                "channel": person.get("channel") or signup.get("channel"),
                "device": person.get("device") or signup.get("device"),
            }
        )
    agree(world.company.rows("first_value", rules), expected)


def test_no_value_events_give_no_rows(company, at):
    company.put("customers", [{"customer_id": "a", "signed_up_at": at("2024-01-01")}])
    view = {"event_id": "1", "occurred_at": at("2024-01-02"), "customer_id": "a"}
    company.put("events", [{**view, "event": "Page Viewed"}])
    assert company.rows("first_value") == []
    assert company.rows("first_value", Rules(value_events=())) == []
    assert len(company.rows("first_value", Rules(value_events=("Page Viewed",)))) == 1
