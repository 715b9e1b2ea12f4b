"""The `$name`s that the SQL of a fact may use, and their values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from heedful.definitions.rules import Rules
from heedful.store import schema

TIMEZONE = "UTC"


TIMES = tuple(
    (name, column.name)
    for name in schema.names()
    for column in schema.table(name).columns.values()
    if column.kind == "timestamp" and not column.required
)
"""Table and column of every time that rows need not have."""


def values(
    rules: Rules,
    timezone: str = TIMEZONE,
    until: Mapping[str, datetime | None] | None = None,
    *,
    events: Collection[str] = (),
    told: Collection[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The value of every parameter.

    Beside the fields of `rules.yaml` there are `$timezone`, `$<table>_until` (until when the
    data of that table is known; null where there is none) and `$observed_until` (the newest of
    them), `$any_<list>` (whether that list names anything), and whether an `orders` row is as
    good as an event: `$orders_convert` (a conversion), `$orders_active` (activity).

    What never happens in the data may be what its source does not know, and then is no zero:
    `$seen_<list>` says whether there is any event that the list names, and
    `$told_<table>_<column>` whether any row has that time.

    Args:
        rules: The project's rules.
        timezone: Its IANA timezone.
        until: Until when the data of each table is known.
        events: Names of all events there are.
        told: Table and column of each time that at least one row has.

    >>> values(Rules())["any_value_events"], values(Rules())["tickets_until"]
    (True, None)
    """
    found = rules.parameters()
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    events = frozenset(events)
    ordered = set(rules.order_completed)
    known = {name: (until or {}).get(name) for name in schema.names()}
    return {
        **found,
        **{f"any_{name}": bool(value) for name, value in lists.items()},
        **{f"seen_{name}": not events.isdisjoint(value) for name, value in lists.items()},
        **{f"told_{one}_{column}": (one, column) in told for one, column in TIMES},
        **{f"{name}_until": moment for name, moment in known.items()},
        "observed_until": max((m for m in known.values() if m is not None), default=None),
        "orders_convert": bool(ordered & set(rules.conversion_events)),
        "orders_active": not rules.active_events or bool(ordered & set(rules.active_events)),
        "timezone": timezone,
    }
