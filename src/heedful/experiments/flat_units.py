"""The units of a table that is analysed without a project: variants, labels, days, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import prod
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import one_of
from heedful.engines.duckdb import literal
from heedful.experiments.flat_error import FlatError
from heedful.experiments.flat_labels import Labels

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.engines.duckdb import DuckDB
    from heedful.experiments.flat_question import FlatQuestion

UNITS = "flat_units"
MOST_VARIANTS = 20
MOST_SEGMENTS = 100
MOST_STRATA = 1000
MOST_DAYS = 1000
MOST_SUMS = 20_000_000
"""Sums by stratum and day that are held at once: 160 MB."""


@dataclass(frozen=True, slots=True)
class Units:
    """A row a unit, as a view: `variant`, `stratum`, `day` and `segment_0` ... as whole numbers.

    `y0` ... hold amounts, `x0` ... the rows they come from (where units have several), `z0` ...
    covariates.

    Attributes:
        view: Its name.
        variants: Names of the variants, in the order of their numbers.
        control: The control.
        counts: Units by variant.
        labels: Values of each segment and stratum, in the order of their numbers.
        strata: How many strata there are.
        days: Days on which units entered, in order; empty where nobody asked.
        clustered: Whether some units have several rows.
        crossovers: Units that got several variants, and are left out.
        notes: What a reader should know.
    """

    view: str
    variants: Sequence[str]
    control: str
    counts: Sequence[int]
    labels: Mapping[str, Sequence[str | None]]
    strata: int
    days: Sequence[date]
    clustered: bool
    crossovers: int
    notes: Sequence[str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Variants, strata, days."""
        return len(self.variants), self.strata, max(len(self.days), 1)


def units(engine: DuckDB, rows: str, question: FlatQuestion, folder: Path) -> Units:
    """Make the view of units.

    Args:
        engine: Has the rows.
        rows: Their view, as `flat_rows.typed` makes it.
        question: What is asked.
        folder: For files of our own.

    Raises:
        FlatError: There are not two variants, or too many of something.
    """
    return _Counting(engine, rows, question, folder).units()


