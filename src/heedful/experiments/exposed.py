"""The units of an experiment and what is known of them: a table with a row a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from heedful.definitions.experiment import BEFORE
from heedful.definitions.problem import Problem, ProjectError, one_of
from heedful.engines.duckdb import literal, quoted
from heedful.experiments.meeting import meeting
from heedful.experiments.wording import of_them

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.engines.duckdb import DuckDB
    from heedful.experiments.meeting import Met
    from heedful.kpis.computing import Bench

UNITS = "experiment_units"
EVERYONE = "experiment_everyone"
NUMBERS = frozenset({"VARCHAR", "DOUBLE", "BIGINT", "INTEGER", "BOOLEAN"})
NAMES = frozenset({"customer", "customer_id", "account_id", "email", "name"})


@dataclass(frozen=True, slots=True)
class Exposed:
    """The units of an experiment, in the table `experiment_units` of an engine.

    The table has a row a unit: `unit`, `variant` (its place among the variants), `exposed` (from
    when on it counts), `entered` (the same as a day), `stratum`, `segment_0` and so on, and
    `covariate_0` and so on.

    Attributes:
        variants: Names, in order.
        counts: Units by variant.
        first: The first day.
        days: How many days there are.
        strata: How many strata there are.
        segments: Dimension to the labels of its segments, in the order of their places.
        covariates: Columns of units that say beforehand how outcomes come out.
        crossovers: Units that met more than one variant; they are left out.
        notes: What a reader should know.
        sql: The query behind the table.
    """

    variants: tuple[str, ...]
    counts: tuple[int, ...]
    first: date
    days: int
    strata: int
    segments: Mapping[str, Sequence[str | None]]
    covariates: tuple[str, ...]
    crossovers: int
    notes: tuple[str, ...]
    sql: str

    @property
    def units(self) -> int:
        """All units."""
        return sum(self.counts)


def expose(bench: Bench, experiment: Experiment, until: datetime) -> Exposed:
    """Find the units of an experiment.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment.
        until: Who enters later does not count.

    Raises:
        ProjectError: A dimension or covariate of the definition does not exist.
    """
    return tabled(bench, experiment, meeting(bench, experiment, until, wanted(experiment)))


def wanted(experiment: Experiment) -> frozenset[str]:
    """Everything that a definition asks of a unit, but for numbers."""
    return frozenset({*experiment.segments, *experiment.strata, *experiment.population})


def tabled(bench: Bench, experiment: Experiment, met: Met) -> Exposed:
    """Make the table of units of those who met an experiment.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment.
        met: Who met it.

    Raises:
        ProjectError: A dimension or covariate of the definition does not exist.
    """
    engine = bench.engine
    table = _Table(bench, experiment, met.labels)
    engine.run(f"CREATE OR REPLACE TABLE {EVERYONE} AS {table.sql(met.sql)}")
    dimensions = table.dimensions
    ranked = "".join(
        f", DENSE_RANK() OVER (ORDER BY d_{i} NULLS FIRST) - 1 AS segment_{i}"
        for i in range(len(dimensions))
    )
    strata = [f"d_{dimensions.index(name)} NULLS FIRST" for name in experiment.strata]
    stratum = f"DENSE_RANK() OVER (ORDER BY {', '.join(strata)}) - 1" if strata else "0"
    engine.run(
        f"CREATE OR REPLACE TABLE {UNITS} AS SELECT *, {stratum} AS stratum{ranked} "
        f"FROM {EVERYONE} WHERE NOT crossed"
    )
    counted = engine.query(
        f"SELECT variant, COUNT(*) AS n FROM {UNITS} GROUP BY variant"
    ).to_pylist()
    by_variant = {row["variant"]: row["n"] for row in counted}
    found = engine.query(
        "SELECT MIN(entered) AS first, MAX(entered) AS last, MAX(stratum) AS strata, "
        f"(SELECT COUNT(*) FROM {EVERYONE} WHERE crossed) AS crossed FROM {UNITS}"
    ).to_pylist()[0]
    first, last = found["first"] or experiment.start, found["last"] or experiment.start
    crossovers = int(found["crossed"])
    notes = [*met.notes, *_missing(engine, table.covariates)]
    if crossovers:
        notes.append(f"left out: {of_them(crossovers, 'unit')} that met more than one variant")
    return Exposed(
        variants=experiment.variant_names,
        counts=tuple(int(by_variant.get(i, 0)) for i in range(len(experiment.variants))),
        first=first,
        days=(last - first).days + 1,
        strata=int(found["strata"] or 0) + 1,
        segments={
            name: engine.query(
                f"SELECT DISTINCT segment_{i} AS place, d_{i} AS label FROM {UNITS} ORDER BY 1"
            )["label"].to_pylist()
            for i, name in enumerate(dimensions)
            if name in experiment.segments
        },
        covariates=table.covariates,
        crossovers=crossovers,
        notes=tuple(notes),
        sql=table.sql(met.shown),
    )


class _Table:
    """What is known of a unit: labels and numbers by name, as SQL.

    What the first exposure says of the unit (its device, say) goes before what is known today.
    Of an account that counts in which all its customers agree.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment.
        met: Labels that come with the exposure, and their columns.

    Raises:
        ProjectError: A dimension or covariate of the definition does not exist.
    """

    def __init__(self, bench: Bench, experiment: Experiment, met: Mapping[str, str]) -> None:
        self.bench = bench
        self.experiment = experiment
        self.dimensions = list(dict.fromkeys((*experiment.segments, *experiment.strata)))
        given = (experiment.covariates, *(one.covariates for one in experiment.outcomes))
        self.covariates = tuple(
            dict.fromkeys(name for some in given for name in some or () if name != BEFORE)
        )
        self.labels = {name: f"w.{quoted(name)}" for name in bench.who}
        for name, column in met.items():
            today = f", {self.labels[name]}" if name in self.labels else ""
            self.labels[name] = f"COALESCE(m.{column}{today})"
        self.numbers = {
            name: f"TRY_CAST(c.{quoted(name)} AS DOUBLE)"
            for name, kind in bench.engine.columns(f"FROM {self._table}").items()
            if (kind in NUMBERS or kind.startswith("DECIMAL"))
            and not name.startswith("_")
            and name not in NAMES
        }
        for name in self.dimensions:
            self._require(name, self.labels, "segments")
        for name in experiment.population:
            self._require(name, self.labels, "population")
        for name in self.covariates:
            self._require(name, self.numbers, "covariates")

    def sql(self, met: str) -> str:
        """A row a unit of the population.

        Args:
            met: Query of who met the experiment.
        """
        zone = literal(self.bench.definitions.settings.timezone)
        items = [
            f"CAST({self.labels[name]} AS VARCHAR) AS d_{i}"
            for i, name in enumerate(self.dimensions)
        ]
        for i, name in enumerate(self.covariates):
            number = self.numbers[name]
            items.append(f"CASE WHEN ISFINITE({number}) THEN {number} END AS covariate_{i}")
        places = ", ".join(literal(name) for name in self.experiment.variant_names)
        conditions = []
        for name, values in self.experiment.population.items():
            listed = (values,) if isinstance(values, str) else values
            allowed = ", ".join(literal(value) for value in listed)
            conditions.append(f"CAST({self.labels[name]} AS VARCHAR) IN ({allowed})")
        return (
            f"SELECT m.unit, m.exposed, CAST(m.exposed AT TIME ZONE {zone} AS DATE) AS entered, "
            f"LIST_POSITION([{places}], m.variant) - 1 AS variant, m.crossed"
            f"{''.join(f', {item}' for item in items)} FROM ({met}) AS m{self._joins()}"
            + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
        )

    @property
    def _table(self) -> str:
        return "customers" if self.experiment.unit == "customer" else "accounts"

    def _joins(self) -> str:
        if self.experiment.unit == "customer":
            return (
                " LEFT JOIN who AS w ON w.customer = m.unit"
                " LEFT JOIN (SELECT *, ROW_NUMBER() OVER (PARTITION BY customer) AS place_"
                " FROM customers) AS c ON c.customer = m.unit AND c.place_ = 1"
            )
        agreed = "".join(
            f", CASE WHEN MIN({name}) = MAX({name}) THEN MIN({name}) END AS {name}"
            for name in map(quoted, self.bench.who)
        )
        return (
            f" LEFT JOIN (SELECT 'account:' || account AS unit_{agreed} FROM who GROUP BY account)"
            " AS w ON w.unit_ = m.unit LEFT JOIN (SELECT *, ROW_NUMBER() OVER"
            " (PARTITION BY account_id) AS place_ FROM accounts) AS c"
            " ON 'account:' || c.account_id = m.unit AND c.place_ = 1"
        )

    def _require(self, name: str, known: Mapping[str, str], field: str) -> None:
        if name not in known:
            one = self.experiment
            found = f'{field}: "{name}" is not known of a {one.unit}'
            raise ProjectError(
                [Problem(f"experiments/{one.id}.yaml", 1, found, one_of(sorted(known), name))]
            )


def _missing(engine: DuckDB, covariates: Sequence[str]) -> list[str]:
    """Say of how many units a covariate is not known."""
    notes = []
    for i, name in enumerate(covariates):
        missing = engine.query(
            f"SELECT COUNT(*) AS n FROM {UNITS} WHERE covariate_{i} IS NULL"
        ).to_pylist()[0]["n"]
        if missing:
            units = of_them(missing, "unit")
            notes.append(f"covariate {name}: not known of {units}; the mean stands for it")
    return notes
