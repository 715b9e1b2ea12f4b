"""The rows of a table that is analysed without a project: read, typed, and checked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import one_of
from heedful.engines.duckdb import DuckDB, literal, quoted

if TYPE_CHECKING:
    from heedful.experiments.flat import FlatQuestion

VIEW = "flat_rows"
SHOWN = 5
MISSING = ("", "NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "None")


class FlatError(Exception):
    """A table cannot be analysed as asked.

    Attributes:
        usage: Whether the question is wrong, rather than the data.
    """

    def __init__(self, found: str, allowed: str, *, usage: bool = False) -> None:
        super().__init__(f"{found}; {allowed}")
        self.usage = usage


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as a view.

    The view has `variant` (text), `unit` (text, where asked for), `y0` and so on for metrics and
    guardrails, `z0` and so on for covariates (numbers), `day` (a date, where asked for), and the
    columns behind `labels`.

    Attributes:
        view: Its name.
        labels: SQL of the label of a segment, by column.
        notes: What a reader should know.
    """

    view: str
    labels: Mapping[str, str]
    notes: tuple[str, ...]


@contextmanager
def rows_of(engine: DuckDB, data: Path | Any, question: FlatQuestion) -> Iterator[Rows]:
    """Make the rows of a file or a table readable on an engine.

    Raises:
        FlatError: The file cannot be read, a column does not exist, or holds something else.
    """
    with tempfile.TemporaryDirectory(prefix="heedful-") as folder:
        notes: list[str] = []
        if isinstance(data, Path):
            lines = _file(engine, data, Path(folder), notes)
        else:
            engine.connection.register("flat_given", data)
            lines = None
        yield _typed(engine, question, lines, notes)


def _file(engine: DuckDB, path: Path, folder: Path, notes: list[str]) -> str | None:
    """Read a file into the view `flat_given`; the column that holds line numbers, if any."""
    from heedful.definitions.source import ReadOptions
    from heedful.store.raw import LINE, BadRows, UnreadableError
    from heedful.store.reading import read

    if not path.is_file():
        raise FlatError(f"{path} does not exist", "give a file: CSV, Parquet, Excel, JSON lines")
    parts = folder / "rows"
    parts.mkdir()
    bad = BadRows(folder / "bad.parquet")
    try:
        raw = read(path, path.name, ReadOptions(nulls=MISSING), parts, bad)
    except UnreadableError as error:
        where = f"{path.name}:{error.line}" if error.line else path.name
        raise FlatError(f"{where}: {error.found}", error.allowed) from None
    if not raw.parts:
        raise FlatError(f"{path.name} has no rows", "at least a header and two rows are needed")
    broken = list(bad)
    if broken:
        first = "; ".join(f"line {one.line}: {one.reason}" for one in broken[:SHOWN])
        notes.append(f"{len(broken):,} rows of {path.name} are broken and left out: {first}")
    listed = ", ".join(literal(str(part)) for part in raw.parts)
    engine.view("flat_given", f"SELECT * FROM read_parquet([{listed}])")
    return None if raw.typed else LINE


def _typed(engine: DuckDB, question: FlatQuestion, lines: str | None, notes: list[str]) -> Rows:
    from heedful.definitions.source import ReadOptions
    from heedful.store.casting import cast, cleaned

    options = ReadOptions(nulls=MISSING)
    kinds = engine.columns("SELECT * FROM flat_given")
    offered = [name for name in kinds if not name.startswith("_")]

    def known(column: str, what: str) -> str:
        if column not in kinds:
            raise FlatError(
                f'{what}: there is no column "{column}"', one_of(offered, column), usage=True
            )
        return cleaned(quoted(column), kinds[column], options)

    def text(column: str, what: str) -> str:
        return cast(known(column, what), kinds[column], "string", options, "UTC")

    def number(column: str, what: str) -> str:
        value = known(column, what)
        kind = kinds[column]
        if kind == "BOOLEAN":
            return f"CAST({value} AS DOUBLE)"
        if kind != "VARCHAR":
            return f"CAST({value} AS DOUBLE)"
        as_number = cast(value, kind, "number", options, "UTC")
        as_boolean = cast(value, kind, "boolean", options, "UTC")
        return f"COALESCE({as_number}, CAST({as_boolean} AS DOUBLE))"

    items = [f"{text(question.variant, 'variant')} AS variant"]
    if question.unit is not None:
        items.append(f"{text(question.unit, 'unit')} AS unit")
    checked: list[tuple[str, str]] = []
    for i, column in enumerate(question.outcomes):
        what = "metric" if column in question.metrics else "guardrail"
        items.append(f"{number(column, what)} AS y{i}")
        checked.append((column, f"y{i}"))
    for i, column in enumerate(question.covariates):
        items.append(f"{number(column, 'covariate')} AS z{i}")
        checked.append((column, f"z{i}"))
    dimensions = dict.fromkeys((*question.segments, *question.strata))
    labels = {}
    for i, column in enumerate(dimensions):
        items.append(f"{text(column, 'segment')} AS d{i}")
        labels[column] = f"d{i}"
    if question.day is not None:
        value = known(question.day, "date")
        moment = cast(value, kinds[question.day], "timestamp", options, "UTC")
        items.append(f"CAST({moment} AT TIME ZONE 'UTC' AS DATE) AS day")
        checked.append((question.day, "day"))
    number_of_line = [quoted(lines) + " AS line"] if lines else []
    given = [
        f"{cleaned(quoted(column), kinds[column], options)} AS g{i}"
        for i, (column, _) in enumerate(checked)
    ]
    engine.view(VIEW, f"SELECT {', '.join(items)} FROM flat_given")
    textual = [i for i, (column, _) in enumerate(checked) if kinds[column] == "VARCHAR"]
    if textual:
        everything = ", ".join([*items, *given, *number_of_line])
        _refuse(engine, f"SELECT {everything} FROM flat_given", checked, textual, bool(lines))
    return Rows(VIEW, labels, tuple(notes))


def _refuse(
    engine: DuckDB,
    rows: str,
    checked: list[tuple[str, str]],
    textual: list[int],
    numbered: bool,
) -> None:
    """Say which values cannot be read: left out silently, they would bend the result."""
    items = ", ".join(
        f"COUNT(*) FILTER (WHERE g{i} IS NOT NULL AND {checked[i][1]} IS NULL) AS n{i}"
        for i in textual
    )
    found = engine.query(f"SELECT {items} FROM ({rows}) AS r").to_pylist()[0]
    for i in textual:
        if not found[f"n{i}"]:
            continue
        column, name = checked[i]
        line = ", line" if numbered else ""
        some = engine.query(
            f"SELECT g{i} AS given{line} FROM ({rows}) AS r "
            f"WHERE g{i} IS NOT NULL AND {name} IS NULL LIMIT {SHOWN}"
        ).to_pylist()
        listed = ", ".join(
            f'line {row["line"]} "{row["given"]}"' if numbered else f'"{row["given"]}"'
            for row in some
        )
        wanted = "a date such as 2026-07-13" if name == "day" else "a number, or true and false"
        raise FlatError(
            f"{column}: {found[f'n{i}']:,} values cannot be read: {listed}",
            f"allowed: {wanted}; missing may be empty or NA",
        )
