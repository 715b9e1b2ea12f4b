"""The door to a project: rooms named as nouns, each with its own few verbs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.definitions.problem import Problem, ProjectError, one_of
from heedful.definitions.project_files import Definitions, Loaded, find_root, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import pyarrow as pa

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.engines.duckdb import DuckDB
    from heedful.facts.model import Fact
    from heedful.kpis.computing import Bench
    from heedful.kpis.log import ReadingLog
    from heedful.kpis.refresh import Refreshed
    from heedful.ledger.annotation import Annotations
    from heedful.scorecard.scale import Suggestion
    from heedful.scorecard.score import Score
    from heedful.store.importing import Imported
    from heedful.store.lake import Lake

CATALOGUE = Path(__file__).parent / "kpis" / "catalogue"
GRAINS = ("day", "week", "month", "quarter", "all")


class NotFoundError(Exception):
    """Something asked for is not there.

    Attributes:
        found: What was asked for.
        allowed: What there is, and what to do.
    """

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"{found}; {allowed}")
        self.found, self.allowed = found, allowed


def open(path: str | Path = ".") -> Project:  # noqa: A001 - heedful.open reads like the builtin
    """Open a project.

    Args:
        path: Its folder, or a folder below it.

    Returns:
        The project.

    Raises:
        ProjectError: There is no project, or its files have problems; it lists all of them.
    """
    root = find_root(Path(path))
    if root is None:
        found = Problem(
            "heedful.yaml", 1, f"not found in {path} or above", "make one: heedful init"
        )
        raise ProjectError([found])
    return Project(root)


class Project:
    """A project: its definitions, and doors to its rooms.

    Args:
        root: Its folder.

    Raises:
        ProjectError: Its files have problems.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.definitions: Definitions = load(root, CATALOGUE).valid()

    @property
    def name(self) -> str:
        """What the project calls itself."""
        return self.definitions.settings.name

    @cached_property
    def tables(self) -> Tables:
        """The canonical tables and what fills them."""
        return Tables(self)

    @cached_property
    def kpis(self) -> Kpis:
        """KPIs and their readings."""
        return Kpis(self)

    @cached_property
    def scorecard(self) -> Scorecard:
        """The empathy score."""
        return Scorecard(self)

    @cached_property
    def annotations(self) -> Annotations:
        """What happened when."""
        from heedful.ledger.annotation import Annotations
        from heedful.ledger.database import Database

        return Annotations(Database(self.definitions.data))

    @cached_property
    def facts(self) -> Mapping[str, Fact]:
        """The facts of the project, built in and its own."""
        from heedful.facts.catalogue import facts

        return facts(self.root / "facts")

    def lake(self, name: str = "") -> Lake:
        """The tables below a folder of the data folder: `tables`, `facts`, or the books."""
        from heedful.store.lake import Lake

        return Lake(self.definitions.data / name if name else self.definitions.data)

    @property
    def books(self) -> Lake:
        """Readings, rejected rows and the history of imports."""
        return self.lake("books")

    @contextlib.contextmanager
    def bench(self) -> Iterator[Bench]:
        """An engine with the prepared tables and facts on it."""
        from heedful.engines.duckdb import DuckDB
        from heedful.facts.prepared import Prepared
        from heedful.kpis.computing import Bench
        from heedful.kpis.refresh import observed

        engine = DuckDB()
        try:
            prepared = Prepared(
                engine,
                self.lake("tables"),
                self.definitions.settings,
                self.definitions.rules,
                observed=observed(self.definitions),
            )
            yield Bench(engine, prepared, self.lake("facts"), self.definitions)
        finally:
            engine.close()

    def refresh(
        self, *, full: bool = False, progress: Callable[[str, int, int], None] | None = None
    ) -> list[Refreshed]:
        """Bring facts and readings up to date.

        Args:
            full: Recompute everything.
            progress: Called with a fact, how many are done, and how many there are.
        """
        from heedful.kpis.refresh import Refresh

        return Refresh(
            self.definitions, self.facts, self.lake("tables"), self.lake("facts"), self.books
        ).run(full=full, progress=progress)

    def sql(
        self, query: str, *, limit: int | None = None, seconds: float | None = None
    ) -> pa.Table:
        """Answer one SELECT over tables, `facts.<fact>`, `readings`, `rejected_rows`, `imports`.

        Args:
            query: The SELECT; it can read nothing but the project's data and write nothing.
            limit: Most rows to give.
            seconds: Longest time it may take.

        Raises:
            QueryError: It is no single SELECT, or fails.
        """
        from heedful.engines.duckdb import DuckDB

        engine = DuckDB()
        try:
            self._attach_all(engine)
            engine.seal()
            return engine.ask(query, limit=limit, seconds=seconds)
        finally:
            engine.close()

    def _attach_all(self, engine: DuckDB) -> None:
        from heedful.engines.duckdb import quoted
        from heedful.store import schema

        tables, facts, books = self.lake("tables"), self.lake("facts"), self.books
        for name in schema.names():
            columns = {c.name: c.sql_type for c in schema.table(name).columns.values()}
            engine.attach(quoted(name), tables.snapshot(name), columns)
        engine.run("CREATE SCHEMA facts")
        for name in facts.names():
            engine.attach(f"facts.{quoted(name)}", facts.snapshot(name))
        for name in ("readings", "rejected_rows", "imports"):
            snapshot = books.snapshot(name)
            if snapshot is not None:
                engine.attach(quoted(name), snapshot)


