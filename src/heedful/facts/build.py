"""Runs facts and keeps their rows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.definitions.parameters import literal
from heedful.definitions.problem import Problem, ProjectError
from heedful.engines.duckdb import QueryError, quoted
from heedful.facts.model import Fact
from heedful.facts.prepared import Prepared
from heedful.facts.rendering import render
from heedful.store.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 100_000
# What Delta Lake has no type for, or what would differ between engines, becomes one it has.
STORED = {
    "HUGEINT": "BIGINT",
    "UHUGEINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "INTEGER",
    "FLOAT": "DOUBLE",
    "UUID": "VARCHAR",
    "TIMESTAMP": "TIMESTAMPTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    '"NULL"': "VARCHAR",
}
KEPT = {"VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DOUBLE", "BOOLEAN", "DATE"}


@dataclass(frozen=True, slots=True)
class Built:
    """What a build wrote.

    Attributes:
        fact: The fact.
        version: The version of its table that holds it.
        rows: How many rows were written.
        since: The first day that was replaced; None: from the beginning.
        until: The last day that was replaced; None: to the end.
    """

    fact: str
    version: int
    rows: int
    since: date | None
    until: date | None


def build(
    fact: Fact,
    prepared: Prepared,
    facts: Lake,
    *,
    since: date | None = None,
    until: date | None = None,
) -> Built:
    """Compute a fact and replace what is stored of it in one commit.

    A part is computed from a part of the tables, wide enough by the fact's lookback that the
    result is what a full build gives. The whole is built where the fact needs its whole
    history, was never built, or has other columns than before.

    Args:
        fact: The fact.
        prepared: The project's tables.
        facts: Where facts are stored.
        since: The first day to replace, in the project's timezone; None: all.
        until: The last day to replace; None: to the end.

    Raises:
        ProjectError: The query cannot be run, or gives rows without `at` or `customer`.
    """
    span = fact.lookback.span(prepared.parameters)
    with facts.lock(fact.name):
        if span is None or not facts.exists(fact.name):
            since = until = None
        prepared.views((*fact.reads, *fact.relations), *_window(since, until, span, prepared))
        query = render(fact, prepared).sql("duckdb", identify=True)
        columns = _columns(fact, query, prepared)
        stored = facts.snapshot(fact.name)
        if (since or until) and (stored is None or dict(stored.columns) != _stored(columns)):
            since = until = None
            prepared.views((*fact.reads, *fact.relations))
        sql = _sql(query, columns, prepared)
        stream = _Stream(fact, prepared, _between(sql, since, until))
        try:
            version = facts.replace(
                fact.name,
                stream.reader(),
                where=_predicate(since, until),
                partition_by=("_month",),
                touched=(since.isoformat(), until.isoformat()) if since and until else None,
            )
        except Exception:
            # What a stream raises comes back as another library's error, with a traceback in it.
            if stream.problem:
                raise ProjectError([stream.problem]) from None
            raise
    return Built(fact.name, version, stream.rows, since, until)


def _window(
    since: date | None, until: date | None, span: dt.timedelta | None, prepared: Prepared
) -> tuple[datetime | None, datetime | None]:
    """The part of time in which inputs of the days may lie."""
    if span is None:
        return None, None
    zone = ZoneInfo(prepared.settings.timezone)
    first = datetime.combine(since, dt.time(), zone).astimezone(dt.UTC) - span if since else None
    if until is None:
        return first, None
    following = datetime.combine(until + dt.timedelta(days=1), dt.time(), zone)
    return first, following.astimezone(dt.UTC) + span


def _columns(fact: Fact, query: str, prepared: Prepared) -> dict[str, str]:
    """SQL type of each column of the query as it will be stored."""
    try:
        found = prepared.engine.columns(query)
    except QueryError as error:
        raise ProjectError([_refused(fact, str(error))]) from None
    columns = {}
    for name, kind in found.items():
        plain = "DECIMAL(18, 4)" if kind.startswith("DECIMAL") else STORED.get(kind, kind)
        if plain not in {*KEPT, "DECIMAL(18, 4)", "TIMESTAMPTZ"}:
            allowed = "cast it to text, a number, a boolean, a date or a time"
            wrong = Problem(fact.file, 1, f'column "{name}" is of type {kind}', allowed)
            raise ProjectError([wrong])
        columns[name] = plain
    return columns


def _refused(fact: Fact, message: str) -> Problem:
    """The engine's words about a query, at the line of the last name they quote, if any."""
    first = message.strip().splitlines()[0].removeprefix("Binder Error: ")
    named = re.findall(r'"([^"]+)"', first)
    lines = fact.text.splitlines()
    start = len(lines) - len(fact.sql.splitlines())
    at = [
        number
        for number, line in enumerate(lines, 1)
        if named and number > start and re.search(rf"\b{re.escape(named[-1])}\b", line)
    ]
    return Problem(fact.file, at[0] if at else start + 1, f"the query cannot be run: {first}")


