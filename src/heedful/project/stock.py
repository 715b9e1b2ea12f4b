"""What each table holds: rows by day, the newest, known customers, filled columns, events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from heedful.engines.duckdb import literal, quoted
from heedful.store import schema

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.facts.needs import Leaf
    from heedful.project.project import Project

    Ask = Callable[[str], pa.Table]

JOINED = ("events", "tickets", "responses", "orders")
"""The tables whose rows should be of known customers above all."""
PEOPLE = ("customer_id", "anonymous_id")


@dataclass(frozen=True, slots=True)
class Join:
    """How many rows of a table are of a known customer.

    Attributes:
        table: The table.
        rows: Its rows.
        named: Rows that name someone.
        known: Rows whose someone is among the customers, by id or by an identity.
    """

    table: str
    rows: int
    named: int
    known: int

    @property
    def rate(self) -> float:
        """Share of known ones, 0 to 1."""
        return self.known / self.rows


@dataclass(slots=True)
class Stock:
    """What is counted of one table.

    Attributes:
        days: Rows by day in the project's timezone; None: rows without a time.
        newest: Newest time that is not in the future.
        rejected: Rows that could not be taken over.
        named: Rows that name someone.
        known: Rows whose someone is among the customers, by id or by an identity.
        filled: Rows in which a column is filled, by column.
        values: Rows by column and value.
        events: Rows by name of the event.
    """

    days: dict[date | None, int]
    newest: datetime | None = None
    rejected: int = 0
    named: int = 0
    known: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    values: dict[tuple[str, str], int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows kept."""
        return sum(self.days.values())

    @property
    def join_rate(self) -> float | None:
        """Share of its rows that are of a known customer; None without rows."""
        return self.known / self.rows if self.rows else None


def people(table: str) -> tuple[str, ...]:
    """The columns of a table that name somebody.

    >>> people("tickets"), people("spend")
    (('customer_id', 'anonymous_id'), ())
    """
    return tuple(name for name in PEOPLE if name in schema.table(table).columns)


def held(project: Project) -> list[str]:
    """The tables that exist."""
    lake = project.lake("tables")
    return [name for name in schema.names() if lake.exists(name)]


def counts(
    ask: Ask,
    project: Project,
    names: Sequence[str],
    now: datetime,
    joined: Collection[str] = JOINED,
) -> dict[str, Stock]:
    """What is counted of each table, in one query: attaching takes longest.

    Args:
        ask: Answers a SELECT over the project's tables and books.
        project: The project.
        names: Tables that exist.
        now: The present.
        joined: Tables of whose rows the known customers are counted.
    """
    found = {name: Stock({}) for name in names}
    zone = project.definitions.settings.timezone
    parts = [_by_day(name, zone, now) for name in names]
    parts += [_joined(name) for name in joined if name in names and "customers" in names]
    if project.books.exists("rejected_rows"):
        parts.append(
            "SELECT 'rejected' AS what, \"table\", NULL::DATE AS day, count(*) AS n,"
            " NULL::TIMESTAMPTZ AS newest, NULL::BIGINT AS known FROM rejected_rows GROUP BY 2"
        )
    if not parts:
        return found
    # An old id or a device counts where identities lead from it to a customer.
    sql = (
        "WITH own AS (SELECT DISTINCT customer_id AS id FROM customers),"
        " known AS (SELECT id FROM own UNION SELECT alias_id FROM identities"
        f" WHERE customer_id IN (SELECT id FROM own)) {' UNION ALL '.join(parts)}"
    )
    for row in ask(sql).to_pylist():
        one = found.setdefault(row["table"], Stock({}))
        if row["what"] == "rejected":
            one.rejected = row["n"]
        elif row["what"] == "joined":
            one.named, one.known = row["n"], row["known"]
        else:
            one.days[row["day"]] = row["n"]
            if row["newest"] is not None and (one.newest is None or row["newest"] > one.newest):
                one.newest = row["newest"].astimezone(UTC)
    return found


def _by_day(name: str, timezone: str, now: datetime) -> str:
    """Rows by day, and the newest time that is not in the future."""
    limit = f"TIMESTAMPTZ {literal(now.isoformat())}"
    time = schema.table(name).time
    at = quoted(time) if time else "CAST(NULL AS TIMESTAMPTZ)"
    return (
        f"SELECT 'day' AS what, {literal(name)} AS \"table\","
        f" CAST({at} AT TIME ZONE {literal(timezone)} AS DATE) AS day, count(*) AS n,"
        f" max({at}) FILTER (WHERE {at} <= {limit}) AS newest, NULL::BIGINT AS known"
        f" FROM {quoted(name)} GROUP BY 3"
    )


def _joined(name: str) -> str:
    """Rows that name someone, and rows whose someone is known."""
    who = [quoted(one) for one in people(name)]
    named = " OR ".join(f"{one} IS NOT NULL" for one in who) or "FALSE"
    known = " OR ".join(f"{one} IN (SELECT id FROM known)" for one in who) or "FALSE"
    return (
        f"SELECT 'joined' AS what, {literal(name)} AS \"table\", NULL::DATE AS day,"
        f" count(*) FILTER (WHERE {named}) AS n, NULL::TIMESTAMPTZ AS newest,"
        f" count(*) FILTER (WHERE {known}) AS known FROM {quoted(name)}"
    )


def fill(ask: Ask, stocks: dict[str, Stock], leaves: Iterable[Leaf]) -> None:
    """Count filled columns, values and events, in one pass over each table.

    Args:
        ask: Answers a SELECT over the project's tables.
        stocks: What is counted of each table that exists; what is found is written into it.
        leaves: What somebody wants to know of.
    """
    wanted: dict[str, dict[Leaf, None]] = {}
    for leaf in leaves:
        if leaf.table in stocks and leaf.kind in {"column", "value", "events"}:
            wanted.setdefault(leaf.table, {})[leaf] = None
    for table, asked in wanted.items():
        if not stocks[table].rows:
            continue
        counted = [leaf for leaf in asked if leaf.kind != "events"]
        if counted:
            _fill(ask, stocks[table], table, counted)
        if len(counted) < len(asked):
            rows = ask(f"SELECT event, count(*) AS n FROM {quoted(table)} GROUP BY 1").to_pylist()
            stocks[table].events = {str(row["event"]): row["n"] for row in rows}


def _fill(ask: Ask, stock: Stock, table: str, leaves: Sequence[Leaf]) -> None:
    items = []
    for place, leaf in enumerate(leaves):
        column = quoted(leaf.name)
        if leaf.kind == "value":
            items.append(f"count(*) FILTER (WHERE {column} = {literal(leaf.value)}) AS c{place}")
        else:
            items.append(f"count({column}) AS c{place}")
    row = ask(f"SELECT {', '.join(items)} FROM {quoted(table)}").to_pylist()[0]
    for place, leaf in enumerate(leaves):
        if leaf.kind == "value":
            stock.values[leaf.name, leaf.value] = row[f"c{place}"]
        else:
            stock.filled[leaf.name] = row[f"c{place}"]
