"""Which day a value names: every usual way to write dates, but no guess between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.engines.duckdb import literal
from heedful.experiments.flat_error import FlatError

if TYPE_CHECKING:
    from heedful.engines.duckdb import DuckDB

SAMPLED = 1000
SHOWN = 3
ALLOWED = "allowed: such as 2026-07-13 or 2026-07-13 14:05"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_FIRST, _LAST = "DATE '1900-01-01'", "DATE '2200-01-01'"
_EPOCHS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_WHOLE |= {"UBIGINT", "HUGEINT", "UHUGEINT"}


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to write a day.

    Attributes:
        words: What it is called.
        sql: A date from `{}`; null where that is written another way.
    """

    words: str
    sql: str

    def of(self, column: str) -> str:
        """SQL of the day in a column."""
        return self.sql.replace("{}", column)


def day(engine: DuckDB, table: str, column: str, kind: str, name: str) -> str:
    """SQL of the day in a column.

    Args:
        engine: Has the table.
        table: The table.
        column: SQL of the value; text without blanks around it, null where it is missing.
        kind: Its SQL type.
        name: What people call the column.

    Raises:
        FlatError: It holds something else, or dates that can be read in two ways.

    >>> from heedful.engines.duckdb import DuckDB
    >>> engine = DuckDB()
    >>> engine.view("rows", "SELECT UNNEST(['13.07.2026', '14.07.2026 08:30']) AS seen")
    >>> engine.query(f"SELECT {day(engine, 'rows', 'seen', 'VARCHAR', 'seen')} AS d FROM rows")[
    ...     "d"].to_pylist()
    [datetime.date(2026, 7, 13), datetime.date(2026, 7, 14)]
    """
    if kind == "DATE":
        return column
    if kind.startswith("TIMESTAMP"):
        zone = " AT TIME ZONE 'UTC'" if kind.endswith("TIME ZONE") else ""
        return f"CAST({column}{zone} AS DATE)"
    if kind in _WHOLE:
        forms = [*_compact(), *_since_epoch()]
        column = f"CAST({column} AS VARCHAR)"
    elif kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        forms = [*_compact(), *_since_epoch()]
        column = f"CAST(TRY_CAST({column} AS BIGINT) AS VARCHAR)"
    elif kind == "VARCHAR":
        forms = [*_texts(), *_compact(), *_since_epoch()]
    else:
        raise FlatError(f"{name} holds {kind.lower()}, not dates", ALLOWED)
    fitting = _fitting(engine, f"{table} WHERE {column} IS NOT NULL LIMIT {SAMPLED}", column, forms)
    if fitting:
        fitting = _fitting(engine, table, column, fitting)
    if not fitting:
        raise _unreadable(engine, table, column, forms, name)
    if len(fitting) > 1 and not _alike(engine, table, column, fitting):
        ways = " or ".join(form.words for form in fitting)
        some = _some(engine, table, column, "TRUE")
        raise FlatError(f"{name}: {some} may be {ways}", ALLOWED)
    return fitting[0].of(column)


def _fitting(engine: DuckDB, table: str, column: str, forms: Sequence[_Form]) -> list[_Form]:
    """Forms by which every value can be read."""
    items = ", ".join(f"COUNT({form.of('given')}) AS f{i}" for i, form in enumerate(forms))
    found = engine.query(
        f"SELECT COUNT(given) AS n, {items} FROM (SELECT {column} AS given FROM {table}) AS r"
    ).to_pylist()[0]
    return [form for i, form in enumerate(forms) if found[f"f{i}"] == found["n"]]


def _alike(engine: DuckDB, table: str, column: str, forms: Sequence[_Form]) -> bool:
    first, *others = (form.of(column) for form in forms)
    differ = " OR ".join(f"{first} <> {other}" for other in others)
    found = engine.query(f"SELECT COUNT(*) FILTER ({differ}) AS n FROM {table}").to_pylist()
    return bool(found[0]["n"] == 0)


def _unreadable(
    engine: DuckDB, table: str, column: str, forms: Sequence[_Form], name: str
) -> FlatError:
    any_form = f"COALESCE({', '.join(form.of(column) for form in forms)})"
    none = f"{any_form} IS NULL"
    some = _some(engine, table, column, none)
    if some:
        return FlatError(f"{name}: {some} cannot be read as a date", ALLOWED)
    some = _some(engine, table, column, "TRUE")
    return FlatError(f"{name}: dates are written in several ways, such as {some}", ALLOWED)


def _some(engine: DuckDB, table: str, column: str, where: str) -> str:
    found = engine.query(
        f"SELECT DISTINCT given FROM (SELECT {column} AS given FROM {table} "
        f"WHERE {column} IS NOT NULL AND {where} LIMIT {SAMPLED}) AS r ORDER BY given LIMIT {SHOWN}"
    )["given"].to_pylist()
    return ", ".join(f'"{value}"' for value in found)


def _texts() -> Iterator[_Form]:
    yield _iso()
    yield _written("day.month.year", "%d.%m.%Y", "%d.%m.%y")
    yield _written("month/day/year", "%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y")
    yield _written("day/month/year", "%d/%m/%Y", "%d/%m/%y", "%d-%m-%Y")
    yield _written(
        "a date with the name of its month",
        *("%d %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
        *("%d-%b-%Y", "%d-%b-%y", "%a %b %d %Y", "%a, %d %b %Y"),
    )


def _iso() -> _Form:
    from heedful.definitions.source import ReadOptions
    from heedful.store.casting import cast

    moment = cast("{}", "VARCHAR", "timestamp", ReadOptions(), "UTC")
    return _Form("year-month-day", f"CAST({moment} AT TIME ZONE 'UTC' AS DATE)")


def _written(words: str, *days: str) -> _Form:
    # Where an offset or a zone stands behind the time, the day is that of the clock there.
    plain = "regexp_replace({}, '(:\\d\\d(\\.\\d+)?) ?(Z|UTC|GMT|[+-]\\d\\d:?\\d\\d)$', '\\1')"
    tries = []
    # A year of two digits is also one of four, 2,000 years ago: each is tried by itself.
    for year in ("%Y", "%y"):
        formats = [f"{one}{clock}" for one in days if year in one for clock in _CLOCKS]
        if formats:
            listed = ", ".join(literal(one) for one in formats)
            tries.append(_within(f"CAST(try_strptime({plain}, [{listed}]) AS DATE)"))
    return _Form(words, f"COALESCE({', '.join(tries)}, NULL)")


def _compact() -> Iterator[_Form]:
    formats = ", ".join(literal(f"%Y%m%d{clock}") for clock in ("", "%H%M%S", "T%H%M%S"))
    digits = "regexp_matches({}, '^(19|20|21)\\d{6}(T?\\d{6})?$')"
    found = _within(f"CAST(try_strptime({{}}, [{formats}]) AS DATE)")
    yield _Form("yearmonthday", f"CASE WHEN {digits} THEN {found} END")


def _since_epoch() -> Iterator[_Form]:
    for unit, many in _EPOCHS.items():
        # From September 2001 on, so that no year, no count and no other unit looks like it.
        low, high = 1_000_000_000 * many, 4_200_000_000 * many
        number = "TRY_CAST({} AS DOUBLE)"
        sane = f"CASE WHEN {number} >= {low} AND {number} < {high} THEN {number} END"
        sql = f"CAST(make_timestamp(CAST({sane} / {many} * 1000000 AS BIGINT)) AS DATE)"
        yield _Form(f"{unit} since 1970", sql)


def _within(found: str) -> str:
    return f"CASE WHEN {found} >= {_FIRST} AND {found} < {_LAST} THEN {found} END"