def _stored(columns: Mapping[str, str]) -> dict[str, str]:
    plain = {n: kind.replace("DECIMAL(18, 4)", "DECIMAL(18,4)") for n, kind in columns.items()}
    return {**plain, "day": "DATE", "bucket": "INTEGER"}


def _sql(query: str, columns: Mapping[str, str], prepared: Prepared) -> str:
    """The query with the columns that every fact has."""
    zone = literal(prepared.settings.timezone).sql("duckdb")
    items = ", ".join(
        f"CAST(f.{quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in columns.items()
    )
    digits = "'0123456789abcdef'"
    high, low = (f"STRPOS({digits}, SUBSTR(MD5(g.customer), {n}, 1)) - 1" for n in (1, 2))
    return (
        f'SELECT g.*, CAST(g."at" AT TIME ZONE {zone} AS DATE) AS day, '
        f"CAST((({high}) % 4) * 16 + {low} AS INTEGER) AS bucket "
        f"FROM (SELECT {items} FROM ({query}) AS f) AS g"
    )


def _between(sql: str, since: date | None, until: date | None) -> str:
    days = [f"h.day {sign} DATE '{day}'" for sign, day in ((">=", since), ("<=", until)) if day]
    where = f" WHERE {' AND '.join(days)}" if days else ""
    return f"SELECT h.*, COALESCE(STRFTIME(h.day, '%Y-%m'), '') AS _month FROM ({sql}) AS h{where}"


def _predicate(since: date | None, until: date | None) -> str | None:
    """What Delta replaces; the month beside the day spares it the other partitions."""
    parts = []
    for sign, day in ((">=", since), ("<=", until)):
        if day:
            parts.append(f"_month {sign} '{day:%Y-%m}' AND day {sign} DATE '{day}'")
    return " AND ".join(parts) or None


class _Stream:
    """Streams a result, counts its rows and refuses those without a time or a customer."""

    def __init__(self, fact: Fact, prepared: Prepared, sql: str) -> None:
        self.fact = fact
        self.engine = prepared.engine
        self.sql = sql
        self.rows = 0
        self.problem: Problem | None = None

    def reader(self) -> pa.RecordBatchReader:
        import pyarrow as pa

        try:
            reader = self.engine.stream(self.sql, BATCH)
        except QueryError as error:
            self.problem = _refused(self.fact, str(error))
            raise
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            for batch in reader:
                self._check(batch)
                self.rows += batch.num_rows
                yield batch
        except (pa.ArrowException, OSError) as error:
            self.problem = _refused(self.fact, str(error))
            raise

    def _check(self, batch: pa.RecordBatch) -> None:
        for name in ("at", "customer"):
            missing = batch.column(name).null_count
            if missing:
                found = f'{missing} rows or more have no "{name}"'
                allowed = f'leave them out, or give them a "{name}" of their own'
                self.problem = Problem(self.fact.file, 1, found, allowed)
                raise ProjectError([self.problem])
