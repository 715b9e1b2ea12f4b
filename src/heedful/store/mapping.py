"""From the rows of a file to the rows of a table: one SELECT, which also says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful.definitions.problem import did_you_mean, one_of
from heedful.store.answers import off_scale
from heedful.store.binding import Bound, Input, bind, constant, whole
from heedful.store.casting import HINTS, cast
from heedful.store.personal import Masking
from heedful.store.quoting import literal, quoted
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from heedful.definitions.instrument import Instrument
    from heedful.definitions.parameters import Value
    from heedful.definitions.source import Source
    from heedful.store.columns import Columns
    from heedful.store.schema import Table

WHERE = ("where",)
KINDS = {"BOOLEAN": "true or false"} | dict.fromkeys(("BIGINT", "DOUBLE", "DECIMAL"), "a number")


def bindings(
    columns: Columns, source: Source, table: Table, parameters: Mapping[str, Value]
) -> list[Bound]:
    """What fills each column and attribute of the table from this file.

    A source that names no columns takes those that the file has under the table's own names.

    Raises:
        SourceError: A column is not known, nothing fills a required one, or as `bind`.
    """
    found: list[Bound] = []
    given = {("columns", name): spec for name, spec in source.columns.items()}
    given |= {("attributes", name): spec for name, spec in source.attributes.items()}
    for path, spec in given.items():
        kind, name = path
        if kind == "columns" and name not in table.columns:
            hint = f"{one_of(table.columns, name)}; other columns go under attributes"
            raise SourceError(path, f'table {table.name} has no column "{name}"', hint)
        if kind == "attributes" and name.casefold() in table.columns:
            found_ = f'"{name}" is a column of table {table.name}'
            raise SourceError(path, found_, "move it to columns")
        if isinstance(spec, tuple):
            found.append(bind(columns, name, path, spec, parameters))
        else:
            found.append(constant(name, path, spec.constant))
    # Where columns are named, another of a table's name may mean something else: a survey's
    # `weight` is no parcel's.
    for name in () if source.columns else table.columns:
        own = columns.own(name)
        if own is not None:
            found.append(whole(columns, name, ("columns",), own))
    _complete(columns, source, table, {bound.target for bound in found})
    return found


def condition(columns: Columns, source: Source, parameters: Mapping[str, Value]) -> Bound | None:
    """The source's `where`, bound to this file.

    Raises:
        SourceError: It is no condition, or as `bind`.
    """
    if source.where is None:
        return None
    # A column on its own must be seen as what its values are, too.
    own = columns.own(source.where)
    wanted = source.where if own is None else f"({quoted(own)})"
    bound = bind(columns, "where", WHERE, (wanted,), parameters)
    if bound.sql_type not in {"BOOLEAN", '"NULL"'}:
        raise SourceError(
            WHERE,
            f'"{source.where}" gives {bound.sql_type}, not true or false',
            "write a condition, such as status <> 'deleted'",
        )
    return bound


def _complete(columns: Columns, source: Source, table: Table, filled: set[str]) -> None:
    for column in table.columns.values():
        is_key = column.name == table.key
        if not column.required or column.name in filled:
            continue
        if is_key and source.key == "generated":
            continue
        hint = "; or say key: generated" if is_key else ""
        raise SourceError(
            ("columns",) if source.columns else (),
            f'nothing fills "{column.name}" of table {table.name}'
            f"{did_you_mean(column.name, columns.names)}",
            f"name one of the columns of {columns.raw.file} for it: "
            f"{', '.join(columns.names[:30])}{hint}",
        )


def select(
    columns: Columns,
    source: Source,
    table: Table,
    bound: Sequence[Bound],
    where: Bound | None,
    rows: str,
    instruments: Mapping[str, Instrument],
) -> str:
    """The SELECT that maps one file.

    Args:
        columns: The file's.
        source: Its definition.
        table: The table.
        bound: What fills the table's columns.
        where: Which rows are wanted.
        rows: What to read from: the file's view, or some of its rows.
        instruments: What survey answers may be about, by id.

    Returns:
        SQL giving each filled column and attribute, `_row` and `_line` (its place in the file),
        `_content` (hash of the raw row, for generated keys), `_hash` (of its values),
        `_kept` (false: left out on purpose) and `_reason` (null: a good row).
    """
    content = [f"raw.{name}" for name in columns.names] if source.key == "generated" else []
    inputs = {
        name: one for b in (*bound, *([where] if where else [])) for name, one in b.inputs.items()
    }
    stray = {name: one for name, one in inputs.items() if one.kind is not None}
    read = ["_row", "_line", *(f"{one.sql} AS {quoted(name)}" for name, one in inputs.items())]
    read += [f"{columns.text(i.column)} AS {quoted(f'all.{n}')}" for n, i in stray.items()]
    read += [f"{quoted(name.removeprefix('raw.'))} AS {quoted(name)}" for name in content]

    strays = [f"{quoted(n)} IS NULL AND {quoted(f'all.{n}')} IS NOT NULL" for n in stray]
    kept = " OR ".join([f"coalesce({where.sql}, false)", *strays]) if where else "true"
    valued = ["*", *(f"{b.sql} AS {quoted('in.' + b.target)}" for b in bound), f"{kept} AS _kept"]
    values = {b.target: _value(columns, table, b) for b in bound}
    if source.personal == "mask":
        values = {name: _masked(table, name, sql) for name, sql in values.items()}
    made = ["*", *(f"{sql} AS {quoted(name)}" for name, sql in values.items())]

    targets = [b.target for b in bound]
    out = [*map(quoted, targets), "_row", "_line", "_kept"]
    out.append(f"{_reason(table, bound, stray, instruments)} AS _reason")
    out.append(f"{_hash((name, 'string') for name in content)} AS _content")
    out.append(f"{_hash((target, table.kind(target)) for target in targets)} AS _hash")
    return (
        f"SELECT {', '.join(out)} FROM (SELECT {', '.join(made)} FROM (SELECT {', '.join(valued)}"
        f" FROM (SELECT {', '.join(read)} FROM {rows})))"
    )


def _value(columns: Columns, table: Table, b: Bound) -> str:
    given = quoted(f"in.{b.target}")
    return cast(given, b.sql_type, table.kind(b.target), columns.options, columns.timezone)


def _masked(table: Table, target: str, sql: str) -> str:
    """SQL of a value without personal data, where people write what they like."""
    column = table.columns.get(target)
    if column is None:
        return Masking.sql(sql, words=True)
    return Masking.sql(sql) if column.free else sql


def _hash(values: Iterable[tuple[str, str]]) -> str:
    """SQL of the md5 of what a row says: its values by name, so that a new column changes none."""
    parts = []
    for name, kind in values:
        column = quoted(name)
        text = f"epoch_us({column})" if kind == "timestamp" else column
        text = f"CAST({text} AS VARCHAR)"
        # The length makes it clear where a value ends, whatever it holds.
        parts.append(f"({literal(name)} || ':' || strlen({text}) || ':' || {text})")
    return f"md5(concat({', '.join(parts)}))" if parts else "CAST(NULL AS VARCHAR)"


def _reason(
    table: Table,
    bound: Sequence[Bound],
    stray: Mapping[str, Input],
    instruments: Mapping[str, Instrument],
) -> str:
    reasons = [_unreadable(b, table.kind(b.target)) for b in bound]
    reasons += [_missing(table, b.target) for b in bound]
    reasons += [_astray(name, one) for name, one in stray.items()]
    reasons.append(off_scale(table, {b.target for b in bound}, instruments))
    said = ", ".join(reason for reason in reasons if reason is not None)
    return f"nullif(concat_ws('; ', {said}), '')" if said else "CAST(NULL AS VARCHAR)"


def _unreadable(b: Bound, kind: str) -> str | None:
    if kind == "string":
        return None
    given, value = quoted(f"in.{b.target}"), quoted(b.target)
    said = literal(f'{b.target}: "')
    hint = literal(f'" is not {HINTS[kind]}')
    return (
        f"CASE WHEN {given} IS NOT NULL AND {value} IS NULL"
        f" THEN concat({said}, left(CAST({given} AS VARCHAR), 80), {hint}) END"
    )


def _missing(table: Table, target: str) -> str | None:
    column = table.columns.get(target)
    if column is None or not column.required:
        return None
    said = literal(f"{target} is empty; every row of {table.name} needs it")
    return f"CASE WHEN {quoted(f'in.{target}')} IS NULL THEN {said} END"


def _astray(name: str, one: Input) -> str:
    """A word among numbers would become null without anybody having said so."""
    given = quoted(f"all.{name}")
    said = literal(f'{one.column}: "')
    hint = literal(
        f'" is not {KINDS.get(str(one.kind).partition("(")[0], "a time")}'
        " as most values of the column are; "
        "declare it in read.nulls, or use TRY_CAST"
    )
    return (
        f"CASE WHEN {given} IS NOT NULL AND {quoted(name)} IS NULL"
        f" THEN concat({said}, left({given}, 80), {hint}) END"
    )
