"""The embedded engine: DuckDB over the Parquet files of table snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb
    import pyarrow as pa

    from heedful.store.lake import Snapshot

dialect = "duckdb"


class QueryError(Exception):
    """The engine refused or failed a query; the message is for the person who wrote it."""


def quoted(name: str) -> str:
    """A SQL identifier in double quotes.

    >>> print(quoted("first seen"))
    "first seen"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A SQL string in single quotes.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


class DuckDB:
    """One in-memory DuckDB connection whose tables are views over Parquet files.

    Args:
        memory: Memory limit such as `4GB`; DuckDB's own default where None.
        folder: Where DuckDB may spill to disk.
    """

    dialect = dialect

    def __init__(self, memory: str | None = None, folder: str | None = None) -> None:
        import duckdb

        config: dict[str, str] = {}
        if memory:
            config["memory_limit"] = memory
        if folder:
            config["temp_directory"] = folder
        self.connection: duckdb.DuckDBPyConnection = duckdb.connect(config=dict(config))
        self.run("SET TimeZone = 'UTC'")
        self._files: list[str] = []

    def attach(
        self, name: str, snapshot: Snapshot | None, columns: Mapping[str, str] | None = None
    ) -> None:
        """Make a snapshot readable as a view.

        Args:
            name: Name of the view; may hold a schema (`facts.sessions`).
            snapshot: What to read; None: an empty view with `columns`.
            columns: SQL type by column name that the view must have at least; what the
                snapshot lacks is null.
        """
        wanted = dict(columns or {})
        if snapshot is not None:
            wanted = {**wanted, **snapshot.columns}
        if snapshot is None or not snapshot.files:
            items = ", ".join(f"NULL::{kind} AS {quoted(c)}" for c, kind in wanted.items())
            self.run(f"CREATE OR REPLACE VIEW {name} AS SELECT {items} WHERE false")
            return
        self._files += snapshot.files
        files = ", ".join(literal(file) for file in snapshot.files)
        source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        present = self._columns_of(source)
        items = ", ".join(
            f"{quoted(c)}::{kind} AS {quoted(c)}"
            if c in present
            else f"NULL::{kind} AS {quoted(c)}"
            for c, kind in wanted.items()
        )
        self.run(f"CREATE OR REPLACE VIEW {name} AS SELECT {items} FROM {source}")

    def _columns_of(self, source: str) -> set[str]:
        return {row[0] for row in self.run(f"DESCRIBE SELECT * FROM {source}").fetchall()}

    def schema(self, name: str) -> None:
        """Make a schema, in which views can lie as `<name>.<view>`."""
        self.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}")

    def view(self, name: str, sql: str) -> None:
        """Name a query."""
        self.run(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def table(self, name: str, sql: str) -> None:
        """Name a query, and compute it only once."""
        self.run(f"CREATE OR REPLACE TABLE {name} AS {sql}")

    def load(self, name: str, rows: pa.Table) -> None:
        """Make rows readable as a table."""
        self.connection.register("loading", rows)
        try:
            self.run(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM loading")
        finally:
            self.connection.unregister("loading")

    def run(self, sql: str, parameters: list[object] | None = None) -> duckdb.DuckDBPyConnection:
        """Execute one statement of our own making."""
        return self.connection.execute(sql, parameters)

    def query(self, sql: str, parameters: list[object] | None = None) -> pa.Table:
        """Run a query of our own making.

        Args:
            sql: One SELECT in this engine's dialect.
            parameters: Values for `?`.

        Returns:
            The result as an Arrow table.
        """
        return self.connection.sql(sql, params=parameters).to_arrow_table()

    def columns(self, sql: str) -> dict[str, str]:
        """Column names and SQL types that a query would give, without running it.

        Raises:
            QueryError: The query cannot be run.
        """
        import duckdb

        try:
            return {row[0]: str(row[1]) for row in self.run(f"DESCRIBE {sql}").fetchall()}
        except duckdb.Error as error:
            raise QueryError(_plain(error)) from None

    def stream(self, sql: str, rows: int) -> pa.RecordBatchReader:
        """Run a query of our own making and read its result in batches.

        Args:
            sql: One SELECT in this engine's dialect.
            rows: Most rows of a batch.

        Raises:
            QueryError: The query cannot be run; what fails later is an error of Arrow.
        """
        import duckdb

        try:
            return self.connection.sql(sql).to_arrow_reader(rows)
        except duckdb.Error as error:
            raise QueryError(_plain(error)) from None

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()

    def seal(self, files: Iterable[str] = ()) -> None:
        """Forbid everything but reading the attached files; cannot be undone.

        Args:
            files: Further files that may be read.
        """
        allowed = ", ".join(literal(file) for file in (*self._files, *files))
        self.run(f"SET allowed_paths = [{allowed}]")
        self.run("SET enable_external_access = false")
        self.run("SET lock_configuration = true")

    def ask(self, sql: str, *, limit: int | None = None, seconds: float | None = None) -> pa.Table:
        """Run a query that a user wrote; call `seal` before.

        Args:
            sql: One SELECT; anything else is refused.
            limit: Most rows to return.
            seconds: Longest time it may take.

        Raises:
            QueryError: It is no single SELECT, does not parse or bind, fails or takes too long.
        """
        import duckdb

        try:
            statements = self.connection.extract_statements(sql)
        except duckdb.Error as error:
            raise QueryError(_plain(error)) from None
        if len(statements) != 1:
            raise QueryError(f"{len(statements)} statements found; write exactly one SELECT")
        if statements[0].type not in {
            duckdb.StatementType.SELECT,
            duckdb.StatementType.EXPLAIN,
        }:
            kind = statements[0].type.name
            raise QueryError(f"{kind} found; only SELECT is allowed here")
        if limit is not None and statements[0].type == duckdb.StatementType.SELECT:
            sql = f"SELECT * FROM ({statements[0].query.rstrip().rstrip(';')}\n) LIMIT {limit}"
        with _Watch(self.connection, seconds):
            try:
                found = self.connection.sql(sql).to_arrow_table()
                return found.rename_columns(_apart(found.column_names))
            except duckdb.InterruptException:
                raise QueryError(f"stopped after {seconds:g} s; narrow the query") from None
            except duckdb.Error as error:
                raise QueryError(_plain(error)) from None


class _Watch:
    """Interrupts a connection that works for too long."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float | None) -> None:
        self.connection = connection
        self.seconds = seconds

    def __enter__(self) -> None:
        import threading

        self.timer = None
        if self.seconds is not None:
            self.timer = threading.Timer(self.seconds, self.connection.interrupt)
            self.timer.daemon = True
            self.timer.start()

    def __exit__(self, *_: object) -> None:
        if self.timer is not None:
            self.timer.cancel()


def _apart(names: list[str]) -> list[str]:
    """Names that are all different, as in `SELECT *` over a join.

    >>> _apart(["id", "n", "id", "id"])
    ['id', 'n', 'id_2', 'id_3']
    """
    found: list[str] = []
    for name in names:
        nth = 1
        while (apart := name if nth == 1 else f"{name}_{nth}") in found:
            nth += 1
        found.append(apart)
    return found


def _plain(error: Exception) -> str:
    return str(error).strip()
