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
    return {
        table: min(given[table], now).astimezone(UTC)
        if given and table in given
        else _newest(engine, table, now)
        for table in tables
    }


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
    found = []
    for table, names in columns.items():
        counts = ", ".join(f"COUNT({quoted(name)}) AS {quoted(name)}" for name in names)
        row = engine.query(f"SELECT {counts} FROM raw.{quoted(table)}").to_pylist()[0]
        found += [(table, name) for name in names if row[name]]
    return frozenset(found)


def _newest(engine: Engine, table: str, now: datetime) -> datetime | None:
    times = [
        column.name
        for column in schema.table(table).columns.values()
        if column.kind == "timestamp" and column.name not in PLANNED
    ]
    limit = f"CAST({literal(now.astimezone(UTC).isoformat(sep=' '))} AS TIMESTAMPTZ)"
    newest = [f"MAX({quoted(c)}) FILTER (WHERE {quoted(c)} <= {limit})" for c in times]
    sql = f"SELECT {', '.join(newest)} FROM raw.{quoted(table)}"
    found = engine.query(sql).to_pylist() if newest else []
    moments = [moment for row in found for moment in row.values() if moment is not None]
    return max(moments).astimezone(UTC) if moments else None
