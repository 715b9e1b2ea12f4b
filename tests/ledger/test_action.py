"""Actions change while they are open; what was measured stays."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from heedful.ledger.action import Actions
from heedful.ledger.outcome import Outcome
from heedful.ledger.refusal import RefusedError

WAITING = Outcome("waiting", "Wait.", until=date(2026, 10, 5))
MEASURED = Outcome("measured", "Better.", before=0.7, after=0.8, difference=0.1, verdict="better")


@pytest.fixture
def actions(database, audit):
    return Actions(database, audit)


def make(actions, title="Shorten the form", due=date(2026, 9, 14), **more):
    values = {"title": title, "owner": "cx", "due": due, "grain": "week", "kpi": "csat"}
    more = (
        dict.fromkeys(
            ("finding", "stage", "dimension", "segment", "value", "expected", "pattern", "playbook")
        )
        | more
    )
    return actions.add("ada", **values, **more)


def close(actions, action, on=date(2026, 9, 7)):
    values = {"state": "done", "done_on": on, "closed_at": action.made_at, "closed_by": "ada"}
    return actions.change(action.id, "ada", "closed", values)


def test_none_yet(actions):
    assert actions.all() == []
    assert actions.find(1) is None


def test_comes_back_as_it_was_made(actions):
    made = make(actions, expected=0.85, value=0.7, dimension="device", segment="mobile")
    assert actions.find(made.id) == made
    assert (made.state, made.made_by, made.outcome) == ("open", "ada", None)


def test_open_ones_by_due_date_then_the_newest_of_the_rest(actions):
    late, soon = make(actions, "late", date(2026, 12, 1)), make(actions, "soon")
    first, second = make(actions, "first"), make(actions, "second")
    close(actions, first)
    close(actions, second)
    assert [each.title for each in actions.all()] == ["soon", "late", "second", "first"]
    assert [each.id for each in actions.all("open")] == [soon.id, late.id]
    assert late.late(date(2026, 12, 2))
    assert not late.late(date(2026, 12, 1))
    assert not actions.find(first.id).late(date(2030, 1, 1))


def test_only_open_ones_change_and_each_change_is_written_down(actions, audit):
    made = make(actions)
    actions.change(made.id, "bob", "changed", {"owner": "growth"}, lambda was: f"was {was.owner}")
    close(actions, made)
    for _ in range(2):
        with pytest.raises(RefusedError, match="is done; only open ones"):
            actions.change(made.id, "bob", "changed", {"owner": "cx"})
    with pytest.raises(RefusedError, match="not there"):
        actions.change(99, "bob", "changed", {"owner": "cx"})
    assert [(each.who, each.verb, each.detail) for each in audit.all()] == [
        ("ada", "closed", None),
        ("bob", "changed", "was cx"),
        ("ada", "made", "Shorten the form; cx, due 2026-09-14"),
    ]


def test_an_outcome_is_replaced_until_it_is_measured(actions, audit):
    made = make(actions)
    assert not actions.keep(made.id, WAITING, "heedful")
    close(actions, made)
    assert actions.keep(made.id, WAITING, "heedful")
    assert not actions.keep(made.id, WAITING, "heedful")
    assert actions.find(made.id).outcome == WAITING
    assert actions.keep(made.id, MEASURED, "heedful")
    assert not actions.keep(made.id, WAITING, "heedful")
    assert actions.find(made.id).outcome == MEASURED
    assert [each.verb for each in audit.all()] == ["measured", "closed", "made"]


def test_the_database_refuses_to_change_what_was_measured(actions, database):
    made = make(actions)
    close(actions, made)
    actions.keep(made.id, MEASURED, "heedful")
    rows = database.tables.actions
    for values in ({"outcome": "{}"}, {"measured_at": None}, {"done_on": date(2026, 1, 1)}):
        with (
            pytest.raises(IntegrityError, match="a measured outcome stays as it was measured"),
            database.begin() as connection,
        ):
            connection.execute(update(rows).values(**values))
    with database.begin() as connection:
        connection.execute(update(rows).values(note="still free"))
    assert actions.find(made.id).outcome == MEASURED


def test_opened_again_until_it_is_measured(actions, audit):
    made = make(actions)
    with pytest.raises(RefusedError, match="is open"):
        actions.reopen(made.id, "ada")
    close(actions, made)
    actions.keep(made.id, WAITING, "heedful")
    again = actions.reopen(made.id, "ada")
    assert again == made
    close(actions, made)
    actions.keep(made.id, MEASURED, "heedful")
    with pytest.raises(RefusedError, match="was measured"):
        actions.reopen(made.id, "ada")
    assert [each.verb for each in audit.all()] == [
        "measured",
        "closed",
        "opened again",
        "closed",
        "made",
    ]


def test_what_a_newer_version_kept_can_be_read():
    text = MEASURED.as_json().replace('"state"', '"weather": "fine", "state"', 1)
    assert Outcome.from_json(text) == MEASURED
