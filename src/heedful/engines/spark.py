"""The distributed engine: Spark over the same Parquet files of the same snapshots."""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.engines.duckdb import QueryError
from heedful.engines.spark_session import refused, start
from heedful.engines.translation import TranslationError, flat, to_spark

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

    from heedful.store.lake import Snapshot

dialect = "spark"
TYPES = {
    "string": "VARCHAR",
    "bigint": "BIGINT",
    "int": "INTEGER",
    "smallint": "SMALLINT",
    "tinyint": "TINYINT",
    "double": "DOUBLE",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
    "void": '"NULL"',
}
PATTERN = frozenset("{}[]*?\\")
CANCELLED = "cancellation of all jobs"
_CONDITION = re.compile(r"\[[A-Z][A-Z0-9_.]+\] .*")


class Spark:
    """Spark as an engine; tables are temporary views over Parquet files.

    Args:
        engine: `spark`, `local`, `local[N]`, or `spark://host:7077`.
        folder: A folder in which to keep results for a while. Workers read and write there.

    Raises:
        ProjectError: Spark cannot be started.
    """

    dialect = dialect

    def __init__(self, engine: str, folder: Path) -> None:
        if set(str(folder)) & PATTERN:
            # A pattern to Spark, which would read some files twice.
            found = f'engine "{engine}" cannot read "{folder}"'
            raise refused(found, "move the project to a folder without { } [ ] * ? in its path")
        for left in folder.glob("spark-*"):
            # Of a run that was killed; only one runs at a time.
            shutil.rmtree(left, ignore_errors=True)
        self.folder = folder / f"spark-{uuid.uuid4().hex[:12]}"
        self.folder.mkdir(parents=True)
        self._held: dict[str, DataFrame] = {}
        try:
            self.session = start(engine, str(self.folder))
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def schema(self, name: str) -> None:
        """Nothing is to be made: views in a schema have long names instead."""

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
        kinds = {f"`{c.replace('`', '``')}`": _spark_type(kind) for c, kind in wanted.items()}
        if snapshot is None or not snapshot.files:
            items = ", ".join(f"CAST(NULL AS {kind}) AS {c}" for c, kind in kinds.items())
            found = self.session.sql(f"SELECT {items} WHERE FALSE")
        else:
            # A column that some files lack is null there, as Parquet readers do with a schema.
            ddl = ", ".join(f"{c} {kind}" for c, kind in kinds.items())
            found = self._files(*snapshot.files, schema=ddl)
        found.createOrReplaceTempView(_view(name))

    def view(self, name: str, sql: str) -> None:
        """Name a query."""
        with _failing():
            self._frame(sql).createOrReplaceTempView(_view(name))

    def table(self, name: str, sql: str) -> None:
        """Name a query, and compute it only once; the result is spread over the executors."""
        with _failing():
            found = self._frame(sql).persist()
        found.createOrReplaceTempView(_view(name))
        if name in self._held:
            self._held[name].unpersist()
        self._held[name] = found

    def load(self, name: str, rows: pa.Table) -> None:
        """Make rows readable as a table, by way of a file that every worker can see."""
        import pyarrow.parquet as pq

        file = self.folder / f"loaded-{uuid.uuid4().hex[:12]}.parquet"
        pq.write_table(rows, file, compression="zstd")
        with _failing():
            self._files(str(file)).createOrReplaceTempView(_view(name))

    def columns(self, sql: str) -> dict[str, str]:
        """Column names and DuckDB's SQL types that a query would give, without running it."""
        with _failing():
            return {one.name: _type(one.dataType) for one in self._frame(sql).schema.fields}

    def query(self, sql: str) -> pa.Table:
        """Run a query.

        Args:
            sql: One SELECT in DuckDB's dialect.

        Returns:
            The result as an Arrow table.
        """
        with _failing():
            return self._frame(sql).toArrow()

    def stream(self, sql: str, rows: int) -> pa.RecordBatchReader:
        """Run a query on the executors, which write it to files, and read those batch by batch."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        target = self.folder / f"result-{uuid.uuid4().hex[:12]}"
        with _failing():
            self._frame(sql).write.parquet(_place(target))
        found = ds.dataset(target, format="parquet", exclude_invalid_files=False)

        def batches() -> Iterator[pa.RecordBatch]:
            yield from found.to_batches(batch_size=rows, use_threads=False)
            shutil.rmtree(target, ignore_errors=True)

        return pa.RecordBatchReader.from_batches(found.schema, batches())

    def close(self) -> None:
        """Give the executors back and remove what was kept for a while."""
        with contextlib.suppress(Exception):
            self.session.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self, *files: str, schema: str | None = None) -> DataFrame:
        reader = self.session.read.schema(schema) if schema else self.session.read
        return reader.parquet(*map(_place, files))

    def _frame(self, sql: str) -> DataFrame:
        try:
            return self.session.sql(to_spark(sql))
        except TranslationError as error:
            raise QueryError(f"Spark cannot run it: {error}; see docs/sql.md") from None


def _place(path: str | Path) -> str:
    """A path of a folder that all see, whatever file system a cluster has by default.

    >>> _place("/data/a b")
    'file:///data/a b'
    """
    return f"file://{path}"


def _view(name: str) -> str:
    """A name as Spark's temporary views can have it, in back quotes where it needs them.

    >>> _view('raw."events"')
    'raw__events'
    """
    parts = [part.strip('"') for part in name.split(".", 1)]
    return flat(*parts) if len(parts) == 2 else parts[0]


def _spark_type(kind: str) -> str:
    if kind.endswith("[]"):
        return f"array<{_spark_type(kind[:-2])}>"
    names = {duckdb: spark for spark, duckdb in TYPES.items()} | {"TIMESTAMPTZ": "timestamp"}
    return names.get(kind, kind.lower())


def _type(kind: DataType) -> str:
    text = str(kind.simpleString())
    return TYPES.get(text, text.upper())


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """What Spark refuses or fails at, in the words of its own first sentence."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        if CANCELLED in str(error):  # Spark's word for Ctrl-C
            raise KeyboardInterrupt from None
        raise QueryError(plain(error)) from None


def plain(error: Any) -> str:
    r"""The sentence in an error of Spark that says what was wrong.

    >>> plain("Job aborted: [DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012\n at java")
    'Division by zero.'
    """
    text = str(error)
    found = _CONDITION.search(text)
    first = found[0].split("] ", 1)[1] if found else next(iter(text.splitlines()), "")
    return first.split(" SQLSTATE: ")[0].split("; line ")[0].strip()
