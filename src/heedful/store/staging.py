"""One import's files, read and mapped to rows of the table; nothing of it is durable yet."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from heedful.definitions.problem import one_of
from heedful.store import fitting, reading, warehouse
from heedful.store.columns import Columns
from heedful.store.failing import FAILURES, Failing
from heedful.store.mapping import bindings, condition, select
from heedful.store.personal import Masking
from heedful.store.quoting import literal, quoted
from heedful.store.raw import Bad, BadRows, UnreadableError
from heedful.store.scratch import connect, group_size
from heedful.store.selecting import selected
from heedful.store.source_error import SourceError
from heedful.surveys.catalogue import instruments as known_instruments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from heedful.definitions.format import Format
    from heedful.definitions.instrument import Instrument
    from heedful.definitions.parameters import Value
    from heedful.definitions.source import Source
    from heedful.store.binding import Bound
    from heedful.store.raw import Raw
    from heedful.store.schema import Table
    from heedful.store.suppression import Gate

    Tell = Callable[[str, int, int], None]


@dataclass(slots=True)
class Staged:
    """What an import has found in its files.

    Attributes:
        bad: Rows that are broken or cannot be cast.
        mapped: Parquet files of rows as the table wants them, bad ones marked, in order.
        files: Names of all files read.
        headed: Of these, those that have at least a header.
        read: Rows in all.
        left_out: Rows left out on purpose.
        notes: What a person should know.
    """

    bad: BadRows
    mapped: list[Path] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    headed: list[str] = field(default_factory=list)
    read: int = 0
    left_out: int = 0
    notes: list[str] = field(default_factory=list)


class Staging:
    """Reads and maps the files of one source.

    Args:
        source: Its definition.
        table: The table it fills.
        folder: A folder of its own, for as long as the import takes.
        timezone: The project's timezone.
        parameters: Values of `$name`.
        tell: Called with what is being done, bytes done, bytes in all.
        form: The format that its files have, if it names one.
        gate: Keeps rows of erased people out.
        instruments: What survey answers may be about, by id; those of the program if not given.
    """

    def __init__(
        self,
        source: Source,
        table: Table,
        folder: Path,
        timezone: str,
        parameters: Mapping[str, Value],
        tell: Tell,
        form: Format | None = None,
        gate: Gate | None = None,
        instruments: Mapping[str, Instrument] | None = None,
    ) -> None:
        self.given = source
        self.instruments = known_instruments() if instruments is None else instruments
        self.gate = gate
        self.form = form
        self.source = source = source if form is None else fitting.fitted(source, form)
        self.selecting = form if form is not None and form.sql is not None else None
        self.table = table
        self.folder = folder
        self.timezone = timezone
        self.parameters = parameters
        self.tell = tell
        self.staged = Staged(BadRows(folder / "bad.parquet"))
        self.masking = Masking()

    def run(
        self,
        files: Mapping[str, Sequence[tuple[str, Path]]],
        sql: Path | None,
        project: Path | None = None,
    ) -> Staged:
        """Read and map.

        Args:
            files: Shown name and path of each file, by the name of their view.
            sql: The source's own SELECT over these views.
            project: The project's folder; needed where rows come from a database.

        Raises:
            SourceError: A file is damaged, or the mapping does not fit it.
        """
        asked = project if self.source.remote else None
        raws = self._read(files) if asked is None else self._asked(asked)
        staged = self.staged
        with self._sealed(raw for many in raws.values() for raw in many) as connection:
            found = [raw for many in raws.values() for raw in many]
            if sql is None and (self.selecting is None or not any(raw.columns for raw in found)):
                staged.read = sum(raw.rows for raw in found)
            else:
                raw = selected(
                    connection,
                    self.source,
                    sql,
                    raws,
                    self.timezone,
                    self.parameters,
                    self.folder,
                    staged.bad,
                    self.selecting,
                )
                found = [raw]
                if len(staged.bad):
                    staged.notes.append(
                        f"lines of its files that could not be read: {len(staged.bad):,}; they are"
                        f" missing from all that {self.source.sql or raw.file} adds up"
                    )
                # What comes out of the SELECT, and what was too broken to go into it.
                staged.read = raw.rows + len(staged.bad)
            staged.files = [raw.file for raw in found]
            staged.headed = [raw.file for raw in found if raw.columns]
            for number, raw in enumerate(found):
                if raw.columns:
                    self._map(connection, number, raw)
        staged.bad.close()
        if self.gate is not None:
            kept = self.gate.bad(staged.bad)
            staged.left_out += len(staged.bad) - len(kept)
            staged.bad = kept
            staged.notes += self.gate.notes()
        if self.source.personal == "mask":
            staged.bad = self.masking.bad(staged.bad)
            staged.notes += self.masking.notes()
        return staged

    # --- read ---

    def _asked(self, project: Path) -> dict[str, list[Raw]]:
        """The rows of a database, as the one file that there is."""
        folder = self.folder / "file-0"
        folder.mkdir()
        tell = self.tell
        notes = self.staged.notes
        found = warehouse.read(
            self.source, project, folder, notes, lambda size: tell("reading", size, 0)
        )
        return {"files": [found]}

    def _read(self, files: Mapping[str, Sequence[tuple[str, Path]]]) -> dict[str, list[Raw]]:
        paths = [(view, shown, path) for view, many in files.items() for shown, path in many]
        size = sum(path.stat().st_size for _, _, path in paths)
        done = 0
        raws: dict[str, list[Raw]] = {}
        for number, (view, shown, path) in enumerate(paths):
            folder = self.folder / f"file-{number}"
            folder.mkdir()
            before = done

            def progress(bytes_read: int, before: int = before) -> None:
                self.tell("reading", before + bytes_read, size)

            try:
                raw = reading.read(path, shown, self.source.read, folder, self.staged.bad, progress)
            except UnreadableError as error:
                place = f"{shown}:{error.line}" if error.line else shown
                raise SourceError(("path",), f"{place}: {error.found}", error.allowed) from None
            if not raw.columns and not raw.rows:
                self.staged.notes.append(f"{shown} is empty: it has not even a header")
            done += path.stat().st_size
            self.tell("reading", done, size)
            raws.setdefault(view, []).append(raw)
        return raws

    @contextlib.contextmanager
    def _sealed(self, raws: Iterator[Raw]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in which the SQL of a source can read nothing but the source's files."""
        connection = connect(self.folder)
        self.masking.register(connection)
        try:
            zone = self.source.read.timezone or self.timezone
            try:
                connection.execute(f"SET TimeZone = {literal(zone)}")
            except duckdb.Error:
                hint = "allowed: an IANA name such as Europe/Berlin"
                raise SourceError(
                    ("read", "timezone"), f'timezone "{zone}" is not known', hint
                ) from None
            targets = {str(part.resolve()) for raw in raws for part in raw.parts}
            connection.execute("SET python_enable_replacements = false")
            connection.execute(f"SET allowed_directories = [{literal(str(self.folder.resolve()))}]")
            connection.execute(f"SET allowed_paths = [{', '.join(map(literal, targets))}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection
        finally:
            connection.close()

    # --- map ---

    def _map(self, connection: duckdb.DuckDBPyConnection, number: int, raw: Raw) -> None:
        """Write one file's rows as rows of the table, the bad ones marked."""
        self.tell("mapping", 0, 0)
        form = None if self.selecting else self.form
        columns = Columns(
            connection,
            raw,
            self.source.read,
            self.timezone,
            f"raw-{number}",
            fitting.needs(form),
        )
        if form is not None:
            fitting.check(columns, self.given, form)
            computed = dict.fromkeys(map(columns.own, fitting.computed(form)))
            columns.count(own for own in computed if own is not None)
        self._check_dates(connection)
        bound = bindings(columns, self.source, self.table, self.parameters)
        where = condition(columns, self.source, self.parameters)
        if self.source.sql is not None and self.form is None:
            self._check_used(columns, [*bound, *([where] if where else [])])
        out = self.folder / f"mapped-{number:06}.parquet"

        def sql(rows: str) -> str:
            mapped = select(columns, self.source, self.table, bound, where, rows, self.instruments)
            return f"SELECT *, {number} AS _no, {literal(raw.file)} AS _file FROM ({mapped})"

        failed: dict[int, str] = {}
        self.masking.keep()
        try:
            _copy(connection, sql(columns.view), out, len(bound))
        except FAILURES:
            self.masking.restart()
            failed = Failing(connection, columns, [*bound, *([where] if where else [])]).rows()
            gone = ", ".join(map(str, failed)) or "NULL"
            wanted = f"{columns.view} WHERE _row IN ({gone}) IS NOT TRUE"
            try:
                _copy(connection, sql(wanted), out, len(bound))
            except FAILURES as error:
                first = str(error).split("\n")[0]
                found = f"an expression fails on {raw.file}, on no single row: {first}"
                raise SourceError(("columns",), found, "mend it") from None
        if self.gate is not None:
            self.gate.mapped(connection, out)
        self._count(connection, columns, out, failed)
        self.staged.mapped.append(out)

    def _count(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Columns,
        out: Path,
        failed: Mapping[int, str],
    ) -> None:
        mapped = f"read_parquet({literal(str(out))})"
        total, left_out, bad, there = connection.execute(
            "SELECT count(*), count(*) FILTER (NOT _kept),"
            " count(*) FILTER (_kept AND _reason IS NOT NULL),"
            f" (SELECT count(*) FROM {columns.view}) FROM {mapped}"
        ).fetchall()[0]
        if total + len(failed) != there:
            raise SourceError(
                ("columns",),
                f"{there:,} rows of {columns.raw.file} became {total:,}",
                "an expression must give one value a row; unnest and the like go under sql",
            )
        self.staged.left_out += left_out
        line = "r._line" if self.source.sql is None and self.selecting is None else "NULL"
        file = literal(columns.raw.file)
        if {"at._file", "at._line"} <= set(columns.names):
            file, line = 'r."at._file"', 'r."at._line"'
        names = [name for name in columns.names if not name.startswith("at._")]
        pairs = ", ".join(f"{literal(name)}, r.{quoted(name)}" for name in names)
        says = (
            f"SELECT {file} AS file, CAST({line} AS BIGINT) AS line,"
            f" CAST(json_object({pairs}) AS VARCHAR) AS values"
        )
        if bad:
            rows = connection.sql(
                f"{says}, m._reason AS reason FROM {mapped} AS m"
                f" JOIN {columns.view} AS r USING (_row)"
                " WHERE m._kept AND m._reason IS NOT NULL ORDER BY _row"
            )
            self.staged.bad.extend(rows.to_arrow_reader(10_000))
        if failed:
            gone = ", ".join(map(str, failed))
            rows = connection.sql(
                f"{says}, r._row AS row FROM {columns.view} AS r WHERE r._row IN ({gone})"
                " ORDER BY r._row"
            )
            for found in rows.to_arrow_table().to_pylist():
                reason = failed[found.pop("row")]
                self.staged.bad.add(Bad(**found, reason=reason))

    def _check_dates(self, connection: duckdb.DuckDBPyConnection) -> None:
        for form in self.source.read.dates:
            try:
                connection.execute(f"SELECT try_strptime('', {literal(form)})").fetchall()
            except duckdb.Error as error:
                first = str(error).split("\n")[0].removeprefix("Invalid Input Error: ")
                raise SourceError(
                    ("read", "dates"), f'format "{form}": {first}', "allowed: such as %d.%m.%Y"
                ) from None

    def _check_used(self, columns: Columns, bound: Sequence[Bound]) -> None:
        """A column that a SELECT gives for nothing is most likely misspelt."""
        used = {one.column for b in bound for one in b.inputs.values()}
        for name in columns.names:
            if name not in used and name not in self.table.columns:
                raise SourceError(
                    ("sql",),
                    f'{columns.raw.file} gives a column "{name}" that nothing uses',
                    f"{one_of(self.table.columns, name)}; or list it under attributes",
                )


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, out: Path, columns: int) -> None:
    how = f"FORMAT parquet, ROW_GROUP_SIZE {group_size(columns)}"
    connection.execute(f"COPY ({sql}) TO {literal(str(out))} ({how})")
