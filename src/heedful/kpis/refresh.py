"""Brings facts and readings up to date, and no more than that."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from heedful.engines.duckdb import DuckDB
from heedful.engines.opening import running
from heedful.facts.build import build
from heedful.facts.prepared import Prepared
from heedful.facts.rendering import signature
from heedful.kpis import periods
from heedful.kpis.computing import Bench, Measured, versions
from heedful.kpis.fingerprints import Fingerprints
from heedful.kpis.log import ReadingLog
from heedful.kpis.reading import definition_hash
from heedful.kpis.stale import PEOPLE, WHOLE, Span, Stale, Staleness, State
from heedful.store import schema

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.project_files import Definitions
    from heedful.engines.engine import Engine
    from heedful.facts.model import Fact
    from heedful.kpis.periods import Grain
    from heedful.store.lake import Lake

    Progress = Callable[[str, int, int], None]

STATE = "refreshes"
_UNTIL = re.compile(r"\$[a-z_]+_until\b")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did for one fact.

    Attributes:
        fact: The fact.
        state: `full`, `part` or `unchanged`.
        since: First day that was recomputed; None: all.
        until: Last day that was recomputed.
        rows: Rows of the fact written.
        kpis: KPIs computed.
        readings: Readings that changed, and so were logged.
    """

    fact: str
    state: str
    since: date | None
    until: date | None
    rows: int
    kpis: int
    readings: int


