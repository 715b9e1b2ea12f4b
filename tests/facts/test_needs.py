"""What KPIs need is read off the SQL of their facts: tables, columns, events, rules."""

from __future__ import annotations

import pytest

from heedful.definitions.kpi_files import catalogue_kpis, read_catalogue
from heedful.definitions.rules import Rules
from heedful.facts.catalogue import facts
from heedful.facts.inspection import inspect
from heedful.facts.needs import NOTHING, Leaf, Need, either, every, needs, of_values
from heedful.project import CATALOGUE
from heedful.project.instrumenting import needed
from heedful.store import schema

KPIS = {
    name: kpi
    for name, kpi in catalogue_kpis(read_catalogue(CATALOGUE), Rules()).items()
    if not kpi.planned
}
HEAD = """\
says: Things.
grain: one row a thing
key: event_id
reads: [{reads}]
lookback: 0 days
"""


def fact(sql: str, reads: str = "events"):
    found = inspect("things", f"/*\n{HEAD.format(reads=reads)}*/\n{sql}", "facts/things.sql")
    assert found.fact is not None, found.problems
    return found.fact


def column(table: str, name: str) -> Leaf:
    return Leaf("column", table, name)


@pytest.mark.parametrize("name", KPIS)
def test_every_kpi_needs_what_its_fact_reads_and_tables_have(name: str) -> None:
    kpi = KPIS[name]
    one = facts()[str(kpi.fact)]
    leaves = list(needed(kpi, one).leaves())
    assert leaves
    for leaf in leaves:
        if leaf.kind == "rule":
            assert leaf.name in Rules.model_fields
            continue
        assert leaf.table in one.reads
        if leaf.kind in {"column", "value"}:
            assert leaf.name in schema.table(leaf.table).columns
        if leaf.kind == "events":
            assert isinstance(Rules().parameters()[leaf.name], list)


def test_a_duration_needs_the_time_that_ends_it() -> None:
    found = set(needed(KPIS["resolution_time"], facts()["ticket_handling"]).leaves())
    assert {column("tickets", "opened_at"), column("tickets", "resolved_at")} <= found
    assert column("tickets", "sla_due_at") not in found


def test_events_are_needed_by_the_rules_that_name_them() -> None:
    found = set(needed(KPIS["form_abandonment"], facts()["form_attempts"]).leaves())
    assert Leaf("events", "events", "form_started") in found
    assert Leaf("events", "events", "form_submitted") in found
    # One column can be left out, and nobody misses it.
    assert column("events", "seconds") not in found


def test_a_value_that_rows_must_have_is_needed() -> None:
    found = set(needed(KPIS["csat_ai"], facts()["survey_answers"]).leaves())
    assert Leaf("value", "responses", "instrument", "csat") in found


def test_a_rule_that_only_the_company_knows_is_needed() -> None:
    found = set(needed(KPIS["cost_per_resolution"], facts()["ticket_handling"]).leaves())
    assert Leaf("rule", "", "agent_cost_per_hour") in found


def test_a_rule_that_may_be_unset_is_not() -> None:
    found = set(needed(KPIS["lead_win_rate"], facts()["leads_won"]).leaves())
    assert Leaf("rule", "", "lead_window_days") not in found


def test_one_branch_of_a_union_is_enough() -> None:
    one = fact(
        "SELECT u.event_id, u.customer, u.at, u.x FROM (\n"
        "  SELECT e.event_id, e.customer, e.occurred_at AS at, e.seconds AS x FROM events AS e\n"
        "  UNION ALL\n"
        "  SELECT o.order_id, o.customer, o.ordered_at, o.amount FROM orders AS o\n"
        ") AS u\n",
        "events, orders",
    )
    found = needs(one, ["x"])
    orders = {Leaf("table", "orders"), column("orders", "amount")}
    assert found.missing(lambda leaf: leaf in orders) == []
    assert found.missing(lambda leaf: leaf == Leaf("table", "orders")) == [
        column("orders", "amount")
    ]


def test_what_a_row_may_lack_is_no_need() -> None:
    one = fact(
        "SELECT e.event_id, e.customer, e.occurred_at AS at, COUNT(t.ticket_id) AS n\n"
        "FROM events AS e LEFT JOIN tickets AS t ON t.customer = e.customer\n"
        "WHERE e.event IN ($help_events) AND e.device IS NOT NULL\n"
        "GROUP BY e.event_id, e.customer, e.occurred_at\n",
        "events, tickets",
    )
    assert set(needs(one, ["at"]).leaves()) == {
        Leaf("table", "events"),
        Leaf("events", "events", "help_events"),
        column("events", "occurred_at"),
    }
    assert column("tickets", "ticket_id") in set(needs(one, ["n"]).leaves())


def test_columns_that_facts_see_are_made_of_others() -> None:
    one = fact(
        "SELECT t.ticket_id AS event_id, t.customer, t.opened_at AS at, t.stage, t.known\n"
        "FROM tickets AS t\n",
        "tickets",
    )
    assert set(needs(one, ["stage"]).leaves()) == {
        Leaf("table", "tickets"),
        column("tickets", "touchpoint"),
    }
    known = needs(one, ["known"])
    for name in ("customer_id", "anonymous_id"):
        there = {Leaf("table", "tickets"), column("tickets", name)}
        assert known.missing(lambda leaf, there=there: leaf in there) == []


def test_a_value_is_only_needed_of_a_column_as_it_stands() -> None:
    one = fact(
        "SELECT r.response_id AS event_id, r.customer, r.answered_at AS at, r.instrument,\n"
        "  LOWER(r.survey) AS kind FROM responses AS r\n",
        "responses",
    )
    assert of_values(one, "instrument", "nps").of == (
        Leaf("value", "responses", "instrument", "nps"),
    )
    assert of_values(one, "kind", "nps").of == ()


A, B, C = (Leaf("table", name) for name in ("events", "orders", "tickets"))


def test_of_alternatives_the_nearest_is_missing() -> None:
    found = every([A, either([every([B, C]), every([B])])])
    assert found.missing(lambda _: False) == [A, B]
    assert found.missing(lambda leaf: leaf in {A, B}) == []
    assert either([every([A]), NOTHING]) == NOTHING
    assert every([]).missing(lambda _: False) == []
    assert every([every([A]), A, Need(True, (A, B))]).of == (A, Need(True, (A, B)))
