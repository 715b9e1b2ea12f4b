"""Who met an experiment, when, and with which variant: a table with a row a unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.definitions.experiment import BEFORE
from heedful.definitions.problem import Problem, ProjectError, one_of
from heedful.engines.duckdb import literal, quoted
from heedful.experiments.clock import moment, opening

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.engines.duckdb import DuckDB
    from heedful.kpis.computing import Bench

UNITS = "experiment_units"


@dataclass(frozen=True, slots=True)
class Exposed:
    """The units of an experiment, in the table `experiment_units` of an engine.

    The table has a row a unit: `unit`, `variant` (its place among the variants), `exposed` (from
    when on it counts), `day` (days since the first), `stratum`, `segment_0` and so on, and
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
    names = tuple(variant.name for variant in experiment.variants)
    notes: list[str] = []
    bench.prepared.views(("exposures", "events"))
    rows = _entries(bench, experiment, until)
    engine = bench.engine
    engine.run(f"CREATE OR REPLACE TABLE experiment_entries AS {rows}")
    _strangers(engine, names, notes)
    listed = ", ".join(literal(name) for name in names)
    met = (
        "SELECT unit, MIN(exposed) AS exposed, MIN(variant) AS variant, "
        "COUNT(DISTINCT variant) AS met FROM experiment_entries "
        f"WHERE unit IS NOT NULL AND variant IN ({listed}) GROUP BY unit"
    )
    crossed = engine.query(f"SELECT COUNT(*) AS n FROM ({met}) AS m WHERE met > 1").to_pylist()
    return tabled(
        bench,
        experiment,
        f"SELECT unit, exposed, variant FROM ({met}) AS m WHERE met = 1",
        crossovers=int(crossed[0]["n"]),
        notes=notes,
    )


def tabled(
    bench: Bench,
    experiment: Experiment,
    met: str,
    *,
    crossovers: int = 0,
    notes: Sequence[str] = (),
) -> Exposed:
    """Make the table of units from a query of `unit`, `exposed` and `variant`.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment.
        met: The query; `variant` holds names.
        crossovers: How many units were left out because they met several variants.
        notes: What is known so far that a reader should know.

    Raises:
        ProjectError: A dimension or covariate of the definition does not exist.
    """
    engine = bench.engine
    said = list(notes)
    names = tuple(variant.name for variant in experiment.variants)
    known = _attributes(bench, experiment)
    dimensions = list(dict.fromkeys((*experiment.segments, *experiment.strata)))
    for name in dimensions:
        _require(experiment, name, known.labels, "segments")
    wanted = tuple(
        dict.fromkeys(
            name
            for given in (experiment.covariates, *(one.covariates for one in experiment.outcomes))
            for name in given or ()
            if name != BEFORE
        )
    )
    for name in wanted:
        _require(experiment, name, known.numbers, "covariates")
    zone = literal(bench.definitions.settings.timezone)
    labels = [
        f"CAST({known.labels[name]} AS VARCHAR) AS d_{i}" for i, name in enumerate(dimensions)
    ]
    numbers = [
        f"TRY_CAST({known.numbers[name]} AS DOUBLE) AS covariate_{i}"
        for i, name in enumerate(wanted)
    ]
    places = ", ".join(literal(name) for name in names)
    conditions = _population(experiment, known.labels)
    base = (
        f"SELECT m.unit, m.exposed, CAST(m.exposed AT TIME ZONE {zone} AS DATE) AS entered, "
        f"LIST_POSITION([{places}], m.variant) - 1 AS variant"
        f"{''.join(f', {item}' for item in (*labels, *numbers))} "
        f"FROM ({met}) AS m{known.joins}{conditions}"
    )
    ranked = "".join(
        f", DENSE_RANK() OVER (ORDER BY d_{i} NULLS FIRST) - 1 AS segment_{i}"
        for i in range(len(dimensions))
    )
    strata = [f"d_{dimensions.index(name)}" for name in experiment.strata]
    stratum = (
        f"DENSE_RANK() OVER (ORDER BY {', '.join(f'{s} NULLS FIRST' for s in strata)}) - 1"
        if strata
        else "0"
    )
    engine.run(
        f"CREATE OR REPLACE TABLE {UNITS} AS SELECT *, "
        f"DATE_DIFF('day', MIN(entered) OVER (), entered) AS day, {stratum} AS stratum{ranked} "
        f"FROM ({base}) AS b"
    )
    counted = engine.query(
        f"SELECT variant, COUNT(*) AS n FROM {UNITS} GROUP BY variant"
    ).to_pylist()
    by_variant = {row["variant"]: row["n"] for row in counted}
    found = engine.query(
        f"SELECT MIN(entered) AS first, MAX(day) AS last, MAX(stratum) AS strata FROM {UNITS}"
    ).to_pylist()[0]
    segments: dict[str, Sequence[str | None]] = {}
    for i, name in enumerate(dimensions):
        values = engine.query(
            f"SELECT DISTINCT segment_{i} AS place, d_{i} AS label FROM {UNITS} ORDER BY 1"
        )
        if name in experiment.segments:
            segments[name] = values["label"].to_pylist()
    for i, name in enumerate(wanted):
        missing = engine.query(
            f"SELECT COUNT(*) AS n FROM {UNITS} WHERE covariate_{i} IS NULL"
        ).to_pylist()[0]["n"]
        if missing:
            said.append(f"covariate {name}: {missing:,} units have none; the mean stands for it")
    if crossovers:
        said.append(f"{crossovers:,} units met more than one variant and are left out")
    return Exposed(
        variants=names,
        counts=tuple(int(by_variant.get(place, 0)) for place in range(len(names))),
        first=found["first"] or experiment.start,
        days=int(found["last"] or 0) + 1,
        strata=int(found["strata"] or 0) + 1,
        segments=segments,
        covariates=wanted,
        crossovers=crossovers,
        notes=tuple(said),
        sql=base,
    )


