"""A table, view or SELECT of a PostgreSQL database, read as if it were a file.

Rows are streamed as text, as PostgreSQL itself writes them, so that nothing is rounded on the
way; what a column's type says of them is kept beside it.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from heedful.definitions.database import relation_parts
from heedful.definitions.problem import did_you_mean
from heedful.store.connecting import PATH, addressed, connected, place_of, said_by
from heedful.store.nested import Nested
from heedful.store.quoting import quoted
from heedful.store.raw import Raw, named, text_schema
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import psycopg

    from heedful.definitions.source import Source

BATCH_ROWS = 20_000
BATCH_CHARACTERS = 8_000_000
# ISO times in UTC, numbers with all their digits.
SESSION = (
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'iso_8601'",
    "SET LOCAL extra_float_digits = 1",
)
KINDS = {
    "bool": "BOOLEAN",
    "int2": "BIGINT",
    "int4": "BIGINT",
    "int8": "BIGINT",
    "float4": "DOUBLE",
    "float8": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "timestamptz": "TIMESTAMPTZ",
}
JSON = {"json", "jsonb"}
WIDEST = 38


@dataclass(frozen=True, slots=True)
class Field:
    """A column of what is read.

    Attributes:
        name: Its name.
        type: PostgreSQL's name of its type.
        kind: The SQL type of its values, where that is certain; else None.
        nested: Whether its values are JSON, or become JSON.
    """

    name: str
    type: str
    kind: str | None
    nested: bool

    def sql(self, column: str) -> str:
        """Its text in PostgreSQL's SQL."""
        if self.nested and self.type not in JSON:
            return f"to_json({column})::text"
        return f"{column}::numeric::text" if self.type == "money" else f"{column}::text"


def read(
    source: Source,
    project: Path,
    folder: Path,
    notes: list[str],
    progress: Callable[[int], None] = lambda _bytes: None,
) -> Raw:
    """Read what a source names, in one read-only transaction that sees one moment.

    Args:
        source: The source.
        project: The project's folder, for its query.
        folder: Where Parquet files may be written; must be empty.
        notes: Takes what a person should know.
        progress: Called with the number of characters read so far.

    Returns:
        Its rows as text, with the kinds of columns whose type says them.

    Raises:
        SourceError: The driver is missing, the database cannot be reached or refuses, or there is
            no such table or column. No message holds a password.
    """
    try:
        import psycopg
    except ImportError:
        found = "a database is read with the Python package psycopg, which is not installed"
        raise SourceError(PATH, found, "pip install 'heedful[postgresql]'") from None
    to = addressed(source)
    place = place_of(to)
    with contextlib.closing(connected(to, place)) as connection:
        try:
            reading = _Reading(source, project, connection, place)
            return reading.run(folder, notes, progress)
        except psycopg.Error as error:
            raise SourceError(PATH, f"{place}: {said_by(to, error)}", "try again") from None
        except UnicodeDecodeError:
            found = f"{place} holds bytes that are not in its encoding"
            hint = "use a query that mends or leaves out these rows"
            raise SourceError(PATH, found, hint) from None


