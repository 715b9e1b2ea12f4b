"""Values get into the SQL of facts as values."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import parse_one

from heedful.definitions.parameters import substitute
from heedful.definitions.rules import Rules
from heedful.facts import lookback, parameters

NASTY = st.text(alphabet="'\"\\;-$/*)(,\n\x00aé", max_size=12).filter(lambda t: "\x00" not in t)


def query(sql, given):
    return substitute(parse_one(sql, dialect="duckdb"), given).sql("duckdb")


@given(NASTY)
def test_any_text_comes_out_as_it_went_in(text):
    assert duckdb.sql(query("SELECT $x AS x", {"x": text})).fetchall() == [(text,)]


@given(st.lists(NASTY, max_size=4), NASTY)
def test_any_list_is_a_list(names, probe):
    sql = query("SELECT COALESCE($x IN ($names), FALSE) AS x", {"names": names, "x": probe})
    assert duckdb.sql(sql).fetchall() == [(probe in names,)]


def test_what_values_become():
    given = {
        "none": None,
        "names": [],
        "day": dt.date(2024, 1, 2),
        "events_until": dt.datetime(2024, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        "orders_until": None,
        "n": 30,
        "yes": True,
    }
    assert query("SELECT $none, 1 IN ($names), $day, $n, $yes", given) == (
        "SELECT NULL, 1 IN (NULL), CAST('2024-01-02' AS DATE), CAST(30 AS BIGINT), TRUE"
    )
    assert query("SELECT $events_until, $orders_until", given) == (
        "SELECT CAST('2024-01-01 00:00:00+00:00' AS TIMESTAMPTZ), CAST(NULL AS TIMESTAMPTZ)"
    )


def test_a_rule_with_a_quote_is_only_a_name(company, at):
    name = "Bob's') OR ('1'='1"
    rules = Rules(form_started=(name,))
    event = {"occurred_at": at("2024-01-01"), "customer_id": "a"}
    company.put(
        "events",
        [{**event, "event_id": "1", "event": name}, {**event, "event_id": "2", "event": "x"}],
    )
    assert [row["attempt_id"] for row in company.rows("form_attempts", rules)] == ["1"]


def test_whether_orders_convert_or_are_activity():
    assert parameters.values(Rules())["orders_convert"]
    assert parameters.values(Rules())["orders_active"]
    found = parameters.values(Rules(conversion_events=("A",), active_events=("A",)))
    assert not found["orders_convert"]
    assert not found["orders_active"]
    assert found["any_active_events"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0 days", 0), ("90 minutes", 5400), ("1 day + $n hours", 93_600), ("$none days", 0)],
)
def test_spans(text, seconds):
    span = lookback.parse(text).span({"n": 2, "none": None})
    assert span == dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "day", "1 week", "1 day +", "-1 day", "1.5 days", "All"])
def test_what_is_no_span(text):
    with pytest.raises(ValueError, match=r".*"):
        lookback.parse(text)
