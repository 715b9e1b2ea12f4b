"""Analyses a table with a row a unit, or several: no project needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import one_of
from heedful.engines.duckdb import DuckDB, literal, quoted
from heedful.experiments.concluding import conclude
from heedful.experiments.flat_rows import FlatError, rows_of
from heedful.experiments.measured import Asked, Measured, Summed
from heedful.experiments.protocol import Protocol
from heedful.experiments.readout import Readout, VariantCount
from heedful.experiments.summing import Vector, moments

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.definitions.experiment import Sequential
    from heedful.experiments.flat_rows import Rows

TABLE = "flat_units"
MOST_VARIANTS = 20
MOST_SEGMENTS = 100


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse a guardrail may get: a share of the control, or in its own unit."""

    amount: float
    relative: bool = True


@dataclass(frozen=True, slots=True)
class FlatQuestion:
    """What is asked of a table.

    Attributes:
        variant: Column that says which variant a row got.
        metrics: Columns that are compared; the first is primary, the others secondary.
        unit: Column that says which unit a row belongs to; None: each row is a unit.
        covariates: Numeric columns from before.
        control: The control; None: one named control, else the first by name.
        guardrails: Columns that may not get worse, and by how much.
        weights: Planned share by variant, in any scale; empty: equal.
        segments: Columns within which effects are examined.
        strata: Columns by which estimates are post-stratified.
        day: Column with the day of entry, for results day by day.
        lower: Columns of which lower is better.
        alpha: Two-sided probability of a false alarm.
        power: Planned power, for what could have been seen.
        smallest: Smallest relative effect on the first metric that matters.
        capping: Amounts above this quantile of all units count as the quantile.
        sequential: none or confidence_sequence.
        planned: Units planned in all variants together.
    """

    variant: str
    metrics: Sequence[str]
    unit: str | None = None
    covariates: Sequence[str] = ()
    control: str | None = None
    guardrails: Mapping[str, Margin] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    segments: Sequence[str] = ()
    strata: Sequence[str] = ()
    day: str | None = None
    lower: Sequence[str] = ()
    alpha: float = 0.05
    power: float = 0.8
    smallest: float | None = None
    capping: float | None = None
    sequential: Sequential = "none"
    planned: int | None = None

    @property
    def outcomes(self) -> list[str]:
        """All columns that are compared, each once."""
        return list(dict.fromkeys((*self.metrics, *self.guardrails)))


def analyse(data: Path | Any, question: FlatQuestion, *, name: str = "data") -> Readout:
    """Analyse a table.

    Args:
        data: A file (CSV, Parquet, Excel, JSON lines), an Arrow table or a data frame.
        question: What is asked.
        name: What the readout calls it.

    Returns:
        The readout; outcomes are means (of 0/1 columns: shares) a row, clustered by unit.

    Raises:
        FlatError: A column does not exist or holds something else; or there are not two variants.

    >>> import pyarrow as pa
    >>> table = pa.table({"arm": ["a", "b"] * 500, "bought": [0, 0, 0, 1] * 250})
    >>> readout = analyse(table, FlatQuestion("arm", ["bought"], control="a"))
    >>> readout.decision, readout.rule
    ('needs_review', 'no_guardrails')
    >>> found = readout.outcomes[0]
    >>> found.value, found.control_value, found.verdict
    (0.5, 0.0, 'better')
    """
    _sane(question)
    with _engine() as engine, rows_of(engine, data, question) as rows:
        return _Flat(engine, question, rows).readout(name)


def _sane(question: FlatQuestion) -> None:
    if not question.metrics:
        raise FlatError("no metric is named", "name one: --metric COL", usage=True)
    if question.capping is not None and not 0.5 < question.capping < 1:
        raise FlatError(
            f"capping {question.capping:g} is no quantile", "allowed: such as 0.999", usage=True
        )
    for column, margin in question.guardrails.items():
        if margin.amount <= 0 or (margin.relative and margin.amount >= 1):
            raise FlatError(
                f"guardrail {column}: margin {margin.amount:g}",
                "allowed: how much worse is tolerated, such as 2% or 0.02",
                usage=True,
            )


@contextmanager
def _engine() -> Iterator[DuckDB]:
    engine = DuckDB()
    try:
        yield engine
    finally:
        engine.close()