class Refresh:
    """One refresh of a project.

    Args:
        definitions: The project.
        facts: All facts by name.
        tables: Where the canonical tables lie.
        fact_lake: Where facts are built.
        books: Where readings and the state of refreshes lie.
        now: The present.
    """

    def __init__(
        self,
        definitions: Definitions,
        facts: Mapping[str, Fact],
        tables: Lake,
        fact_lake: Lake,
        books: Lake,
        now: datetime | None = None,
    ) -> None:
        self.definitions = definitions
        self.facts = facts
        self.tables = tables
        self.fact_lake = fact_lake
        self.books = books
        self.now = now or datetime.now(UTC)
        self.log = ReadingLog(books, definitions.settings.timezone)
        self.zone = ZoneInfo(definitions.settings.timezone)
        self.spill = books.root / "staging" / "spill"
        self.ours: DuckDB | None = None

    def run(self, *, full: bool = False, progress: Progress | None = None) -> list[Refreshed]:
        """Recompute what changed.

        Args:
            full: Recompute everything.
            progress: Called with a fact, how many are done, and how many there are.

        Returns:
            One entry a fact that KPIs of the project rest on.
        """
        tell = progress or (lambda _fact, _done, _all: None)
        used: dict[str, list[CatalogueKpi]] = {}
        for kpi in self.definitions.kpis.values():
            used.setdefault(str(kpi.fact), []).append(kpi)
        done: list[Refreshed] = []
        with self.books.lock(STATE):
            # Readings and states are small, and stay with DuckDB whatever runs the facts.
            ours = DuckDB(folder=str(self.spill))
            engine: Engine = ours
            try:
                if self.definitions.settings.engine != DuckDB.dialect:
                    tell(f"on {self.definitions.settings.engine}", 0, len(used))
                    engine = running(self.definitions.settings.engine, self.spill)
                self.ours = ours
                prepared = Prepared(
                    engine,
                    self.tables,
                    self.definitions.settings,
                    self.definitions.rules,
                    now=self.now,
                    observed=observed(self.definitions),
                    instruments=self.definitions.instruments,
                )
                bench = Bench(engine, prepared, self.fact_lake, self.definitions)
                states = self._states(ours)
                fingerprints = Fingerprints(self.books)
                for number, (name, kpis) in enumerate(sorted(used.items())):
                    tell(name, number, len(used))
                    state = None if full else states.get(name)
                    done.append(self._one(bench, self.facts[name], kpis, state, fingerprints))
                fingerprints.save()
                tell("", len(used), len(used))
            finally:
                self.ours = None
                engine.close()
                ours.close()
        for lake, names in ((self.fact_lake, used), (self.books, (STATE, "readings", "imports"))):
            for name in names:
                lake.compact(name)
        for name in self.tables.names():
            self.tables.compact(name)
        return done

    def built(self, bench: Bench, fact: Fact) -> Measured | None:
        """Bring one fact up to date with its tables, but none of its readings.

        Args:
            bench: The project's tables on an engine.
            fact: The fact.

        Returns:
            The fact, attached; None where its tables have no data.
        """
        wanted = self._wanted(bench, fact, ())
        if not wanted.versions.keys() & set(fact.reads):
            return None
        state = self._states(bench.engine).get(fact.name)
        dirty = self._dirty(fact, wanted, state)
        if dirty is not None:
            build(fact, bench.prepared, self.fact_lake, since=dirty.since, until=dirty.until)
        if state is None:
            # Without this nobody would know the next time that it is up to date.
            self._remember(fact.name, wanted)
        return bench.measured(fact)

    def _wanted(self, bench: Bench[Any], fact: Fact, kpis: Iterable[CatalogueKpi]) -> State:
        prepared = bench.prepared
        return State(
            model=_model(fact, self.definitions, prepared),
            versions=versions(fact.reads, prepared.versions),
            until=_until(fact, prepared),
            kpis={kpi.id: _plan_hash(kpi, self.definitions) for kpi in kpis},
        )

    def _one(
        self,
        bench: Bench[Any],
        fact: Fact,
        kpis: list[CatalogueKpi],
        state: State | None,
        fingerprints: Fingerprints,
    ) -> Refreshed:
        prepared = bench.prepared
        wanted = self._wanted(bench, fact, kpis)
        if not wanted.versions.keys() & set(fact.reads):
            return Refreshed(fact.name, "no data", None, None, 0, len(kpis), 0)
        rebuild = self._dirty(fact, wanted, state)
        rows = 0
        if rebuild is not None:
            built = build(fact, prepared, self.fact_lake, since=rebuild.since, until=rebuild.until)
            rows = built.rows
            rebuild = Span(built.since, built.until)
        if rebuild is None and state is not None:
            same = replace(wanted, days=state.days, fingerprints=fingerprints.digest(fact.name))
            if same == state:
                return Refreshed(fact.name, "unchanged", None, None, 0, len(kpis), 0)
        measured = bench.measured(fact)
        if measured is None:
            return Refreshed(fact.name, "no data", None, None, 0, len(kpis), 0)
        frame = bench.frame(fact, self.now)
        wanted = replace(wanted, days=f"{frame.first} {frame.last}")
        opened = None
        if state is not None and state.until != wanted.until:
            opened = self._open_since([kpi.id for kpi in kpis])
        if state is None or state.fingerprints != fingerprints.digest(fact.name):
            # They are of another time than the readings, for a refresh was cut off.
            fingerprints.only(fact.name, ())
        staleness = Staleness(bench, measured, plan(kpis, measured), fingerprints)
        stale = staleness.found(kpis, wanted, state, rebuild, opened)
        wanted = replace(wanted, fingerprints=fingerprints.digest(fact.name))
        logged = sum(self._measure(bench, measured, one) for one in stale)
        if wanted != state:
            self._remember(fact.name, wanted)
        return _told(fact.name, rows, len(kpis), stale, logged)

    # --- what is stale ---

    def _dirty(self, fact: Fact, wanted: State, state: State | None) -> Span | None:
        """Days whose rows of the fact may have changed."""
        if state is None or state.model != wanted.model or not self.fact_lake.exists(fact.name):
            return WHOLE
        if state.until != wanted.until and (fact.lookback.whole or _UNTIL.search(fact.sql)):
            return WHOLE
        spans: list[Span] = []
        for table, version in wanted.versions.items():
            before = state.versions.get(table)
            if before == version:
                continue
            if table in PEOPLE and table not in fact.reads:
                # Who is excluded, and who an id belongs to, is part of the signature.
                continue
            commits = self.tables.touched_since(table, before)
            # What lies in no month, such as a campaign, may bear on rows of any day.
            if commits is None or (commits and not schema.table(table).partitioned):
                return WHOLE
            for commit in commits:
                if commit.since is None or commit.until is None:
                    return WHOLE
                first, last = (self._day(t) for t in (commit.since, commit.until))
                spans.append(Span(first, last))
        if not spans:
            return None
        margin = fact.lookback.span(self.definitions.rules.parameters())
        if margin is None:
            return WHOLE
        shift = timedelta(days=margin.days + 1) if margin else timedelta()
        firsts = [span.since for span in spans if span.since]
        lasts = [span.until for span in spans if span.until]
        return Span(min(firsts) - shift, max(lasts) + shift)

    def _open_since(self, kpis: list[str]) -> date | None:
        if not self.books.exists("readings"):
            return None
        found = self.log.read(kpis, totals=False)
        starts = [
            start
            for start, complete, grain in zip(
                found["period_start"].to_pylist(),
                found["complete"].to_pylist(),
                found["grain"].to_pylist(),
                strict=True,
            )
            if not complete and grain != "all"
        ]
        return min(starts, default=None)

    def _day(self, moment: str) -> date:
        return datetime.fromisoformat(moment).astimezone(self.zone).date()

    # --- measuring ---

    def _measure(self, bench: Bench[Any], measured: Measured, stale: Stale) -> int:
        kpis = stale.kpis
        ids = [kpi.id for kpi in kpis]
        sets = plan(kpis, measured)
        whole = [one for one in sets if one[0] == "all" and stale.ever]
        short = [one for one in sets if one[0] != "all" and stale.span is not None]
        since, until = _widened(stale.span or WHOLE)
        if since is None and until is None:
            # All rows are read in any case: once is enough.
            found = bench.readings(measured, kpis, [*short, *whole], self.now)
        else:
            found = bench.readings(measured, kpis, short, self.now, since=since, until=until)
            found = _inside(found, since, until)
            found = pa.concat_tables([found, bench.readings(measured, kpis, whole, self.now)])
        ours = self.ours or DuckDB()
        return self.log.append(ours, found, ids, [*short, *whole], self.now, since, until)

    # --- state ---

    def _states(self, engine: DuckDB) -> dict[str, State]:
        snapshot = self.books.snapshot(STATE)
        if snapshot is None:
            return {}
        engine.attach("refresh_states", snapshot)
        rows = engine.query(
            "SELECT fact, state FROM (SELECT *, row_number() OVER (PARTITION BY fact"
            " ORDER BY refreshed_at DESC) AS nth FROM refresh_states) WHERE nth = 1"
        ).to_pylist()
        return {row["fact"]: State(**json.loads(row["state"])) for row in rows}

    def _remember(self, fact: str, state: State) -> None:
        text = json.dumps(
            {
                "model": state.model,
                "versions": dict(state.versions),
                "until": state.until,
                "kpis": dict(state.kpis),
                "days": state.days,
                "fingerprints": state.fingerprints,
            }
        )
        fields = [
            ("fact", pa.string()),
            ("refreshed_at", pa.timestamp("us", "UTC")),
            ("state", pa.string()),
        ]
        row = {"fact": fact, "refreshed_at": self.now, "state": text}
        self.books.append(STATE, pa.Table.from_pylist([row], schema=pa.schema(fields)))


