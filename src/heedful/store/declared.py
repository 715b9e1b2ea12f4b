"""The columns of a file under the names that a format knows them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import duckdb

from heedful.store.quoting import quoted
from heedful.store.raw import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NESTED = ("STRUCT", "MAP", "JSON", "UNION")


class Declared(NamedTuple):
    """How a file's view must be changed so that it has the columns that a format names.

    Attributes:
        replaced: Columns of the file that become text, as lists do in JSON: SQL by name.
        added: Columns under another name, and fields of nested ones: SQL by name.
        absent: Names that the file has nothing for, without regard to case.
    """

    replaced: dict[str, str]
    added: dict[str, str]
    absent: set[str]


def declared(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    types: Mapping[str, str],
    needs: Mapping[str, Sequence[str]],
) -> Declared:
    """Find the columns that a format names.

    Args:
        connection: Where the file's view is.
        view: Its name, quoted.
        types: Its columns with their SQL types.
        needs: The names that are looked for, each with its other names.
    """
    own = {plain(name).casefold(): name for name in types}
    found = Declared({}, {}, set())
    for name, others in needs.items():
        held: list[tuple[str, str]] = []
        for candidate in (name, *others):
            column = own.get(plain(candidate).casefold())
            if column is not None:
                held.append((quoted(column), types[column]))
            elif "." in candidate:
                field = _field(connection, view, own, candidate)
                held += [] if field is None else [field]
        itself = own.get(plain(name).casefold())
        sql = _one(held)
        if sql is None:
            found.absent.add(name)
        elif itself is None:
            found.added[name] = sql
        elif sql != quoted(itself):
            found.replaced[itself] = sql
    return found


def _one(held: Sequence[tuple[str, str]]) -> str | None:
    """The first of some columns that has a value in a row: exports mix ids and whole objects."""
    flat = [_flat(sql, sql_type) for sql, sql_type in held]
    if len(flat) > 1 and all(sql_type == "VARCHAR" for _, sql_type in held):
        return "coalesce({})".format(", ".join(f"nullif({sql}, '')" for sql in flat))
    return flat[0] if flat else None


def _flat(sql: str, sql_type: str) -> str:
    """A list or a nested value as the JSON text that it is in a file of JSON."""
    nested = sql_type.endswith("]") or sql_type.startswith(NESTED)
    return f"CAST(to_json({sql}) AS VARCHAR)" if nested else sql


def _field(
    connection: duckdb.DuckDBPyConnection, view: str, own: Mapping[str, str], path: str
) -> tuple[str, str] | None:
    """A field of a nested column, with its type; None where there is none."""
    first, *rest = path.split(".")
    if first.casefold() not in own:
        return None
    sql = ".".join(map(quoted, (own[first.casefold()], *rest)))
    try:
        rows = connection.execute(f"DESCRIBE SELECT {sql} FROM {view}").fetchall()
    except duckdb.Error:
        return None
    return sql, str(rows[0][1])
