"""`$name` in a project's SQL: values of `rules.yaml` put in as literals, never as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from heedful.definitions.problem import one_of

if TYPE_CHECKING:
    from sqlglot import exp

Value = str | int | float | bool | date | None | Sequence["Value"]


class UnknownParameterError(Exception):
    """A `$name` that no rule has.

    Attributes:
        name: The name found.
        allowed: What is allowed.
    """

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f'parameter "${name}" is not known; {allowed}')
        self.name, self.allowed = name, allowed


def substitute(tree: exp.Expr, values: Mapping[str, Value]) -> exp.Expr:
    """Put literals in the place of `$name`.

    Values become nodes of the syntax tree, never text, so none of them can change the statement.
    A list fills the brackets of an `IN`; an empty one becomes `NULL`, which nothing is in.

    Args:
        tree: A parsed statement; it is not changed.
        values: Value by name.

    Returns:
        A copy with literals.

    Raises:
        UnknownParameterError: The statement uses a name that has no value.

    Examples:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT a IN ($names) AS b", dialect="duckdb")
        >>> substitute(tree, {"names": ["it's", "x"]}).sql(dialect="duckdb")
        "SELECT a IN ('it''s', 'x') AS b"
        >>> substitute(tree, {"names": []}).sql(dialect="duckdb")
        'SELECT a IN (NULL) AS b'
    """
    from sqlglot import exp

    tree = tree.copy()
    for node in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        name = node.name
        if name not in values:
            raise UnknownParameterError(name, one_of(sorted(values), name))
        value = values[name]
        if isinstance(value, Sequence) and not isinstance(value, str):
            items = [literal(one) for one in value] or [exp.Null()]
            listed = isinstance(node.parent, exp.In)
            node.replace(items if listed else exp.Array(expressions=items))
        else:
            # A bare null has no type, and functions could not be told apart by it.
            missing = exp.cast(exp.Null(), exp.DType.TIMESTAMPTZ)
            moment = value is None and name.endswith("_until")
            node.replace(missing if moment else literal(value))
    return tree


def literal(value: object) -> exp.Expr:
    """A value as a node of a syntax tree.

    Examples:
        >>> literal("it's").sql("duckdb")
        "'it''s'"
    """
    from sqlglot import exp

    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        # Engines take small numbers for 32 bits, in which microseconds overflow.
        return exp.cast(exp.Literal.number(value), exp.DType.BIGINT)
    if isinstance(value, (float, Decimal)):
        return exp.Literal.number(value)
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(sep=" ")
        return exp.cast(exp.Literal.string(text), exp.DType.TIMESTAMPTZ)
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), exp.DType.DATE)
    return exp.Literal.string(str(value))
