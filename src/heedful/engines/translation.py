"""From DuckDB's dialect, in which all SQL is written, to Spark's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


class TranslationError(Exception):
    """The SQL cannot be said in the other dialect."""


def to_spark(sql: str) -> str:
    """The same query for Spark.

    SQLGlot translates; what it lets pass untranslated, or translates into something of another
    meaning, is rewritten here. `docs/sql.md` lists the subset that both engines agree on.

    Args:
        sql: One query in DuckDB's dialect.

    Raises:
        TranslationError: It is no single query, or uses what Spark has no words for.

    >>> print(to_spark('SELECT EPOCH_US(e.at) // 60, e.a / e.b FROM raw."events" AS e'))
    SELECT UNIX_MICROS(e.at) DIV 60, CAST(e.a AS DOUBLE) / e.b FROM `raw__events` AS e
    """
    from sqlglot import ErrorLevel, exp, parse
    from sqlglot.errors import SqlglotError

    try:
        found = [one for one in parse(sql, dialect="duckdb") if one is not None]
        if len(found) != 1 or not isinstance(found[0], exp.Query):
            raise TranslationError("it is not one SELECT")
        return rewritten(found[0]).sql("spark", unsupported_level=ErrorLevel.RAISE, copy=False)
    except SqlglotError as error:
        raise TranslationError(str(error)) from None


def rewritten(tree: exp.Expr) -> exp.Expr:
    """A syntax tree whose Spark text means what its DuckDB text means.

    Args:
        tree: It is not changed.
    """
    from sqlglot import exp

    tree = tree.copy()
    for table in tree.find_all(exp.Table):
        if table.db:
            # Temporary views of Spark have no schema.
            name = flat(table.db, table.name)
            table.set("db", None)
            table.set("this", exp.to_identifier(name, quoted=True))
    for node in list(tree.find_all(exp.Anonymous)):
        if str(node.this).upper() in {"EPOCH_US", "QUANTILE_CONT"}:
            spark = "UNIX_MICROS" if str(node.this).upper() == "EPOCH_US" else "PERCENTILE"
            node.set("this", spark)
    for found in list(tree.find_all(exp.PercentileCont)):
        found.replace(exp.func("PERCENTILE", found.this.copy(), found.expression.copy()))
    # DuckDB divides and averages in floating point, Spark decimals as decimals.
    for division in list(tree.find_all(exp.Div)):
        division.set("this", _double(division.this))
    for mean in list(tree.find_all(exp.Avg)):
        mean.set("this", _double(mean.this))
    for cast in tree.find_all(exp.Cast):
        if cast.to.this == exp.DType.INT128:
            cast.set("to", exp.DataType.build("DECIMAL(38, 0)"))
    return tree


def flat(schema: str, name: str) -> str:
    """The name of a temporary view that stands for one in a schema.

    >>> flat("facts", "sessions")
    'facts__sessions'
    """
    return f"{schema}__{name}"


def _double(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    if isinstance(node, exp.Cast) and node.to.this == exp.DType.DOUBLE:
        return node
    inner = node.this if isinstance(node, exp.Paren) else node
    return exp.cast(inner.copy(), exp.DType.DOUBLE)
