"""What an engine must be able to do: little, so that there can be several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from heedful.store.lake import Snapshot


class Engine(Protocol):
    """Runs SQL over snapshots of tables.

    All SQL is written in DuckDB's dialect, within the subset of `docs/sql.md`; another engine
    translates it. Methods that run SQL raise `QueryError` where it is refused or fails.
    """

    @property
    def dialect(self) -> str:
        """What SQLGlot calls the dialect in which the engine runs SQL."""

    def schema(self, name: str) -> None:
        """Make a schema, in which views can lie as `<name>.<view>`."""

    def attach(
        self, name: str, snapshot: Snapshot | None, columns: Mapping[str, str] | None = None
    ) -> None:
        """Make a snapshot readable as a view that has at least some columns."""

    def view(self, name: str, sql: str) -> None:
        """Name a query."""

    def table(self, name: str, sql: str) -> None:
        """Name a query, and compute it only once."""

    def load(self, name: str, rows: pa.Table) -> None:
        """Make rows readable as a table."""

    def columns(self, sql: str) -> dict[str, str]:
        """Column names and DuckDB's SQL types that a query would give, without running it."""

    def query(self, sql: str) -> pa.Table:
        """Run a query and hold its result in memory."""

    def stream(self, sql: str, rows: int) -> pa.RecordBatchReader:
        """Run a query and read its result in batches of at most some rows."""

    def close(self) -> None:
        """Let go of whatever the engine holds."""