class _Counting:
    """Finds out what the columns hold, and numbers it."""

    def __init__(self, engine: DuckDB, rows: str, question: FlatQuestion, folder: Path) -> None:
        self.engine = engine
        self.rows = rows
        self.question = question
        self.folder = folder
        self.notes: list[str] = []
        self.clustered = False
        self.crossovers = 0

    def units(self) -> Units:
        question = self.question
        variants = self._variants()
        names = [name for name in variants.names if name is not None]
        control = _control(names, question)
        _weighted(names, question)
        labels = {
            column: self._labels(f"d{i}", column) for i, column in enumerate(question.dimensions)
        }
        strata = prod(len(labels[column].names) for column in question.strata)
        days = [] if question.day is None else self._days()
        self._bounded(len(names), strata, len(days))
        rows = self._numbered(variants, labels, days)
        counts = variants.by_number()
        if question.unit is not None:
            rows = self._by_unit(rows)
            counts = self._counted(rows, len(names))
        self._view(rows, {column: len(one.names) for column, one in labels.items()})
        return Units(
            view=UNITS,
            variants=names,
            control=control,
            counts=counts,
            labels={column: one.names for column, one in labels.items()},
            strata=strata,
            days=days,
            clustered=self.clustered,
            crossovers=self.crossovers,
            notes=self.notes,
        )

    def _variants(self) -> Labels:
        found = Labels.of(self._values("variant", 2 * MOST_VARIANTS), nameless=False)
        if found.left_out:
            self.notes.append(f"{found.left_out:,} rows name no variant and are left out.")
        column = self.question.variant
        if len(found.names) < 2:
            only = f'only "{found.names[0]}"' if found.names else "nothing"
            raise FlatError(f"{column} holds {only}", "at least two variants are needed")
        if len(found.names) > MOST_VARIANTS:
            raise FlatError(
                f"{column} holds {self._distinct('variant'):,} different values, such as "
                f'"{found.names[0]}"',
                f"at most {MOST_VARIANTS} variants; is it another column that names them?",
            )
        return found

    def _labels(self, name: str, column: str) -> Labels:
        found = Labels.of(self._values(name, 2 * MOST_SEGMENTS), nameless=True)
        if len(found.names) > MOST_SEGMENTS:
            raise FlatError(
                f"{column} holds {self._distinct(name):,} different values",
                f"at most {MOST_SEGMENTS}; group them beforehand",
            )
        return found

    def _days(self) -> list[date]:
        found = self._values("day", MOST_DAYS + 1)
        known = sorted(value for value in found if value is not None)
        column = self.question.day
        if len(known) > MOST_DAYS:
            raise FlatError(
                f"{column} holds {self._distinct('day'):,} different days",
                f"at most {MOST_DAYS:,}; is it the day on which units entered the experiment?",
            )
        undated = found.get(None)
        if known and undated:
            self.notes.append(f"{undated:,} rows have no {column}; they count from the first day.")
        if not known:
            self.notes.append(f"{column} holds no date; there are no results day by day.")
        return known

    def _values(self, name: str, most: int) -> dict[Any, int]:
        """What a column holds, and how often; of too many values the most frequent."""
        found = self.engine.query(
            f"SELECT {name} AS value, COUNT(*) AS n FROM {self.rows} "
            f"GROUP BY {name} ORDER BY n DESC, value LIMIT {most + 1}"
        ).to_pylist()
        return {row["value"]: row["n"] for row in found}

    def _distinct(self, name: str) -> int:
        sql = f"SELECT COUNT(DISTINCT {name}) AS n FROM {self.rows}"
        return int(self.engine.query(sql).to_pylist()[0]["n"])

    def _bounded(self, variants: int, strata: int, days: int) -> None:
        if strata > MOST_STRATA:
            raise FlatError(
                f"{' and '.join(self.question.strata)} make {strata:,} strata",
                f"at most {MOST_STRATA:,}; name fewer columns, or group their values beforehand",
                usage=True,
            )
        variables = 2 + len(self.question.covariates)
        sums = variants * strata * max(days, 1) * variables**2 * len(self.question.outcomes)
        if sums > MOST_SUMS:
            raise FlatError(
                f"{variants} variants, {strata:,} strata and {days:,} days are too many together",
                "leave out --date, or some of --stratum, --covariate or --metric",
                usage=True,
            )

    def _numbered(
        self, variants: Labels, labels: Mapping[str, Labels], days: Sequence[date]
    ) -> str:
        """Rows with numbers in place of labels and days; those without a variant are left out."""
        question = self.question
        items = [f"{variants.sql('variant')} AS variant"]
        items += [f"{one.sql(f'd{i}')} AS d{i}" for i, one in enumerate(labels.values())]
        items += [f"{_nth(days)} AS day"]
        items += ["unit"] if question.unit is not None else []
        items += [f"y{i}" for i in range(len(question.outcomes))]
        items += [f"z{i}" for i in range(len(question.covariates))]
        sql = f"SELECT {', '.join(items)} FROM {self.rows}"
        if variants.left_out:
            sql = f"SELECT * FROM ({sql}) AS r WHERE variant IS NOT NULL"
        self.engine.view("flat_numbered", sql)
        return "flat_numbered"

    def _by_unit(self, rows: str) -> str:
        """Rows as units: as they are where each has a row, else summed by unit."""
        found = self.engine.query(
            f"SELECT COUNT(*) - COUNT(unit) AS nameless, COUNT(unit) AS n FROM {rows}"
        ).to_pylist()[0]
        if not found["n"]:
            raise FlatError(f"{self.question.unit} names no unit", "is --unit another column?")
        if found["nameless"]:
            self.notes.append(f"{found['nameless']:,} rows name no unit and are left out.")
            self.engine.view("flat_named", f"SELECT * FROM {rows} WHERE unit IS NOT NULL")
            rows = "flat_named"
        again = self.engine.query(
            f"SELECT COUNT(*) AS n FROM (SELECT 1 FROM {rows} GROUP BY hash(unit) "
            "HAVING COUNT(*) > 1) AS several"
        ).to_pylist()[0]["n"]
        return self._summed(rows) if again else rows

    def _summed(self, rows: str) -> str:
        """Rows summed by unit; units of several variants are left out and counted."""
        question = self.question
        items = ["MIN(variant) AS variant", "MIN(variant) <> MAX(variant) AS crossed"]
        for i in range(len(question.outcomes)):
            items += [f"SUM(y{i}) AS y{i}", f"CAST(COUNT(y{i}) AS DOUBLE) AS x{i}"]
        items += [f"AVG(z{i}) AS z{i}" for i in range(len(question.covariates))]
        for i in range(len(question.dimensions)):
            items += [f"MIN(d{i}) AS d{i}", f"MIN(d{i}) <> MAX(d{i}) AS e{i}"]
        path = literal(str(self.folder / "units.parquet"))
        self.engine.run(
            f"COPY (SELECT COUNT(*) AS rows, MIN(day) AS day, {', '.join(items)} FROM {rows} "
            f"GROUP BY unit) TO {path} (FORMAT parquet)"
        )
        summed = f"read_parquet({path})"
        told = [f"COUNT(*) FILTER (e{i}) AS e{i}" for i in range(len(question.dimensions))]
        found = self.engine.query(
            "SELECT COUNT(*) FILTER (crossed) AS crossed, COUNT(*) FILTER (NOT crossed) AS single, "
            f"{', '.join(['COUNT(*) FILTER (NOT crossed AND rows > 1) AS again', *told])} "
            f"FROM {summed}"
        ).to_pylist()[0]
        self.crossovers = int(found["crossed"])
        self.clustered = bool(found["again"])
        self._tell(found)
        self.engine.view("flat_single", f"SELECT * FROM {summed} WHERE NOT crossed")
        return "flat_single"

    def _tell(self, found: Mapping[str, int]) -> None:
        question = self.question
        if not found["single"]:
            raise FlatError(
                f"every {question.unit} got more than one {question.variant}",
                "a unit must have one variant; is --unit another column?",
            )
        if self.crossovers:
            self.notes.append(
                f"{self.crossovers:,} units got more than one variant and are left out."
            )
        if found["again"]:
            self.notes.append(
                f"{found['again']:,} units have several rows: values are per row, and intervals "
                "take the rows of a unit together."
            )
        for i, column in enumerate(question.dimensions):
            if found[f"e{i}"]:
                self.notes.append(
                    f"{found[f'e{i}']:,} units have several values of {column}; the first by name "
                    "counts."
                )

    def _counted(self, rows: str, variants: int) -> list[int]:
        found = self.engine.query(
            f"SELECT variant, COUNT(*) AS n FROM {rows} GROUP BY variant"
        ).to_pylist()
        counts = {row["variant"]: row["n"] for row in found}
        return [counts.get(place, 0) for place in range(variants)]

    def _view(self, rows: str, sizes: Mapping[str, int]) -> None:
        """Name the columns as sums want them."""
        question = self.question
        stratum = "0"
        items = ["variant", "day"]
        for i, (column, size) in enumerate(sizes.items()):
            items.append(f"d{i} AS segment_{i}")
            if column in question.strata:
                stratum = f"({stratum}) * {size} + d{i}"
        items.append(f"{stratum} AS stratum")
        for i in range(len(question.outcomes)):
            items += [f"y{i}", *([f"x{i}"] if self.clustered else [])]
        items += [f"z{i}" for i in range(len(question.covariates))]
        self.engine.view(UNITS, f"SELECT {', '.join(items)} FROM {rows}")


def _control(names: Sequence[str], question: FlatQuestion) -> str:
    given = question.control
    if given is None:
        named = [name for name in names if name.lower() == "control"]
        return named[0] if named else names[0]
    if given not in names:
        raise FlatError(f'control "{given}" is no variant', one_of(names, given), usage=True)
    return given


def _weighted(names: Sequence[str], question: FlatQuestion) -> None:
    for given in question.weights:
        if given not in names:
            raise FlatError(f'weights: "{given}" is no variant', one_of(names, given), usage=True)
    lacking = [name for name in names if name not in question.weights]
    if question.weights and lacking:
        raise FlatError(
            f'weights: "{lacking[0]}" has none', "give every variant a weight, or none", usage=True
        )


def _nth(days: Sequence[date]) -> str:
    """SQL of the place of a day; the first where it is not known."""
    if not days:
        return "0"
    span = (days[-1] - days[0]).days + 1
    since = f"DATE_DIFF('day', DATE '{days[0]}', day)"
    if span == len(days):
        return f"COALESCE({since}, 0)"
    listed = ", ".join(str((one - days[0]).days) for one in days)
    return f"COALESCE(LIST_POSITION([{listed}], {since}) - 1, 0)"
