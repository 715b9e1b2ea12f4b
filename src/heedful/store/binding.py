"""What fills a column, bound to one file: a column of it, an expression, a constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from heedful.definitions.parameters import UnknownParameterError, substitute
from heedful.definitions.problem import one_of
from heedful.store.quoting import literal, quoted
from heedful.store.source_error import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlglot import exp

    from heedful.definitions.parameters import Value
    from heedful.store.columns import Columns

Path = tuple[str, ...]
TEXT = "text."


@dataclass(frozen=True, slots=True)
class Input:
    """A column of the file as an expression sees it.

    Attributes:
        column: Its name in the file.
        sql: SQL over the file's view.
        kind: The SQL type that most of its values have, where the others are null; else None.
    """

    column: str
    sql: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """What fills one column of the table from one file.

    Attributes:
        target: The column.
        path: Where in the source's YAML it is said.
        sql: SQL over the inputs.
        sql_type: Its type.
        inputs: What it reads, by the name that `sql` knows it under.
    """

    target: str
    path: Path
    sql: str
    sql_type: str
    inputs: Mapping[str, Input]


def bind(
    columns: Columns,
    target: str,
    path: Path,
    wanted: Sequence[str],
    parameters: Mapping[str, Value],
) -> Bound:
    """Bind a column of the table to columns of a file, or an expression over them.

    Args:
        columns: The file's.
        target: The table's column.
        path: Where in the source's YAML it is said.
        wanted: Candidates; the first that the file has wins.
        parameters: Values of `$name`.

    Raises:
        SourceError: The file has none of them, or the expression does not fit it.
    """
    for candidate in wanted:
        own = columns.own(candidate)
        if own is not None:
            return whole(columns, target, path, own)
    if columns.lacks(wanted[0]):
        return constant(target, path, None)
    errors: list[SourceError] = []
    for candidate in wanted:
        try:
            return _expression(columns, target, path, candidate, parameters)
        except SourceError as error:
            errors.append(error)
    if len(errors) > 1:
        listed = ", ".join(f'"{one}"' for one in wanted)
        found = f"{columns.raw.file} has none of {listed}"
        raise SourceError(path, found, one_of(columns.names, wanted[0]))
    raise errors[0]


def whole(columns: Columns, target: str, path: Path, own: str) -> Bound:
    """Bind to a column of the file as it is."""
    name = f"text.{own}"
    return Bound(
        target, path, quoted(name), columns.types[own], {name: Input(own, columns.text(own))}
    )


def constant(target: str, path: Path, value: object) -> Bound:
    """Bind to the same value in every row."""
    if value is None:
        return Bound(target, path, "CAST(NULL AS VARCHAR)", "VARCHAR", {})
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Bound(target, path, literal(text), "VARCHAR", {})


def _expression(
    columns: Columns, target: str, path: Path, text: str, parameters: Mapping[str, Value]
) -> Bound:
    tree = _parsed(columns, path, text)
    try:
        tree = substitute(cast("exp.Expression", tree), parameters)
    except UnknownParameterError as error:
        raise SourceError(path, f'parameter "${error.name}" is not known', error.allowed) from None
    views: tuple[tuple[str, Callable[[str], str], bool], ...] = (
        ("typed", columns.typed, False),
        ("text", columns.text, False),
        ("mostly", columns.mostly, True),
    )
    failure = ""
    for prefix, view, partly in views:
        renamed, used = _renamed(columns, path, tree, prefix)
        columns.count(own for name, own in used.items() if not name.startswith(TEXT))
        inputs = {
            name: Input(own, columns.text(own))
            if name.startswith(TEXT)
            else Input(own, view(own), _kind(columns, own, prefix, partly=partly))
            for name, own in used.items()
        }
        sql = f"({renamed.sql(dialect='duckdb')})"
        items = ", ".join(["_row", *(f"{i.sql} AS {quoted(n)}" for n, i in inputs.items())])
        try:
            # Beside a plain column an aggregate does not bind, and a star gives more columns.
            found = columns.connection.execute(
                f"DESCRIBE SELECT {sql} AS v, _row FROM (SELECT {items} FROM {columns.view})"
            ).fetchall()
        except Exception as error:  # noqa: BLE001 - whatever the binder says is the message
            failure = failure or str(error).split("\n")[0]
            continue
        if len(found) == 2:
            return Bound(target, path, sql, str(found[0][1]), inputs)
        failure = failure or "it gives more than one column"
    raise SourceError(
        path, f'"{text}" fails: {failure}', "allowed: a DuckDB expression over the file's columns"
    )


def _kind(columns: Columns, own: str, prefix: str, *, partly: bool) -> str | None:
    """What a column's values should be, where some may not: NaN is no number, infinity no time."""
    if partly:
        return columns.type(own, 0.5)
    return columns.raw.kinds.get(own) if prefix == "typed" else None


def _parsed(columns: Columns, path: Path, text: str) -> exp.Expr:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    neither = SourceError(
        path,
        f'"{text}" is neither a column of {columns.raw.file} nor an expression',
        one_of(columns.names, text),
    )
    try:
        trees = sqlglot.parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError):
        raise neither from None
    tree = trees[0] if len(trees) == 1 else None
    if tree is not None and tree.find(exp.Query, exp.Table, exp.Explode, exp.Unnest):
        raise SourceError(
            path,
            f'"{text}" reads more than one row',
            "allowed: an expression over the columns of a row; joins and sums go under sql",
        )
    # Two words are an expression with a name to SQL; here they are a column that is not there.
    many = isinstance(tree, (exp.Star, exp.Alias)) or (tree is not None and tree.find(exp.Columns))
    if many or not isinstance(tree, exp.Condition):
        raise neither
    return tree


def _renamed(
    columns: Columns, path: Path, tree: exp.Expr, prefix: str
) -> tuple[exp.Expr, dict[str, str]]:
    """The expression over `<prefix>.<column>`, and the columns it uses by those names."""
    from sqlglot import exp

    used: dict[str, str] = {}
    loops = {str(node.args["expression"].name) for node in tree.find_all(exp.Comprehension)}

    def put(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or node.parts[0].name in loops:
            return node
        parts = [part.name for part in node.parts]
        # The longest name that the file has; what follows is a field of a nested value.
        for length in range(len(parts), 0, -1):
            own = columns.own(".".join(parts[:length]))
            if own is not None:
                # What becomes text is the column as it is written: 1.10 is an id, too.
                written = isinstance(node.parent, exp.Cast) and node.parent.is_type(
                    "text", "varchar"
                )
                name = f"{TEXT}{own}" if written and length == len(parts) else f"{prefix}.{own}"
                used[name] = own
                found: exp.Expr = exp.column(exp.to_identifier(name, quoted=True))
                for part in parts[length:]:
                    found = exp.Dot(this=found, expression=exp.to_identifier(part, quoted=True))
                return found
        name = ".".join(parts)
        if columns.lacks(name):
            return exp.Null()
        raise SourceError(
            path,
            f'column "{name}" is not in {columns.raw.file}',
            one_of(columns.names, name),
        )

    return tree.copy().transform(put), used
