"""The rows of a table that is analysed without a project: typed, and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.definitions.source import ReadOptions
from heedful.engines.duckdb import literal
from heedful.experiments.flat_days import day
from heedful.experiments.flat_error import FlatError
from heedful.experiments.flat_source import SHOWN, VIEW

if TYPE_CHECKING:
    from heedful.engines.duckdb import DuckDB
    from heedful.experiments.flat_question import FlatQuestion
    from heedful.experiments.flat_source import Source

ROWS = "flat_rows"
MISSING = ("", "NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "None", "<NA>", "?")
"""What stands for a number, a day or a unit that is not known."""
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
NUMBERS = (*WHOLE, *(f"U{kind}" for kind in WHOLE), "FLOAT", "DOUBLE", "BOOLEAN")
FLOATING = ("FLOAT", "DOUBLE")
TEXT = "VARCHAR"
YES, NO = ("true", "t", "yes", "y"), ("false", "f", "no", "n")
BLANKS = "' \t\r\n\u00a0'"
_ALLOWED = "allowed: numbers with a decimal point, or true and false"
_AS_GIVEN = ReadOptions()


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as a view with columns of our own.

    It has `variant`, `unit` (where asked for), `y0` and so on for metrics and guardrails, `z0` and
    so on for covariates (finite numbers), `d0` and so on for segments and strata, `day` (a date,
    where asked for). Variants, segments and strata are text as it was given: `flat_labels.Labels`.

    Attributes:
        view: Its name.
        whole: Metrics and guardrails of a type that holds whole numbers only.
    """

    view: str
    whole: frozenset[str]


def typed(engine: DuckDB, given: Source, question: FlatQuestion, *, finite: bool = False) -> Rows:
    """Make the rows of a table readable.

    Args:
        engine: Makes them a view.
        given: The table.
        question: What is asked.
        finite: Look for numbers that are NaN, which means missing, or infinite. That takes a
            pass over all of them; that there are some shows in their sums.

    Raises:
        FlatError: A column holds something else than it should.
    """
    reading = _Reading(engine, given, question)
    reading.view(finite=finite)
    kinds = {column: reading.kinds[column] for column in question.outcomes}
    whole = {n for n, kind in kinds.items() if kind in NUMBERS and kind not in FLOATING}
    return Rows(ROWS, frozenset(whole))


