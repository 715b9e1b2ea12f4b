"""Until when the data of a table is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from heedful.engines.duckdb import literal, quoted
from heedful.engines.engine import Engine
from heedful.store import schema

PLANNED = frozenset({"promised_at", "renews_at", "sla_due_at"})
"""Times that say what is meant to happen; they prove nothing about what has been seen."""


def observed_until(
    engine: Engine,
    tables: Iterable[str],
    *,
    now: datetime,
    given: Mapping[str, datetime] | None = None,
) -> dict[str, datetime | None]:
    """Until when the data of each table is known.

    It is the newest time in any of the table's timestamp columns that is not in the future,
    or what a source says, and never later than now.

    Args:
        engine: Has the tables as views `raw.<table>`.
        tables: Which tables.
        now: The present, with a timezone.
        given: What sources say, by table.

    Returns:
        Moment by table, in UTC; None for a table without rows.
    """
    found: dict[str, datetime | None] = {
        table: min(given[table], now).astimezone(UTC) if given and table in given else None
        for table in tables
    }
    queries = [_newest(table, now) for table, moment in found.items() if moment is None]
    if asked := " UNION ALL ".join(query for query in queries if query):
        for row in engine.query(asked).to_pylist():
            if row["newest"] is not None:
                found[row["name"]] = row["newest"].astimezone(UTC)
    return found


def event_names(engine: Engine) -> frozenset[str]:
    """Names of all events there are.

    Args:
        engine: Has the events as the view `raw.events`.
    """
    found = engine.query("SELECT DISTINCT event FROM raw.events")["event"].to_pylist()
    return frozenset(name for name in found if name is not None)


def told(engine: Engine, times: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of some columns that at least one row fills.

    Args:
        engine: Has the tables as views `raw.<table>`.
        times: Table and column.
    """
    columns: dict[str, list[str]] = {}
    for table, column in times:
        columns.setdefault(table, []).append(column)
    queries = []
    for table, names in columns.items():
        signs = " || ".join(
            f"CASE WHEN COUNT({quoted(n)}) > 0 THEN '1' ELSE '0' END" for n in names
        )
        queries.append(
            f"SELECT {literal(table)} AS name, {signs} AS filled FROM raw.{quoted(table)}"
        )
    rows = engine.query(" UNION ALL ".join(queries)).to_pylist() if queries else []
    return frozenset(
        (row["name"], name)
        for row in rows
        for name, sign in zip(columns[row["name"]], row["filled"], strict=True)
        if sign == "1"
    )


def _newest(table: str, now: datetime) -> str | None:
    times = [
        column.name
        for column in schema.table(table).columns.values()
        if column.kind == "timestamp" and column.name not in PLANNED
    ]
    limit = f"CAST({literal(now.astimezone(UTC).isoformat(sep=' '))} AS TIMESTAMPTZ)"
    newest = [f"MAX({quoted(c)}) FILTER (WHERE {quoted(c)} <= {limit})" for c in times]
    if not newest:
        return None
    last = newest[0] if len(newest) == 1 else f"GREATEST({', '.join(newest)})"
    return f"SELECT {literal(table)} AS name, {last} AS newest FROM raw.{quoted(table)}"
