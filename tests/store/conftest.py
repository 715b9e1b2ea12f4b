"""A project in a folder, and files of any kind read without a project."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.definitions.source import ReadOptions, Source
from heedful.store import reading
from heedful.store.importing import Imported, Importer
from heedful.store.lake import Lake
from heedful.store.quoting import literal
from heedful.store.raw import Bad, BadRows, Raw

TICKETS = {"ticket_id": "id", "opened_at": "opened"}


@dataclass
class Project:
    """A project folder and what a person does with it."""

    root: Path
    timezone: str = "Europe/Berlin"
    parameters: dict[str, Any] = field(default_factory=dict)
    instruments: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=lambda: dict(TICKETS))

    @property
    def tables(self) -> Lake:
        return Lake(self.root / "data" / "tables")

    @property
    def books(self) -> Lake:
        return Lake(self.root / "data" / "books")

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, name: str = "s", **given: Any) -> Imported:
        """Import; whatever it is, every row read has gone to exactly one place."""
        given.setdefault("table", "tickets")
        given.setdefault("path", "in.csv")
        if not {"columns", "sql", "format"} & set(given):
            given["columns"] = self.columns
        importer = Importer(
            self.root,
            self.tables,
            self.books,
            self.root / "data" / "staging",
            self.timezone,
            self.parameters,
            self.instruments,
        )
        done = importer.run(Source(name=name, **given))
        parts = (done.inserted, done.updated, done.unchanged, done.left_out, done.rejected)
        assert done.read == sum(parts), done
        assert not list((self.root / "data" / "staging").iterdir())
        assert len(self.rejected(name)) == done.rejected
        return done

    def sql(self, query: str, table: str = "tickets", lake: Lake | None = None) -> list[tuple]:
        """Rows of a query over `t`, the table as any reader of Parquet sees it."""
        snapshot = (lake or self.tables).snapshot(table)
        if snapshot is None or not snapshot.files:
            return []
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        files = ", ".join(map(literal, snapshot.files))
        source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        present = {row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
        items = ", ".join(
            f'"{name}"::{kind} AS "{name}"' if name in present else f'NULL::{kind} AS "{name}"'
            for name, kind in snapshot.columns.items()
        )
        connection.execute(f"CREATE VIEW t AS SELECT {items} FROM {source}")
        return connection.execute(query).fetchall()

    def column(self, name: str, table: str = "tickets", order: str | None = None) -> list[Any]:
        """A column as text, by key or another order."""
        key = order or f"{table.removesuffix('s')}_id"
        return [
            row[0] for row in self.sql(f'SELECT "{name}"::VARCHAR FROM t ORDER BY {key}', table)
        ]

    def rejected(self, source: str = "s") -> list[Bad]:
        query = (
            "SELECT file, line, values, reason FROM t"
            f" WHERE source = {literal(source)} ORDER BY file, line, values"
        )
        return [Bad(*row) for row in self.sql(query, "rejected_rows", self.books)]

    def version(self, table: str = "tickets") -> int | None:
        return self.tables.version(table)


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """A new project at every call."""
    return lambda *rest: Project(tmp_path_factory.mktemp("project"), *rest)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "acme"
    root.mkdir()
    return Project(root)


@dataclass
class Read:
    """What came out of one file."""

    raw: Raw
    bad: list[Bad]
    rows: list[dict[str, Any]]

    @property
    def lines(self) -> list[int]:
        return [row["_line"] for row in self.rows]

    @property
    def values(self) -> list[list[Any]]:
        return [[row[name] for name in self.raw.columns] for row in self.rows]


def _read(path: Path, **options: Any) -> Read:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "parts"
        target.mkdir()
        bad = BadRows(Path(folder) / "bad.parquet")
        raw = reading.read(path, path.name, ReadOptions(**options), target, bad)
        tables = [pq.read_table(part) for part in raw.parts]
        rows = pa.concat_tables(tables, promote_options="default").to_pylist() if tables else []
        found = list(bad)
    if not raw.typed:
        assert raw.rows == len(rows) + len(found)
        assert len({row["_row"] for row in rows}) == len(rows)
    return Read(raw, found, rows)


@pytest.fixture(scope="session")
def read() -> Callable[..., Read]:
    """Read one file without a project."""
    return _read
