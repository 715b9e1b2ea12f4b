"""The columns of one file as SQL: as text, and as the numbers and times that they hold."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from heedful.store.casting import cleaned, day, instant, number_text
from heedful.store.declared import declared
from heedful.store.quoting import literal, quoted
from heedful.store.raw import LINE, ROW, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from heedful.definitions.source import ReadOptions
    from heedful.store.raw import Raw

MOSTLY = 0.5
AT_ONCE = 40


class Counts(NamedTuple):
    """How many values of a column can be read as what."""

    values: int
    booleans: int
    ids: int
    wholes: int
    integers: int
    numbers: int
    days: int
    instants: int


class Columns:
    """The columns of one file, and the view that holds them.

    Args:
        connection: Where the view is made.
        raw: The file.
        options: How it is written.
        timezone: The timezone of times that name none, where the options name none.
        view: The name of the view.
        needs: Columns that a format names, each with its other names; where the file has them
            under another name, or in a nested column, the view has them under this one.

    Attributes:
        absent: Those of `needs` that the file has nothing for; null to expressions.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        raw: Raw,
        options: ReadOptions,
        timezone: str,
        view: str,
        needs: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.connection = connection
        self.raw = raw
        self.options = options
        self.timezone = options.timezone or timezone
        self.view = quoted(view)
        files = ", ".join(literal(str(part)) for part in raw.parts)
        number = "true" if raw.typed else "false"
        source = (
            f"read_parquet([{files}], union_by_name = true, hive_partitioning = false,"
            f" file_row_number = {number})"
        )
        place = f", file_row_number AS {ROW}, file_row_number + 1 AS {LINE}" if raw.typed else ""
        self._create(f"SELECT *{place} FROM {source}")
        self.types = self._types()
        self._added: dict[str, str] = {}
        self.absent: set[str] = set()
        if needs:
            replaced, self._added, self.absent = declared(connection, self.view, self.types, needs)
            instead = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in replaced.items())
            more = "".join(f", {sql} AS {quoted(name)}" for name, sql in self._added.items())
            star = f"* REPLACE ({instead})" if instead else "*"
            self._create(f"SELECT {star}{place}{more} FROM {source}")
            self.types = self._types()
        self._exact = {name: name for name in self.types}
        self._folded = {_folded(name): name for name in self.types}
        self._counts: dict[str, Counts] = {}

    def _create(self, select: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {self.view} AS {select}")

    def _types(self) -> dict[str, str]:
        rows = self.connection.execute(f"DESCRIBE {self.view}").fetchall()
        hidden = {ROW, LINE, "file_row_number"}
        return {row[0]: str(row[1]) for row in rows if row[0] not in hidden}

    @property
    def names(self) -> list[str]:
        """The file's own names, in its order."""
        return [name for name in self.types if name not in self._added]

    @property
    def known(self) -> list[str]:
        """All names that the view has: the file's own, and those that a format gave."""
        return list(self.types)

    def lacks(self, name: str) -> bool:
        """Whether a column is known, and yet nowhere in the file."""
        return name in self.absent

    def own(self, name: str) -> str | None:
        """The file's own spelling of a column; None where it has none of that name."""
        return self._exact.get(plain(name)) or self._folded.get(_folded(name))

    def text(self, column: str) -> str:
        """SQL of a column as it is used without an expression: without outer blanks, or null."""
        return cleaned(quoted(column), self.types[column], self.options)

    def typed(self, column: str) -> str:
        """SQL of a column as the type that all its values have."""
        return self.as_type(column, self.type(column, 1.0))

    def mostly(self, column: str) -> str:
        """SQL of a column as the type that most of its values have; the others are null."""
        return self.as_type(column, self.type(column, MOSTLY))

    def as_type(self, column: str, kind: str) -> str:
        """SQL of a column of text as a type that `type` gave."""
        text = self.text(column)
        if self.types[column] != "VARCHAR" or kind == "VARCHAR":
            return text
        if kind == "BOOLEAN":
            return f"TRY_CAST({text} AS BOOLEAN)"
        if kind == "DATE":
            return day(text, self.options)
        if kind == "TIMESTAMPTZ":
            return instant(text, self.options, self.timezone)
        return f"TRY_CAST({number_text(text, self.options)} AS {kind})"

    def type(self, column: str, least: float) -> str:
        """The type that at least a share of a column's values have; VARCHAR where none.

        Whole numbers that begin with 0 or +, or have more than 18 digits, are text: ids.
        """
        if self.types[column] != "VARCHAR":
            return self.types[column]
        if column in self.raw.kinds:
            return self.raw.kinds[column]
        if column not in self._counts:
            self.count([column])
        found = self._counts[column]
        needed = max(1, least * found.values)
        if found.booleans >= needed:
            return "BOOLEAN"
        if found.numbers >= needed and not found.ids:
            if found.wholes < found.numbers:
                return "DOUBLE"
            return "BIGINT" if found.integers == found.wholes else "VARCHAR"
        if found.days >= needed:
            return "DATE"
        return "TIMESTAMPTZ" if found.instants >= needed else "VARCHAR"

    def empty(self, column: str) -> bool:
        """Whether a column of text has no values."""
        self.count([column])
        return column in self._counts and not self._counts[column].values

    def count(self, columns: Iterable[str]) -> None:
        """Find out what columns hold, in few passes over the file."""
        known = {*self._counts, *self.raw.kinds}
        unknown = [c for c in columns if self.types[c] == "VARCHAR" and c not in known]
        for start in range(0, len(unknown), AT_ONCE):
            some = unknown[start : start + AT_ONCE]
            inner = ", ".join(f"{self.text(name)} AS v{n}" for n, name in enumerate(some))
            outer = ", ".join(self._counting(f"v{n}") for n in range(len(some)))
            sql = f"SELECT {outer} FROM (SELECT {inner} FROM {self.view})"
            found: Sequence[int] = self.connection.execute(sql).fetchall()[0]
            width = len(Counts._fields)
            for n, name in enumerate(some):
                self._counts[name] = Counts(*found[n * width : (n + 1) * width])

    def _counting(self, v: str) -> str:
        number = number_text(v, self.options)
        whole = f"regexp_matches({v}, '^-?\\d+$')"
        return ", ".join(
            [
                f"count({v})",
                f"count(*) FILTER (lower({v}) IN ('true', 'false'))",
                f"count(*) FILTER (regexp_matches({v}, '^(\\+|[+-]?0\\d)'))",
                f"count(*) FILTER ({whole})",
                f"count(*) FILTER ({whole} AND length({v}) < 19)",
                f"count({number})",
                f"count({day(v, self.options)})",
                f"count({instant(v, self.options, self.timezone)})",
            ]
        )


def shared_type(types: Iterable[str]) -> str:
    """The type of a column that several files have: theirs if they agree.

    >>> shared_type(["BIGINT", "DOUBLE"]), shared_type(["BIGINT", "VARCHAR"])
    ('DOUBLE', 'VARCHAR')
    """
    found = set(types)
    if len(found) == 1:
        return found.pop()
    return "DOUBLE" if found == {"BIGINT", "DOUBLE"} else "VARCHAR"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", plain(name)).casefold()