class _Reading:
    """One transaction."""

    def __init__(
        self, source: Source, project: Path, connection: psycopg.Connection[Any], place: str
    ) -> None:
        self.source = source
        self.project = project
        self.connection = connection
        self.place = place

    def run(self, folder: Path, notes: list[str], progress: Callable[[int], None]) -> Raw:
        for statement in SESSION:
            self.connection.execute(statement)
        query = self._query()
        given = self._described(query)
        fields = [field for field in given if field.type != "bytea"]
        self._refuse_bytes([field.name for field in given if field.type == "bytea"], notes)
        if not fields:
            raise SourceError(self._at, f"{self.place} has no columns to read", "name others")
        names = named([field.name for field in fields])
        shown = f"{self.place} {self.source.relation or self.source.query}"
        raw = Raw(shown, columns=list(names))
        raw.kinds = {n: f.kind for n, f in zip(names, fields, strict=True) if f.kind is not None}
        columns = [f"c{number}" for number in range(len(given))]
        texts = [
            field.sql(f"q.{column}")
            for field, column in zip(given, columns, strict=True)
            if field in fields
        ]
        copy = f"COPY (SELECT {', '.join(texts)} FROM (\n{query}\n) AS q({', '.join(columns)}))"
        parts = _Parts(folder, raw, [n for n, f in zip(names, fields, strict=True) if f.nested])
        with (
            contextlib.closing(parts),
            self.connection.cursor() as cursor,
            cursor.copy(f"{copy} TO STDOUT".encode()) as found,
        ):
            characters = 0
            for batch, size in _batches(found.rows()):
                parts.add(batch)
                characters += size
                progress(characters)
        raw.parts = parts.paths
        if parts.nested.left_out:
            left = ", ".join(parts.nested.left_out)
            notes.append(f"{left}: too many fields to be columns; the others stay in the JSON")
        return raw

    @property
    def _at(self) -> tuple[str, ...]:
        return ("relation",) if self.source.relation is not None else ("query",)

    def _query(self) -> str:
        if self.source.relation is not None:
            return f"SELECT * FROM {self._relation(self.source.relation)}"
        file = str(self.source.query)
        try:
            text = (self.project / file).read_text("utf-8-sig")
        except (OSError, UnicodeError) as error:
            found = f'file "{file}" cannot be read: {error}'
            raise SourceError(self._at, found, "paths are relative to the project") from None
        return text.rstrip().rstrip(";")

    def _relation(self, given: str) -> str:
        """The relation as PostgreSQL spells it, quoted."""
        import psycopg

        parts = relation_parts(given)
        spelled = [".".join(map(quoted, each)) for each in (parts, [p.lower() for p in parts])]
        try:
            for one in dict.fromkeys(spelled):
                row = self.connection.execute("SELECT to_regclass(%s)", [one]).fetchone()
                if row is not None and row[0] is not None:
                    return one
        except psycopg.errors.InsufficientPrivilege as error:
            raise SourceError(self._at, self._refusal(error), self._grant) from None
        known = self.connection.execute(
            "SELECT schemaname || '.' || relname FROM ("
            " SELECT schemaname, tablename AS relname FROM pg_tables"
            " UNION ALL SELECT schemaname, viewname FROM pg_views"
            " UNION ALL SELECT schemaname, matviewname FROM pg_matviews) AS known"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 5000"
        ).fetchall()
        options = [str(row[0]) for row in known]
        wanted = given if "." in given else f"public.{given}"
        hint = did_you_mean(wanted, options) or f"; it has {len(options)} tables and views"
        raise SourceError(
            self._at,
            f'{self.place} has no table or view "{given}"{hint}',
            "name the schema too, such as public.orders",
        )

    def _described(self, query: str) -> list[Field]:
        """The columns of a SELECT, which is planned but not run."""
        import psycopg

        before = "SELECT * FROM (\n"
        try:
            # Prepared, so that the server takes no more than one statement.
            cursor = self.connection.execute(
                f"{before}{query}\n) AS q LIMIT 0".encode(), prepare=True
            )
        except psycopg.errors.InsufficientPrivilege as error:
            raise SourceError(self._at, self._refusal(error), self._grant) from None
        except psycopg.errors.ReadOnlySqlTransaction:
            found = f"{self.source.query} would write"
            raise SourceError(self._at, found, "write one SELECT") from None
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
            diagnosis = error.diag
            position = int(diagnosis.statement_position or 0) - len(before)
            line = query[: max(position - 1, 0)].count("\n") + 1
            where = f"{self.source.query}:{line}: " if self.source.query else ""
            hint = diagnosis.message_hint or "write one SELECT in PostgreSQL's SQL"
            found = f"{where}{diagnosis.message_primary or error}"
            raise SourceError(self._at, " ".join(found.split()), " ".join(hint.split())) from None
        described = cursor.description or []
        rows = self.connection.execute(
            "SELECT oid, typname, typtype, typcategory FROM pg_type WHERE oid = ANY(%s)",
            [[column.type_code for column in described]],
        ).fetchall()
        types = {row[0]: row[1:] for row in rows}
        return [_field(column, *types[column.type_code]) for column in described]

    def _refuse_bytes(self, names: Sequence[str], notes: list[str]) -> None:
        """Bytes are no values of a table: they are left out, unless the source wants them."""
        source = self.source
        wanted: list[tuple[tuple[str, ...], str]] = [
            ((kind, name), text)
            for kind in ("columns", "attributes")
            for name, column in getattr(source, kind).items()
            if isinstance(column, tuple)
            for text in column
        ]
        wanted += [(("where",), source.where)] if source.where else []
        for name in names:
            hint = f"use a query with encode({name}, 'hex'), or convert_from({name}, 'UTF8')"
            for path, text in wanted:
                if re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE):
                    found = f'column "{name}" of {self.place} holds bytes (bytea)'
                    raise SourceError(path, found, hint)
            notes.append(f"{name} holds bytes (bytea) and is left out")

    def _refusal(self, error: psycopg.Error) -> str:
        return f"{self.place}: {error.diag.message_primary}"

    @property
    def _grant(self) -> str:
        user = self.connection.info.user
        return f'let "{user}" read it: GRANT USAGE ON SCHEMA ..., GRANT SELECT ON ...'