class _Reading:
    """Types the columns of one table."""

    def __init__(self, engine: DuckDB, given: Source, question: FlatQuestion) -> None:
        self.engine = engine
        self.given = given
        self.question = question
        self.kinds = given.view(engine, question.columns)
        self.place = {column: f"c{i}" for i, column in enumerate(question.columns)}
        self.numbers = {
            **{f"y{i}": column for i, column in enumerate(question.outcomes)},
            **{f"z{i}": column for i, column in enumerate(question.covariates)},
        }

    def view(self, *, finite: bool) -> None:
        """Make the view."""
        items = {"variant": self._label(self.question.variant)}
        if self.question.unit is not None:
            items["unit"] = self._cleaned(self.question.unit)
        items |= {name: self._number(column) for name, column in self.numbers.items()}
        for i, column in enumerate(self.question.dimensions):
            items[f"d{i}"] = self._label(column)
        if self.question.day is not None:
            column = self.question.day
            value = self._cleaned(column)
            items["day"] = day(self.engine, VIEW, value, self._kind(column), column)
        self._name(items)
        if finite and self._finite():
            for name, column in self.numbers.items():
                if self._kind(column) in FLOATING:
                    items[name] = f"CASE WHEN isfinite({items[name]}) THEN {items[name]} END"
            self._name(items)

    def _name(self, items: Mapping[str, str]) -> None:
        textual = {n: column for n, column in self.numbers.items() if self._kind(column) == TEXT}
        listed = ", ".join(f"{sql} AS {name}" for name, sql in items.items())
        if not textual:
            self.engine.view(ROWS, f"SELECT {listed} FROM {VIEW}")
            return
        # Text is read once rather than in every query.
        quick = [
            f"TRY_CAST({self._text(column)} AS DOUBLE) AS n_{n}" for n, column in textual.items()
        ]
        given = [f"{self._text(column)} AS g_{n}, n_{n}" for n, column in textual.items()]
        odd = [
            f"CASE WHEN {n} IS NULL AND g_{n} IS NOT NULL THEN {_cleaned(f'g_{n}')} IS NOT NULL "
            f"ELSE FALSE END AS o_{n}, "
            f"CASE WHEN n_{n} IS NULL AND {n} IS NOT NULL THEN {_word(f'g_{n}')} "
            f"ELSE FALSE END AS w_{n}"
            for n in textual
        ]
        path = literal(str(self.given.folder / "typed.parquet"))
        self.engine.run(
            f"COPY (SELECT {', '.join([*items, *odd])} FROM (SELECT {listed}, {', '.join(given)} "
            f"FROM (SELECT *, {', '.join(quick)} FROM {VIEW}) AS q) AS r) "
            f"TO {path} (FORMAT parquet)"
        )
        self.engine.view(ROWS, f"SELECT * FROM read_parquet({path})")
        self._refuse(textual)

    def _kind(self, column: str) -> str:
        kind = self.kinds[column]
        return TEXT if kind.startswith("ENUM") else kind

    def _text(self, column: str) -> str:
        place = self.place[column]
        return f"CAST({place} AS VARCHAR)" if self.kinds[column].startswith("ENUM") else place

    def _cleaned(self, column: str) -> str:
        """A value without blanks around it; null where it is missing."""
        return _cleaned(self._text(column)) if self._kind(column) == TEXT else self.place[column]

    def _label(self, column: str) -> str:
        from heedful.store.casting import cast

        if self._kind(column) == TEXT:
            return self._text(column)
        return cast(self.place[column], self.kinds[column], "string", _AS_GIVEN, "UTC")

    def _number(self, column: str) -> str:
        kind = self._kind(column)
        if kind in NUMBERS or kind.startswith("DECIMAL"):
            return f"CAST({self.place[column]} AS DOUBLE)"
        if kind != TEXT:
            raise FlatError(f"{column} holds {kind.lower()}", _ALLOWED)
        # What SQL reads as a number is one, but for infinity and 1_000; the rest is looked at
        # closely, which takes 20 times as long.
        name = next(n for n, its in self.numbers.items() if its == column)
        text = self._text(column)
        sure = f"isfinite(n_{name}) AND NOT contains({text}, '_')"
        return (
            f"CASE WHEN {sure} THEN n_{name} "
            f"WHEN {text} IS NOT NULL THEN {self._closely(column)} END"
        )

    def _closely(self, column: str) -> str:
        from heedful.store.casting import cast

        value = self._cleaned(column)
        number = cast(value, TEXT, "number", _AS_GIVEN, "UTC")
        yes, no = (_among(f"lower({value})", words) for words in (YES, NO))
        return f"COALESCE({number}, CASE WHEN {yes} THEN 1 WHEN {no} THEN 0 END)"

    def _refuse(self, textual: Mapping[str, str]) -> None:
        """Say which values cannot be read: left out silently, they would bend the result."""
        items = [
            f"COUNT({n}) AS {n}, COUNT(*) FILTER (o_{n}) AS o_{n}, "
            f"COUNT(*) FILTER (w_{n}) AS w_{n}, COUNT(*) FILTER ({n} <> 0 AND {n} <> 1) AS m_{n}"
            for n in textual
        ]
        found = self.engine.query(f"SELECT {', '.join(items)} FROM {ROWS}").to_pylist()[0]
        for name, column in textual.items():
            odd, words = found[f"o_{name}"], found[f"w_{name}"]
            if odd:
                raise FlatError(
                    f"{column}: {odd:,} of {found[name] + odd:,} values are no numbers: "
                    f"{self._examples(column, f'{self._closely(column)} IS NULL')}",
                    f"{_ALLOWED}; missing may be empty or NA",
                )
            if words and found[f"m_{name}"]:
                raise FlatError(
                    f"{column}: {words:,} of {found[name]:,} values are words among numbers: "
                    f"{self._examples(column, _word(self._text(column)))}",
                    "allowed: either numbers, or true and false",
                )

    def _examples(self, column: str, odd: str) -> str:
        numbered = self.given.lines is not None
        given = self._cleaned(column)
        some = self.engine.query(
            f"SELECT {given} AS given, {'line' if numbered else '0 AS line'} FROM {VIEW} "
            f"WHERE {given} IS NOT NULL AND {odd} LIMIT {SHOWN}"
        ).to_pylist()
        return ", ".join(
            f'line {row["line"]} "{_short(row["given"])}"' if numbered else f'"{row["given"]}"'
            for row in some
        )

    def _finite(self) -> bool:
        """Whether some numbers are NaN, which means missing.

        Raises:
            FlatError: Some are infinite.
        """
        floating = [n for n, column in self.numbers.items() if self._kind(column) in FLOATING]
        if not floating:
            return False
        items = ", ".join(f"SUM({name}) - SUM({name}) AS {name}" for name in floating)
        found = self.engine.query(f"SELECT {items} FROM {ROWS}").to_pylist()[0]
        odd = [name for name in floating if found[name] is not None and found[name] != 0]
        for name in odd:
            # Statistics of Parquet files know nothing of NaN: only text is sure to tell.
            word = f"CAST({name} AS VARCHAR)"
            many = self.engine.query(
                f"SELECT COUNT(*) FILTER ({word} IN ('inf', '-inf')) AS n FROM {ROWS}"
            ).to_pylist()[0]["n"]
            if many:
                raise FlatError(
                    f"{self.numbers[name]}: {many:,} values are infinite",
                    "allowed: finite numbers; leave the rows out or make them empty",
                )
        return bool(odd)


def _cleaned(text: str) -> str:
    """Text without blanks around it; null where it stands for what is not known."""
    trimmed = f"trim({text}, {BLANKS})"
    return f"CASE WHEN NOT {_among(trimmed, MISSING)} THEN {trimmed} END"


def _among(text: str, words: Sequence[str]) -> str:
    # Of IN with many words the engine makes a join of all rows, even where no row needs it.
    listed = "|".join(map(re.escape, words))
    return f"regexp_matches({text}, {literal(f'^({listed})$')})"


def _word(text: str) -> str:
    return f"regexp_matches({text}, '[a-zA-Z]{{1,5}}\\s*$')"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
