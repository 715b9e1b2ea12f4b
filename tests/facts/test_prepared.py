"""The tables as facts see them."""

from __future__ import annotations

import datetime as dt

import pytest

from heedful.definitions.problem import ProjectError
from heedful.definitions.rules import Rules
from heedful.facts.relations import MONTHS
from heedful.store import schema


def seen(company, table, rules=None, **window):
    prepared = company.prepared(rules)
    prepared.views([table], **window)
    rows = prepared.engine.query(f"SELECT * FROM {table}").to_pylist()
    return sorted(rows, key=lambda row: str(row.get(schema.table(table).key)))


@pytest.mark.parametrize("table", schema.names())
def test_every_table_is_a_view_without_bookkeeping(company, table):
    prepared = company.prepared()
    prepared.views([table])
    columns = prepared.engine.columns(f"SELECT * FROM {table}")
    known = schema.table(table).columns
    for column in known.values():
        assert columns[column.name].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ").replace(
            "DECIMAL(18,4)", "DECIMAL(18, 4)"
        ) == (column.sql_type)
    added = {"customer", "known"} if "customer_id" in known else set()
    added |= {"stage", "ai"} if "touchpoint" in known else set()
    added |= {"boxes"} if table == "responses" else set()
    assert set(columns) == {*known, *added}


@pytest.mark.parametrize("table", ["events", "orders", "tickets", "responses", "customers"])
def test_rows_are_those_that_the_rules_leave(world, table):
    key = schema.table(table).key
    names = (key, "customer", "known", "touchpoint", "stage", "ai")
    expected = [{n: row[n] for n in names if n in row} for row in world.seen(table)]
    if table == "customers":
        expected = [{"customer_id": r["customer_id"]} for r in world.people().values()]
    found = [
        {name: row[name] for name in names if name in expected[0]}
        for row in seen(world.company, table)
    ]
    assert found == sorted(expected, key=lambda row: row[key])


def test_customers_are_one_row_each_with_the_first_sign_up(company, at):
    company.put(
        "customers",
        [
            {"customer_id": "new", "signed_up_at": at("2024-02-01"), "plan": "pro"},
            {"customer_id": "old", "signed_up_at": at("2024-01-01"), "plan": "free"},
        ],
    )
    company.put("identities", [{"alias_id": "old", "customer_id": "new"}])
    (row,) = seen(company, "customers")
    assert (row["customer"], row["plan"], row["signed_up_at"].month) == ("new", "pro", 1)


def test_an_excluded_customer_is_left_out_under_every_id(company, at):
    company.put("customers", [{"customer_id": "boss", "team": "sales"}, {"customer_id": "a"}])
    company.put("identities", [{"alias_id": "cookie", "customer_id": "boss"}])
    company.put(
        "tickets",
        [
            {"ticket_id": "1", "opened_at": at("2024-01-01"), "anonymous_id": "cookie"},
            {"ticket_id": "2", "opened_at": at("2024-01-01"), "customer_id": "a"},
            {"ticket_id": "3", "opened_at": at("2024-01-01"), "is_spam": True},
            {"ticket_id": "4", "opened_at": at("2024-01-01")},
        ],
    )
    rules = Rules(exclude={"customers": "team = 'sales'", "tickets": None})
    assert [row["ticket_id"] for row in seen(company, "tickets", rules)] == ["2", "3", "4"]
    assert [row["customer_id"] for row in seen(company, "customers", rules)] == ["a"]


@pytest.mark.parametrize(
    ("exclude", "problem"),
    [
        (
            {"events": "is_robot"},
            'exclude.events: "is_robot" is not a column; allowed: event_id',
        ),
        ({"event": "is_bot"}, 'exclude: "event" is not a table; allowed: accounts'),
        ({"events": "is_bot; DROP TABLE x"}, "exclude.events: is_bot; DROP TABLE x is not a"),
        ({"events": "event IN (SELECT 1)"}, "exclude.events: event IN (SELECT 1) has a subquery"),
    ],
)
def test_conditions_that_cannot_be_used(company, exclude, problem):
    with pytest.raises(ProjectError) as raised:
        company.prepared(Rules(exclude=exclude))
    assert str(raised.value).startswith(f"rules.yaml:1: {problem}")


