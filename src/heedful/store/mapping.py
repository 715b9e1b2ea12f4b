"""From the rows of a file to the rows of a table: one SELECT, which also says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import did_you_mean, one_of
from heedful.store.casting import (
    BLANKS,
    HINTS,
    cast,
    cleaned,
    literal,
    number_text,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from heedful.definitions.source import ReadOptions, Source
    from heedful.store.reading import Raw
    from heedful.store.schema import Table

MOSTLY = 0.5
SCALES: Mapping[str, tuple[float, float]] = {
    "nps": (0, 10),
    "csat": (1, 5),
    "ces": (1, 7),
}


class MappingError(Exception):
    """A source file cannot be applied to what it reads.

    Attributes:
        path: Where in the source's YAML.
        found: What was found.
        allowed: What is allowed, and what to do.
    """

    def __init__(self, path: tuple[str, ...], found: str, allowed: str) -> None:
        super().__init__(f"{found}; {allowed}")
        self.path, self.found, self.allowed = path, found, allowed


@dataclass(frozen=True, slots=True)
class Expression:
    """One column of the table: SQL over the view `typed` or `texts`, and where it came from."""

    target: str
    path: tuple[str, ...]
    sql: str
    sql_type: str
    shown: str


class Reader:
    """One file's rows, as views that the expressions of its source may use.

    `texts` holds every column as cleaned text; `typed` holds it as the number or time that all
    its values are, which is how DuckDB itself would have read the file.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, raw: Raw, options: ReadOptions, timezone: str
    ) -> None:
        self.connection = connection
        self.raw = raw
        self.options = options
        self.timezone = timezone
        files = ", ".join(literal(str(part)) for part in raw.parts)
        self.source = f"read_parquet([{files}], union_by_name = true, file_row_number = true)"
        self.types = self._raw_types()
        self._typed: dict[str, str] = {}
        self._mostly: dict[str, str] = {}

    def _raw_types(self) -> dict[str, str]:
        rows = self.connection.execute(f"DESCRIBE SELECT * FROM {self.source}").fetchall()
        return {row[0]: str(row[1]) for row in rows}

    def column(self, name: str) -> str | None:
        """The file's own spelling of a column, or None."""
        stripped = {known.strip(): known for known in self.types}
        if name in stripped:
            return stripped[name]
        folded = {known.lower(): spelling for known, spelling in stripped.items()}
        return folded.get(name.strip().lower())

    def text(self, column: str) -> str:
        """SQL of a column as it is used without an expression."""
        if self.types[column] == "VARCHAR":
            return cleaned(quoted(column), self.options)
        return quoted(column)

    def typed(self, column: str) -> str:
        """SQL of a column as the type that all its values have."""
        return self._typing(column, self._typed, 1.0)

    def mostly(self, column: str) -> str:
        """SQL of a column as the type that most of its values have; the others are null."""
        return self._typing(column, self._mostly, MOSTLY)

    def _typing(self, column: str, known: dict[str, str], least: float) -> str:
        if column not in known:
            known[column] = self._sniff(column, least)
        return known[column]

    def _sniff(self, column: str, least: float) -> str:
        text = self.text(column)
        if self.types[column] != "VARCHAR":
            return text
        number = number_text("v", self.options)
        whole = f"TRY_CAST({number} AS BIGINT)"
        instant = cast("v", "VARCHAR", "timestamp", self.options, self.timezone)
        counts = self.connection.execute(
            f"SELECT count(v), count({number}), count(*) FILTER (regexp_matches(v, '^[+-]?\\d+$')),"
            f" count(*) FILTER (regexp_matches(v, '^0\\d')), count({instant}), count({whole})"
            f" FROM (SELECT {text} AS v FROM {self.source})"
        ).fetchall()
        values, numbers, integers, zeros, instants, fitting = counts[0]
        needed = max(1, least * values)
        if numbers >= needed and not zeros:
            value = number_text(text, self.options)
            if integers >= needed and fitting >= integers:
                return f"TRY_CAST({value} AS BIGINT)"
            return f"TRY_CAST({value} AS DOUBLE)"
        if instants >= needed and not self.options.dates:
            naive = cast(text, "VARCHAR", "timestamp", self.options, self.timezone)
            zone = literal(self.options.timezone or self.timezone)
            return f"timezone({zone}, {naive})"
        return text


