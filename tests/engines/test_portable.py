"""SQL is translated to what Spark understands, and what it does not is named."""

from __future__ import annotations

import sys

import pytest
import sqlglot

from heedful.definitions.problem import ProjectError
from heedful.engines.duckdb import QueryError
from heedful.engines.portable import unportable
from heedful.engines.spark import plain
from heedful.engines.spark_session import start
from heedful.engines.translation import TranslationError, to_spark


@pytest.mark.parametrize(
    ("sql", "spark"),
    [
        ("SELECT EPOCH_US(a) AS x FROM t", "SELECT UNIX_MICROS(a) AS x FROM t"),
        ("SELECT a // 60 AS x FROM t", "SELECT a DIV 60 AS x FROM t"),
        ("SELECT (a - b) / 2 AS x FROM t", "SELECT CAST(a - b AS DOUBLE) / 2 AS x FROM t"),
        ("SELECT AVG(a) AS x FROM t", "SELECT AVG(CAST(a AS DOUBLE)) AS x FROM t"),
        ("SELECT QUANTILE_CONT(a, 0.5) AS x FROM t", "SELECT PERCENTILE(a, 0.5) AS x FROM t"),
        ('SELECT a FROM facts."x" AS f', "SELECT a FROM `facts__x` AS f"),
        ("SELECT 'a\\b''c' AS x", "SELECT 'a\\\\b\\'c' AS x"),
        ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a NULLS LAST"),
    ],
)
def test_meaning_is_kept(sql, spark):
    assert to_spark(sql) == spark


@pytest.mark.parametrize("sql", ["DROP TABLE t", "SELECT 1; SELECT 2", "SELECT (", ""])
def test_only_one_query_is_translated(sql):
    with pytest.raises(TranslationError):
        to_spark(sql)


@pytest.mark.parametrize(
    ("sql", "found", "instead"),
    [
        ("LOG(x)", "LOG is not portable", "LN"),
        ("HASH(x)", "HASH is not portable", "MD5"),
        ("EPOCH(t)", "EPOCH is not portable", "EPOCH_US"),
        ("DATE_DIFF('second', a, b)", "DATE_DIFF by SECOND is not portable", "EPOCH_US"),
        ("LIST(x ORDER BY y)", "ARRAY_AGG is not portable", "sort"),
        ("SUM(x ORDER BY y)", "ORDER BY inside SUM is not portable", "MIN_BY"),
        ("GROUPING_ID(a, b)", "GROUPING_ID is not portable", "GROUPING"),
        ("CAST(2.7 AS INT)", "rounds on one engine", "FLOOR"),
        ("CAST(a / b AS BIGINT)", "rounds on one engine", "FLOOR"),
        ("CAST(a / b AS VARCHAR)", "fractions are written differently", "whole numbers"),
        ("CAST(a AS DATE) - CAST(b AS DATE)", "a date minus a date", "DATE_DIFF"),
        ("x LIKE 'a\\%'", "a backslash", "ESCAPE"),
        ("NOW()", "is not portable", "observed_until"),
        ("SELECT * FROM a ASOF JOIN b ON a.x = b.x AND a.t >= b.t", "ASOF JOIN", "window"),
        ("WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM a", "MATERIALIZED", "leave it"),
        ("SELECT * FROM t USING SAMPLE 10", "SAMPLE", "same rows"),
    ],
)
def test_what_engines_differ_on_is_named(sql, found, instead):
    (one,) = unportable(sqlglot.parse_one(sql, dialect="duckdb"))
    assert found in one.found
    assert instead in one.instead
    assert one.sure


def test_what_nobody_tried_is_only_doubted():
    (one,) = unportable(sqlglot.parse_one("REGEXP_EXTRACT(a, 'b')", dialect="duckdb"))
    assert one.found == "REGEXP_EXTRACT was not tried on Spark"
    assert not one.sure


def test_without_pyspark_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(ProjectError) as error:
        start("spark", str(tmp_path))
    assert str(error.value) == (
        'heedful.yaml:1: engine "spark" needs PySpark; pip install "heedful[spark]"'
    )


def test_errors_of_the_jvm_are_one_sentence():
    text = (
        "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: Job "
        "aborted: [CAST_INVALID_INPUT] The value 'x' cannot be cast. SQLSTATE: 22018\n\tat a.b(c)"
    )
    assert plain(QueryError(text)) == "The value 'x' cannot be cast."
