"""Who customers are: attributes, accounts, and segments made of them."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa

from heedful.definitions.rules import Rules
from heedful.definitions.segment import Segment
from heedful.engines.duckdb import DuckDB
from heedful.kpis.dimensions import from_tables, who
from heedful.store import schema

CUSTOMERS = {
    "customer_id": ["1", "2", "3", "3b"],
    "customer": ["1", "2", "3", "3"],
    "account_id": ["a", None, "b", "b"],
    "signed_up_at": [4, 3, 2, 1],
    "email": ["x@a.example", None, None, None],
    "plan": ["pro", "free", None, "old"],
    "seats": ["700", "12", "many", None],
}
ACCOUNTS = {"account_id": ["a", "b"], "name": ["Acme", "Bolt"], "industry": ["steel", None]}


def people(segments, **rules):
    engine = DuckDB()
    engine.connection.register("customers", pa.table(CUSTOMERS))
    engine.connection.register("accounts", pa.table(ACCOUNTS))
    project = SimpleNamespace(segments=segments, rules=Rules(**rules))
    found = who(project, engine.columns("FROM customers"), engine.columns("FROM accounts"))
    rows = engine.query(f"{found.sql} ORDER BY customer").to_pylist()
    engine.close()
    return found, rows


def test_one_row_a_customer_with_labels_but_no_names_or_addresses():
    found, rows = people({})
    assert found.dimensions == ("plan", "seats", "industry")
    assert [row["customer"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["plan"] == "old"  # the earliest of the two ids
    assert [row["industry"] for row in rows] == ["steel", None, None]
    assert [row["account"] for row in rows] == ["a", None, "b"]


def test_segments_take_the_first_true_case_and_compare_text_with_numbers():
    size = Segment(cases={"large": "seats >= 500", "small": "seats < 500"}, otherwise=None)
    trade = Segment(of="account", cases={"it's steel": "industry = 'steel'"})
    _, rows = people({"size": size, "trade": trade})
    assert [row["size"] for row in rows] == ["large", "small", None]
    assert [row["trade"] for row in rows] == ["it's steel", "other", "other"]


def test_segments_may_use_rules():
    busy = Segment(cases={"yes": "seats > $activation_days"}, otherwise="no")
    _, rows = people({"busy": busy}, activation_days=12)
    assert [row["busy"] for row in rows] == ["yes", "no", "no"]


def test_what_check_offers_is_what_a_refresh_breaks_down_by():
    tables = {
        name: {c.name: c.sql_type for c in schema.table(name).columns.values()}
        for name in ("customers", "accounts")
    }
    project = SimpleNamespace(segments={}, rules=Rules())
    assert who(project, tables["customers"], tables["accounts"]).dimensions == from_tables()