def bind(reader: Reader, target: str, path: tuple[str, ...], wanted: Sequence[str]) -> Expression:
    """What fills a column: a column of the file, or an expression over its columns.

    Args:
        reader: The file.
        target: The table's column.
        path: Where in the source's YAML it is said.
        wanted: Candidates; the first that the file has wins.

    Raises:
        MappingError: The file has none of them, or the expression does not fit it.
    """
    for candidate in wanted:
        own = reader.column(candidate)
        if own is not None:
            return Expression(target, path, reader.text(own), reader.types[own], candidate)
    errors: list[MappingError] = []
    for candidate in wanted:
        try:
            return _expression(reader, target, path, candidate)
        except MappingError as error:
            errors.append(error)
    raise errors[-1]


def _expression(reader: Reader, target: str, path: tuple[str, ...], text: str) -> Expression:
    import sqlglot
    from sqlglot import exp

    names = [name.strip() for name in reader.types if name not in {"_line", "file_row_number"}]
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except sqlglot.ParseError:
        raise MappingError(
            path,
            f'"{text}" is neither a column of {reader.raw.file} nor an expression',
            one_of(names, text),
        ) from None
    used: dict[str, str] = {}
    for node in tree.find_all(exp.Column):
        own = reader.column(node.name)
        if own is None:
            raise MappingError(
                path, f'column "{node.name}" is not in {reader.raw.file}', one_of(names, node.name)
            )
        used[node.name] = own
    failure = ""
    for view in (reader.typed, reader.text, reader.mostly):
        views = {name: view(own) for name, own in used.items()}
        sql = _with_columns(tree, views)
        try:
            found = reader.connection.execute(
                f"DESCRIBE SELECT {sql} AS v FROM {reader.source}"
            ).fetchall()
        except Exception as error:  # noqa: BLE001 - whatever the binder says is the message
            failure = failure or str(error).split("\n")[0]
            continue
        return Expression(target, path, sql, str(found[0][1]), text)
    raise MappingError(
        path, f'"{text}" fails: {failure}', "allowed: a DuckDB expression over its columns"
    )


def _with_columns(tree: Any, columns: Mapping[str, str]) -> str:
    import sqlglot
    from sqlglot import exp

    def put(node: Any) -> Any:
        if isinstance(node, exp.Column) and node.name in columns:
            return exp.paren(sqlglot.parse_one(columns[node.name], dialect="duckdb"), copy=False)
        return node

    return str(tree.copy().transform(put).sql(dialect="duckdb"))


def constant(target: str, path: tuple[str, ...], value: object) -> Expression:
    """The same value in every row."""
    if value is None:
        return Expression(target, path, "CAST(NULL AS VARCHAR)", "VARCHAR", "null")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Expression(target, path, literal(text), "VARCHAR", text)


def expressions(reader: Reader, source: Source, table: Table) -> list[Expression]:
    """What fills each column and attribute of the table from this file.

    Columns that the source does not name are taken from the file where it has them under the
    table's own name.

    Raises:
        MappingError: As `bind`.
    """
    found: list[Expression] = []
    given = {("columns", name): spec for name, spec in source.columns.items()}
    given |= {("attributes", name): spec for name, spec in source.attributes.items()}
    for path, spec in given.items():
        if path[0] == "columns" and path[1] not in table.columns:
            hint = one_of(table.columns, path[1])
            raise MappingError(path, f'table {table.name} has no column "{path[1]}"', hint)
        value = getattr(spec, "constant", spec)
        if value is spec:
            found.append(bind(reader, path[1], path, spec))
        else:
            found.append(constant(path[1], path, value))
    named = {expression.target for expression in found}
    for name in table.columns:
        own = reader.column(name) if name not in named else None
        if own is not None:
            found.append(Expression(name, ("columns",), reader.text(own), reader.types[own], own))
    _complete(reader, source, table, {expression.target for expression in found})
    return found


def _complete(reader: Reader, source: Source, table: Table, filled: set[str]) -> None:
    for column in table.columns.values():
        generated = column.name == table.key and source.key == "generated"
        if column.required and column.name not in filled and not generated:
            names = [name for name in reader.raw.columns if name]
            key = column.name == table.key
            hint = "; or say key: generated" if key else ""
            raise MappingError(
                ("columns",) if source.columns else (),
                f'nothing fills "{column.name}" of table {table.name}'
                f"{did_you_mean(column.name, names)}",
                f"name one of the columns of {reader.raw.file} for it: {', '.join(names[:30])}{hint}",
            )


