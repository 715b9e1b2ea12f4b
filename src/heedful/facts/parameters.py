"""The `$name`s that the SQL of a fact may use, and how their values get into it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from heedful.definitions.rules import Rules
from heedful.store import schema

if TYPE_CHECKING:
    from sqlglot import exp

TIMEZONE = "UTC"


def values(
    rules: Rules, timezone: str = TIMEZONE, until: Mapping[str, datetime | None] | None = None
) -> dict[str, Any]:
    """The value of every parameter.

    Beside the fields of `rules.yaml` there are `$timezone`, `$<table>_until` (until when the
    data of that table is known; null where there is none) and `$observed_until` (the newest of
    them), `$any_<list>` (whether that list names anything), and whether an `orders` row is as
    good as an event: `$orders_convert` (a conversion), `$orders_active` (activity).

    Args:
        rules: The project's rules.
        timezone: Its IANA timezone.
        until: Until when the data of each table is known.

    >>> values(Rules())["any_value_events"], values(Rules())["tickets_until"]
    (True, None)
    """
    found = rules.parameters()
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    ordered = set(rules.order_completed)
    known = {name: (until or {}).get(name) for name in schema.names()}
    return {
        **found,
        **{f"any_{name}": bool(value) for name, value in lists.items()},
        **{f"{name}_until": moment for name, moment in known.items()},
        "observed_until": max((m for m in known.values() if m is not None), default=None),
        "orders_convert": bool(ordered & set(rules.conversion_events)),
        "orders_active": not rules.active_events or bool(ordered & set(rules.active_events)),
        "timezone": timezone,
    }


def substitute(query: exp.Expr, given: Mapping[str, Any]) -> exp.Expr:
    """Put literals in place of the parameters of a query.

    Values become nodes of the syntax tree, never text, so none of them can change the query.

    Args:
        query: The query; it is left as it is.
        given: Value by name; lists may stand only inside `IN (...)`.

    Raises:
        KeyError: A parameter has no value.

    >>> from sqlglot import parse_one
    >>> sql = "SELECT 1 FROM t WHERE a IN ($names) AND b > $least"
    >>> print(substitute(parse_one(sql, dialect="duckdb"), {"names": ["it's"], "least": None}))
    SELECT 1 FROM t WHERE a IN ('it''s') AND b > NULL
    """
    from sqlglot import exp

    copy = query.copy()
    for node in list(copy.find_all(exp.Placeholder, exp.Parameter)):
        value = given[node.name]
        if isinstance(value, (list, tuple)):
            node.replace([literal(one) for one in value] or [exp.Null()])
        else:
            # A bare null has no type, and functions could not be told apart by it.
            missing = exp.cast(exp.Null(), exp.DType.TIMESTAMPTZ)
            moment = value is None and node.name.endswith("_until")
            node.replace(missing if moment else literal(value))
    return copy


def literal(value: object) -> exp.Expr:
    """A value as a node of a syntax tree.

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
