"""What is known of tickets and of conversations with machines, against row-by-row walks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from heedful.definitions.rules import Rules

Row = dict[str, Any]
DAY = dt.timedelta(days=1)
PLACE = ("touchpoint", "stage", "device", "channel")
TIMES = ("opened_at", "first_response_at", "first_resolved_at", "resolved_at")


def repeated(ticket: Row, tickets: list[Row], until: dt.datetime, days: int) -> bool | None:
    """Whether another came, by looking at every ticket of the customer."""
    if None in (ticket["customer"], ticket["topic"]) or until - ticket["opened_at"] < days * DAY:
        return None
    order = (ticket["opened_at"], ticket["ticket_id"])
    topics = {
        one["topic"]
        for one in tickets
        if one["customer"] == ticket["customer"]
        and (one["opened_at"], one["ticket_id"]) > order
        and one["opened_at"] - ticket["opened_at"] <= days * DAY
    }
    if ticket["topic"] in topics:
        return True
    return None if None in topics else False


def one_touch(ticket: Row) -> bool | None:
    if ticket["resolved_at"] is None or None in (ticket["replies"], ticket["transfers"]):
        return None
    return ticket["replies"] <= 1 and ticket["transfers"] == 0


RULES = (
    Rules(repeat_contact_days=1),
    Rules(
        repeat_contact_days=2,
        agent_cost_per_hour=36.0,
        tool_cost_per_ticket=0.5,
        complaint_topics=("bill", "it's"),
    ),
)


@pytest.mark.parametrize("rules", RULES)
def test_tickets_one_by_one(world, agree, rules):
    tickets = world.seen("tickets")
    until = world.until("tickets", *TIMES)
    rate, days = rules.agent_cost_per_hour, rules.repeat_contact_days
    expected = []
    for t in tickets:
        minutes = t["agent_minutes"]
        known = None not in (minutes, rate)
        cost = minutes / 60 * rate + rules.tool_cost_per_ticket if known else None
        expected.append(
            {
                "ticket_id": t["ticket_id"],
                "at": t["opened_at"],
                "one_touch": one_touch(t),
                "repeated": repeated(t, tickets, until, days),
                "cost": None if cost is None else pytest.approx(cost),
                "complaint": bool(t["is_complaint"]) or t["topic"] in rules.complaint_topics,
                "transfers": t["transfers"],
                "agent_minutes": minutes,
            }
        )
    agree(world.company.rows("ticket_handling", rules), expected)
    assert {row["repeated"] for row in expected} == {True, False, None}


def test_a_source_without_complaints_says_nothing_about_them(company, at):
    ticket = {"opened_at": at("2024-01-01"), "customer_id": "a", "topic": "bill"}
    company.put(
        "tickets",
        [
            {**ticket, "ticket_id": "1"},
            {**ticket, "ticket_id": "2", "is_complaint": False},
        ],
    )
    assert [row["complaint"] for row in company.rows("ticket_handling")] == [None, False]
    named = Rules(complaint_topics=("bill",))
    assert [row["complaint"] for row in company.rows("ticket_handling", named)] == [True, True]


def test_the_last_days_tell_nothing_of_repeats(company, at):
    """Else those who came back at once would count before those who did not."""
    ticket = {"customer_id": "a", "topic": "bill"}
    times = ["2024-01-01", "2024-01-08", "2024-01-08", "2024-01-15T00:01"]
    company.put(
        "tickets",
        [{**ticket, "ticket_id": str(n), "opened_at": at(time)} for n, time in enumerate(times)],
    )
    found = [row["repeated"] for row in company.rows("ticket_handling")]
    assert found == [True, True, False, None]


def misunderstood(talk: Row) -> bool | None:
    counts = [talk[name] for name in ("rephrases", "fallbacks", "corrections")]
    return None if counts == [None] * 3 else any(counts)


def test_conversations_with_machines(world, agree):
    expected = [
        {
            "conversation_id": c["conversation_id"],
            "customer": c["customer"] or f"conversation:{c['conversation_id']}",
            "at": c["started_at"],
            "misunderstood": misunderstood(c),
            "handed_over": c["handed_over_at"] is not None or bool(c["handed_over"]),
            **{name: c[name] for name in ("turns", "resolved", "topic", *PLACE)},
        }
        for c in world.seen("conversations")
        if c["ai"]
    ]
    agree(world.company.rows("ai_conversations"), expected)
    assert {row["misunderstood"] for row in expected} == {True, False, None}


def test_a_source_without_handovers_says_nothing_about_them(company, at):
    talk = {"started_at": at("2024-01-01"), "touchpoint": "chatbot"}
    company.put(
        "conversations",
        [
            {**talk, "conversation_id": "1"},
            {**talk, "conversation_id": "2", "handed_over": False},
            # A person's, which says nothing about machines.
            {**talk, "conversation_id": "3", "touchpoint": "lobby", "handed_over": True},
        ],
    )
    assert [row["handed_over"] for row in company.rows("ai_conversations")] == [None, False]
    company.put(
        "conversations", [{**talk, "conversation_id": "4", "handed_over_at": at("2024-01-02")}]
    )
    found = [row["handed_over"] for row in company.rows("ai_conversations")]
    assert found == [False, False, True]


def test_what_can_be_traced(world, agree):
    named = ("model", "model_version", "inputs", "reviewer")
    expected = [
        {
            "output_id": a["output_id"],
            "at": a["produced_at"],
            "auditable": all((a[name] or "").strip() for name in named),
            "traceable": all(a[name] is not None for name in named[:3]),
        }
        for a in world.seen("ai_outputs")
    ]
    agree(world.company.rows("ai_answers"), expected)
    assert {row["auditable"] for row in expected} == {True, False}