def select(
    reader: Reader, source: Source, table: Table, found: Sequence[Expression], where: str | None
) -> str:
    """The SELECT that maps one file.

    Returns:
        SQL giving each filled column and attribute, `_file`, `_line`, `_row` (its place in the
        file), `_content` (md5 of the raw row), `_kept` (false: left out on purpose), `_reason`
        (null: a good row) and `_values` (the raw row as JSON, for bad rows).
    """
    raw = [name for name in reader.types if name not in {"_line", "file_row_number"}]
    inner = [f"{e.sql} AS {quoted('in.' + e.target)}" for e in found]
    inner += [f"{quoted(name)} AS {quoted('raw.' + name)}" for name in raw]
    line = "_line" if "_line" in reader.types else "file_row_number + 1"
    inner += [f"{line} AS _line", "file_row_number AS _row"]
    inner.append(f"coalesce({where}, false) AS _kept" if where else "true AS _kept")

    kinds = {e.target: table.kind(e.target) for e in found}
    middle = ["*"]
    for e in found:
        value = cast(
            quoted("in." + e.target), e.sql_type, kinds[e.target], reader.options, reader.timezone
        )
        middle.append(f"{value} AS {quoted(e.target)}")

    reasons = [_unreadable(e, kinds[e.target]) for e in found]
    reasons += [_missing(table, e) for e in found]
    reasons += _out_of_scale(table, found)
    reasons = [reason for reason in reasons if reason]
    reason = f"nullif(concat_ws('; ', {', '.join(reasons)}), '')" if reasons else "NULL"
    values = ", ".join(f"{literal(name)}, {quoted('raw.' + name)}" for name in raw)
    content = ", ".join(
        f"coalesce(CAST({quoted('raw.' + name)} AS VARCHAR), chr(0))" for name in raw
    )
    outer = [quoted(e.target) for e in found]
    outer += ["_line", "_row", "_kept", f"{reason} AS _reason"]
    outer.append(
        f"md5(concat_ws(chr(31), {content}))"
        if source.key == "generated"
        else "CAST(NULL AS VARCHAR)"
    )
    outer[-1] += " AS _content"
    outer.append(
        f"CASE WHEN _reason IS NOT NULL THEN CAST(json_object({values}) AS VARCHAR) END AS _values"
    )
    return (
        f"SELECT {', '.join(outer)}, {literal(reader.raw.file)} AS _file FROM ("
        f"SELECT {', '.join(middle)} FROM ("
        f"SELECT {', '.join(inner)} FROM {reader.source}))"
    )


def _unreadable(e: Expression, kind: str) -> str | None:
    if kind == "string":
        return None
    given, value = quoted("in." + e.target), quoted(e.target)
    said = literal(f'{e.target}: "')
    hint = literal(f'" is not {HINTS[kind]}')
    return (
        f"CASE WHEN {given} IS NOT NULL AND {value} IS NULL"
        f" THEN concat({said}, left(CAST({given} AS VARCHAR), 80), {hint}) END"
    )


def _missing(table: Table, e: Expression) -> str | None:
    column = table.columns.get(e.target)
    if column is None or not column.required:
        return None
    said = literal(f"{e.target} is empty; every row of {table.name} needs it")
    return f"CASE WHEN {quoted('in.' + e.target)} IS NULL THEN {said} END"


def _out_of_scale(table: Table, found: Sequence[Expression]) -> list[str]:
    """An answer outside its scale is a code for something else; it must be declared."""
    filled = {e.target for e in found}
    if table.name != "responses" or not {"score", "instrument"} <= filled:
        return []
    reasons = []
    bounds = {name: index for index, name in enumerate(("scale_min", "scale_max"))}
    cases = []
    for bound, index in bounds.items():
        whens = " ".join(
            f"WHEN instrument = {literal(name)} THEN {scale[index]}"
            for name, scale in SCALES.items()
        )
        own = f"{quoted(bound)}, " if bound in filled else ""
        cases.append(f"coalesce({own}CASE {whens} END)")
    low, high = cases
    hint = literal("; say in the source what it means, such as CASE WHEN ... THEN ... END")
    reasons.append(
        f"CASE WHEN score < {low} OR score > {high} THEN concat('score ', score, ' is outside "
        f"the scale ', {low}, ' to ', {high}, ' of ', instrument, {hint}) END"
    )
    return reasons


__all__ = ["BLANKS", "Expression", "MappingError", "Reader", "bind", "expressions", "select"]
