"""A SELECT over the files of a source, its own or its format's: event logs, joins, pivots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import duckdb

from heedful.definitions.parameters import UnknownParameterError, substitute
from heedful.store import fitting, reading
from heedful.store.columns import Columns, shared_type
from heedful.store.quoting import literal, quoted
from heedful.store.raw import BadRows
from heedful.store.scratch import group_size
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from sqlglot import exp

    from heedful.definitions.format import Format
    from heedful.definitions.parameters import Value
    from heedful.definitions.source import Source
    from heedful.store.raw import Raw

SQL = ("sql",)
PLACE = {"_file", "_line"}
NEARLY = 0.8


def selected(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    path: Path | None,
    raws: Mapping[str, Sequence[Raw]],
    timezone: str,
    parameters: Mapping[str, Value],
    folder: Path,
    bad: BadRows,
    form: Format | None = None,
) -> Raw:
    """Run the SELECT, and give its rows as if they were a file.

    Args:
        connection: A connection that can read nothing else.
        source: The source.
        path: Its `.sql` file; None where its format has a SELECT.
        raws: The files by the name of their view. A view has the columns of all its files, by
            name, and `_file` and `_line`.
        timezone: The project's timezone.
        parameters: Values of `$name`.
        folder: Where the rows go.
        bad: Takes lines that the views leave out, because a value in them is astray.
        form: Its format, if that has the SELECT: then all that a view has is text, and names that
            the files lack are null.

    Raises:
        SourceError: It is no SELECT, or fails, or the files are not of that format.
    """
    shown = str(source.sql if form is None else form.name)
    tree = _query(shown, _text(shown, path) if form is None else str(form.sql), parameters)
    query = tree.sql(dialect="duckdb", comments=False)
    named = _named(tree)
    for name, many in raws.items():
        headed = [r for r in many if r.columns]
        if form is None:
            _view(connection, source, name, headed, timezone, named, bad)
        else:
            _plain_view(connection, source, name, headed, timezone, form)
    out = folder / "selected.parquet"
    target = folder / "selected"
    target.mkdir()
    try:
        # A trailing comment would swallow the bracket.
        names = [row[0] for row in connection.execute(f"DESCRIBE ({query}\n)").fetchall()]
        given = [name for name in names if name not in PLACE]
        placed = [f"{name} AS {quoted(f'at.{name}')}" for name in names if name in PLACE]
        twice = next(
            (n for i, n in enumerate(given) if n.lower() in map(str.lower, given[:i])), None
        )
        if twice is not None:
            raise SourceError(SQL, f'{shown} gives two columns "{twice}"', "rename one with AS")
        items = ", ".join([*map(quoted, given), *(placed if form else [])]) or "NULL"
        connection.execute(
            f"COPY (SELECT {items} FROM ({query}\n)) TO {literal(str(out))}"
            f" (FORMAT parquet, ROW_GROUP_SIZE {group_size(len(given))})"
        )
    except duckdb.Error as error:
        first = str(error).split("\n\n")[0].replace("\n", " ")
        views = ", ".join(raws)
        raise SourceError(SQL, f"{shown} fails: {first}", f"it may read: {views}") from None
    return reading.read(out, shown, source.read, target, BadRows(folder / "none.parquet"))


def _text(shown: str, path: Path | None) -> str:
    try:
        return (path or Path(shown)).read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        hint = "paths are relative to the project"
        raise SourceError(SQL, f'file "{shown}" cannot be read: {error}', hint) from None


def _query(shown: str, text: str, parameters: Mapping[str, Value]) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        found = sqlglot.parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        first = str(error).split("\n", maxsplit=1)[0]
        raise SourceError(SQL, f"{shown} does not parse: {first}", "mend it") from None
    # A comment behind the last semicolon counts as a statement.
    statements = [s for s in found if s is not None and not isinstance(s, exp.Semicolon)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise SourceError(SQL, f"{shown} is not one SELECT", "write one SELECT")
    try:
        return substitute(cast("exp.Expression", statements[0]), parameters)
    except UnknownParameterError as error:
        raise SourceError(SQL, f'parameter "${error.name}" is not known', error.allowed) from None


def _named(tree: exp.Expr) -> set[str] | None:
    """Every name that a query holds; None where a star may stand for others."""
    from sqlglot import exp

    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return None
    return {identifier.name.casefold() for identifier in tree.find_all(exp.Identifier)}


def _view(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    name: str,
    raws: Sequence[Raw],
    timezone: str,
    named: set[str] | None,
    bad: BadRows,
) -> None:
    """The rows of some files as one view, each column as what its values are.

    That is only found out for columns that the query names; the others do not matter.
    """
    if not raws:
        raise SourceError(("path",), f'the files of "{name}" are empty', "give at least a header")
    found = [
        Columns(connection, raw, source.read, timezone, f"{name}-{number}")
        for number, raw in enumerate(raws)
    ]
    spelling: dict[str, str] = {}
    holders: dict[str, list[Columns]] = {}
    for columns in found:
        used = [c for c in columns.names if named is None or c.casefold() in named]
        columns.count(used)
        for column in columns.names:
            spelling.setdefault(column.casefold(), column)
            if column in used and not columns.empty(column):
                holders.setdefault(column.casefold(), []).append(columns)
    kinds = {key: _kind(spelling[key], many) for key, many in holders.items()}
    selects = []
    for columns in found:
        items, stray = [], {}
        for column in columns.names:
            kind = kinds.get(column.casefold(), "VARCHAR")
            sql = columns.as_type(column, kind)
            items.append(f"{sql} AS {quoted(spelling[column.casefold()])}")
            sure = column not in columns.raw.kinds and columns.type(column, 1.0) in {kind, "BIGINT"}
            if kind != "VARCHAR" and not sure:
                stray[column] = f"({columns.text(column)} IS NOT NULL AND {sql} IS NULL)"
        items += [f"{literal(columns.raw.file)} AS _file", "_line"]
        where = ""
        if stray:
            where = f" WHERE NOT ({' OR '.join(stray.values())})"
            bad.extend(_strays(connection, columns, stray))
        selects.append(f"SELECT {', '.join(items)} FROM {columns.view}{where}")
    union = " UNION ALL BY NAME ".join(selects)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {union}")


def _plain_view(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    name: str,
    raws: Sequence[Raw],
    timezone: str,
    form: Format,
) -> None:
    """The rows of some files as one view, every column as text.

    So a format's SELECT reads the same of a value, whatever the rest of the file holds.
    """
    selects = []
    for number, raw in enumerate(raws):
        view = f"{name}-{number}"
        columns = Columns(connection, raw, source.read, timezone, view, fitting.needs(form))
        fitting.check(columns, source, form)
        items = [f"CAST({columns.text(c)} AS VARCHAR) AS {quoted(c)}" for c in columns.known]
        items += [f"CAST(NULL AS VARCHAR) AS {quoted(c)}" for c in sorted(columns.absent)]
        items += [f"{literal(raw.file)} AS _file", "_line"]
        selects.append(f"SELECT {', '.join(items)} FROM {columns.view}")
    union = " UNION ALL BY NAME ".join(selects)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {union}")


def _kind(column: str, holders: Sequence[Columns]) -> str:
    """What a column's values are: all of them, or nearly all where that can be no accident.

    Left as text, a time column with one stray word would be sorted and compared letter by letter,
    without a word. Whole numbers beside words may be ids, as invoice numbers are; they stay text.
    """
    strict = shared_type(each.type(each.own(column) or column, 1.0) for each in holders)
    if strict != "VARCHAR":
        return strict
    nearly = {each.type(each.own(column) or column, NEARLY) for each in holders}
    if nearly <= {"DATE", "TIMESTAMPTZ"}:
        return "TIMESTAMPTZ" if len(nearly) > 1 else nearly.pop()
    return "DOUBLE" if nearly in ({"DOUBLE"}, {"DOUBLE", "BIGINT"}) else "VARCHAR"


def _strays(
    connection: duckdb.DuckDBPyConnection, columns: Columns, stray: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """Lines whose values are astray, with what is wrong with them."""
    reasons = []
    for column, condition in stray.items():
        said = literal(f'{column}: "')
        hint = literal('" is not what nearly all values of the column are; see read.nulls')
        value = f"left(CAST({quoted(column)} AS VARCHAR), 80)"
        reasons.append(f"CASE WHEN {condition} THEN concat({said}, {value}, {hint}) END")
    values = ", ".join(f"{literal(name)}, {quoted(name)}" for name in columns.names)
    sql = (
        f"SELECT {literal(columns.raw.file)} AS file, CAST(_line AS BIGINT) AS line,"
        f" CAST(json_object({values}) AS VARCHAR) AS values,"
        f" concat_ws('; ', {', '.join(reasons)}) AS reason"
        f" FROM {columns.view} WHERE {' OR '.join(stray.values())} ORDER BY _line"
    )
    yield from connection.sql(sql).to_arrow_reader(10_000)
