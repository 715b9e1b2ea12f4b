"""What is wrong with a fact is said with file and line."""

from __future__ import annotations

import pytest

from heedful.definitions.problem import ProjectError
from heedful.facts.catalogue import facts, read
from heedful.facts.inspection import inspect

HEAD = """\
says: Refunds.
grain: one row a refund
key: order_id
reads: [orders]
lookback: 0 days
"""
SQL = """\
SELECT o.order_id, o.customer, o.ordered_at AS at
FROM orders AS o
WHERE o.amount < 0
"""


def problems(head: str = HEAD, sql: str = SQL, text: str | None = None) -> list[str]:
    found = inspect("refunds", text or f"/*\n{head}*/\n{sql}", "facts/refunds.sql", own=True)
    assert (found.fact is None) == bool(found.problems)
    return [str(one).removeprefix("facts/refunds.sql:") for one in found.problems]


def test_a_fact():
    fact = inspect("refunds", f"/*\n{HEAD}*/\n{SQL}", "facts/refunds.sql", own=True).fact
    assert fact.key == ("order_id",)
    assert fact.grains == ("day", "week", "month", "quarter", "all")
    assert fact.columns == {"order_id": "", "customer": "", "at": ""}
    assert fact.sql == SQL.strip()
    assert fact.own


