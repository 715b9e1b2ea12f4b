"""Every row of docs/sql.md runs on both engines and gives what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from heedful.definitions.problem import ProjectError
from heedful.engines.duckdb import DuckDB, QueryError
from heedful.engines.portable import unportable
from heedful.engines.spark import Spark

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text("utf-8")
ROWS = pa.table(
    {
        "n": pa.array([1, 2, 3, None], pa.int64()),
        "s": pa.array(["a", "b", "a", None]),
        "x": pa.array([2.5, None, 1.0, 4.0]),
    }
)


def shown() -> list[tuple[str, str]]:
    """SQL and result of each row of the tables that show results."""
    tables = re.findall(r"^\| (?:expression|query) \| gives \|\n\|.*\n((?:\|.*\n)+)", PAGE, re.M)
    cells = [
        re.fullmatch(r"\| `(.+)` \| (.+) \|", line) for rows in tables for line in rows.splitlines()
    ]
    return [(found[1].replace(r"\|", "|"), found[2]) for found in cells if found]


@pytest.fixture(scope="module")
def engines(settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    spark = Spark("local[1]", tmp_path_factory.mktemp("spill"))
    duck = DuckDB()
    for engine in (duck, spark):
        engine.load("t", ROWS)
    yield duck, spark
    spark.close()
    duck.close()


def value(engine: Any, sql: str) -> Any:
    found = engine.query(sql)
    assert found.num_rows == 1
    one = found.column(0)[0].as_py()
    return float(one) if type(one).__name__ == "Decimal" else one


def test_the_page(engines):
    """In one question an engine, which costs a tenth of one by one."""
    import sqlglot

    rows = shown()
    assert len(rows) > 70
    for sql, _ in rows:
        assert not unportable(sqlglot.parse_one(sql, dialect="duckdb")), sql
    items = [f"({sql})" if sql.startswith("SELECT") else sql for sql, _ in rows]
    asked = "SELECT " + ", ".join(f"{sql} AS v{n}" for n, sql in enumerate(items))
    found = [engine.query(asked).to_pylist()[0] for engine in engines]
    wrong = []
    for n, (sql, expected) in enumerate(rows):
        both = [plain(one[f"v{n}"]) for one in found]
        if both[0] != both[1] or shortened(both[0]) != shortened(expected):
            wrong.append((sql, both, expected))
    assert not wrong


def plain(one: Any) -> Any:
    if type(one).__name__ == "Decimal":
        return float(one)
    return round(one, 12) if isinstance(one, float) else one


def shortened(one: Any) -> str:
    return str(one).removesuffix(".0")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT nothing FROM t", "nothing"),
        ("SELECT n FROM nowhere", "nowhere"),
        ("SELECT 1 // 0 AS x", "zero"),
        ("SELECT CAST(s AS BIGINT) AS x FROM t", "cannot be cast"),
        ("SELECT 9223372036854775807 + n AS x FROM t", "overflow"),
    ],
)
def test_errors_are_one_sentence(engines, sql, says):
    with pytest.raises(QueryError) as error:
        engines[1].query(sql)
    text = str(error.value)
    assert says in text.lower()
    assert "\n" not in text
    assert "java" not in text


def test_java_ends_with_the_command(settings):
    code = "from heedful.engines.spark_session import _gateway; print(_gateway().proc.pid)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    until = time.monotonic() + 60
    while Path(f"/proc/{int(done.stdout)}").exists():
        assert time.monotonic() < until, "Java is still running"
        time.sleep(0.1)


def test_nobody_at_the_address_is_said_at_once(tmp_path):
    with pytest.raises(ProjectError, match="is the master running") as error:
        Spark("spark://127.0.0.1:9", tmp_path)
    assert str(error.value).startswith('heedful.yaml:1: engine "spark://127.0.0.1:9": ')
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_pattern_is_refused(tmp_path):
    """Spark would read its files twice and say nothing."""
    folder = tmp_path / "{1}"
    with pytest.raises(ProjectError, match="move the project"):
        Spark("local[1]", folder)
    assert not folder.exists()


def test_parts_of_dates_before_1900(engines):
    """Calendars and zones of old are where engines like to differ."""
    sql = (
        "SELECT CAST('1582-10-10' AS DATE) AS d, CAST('1883-01-01 00:00:00+00' AS TIMESTAMPTZ) AS t"
    )
    duck, spark = (engine.query(sql).to_pylist()[0] for engine in engines)
    assert duck["d"] == spark["d"]
    assert duck["t"] == spark["t"]
    stream = engines[1].stream(sql, 10).read_all().to_pylist()[0]
    assert stream["d"] == duck["d"]
    assert stream["t"] == duck["t"]
