"""Which readings of a fact may have changed since they were made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from heedful.engines.duckdb import DuckDB

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.kpis.computing import Bench, Measured
    from heedful.kpis.fingerprints import Fingerprints
    from heedful.kpis.periods import Grain

# What is known of people can change the segment of any of their rows, however old.
PEOPLE = frozenset({"customers", "accounts", "identities"})


@dataclass(frozen=True, slots=True)
class State:
    """What the last refresh of a fact rested on."""

    model: str
    versions: Mapping[str, int]
    until: str | None
    kpis: Mapping[str, str]
    days: str | None = None
    """First and last day that have rows."""
    fingerprints: str | None = None
    """Digest of how its days looked then."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days to recompute; None: to the end of time."""

    since: date | None
    until: date | None


WHOLE = Span(None, None)


@dataclass(frozen=True, slots=True)
class Stale:
    """Readings to make anew.

    Attributes:
        kpis: Of these KPIs.
        span: Of periods that hold these days; None: of none.
        ever: Also those of all time.
    """

    kpis: tuple[CatalogueKpi, ...]
    span: Span | None
    ever: bool


class Staleness:
    """Finds what is stale of one fact that was brought up to date.

    Args:
        bench: An engine with the fact on it.
        measured: The fact.
        sets: Grains and dimensions that readings are made of.
        fingerprints: How days looked when readings were made; what is found is kept there.
    """

    def __init__(
        self,
        bench: Bench[Any],
        measured: Measured,
        sets: Sequence[tuple[Grain, str | None]],
        fingerprints: Fingerprints,
    ) -> None:
        self.bench = bench
        self.measured = measured
        self.sets = sets
        self.fingerprints = fingerprints

    def found(
        self,
        kpis: Sequence[CatalogueKpi],
        wanted: State,
        state: State | None,
        rebuilt: Span | None,
        opened: date | None,
    ) -> list[Stale]:
        """What has to be made anew.

        Args:
            kpis: KPIs over the fact.
            wanted: What readings would rest on now.
            state: What they rested on, None where there are none.
            rebuilt: Days of the fact that were built anew; None: none were.
            opened: First day of the periods that were not complete, where more is known now.

        Returns:
            Each KPI at most once.
        """
        known: dict[str, str] = {}
        if state is not None and state.model == wanted.model:
            known = {name: one for name, one in state.kpis.items() if wanted.kpis.get(name) == one}
        people = state is None or any(
            state.versions.get(table) != wanted.versions.get(table) for table in PEOPLE
        )
        moved = state is None or state.days != wanted.days
        dirty = self._dirty(kpis, rebuilt, people=people)
        found: dict[Stale, list[CatalogueKpi]] = {}
        for kpi in kpis:
            span = dirty.get(kpi.id) if kpi.id in known else WHOLE
            ever = moved or span is not None
            if opened is not None:
                since = opened if span is None else span.since and min(span.since, opened)
                span = Span(since, None)
            if span is not None or ever:
                found.setdefault(Stale((), span, ever), []).append(kpi)
        return [replace(one, kpis=tuple(some)) for one, some in found.items()]

    def _dirty(
        self, kpis: Sequence[CatalogueKpi], rebuilt: Span | None, *, people: bool
    ) -> dict[str, Span]:
        """Days of each KPI whose rows are others than before; KPIs without any are left out."""
        fact, prints = self.measured.fact.name, self.fingerprints
        suspected = WHOLE if people else rebuilt
        if not isinstance(self.bench.engine, DuckDB):
            prints.only(fact, ())
            return dict.fromkeys((kpi.id for kpi in kpis), suspected) if suspected else {}
        parts = self.bench.parts(self.measured, kpis, self.sets)
        prints.only(fact, [part.key for part in parts])
        found: dict[str, Span] = {}
        for part in parts:
            known = prints.knows(fact, part.key)
            if known and suspected is None:
                continue
            looked = suspected if known and suspected else WHOLE
            days = self.bench.days(part, looked.since, looked.until)
            changed = prints.renewed(fact, part.key, days, looked.since, looked.until)
            if suspected is not None:
                span = suspected if changed is None else _around(changed)
                found |= dict.fromkeys(part.kpis, span) if span else {}
        return found


def _around(days: Iterable[date]) -> Span | None:
    some = sorted(days)
    return Span(some[0], some[-1]) if some else None
