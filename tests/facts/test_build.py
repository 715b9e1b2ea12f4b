"""Building whole facts and parts of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedful.definitions.problem import ProjectError
from heedful.definitions.rules import Rules
from heedful.facts.build import build
from heedful.facts.catalogue import facts
from heedful.facts.inspection import inspect
from heedful.facts.rendering import attributes, signature

PARTS = sorted(name for name, fact in facts().items() if not fact.lookback.whole)
DATES = st.dates(dt.date(2024, 3, 28), dt.date(2024, 4, 4))


def own(sql: str, head: str = "reads: [events]\nlookback: 1 day"):
    text = f"/*\nsays: x\ngrain: y\nkey: customer\n{head}\n*/\n{sql}"
    found = inspect("own", text, "facts/own.sql", own=True)
    assert found.problems == ()
    return found.fact


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(days=st.tuples(DATES, DATES), name=st.sampled_from(PARTS))
def test_a_part_gives_what_the_whole_gives(world, days, name):
    """Rows of the days are first put wrong, so that only a right rebuild mends them."""
    company = world.company
    company.build(name)
    expected = company.stored(name)
    since, until = min(days), max(days)
    where = f"day >= DATE '{since}' AND day <= DATE '{until}'"
    empty = company.facts.open(name).to_pyarrow_table().schema.empty_table()
    company.facts.replace(name, empty, where=where)
    outside = [row for row in expected if not since <= row["day"] <= until]
    assert company.stored(name) == outside
    built = company.build(name, since=since, until=until)
    assert (built.since, built.until) == (since, until)
    assert built.rows == len(expected) - len(outside)
    assert company.stored(name) == expected


@pytest.mark.parametrize("name", ["sessions", "form_attempts", "checkouts", "help_visits"])
def test_parts_with_other_rules(world, name):
    rules = Rules(
        session_gap_minutes=95,
        form_window_minutes=600,
        checkout_window_hours=3,
        self_service_window_hours=50,
        lead_window_days=2,
    )
    company = world.company
    company.build(name, rules)
    expected = company.stored(name)
    for day in range(29, 33):
        date = dt.date(2024, 3, 1) + dt.timedelta(days=day - 1)
        company.build(name, rules, since=date, until=date)
        assert company.stored(name) == expected


def test_late_rows_are_taken_in_and_the_rest_is_left(company, at):
    view = {"customer_id": "a", "event": "Page Viewed"}
    company.put("events", [{**view, "event_id": "1", "occurred_at": at("2024-01-01T22:55")}])
    assert company.build("sessions").rows == 1
    company.put("events", [{**view, "event_id": "2", "occurred_at": at("2024-01-01T23:05")}])
    built = company.build("sessions", since=dt.date(2024, 1, 1), until=dt.date(2024, 1, 2))
    assert (built.rows, built.version) == (1, 1)
    (row,) = company.stored("sessions")
    assert (row["day"], row["pages"], row["seconds"]) == (dt.date(2024, 1, 1), 2, 600.0)
    touched = company.facts.touched_since("sessions", 0)
    assert [(one.since, one.until) for one in touched] == [("2024-01-01", "2024-01-02")]


def test_the_day_is_the_projects_day(company, at):
    order = {"customer_id": "a", "amount": 1}
    times = ["2024-03-30T22:59", "2024-03-30T23:00", "2024-03-31T21:59", "2024-03-31T22:00"]
    company.put(
        "orders",
        [{**order, "order_id": str(n), "ordered_at": at(time)} for n, time in enumerate(times)],
    )
    found = [row["day"].day for row in company.rows("purchases")]
    assert found == [30, 31, 31, 1]


def test_the_bucket_is_md5_of_the_customer(world):
    for row in world.company.rows("survey_answers"):
        digits = hashlib.md5(row["customer"].encode()).hexdigest()[:2]
        assert row["bucket"] == int(digits, 16) % 64


def test_empty_tables_give_empty_facts(company):
    prepared, day = company.prepared(), dt.date(2024, 1, 1)
    for fact in facts().values():
        assert build(fact, prepared, company.facts).rows == 0
        assert company.stored(fact.name) == []
        assert build(fact, prepared, company.facts, since=day, until=day).rows == 0


@pytest.mark.parametrize("name", sorted(facts()))
def test_columns_and_keys(world, name):
    """The columns are those that the header describes, and the key is one."""
    rows = world.company.rows(name)
    fact = facts()[name]
    extra = attributes(fact, world.company.prepared())
    assert rows or name in {"lifetimes", "renewals"}
    for row in rows:
        assert set(row) == {*fact.columns, *extra, "day", "bucket"}
        assert row["customer"] is not None
    keys = [tuple(row[one] for one in fact.key) for row in rows]
    assert len(set(keys)) == len(keys)


def test_stored_types(world):
    world.company.build("purchases")
    kinds = world.company.facts.open("purchases").schema().to_arrow()
    types = {field.name: pa.field(field).type for field in kinds}
    assert types["at"] == pa.timestamp("us", tz="UTC")
    assert types["net_amount"] == pa.decimal128(18, 4)
    assert types["refunded"] == pa.bool_()
    assert types["is_order"] == pa.int32()


def test_a_new_attribute_means_a_whole_build(company, at):
    order = {"customer_id": "a", "amount": Decimal(1)}
    company.put("orders", [{**order, "order_id": "1", "ordered_at": at("2024-01-01")}])
    company.build("purchases")
    company.put(
        "orders", [{**order, "order_id": "2", "ordered_at": at("2024-01-02"), "shop": "north"}]
    )
    built = company.build("purchases", since=dt.date(2024, 1, 2), until=dt.date(2024, 1, 2))
    assert (built.since, built.rows) == (None, 2)
    assert [row["shop"] for row in company.stored("purchases")] == [None, "north"]


def test_attributes_never_hide_a_column(company, at):
    order = {"customer_id": "a", "amount": Decimal(1), "ordered_at": at("2024-01-01")}
    odd = {
        "day": "x",
        "bucket": "x",
        "stage": "x",
        "customer": "x",
        "known": "x",
        "net_amount": "x",
    }
    company.put("orders", [{**order, "order_id": "1", **odd, 'shop "1"': "north"}])
    (row,) = company.rows("purchases")
    assert row["customer"] == "a"
    assert row["stage"] is None
    assert row['shop "1"'] == "north"


def test_own_facts_are_built_like_the_others(company, at):
    view = {"event": "Page Viewed", "customer_id": "a"}
    company.put("events", [{**view, "event_id": "1", "occurred_at": at("2024-01-01")}])
    fact = own(
        "SELECT e.customer, MIN(e.occurred_at) AS at, SUM(1) AS views, CAST(1.5 AS FLOAT) AS f, "
        "CAST(2.345 AS DECIMAL(9, 3)) AS d, NULL AS nothing FROM events AS e "
        "WHERE e.event IN ($page_events) GROUP BY e.customer"
    )
    company.build(fact)
    (row,) = company.stored("own")
    assert (row["views"], row["f"], row["d"], row["nothing"]) == (1, 1.5, Decimal("2.345"), None)


@pytest.mark.parametrize(
    ("items", "line", "found"),
    [
        ("e.customer,\n  e.tpyo", 9, 'Values list "e" does not have a column named "tpyo"'),
        ("e.event AS customer, [1] AS many", 1, 'column "many" is of type INTEGER[]; cast it to'),
        ("e.customer", 1, '1 rows or more have no "customer"; leave them out, or give them'),
        ("e.event AS customer, CAST(e.event AS INTEGER) AS n", 8, "Conversion Error: Could not"),
    ],
)
def test_own_facts_that_cannot_be_built(company, at, items, line, found):
    view = {"event": "Page Viewed", "event_id": "1", "occurred_at": at("2024-01-01")}
    company.put("events", [view])
    with pytest.raises(ProjectError) as raised:
        company.build(own(f"SELECT e.occurred_at AS at, {items} FROM events AS e"))
    (problem,) = raised.value.problems
    assert (problem.file, problem.line) == ("facts/own.sql", line)
    assert found in str(problem)
    assert not company.facts.exists("own")


def test_a_failed_build_leaves_what_was_there(company, at):
    view = {"event": "Page Viewed", "event_id": "1", "occurred_at": at("2024-01-01")}
    company.put("events", [{**view, "customer_id": "a"}])
    fact = own("SELECT e.customer, e.occurred_at AS at FROM events AS e")
    company.build(fact)
    company.put("events", [{**view, "event_id": "2"}])
    with pytest.raises(ProjectError):
        company.build(fact)
    assert [row["customer"] for row in company.stored("own")] == ["a"]


def test_the_signature_changes_with_what_decides_the_rows(company, at):
    company.put("customers", [{"customer_id": "a", "is_staff": False}])
    fact, other = facts()["sessions"], facts()["purchases"]
    before = signature(fact, company.prepared())
    assert signature(fact, company.prepared()) == before
    company.put("customers", [{"customer_id": "b", "is_staff": False}])
    assert signature(fact, company.prepared()) == before
    changed = company.prepared(Rules(session_gap_minutes=20))
    assert signature(fact, changed) != before
    assert signature(other, changed) == signature(other, company.prepared())
    company.put("customers", [{"customer_id": "c", "is_staff": True}])
    excluded = signature(fact, company.prepared())
    assert excluded != before
    company.put("identities", [{"alias_id": "x", "customer_id": "a"}])
    assert signature(fact, company.prepared()) not in {before, excluded}


def test_two_builds_share_what_was_prepared(company, at):
    company.put("events", [{"event_id": "1", "occurred_at": at("2024-01-01"), "event": "x"}])
    prepared = company.prepared()
    for name in ("sessions", "page_steps"):
        assert build(facts()[name], prepared, company.facts).rows == 0
    assert prepared.versions == {"events": 0}
