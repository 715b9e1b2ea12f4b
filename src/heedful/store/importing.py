"""From a source's files to its table, in one atomic commit; bad rows are kept with the reason."""

from __future__ import annotations

import glob
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from heedful.definitions.parameters import UnknownParameterError, substitute
from heedful.definitions.problem import one_of
from heedful.store import reading, schema
from heedful.store.casting import literal, quoted
from heedful.store.mapping import (
    Expression,
    MappingError,
    Reader,
    bind,
    expressions,
    select,
)
from heedful.store.reading import Bad, Raw, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from heedful.definitions.parameters import Value
    from heedful.definitions.source import Source
    from heedful.store.lake import Lake

    Progress = Callable[[str, int, int], None]

MOST_FAILURES = 1_000
REJECTED = pa.schema(
    [
        ("source", pa.string()),
        ("table", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("values", pa.string()),
        ("reason", pa.string()),
        ("rejected_at", pa.timestamp("us", tz="UTC")),
    ]
)


class SourceError(Exception):
    """A source cannot be imported; nothing of it was written.

    Attributes:
        path: Where in the source's YAML, as keys.
        found: What was found.
        allowed: What is allowed, and what to do.
    """

    def __init__(self, path: tuple[str, ...], found: str, allowed: str) -> None:
        super().__init__(f"{found}; {allowed}")
        self.path, self.found, self.allowed = path, found, allowed


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import of one source did; all but the names are numbers of rows.

    Attributes:
        source: The source.
        table: The table it fills.
        read: Rows in its files.
        inserted: Rows whose key was new.
        updated: Rows whose key was known with other values.
        unchanged: Rows that changed nothing, among them the superseded ones.
        left_out: Rows left out on purpose by `where`.
        rejected: Bad rows, kept in `rejected_rows`.
        superseded: Rows whose key comes again later in the same import.
        deleted: Rows of an earlier import that `replace` took away.
    """

    source: str
    table: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    left_out: int
    rejected: int
    superseded: int = 0
    deleted: int = 0


class Importer:
    """Imports sources into the canonical tables of one project.

    Args:
        project: The project's folder.
        tables: Where the canonical tables lie.
        books: Where `rejected_rows` and `imports` lie.
        staging: A folder for files that live as long as an import.
        timezone: The project's timezone.
        parameters: Values of `$name` in `sql:` sources.
    """

    def __init__(
        self,
        project: Path,
        tables: Lake,
        books: Lake,
        staging: Path,
        timezone: str,
        parameters: Mapping[str, Value],
    ) -> None:
        self.project = project
        self.tables = tables
        self.books = books
        self.staging = staging
        self.timezone = timezone
        self.parameters = parameters

    def run(self, source: Source, progress: Progress | None = None) -> Imported:
        """Import one source.

        Args:
            source: Its definition.
            progress: Called with what is being done, bytes done, bytes in all.

        Returns:
            What was done.

        Raises:
            SourceError: Its files are missing or damaged, or the mapping does not fit them.
        """
        with self.books.lock(f"source.{source.name}"):
            folder = self.staging / source.name
            # What an import that was killed has left lies here; it holds the same lock.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                return _Run(self, source, folder, progress).go()
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def files(self, source: Source) -> dict[str, list[Path]]:
        """The files of a source by the name of their view, sorted.

        Raises:
            SourceError: A glob matches nothing.
        """
        found: dict[str, list[Path]] = {}
        for name, globs in source.globs.items():
            matches: dict[Path, None] = {}
            for pattern in globs:
                paths = sorted(glob.glob(str(self.project / pattern), recursive=True))  # noqa: PTH207 - an absolute or parent pattern is allowed
                matches.update((Path(path), None) for path in paths if Path(path).is_file())
            if not matches:
                raise SourceError(
                    ("path",),
                    f'no file matches "{", ".join(globs)}"',
                    f"paths are relative to {self.project.name}/; check the name, or put the file there",
                )
            found[name] = list(matches)
        return found

    def shown(self, path: Path) -> str:
        """A file's name for people and for bookkeeping: relative to the project if near it."""
        project = self.project.resolve()
        resolved = path.resolve()
        for parent, prefix in ((project, ""), (project.parent, "../")):
            if resolved.is_relative_to(parent):
                return prefix + resolved.relative_to(parent).as_posix()
        return path.name


class _Run:
    """One import of one source, from files to the commit."""

    def __init__(
        self, importer: Importer, source: Source, folder: Path, progress: Progress | None
    ) -> None:
        self.importer = importer
        self.source = source
        self.folder = folder
        self.table = schema.table(source.table)
        self.tell = progress or (lambda _what, _done, _all: None)
        self.connection = duckdb.connect(config={"temp_directory": str(folder / "spill")})
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET preserve_insertion_order = true")
        self.bad: list[Bad] = []
        self.read = 0
        self.attributes: dict[str, None] = {}

    def go(self) -> Imported:
        try:
            raws = list(self._raw())
            self.read = sum(raw.rows for raw in raws)
            if self.source.sql is not None:
                raws = [self._selected(raws)]
                self.read = raws[0].rows + len(self.bad)
            mapped = [path for raw in raws if (path := self._map(raw)) is not None]
            return self._store(mapped)
        except MappingError as error:
            raise SourceError(error.path, error.found, error.allowed) from None
        except UnknownParameterError as error:
            raise SourceError(("sql",), f'parameter "${error.name}"', error.allowed) from None
        finally:
            self.connection.close()

    # --- read ---

    def _raw(self) -> Iterator[Raw]:
        found = self.importer.files(self.source)
        paths = [(name, path) for name, many in found.items() for path in many]
        size = sum(path.stat().st_size for _, path in paths)
        done = 0
        self._views: dict[str, list[Raw]] = {}
        for number, (name, path) in enumerate(paths):
            folder = self.folder / f"file-{number}"
            folder.mkdir()
            shown = self.importer.shown(path)
            before = done

            def progress(bytes_read: int, before: int = before) -> None:
                self.tell("reading", before + bytes_read, size)

            try:
                raw = reading.read(path, shown, self.source.read, folder, progress)
            except UnreadableError as error:
                place = f"{shown}:{error.line}" if error.line else shown
                raise SourceError(("path",), f"{place}: {error.found}", error.allowed) from None
            done += path.stat().st_size
            self.tell("reading", done, size)
            self.bad += raw.bad
            self._views.setdefault(name, []).append(raw)
            yield raw

    # --- `sql:` ---

    def _selected(self, raws: Sequence[Raw]) -> Raw:
        """What the source's own SELECT gives, as if it were a file."""
        import sqlglot

        path = self.importer.project / str(self.source.sql)
        if not path.is_file():
            raise SourceError(
                ("sql",),
                f'file "{self.source.sql}" does not exist',
                "paths are relative to the project",
            )
        for name, many in self._views.items():
            self._files_view(name, [raw for raw in many if raw.parts and raw.columns])
        try:
            statements = [s for s in sqlglot.parse(path.read_text("utf-8"), dialect="duckdb") if s]
        except (sqlglot.ParseError, sqlglot.TokenError) as error:
            raise SourceError(
                ("sql",),
                f"{self.source.sql} does not parse: {str(error).splitlines()[0]}",
                "mend it",
            ) from None
        from sqlglot import exp

        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            raise SourceError(("sql",), f"{self.source.sql} is not one SELECT", "write one SELECT")
        sql = substitute(statements[0], self.importer.parameters).sql(dialect="duckdb")
        out = self.folder / "selected.parquet"
        try:
            self.connection.execute(f"COPY ({sql}) TO {literal(str(out))} (FORMAT parquet)")
        except duckdb.Error as error:
            first = str(error).split("\n\n")[0].replace("\n", " ")
            views = ", ".join(self._views)
            raise SourceError(
                ("sql",), f"{self.source.sql} fails: {first}", f"it may read: {views}"
            ) from None
        found = reading.read(out, str(self.source.sql), self.source.read, self.folder)
        known = {*self.table.columns, *self.source.attributes}
        used = {
            name
            for spec in self.source.columns.values()
            if isinstance(spec, tuple)
            for name in spec
        }
        used |= {
            n for spec in self.source.attributes.values() if isinstance(spec, tuple) for n in spec
        }
        for name in found.columns:
            if name not in known | used and not self.source.columns:
                raise SourceError(
                    ("sql",),
                    f'{self.source.sql} gives a column "{name}" that table {self.table.name} has not',
                    f"{one_of(self.table.columns, name)}; or list it under attributes",
                )
        return found

    def _files_view(self, name: str, raws: Sequence[Raw]) -> None:
        selects = []
        for raw in raws:
            reader = self._reader(raw)
            items = [
                f"{reader.typed(column)} AS {quoted(column.strip())}"
                for column in reader.types
                if column not in {"_line", "file_row_number"}
            ]
            line = "_line" if "_line" in reader.types else "file_row_number + 1"
            items += [f"{literal(raw.file)} AS _file", f"{line} AS _line"]
            selects.append(f"SELECT {', '.join(items)} FROM {reader.source}")
        if not selects:
            raise SourceError(
                ("path",), f'the files of "{name}" are empty', "give at least a header"
            )
        union = " UNION ALL BY NAME ".join(selects)
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {union}")

    # --- map ---

    def _reader(self, raw: Raw) -> Reader:
        return Reader(self.connection, raw, self.source.read, self.importer.timezone)

    def _map(self, raw: Raw) -> Path | None:
        """Write one file's rows as rows of the table, the bad ones marked."""
        if not raw.parts or not raw.columns:
            return None
        reader = self._reader(raw)
        found = expressions(reader, self.source, self.table)
        where: Expression | None = None
        if self.source.where is not None:
            where = bind(reader, "where", ("where",), (self.source.where,))
        self.attributes.update(dict.fromkeys(self.source.attributes))
        sql = select(reader, self.source, self.table, found, where.sql if where else None)
        out = self.folder / f"mapped-{len(list(self.folder.glob('mapped-*')))}.parquet"
        self.tell("mapping", 0, 0)
        try:
            self._copy(sql, out)
        except duckdb.Error as error:
            self._copy(self._without_failures(sql, raw, error), out)
        return out

    def _copy(self, sql: str, out: Path) -> None:
        self.connection.execute(f"COPY ({sql}) TO {literal(str(out))} (FORMAT parquet)")

    def _without_failures(self, sql: str, raw: Raw, error: duckdb.Error) -> str:
        """The same SELECT without the rows on which an expression fails, found by halving."""
        failures: list[int] = []
        message = str(error)

        def fails(low: int, high: int) -> bool:
            nonlocal message
            narrowed = sql.replace(
                "file_row_number = true)",
                f"file_row_number = true) WHERE file_row_number BETWEEN {low} AND {high}",
            )
            try:
                self.connection.execute(f"SELECT count(COLUMNS(*)) FROM ({narrowed})").fetchall()
            except duckdb.Error as again:
                message = str(again)
                return True
            return False

        def halve(low: int, high: int) -> None:
            if len(failures) > MOST_FAILURES or not fails(low, high):
                return
            if low == high:
                failures.append(low)
                self.bad.append(self._failed(raw, low, message))
                return
            middle = (low + high) // 2
            halve(low, middle)
            halve(middle + 1, high)

        halve(0, max(raw.rows - 1, 0))
        if len(failures) > MOST_FAILURES or not failures:
            first = message.split("\n")[0]
            raise SourceError(
                ("columns",),
                f"an expression fails on more than {MOST_FAILURES:,} rows of {raw.file}: {first}",
                "use TRY_CAST, or declare the words that mean null in read.nulls",
            )
        without = ", ".join(map(str, failures))
        return sql.replace(
            "file_row_number = true)",
            f"file_row_number = true) WHERE file_row_number NOT IN ({without})",
        )

    def _failed(self, raw: Raw, row: int, message: str) -> Bad:
        files = ", ".join(literal(str(part)) for part in raw.parts)
        found = (
            self.connection.execute(
                f"SELECT * FROM read_parquet([{files}], union_by_name = true, file_row_number = true)"
                f" WHERE file_row_number = {row}"
            )
            .to_arrow_table()
            .to_pylist()[0]
        )
        found.pop("file_row_number", None)
        line = found.pop("_line", row + 1)
        values = json.dumps(found, ensure_ascii=False, default=str)
        return Bad(raw.file, line, values, message.split("\n")[0])

    # --- store ---

    def _store(self, mapped: Sequence[Path]) -> Imported:
        table, source = self.table, self.source
        left_out = self._rejects(mapped)
        with self.importer.tables.lock(table.name):
            if mapped:
                self._stage(mapped)
                counts = self._commit()
            else:
                counts = {
                    "inserted": 0,
                    "updated": 0,
                    "unchanged": 0,
                    "superseded": 0,
                    "deleted": 0,
                }
        self._write_rejects()
        done = Imported(
            source=source.name,
            table=table.name,
            read=self.read,
            left_out=left_out,
            rejected=len(self.bad),
            **counts,
        )
        self._log(done)
        return done

    def _rejects(self, mapped: Sequence[Path]) -> int:
        if not mapped:
            return 0
        files = _files(mapped)
        rows = self.connection.execute(
            f"SELECT _file, _line, _values, _reason FROM {files} WHERE _kept AND _reason IS NOT NULL"
            " ORDER BY _file, _line"
        ).fetchall()
        line_known = self.source.sql is None
        for file, line, values, reason in rows:
            self.bad.append(Bad(file, line if line_known else None, values, reason))
        return self._one(f"SELECT count(*) FILTER (NOT _kept) FROM {files}")[0]

    def _stage(self, mapped: Sequence[Path]) -> None:
        """The good rows with key, hash and month; of rows with one key the last counts."""
        table, source = self.table, self.source
        known = self.importer.tables.snapshot(table.name)
        stored = [] if known is None else [c for c in known.columns if not c.startswith("_")]
        extra = [c for c in stored if c not in table.columns]
        self.attributes.update(dict.fromkeys(extra))
        columns = [*table.columns, *self.attributes]
        present = {
            row[0]
            for row in self.connection.execute(
                f"DESCRIBE SELECT * FROM {_files(mapped)}"
            ).fetchall()
        }
        items = []
        for name in columns:
            kind = schema.SQL_TYPES[table.kind(name)]
            if name == table.key and source.key == "generated":
                items.append(f"{self._generated()} AS {quoted(name)}")
            elif name in present:
                items.append(f"{quoted(name)}::{kind} AS {quoted(name)}")
            else:
                items.append(f"NULL::{kind} AS {quoted(name)}")
        good = f"SELECT * FROM {_files(mapped)} WHERE _kept AND _reason IS NULL"
        hashed = ", ".join(f"coalesce(CAST({quoted(n)} AS VARCHAR), chr(0))" for n in columns)
        month = f"strftime({quoted(table.time)}, '%Y-%m')" if table.time else "NULL::VARCHAR"
        newest = "updated_at DESC NULLS LAST, " if "updated_at" in present else ""
        self.tell("staging", 0, 0)
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW good AS SELECT {', '.join(items)}, _file, _row FROM ({good})"
        )
        staged = self.folder / "staged.parquet"
        self._copy(
            f"SELECT {', '.join(quoted(n) for n in columns)}, {literal(source.name)} AS _source,"
            f" _file, md5(concat_ws(chr(31), {hashed})) AS _hash, {month} AS _month,"
            f" row_number() OVER (PARTITION BY {quoted(table.key)} ORDER BY {newest}_file DESC, _row DESC)"
            " AS _rank FROM good",
            staged,
        )
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW ranked AS SELECT * FROM read_parquet({literal(str(staged))})"
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP VIEW staged AS SELECT * EXCLUDE (_rank) FROM ranked WHERE _rank = 1"
        )

    def _generated(self) -> str:
        parts = [literal(self.source.name)]
        if self.source.replace == "file":
            parts.append("_file")
        parts.append("_content")
        within = "_content" if self.source.replace == "all" else "_file, _content"
        order = "_file, _row" if self.source.replace == "all" else "_row"
        parts.append(f"row_number() OVER (PARTITION BY {within} ORDER BY {order})")
        return f"md5(concat_ws(chr(31), {', '.join(parts)}))"

    def _commit(self) -> dict[str, int]:
        table, tables = self.table, self.importer.tables
        total, kept = self._one(
            "SELECT (SELECT count(*) FROM ranked), (SELECT count(*) FROM staged)"
        )
        counts = {"superseded": total - kept, "deleted": 0}
        snapshot = tables.snapshot(table.name)
        wanted = table.arrow(tuple(self.attributes))
        columns = ", ".join(quoted(name) for name in wanted.names)
        if snapshot is None or not snapshot.files:
            if kept:
                self._append(f"SELECT {columns} FROM staged", wanted)
            return counts | {"inserted": kept, "updated": 0, "unchanged": total - kept}
        files = _files([Path(file) for file in snapshot.files])
        key, when = quoted(table.key), quoted(table.time) if table.time else "NULL::TIMESTAMPTZ"
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE known AS"
            f" SELECT {key}, _source, _file, _hash, {when}::TIMESTAMPTZ AS _when FROM {files}"
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE changes AS SELECT"
            f" s.{key}, s._hash, k.{key} IS NULL AS new, k._when FROM staged s"
            f" LEFT JOIN known k USING ({key}) WHERE k.{key} IS NULL OR k._hash <> s._hash"
        )
        gone = self._gone()
        inserted, updated, deleted = self._one(
            "SELECT count(*) FILTER (new), count(*) FILTER (NOT new),"
            f" (SELECT count(*) FROM ({gone})) FROM changes"
        )
        self.tell("writing", 0, 0)
        if updated or deleted:
            self._merge(gone, wanted)
        elif inserted:
            self._append(f"SELECT {columns} FROM staged SEMI JOIN changes USING ({key})", wanted)
        unchanged = kept - inserted - updated + counts["superseded"]
        return counts | {
            "inserted": inserted,
            "updated": updated,
            "unchanged": unchanged,
            "deleted": deleted,
        }

    def _gone(self) -> str:
        """Rows of earlier imports whose place the files now read have taken."""
        key = quoted(self.table.key)
        if self.source.key != "generated":
            return f"SELECT {key}, _when FROM known WHERE false"
        mine = f"_source = {literal(self.source.name)}"
        reach = {
            "file": "_file IN (SELECT DISTINCT _file FROM ranked)",
            "all": "true",
            "period": "_when BETWEEN (SELECT min(_t) FROM span) AND (SELECT max(_t) FROM span)",
        }[self.source.replace]
        when = quoted(self.table.time) if self.table.time else "NULL::TIMESTAMPTZ"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW span AS SELECT {when} AS _t FROM ranked"
        )
        return (
            f"SELECT {key}, _when FROM known WHERE {mine} AND {reach}"
            f" AND {key} NOT IN (SELECT {key} FROM staged)"
        )

    def _append(self, sql: str, wanted: pa.Schema) -> None:
        when = self.table.time
        touched = None
        if when:
            first, last = self._one(
                f"SELECT min({quoted(when)})::VARCHAR, max({quoted(when)})::VARCHAR FROM ({sql})"
            )
            touched = (str(first), str(last)) if first and not self._timeless(sql) else None
        rows = self.connection.sql(sql).to_arrow_reader(100_000)
        data = pa.RecordBatchReader.from_batches(wanted, (_as(batch, wanted) for batch in rows))
        partition = ("_month",) if self.table.partitioned else ()
        self.importer.tables.append(self.table.name, data, partition_by=partition, touched=touched)

    def _timeless(self, sql: str) -> bool:
        return bool(
            self._one(
                f"SELECT count(*) FILTER ({quoted(str(self.table.time))} IS NULL) FROM ({sql})"
            )[0]
        )

    def _merge(self, gone: str, wanted: pa.Schema) -> None:
        key = quoted(self.table.key)
        columns = ", ".join(quoted(name) for name in wanted.names)
        schema_ = wanted.append(pa.field("_delete", pa.bool_()))
        empty = ", ".join(
            f"{key}" if name == self.table.key else f"NULL AS {quoted(name)}"
            for name in wanted.names
        )
        sql = (
            f"SELECT {columns}, false AS _delete FROM staged SEMI JOIN changes USING ({key})"
            f" UNION ALL BY NAME SELECT {empty}, true AS _delete FROM ({gone})"
        )
        changes = pa.Table.from_batches(
            [_as(batch, schema_) for batch in self.connection.sql(sql).to_arrow_reader(100_000)],
            schema_,
        )
        touched, months = None, []
        if self.table.time:
            when = quoted(self.table.time)
            spans = (
                f"SELECT {when} AS _t FROM staged SEMI JOIN changes USING ({key})"
                f" UNION ALL SELECT _when FROM changes WHERE NOT new UNION ALL SELECT _when FROM ({gone})"
            )
            rows = self.connection.execute(
                f"SELECT strftime(_t, '%Y-%m'), min(_t)::VARCHAR, max(_t)::VARCHAR FROM ({spans}) GROUP BY 1"
            ).fetchall()
            months = [row[0] for row in rows if row[0] is not None]
            if len(months) == len(rows) and rows:
                touched = (min(row[1] for row in rows), max(row[2] for row in rows))
        self.importer.tables.merge(self.table, changes, months=months, touched=touched)

    def _one(self, sql: str) -> tuple[int, ...]:
        rows: list[tuple[int, ...]] = self.connection.execute(sql).fetchall()
        return rows[0]

    # --- books ---

    def _write_rejects(self) -> None:
        books = self.importer.books
        if not self.bad and not books.exists("rejected_rows"):
            return
        now = datetime.now(UTC)
        rows = [
            (self.source.name, self.table.name, bad.file, bad.line, bad.values, bad.reason, now)
            for bad in self.bad
        ]
        arrays = list(zip(*rows, strict=True)) if rows else [[] for _ in REJECTED.names]
        data = pa.Table.from_arrays(
            [pa.array(a, f.type) for a, f in zip(arrays, REJECTED, strict=True)], schema=REJECTED
        )
        with books.lock("rejected_rows"):
            books.replace("rejected_rows", data, where=f"source = {literal(self.source.name)}")

    def _log(self, done: Imported) -> None:
        version = self.importer.tables.version(self.table.name)
        row = {
            "imported_at": datetime.now(UTC),
            "source": done.source,
            "table": done.table,
            "version": version,
            **{
                n: getattr(done, n)
                for n in Imported.__dataclass_fields__
                if n not in {"source", "table"}
            },
        }
        fields = [
            pa.field(
                name,
                pa.timestamp("us", tz="UTC")
                if name == "imported_at"
                else pa.string()
                if name in {"source", "table"}
                else pa.int64(),
            )
            for name in row
        ]
        data = pa.Table.from_pylist([row], schema=pa.schema(fields))
        with self.importer.books.lock("imports"):
            self.importer.books.append("imports", data)


def _files(paths: Sequence[Path]) -> str:
    names = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"


def _as(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [batch.column(name).cast(wanted.field(name).type) for name in wanted.names], schema=wanted
    )
