"""The canonical tables: their columns, key, time and partitioning.

Each table is one YAML file in `store/tables/`; nothing else has to know it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Kind = Literal["string", "timestamp", "integer", "number", "boolean", "money"]

FOLDER = Path(__file__).parent / "tables"

SQL_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "money": "DECIMAL(18, 4)",
}

BOOKKEEPING: Mapping[str, str] = {
    "_source": "the source file that brought the row",
    "_file": "the file it was read from",
    "_hash": "md5 of its values",
    "_month": "month of its time in UTC, the partition",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a canonical table.

    Attributes:
        name: Its name.
        kind: Its type; `timestamp` is UTC, `money` has four decimals in the project's currency.
        says: What it means.
        required: Whether a row without it is rejected.
        free: Whether people write in it what they like.
    """

    name: str
    kind: Kind
    says: str
    required: bool = False
    free: bool = False

    @property
    def sql_type(self) -> str:
        """The type in DuckDB's dialect."""
        return SQL_TYPES[self.kind]


@dataclass(frozen=True, slots=True)
class Table:
    """A canonical table.

    Attributes:
        name: Its name.
        says: What a row is.
        mode: `append` (rows are facts that do not change) or `upsert` (a key's newest row counts).
        key: The column that identifies a row.
        time: The column that says when, or None.
        partitioned: Whether it is partitioned by the month of `time`.
        columns: Columns by name, in order.
    """

    name: str
    says: str
    mode: Literal["append", "upsert"]
    key: str
    time: str | None
    partitioned: bool
    columns: Mapping[str, Column]

    def kind(self, column: str) -> Kind:
        """The type of a column; an attribute that a source added is a string."""
        known = self.columns.get(column)
        return known.kind if known else "string"

    def arrow(self, attributes: tuple[str, ...] = ()) -> pa.Schema:
        """The Arrow schema as it is stored, bookkeeping columns included."""
        fields = [(c.name, arrow_type(c.kind)) for c in self.columns.values()]
        fields += [(name, arrow_type("string")) for name in attributes]
        fields += [(name, arrow_type("string")) for name in BOOKKEEPING]
        import pyarrow as pa

        return pa.schema(fields)


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a column kind."""
    import pyarrow as pa

    return {
        "string": pa.string(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "money": pa.decimal128(18, 4),
    }[kind]


@functools.cache
def names() -> tuple[str, ...]:
    """Names of the canonical tables, sorted.

    >>> "tickets" in names()
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@functools.cache
def table(name: str) -> Table:
    """The canonical table of that name.

    Raises:
        KeyError: There is no such table.

    >>> table("tickets").key
    'ticket_id'
    """
    if name not in names():
        raise KeyError(name)
    from ruamel.yaml import YAML

    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    found = YAML(typ="safe").load(text)
    return Table(
        name=name,
        says=found["says"],
        mode=found["mode"],
        key=found["key"],
        time=found.get("time"),
        partitioned=found["partition"] == "month",
        columns={
            column: Column(
                column,
                spec["type"],
                spec["says"],
                spec.get("required", False),
                spec.get("free", False),
            )
            for column, spec in found["columns"].items()
        },
    )
