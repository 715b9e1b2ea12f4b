"""The room of KPIs, as a project opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.definitions.problem import one_of
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    import pyarrow as pa

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.project_files import Definitions
    from heedful.kpis.log import ReadingLog
    from heedful.kpis.shelf import Shelf
    from heedful.project.project import Project

GRAINS = ("day", "week", "month", "quarter", "all")


def known_grain(grain: str) -> None:
    """Refuse a grain that does not exist.

    Raises:
        NotFoundError: It does not.
    """
    if grain not in GRAINS:
        raise NotFoundError(f'grain "{grain}" does not exist', one_of(GRAINS, grain))


def known_stage(stage: str | None, definitions: Definitions) -> None:
    """Refuse a stage that the project does not have.

    Raises:
        NotFoundError: It has not.
    """
    known = definitions.settings.stages
    if stage is not None and stage not in known:
        raise NotFoundError(f'stage "{stage}" does not exist', one_of(known, stage))


@dataclass(frozen=True)
class Kpis:
    """The KPIs of a project."""

    project: Project

    def all(self) -> list[CatalogueKpi]:
        """Those that are switched on, then the rest of the catalogue."""
        definitions = self.project.definitions
        rest = [k for k in definitions.catalogue.values() if k.id not in definitions.kpis]
        return [*definitions.kpis.values(), *rest]

    def get(self, name: str) -> CatalogueKpi:
        """One KPI of the project or the catalogue.

        Raises:
            NotFoundError: There is none of that name, or it is only planned.
        """
        definitions = self.project.definitions
        kpi = definitions.kpis.get(name) or definitions.catalogue.get(name)
        if kpi is None:
            known = sorted({*definitions.kpis, *definitions.catalogue})
            raise NotFoundError(f'KPI "{name}" does not exist', one_of(known, name))
        if kpi.planned:
            measurable = sorted(k.id for k in self.all() if not k.planned)
            raise NotFoundError(
                f'KPI "{name}" is planned; it cannot be measured yet', one_of(measurable)
            )
        return kpi

    @property
    def log(self) -> ReadingLog:
        """What was reported, when."""
        from heedful.kpis.log import ReadingLog

        return ReadingLog(self.project.books, self.project.definitions.settings.timezone)

    def shelf(self, *, as_of: date | datetime | None = None) -> Shelf:
        """All readings as they stand, or stood, in memory: for many small questions.

        Args:
            as_of: As they had been reported at the end of this day.
        """
        from heedful.kpis.log import NAME
        from heedful.kpis.shelf import Shelf

        version = self.project.books.version(NAME)
        return Shelf(self.log.reports(as_of), version)

    def readings(
        self,
        *names: str,
        by: str | None = None,
        grain: str = "month",
        stage: str | None = None,
        since: date | None = None,
        until: date | None = None,
        as_of: date | datetime | None = None,
        note: Callable[[str], None] | None = None,
    ) -> pa.Table:
        """Readings: those that were reported, and where there are none, computed now.

        Args:
            names: KPIs; without any all that are switched on.
            by: Dimension to break down by, or `stage`; None: totals.
            grain: day, week, month, quarter or all.
            stage: Only this stage; None: over all stages.
            since: Periods that end after this day.
            until: Periods that begin before this day.
            as_of: As they had been reported at the end of this day.
            note: Called with a sentence about what a reader should know.

        Returns:
            Arrow table with the columns of the contract; `.to_pandas()` where pandas is there.

        Raises:
            NotFoundError: No such KPI, dimension, grain or stage.
        """
        tell = note or (lambda _text: None)
        definitions = self.project.definitions
        known_grain(grain)
        known_stage(stage, definitions)
        kpis = [self.get(name) for name in names] or list(definitions.kpis.values())
        each_stage = by == "stage"
        by = None if each_stage else by
        found = self.log.read(
            [kpi.id for kpi in kpis],
            grain=grain,
            dimension=by,
            stage=stage,
            stages=each_stage,
            since=since,
            until=until,
            as_of=as_of,
        )
        if each_stage:
            found = found.filter(found["stage"].is_valid())
        if as_of is not None:
            return found
        held = set(found["kpi"].to_pylist())
        missing = [kpi for kpi in kpis if kpi.id not in held]
        if not missing or not (names or by):
            return found
        import pyarrow as pa

        fresh = self.computed(missing, by, grain, tell)
        if each_stage:
            fresh = fresh.filter(fresh["stage"].is_valid())
        elif stage is None:
            fresh = fresh.filter(fresh["stage"].is_null())
        fresh = only(fresh, stage, since, until).select(found.column_names)
        keys = [(name, "ascending", "at_start") for name in ("kpi", "period_start", "stage")]
        order = [*keys, ("segment", "ascending", "at_end")]
        return pa.concat_tables([found, fresh]).sort_by(order)

    def computed(
        self,
        kpis: Sequence[CatalogueKpi],
        by: str | None,
        grain: str,
        tell: Callable[[str], None],
    ) -> pa.Table:
        """Readings that no refresh has made: of KPIs not switched on, or other dimensions.

        Args:
            kpis: The KPIs.
            by: Dimension to break down by; None: totals.
            grain: day, week, month, quarter or all.
            tell: Called with a sentence about what a reader should know.

        Returns:
            Readings with their replicates, over all stages and by stage; they are not logged.

        Raises:
            NotFoundError: None of the KPIs can be broken down so.
        """
        from datetime import UTC, datetime

        import pyarrow as pa

        from heedful.facts.build import build
        from heedful.kpis.reported import STORED

        tables = [STORED.empty_table()]
        by_fact: dict[str, list[CatalogueKpi]] = {}
        for kpi in kpis:
            by_fact.setdefault(str(kpi.fact), []).append(kpi)
        now = datetime.now(UTC)
        unknown: dict[str, tuple[str, ...]] = {}
        with self.project.bench() as bench:
            for name, mine in by_fact.items():
                fact = self.project.facts[name]
                if not set(fact.reads) & set(bench.prepared.versions):
                    ids = ", ".join(k.id for k in mine)
                    tell(f"{ids}: no data in {' or '.join(fact.reads)}")
                    continue
                measured = bench.measured(fact)
                if measured is None:
                    build(fact, bench.prepared, bench.facts)
                    measured = bench.measured(fact)
                if measured is None:
                    continue
                if grain not in fact.grains:
                    ids = ", ".join(k.id for k in mine)
                    tell(f"{ids}: not measured by {grain}; it has {', '.join(fact.grains)}")
                    continue
                if by is not None and by not in measured.dimensions:
                    unknown[mine[0].id] = measured.dimensions
                    continue
                found = bench.readings(measured, mine, [(grain, by)], now)
                tables.append(found)
                held = set(found["kpi"].to_pylist())
                what = f" by {by}" if by else ""
                if held:
                    ids = ", ".join(k.id for k in mine if k.id in held)
                    tell(f"{ids}{what}: computed now, not from the log of readings")
                for kpi in mine:
                    if kpi.id not in held:
                        tell(f"{kpi.id}: no row of facts.{name} counts for it yet")
        if unknown and len(tables) == 1:
            first, known = next(iter(unknown.items()))
            raise NotFoundError(f'{first} cannot be broken down by "{by}"', one_of(known, by or ""))
        return pa.concat_tables(tables)

    def definition_hash(self, name: str) -> str:
        """The hash that this KPI's readings carry today."""
        from heedful.kpis.computing import definition
        from heedful.kpis.reading import definition_hash

        kpi = self.get(name)
        fact = self.project.facts[str(kpi.fact)]
        definitions = self.project.definitions
        return definition_hash(kpi, definition(fact, definitions), definitions.rules.parameters())

    def sql(self, name: str, grain: str = "month") -> str:
        """The SQL that a KPI's totals come from, over `facts.<fact>`; empty without data."""
        kpi = self.get(name)
        with self.project.bench() as bench:
            measured = bench.measured(self.project.facts[str(kpi.fact)])
            if measured is None:
                return ""
            return bench.sql(measured, kpi, grain)  # type: ignore[arg-type]


def only(readings: pa.Table, stage: str | None, since: date | None, until: date | None) -> pa.Table:
    """Those readings of a stage (all without), and of periods between two days."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if stage is not None:
        readings = readings.filter(pc.equal(readings["stage"], stage))
    if since is not None:
        readings = readings.filter(pc.greater(readings["period_end"], pa.scalar(since)))
    if until is not None:
        readings = readings.filter(pc.less(readings["period_start"], pa.scalar(until)))
    return readings
