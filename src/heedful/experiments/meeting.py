"""Who met an experiment, and from when on they count: from exposures, or by a rule on events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.engines.duckdb import literal, quoted
from heedful.experiments.clock import moment, opening
from heedful.experiments.wording import of_them

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.engines.duckdb import DuckDB
    from heedful.kpis.computing import Bench

ENTRIES = "experiment_entries"
MOST_NAMED = 5
OWN = frozenset(
    {
        *("exposure_id", "exposed_at", "experiment", "variant"),
        *("customer_id", "anonymous_id", "customer", "known"),
    }
)
"""Columns of exposures that are no labels of a unit."""


@dataclass(frozen=True, slots=True)
class Met:
    """Who met what.

    Attributes:
        sql: A row a unit: `unit`, `exposed`, `variant` by name, `crossed` (whether it met
            several), and the columns of labels.
        shown: The same over tables that a reader knows.
        labels: What is said of the unit, and the column that says it.
        notes: What a reader should know.
    """

    sql: str
    shown: str
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def unit_of(experiment: Experiment, customer: str, account: str) -> str:
    """SQL: the unit that a customer belongs to.

    A customer without an account is a unit of its own. What kind of id it is stands in front, as
    the account 7 and the customer 7 are two.

    Args:
        experiment: Says whether customers or accounts are units.
        customer: SQL of the customer.
        account: SQL of its account.
    """
    if experiment.unit == "customer":
        return customer
    return f"COALESCE('account:' || {account}, 'customer:' || {customer})"


def meeting(bench: Bench, experiment: Experiment, until: datetime, wanted: Collection[str]) -> Met:
    """Find who met an experiment.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment.
        until: Who enters later does not count.
        wanted: Labels that are of use.
    """
    engine = bench.engine
    bench.prepared.views(("exposures", "events"))
    columns = engine.columns("FROM exposures")
    carried = [n for n, kind in columns.items() if kind == "VARCHAR" and n in wanted]
    # Names of their own: a source may call a column of its own "unit" or "variant".
    labels = {n: f"label_{i}" for i, n in enumerate(carried) if n not in OWN}
    zone = ZoneInfo(bench.definitions.settings.timezone)
    end = min(until, opening(experiment.closes, zone))
    begin = opening(experiment.start, zone)
    rows = _entries(experiment, begin, end, labels)
    engine.run(f"CREATE OR REPLACE TABLE {ENTRIES} AS {rows}")
    return Met(
        sql=_met(experiment, end, ENTRIES, labels),
        shown=_met(experiment, end, f"({rows})", labels),
        labels=labels,
        notes=(*_excluded(engine, experiment, begin, end), *_left_out(engine, experiment)),
    )


def _entries(
    experiment: Experiment, begin: datetime, end: datetime, labels: Mapping[str, str]
) -> str:
    """Every row of exposures that lies in the days of the experiment."""
    carried = "".join(f", e.{quoted(name)} AS {column}" for name, column in labels.items())
    return (
        f"SELECT {unit_of(experiment, 'e.customer', 'w.account')} AS unit, e.customer AS who, "
        f"e.variant, e.exposed_at AS exposed{carried} "
        "FROM exposures AS e LEFT JOIN who AS w ON w.customer = e.customer "
        f"WHERE e.experiment = {literal(experiment.id)} "
        f"AND e.exposed_at >= {moment(begin)} AND e.exposed_at < {moment(end)}"
    )


def _met(experiment: Experiment, end: datetime, entries: str, labels: Mapping[str, str]) -> str:
    """A row a unit, with its first exposure; by a rule, with the first event after it."""
    listed = ", ".join(literal(name) for name in experiment.variant_names)
    good = f"unit IS NOT NULL AND variant IN ({listed})"
    # Of several rows at the same moment the label that sorts first counts, on every run.
    carried = "".join(
        f", ARG_MIN({column}, ROW(exposed, {column})) AS {column}" for column in labels.values()
    )
    met = (
        "SELECT unit, MIN(exposed) AS exposed, MIN(variant) AS variant, "
        f"COUNT(DISTINCT variant) > 1 AS crossed{carried} FROM {entries} AS e "
        f"WHERE {good} GROUP BY unit"
    )
    rule = experiment.exposure
    if not rule.events and rule.touchpoint is None:
        return met
    conditions = ["v.occurred_at >= r.exposed", f"v.occurred_at < {moment(end)}"]
    if rule.events:
        conditions.append(f"v.event IN ({', '.join(literal(one) for one in rule.events)})")
    if rule.touchpoint is not None:
        conditions.append(f"v.touchpoint = {literal(rule.touchpoint)}")
    first = (
        f"SELECT unit, who, MIN(exposed) AS exposed FROM {entries} AS e WHERE {good} "
        "GROUP BY unit, who"
    )
    acted = (
        f"SELECT r.unit, MIN(v.occurred_at) AS acted FROM ({first}) AS r "
        f"JOIN events AS v ON v.customer = r.who WHERE {' AND '.join(conditions)} GROUP BY r.unit"
    )
    return (
        f"SELECT m.* REPLACE (t.acted AS exposed) FROM ({met}) AS m "
        f"JOIN ({acted}) AS t ON t.unit = m.unit"
    )


def _excluded(engine: DuckDB, experiment: Experiment, begin: datetime, end: datetime) -> list[str]:
    """Say how many exposures the rules leave out: of staff and test customers, above all."""
    own = (
        f"SELECT COUNT(*) AS n FROM raw.exposures WHERE experiment = {literal(experiment.id)} "
        f"AND exposed_at >= {moment(begin)} AND exposed_at < {moment(end)}"
    )
    kept = f"SELECT COUNT(*) AS n FROM {ENTRIES}"
    rows, used = (engine.query(sql).to_pylist()[0]["n"] for sql in (own, kept))
    if rows <= used:
        return []
    said = (
        f"{rows - used:,} exposures are left out by rules.yaml (exclude), such as those of staff "
        "and test customers"
    )
    return [said]


def _left_out(engine: DuckDB, experiment: Experiment) -> list[str]:
    """Say which rows cannot be used."""
    names = experiment.variant_names
    listed = ", ".join(literal(name) for name in names)
    others = engine.query(
        f"SELECT variant, COUNT(*) AS n FROM {ENTRIES} WHERE variant NOT IN ({listed}) "
        "GROUP BY variant ORDER BY n DESC, variant"
    ).to_pylist()
    notes = [
        f'left out: {of_them(row["n"], "exposure")} to "{row["variant"]}", which is no variant of '
        f"the definition; variants: {', '.join(names)}"
        for row in others[:MOST_NAMED]
    ]
    rest = others[MOST_NAMED:]
    if rest:
        rows = of_them(sum(row["n"] for row in rest), "exposure")
        notes.append(f"left out: {rows} to {of_them(len(rest), 'other name')} that no variant has")
    found = engine.query(
        f"SELECT COUNT(*) AS n, COUNT(*) FILTER (WHERE unit IS NULL) AS nameless FROM {ENTRIES}"
    ).to_pylist()[0]
    if found["nameless"]:
        notes.append(f"left out: {of_them(found['nameless'], 'exposure')} without any id")
    if not found["n"]:
        notes.append(_nobody(engine, experiment))
    return notes


def _nobody(engine: DuckDB, experiment: Experiment) -> str:
    """Say why an experiment has no exposures at all."""
    name = literal(experiment.id)
    own = engine.query(
        f"SELECT COUNT(*) AS n FROM exposures WHERE experiment = {name}"
    ).to_pylist()[0]["n"]
    if own:
        return (
            f"left out: {of_them(own, 'exposure')} outside its days, {experiment.start} to "
            f"{experiment.closes}, or after the moment that is looked at"
        )
    others = engine.query(
        "SELECT experiment, COUNT(*) AS n FROM exposures GROUP BY experiment "
        f"ORDER BY n DESC, experiment LIMIT {MOST_NAMED}"
    )["experiment"].to_pylist()
    named = ", ".join(str(one) for one in others)
    return f'no row of exposures has the experiment "{experiment.id}"; there are: {named}'
