"""Runs the one query of a fact, and makes readings of what it gives."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Generic

import pyarrow as pa
from typing_extensions import TypeVar

from heedful.definitions.measure import Duration, Quantile, Retention
from heedful.engines.duckdb import DuckDB
from heedful.engines.engine import Engine
from heedful.facts import parameters
from heedful.kpis import reading
from heedful.kpis.dimensions import who
from heedful.kpis.reading import Frame
from heedful.kpis.reported import STORED
from heedful.kpis.sums import Plan, Query
from heedful.kpis.tally import Tally

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.project_files import Definitions
    from heedful.facts.model import Fact
    from heedful.facts.prepared import Prepared
    from heedful.kpis.cells import Cells
    from heedful.kpis.periods import Grain
    from heedful.store.lake import Lake

# Where nothing else is said a bench stands on DuckDB; only a refresh may run on another engine.
E = TypeVar("E", bound=Engine, default=DuckDB)
DISTRIBUTIONS = (Quantile, Duration, Retention)
# These change slowly and their silence proves nothing about how far the data reaches.
TIMELESS = frozenset({"customers", "accounts", "identities", "campaigns", "months"})


@dataclass(frozen=True, slots=True)
class Measured:
    """One fact, ready to be summed.

    Attributes:
        fact: The fact.
        columns: SQL type by stored column.
        dimensions: Everything it can be broken down by.
        from_customers: Those of them that customers and accounts bring.
    """

    fact: Fact
    columns: Mapping[str, str]
    dimensions: tuple[str, ...]
    from_customers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """KPIs that read the same rows of a fact.

    Attributes:
        key: A hash of how the rows are read.
        kpis: The KPIs.
        plan: The plan that they are part of.
        numbers: Where they stand in it.
    """

    key: str
    kpis: tuple[str, ...]
    plan: Plan
    numbers: tuple[int, ...]


class Bench(Generic[E]):
    """An engine with a project's prepared tables, facts and customers on it.

    Args:
        engine: The engine.
        prepared: The project's tables.
        facts: Where built facts lie.
        definitions: The project.
    """

    def __init__(
        self, engine: E, prepared: Prepared, facts: Lake, definitions: Definitions
    ) -> None:
        self.engine = engine
        self.prepared = prepared
        self.facts = facts
        self.definitions = definitions
        prepared.views(("customers", "accounts"))
        kinds = [engine.columns(f"SELECT * FROM {name}") for name in ("customers", "accounts")]
        view = who(definitions, *kinds)
        engine.table("who", view.sql)
        engine.schema("facts")
        self.who = view.dimensions

    def measured(self, fact: Fact) -> Measured | None:
        """Attach the built fact; None where it was never built."""
        snapshot = self.facts.snapshot(fact.name)
        if snapshot is None:
            return None
        self.engine.attach(f'facts."{fact.name}"', snapshot)
        columns = {name: kind for name, kind in snapshot.columns.items() if name[0] != "_"}
        carried = {
            name for table in fact.attributes for name in self.prepared.attributes(table)
        } & set(columns)
        own = dict.fromkeys([*fact.dimensions, *sorted(carried)])
        from_customers = [name for name in self.who if name not in columns]
        return Measured(fact, columns, (*own, *from_customers), frozenset(from_customers))

    def readings(
        self,
        measured: Measured,
        kpis: Sequence[CatalogueKpi],
        sets: Iterable[tuple[Grain, str | None]],
        now: datetime,
        *,
        since: date | None = None,
        until: date | None = None,
    ) -> pa.Table:
        """Readings of some KPIs of one fact.

        Args:
            measured: The fact.
            kpis: KPIs over it.
            sets: Grain and dimension of each set of cells; each is given by stage as well.
            now: When they are computed.
            since: First day; periods that begin before it are partial.
            until: Day after the last; None: to the end.

        Returns:
            Readings with the columns of `reported.STORED`.
        """
        fact = measured.fact
        offered = tuple(
            (grain, dimension)
            for grain, dimension in dict.fromkeys(sets)
            if grain in fact.grains and (dimension is None or dimension in measured.dimensions)
        )
        if not offered or not kpis:
            return STORED.empty_table()
        frame = self.frame(fact, now)
        found = [STORED.empty_table()]
        # Customers and accounts fall into buckets of their own.
        for unit in dict.fromkeys(kpi.unit for kpi in kpis):
            mine = [kpi for kpi in kpis if kpi.unit == unit]
            query = Query(self._plan(measured, mine, offered, since, until))
            found += self._read(query, frame)
        return pa.concat_tables(found)

    def parts(
        self,
        measured: Measured,
        kpis: Sequence[CatalogueKpi],
        sets: Iterable[tuple[Grain, str | None]],
    ) -> list[Part]:
        """KPIs by the rows of the fact that they read.

        Args:
            measured: The fact.
            kpis: KPIs over it.
            sets: Grain and dimension of each set of cells that readings are made of.
        """
        known = tuple(one for one in sets if one[1] is None or one[1] in measured.dimensions)
        # Whatever the grains: what is asked of parts is asked by day.
        by_day: tuple[tuple[Grain, str | None], ...] = (("day", None), *known)
        found = []
        for unit in dict.fromkeys(kpi.unit for kpi in kpis):
            mine = [kpi for kpi in kpis if kpi.unit == unit]
            plan = self._plan(measured, mine, by_day)
            query = Query(plan)
            for numbers in query.parts():
                key = sha256(query.fingerprint_sql(numbers).encode()).hexdigest()[:16]
                found.append(Part(key, tuple(mine[n].id for n in numbers), plan, tuple(numbers)))
        return found

    def days(self, part: Part, since: date | None, until: date | None) -> dict[date, str]:
        """A fingerprint of each day's rows of a part; only DuckDB can tell.

        Args:
            part: The part.
            since: First day; None: all.
            until: Last day; None: to the end.
        """
        after = until + timedelta(days=1) if until else None
        query = Query(replace(part.plan, since=since, until=after))
        rows = self.engine.query(query.fingerprint_sql(part.numbers))
        return dict(zip(rows["day"].to_pylist(), rows["mark"].to_pylist(), strict=True))

    def _read(self, query: Query, frame: Frame) -> Iterator[pa.Table]:
        """Readings in parts: counted here where the engine shares our memory, else by it."""

        def told(part: Callable[[], Iterable[Cells]]) -> list[pa.Table]:
            return [reading.table(cells, frame, staged=query.staged) for cells in part()]

        if not isinstance(self.engine, DuckDB):
            yield from told(lambda: self._grouped(query))
            return
        # What is done to arrays is done outside of Python's lock.
        with ThreadPoolExecutor(cores()) as pool:
            for parts in Tally(query, self.engine).parts():
                for tables in pool.map(told, parts):
                    yield from tables

    def _grouped(self, query: Query) -> Iterator[Cells]:
        # Distributions leave the engine value by value: one grain at a time bounds their memory.
        plan = query.plan
        spread = tuple(kpi for kpi in plan.kpis if isinstance(kpi.measure, DISTRIBUTIONS))
        plain = tuple(kpi for kpi in plan.kpis if kpi not in spread)
        batches = [(plain, plan.sets)]
        batches += [
            (spread, tuple(one for one in plan.sets if one[0] == grain)) for grain in plan.grains
        ]
        for some, sets in batches:
            if some:
                part = Query(replace(plan, kpis=some, sets=sets))
                values = {n: self.engine.query(part.values_sql(n)) for n in part.distributions()}
                yield from part.cells(self.engine.query(part.sums_sql()), values)

    def _plan(
        self,
        measured: Measured,
        kpis: Sequence[CatalogueKpi],
        sets: tuple[tuple[Grain, str | None], ...],
        since: date | None = None,
        until: date | None = None,
    ) -> Plan:
        return Plan(
            table=f'facts."{measured.fact.name}"',
            kpis=tuple(kpis),
            columns=measured.columns,
            customer_dimensions=measured.from_customers,
            sets=sets,
            since=since,
            until=until,
            parameters=self.definitions.rules.parameters(),
        )

    def sql(self, measured: Measured, kpi: CatalogueKpi, grain: Grain) -> str:
        """The SQL that a KPI's totals come from."""
        plan = self._plan(measured, (kpi,), ((grain, None),))
        query = Query(plan)
        return query.values_sql(0) if query.distributions() else query.sums_sql()

    def frame(self, fact: Fact, now: datetime) -> Frame:
        """What all readings of a fact share."""
        spans = self.engine.query(
            f'SELECT MIN(day) AS first, MAX(day) AS last FROM facts."{fact.name}"'
        ).to_pylist()
        known = [
            moment
            for table in fact.reads
            if table not in TIMELESS and (moment := self.prepared.until.get(table)) is not None
        ]
        fallback = self.prepared.parameters.get("observed_until")
        return Frame(
            first=spans[0]["first"],
            last=spans[0]["last"],
            until=min(known) if known else fallback,
            late=self.definitions.rules.late_data_days,
            definition=definition(fact, self.definitions),
            rules=self.definitions.rules.parameters(),
            contracts="subscriptions" in self.prepared.versions,
            timezone=self.definitions.settings.timezone,
            versions=versions(fact.reads, self.prepared.versions),
            now=now,
        )


def cores() -> int:
    """How many processors this process may use; more than eight would only wait for memory."""
    if hasattr(os, "sched_getaffinity"):
        return min(8, len(os.sched_getaffinity(0)))
    return min(8, os.cpu_count() or 1)


def definition(fact: Fact, definitions: Definitions) -> str:
    """A short hash of what decides a fact's rows beside data: its SQL and the rules it uses."""
    used = set(re.findall(r"\$(\w+)", fact.sql))
    rules = parameters.values(definitions.rules)
    tables = {*fact.reads, "customers"}
    parts = [
        fact.definition_hash,
        {name: value for name, value in rules.items() if name in used},
        {name: value for name, value in definitions.rules.exclude.items() if name in tables},
        definitions.settings.model_dump(mode="json", include={"timezone", "touchpoints"}),
    ]
    text = json.dumps(parts, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:12]


def versions(reads: Collection[str], known: Mapping[str, int]) -> dict[str, int]:
    """Versions of the tables that decide a fact: those it reads, and those that name people."""
    wanted = {*reads, "customers", "accounts", "identities"}
    return {name: version for name, version in sorted(known.items()) if name in wanted}
