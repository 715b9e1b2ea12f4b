"""The embedded engine: snapshots as views, and a sandbox for other people's SQL."""

from __future__ import annotations

import pyarrow as pa
import pytest

from heedful.engines.duckdb import DuckDB, QueryError
from heedful.store.lake import Lake


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.append("t", pa.table({"id": ["a", "b"], "n": [1, 2]}))
    lake.append("t", pa.table({"id": ["c"], "n": [3], "gate": ["G"]}))
    return lake


@pytest.fixture
def engine():
    engine = DuckDB()
    yield engine
    engine.close()


def test_a_column_that_came_later_is_null_before(engine, lake):
    engine.attach("t", lake.snapshot("t"), {"later": "DOUBLE"})
    rows = engine.query("SELECT * FROM t ORDER BY id").to_pylist()
    assert [row["gate"] for row in rows] == [None, None, "G"]
    assert [row["later"] for row in rows] == [None] * 3
    assert engine.columns("FROM t")["later"] == "DOUBLE"


def test_a_table_that_was_never_written_is_empty(engine, lake):
    assert lake.snapshot("nothing") is None
    engine.attach("nothing", None, {"id": "VARCHAR"})
    assert engine.query("SELECT count(*) AS n FROM nothing").to_pylist() == [{"n": 0}]


def test_a_reader_keeps_its_snapshot_while_others_write(engine, lake):
    engine.attach("t", lake.snapshot("t"))
    lake.append("t", pa.table({"id": ["d"], "n": [4]}))
    lake.replace("t", pa.table({"id": ["z"], "n": [9]}))
    assert engine.query("SELECT sum(n) AS n FROM t").to_pylist() == [{"n": 6}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("COPY t TO '{tmp}/out.csv'", "COPY found"),
        ("CREATE TABLE x AS SELECT 1", "CREATE found"),
        ("INSERT INTO t VALUES (1)", "INSERT found"),
        ("ATTACH '{tmp}/x.db'", "ATTACH found"),
        ("SET memory_limit = '1GB'", "SET found"),
        ("INSTALL httpfs", "found"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled"),
        ("SELECT * FROM read_text('/etc/passwd')", "disabled"),
        ("SELECT * FROM '/etc/passwd'", "passwd"),
        ("SELECT * FROM glob('/etc/*')", "disabled"),
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM t", "nope"),
        ("SELECT CAST('x' AS INTEGER)", "x"),
    ],
)
def test_what_a_user_may_not_do(engine, lake, tmp_path, sql, said):
    engine.attach("t", lake.snapshot("t"))
    engine.seal()
    with pytest.raises(QueryError, match=said):
        engine.ask(sql.replace("{tmp}", str(tmp_path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake"]


def test_a_user_may_ask_within_limits(engine, lake):
    engine.attach("t", lake.snapshot("t"))
    engine.seal()
    assert engine.ask("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 3}]
    assert engine.ask("SELECT * FROM t -- all", limit=2).num_rows == 2
    with pytest.raises(QueryError, match=r"stopped after 0.2 s"):
        engine.ask("SELECT count(*) FROM range(10000000000) a, range(1000) b", seconds=0.2)
    assert engine.ask("SELECT 1 AS one").num_rows == 1


def test_columns_of_one_name_stay_apart(engine):
    found = engine.ask("SELECT 'a' AS x, 'b' AS x, 'c' AS x_2")
    assert found.to_pylist() == [{"x": "a", "x_2": "b", "x_2_2": "c"}]
