"""Delta tables in the project's data folder: snapshots to read, atomic commits to write."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from deltalake import DeltaTable

    from heedful.store.schema import Table

LOCK_SECONDS = 600
# Plain Parquet readers stay right only without these features of the Delta protocol.
PLAIN = {"delta.enableDeletionVectors": "false"}


class LakeBusyError(Exception):
    """Another process has been writing to the table for too long."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of one table, as files that any Parquet reader can read.

    Attributes:
        name: The table.
        version: Its Delta version.
        files: Absolute paths of its Parquet files.
        columns: SQL type by column name, in order; partition columns are left out because
            they live in the folder names and can be derived from the time column.
    """

    name: str
    version: int
    files: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit touched: the range of the table's time column, ISO dates, or everything."""

    version: int
    since: str | None
    until: str | None


class Lake:
    """The Delta tables below one folder.

    Args:
        root: The folder; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Where the table lives. Facts are named `facts/<fact>`."""
        return self.root / name

    def exists(self, name: str) -> bool:
        """Whether the table has ever been written."""
        return (self.path(name) / "_delta_log").is_dir()

    def names(self) -> list[str]:
        """Tables that exist, sorted."""
        logs = self.root.glob("**/_delta_log")
        return sorted(str(log.parent.relative_to(self.root)) for log in logs)

    def open(self, name: str) -> DeltaTable:
        """The Delta table at its newest version."""
        from deltalake import DeltaTable

        return DeltaTable(str(self.path(name)))

    def version(self, name: str) -> int | None:
        """The newest version, or None where the table was never written."""
        return int(self.open(name).version()) if self.exists(name) else None

    def snapshot(self, name: str) -> Snapshot | None:
        """The newest version's files and columns, or None where there is no table yet."""
        if not self.exists(name):
            return None
        found = self.open(name)
        partitions = set(found.metadata().partition_columns)
        columns = {
            field.name: _sql_type(field.type)
            for field in found.schema().fields
            if field.name not in partitions
        }
        files = tuple(uri.removeprefix("file://") for uri in found.file_uris())
        return Snapshot(name, int(found.version()), tuple(sorted(files)), columns)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the one writer lock of a table.

        Raises:
            LakeBusyError: Another process did not let go of it for ten minutes.
        """
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(str(folder / f"{name.replace('/', '.')}.lock"), timeout=LOCK_SECONDS)
        try:
            with lock:
                yield
        except Timeout:
            message = f'"{name}" has been written by another process for {LOCK_SECONDS} s'
            raise LakeBusyError(message) from None

    def append(
        self,
        name: str,
        data: pa.Table | pa.RecordBatchReader,
        *,
        partition_by: Sequence[str] = (),
        touched: tuple[str, str] | None = None,
    ) -> int:
        """Append rows in one commit, adding columns that are new.

        Args:
            name: The table.
            data: Rows.
            partition_by: Partition columns, for a table that is new.
            touched: First and last value of the time column, ISO; None: everything.

        Returns:
            The new version.
        """
        return self._write(name, data, "append", None, partition_by, touched)

    def replace(
        self,
        name: str,
        data: pa.Table | pa.RecordBatchReader,
        *,
        where: str | None = None,
        partition_by: Sequence[str] = (),
        touched: tuple[str, str] | None = None,
    ) -> int:
        """Replace the rows that a predicate selects (all without one) in one commit."""
        return self._write(name, data, "overwrite", where, partition_by, touched)

    def _write(
        self,
        name: str,
        data: pa.Table | pa.RecordBatchReader,
        mode: str,
        where: str | None,
        partition_by: Sequence[str],
        touched: tuple[str, str] | None,
    ) -> int:
        from deltalake import write_deltalake

        new = not self.exists(name)
        whole = mode == "overwrite" and where is None
        options: dict[str, Any] = {"mode": "append" if new else mode, "schema_mode": "merge"}
        if new:
            options |= {"partition_by": list(partition_by) or None, "configuration": PLAIN}
        elif whole:
            options["schema_mode"] = "overwrite"
        elif where:
            options["predicate"] = where
        write_deltalake(
            str(self.path(name)),
            data,
            writer_properties=_compressed(),
            commit_properties=_touched(touched),
            **options,
        )
        return int(self.open(name).version())

    def merge(
        self,
        table: Table,
        changes: pa.Table,
        *,
        months: Sequence[str],
        touched: tuple[str, str] | None,
    ) -> int:
        """Insert, update and delete rows by key in one commit.

        Args:
            table: The canonical table.
            changes: Rows with every stored column, and `_delete`.
            months: Partitions that hold old or new versions of the rows; no other is read.
            touched: First and last value of the time column, ISO; None: everything.

        Returns:
            The new version.
        """
        self._evolve(table.name, changes.schema)
        columns = [name for name in changes.schema.names if name != "_delete"]
        predicate = f"t.{table.key} = s.{table.key}"
        if table.partitioned and months:
            quoted = ", ".join(f"'{month}'" for month in sorted(set(months)))
            predicate = f"t._month IN ({quoted}) AND {predicate}"
        values = {name: f"s.{name}" for name in columns}
        (
            self.open(table.name)
            .merge(
                changes,
                predicate,
                source_alias="s",
                target_alias="t",
                commit_properties=_touched(touched),
                writer_properties=_compressed(),
            )
            .when_matched_delete("s._delete")
            .when_matched_update(values)
            .when_not_matched_insert(values, "NOT s._delete")
            .execute()
        )
        return int(self.open(table.name).version())

    def _evolve(self, name: str, schema: pa.Schema) -> None:
        from deltalake import Field
        from deltalake.schema import PrimitiveType

        found = self.open(name)
        known = {field.name for field in found.schema().fields}
        new = [n for n in schema.names if n not in known and n != "_delete"]
        if new:
            found.alter.add_columns([Field(n, PrimitiveType("string")) for n in new])

    def touched_since(self, name: str, version: int | None) -> list[Commit] | None:
        """What was committed after a version.

        Returns:
            One entry a commit that changed rows, newest first; None where that cannot be said
            (no version was given, or the log does not reach back that far).
        """
        if version is None or not self.exists(name):
            return None
        commits: list[Commit] = []
        oldest = None
        for entry in self.open(name).history():
            oldest = int(entry["version"])
            if oldest <= version:
                return commits
            if entry.get("operation") in {"OPTIMIZE", "VACUUM START", "VACUUM END", "ADD COLUMN"}:
                continue
            span = json.loads(entry.get("heedful", "null")) or [None, None]
            commits.append(Commit(oldest, span[0], span[1]))
        return None

    def compact(self, name: str, *, many: int = 24) -> bool:
        """Join small files once there are more than `many`; say whether anything was done."""
        if not self.exists(name):
            return False
        found = self.open(name)
        files = len(found.file_uris())
        groups = len(found.partitions()) if found.metadata().partition_columns else 1
        if files <= many * groups:
            return False
        with self.lock(name):
            self.open(name).optimize.compact(writer_properties=_compressed())
        return True


def _compressed() -> Any:
    from deltalake import WriterProperties

    return WriterProperties(compression="ZSTD")


def _touched(span: tuple[str, str] | None) -> Any:
    from deltalake import CommitProperties

    return CommitProperties(custom_metadata={"heedful": json.dumps(span)})


def _sql_type(kind: Any) -> str:
    text = str(kind.type) if hasattr(kind, "type") else str(kind)
    if text.startswith("decimal"):
        return text.upper()
    return {
        "string": "VARCHAR",
        "long": "BIGINT",
        "integer": "INTEGER",
        "short": "SMALLINT",
        "byte": "TINYINT",
        "double": "DOUBLE",
        "float": "FLOAT",
        "boolean": "BOOLEAN",
        "timestamp": "TIMESTAMPTZ",
        "timestamp_ntz": "TIMESTAMP",
        "date": "DATE",
    }.get(text, _nested(kind))


def _nested(kind: Any) -> str:
    element = getattr(kind, "element_type", None)
    return f"{_sql_type(element)}[]" if element is not None else "VARCHAR"
