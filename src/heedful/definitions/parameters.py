"""`$name` in a project's SQL: values of `rules.yaml` put in as literals, never as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
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


def substitute(tree: exp.Expression, values: Mapping[str, Value]) -> exp.Expression:
    """Put values in the place of `$name`.

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
            items = [_literal(one) for one in value] or [exp.null()]
            holder = node.parent
            if isinstance(holder, exp.In):
                others = [one for one in holder.expressions if one is not node]
                holder.set("expressions", [*others, *items])
            else:
                node.replace(exp.Array(expressions=items))
        else:
            node.replace(_literal(value))
    return tree


def _literal(value: Value) -> exp.Expression:
    from sqlglot import exp

    if isinstance(value, datetime):
        text = exp.Literal.string(value.isoformat(sep=" "))
        return exp.cast(text, exp.DataType.Type.TIMESTAMPTZ)
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), exp.DataType.Type.DATE)
    return exp.convert(value)
