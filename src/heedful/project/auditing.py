"""Audits the catalogue: counts what is there, and holds it against what each KPI needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.project import stock
from heedful.project.instrumenting import Asker, filled, needed, read, there
from heedful.project.inventory import Audit, KpiAudit, State, summed_up
from heedful.project.stock import Join

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.facts.model import Fact
    from heedful.facts.needs import Leaf, Need
    from heedful.project.project import Project
    from heedful.project.stock import Ask, Stock


def audit(project: Project, now: datetime | None = None) -> Audit:
    """Look at every KPI of the catalogue and of the project.

    Each table is read a few times, however many KPIs need it, and so is each built fact.

    Args:
        project: The project.
        now: The present.
    """
    now = now or datetime.now(UTC)
    rules = project.definitions.rules.parameters()
    every = project.kpis.all()
    facts = {kpi.id: project.facts.get(kpi.fact or "") for kpi in every if not kpi.planned}
    wants = {kpi.id: needed(kpi, fact) for kpi in every if (fact := facts.get(kpi.id)) is not None}
    names = stock.held(project)
    with project.answering() as ask:
        joined = [name for name in names if name != "customers" and stock.people(name)]
        stocks = stock.counts(ask, project, names, now, joined)
        stock.fill(ask, stocks, (leaf for want in wants.values() for leaf in want.leaves()))
        counted = _counted(ask, project, every)
        covered = _staged(ask, project)
        began = _moment(ask, project, "imports", "min(imported_at)")
        measured = _moment(ask, project, "readings", "max(reported_at)")
    zone = ZoneInfo(project.definitions.settings.timezone)
    lateness = _Lateness(project, stocks, zone)
    asker = Asker(project.definitions, stocks, rules)
    is_there = there(stocks, rules)
    found = []
    for kpi in every:
        fact, want = facts.get(kpi.id), wants.get(kpi.id)
        missing = want.missing(is_there) if want is not None else []
        found.append(_audited(project, kpi, fact, want, missing, counted, lateness, asker, stocks))
    joins = tuple(
        Join(name, one.rows, one.named, one.known)
        for name in joined
        if "customers" in names
        for one in (stocks[name],)
        if one.rows
    )
    stages = project.definitions.settings.stages
    today = now.astimezone(zone).date()
    whole = summed_up(found, joins, stages, covered, lateness.until, today)
    return replace(
        whole,
        began=began and began.astimezone(zone).date(),
        measured=measured and measured.astimezone(zone).date(),
    )


def _moment(ask: Ask, project: Project, book: str, which: str) -> datetime | None:
    """A moment in one of the books; None where there is none yet."""
    if not project.books.exists(book):
        return None
    found: datetime | None = ask(f"SELECT {which} AS found FROM {book}").to_pylist()[0]["found"]
    return found


def _staged(ask: Ask, project: Project) -> set[str]:
    """Stages that have readings."""
    if not project.books.exists("readings"):
        return set()
    sql = "SELECT DISTINCT stage FROM readings WHERE stage IS NOT NULL AND n > 0"
    return {str(row["stage"]) for row in ask(sql).to_pylist()}


@dataclass(frozen=True, slots=True)
class _Count:
    """Rows of a built fact for one KPI."""

    asked: int
    usable: int
    newest: date | None


def _counted(ask: Ask, project: Project, every: Sequence[CatalogueKpi]) -> dict[str, _Count]:
    """Rows of built facts that count for each KPI, in one pass over each fact."""
    from heedful.definitions.measure import Share
    from heedful.kpis.measuring import columns

    anything = Share(share="TRUE")
    lake = project.lake("facts")
    rules = project.definitions.rules.parameters()
    built = {name: lake.snapshot(name) for name in lake.names()}
    by_fact: dict[str, list[CatalogueKpi]] = {}
    for kpi in every:
        snapshot = built.get(kpi.fact or "")
        # What customers bring to a row is not in the fact; such a KPI is judged by its tables.
        known = set() if snapshot is None else set(snapshot.columns)
        if not kpi.planned and set(read(kpi)[0]) <= known:
            by_fact.setdefault(str(kpi.fact), []).append(kpi)
    found: dict[str, _Count] = {}
    for name, kpis in by_fact.items():
        snapshot = built[name]
        kinds = {} if snapshot is None else snapshot.columns
        texts = {one for one, kind in kinds.items() if kind == "VARCHAR"}
        items = []
        for place, kpi in enumerate(kpis):
            alone = kpi.model_copy(update={"measure": anything})
            asked = columns(alone, kinds, texts, rules).counts
            usable = columns(kpi, kinds, texts, rules).counts
            items += [
                f"count(*) FILTER (WHERE {asked}) AS a{place}",
                f"count(*) FILTER (WHERE {usable}) AS u{place}",
                f"max(day) FILTER (WHERE {usable}) AS d{place}",
            ]
        row = ask(f'SELECT {", ".join(items)} FROM facts."{name}"').to_pylist()[0]
        for place, kpi in enumerate(kpis):
            found[kpi.id] = _Count(row[f"a{place}"], row[f"u{place}"], row[f"d{place}"])
    return found


class _Lateness:
    """How far each table is behind, beyond its own rhythm."""

    def __init__(self, project: Project, stocks: Mapping[str, Stock], zone: ZoneInfo) -> None:
        self.zone = zone
        self.stocks = stocks
        newest = [one.newest for one in stocks.values() if one.newest is not None]
        self.until = max(newest).astimezone(zone).date() if newest else None
        told = [one.observed_until for one in project.definitions.sources.values()]
        self.end = max([one for one in (self.until, *told) if one is not None], default=None)

    def newest(self, table: str) -> date | None:
        """Day of the newest row of a table."""
        one = self.stocks.get(table)
        return one.newest.astimezone(self.zone).date() if one and one.newest else None

    def late(self, table: str) -> int | None:
        """Days behind; 0: fresh. None: nothing there, or no rhythm to be late by."""
        from heedful.findings.trouble import rhythm

        newest, one = self.newest(table), self.stocks.get(table)
        if newest is None or one is None or self.end is None:
            return None
        every = rhythm([day for day in one.days if day is not None and day <= self.end])
        behind = (self.end - newest).days
        if every is None:
            return None
        return behind if behind > max(every, 1) else 0


def _audited(
    project: Project,
    kpi: CatalogueKpi,
    fact: Fact | None,
    want: Need | None,
    missing: Sequence[Leaf],
    counted: Mapping[str, _Count],
    lateness: _Lateness,
    asker: Asker,
    stocks: Mapping[str, Stock],
) -> KpiAudit:
    on = kpi.id in project.definitions.kpis
    count = counted.get(kpi.id)
    leaves = list(want.leaves()) if want is not None else []
    tables = tuple(dict.fromkeys(leaf.table for leaf in leaves if leaf.kind == "table"))
    data = count.usable > 0 if count is not None else want is not None and not missing
    state: State = "planned"
    if fact is not None:
        state = {(True, True): "measured", (False, True): "ready", (True, False): "waiting"}.get(
            (on, data), "missing"
        )  # type: ignore[assignment]
    people = [name for name in tables if name != "customers" and stock.people(name)]
    main = next((name for name in people if name in stocks and stocks[name].rows), None)
    late = [days for name in tables if data and (days := lateness.late(name)) is not None]
    newest = [day for name in tables if (day := lateness.newest(name)) is not None]
    steps: tuple[str, ...] = ()
    if fact is not None and not data:
        steps = asker.steps(missing, fact) or _no_reason(kpi, count)
    elif state == "ready":
        steps = (f"switch it on: write kpis/{kpi.id}.yaml with its owner and playbook",)
    complete = count.usable / count.asked if count is not None and count.asked else None
    return KpiAudit(
        kpi=kpi.id,
        title=kpi.title,
        layer=kpi.layer,
        core=kpi.core,
        stages=kpi.stages,
        owner=kpi.owner if on else None,
        on=on,
        state=state,
        fact=kpi.fact,
        rows=None if count is None else count.usable,
        newest=(count.newest if count else max(newest, default=None)) if data else None,
        late=max(late) if late else None,
        complete=complete if data else None,
        joined=stocks[main].join_rate if main and data and "customers" in stocks else None,
        table=main if data else None,
        tables=tables,
        columns=tuple(f"{leaf.table}.{leaf.name}" for leaf in leaves if leaf.kind == "column"),
        filled=filled(want, stocks) if want is not None else {},
        events=tuple(leaf.name for leaf in leaves if leaf.kind == "events"),
        next=steps,
    )


def _no_reason(kpi: CatalogueKpi, count: _Count | None) -> tuple[str, ...]:
    """What to do where everything it needs is somewhere, but never in one row."""
    if count is None or not count.asked:
        where = f" WHERE {kpi.where}" if kpi.where else ""
        return (f'wait for rows that count: heedful sql "SELECT * FROM facts.{kpi.fact}{where}"',)
    return (f"fill what it is measured from: heedful explain {kpi.id}",)