def _entries(bench: Bench, experiment: Experiment, until: datetime) -> str:
    """Each meeting of a unit with a variant, from when on it counts."""
    zone = ZoneInfo(bench.definitions.settings.timezone)
    end = min(until, opening(experiment.closes, zone))
    unit = "COALESCE(w.account, e.customer)" if experiment.unit == "account" else "e.customer"
    columns = "e.*"
    rows = (
        f"SELECT {unit} AS unit, e.customer AS who, e.variant, e.exposed_at AS exposed, {columns} "
        "FROM exposures AS e LEFT JOIN who AS w ON w.customer = e.customer "
        f"WHERE e.experiment = {literal(experiment.id)} "
        f"AND e.exposed_at >= {moment(opening(experiment.start, zone))} "
        f"AND e.exposed_at < {moment(end)}"
    )
    rule = experiment.exposure
    if not rule.events and rule.touchpoint is None:
        return rows
    conditions = ["v.occurred_at >= r.exposed", f"v.occurred_at < {moment(end)}"]
    if rule.events:
        conditions.append(f"v.event IN ({', '.join(literal(one) for one in rule.events)})")
    if rule.touchpoint is not None:
        conditions.append(f"v.touchpoint = {literal(rule.touchpoint)}")
    return (
        "SELECT r.unit, r.who, r.variant, MIN(v.occurred_at) AS exposed "
        f"FROM ({rows}) AS r JOIN events AS v ON v.customer = r.who "
        f"WHERE {' AND '.join(conditions)} GROUP BY r.unit, r.who, r.variant"
    )