class _Parts:
    """Writes batches of rows to Parquet; a new part begins where JSON brings new columns."""

    def __init__(self, folder: Path, raw: Raw, nested: Sequence[str]) -> None:
        self.folder = folder
        self.raw = raw
        self.names = list(raw.columns)
        self.nested = Nested(nested, self.names)
        self.paths: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None

    def add(self, rows: Sequence[Sequence[str | None]]) -> None:
        """Write some rows."""
        columns: dict[str, Sequence[str | None]] = dict(
            zip(self.names, zip(*rows, strict=True), strict=True)
        )
        columns |= self.nested.columns(columns)
        self.raw.columns += [name for name in columns if name not in self.raw.columns]
        self._write(columns, range(self.raw.rows, self.raw.rows + len(rows)))
        self.raw.rows += len(rows)

    def _write(self, columns: Mapping[str, Sequence[str | None]], places: range) -> None:
        schema = text_schema(list(columns))
        arrays = [pa.array(values, pa.string()) for values in columns.values()]
        # A row of a table has no line.
        arrays += [pa.nulls(len(places), pa.int64()), pa.array(places, pa.int64())]
        if self._writer is None or schema != self._schema:
            self._finish()
            self.paths.append(self.folder / f"raw-{len(self.paths)}.parquet")
            self._schema = schema
            self._writer = pq.ParquetWriter(self.paths[-1], schema, compression="zstd")
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Finish the last part; there is one, even where there are no rows."""
        if not self.paths:
            self._write(dict.fromkeys(self.names, ()), range(0))
        self._finish()


def _batches(rows: Iterator[Any]) -> Iterator[tuple[list[tuple[str | None, ...]], int]]:
    """Rows some at a time, and how many characters they have."""
    batch: list[tuple[str | None, ...]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(map(len, filter(None, row)))
        if len(batch) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield batch, size
            batch, size = [], 0
    if batch:
        yield batch, size


def _field(column: Any, name: str, kind: str, category: str) -> Field:
    """A column, by its type: `kind` is c for a row type, `category` A for an array."""
    # An array of bytes is no better than bytes.
    name = "bytea" if name == "_bytea" else name
    nested = name in JSON or category == "A" or kind == "c"
    known = KINDS.get(name)
    precision, scale = column.precision, column.scale
    if name == "numeric" and precision and precision <= WIDEST and 0 <= (scale or 0) <= precision:
        known = f"DECIMAL({precision},{scale or 0})"
    return Field(column.name, name, known, nested)
