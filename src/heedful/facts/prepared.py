"""The tables as facts see them: people resolved, touchpoints known, rules applied."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from heedful.definitions.instrument import Instrument
from heedful.definitions.parameters import substitute
from heedful.definitions.problem import Problem, ProjectError, one_of
from heedful.definitions.rules import Rules
from heedful.definitions.settings import Settings
from heedful.engines.duckdb import DuckDB, literal, quoted
from heedful.engines.engine import Engine
from heedful.facts import identity, parameters, relations, touchpoint
from heedful.facts.observed import event_names, observed_until, told
from heedful.facts.relations import MONTHS
from heedful.store import schema
from heedful.store.lake import Lake, Snapshot
from heedful.surveys import catalogue as surveys
from heedful.surveys import scales

if TYPE_CHECKING:
    import pyarrow as pa

ADDED = ("customer", "known", "stage", "ai")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Prepared:
    """One version of all tables on an engine, ready for facts.

    The engine gets the stored tables as `raw.<table>`, and each table that is asked for as a
    view `<table>` without bookkeeping columns and without the rows that `rules.yaml` excludes.
    Tables with a `customer_id` gain `customer` (resolved through `identities`; else the
    customer's id, else the anonymous one, else null) and `known` (whether it is more than an
    anonymous id); tables with a `touchpoint` gain `stage` and `ai`. `customers` has one row a
    resolved customer: the one under the customer's own id, with the earliest sign-up of all.
    `responses` have the scale of their instrument where they name none, gain `boxes`, and their
    scores run upwards.

    Args:
        engine: Where the views are made.
        tables: The canonical tables.
        settings: `heedful.yaml`.
        rules: `rules.yaml`.
        now: The present; data that claims to be younger does not count as seen.
        observed: Until when sources say that a table is complete, by table.
        instruments: The project's own instruments, beside those that come with the program.

    Attributes:
        versions: Version of each table that exists.
        people: A short hash of who is who and who is left out.
        until: Until when the data of each table is known; None where there is none.

    Raises:
        ProjectError: A condition under `exclude` cannot be used.
    """

    def __init__(
        self,
        engine: Engine,
        tables: Lake,
        settings: Settings,
        rules: Rules,
        *,
        now: datetime | None = None,
        observed: Mapping[str, datetime] | None = None,
        instruments: Mapping[str, Instrument] | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.rules = rules
        self.instruments = surveys.instruments(instruments)
        self._snapshots: dict[str, Snapshot] = {}
        self._kept: set[str] = set()
        self._lists: dict[str, pa.Table] = {}
        engine.schema("raw")
        for name in schema.names():
            snapshot = tables.snapshot(name)
            if snapshot is not None:
                self._snapshots[name] = snapshot
            columns = {c.name: c.sql_type for c in schema.table(name).columns.values()}
            engine.attach(f"raw.{quoted(name)}", snapshot, columns)
        self.versions = {name: found.version for name, found in self._snapshots.items()}
        self._conditions = _conditions(rules, {n: self._columns(n) for n in schema.names()})
        self._aliases = self._load_identities()
        self._excluded = self._load_excluded()
        self.people = self._people()
        moment = now or datetime.now(UTC)
        seen = observed_until(engine, self._snapshots, now=moment, given=observed)
        self.until = {**dict.fromkeys(schema.names()), **seen}

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The value of every `$name` that facts may use."""
        times = [one for one in parameters.TIMES if one[0] in self._snapshots]
        return parameters.values(
            self.rules,
            self.settings.timezone,
            self.until,
            events=event_names(self.engine) if "events" in self._snapshots else (),
            told=told(self.engine, times),
        )

    def attributes(self, table: str) -> tuple[str, ...]:
        """The columns that sources added to a table, sorted.

        One with the name of a column that every view has would be ambiguous, and is not seen.
        """
        snapshot = self._snapshots.get(table)
        if snapshot is None:
            return ()
        known = {*schema.table(table).columns, *schema.BOOKKEEPING, *ADDED}
        known |= {scales.BOXES} if table == scales.TABLE else set()
        return tuple(sorted(name for name in snapshot.columns if name not in known))

    def views(
        self,
        names: Iterable[str],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """Make or remake the views of some tables.

        Args:
            names: Tables and relations; those behind a relation are made with it.
            since: Leave out rows of an earlier time, from tables that are kept by month.
            until: Leave out rows of this time or a later one, from the same tables.
        """
        from sqlglot import parse_one

        for name in names:
            if name == MONTHS:
                self._months()
            elif name in relations.names():
                found = relations.relation(name)
                if name in self._kept:
                    continue
                self.views(found.header.reads, since, until)
                node = parse_one(found.sql, dialect="duckdb")
                sql = substitute(node, self.parameters).sql("duckdb", identify=True)
                if found.header.lookback.whole:
                    # The same for every fact, so it is computed only once.
                    self.engine.table(quoted(name), sql)
                    self._kept.add(name)
                else:
                    self.engine.view(quoted(name), sql)
            else:
                self.engine.view(quoted(name), self.rows(name, since, until))

    def rows(self, name: str, since: datetime | None = None, until: datetime | None = None) -> str:
        """The query behind the view of a table; see `views`."""
        table = schema.table(name)
        columns = self._columns(name)
        where = self._window(table, since, until)
        if name in self._conditions:
            where.append(f"NOT COALESCE(({self._conditions[name]}), FALSE)")
        rows = f"SELECT {_items('', columns)} FROM raw.{quoted(name)}"
        rows += f" WHERE {' AND '.join(where)}" if where else ""
        if name == scales.TABLE:
            rows = scales.scaled(rows, columns, self.instruments)
            columns = (*columns, scales.BOXES)
        if "customer_id" not in table.columns:
            return rows
        return self._placed(table, columns, self._resolved(table, columns, rows))

    def _columns(self, table: str) -> tuple[str, ...]:
        return (*schema.table(table).columns, *self.attributes(table))

    def _load_identities(self) -> bool:
        links = self.engine.query(
            "SELECT alias_id, customer_id, seen_at FROM raw.identities "
            "WHERE alias_id IS NOT NULL AND customer_id IS NOT NULL"
        )
        found = identity.resolve(links)
        self._lists["identity"] = found
        self.engine.load("identity", found)
        return bool(found.num_rows)

    def _load_excluded(self) -> bool:
        condition = self._conditions.get("customers")
        resolved = f"SELECT {_items('r', self._columns('customers'))} FROM raw.customers AS r"
        who = "COALESCE(i.customer, c.customer_id)"
        found = self.engine.query(
            f"SELECT DISTINCT {who} AS customer FROM ({resolved} WHERE {condition or 'FALSE'}"
            ") AS c LEFT JOIN identity AS i ON i.alias = c.customer_id"
        )
        self._lists["excluded"] = found
        self.engine.load("excluded", found)
        return bool(found.num_rows)

    def _people(self) -> str:
        """Adding up makes the order of rows matter not, and needs no sorting."""
        sums = [
            f"SELECT COUNT(*) AS n, SUM(CAST(HASH({columns}) % 1000000007 AS BIGINT)) AS s FROM {t}"
            for t, columns in (("identity", "alias, customer"), ("excluded", "customer"))
        ]
        engine = self.engine
        if engine.dialect != DuckDB.dialect:
            # A hash differs by engine, and facts must not be rebuilt because another one asks.
            engine = DuckDB()
            for name, rows in self._lists.items():
                engine.load(name, rows)
        found = engine.query(" UNION ALL ".join(sums)).to_pylist()
        text = str(sorted((row["n"], str(row["s"])) for row in found))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @staticmethod
    def _window(table: schema.Table, since: datetime | None, until: datetime | None) -> list[str]:
        if table.time is None or not table.partitioned:
            return []
        ends = ((">=", since), ("<", until))
        return [f"{quoted(table.time)} {sign} {_moment(end)}" for sign, end in ends if end]

    def _resolved(self, table: schema.Table, columns: tuple[str, ...], rows: str) -> str:
        """Rows with `customer` and `known`, without those of excluded customers."""
        named = "anonymous_id" in table.columns
        who = "COALESCE(r.customer_id, r.anonymous_id)" if named else "r.customer_id"
        customer, known, joins, where = who, "r.customer_id IS NOT NULL", "", ""
        if self._aliases:
            joins += f" LEFT JOIN identity AS i ON i.alias = {who}"
            customer = f"COALESCE(i.customer, {who})"
            known = "r.customer_id IS NOT NULL OR i.customer IS NOT NULL"
        if self._excluded:
            joins += f" LEFT JOIN excluded AS x ON x.customer = {customer}"
            where = " WHERE x.customer IS NULL"
        items = f"{_items('r', columns)}, {customer} AS customer, {known} AS known"
        resolved = f"SELECT {items} FROM ({rows}) AS r{joins}{where}"
        return self._one_each(columns, resolved) if table.name == "customers" else resolved

    def _one_each(self, columns: tuple[str, ...], rows: str) -> str:
        """One row a customer where identities join several rows of `customers`."""
        if not self._aliases:
            return rows
        kept = [c for c in columns if c != "signed_up_at"]
        order = "CASE WHEN customer_id = customer THEN 0 ELSE 1 END, signed_up_at, customer_id"
        return (
            f"SELECT {_items('', kept)}, customer, known, signed_up_at FROM (SELECT "
            f"{_items('', kept)}, customer, known, MIN(signed_up_at) OVER (PARTITION BY customer) "
            f"AS signed_up_at, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY {order}) AS nth "
            f"FROM ({rows}) AS several) AS ranked WHERE nth = 1"
        )

    def _placed(self, table: schema.Table, columns: tuple[str, ...], rows: str) -> str:
        """Rows with the stage of their touchpoint, found by page where they name none."""
        if "touchpoint" not in table.columns:
            return rows
        places = self.settings.touchpoints
        where = "r.touchpoint"
        if "page" in table.columns:
            where = f"COALESCE(r.touchpoint, {touchpoint.by_page(places, 'r.page')})"
        rest = [c for c in columns if c != "touchpoint"]
        placed = (
            f"SELECT {_items('r', rest)}, r.customer, r.known, {where} AS touchpoint "
            f"FROM ({rows}) AS r"
        )
        return (
            f"SELECT p.*, {touchpoint.stage(places, 'p.touchpoint')} AS stage, "
            f"{touchpoint.ai(places, 'p.touchpoint')} AS ai FROM ({placed}) AS p"
        )

    def _months(self) -> None:
        """The calendar of months in the project's timezone, from the first data on."""
        zone = ZoneInfo(self.settings.timezone)
        last = self.parameters["observed_until"]
        first = self._first()
        rows = []
        if first is not None and last is not None:
            month = first.astimezone(zone).date().replace(day=1)
            while (start := _midnight(month, zone)) <= last:
                following = (month + dt.timedelta(days=32)).replace(day=1)
                end = _midnight(following, zone)
                rows.append(f"(DATE '{month}', {_moment(start)}, {_moment(end)})")
                month = following
        empty = "SELECT CAST(NULL AS DATE), CAST(NULL AS TIMESTAMPTZ), CAST(NULL AS TIMESTAMPTZ)"
        body = f"VALUES {', '.join(rows)}" if rows else f"{empty} WHERE FALSE"
        self.engine.view(quoted(MONTHS), f"SELECT * FROM ({body}) AS m(month, starts_at, ends_at)")

    def _first(self) -> datetime | None:
        """The first time in the tables that are kept by month, not before 1970."""
        times = {
            name: table.time
            for name in self._snapshots
            if (table := schema.table(name)).partitioned and table.time
        }
        firsts = [
            f"SELECT MIN({quoted(t)}) AS first FROM raw.{quoted(n)}" for n, t in times.items()
        ]
        found = self.engine.query(" UNION ALL ".join(firsts))["first"].to_pylist() if firsts else []
        moments = [moment for moment in found if moment is not None]
        return max(min(moments), EARLIEST) if moments else None


def _conditions(rules: Rules, columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The conditions under `exclude`, checked and written anew from their syntax trees."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    found: dict[str, str] = {}
    problems = []
    for table, condition in rules.exclude.items():
        if table not in columns:
            text = f'exclude: "{table}" is not a table'
            problems.append(Problem("rules.yaml", 1, text, one_of(columns, table)))
            continue
        if condition is None:
            continue
        try:
            node = parse_one(condition, into=exp.Condition, dialect="duckdb")
        except SqlglotError:
            text = f"exclude.{table}: {condition} is not a condition"
            problems.append(Problem("rules.yaml", 1, text, "write one SQL condition"))
            continue
        if node.find(exp.Query):
            text = f"exclude.{table}: {condition} has a subquery"
            problems.append(Problem("rules.yaml", 1, text, f"use columns of {table} only"))
        for column in node.find_all(exp.Column):
            if column.name not in columns[table]:
                text = f'exclude.{table}: "{column.name}" is not a column'
                problems.append(Problem("rules.yaml", 1, text, one_of(columns[table], column.name)))
        found[table] = node.sql("duckdb", identify=True)
    if problems:
        raise ProjectError(problems)
    return found


def _items(alias: str, columns: Iterable[str]) -> str:
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{quoted(column)}" for column in columns)


def _moment(moment: datetime) -> str:
    return f"CAST({literal(moment.astimezone(UTC).isoformat(sep=' '))} AS TIMESTAMPTZ)"


def _midnight(day: dt.date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, dt.time(), zone).astimezone(UTC)