class _Flat:
    """One analysis of one table.

    Args:
        engine: Has the rows as a view.
        question: What is asked.
        rows: The rows, typed.
    """

    def __init__(self, engine: DuckDB, question: FlatQuestion, rows: Rows) -> None:
        self.engine = engine
        self.question = question
        self.rows = rows
        self.notes = list(rows.notes)
        self.names = self._variants()
        self.control = self._control()
        self.crossovers = 0
        self.clustered = False

    def readout(self, name: str) -> Readout:
        """Sum, compare, decide."""
        question = self.question
        labels = {column: self._labels(column) for column in self._dimensions()}
        strata, first, days = self._tabled(labels)
        vectors = [self._vector(i) for i in range(len(question.outcomes))]
        shape = (len(self.names), strata, days)
        sets: dict[tuple[str, ...], tuple[int, ...]] = {("variant", "stratum", "day"): shape}
        place = {column: f"segment_{i}" for i, column in enumerate(labels)}
        for column in question.segments:
            sets[("variant", place[column])] = (len(self.names), len(labels[column]))
        found = moments(self.engine, TABLE, vectors, sets)
        facts = self._facts()
        measured = [
            self._measured(i, asked, vectors, found, facts, labels, first, days)
            for i, asked in self._asked(facts)
        ]
        protocol = self._protocol(name)
        readout = conclude(protocol, measured)
        return replace(readout, notes=tuple(self.notes), title=name)

    # --- the table of units ---

    def _variants(self) -> list[str]:
        found = self.engine.query(
            f"SELECT variant, COUNT(*) AS n FROM {self.rows.view} GROUP BY variant ORDER BY variant"
        ).to_pylist()
        nameless = sum(row["n"] for row in found if row["variant"] is None)
        if nameless:
            self.notes.append(f"{nameless:,} rows name no variant and are left out")
        names = [row["variant"] for row in found if row["variant"] is not None]
        column = self.question.variant
        if len(names) < 2:
            only = f"only {names[0]!r}" if names else "nothing"
            raise FlatError(f"{column} holds {only}", "at least two variants are needed")
        if len(names) > MOST_VARIANTS:
            raise FlatError(
                f"{column} holds {len(names):,} different values, such as {names[0]!r}",
                f"at most {MOST_VARIANTS} variants; is it another column that names them?",
            )
        for given in self.question.weights:
            if given not in names:
                raise FlatError(
                    f'weights: "{given}" is no variant', one_of(names, given), usage=True
                )
        return names

    def _control(self) -> str:
        given = self.question.control
        if given is None:
            named = [name for name in self.names if name.strip().lower() == "control"]
            return named[0] if named else self.names[0]
        if given not in self.names:
            raise FlatError(
                f'control "{given}" is no variant', one_of(self.names, given), usage=True
            )
        return given

    def _dimensions(self) -> list[str]:
        return list(dict.fromkeys((*self.question.segments, *self.question.strata)))

    def _labels(self, column: str) -> list[str | None]:
        sql = (
            f"SELECT DISTINCT {self.rows.labels[column]} AS label FROM {self.rows.view} ORDER BY 1"
        )
        found: list[str | None] = self.engine.query(sql)["label"].to_pylist()
        if len(found) > MOST_SEGMENTS:
            raise FlatError(
                f"{column} holds {len(found):,} different values",
                f"at most {MOST_SEGMENTS} segments; group them beforehand",
            )
        return found

    def _tabled(self, labels: Mapping[str, Sequence[str | None]]) -> tuple[int, date | None, int]:
        """Make the view of units; how many strata, the first day, and how many days."""
        question, engine = self.question, self.engine
        source = self._units() if question.unit is not None else self.rows.view
        names = ", ".join(literal(name) for name in self.names)
        items = [f"LIST_POSITION([{names}], variant) - 1 AS variant"]
        strata = 1
        stratum = "0"
        for i, (column, known) in enumerate(labels.items()):
            place = _place(self.rows.labels[column] if question.unit is None else f"l{i}", known)
            items.append(f"{place} AS segment_{i}")
            if column in question.strata:
                stratum = f"({stratum}) * {len(known)} + {place}"
                strata *= len(known)
        first, days, day = None, 1, "0"
        if question.day is not None:
            span = engine.query(
                f"SELECT MIN(day) AS first, MAX(day) AS last FROM {source}"
            ).to_pylist()[0]
            if span["first"] is not None:
                first = span["first"]
                days = (span["last"] - first).days + 1
                day = f"COALESCE(DATE_DIFF('day', DATE '{first}', day), 0)"
        items += [f"{stratum} AS stratum", f"{day} AS day"]
        for i in range(len(question.outcomes)):
            items.append(f"y{i}")
            if question.unit is not None:
                items.append(f"x{i}")
        items += [f"z{i}" for i in range(len(question.covariates))]
        engine.view(
            TABLE, f"SELECT {', '.join(items)} FROM {source} AS s WHERE variant IS NOT NULL"
        )
        return strata, first, days

    def _units(self) -> str:
        """Rows summed by unit; units of several variants are left out and counted."""
        question, engine = self.question, self.engine
        items = ["MIN(variant) AS variant", "COUNT(DISTINCT variant) AS met"]
        for i in range(len(question.outcomes)):
            items += [f"SUM(y{i}) AS y{i}", f"CAST(COUNT(y{i}) AS DOUBLE) AS x{i}"]
        items += [f"AVG(z{i}) AS z{i}" for i in range(len(question.covariates))]
        items += [
            f"MIN({self.rows.labels[column]}) AS l{i}"
            for i, column in enumerate(self._dimensions())
        ]
        items += ["MIN(day) AS day"] if question.day is not None else []
        engine.run(
            f"CREATE OR REPLACE TABLE flat_summed AS SELECT unit, COUNT(*) AS rows, "
            f"{', '.join(items)} FROM {self.rows.view} "
            "WHERE unit IS NOT NULL AND variant IS NOT NULL GROUP BY unit"
        )
        found = engine.query(
            "SELECT COUNT(*) FILTER (WHERE met > 1) AS crossed, MAX(rows) AS most, "
            f"(SELECT COUNT(*) FROM {self.rows.view} WHERE unit IS NULL) AS nameless "
            "FROM flat_summed"
        ).to_pylist()[0]
        self.crossovers = int(found["crossed"] or 0)
        if self.crossovers:
            self.notes.append(
                f"{self.crossovers:,} units got more than one variant and are left out"
            )
        if found["nameless"]:
            self.notes.append(f"{found['nameless']:,} rows name no unit and are left out")
        again = engine.query(
            "SELECT COUNT(*) AS n FROM flat_summed WHERE met = 1 AND rows > 1"
        ).to_pylist()[0]["n"]
        self.clustered = bool(again)
        if again:
            self.notes.append(
                f"{again:,} units have several rows; values are per row, and intervals take rows "
                "of one unit together"
            )
        engine.view("flat_single", "SELECT * FROM flat_summed WHERE met = 1")
        return "flat_single"

    # --- outcomes ---

    def _vector(self, i: int) -> Vector:
        y = f"y{i}"
        if self.question.capping is not None:
            cap = self.engine.query(
                f"SELECT QUANTILE_CONT(y{i}, {self.question.capping!r}) AS cap FROM {TABLE}"
            ).to_pylist()[0]["cap"]
            if cap is not None:
                y = f"LEAST(y{i}, {float(cap)!r})"
        covariates = tuple(f"z{j}" for j in range(len(self.question.covariates)))
        if not self.clustered:
            return Vector(y, None, covariates)
        # A unit without any answer is a unit all the same; it adds nothing to either sum.
        return Vector(f"COALESCE({y}, 0)", f"x{i}", covariates)

    def _facts(self) -> Mapping[str, Any]:
        """Smallest and largest values, units by variant, and how many of them have a value."""
        items = []
        for i in range(len(self.question.outcomes)):
            items += [f"COUNT(y{i}) AS n{i}"]
        found = self.engine.query(
            f"SELECT variant, COUNT(*) AS n, {', '.join(items)} FROM {TABLE} GROUP BY variant"
        ).to_pylist()
        self.units = [0] * len(self.names)
        held = [[0] * len(self.names) for _ in self.question.outcomes]
        for row in found:
            self.units[row["variant"]] = row["n"]
            for i in range(len(self.question.outcomes)):
                held[i][row["variant"]] = row[f"n{i}"]
        binary = self.engine.query(
            "SELECT "
            + ", ".join(
                f"COALESCE(BOOL_AND(y{i} IN (0, 1)), FALSE) AS b{i}"
                for i in range(len(self.question.outcomes))
            )
            + f" FROM {self.rows.view}"
        ).to_pylist()[0]
        return {"held": held, "binary": binary}

    def _asked(self, facts: Mapping[str, Any]) -> list[tuple[int, Asked]]:
        question = self.question
        place = {column: i for i, column in enumerate(question.outcomes)}
        found = []

        def asked(column: str, role: Any, margin: Margin | None = None) -> None:
            i = place[column]
            missing = sum(self.units) - sum(facts["held"][i])
            found.append(
                (
                    i,
                    Asked(
                        kpi=column,
                        role=role,
                        unit="share" if facts["binary"][f"b{i}"] else None,
                        better="lower" if column in question.lower else "higher",
                        margin=margin.amount if margin else None,
                        relative=margin.relative if margin else True,
                        per_unit=not self.clustered,
                        survey=missing > 0,
                    ),
                )
            )
            if missing and role != "guardrail":
                self.notes.append(
                    f"{column}: {missing:,} units have no value and do not count for it"
                )

        for nth, column in enumerate(question.metrics):
            asked(column, "secondary" if nth else "primary")
        for column, margin in question.guardrails.items():
            asked(column, "guardrail", margin)
        order = {"primary": 0, "guardrail": 1, "secondary": 2}
        return sorted(found, key=lambda each: order[each[1].role])

    def _measured(
        self,
        i: int,
        asked: Asked,
        vectors: Sequence[Vector],
        found: Mapping[tuple[str, ...], Sequence[Any]],
        facts: Mapping[str, Any],
        labels: Mapping[str, Sequence[str | None]],
        first: date | None,
        days: int,
    ) -> Measured:
        from datetime import timedelta

        place = {column: f"segment_{j}" for j, column in enumerate(labels)}
        ready = Summed(
            ratio=vectors[i].x is not None,
            scale=1.0,
            days=found["variant", "stratum", "day"][i],
            dates=[first + timedelta(days=d) for d in range(days)] if first else [date.min],
            segments={
                column: (labels[column], found["variant", place[column]][i])
                for column in self.question.segments
            },
        )
        answered = None
        if asked.survey:
            held = facts["held"][i]
            answered = [(held[v], self.units[v] - held[v]) for v in range(len(self.names))]
        return ready.measured(
            asked,
            self._method(asked),
            self.names.index(self.control),
            answered=answered,
            by_day=first is not None,
        )

    def _method(self, asked: Asked) -> str:
        words = "difference of shares" if asked.unit == "share" else "difference of means"
        if self.clustered:
            words += ", delta method over units"
        if self.question.covariates:
            words += f", adjusted for {', '.join(self.question.covariates)}"
        if self.question.strata:
            words += f", post-stratified by {', '.join(self.question.strata)}"
        if self.question.capping is not None:
            words += f", capped at the {100 * self.question.capping:g}% quantile of all units"
        return words

    def _protocol(self, name: str) -> Protocol:
        question = self.question
        given = {each: question.weights.get(each, 0.0) for each in self.names}
        if not question.weights:
            given = dict.fromkeys(self.names, 1.0)
        total = sum(given.values())
        if min(given.values()) <= 0:
            lacking = next(each for each, weight in given.items() if weight <= 0)
            raise FlatError(
                f'weights: "{lacking}" has none above 0', "give every variant a weight", usage=True
            )
        return Protocol(
            name=name,
            design="ab",
            variants=[
                VariantCount(each, given[each] / total, units)
                for each, units in zip(self.names, self.units, strict=True)
            ],
            control=self.control,
            alpha=question.alpha,
            power=question.power,
            smallest=question.smallest,
            sequential=question.sequential,
            planned=question.planned,
            crossovers=self.crossovers,
        )


def _place(label: str, known: Sequence[str | None]) -> str:
    """SQL of the place of a label among those known."""
    listed = ", ".join("NULL" if one is None else literal(one) for one in known)
    if None in known:
        return f"COALESCE(LIST_POSITION([{listed}], {label}) - 1, {list(known).index(None)})"
    return f"LIST_POSITION([{listed}], {label}) - 1"


__all__ = ["FlatError", "FlatQuestion", "Margin", "analyse", "quoted"]