def test_a_window_is_on_the_time_of_tables_kept_by_month(company, at):
    times = ["2024-01-01T00:00", "2024-01-02T00:00", "2024-01-03T00:00"]
    company.put(
        "orders",
        [
            {"order_id": str(n), "ordered_at": at(time), "amount": 1, "customer_id": "a"}
            for n, time in enumerate(times)
        ],
    )
    company.put("customers", [{"customer_id": "a", "signed_up_at": at("2020-01-01")}])
    window = {"since": at(times[1]), "until": at(times[2])}
    assert [row["order_id"] for row in seen(company, "orders", **window)] == ["1"]
    assert len(seen(company, "customers", **window)) == 1


def test_months_begin_at_midnight_of_the_project(company, at):
    company.put(
        "orders",
        [
            {"order_id": "1", "ordered_at": at("2024-02-29T23:30"), "amount": 1},
            {"order_id": "2", "ordered_at": at("2024-04-30T22:00"), "amount": 1},
        ],
    )
    prepared = company.prepared()
    prepared.views([MONTHS])
    rows = prepared.engine.query("SELECT * FROM months ORDER BY month").to_pylist()
    assert [row["month"].month for row in rows] == [3, 4, 5]
    begins = ["2024-02-29T23:00", "2024-03-31T22:00", "2024-04-30T22:00", "2024-05-31T22:00"]
    assert [row["starts_at"] for row in rows] == [at(time) for time in begins[:-1]]
    assert [row["ends_at"] for row in rows] == [at(time) for time in begins[1:]]


def test_until_when_data_is_known(company, at):
    company.put(
        "tickets",
        [
            {
                "ticket_id": "1",
                "opened_at": at("2024-01-01"),
                "resolved_at": at("2024-01-05"),
                "sla_due_at": at("2024-03-01"),
            },
            {"ticket_id": "2", "opened_at": at("2024-01-02"), "updated_at": at("2999-01-01")},
        ],
    )
    company.put(
        "orders",
        [
            {
                "order_id": "1",
                "ordered_at": at("2024-01-01"),
                "amount": 1,
                "promised_at": at("2024-02-01"),
                "delivered_at": at("2024-01-03"),
            }
        ],
    )
    until = company.prepared().until
    assert until["tickets"] == at("2024-01-05")
    assert until["orders"] == at("2024-01-03")
    assert until["events"] is None
    prepared = company.prepared(now=at("2024-01-04"), observed={"orders": at("2024-06-01")})
    assert prepared.until["tickets"] == at("2024-01-02")
    assert prepared.until["orders"] == at("2024-01-04")
    assert prepared.parameters["observed_until"] == at("2024-01-04")


def test_touchpoints_by_page_are_plain_text_patterns(company, at):
    pages = ["/pricing", "/pricing/a/b", "/pricingx", "/help/a", "/help/ab", "/pricing/help"]
    company.put(
        "events",
        [
            {"event_id": str(n), "occurred_at": at("2024-01-01"), "event": "x", "page": page}
            for n, page in enumerate(pages)
        ],
    )
    found = [row["touchpoint"] for row in seen(company, "events")]
    assert found == ["pricing", "pricing", None, "help", None, "pricing"]


def test_a_name_of_a_touchpoint_cannot_change_the_query(company, at):
    from heedful.definitions.settings import Touchpoint

    name = "x' OR '1'='1"
    places = {name: Touchpoint(stage=name, ai=True, pages=("/'; --*", "/a%b"))}
    company.settings = company.settings.model_copy(update={"touchpoints": places})
    company.put(
        "events",
        [
            {"event_id": str(n), "occurred_at": at("2024-01-01"), "event": "x", "page": page}
            for n, page in enumerate(["/'; --!", "/a%b", "/axb", None])
        ],
    )
    rows = seen(company, "events")
    assert [row["touchpoint"] for row in rows] == [name, name, None, None]
    assert [row["stage"] for row in rows] == [name, name, None, None]
    assert [row["ai"] for row in rows] == [True, True, False, False]


def test_times_are_utc_whatever_the_machine_says(company, at):
    company.put("orders", [{"order_id": "1", "ordered_at": at("2024-01-01"), "amount": 1}])
    until = company.prepared().until["orders"]
    assert until.utcoffset() == dt.timedelta()
