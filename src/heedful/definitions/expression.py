"""SQL expressions in project files: do they parse, and what do they read?"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlglot import exp

_LOOKS_LIKE_SQL = re.compile(r"""['"]|::|\|\||\w\(|^\s*case\b""", re.IGNORECASE)


class Expression(NamedTuple):
    """What an SQL expression says.

    Attributes:
        wrong: Why it cannot be used; empty if it can.
        columns: The columns it reads, as written.
        parameters: The `$name`s it uses.
    """

    wrong: str = ""
    columns: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def read(sql: str, *, one_row: bool = True) -> Expression:
    """Read an SQL expression in DuckDB's dialect.

    Args:
        sql: The expression.
        one_row: Whether it must be about one row: no aggregates, windows or subqueries.

    Examples:
        >>> read("instrument = 'csat' AND score > $least")
        Expression(wrong='', columns=('instrument', 'score'), parameters=('least',))
        >>> read("count(*)").wrong
        'is an aggregate'
    """
    from sqlglot import exp

    node, wrong, _ = _parse(sql)
    if node is None:
        return Expression(wrong)
    if one_row:
        for kind, what in (
            (exp.AggFunc, "is an aggregate"),
            (exp.Window, "is a window function"),
            (exp.Query, "has a subquery"),
        ):
            if node.find(kind):
                return Expression(what)
    if not isinstance(node, exp.Condition) or isinstance(node, exp.Star):
        return Expression("is not an expression")
    columns = dict.fromkeys(column.name for column in node.find_all(exp.Column))
    parameters = dict.fromkeys(one.name for one in node.find_all(exp.Placeholder, exp.Parameter))
    return Expression("", tuple(sorted(columns)), tuple(sorted(parameters)))


def query_problem(sql: str) -> tuple[int, str] | None:
    """Return the line (from 1) and what is wrong where a text is not one SELECT.

    Examples:
        >>> query_problem("SELECT 1 AS a") is None
        True
        >>> query_problem("DELETE FROM files")
        (1, 'is not a SELECT')
    """
    from sqlglot import exp

    node, wrong, line = _parse(sql)
    if node is None:
        return line, wrong
    return None if isinstance(node, exp.Query) else (1, "is not a SELECT")


def looks_like_sql(text: str) -> bool:
    """Tell an expression from the name of a column, as well as it can be told.

    Examples:
        >>> looks_like_sql("lower(email)"), looks_like_sql("Price (incl. tax)")
        (True, False)
    """
    return bool(_LOOKS_LIKE_SQL.search(text))


def _parse(sql: str) -> tuple[exp.Expr | None, str, int]:
    """Return the one statement of a text; or why there is none, and the line."""
    from sqlglot import parse
    from sqlglot.errors import ParseError, SqlglotError

    try:
        statements = [each for each in parse(sql, dialect="duckdb") if each is not None]
    except ParseError as error:
        where = error.errors[0] if error.errors else {}
        near = str(where.get("highlight") or "").strip()
        wrong = f'is not SQL, near "{near}"' if near else "is not SQL"
        return None, wrong, int(where.get("line") or 1)
    except SqlglotError:
        return None, "is not SQL: a quote or comment is not closed", 1
    except RecursionError:
        return None, "has too many brackets inside each other", 1
    if len(statements) != 1:
        return None, "is empty" if not statements else "holds more than one statement", 1
    return statements[0], "", 1