def _strangers(engine: DuckDB, names: Sequence[str], notes: list[str]) -> None:
    """Say which rows cannot be used."""
    listed = ", ".join(literal(name) for name in names)
    others = engine.query(
        "SELECT variant, COUNT(*) AS n FROM experiment_entries "
        f"WHERE variant NOT IN ({listed}) GROUP BY variant ORDER BY n DESC LIMIT 5"
    ).to_pylist()
    notes.extend(
        f'{row["n"]:,} exposures to "{row["variant"]}", which is no variant of the definition, '
        f"are left out; variants: {', '.join(names)}"
        for row in others
    )
    nameless = engine.query(
        "SELECT COUNT(*) AS n FROM experiment_entries WHERE unit IS NULL"
    ).to_pylist()[0]["n"]
    if nameless:
        notes.append(f"{nameless:,} exposures name nobody and are left out")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a unit: SQL of labels and numbers, and the joins they need."""

    labels: Mapping[str, str]
    numbers: Mapping[str, str]
    joins: str


def _attributes(bench: Bench, experiment: Experiment) -> _Known:
    """Labels of segments, and numbers that can be covariates, by name.

    What the first exposure says of the unit (its device, say) goes before what is known today.
    """
    engine = bench.engine
    table = "customers" if experiment.unit == "customer" else "accounts"
    key = "customer" if experiment.unit == "customer" else "account_id"
    plain = engine.columns(f"FROM {table}")
    who_key = "customer" if experiment.unit == "customer" else "account"
    engine.run(
        f"CREATE OR REPLACE TABLE unit_labels AS SELECT * FROM (SELECT *, ROW_NUMBER() OVER "
        f"(PARTITION BY {who_key} ORDER BY customer) AS place FROM who) WHERE place = 1"
    )
    joins = (
        f" LEFT JOIN unit_labels AS w ON w.{who_key} = m.unit"
        f" LEFT JOIN (SELECT *, ROW_NUMBER() OVER (PARTITION BY {key}) AS place_ FROM {table})"
        f" AS c ON c.{key} = m.unit AND c.place_ = 1"
    )
    labels = {name: f"w.{quoted(name)}" for name in bench.who}
    numbers = {
        name: f"c.{quoted(name)}"
        for name, kind in plain.items()
        if kind in {"VARCHAR", "DOUBLE", "BIGINT", "INTEGER", "BOOLEAN"}
        and not name.startswith("_")
        and name not in {"customer", "customer_id", "account_id", "email", "name"}
    }
    met = _met_labels(bench, experiment)
    if met:
        joins += " LEFT JOIN unit_meetings AS x ON x.unit = m.unit"
        labels |= {name: f"x.{quoted(name)}" for name in met}
    return _Known(labels, numbers, joins)


def _met_labels(bench: Bench, experiment: Experiment) -> list[str]:
    """Labels that exposures carry, from the first of each unit."""
    engine = bench.engine
    if not engine.query(
        "SELECT 1 FROM information_schema.tables WHERE table_name = 'experiment_entries'"
    ).num_rows:
        return []
    own = {"unit", "who", "variant", "exposed", "exposure_id", "exposed_at", "experiment"}
    own |= {"customer_id", "anonymous_id", "customer", "known"}
    columns = engine.columns("FROM experiment_entries")
    found = [name for name, kind in columns.items() if kind == "VARCHAR" and name not in own]
    wanted = {*experiment.segments, *experiment.strata, *experiment.population}
    found = [name for name in found if name in wanted]
    if found:
        items = ", ".join(f"ARG_MIN({quoted(name)}, exposed) AS {quoted(name)}" for name in found)
        engine.run(
            f"CREATE OR REPLACE TABLE unit_meetings AS SELECT unit, {items} "
            "FROM experiment_entries GROUP BY unit"
        )
    return found


def _population(experiment: Experiment, labels: Mapping[str, str]) -> str:
    conditions = []
    for name, values in experiment.population.items():
        _require(experiment, name, labels, "population")
        listed = (values,) if isinstance(values, str) else values
        allowed = ", ".join(literal(value) for value in listed)
        conditions.append(f"CAST({labels[name]} AS VARCHAR) IN ({allowed})")
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _require(experiment: Experiment, name: str, known: Mapping[str, str], field: str) -> None:
    if name not in known:
        found = f'{field}: "{name}" is not known of a {experiment.unit}'
        raise ProjectError(
            [Problem(f"experiments/{experiment.id}.yaml", 1, found, one_of(sorted(known), name))]
        )
