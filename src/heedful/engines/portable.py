"""What in a query DuckDB and Spark would not agree on, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlglot import exp

# Functions that a test ran on both engines with one result; names are SQLGlot's.
# fmt: off
FUNCTIONS = frozenset(
    {
        "ABS", "AND", "ANY_VALUE", "ARG_MAX", "ARG_MIN", "ATTRIBUTES", "AVG", "BOOL_AND",
        "BOOL_OR", "CASE", "CAST", "CEIL", "COALESCE", "CONCAT", "CONCAT_WS", "CONTAINS",
        "COUNT", "COUNT_IF", "DATE_DIFF", "DATE_STR_TO_DATE", "DATE_TRUNC", "DAY", "DENSE_RANK",
        "EPOCH_US", "EXISTS", "EXTRACT", "FIRST_VALUE", "FLOOR", "GREATEST", "GROUPING", "IF",
        "IS_NAN", "LAG", "LAST_VALUE", "LEAD", "LEAST", "LEFT", "LENGTH", "LN", "LOGICAL_AND",
        "LOGICAL_OR", "LOWER", "MAX", "MAX_BY", "MD5", "MEDIAN", "MIN", "MIN_BY",
        "MONTH", "NOT", "NULLIF", "OR", "PERCENTILE_CONT", "POWER", "QUANTILE_CONT", "QUARTER",
        "RANK", "REGEXP_LIKE", "REPLACE", "RIGHT", "ROUND", "ROW_NUMBER", "SIGN", "SPLIT_PART",
        "SQRT", "STARTS_WITH", "STDDEV", "STDDEV_SAMP", "STR_POSITION", "SUBSTRING", "SUM",
        "TIMESTAMP_TRUNC", "TIME_TO_STR", "TRIM", "TRY_CAST", "VARIANCE", "VARIANCE_POP", "XOR",
        "YEAR",
    }
)
# fmt: on
# What they would be confused with, or what people reach for first.
NOW = "write $observed_until or $<table>_until: a fact must not depend on the hour"
INSTEAD = {
    "LOG": "write LN: LOG is to the base 10 in one engine and natural in the other",
    "HASH": "write digits of MD5(text): HASH differs by engine",
    "UNIX_SECONDS": "write EPOCH_US(t) // 1000000",
    "TIME_TO_UNIX": "write EPOCH_US(t) // 1000000",
    "EPOCH": "write EPOCH_US(t) // 1000000",
    "EPOCH_MS": "write EPOCH_US(t) // 1000",
    "RAND": "a fact must give the same rows every time",
    "CURRENT_TIMESTAMP": NOW,
    "CURRENT_DATE": NOW,
    "NOW": NOW,
    "UPPER": "write LOWER: capitals of some letters differ",
    "ARRAY_AGG": "sort in the query around it: the order is lost on Spark",
    "GROUP_CONCAT": "sort in the query around it: the order is lost on Spark",
    "GROUPING_ID": "write GROUPING(column), one at a time",
    "APPROX_QUANTILE": "write QUANTILE_CONT(x, q)",
    "QUANTILE": "write QUANTILE_CONT(x, q)",
}
BOUNDARIES = (
    "write the difference of EPOCH_US(t): DATE_DIFF counts boundaries; days of dates are fine"
)


class Found(NamedTuple):
    """One thing that is not portable.

    Attributes:
        node: Where it stands.
        found: What it is.
        instead: What to write.
        sure: Whether the engines are known to differ; else nobody has tried.
    """

    node: exp.Expr
    found: str
    instead: str
    sure: bool = True


def unportable(tree: exp.Expr) -> list[Found]:
    """Everything in a query or expression that is outside the subset of `docs/sql.md`.

    Args:
        tree: Parsed from DuckDB's dialect.

    >>> import sqlglot
    >>> [found.found for found in unportable(sqlglot.parse_one("LOG(x) + 1", dialect="duckdb"))]
    ['LOG is not portable']
    """
    return [found for rule in _RULES for found in rule(tree)]


def _functions(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    for node in tree.find_all(exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        name = name.upper()
        if name in FUNCTIONS and not isinstance(node, exp.DateDiff):
            continue
        if isinstance(node, exp.DateDiff):
            if str(node.args.get("unit") or "DAY").strip("'").upper() != "DAY":
                yield Found(node, f"DATE_DIFF by {node.args['unit']} is not portable", BOUNDARIES)
            continue
        written = node.sql("duckdb").split("(")[0]
        if name in INSTEAD:
            yield Found(node, f"{written} is not portable", INSTEAD[name])
        else:
            found = f"{written} was not tried on Spark"
            yield Found(node, found, "docs/sql.md lists what runs on both engines", sure=False)


def _joins(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    for join in tree.find_all(exp.Join):
        if join.method.upper() in {"ASOF", "POSITIONAL"}:
            yield Found(join, f"{join.method} JOIN is not portable", "use a join and a window")


def _clauses(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    for cte in tree.find_all(exp.CTE):
        if cte.args.get("materialized") is not None:
            yield Found(cte, "AS MATERIALIZED is not portable", "leave it out")
    for node in tree.find_all(exp.Pivot, exp.Unnest, exp.Lambda, exp.Struct, exp.Columns):
        yield Found(node, f"{node.key.upper()} is not portable", "use plain joins and CASE")
    for sample in tree.find_all(exp.TableSample):
        yield Found(sample, "SAMPLE is not portable", "a fact must give the same rows every time")


def _orders(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    for call in tree.find_all(exp.AggFunc):
        if isinstance(call.this, exp.Order) and call.sql_name() not in INSTEAD:
            found = f"ORDER BY inside {call.sql_name()} is not portable"
            yield Found(call, found, "use MIN_BY or MAX_BY, or sort in the query around it")


def _casts(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    whole = exp.DataType.INTEGER_TYPES
    for cast in tree.find_all(exp.Cast):
        inside = cast.this.unnest()
        broken = isinstance(inside, exp.Literal) and not inside.is_string and "." in inside.name
        if cast.to.this in whole and (broken or isinstance(inside, exp.Div | exp.Avg)):
            found = f"{cast.sql('duckdb')} rounds on one engine and cuts off on the other"
            yield Found(cast, found, "write FLOOR or ROUND inside the CAST")
        text = cast.to.this in exp.DataType.TEXT_TYPES
        if text and isinstance(inside, exp.Div | exp.Avg):
            found = f"{cast.sql('duckdb')}: fractions are written differently"
            yield Found(cast, found, "cast whole numbers only")


def _arithmetic(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    for minus in tree.find_all(exp.Sub):
        sides = (minus.this.unnest(), minus.expression.unnest())
        if all(isinstance(one, exp.Cast) and one.to.this == exp.DType.DATE for one in sides):
            found = "a date minus a date is no number on Spark"
            yield Found(minus, found, "write DATE_DIFF('day', earlier, later)")


def _patterns(tree: exp.Expr) -> Iterator[Found]:
    from sqlglot import exp

    for like in tree.find_all(exp.Like, exp.ILike):
        pattern = like.expression
        if "\\" in pattern.name and not isinstance(like.parent, exp.Escape):
            found = f"a backslash in {like.sql('duckdb')} is an escape on Spark"
            yield Found(like, found, "say ESCAPE")


_RULES: tuple[Callable[[exp.Expr], Iterator[Found]], ...] = (
    _functions,
    _joins,
    _clauses,
    _orders,
    _casts,
    _arithmetic,
    _patterns,
)
