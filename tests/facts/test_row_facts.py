"""Facts with a row for a row of their table, against row-by-row implementations."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from heedful.definitions.rules import Rules

Row = dict[str, Any]
PLACE = ("touchpoint", "stage", "ai", "device", "channel")
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def chosen(row: Row, *columns: str) -> Row:
    return {one: row.get(one) for one in (*columns, *PLACE)}


def test_survey_answers(world, agree):
    least = {"nps": 0}
    most = {"nps": 10, "ces": 7}
    expected = [
        {
            "response_id": r["response_id"],
            "customer": r["customer"] or f"response:{r['response_id']}",
            "at": r["answered_at"],
            "score": r["score"],
            "scale_min": least.get(r["instrument"], 1),
            "scale_max": r["scale_max"] or most.get(r["instrument"], 5),
            "weight": None,
            **chosen(r, "instrument", "language", "survey", "comment"),
        }
        for r in world.seen("responses")
    ]
    agree(world.company.rows("survey_answers"), expected)


def test_survey_invitations(world, agree):
    answers = {r["invitation_id"] for r in world.seen("responses")}
    expected = [
        {
            "invitation_id": i["invitation_id"],
            "customer": i["customer"] or f"invitation:{i['invitation_id']}",
            "at": i["shown_at"],
            "answered": i["invitation_id"] in answers,
            **chosen(i, "instrument"),
        }
        for i in world.seen("invitations")
    ]
    agree(world.company.rows("survey_invitations"), expected)


def test_purchases(world, agree):
    expected = []
    for o in world.seen("orders"):
        amount, back = o["amount"], o["refunded_amount"] or 0
        bought = amount >= 0
        late = o["delivered_at"] and o["promised_at"] and o["delivered_at"] > o["promised_at"]
        expected.append(
            {
                "order_id": o["order_id"],
                "customer": o["customer"] or f"order:{o['order_id']}",
                "at": o["ordered_at"],
                "is_order": int(bought),
                "gross_amount": amount if bought else 0,
                "refunded_amount": back if bought else -amount,
                "net_amount": amount - back if bought else amount,
                "refunded": back > 0 if bought else None,
                "late": late,
                **chosen(o),
            }
        )
    agree(world.company.rows("purchases"), expected)


def test_first_purchases(world, agree):
    orders = [o for o in world.seen("orders") if o["known"] and o["amount"] >= 0]
    until = world.until("orders", "ordered_at", "delivered_at")
    expected = []
    for customer in sorted({o["customer"] for o in orders}):
        mine = [o for o in orders if o["customer"] == customer]
        mine.sort(key=lambda o: (o["ordered_at"], o["order_id"]))
        begun = mine[0]["ordered_at"]
        expected.append(
            {
                "customer": customer,
                "at": begun,
                "repeated": any(begun < o["ordered_at"] <= begun + DAY for o in mine),
                "matured": begun + DAY <= until,
                **chosen(mine[0], "order_id"),
            }
        )
    agree(world.company.rows("first_purchases", Rules(repeat_window_days=1)), expected)


@pytest.mark.parametrize("days", [None, 1])
def test_leads_won(world, agree, days):
    until = world.until("leads", "created_at", "qualified_at", "won_at")
    expected = []
    for lead in world.seen("leads"):
        begun, won = lead["created_at"], lead["won_at"]
        expected.append(
            {
                "lead_id": lead["lead_id"],
                "customer": lead["customer"] or f"lead:{lead['lead_id']}",
                "at": begun,
                "won": won is not None and (days is None or won - begun <= days * DAY),
                "matured": days is None or begun + days * DAY <= until,
                "qualified": lead["qualified_at"] is not None,
                **chosen(lead, "origin", "landing_page"),
            }
        )
    agree(world.company.rows("leads_won", Rules(lead_window_days=days)), expected)


def test_ai_answers(world, agree):
    expected = [
        {
            "output_id": a["output_id"],
            "customer": a["customer"] or f"output:{a['output_id']}",
            "at": a["produced_at"],
            "has_rationale": a["rationale"] == "because",
            "has_policy": a["policy"] is not None,
            "has_confidence": a["confidence"] is not None,
            "reviewed": a["review_passed"] is not None,
            **chosen(a, "kind", "explanation_shown", "overridden", "review_passed"),
        }
        for a in world.seen("ai_outputs")
    ]
    agree(world.company.rows("ai_answers"), expected)


def handled(t: Row, until: dt.datetime) -> Row:
    opened, first, last = t["opened_at"], t["first_resolved_at"], t["resolved_at"]
    answered = t["first_response_at"]
    waited = (answered or first or last or until) - opened
    lasted = (last or until) - opened
    ever = first is not None or last is not None
    reopened = False
    if ever and t["reopens"] is not None:
        reopened = t["reopens"] > 0
    elif ever:
        reopened = None if first is None else last is None or last > first
    return {
        "ticket_id": t["ticket_id"],
        "customer": t["customer"] or f"ticket:{t['ticket_id']}",
        "at": opened,
        "first_response_hours": pytest.approx(waited / HOUR) if waited >= 0 * DAY else None,
        "responded": answered is not None,
        "resolution_hours": pytest.approx(lasted / HOUR) if lasted >= 0 * DAY else None,
        "resolved": last is not None,
        "ever_resolved": ever,
        "reopened": reopened,
        "clock_error": any(time is not None and time < opened for time in (answered, first, last)),
        **chosen(t, "escalated"),
    }


def test_ticket_handling(world, agree):
    times = ("opened_at", "first_response_at", "first_resolved_at", "resolved_at")
    until = world.until("tickets", *times)
    expected = [handled(t, until) for t in world.seen("tickets")]
    agree(world.company.rows("ticket_handling"), expected)


def test_a_source_that_knows_no_answers_says_nothing_about_them(company, at):
    ticket = {"opened_at": at("2024-01-01"), "customer_id": "a"}
    company.put(
        "tickets",
        [
            {**ticket, "ticket_id": "1", "resolved_at": at("2024-01-02")},
            {**ticket, "ticket_id": "2", "updated_at": at("2024-01-03")},
        ],
    )
    rows = company.rows("ticket_handling")
    assert [(r["responded"], r["first_response_hours"]) for r in rows] == [(None, None)] * 2
    assert [(r["resolved"], r["resolution_hours"]) for r in rows] == [(True, 24.0), (False, 48.0)]


def test_one_touch_and_service_level(company, at):
    ticket = {"opened_at": at("2024-01-01T10:00"), "customer_id": "a"}
    done = {"resolved_at": at("2024-01-01T12:00")}
    due = {"sla_due_at": at("2024-01-01T11:00")}
    answered = {"first_response_at": at("2024-01-01T11:00")}
    company.put(
        "tickets",
        [
            {**ticket, **done, "ticket_id": "1", "replies": 1, "transfers": 0, **due, **answered},
            {**ticket, **done, "ticket_id": "2", "replies": 1, "transfers": 1, **due},
            {**ticket, **done, "ticket_id": "3"},
            {**ticket, "ticket_id": "4", "sla_due_at": at("2099-01-01")},
            # One reply, but whether it was handed around nobody knows.
            {**ticket, **done, "ticket_id": "5", "replies": 1},
        ],
    )
    found = [(row["one_touch"], row["sla_met"]) for row in company.rows("ticket_handling")]
    assert found == [(True, True), (False, False), (None, None), (None, None), (None, None)]


def test_times_before_the_opening_are_told(company, at):
    ticket = {"opened_at": at("2024-01-02"), "customer_id": "a"}
    company.put(
        "tickets",
        [
            {**ticket, "ticket_id": "1", "first_response_at": at("2024-01-01")},
            {**ticket, "ticket_id": "2", "resolved_at": at("2024-01-01")},
            {**ticket, "ticket_id": "3", "first_response_at": at("2024-01-02")},
        ],
    )
    rows = company.rows("ticket_handling")
    assert [row["clock_error"] for row in rows] == [True, True, False]
    assert [row["first_response_hours"] for row in rows] == [None, None, 0.0]
    assert [row["resolution_hours"] for row in rows] == [0.0, None, 0.0]