@dataclass(frozen=True)
class Tables:
    """The canonical tables of a project."""

    project: Project

    def import_(
        self,
        sources: Iterable[str] = (),
        progress: Callable[[str, str, int, int], None] | None = None,
    ) -> Iterator[Imported]:
        """Import sources, one after the other; each is one commit.

        Args:
            sources: Their names; all without any.
            progress: Called with the source, what is being done, bytes done and bytes in all.

        Yields:
            What each did.

        Raises:
            NotFoundError: There is no such source.
            ProjectError: A source does not fit its files; nothing of it was written, what came
                before it stays.
        """
        from heedful.store.importing import Importer

        project = self.project
        known = project.definitions.sources
        wanted = list(sources) or list(known)
        for name in wanted:
            if name not in known:
                allowed = one_of(known, name) if known else "put a file into sources/ first"
                raise NotFoundError(f'source "{name}" does not exist', allowed)
        importer = Importer(
            project.root,
            project.lake("tables"),
            project.books,
            project.definitions.data / "staging",
            project.definitions.settings.timezone,
            project.definitions.rules.parameters(),
        )
        for name in wanted:

            def tell(what: str, done: int, all_: int, name: str = name) -> None:
                if progress:
                    progress(name, what, done, all_)

            yield self._one(importer, name, tell)

    def _one(self, importer: Any, name: str, tell: Callable[[str, int, int], None]) -> Imported:
        from heedful.definitions.document import read
        from heedful.store.importing import SourceError

        try:
            done: Imported = importer.run(self.project.definitions.sources[name], tell)
        except SourceError as error:
            file = f"sources/{name}.yaml"
            document = read(self.project.root / file, file)
            raise ProjectError([document.problem(error.path, error.found, error.allowed)]) from None
        return done

    def rejected(self) -> pa.Table:
        """Rows that could not be taken over: source, table, file, line, values, reason."""
        return self.project.sql(
            "SELECT * FROM rejected_rows ORDER BY source, file, line"
            if self.project.books.exists("rejected_rows")
            else "SELECT NULL AS source WHERE false"
        )


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
        import pyarrow.compute as pc

        tell = note or (lambda _text: None)
        definitions = self.project.definitions
        if grain not in GRAINS:
            raise NotFoundError(f'grain "{grain}" does not exist', one_of(GRAINS, grain))
        if stage is not None and stage not in definitions.settings.stages:
            known = definitions.settings.stages
            raise NotFoundError(f'stage "{stage}" does not exist', one_of(known, stage))
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
        found = found.filter(pc.is_valid(found["stage"])) if each_stage else found
        if as_of is not None:
            return found
        held = set(found["kpi"].to_pylist())
        missing = [kpi for kpi in kpis if kpi.id not in held]
        if not missing or not (names or by):
            return found
        fresh = self._now(missing, by, grain, tell)
        if each_stage:
            fresh = fresh.filter(pc.is_valid(fresh["stage"]))
        elif stage is None:
            fresh = fresh.filter(pc.is_null(fresh["stage"]))
        return _only(found, fresh, stage, since, until)

    def _now(
        self,
        kpis: Sequence[CatalogueKpi],
        by: str | None,
        grain: str,
        tell: Callable[[str], None],
    ) -> pa.Table:
        """Readings that no refresh has made: of KPIs not switched on, or other dimensions."""
        from datetime import UTC, datetime

        import pyarrow as pa

        from heedful.facts.build import build
        from heedful.kpis.reading import STORED

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
        return definition_hash(kpi, definition(fact, self.project.definitions))

    def sql(self, name: str, grain: str = "month") -> str:
        """The SQL that a KPI's totals come from, over `facts.<fact>`; empty without data."""
        kpi = self.get(name)
        with self.project.bench() as bench:
            measured = bench.measured(self.project.facts[str(kpi.fact)])
            if measured is None:
                return ""
            return bench.sql(measured, kpi, grain)  # type: ignore[arg-type]