def test_the_hash_is_of_what_decides_the_rows():
    def hashed(head: str = HEAD, sql: str = SQL) -> str:
        return inspect("refunds", f"/*\n{head}*/\n{sql}", "f.sql").fact.definition_hash

    assert hashed(HEAD.replace("Refunds", "Paid back")) == hashed()
    assert hashed(sql=SQL.replace("< 0", "<= 0")) != hashed()
    assert hashed(HEAD.replace("0 days", "1 day")) != hashed()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "SELECT 1",
            (
                "1: there is no header; begin the file with /* says: ..., grain: ..., key: ..., "
                "reads: [...] ... */"
            ),
        ),
        ("/* says: [x */ SELECT 1", "1: not YAML: "),
        ("/*\nsays: x\n  a: b\n*/", "3: not YAML: mapping values are not allowed here; "),
        ("/* x */ SELECT 1", "1: the file "),
    ],
)
def test_headers_that_cannot_be_read(text, problem):
    (found,) = problems(text=text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("says: Refunds.\n", "", "2: says is missing; add says: "),
        ("key: order_id\n", "key: []\n", "4: key is empty; name at least one"),
        (
            "key: order_id",
            "key: orderid",
            (
                '4: key: the SELECT gives no column "orderid"; allowed: order_id, customer, at '
                '(did you mean "order_id"?)'
            ),
        ),
        (
            "lookback: 0 days",
            "lookback: a week",
            (
                '6: lookback "a week" cannot be read; allowed: all, or such as 1 day + '
                "$session_gap_minutes minutes"
            ),
        ),
        (
            "lookback: 0 days",
            "lookback: $session_gap minutes",
            (
                "6: lookback: $session_gap is not a number in rules.yaml; allowed: "
                "activation_days, agent_cost_per_hour, bounce_seconds, checkout_window_hours, "
                "click_window_minutes, contact_limit, conversion_window_days, demo_window_days, "
                "early_churn_days, form_error_loop, form_window_minutes, handling_window_days and "
                "13 more "
                '(did you mean "session_gap_minutes"?)'
            ),
        ),
        (
            "reads: [orders]",
            "reads: [orders, order]",
            (
                '5: reads: "order" is not a table; allowed: accounts, ai_outputs, campaigns, '
                "conversations, customers, deliveries, events, exposures, feedback, identities, "
                'invitations, leads and 10 more (did you mean "orders"?)'
            ),
        ),
        ("lookback: 0 days", "lookback: 0 days\ngrain: x", '7: "grain" is written twice; '),
        (
            "lookback: 0 days",
            "lookback: 0 days\ngrains: [year]",
            '7: grains "year" is not known; allowed: day, week, month, quarter, all',
        ),
        (
            "lookback: 0 days",
            "lookback: 0 days\ndimensions: [shop]",
            '7: dimensions: the SELECT gives no column "shop"; allowed: order_id, customer, at',
        ),
        (
            "lookback: 0 days",
            "lookback: 0 days\ncolumns:\n  order_id: The order.\n  shop: The shop.",
            '9: columns: the SELECT gives no column "shop"; allowed: order_id, customer, at',
        ),
        (
            "lookback: 0 days",
            "lookback: 0 days\nattributes: events",
            '7: attributes: "events" is not read; add events to reads',
        ),
        (
            "reads: [orders]",
            "reads: [orders, spells]",
            '6: lookback: "spells" needs the whole history; write lookback: all',
        ),
        ("lookback: 0 days", "lookback: 0 days\nlag: 1", '7: unknown field "lag"; allowed: '),
    ],
)
def test_wrong_headers(old, new, problem):
    assert old in HEAD
    found = problems(HEAD.replace(old, new))
    assert any(one.startswith(problem) for one in found), found


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("", "1: no SELECT after the header; write one SELECT"),
        ("SELECT 1 FROM (", '8: not SQL, near "("; write one SELECT'),
        ("SELECT 'x FROM orders", "1: not SQL: a quote or comment is not closed"),
        ("SELECT 1; SELECT 2", "8: more than one statement; write one SELECT"),
        ("DELETE FROM orders", "8: a DELETE found; write one SELECT"),
        ("SELECT * FROM orders", "8: the SELECT gives *; name every column"),
        ("SELECT o.* FROM orders AS o", "8: the SELECT gives *; name every column"),
        (
            "SELECT o.order_id, o.ordered_at AS at FROM orders AS o",
            '8: the SELECT gives no column "customer"; add it: whose row it is, never null',
        ),
        (
            "SELECT o.order_id, o.customer FROM orders AS o",
            '8: the SELECT gives no column "at"; add it: the time that decides the period',
        ),
        (f"{SQL.replace('o.order_id,', 'o.order_id,1+1,')}", "8: the column 1 + 1 has no name; "),
        (
            SQL.replace("o.order_id", "o.order_id, o.order_id"),
            '8: the column "order_id" is given twice; keep one of them',
        ),
        (
            SQL.replace("o.order_id", "o.order_id, 1 AS bucket"),
            '8: the column "bucket" is reserved; give it another name',
        ),
        (
            SQL.replace("FROM orders", "FROM order"),
            '9: "order" is not a table; allowed: ',
        ),
        (
            SQL.replace("FROM orders AS o", "FROM orders AS o JOIN refund AS r ON TRUE"),
            '9: "refund" is not a table; allowed: accounts, ',
        ),
        (
            SQL.replace("FROM orders AS o", "FROM orders AS o\nJOIN tickets AS t ON TRUE"),
            '10: "tickets" is not among reads; add tickets to reads',
        ),
        (
            SQL.replace("FROM orders AS o", "FROM orders AS o, read_csv('x.csv') AS x"),
            "9: FROM READ_CSV('x.csv') AS x is not a table of the project; allowed: orders",
        ),
        (
            SQL.replace("FROM orders AS o", "FROM orders AS o, 'x.parquet' AS x"),
            '9: "x.parquet" is not a table; allowed: accounts',
        ),
        (
            SQL.replace("FROM orders AS o", "FROM orders AS o, raw.events AS x"),
            "9: FROM raw.events AS x is not a table of the project; allowed: orders",
        ),
        (
            (
                "WITH events AS (SELECT 1 AS a FROM orders) "
                "SELECT 1 AS order_id, 2 AS customer, 3 AS at FROM events"
            ),
            '8: WITH gives "events" a second meaning; give it a name that no table has',
        ),
        (
            "SELECT 1 AS order_id, 2 AS customer, 3 AS at",
            '8: reads: "orders" is not used in the SQL; take orders out of reads',
        ),
        (
            SQL.replace("< 0", "< $least"),
            "10: $least is not a parameter; allowed: ",
        ),
        (
            SQL.replace("< 0", "< $page_events"),
            "10: $page_events is a list; write IN ($page_events)",
        ),
        (
            SQL.replace("o.order_id", "o.order_id, ATTRIBUTES(o)"),
            (
                "8: the header has no attributes; name the tables whose attributes it carries, "
                "such as attributes: events"
            ),
        ),
    ],
)
def test_wrong_sql(sql, problem):
    found = problems(sql=sql)
    assert any(one.startswith(problem) for one in found), found


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("", "9: the attributes are not selected; add ATTRIBUTES(alias) to the SELECT, or take"),
        (", ATTRIBUTES()", "9: ATTRIBUTES cannot be read; allowed: ATTRIBUTES(alias) or "),
        (", ATTRIBUTES(o, events)", '9: ATTRIBUTES: "events" is not among the attributes of the'),
        (", LOWER(ATTRIBUTES(o)) AS x", "9: ATTRIBUTES stands inside an expression; make it"),
    ],
)
def test_wrong_attributes(item, problem):
    sql = SQL.replace("o.order_id", f"o.order_id{item}")
    found = problems(f"{HEAD}attributes: orders\n", sql)
    assert any(one.startswith(problem) for one in found), found


def test_a_project_has_its_own_facts_beside_the_built_in_ones(tmp_path):
    (tmp_path / "refunds.sql").write_text(f"/*\n{HEAD}*/\n{SQL}")
    (tmp_path / "sessions.sql").write_text(f"/*\n{HEAD}*/\n{SQL}")
    found = facts(tmp_path)
    assert set(found) == {*facts(), "refunds"}
    assert found["sessions"].own
    assert not found["purchases"].own
    assert list(found) == sorted(found)


def test_what_is_wrong_with_own_facts_is_said_at_once(tmp_path):
    (tmp_path / "a.sql").write_text("SELECT 1")
    (tmp_path / "b.sql").write_bytes(b"/*\xff*/")
    (tmp_path / "events.sql").write_text(f"/*\n{HEAD}*/\n{SQL}")
    found = read(tmp_path)
    assert set(found.facts) == set(facts())
    assert [one.file for one in found.problems] == [
        "facts/a.sql",
        "facts/b.sql",
        "facts/events.sql",
    ]
    assert str(found.problems[2]) == (
        'facts/events.sql:1: "events" is the name of a table; rename the file'
    )
    with pytest.raises(ProjectError):
        facts(tmp_path)
    assert facts(tmp_path / "missing") == facts()
