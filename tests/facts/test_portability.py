"""Facts are written so that another engine gives the same numbers."""

from __future__ import annotations

import pytest
from sqlglot import ErrorLevel, exp, parse_one

from heedful.facts import relations
from heedful.facts.catalogue import FOLDER, facts
from heedful.facts.inspection import inspect
from heedful.facts.rendering import render

TEXTS = {
    path.stem: path.read_text(encoding="utf-8")
    for folder in (FOLDER, relations.FOLDER)
    for path in sorted(folder.glob("*.sql"))
}
# Functions that were seen to give the same on both engines, or that have one meaning only.
FUNCTIONS = {
    "ABS",
    "AND",
    "CASE",
    "CAST",
    "COALESCE",
    "COUNT",
    "EPOCH_US",
    "EXISTS",
    "FIRST_VALUE",
    "FLOOR",
    "GREATEST",
    "IF",
    "IS_NAN",
    "LAG",
    "LEAD",
    "LEAST",
    "LOGICAL_OR",
    "MAX",
    "MIN",
    "MONTH",
    "OR",
    "ROW_NUMBER",
    "SUBSTRING",
    "SUM",
    "TIMESTAMP_TRUNC",
    "TRIM",
    "YEAR",
}
# They need an order in which no two rows are the same.
ORDERED = (exp.RowNumber, exp.FirstValue, exp.Lag, exp.Lead)
KEYS = {"event_id", "act_id", "order_id", "subscription_id", "ticket_id", "slot", "starts"}
KEYS |= {"delivery_id", "begun"}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_what_ships_is_right_and_described(name):
    found = inspect(name, TEXTS[name], f"{name}.sql")
    assert found.problems == ()
    assert all(found.fact.columns.values()), "every column is described"
    assert found.fact.says.endswith(".")


@pytest.mark.parametrize("name", sorted(facts()))
def test_facts_become_spark_without_a_warning(company, name):
    query = render(facts()[name], company.prepared())
    sql = query.sql("spark", unsupported_level=ErrorLevel.RAISE, identify=True)
    parse_one(sql, dialect="spark")
    assert "$" not in sql


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_only_portable_functions(name):
    query = parse_one(TEXTS[name], dialect="duckdb")
    used = {
        one.this.upper() if isinstance(one, exp.Anonymous) else one.sql_name()
        for one in query.find_all(exp.Func)
    }
    assert used <= FUNCTIONS | {"ATTRIBUTES"}
    assert not list(query.find_all(exp.Qualify, exp.Interval, exp.Pivot, exp.Filter))


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_windows_have_a_tie_breaker(name):
    query = parse_one(TEXTS[name], dialect="duckdb")
    for window in query.find_all(exp.Window):
        order = window.args.get("order")
        framed = window.args.get("spec") is not None
        if framed or isinstance(window.this, ORDERED):
            assert order is not None
            assert order.expressions[-1].this.name in KEYS | {"holds"}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_sums_are_cast_to_a_type_that_both_have(name, company):
    """A sum of integers is a HUGEINT, which only one engine has; the build stores a BIGINT."""
    if name in relations.names():
        return
    prepared = company.prepared()
    fact = facts()[name]
    prepared.views((*fact.reads, *fact.relations))
    columns = prepared.engine.columns(render(fact, prepared).sql("duckdb", identify=True))
    assert "HUGEINT" not in columns.values()