def _only(
    reported: pa.Table,
    fresh: pa.Table,
    stage: str | None,
    since: date | None,
    until: date | None,
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    fresh = fresh.select(reported.column_names)
    if stage is not None:
        fresh = fresh.filter(pc.equal(fresh["stage"], stage))
    if since is not None:
        fresh = fresh.filter(pc.greater(fresh["period_end"], pa.scalar(since)))
    if until is not None:
        fresh = fresh.filter(pc.less(fresh["period_start"], pa.scalar(until)))
    both = pa.concat_tables([reported, fresh])
    keys = [(name, "ascending", "at_start") for name in ("kpi", "period_start", "stage")]
    return both.sort_by([*keys, ("segment", "ascending", "at_end")])


@dataclass(frozen=True)
class Scorecard:
    """The empathy score of a project."""

    project: Project

    def scores(
        self,
        *,
        by: str | None = None,
        grain: str = "month",
        stage: str | None = None,
        since: date | None = None,
        until: date | None = None,
        as_of: date | datetime | None = None,
    ) -> list[Score]:
        """Scores by period and stage, in total or by a dimension.

        Args:
            by: Dimension; None: totals.
            grain: day, week, month, quarter or all.
            stage: Only this stage.
            since: Periods that end after this day.
            until: Periods that begin before this day.
            as_of: From what had been reported at the end of this day.
        """
        from heedful.scorecard.score import scores, weighed

        if grain not in GRAINS:
            raise NotFoundError(f'grain "{grain}" does not exist', one_of(GRAINS, grain))
        definitions = self.project.definitions
        found = self.project.kpis.log.read(
            [part.kpi.id for part in weighed(definitions)],
            grain=grain,
            dimension=by,
            stage=stage,
            since=since,
            until=until,
            as_of=as_of,
            replicates=True,
        )
        return scores(definitions, found)

    def suggest(self, grain: str = "month") -> list[Suggestion]:
        """Scales that the history of each scored KPI suggests."""
        from heedful.scorecard.scale import suggest

        kpis = [kpi for kpi in self.project.definitions.kpis.values() if kpi.scored]
        log = self.project.kpis.log
        return [suggest(kpi, log.read([kpi.id], grain=grain, stages=False)) for kpi in kpis]


def check(root: Path) -> Loaded:
    """Everything that is wrong with a project's files, facts and columns included.

    Args:
        root: The project folder.
    """
    from heedful.facts.catalogue import read
    from heedful.store import schema

    facts = read(root / "facts")
    loaded = load(
        root,
        CATALOGUE,
        tables={name: tuple(schema.table(name).columns) for name in schema.names()},
        facts={name: tuple(fact.columns) for name, fact in facts.facts.items()},
    )
    problems = tuple(sorted({*loaded.problems, *facts.problems}))
    return Loaded(None if problems else loaded.definitions, problems)
