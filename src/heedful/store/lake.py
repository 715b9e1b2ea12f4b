"""Delta tables in the project's data folder: snapshots to read, atomic commits to write."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from deltalake import DeltaTable

LOCK_SECONDS = 600
ROW_GROUP = 122_880
# Globs to one reader, escapes to another.
ODD = re.compile(r"[*?\[\]\\\x00-\x1f]|%[0-9A-Fa-f]{2}")
# Plain Parquet readers stay right only without these features of the Delta protocol.
PLAIN = {"delta.enableDeletionVectors": "false"}
STATS = "delta.dataSkippingStatsColumns"
NOTHING = "nothing"
"""What a commit touched that changes nothing which a reading rests on, such as an erasure."""
UNCHANGING = frozenset(
    {"OPTIMIZE", "VACUUM START", "VACUUM END", "ADD COLUMN", "SET TBLPROPERTIES"}
)


class LakeBusyError(Exception):
    """Another process has been writing to the table for too long."""


class LakePathError(Exception):
    """Tables cannot lie in a folder of that name: not every reader could find them."""


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
        """Whether the table has ever been written; a folder without a first commit is none."""
        from deltalake import DeltaTable

        return self.path(name).is_dir() and DeltaTable.is_deltatable(self._uri(name))

    def _uri(self, name: str) -> str:
        path = self.path(name).resolve()
        odd = ODD.search(str(path))
        if odd is not None:
            raise LakePathError(
                f'data cannot lie in "{path}": the path holds {odd[0]!r}; move the project, or set'
                " data in heedful.yaml to another folder"
            )
        return path.as_uri()

    def names(self) -> list[str]:
        """Tables that exist, sorted."""
        logs = self.root.glob("**/_delta_log")
        names = (log.parent.relative_to(self.root).as_posix() for log in logs)
        return sorted(name for name in names if self.exists(name))

    def open(self, name: str) -> DeltaTable:
        """The Delta table at its newest version."""
        from deltalake import DeltaTable

        return DeltaTable(self._uri(name))

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
        return Snapshot(name, int(found.version()), self._files(name, found), columns)

    def files(self, name: str, months: Sequence[str] | None = None) -> tuple[str, ...]:
        """The newest version's files, of some months or of all."""
        return self._files(name, self.open(name), months) if self.exists(name) else ()

    def _files(
        self, name: str, found: DeltaTable, months: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Paths as any reader wants them; Delta's own are percent-encoded."""
        import pyarrow as pa

        root = self.path(name).resolve()
        # `pa.table` would ask pandas whether this is a data frame, and so import it.
        actions = pa.RecordBatchReader.from_stream(found.get_add_actions(flatten=True)).read_all()
        if months is not None:
            import pyarrow.compute as pc

            actions = actions.filter(pc.is_in(actions["partition._month"], pa.array(months)))
        return tuple(sorted(str(root / unquote(path)) for path in actions["path"].to_pylist()))

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
        touched: tuple[str, str] | str | None = None,
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
        touched: tuple[str, str] | str | None,
    ) -> int:
        from deltalake import write_deltalake

        new = not self.exists(name)
        whole = mode == "overwrite" and where is None
        options: dict[str, Any] = {"mode": "append" if new else mode, "schema_mode": "merge"}
        if new:
            configuration = {**PLAIN, STATS: speechless(data.schema)}
            options |= {"partition_by": list(partition_by) or None, "configuration": configuration}
        elif whole:
            options["schema_mode"] = "overwrite"
        elif where:
            options["predicate"] = where
        write_deltalake(
            self._uri(name),
            data,
            writer_properties=_compressed(),
            commit_properties=_touched(touched),
            **options,
        )
        return int(self.open(name).version())

    def touched_since(self, name: str, version: int | None) -> list[Commit] | None:
        """What was committed after a version.

        Returns:
            One entry a commit that changed rows, newest first; None where that cannot be said
            (no version was given, or the log does not reach back that far).
        """
        newest = self.version(name)
        if version is None or newest is None or version > newest:
            return None
        commits: list[Commit] = []
        oldest = None
        for entry in self.open(name).history():
            oldest = int(entry["version"])
            if oldest <= version:
                return commits
            if entry.get("operation") in UNCHANGING:
                continue
            span = json.loads(entry.get("heedful", "null")) or [None, None]
            if span == NOTHING:
                continue
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

    return WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP)


def speechless(columns: pa.Schema) -> str:
    """The columns of which a table's log may hold the lowest and highest value: none of words.

    The log outlives the rows, and what stands in it cannot be erased with them.
    """
    import pyarrow as pa

    spoken = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    names = [
        field.name
        for field in pa.schema(columns)
        if not any(kind(field.type) for kind in spoken)
        and not pa.types.is_nested(field.type)
        and re.fullmatch(r"\w+", field.name)
    ]
    # Without a name every column would be described.
    return ",".join(names) or "_none"


def _touched(span: tuple[str, str] | str | None) -> Any:
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
