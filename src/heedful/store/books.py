"""What is kept about imports: each of them, and the rows that could not be taken over."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from heedful.store.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heedful.store.importing import Imported
    from heedful.store.lake import Lake
    from heedful.store.raw import BadRows

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
IMPORTS = pa.schema(
    [
        ("imported_at", pa.timestamp("us", tz="UTC")),
        ("source", pa.string()),
        ("table", pa.string()),
        ("version", pa.int64()),
        *(
            (count, pa.int64())
            for count in (
                "read",
                "inserted",
                "updated",
                "unchanged",
                "left_out",
                "rejected",
                "superseded",
                "deleted",
            )
        ),
        ("notes", pa.string()),
    ]
)


class Books:
    """The tables `rejected_rows` and `imports`.

    Args:
        lake: Where they lie.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def reject(self, source: str, table: str, bad: BadRows) -> None:
        """Keep the bad rows of an import in place of those of the source's import before."""
        now = datetime.now(UTC)

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in bad.batches():
                count = batch.num_rows
                columns = [
                    pa.array([source] * count, pa.string()),
                    pa.array([table] * count, pa.string()),
                    *batch.columns,
                    pa.array([now] * count, REJECTED.field("rejected_at").type),
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=REJECTED)

        # Under the lock, because an erasure removes older files at once.
        with self.lake.lock("rejected_rows"):
            if not bad and not self._holds(source):
                return
            data = pa.RecordBatchReader.from_batches(REJECTED, batches())
            self.lake.replace("rejected_rows", data, where=f"source = {literal(source)}")

    def _holds(self, source: str) -> bool:
        import duckdb

        snapshot = self.lake.snapshot("rejected_rows")
        if snapshot is None or not snapshot.files:
            return False
        files = ", ".join(map(literal, snapshot.files))
        found = duckdb.connect().execute(
            f"SELECT 1 FROM read_parquet([{files}], hive_partitioning = false)"
            f" WHERE source = {literal(source)} LIMIT 1"
        )
        return bool(found.fetchall())

    def log(self, done: Imported, version: int | None) -> None:
        """Write down that an import was done, and what it did."""
        row = asdict(done) | {
            "imported_at": datetime.now(UTC),
            "version": version,
            "notes": "\n".join(done.notes),
        }
        with self.lake.lock("imports"):
            self.lake.append("imports", pa.Table.from_pylist([row], schema=IMPORTS))
