"""Rows on which an expression fails, found by halving."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from heedful.store.quoting import quoted
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.store.binding import Bound
    from heedful.store.columns import Columns

# DuckDB names columns as expressions see them here, which is nothing to the person who reads it.
INSIDE = re.compile(r" when casting from source column (typed|text|mostly)\.")
MOST = 1_000
STRETCH = 50_000
# What a single value can make fail; anything else is no fault of a row.
FAILURES = (duckdb.DataError, duckdb.InvalidInputException)


class Failing:
    """Finds the rows on which expressions fail.

    DuckDB says that a value cannot be cast, but not in which row.

    Args:
        connection: Where the file's view is.
        columns: The file.
        bound: The expressions.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, columns: Columns, bound: Sequence[Bound]
    ) -> None:
        self.connection = connection
        self.columns = columns
        inputs = {name: one for b in bound for name, one in b.inputs.items()}
        read = ", ".join(f"{one.sql} AS {quoted(name)}" for name, one in inputs.items())
        values = ", ".join(f"count({b.sql})" for b in bound)
        self.probe = f"SELECT {values} FROM (SELECT {read or 'NULL'} FROM"
        self.found: dict[int, str] = {}

    def rows(self) -> dict[int, str]:
        """Why each of them fails, by `_row`.

        Raises:
            SourceError: There are too many of them.
        """
        first, last = self.connection.execute(
            f"SELECT min(_row), max(_row) FROM {self.columns.view}"
        ).fetchall()[0]
        for low in range(first, last + 1, STRETCH):
            high = min(low + STRETCH - 1, last)
            if self._failure(self.columns.view, low, high) is not None:
                self.connection.execute(
                    f"CREATE OR REPLACE TEMP TABLE stretch AS SELECT * FROM {self.columns.view}"
                    f" WHERE _row BETWEEN {low} AND {high}"
                )
                self._halve(low, high)
        self.connection.execute("DROP TABLE IF EXISTS stretch")
        return self.found

    def _halve(self, low: int, high: int) -> None:
        failure = self._failure("stretch", low, high)
        if failure is None:
            return
        if low < high:
            middle = (low + high) // 2
            self._halve(low, middle)
            self._halve(middle + 1, high)
            return
        self.found[low] = failure
        if len(self.found) > MOST:
            raise SourceError(
                ("columns",),
                f"an expression fails on more than {MOST:,} rows of {self.columns.raw.file}:"
                f" {failure}",
                "use TRY_CAST, or declare the words that mean null in read.nulls",
            )

    def _failure(self, source: str, low: int, high: int) -> str | None:
        try:
            rows = f"{source} WHERE _row BETWEEN {low} AND {high}"
            self.connection.execute(f"{self.probe} {rows})").fetchall()
        except FAILURES as error:
            return INSIDE.sub(" in column ", str(error).split("\n")[0])
        return None
