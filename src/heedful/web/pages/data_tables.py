"""How fresh and how whole each table is: rows by day, newest row, rejected rows, join rates."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from heedful.findings.trouble import rhythm
from heedful.project import stock
from heedful.project.stock import JOINED, Join, Stock
from heedful.store import schema

if TYPE_CHECKING:
    from heedful.web.edition import Edition

State = Literal["fresh", "late", "empty", "idle"]
DAYS = 28
LOOK_SECONDS = 3.0
STALE = 2
"""After so many days without any row at all it is the imports that stopped, not a table."""


@dataclass(frozen=True, slots=True)
class TableState:
    """A table as it stands.

    Attributes:
        name: Its name.
        says: What a row is.
        rows: Rows kept.
        days: Rows of each of the last 28 days.
        newest: Time of the newest row that is not in the future; None without any.
        every: Rows are expected every so many days; None where its past is too short to tell.
        state: fresh; late; empty, though something fills or reads it; idle: behind, and nothing
            that is measured waits for it.
        late: Days that it is behind the table that reaches furthest.
        rejected: Rows that could not be taken over.
        waiting: KPIs that are on, and experiments that run, that need it.
        sources: Sources that fill it.
    """

    name: str
    says: str
    rows: int
    days: tuple[int, ...]
    newest: datetime | None
    every: int | None
    state: State
    late: int
    rejected: int
    waiting: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def drawn(self) -> tuple[int | None, ...]:
        """The days as they are drawn: one without rows is marked where each should have some."""
        if self.every != 1 or self.state == "idle":
            return tuple(one or None for one in self.days)
        # The last day may have only begun.
        return (*self.days[:-1], self.days[-1] or None)

    @property
    def rejected_share(self) -> float | None:
        """Share of its rows that were rejected, 0 to 1; None without any row."""
        every = self.rows + self.rejected
        return self.rejected / every if every else None


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables that matter here.

    Attributes:
        states: Those that need someone first.
        until: The newest row of all; None without any.
        stale: Days between that and today, where it is the imports that stopped; else 0.
        unused: Tables that nothing fills and nothing reads.
        joins: How many rows are of a known customer.
    """

    states: tuple[TableState, ...]
    until: datetime | None
    stale: int
    unused: tuple[str, ...]
    joins: tuple[Join, ...]

    @property
    def trouble(self) -> tuple[TableState, ...]:
        """Those that need someone."""
        return tuple(one for one in self.states if one.state in {"late", "empty"})

    @property
    def empty(self) -> bool:
        """Whether there is no row at all."""
        return not any(one.rows for one in self.states)


def tables(edition: Edition) -> Tables:
    """The tables of an edition; looked up once an import."""
    return edition.once(("data tables", imported(edition)), lambda: _tables(edition))


def imported(edition: Edition) -> int | None:
    """Version of the history of imports: another process may import between two refreshes.

    It is looked up every few seconds.
    """
    seen = edition.once("imports seen", _Seen)
    if time.monotonic() - seen.at > LOOK_SECONDS:
        seen.version = edition.project.books.version("imports")
        seen.at = time.monotonic()
    return seen.version


@dataclass(slots=True)
class _Seen:
    at: float = float("-inf")
    version: int | None = None


def _tables(edition: Edition) -> Tables:
    project = edition.project
    held = stock.held(project)
    with project.answering() as ask:
        counts = stock.counts(ask, project, held, datetime.now(UTC))
    newest = [one.newest for one in counts.values() if one.newest is not None]
    until = max(newest, default=None)
    end = until.astimezone(edition.zone).date() if until else edition.today
    behind = (edition.today - end).days
    readers = _readers(edition, end, [name for name, one in counts.items() if one.days])
    fillers: dict[str, list[str]] = {}
    for source in edition.definitions.sources.values():
        fillers.setdefault(source.table, []).append(source.name)
    states = [
        _state(edition, name, counts.get(name) or Stock({}), end, readers, fillers)
        for name in schema.names()
        if name in counts or name in readers or name in fillers
    ]
    order: Mapping[str, int] = {"late": 0, "empty": 1, "fresh": 2, "idle": 3}
    states.sort(key=lambda one: (order[one.state], -len(one.waiting), one.name))
    used = {one.name for one in states}
    unused = tuple(name for name in schema.names() if name not in used)
    joins = tuple(
        Join(name, one.rows, one.named, one.known)
        for name in JOINED
        if name in counts and "customers" in counts
        for one in (counts[name],)
    )
    return Tables(tuple(states), until, behind if until and behind > STALE else 0, unused, joins)


def _state(
    edition: Edition,
    name: str,
    of: Stock,
    end: date,
    readers: Mapping[str, Sequence[str]],
    fillers: Mapping[str, Sequence[str]],
) -> TableState:
    days, last = of.days, of.newest
    every = rhythm([day for day in days if day is not None and day <= end])
    late = (end - last.astimezone(edition.zone).date()).days if last else 0
    rows = of.rows
    state: State = "fresh"
    if not rows:
        state = "empty"
    elif every and late > every:
        state = "late" if readers.get(name) else "idle"
    return TableState(
        name,
        schema.table(name).says,
        rows,
        tuple(days.get(end - timedelta(days=back), 0) for back in range(DAYS - 1, -1, -1)),
        last,
        every,
        state,
        late,
        of.rejected,
        tuple(readers.get(name, ())),
        tuple(fillers.get(name, ())),
    )


def _readers(edition: Edition, end: date, held: Container[str]) -> dict[str, list[str]]:
    """What waits for each table: KPIs that are on, and experiments that units still enter."""
    found: dict[str, list[str]] = {}
    for kpi in edition.definitions.kpis.values():
        fact = edition.project.facts.get(kpi.fact)
        for table in fact.reads if fact else ():
            # A KPI that has readings does without a table that is empty.
            if table in held or kpi.id not in edition.shelf.kpis:
                found.setdefault(table, []).append(kpi.id)
    running = [
        each.id
        for each in edition.definitions.experiments.values()
        if each.start <= end < each.closes
    ]
    if running:
        found["exposures"] = running
    return found