def _told(fact: str, rows: int, kpis: int, stale: list[Stale], logged: int) -> Refreshed:
    spans = [one.span for one in stale if one.span is not None]
    state = "part" if stale else "unchanged"
    if spans and all(span == WHOLE for span in spans):
        state = "full"
    firsts = [span.since for span in spans]
    lasts = [span.until for span in spans]
    since = min((day for day in firsts if day), default=None) if None not in firsts else None
    until = max((day for day in lasts if day), default=None) if None not in lasts else None
    return Refreshed(fact, state, since, until, rows, kpis, logged)


def plan(kpis: Iterable[CatalogueKpi], measured: Measured) -> tuple[tuple[Grain, str | None], ...]:
    """What a refresh computes: totals at every grain, breakdowns from the week up."""
    names = dict.fromkeys(
        name for kpi in kpis for name in kpi.breakdowns if name in measured.dimensions
    )
    return tuple(_sets(tuple(measured.fact.grains), names))


def _sets(grains: tuple[Grain, ...], names: Iterable[str]) -> Iterator[tuple[Grain, str | None]]:
    for grain in grains:
        yield grain, None
        if grain != "day":
            yield from ((grain, name) for name in names)


def observed(definitions: Definitions) -> dict[str, datetime]:
    """Until when sources say that a table is complete: the latest of a table's sources."""
    found: dict[str, datetime] = {}
    for source in definitions.sources.values():
        if source.observed_until is not None:
            moment = periods.midnight(source.observed_until, definitions.settings.timezone)
            found[source.table] = max(found.get(source.table, moment), moment)
    return found


def _widened(span: Span) -> tuple[date | None, date | None]:
    """Whole quarters and whole weeks around a span, as first day and the day after the last."""
    since = until = None
    if span.since is not None:
        since = periods.start("week", periods.start("quarter", span.since))
    if span.until is not None:
        quarter = periods.end("quarter", periods.start("quarter", span.until))
        until = periods.end("week", periods.start("week", quarter - timedelta(days=1)))
    return since, until


def _inside(found: pa.Table, since: date | None, until: date | None) -> pa.Table:
    """Readings of periods that lie inside the days that were read."""
    import pyarrow.compute as pc

    if since is not None:
        found = found.filter(pc.greater_equal(found["period_start"], pa.scalar(since)))
    if until is not None:
        found = found.filter(pc.less_equal(found["period_end"], pa.scalar(until)))
    return found


def _model(fact: Fact, definitions: Definitions, prepared: Prepared) -> str:
    """A hash of everything but data that decides a fact's rows and their segments."""
    parts = [
        signature(fact, prepared),
        definitions.settings.model_dump(mode="json", include={"touchpoints"}),
        {name: each.model_dump(mode="json") for name, each in definitions.segments.items()},
        {table: prepared.attributes(table) for table in ("customers", "accounts")},
    ]
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _until(fact: Fact, prepared: Prepared) -> str | None:
    known = [prepared.until.get(table) for table in fact.reads]
    moments = [moment.isoformat() for moment in known if moment is not None]
    return ",".join(moments) or None


def _plan_hash(kpi: CatalogueKpi, definitions: Definitions) -> str:
    """Changes with the definition of a KPI, and with what it is broken down by."""
    own = definition_hash(kpi, "", definitions.rules.parameters())
    return f"{own}:{','.join(kpi.breakdowns)}:{','.join(kpi.stages)}"
