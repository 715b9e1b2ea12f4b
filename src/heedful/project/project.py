"""A project: its definitions, and the doors to its rooms."""

from __future__ import annotations

import contextlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from heedful.definitions.problem import Problem, ProjectError
from heedful.definitions.project_files import Definitions, Loaded, find_root, load
from heedful.project.actions import Actions
from heedful.project.alerts import Alerts
from heedful.project.drivers import DriversDoor
from heedful.project.experiments import Experiments
from heedful.project.findings import Findings
from heedful.project.kpis import Kpis
from heedful.project.people import People
from heedful.project.scores import Scorecard
from heedful.project.tables import Tables
from heedful.surveys.catalogue import instruments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import pyarrow as pa

    from heedful.engines.duckdb import DuckDB
    from heedful.facts.model import Fact
    from heedful.kpis.computing import Bench
    from heedful.kpis.refresh import Refreshed
    from heedful.ledger.annotation import Annotations
    from heedful.ledger.audit import Audit
    from heedful.ledger.database import Database
    from heedful.ledger.run import Runs
    from heedful.project.erasure import Erasure
    from heedful.store.lake import Lake

CATALOGUE = Path(__file__).parents[1] / "kpis" / "catalogue"


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
        self.definitions: Definitions = load(root, CATALOGUE, instruments=instruments()).valid()

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
    def experiments(self) -> Experiments:
        """Planned comparisons: plan, assign, analyse, decide."""
        return Experiments(self)

    @cached_property
    def drivers(self) -> DriversDoor:
        """Which experiences go with who stays, buys again and pays."""
        return DriversDoor(self)

    @cached_property
    def ledger(self) -> Database:
        """The database of what people write."""
        from heedful.ledger.database import Database

        return Database(self.definitions.data)

    @cached_property
    def audit(self) -> Audit:
        """Who did what to what, when."""
        from heedful.ledger.audit import Audit

        return Audit(self.ledger)

    @cached_property
    def runs(self) -> Runs:
        """Runs of refresh."""
        from heedful.ledger.run import Runs

        return Runs(self.ledger)

    @cached_property
    def people(self) -> People:
        """Who may look, who may work, who may let others in."""
        return People(self)

    @cached_property
    def actions(self) -> Actions:
        """What people do about findings, and what came of it."""
        return Actions(self)

    @cached_property
    def alerts(self) -> Alerts:
        """Who is told of findings, and where."""
        return Alerts(self)

    @cached_property
    def findings(self) -> Findings:
        """What changed, where, for whom, because of what, and what now."""
        return Findings(self)

    @cached_property
    def erasure(self) -> Erasure:
        """What is held on a person: given out, or removed."""
        from heedful.project.erasure import Erasure

        return Erasure(self)

    @cached_property
    def annotations(self) -> Annotations:
        """What happened when."""
        from heedful.ledger.annotation import Annotations

        return Annotations(self.ledger)

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
                instruments=self.definitions.instruments,
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
        from heedful.project.portability import portability

        if self.definitions.settings.engine != "duckdb":
            found = portability(self.root, self.definitions, self.facts)
            if found.refused:
                raise ProjectError(found.refused)
        self.erasure.finish()
        done = Refresh(
            self.definitions, self.facts, self.lake("tables"), self.lake("facts"), self.books
        ).run(full=full, progress=progress)
        if self.definitions.settings.history_days is not None:
            self.tables.vacuum()
        return done

    def sql(
        self,
        query: str,
        *,
        limit: int | None = None,
        seconds: float | None = None,
        memory: str | None = None,
    ) -> pa.Table:
        """Answer one SELECT over tables, `facts.<fact>`, `readings`, `rejected_rows`, `imports`.

        Args:
            query: The SELECT; it can read nothing but the project's data and write nothing.
            limit: Most rows to give.
            seconds: Longest time it may take.
            memory: Most memory it may take, such as `1GB`; the rest goes to disk.

        Raises:
            QueryError: It is no single SELECT, or fails.
        """
        with self.answering(limit=limit, seconds=seconds, memory=memory) as ask:
            return ask(query)

    @contextlib.contextmanager
    def answering(
        self,
        *,
        limit: int | None = None,
        seconds: float | None = None,
        memory: str | None = None,
        only: Collection[str] | None = None,
    ) -> Iterator[Callable[[str], pa.Table]]:
        """What answers many SELECTs as `sql` answers one; the tables are attached once.

        Args:
            limit: Most rows to give.
            seconds: Longest time that each may take.
            memory: Most memory that each may take, such as `1GB`.
            only: Only these canonical tables, and nothing else: attaching all takes a second.
        """
        from heedful.engines.duckdb import DuckDB

        engine = DuckDB(memory)
        try:
            self._attach_tables(engine, only)
            if only is None:
                self._attach_rest(engine)
            engine.seal()
            yield lambda query: engine.ask(query, limit=limit, seconds=seconds)
        finally:
            engine.close()

    def _attach_tables(self, engine: DuckDB, only: Collection[str] | None) -> None:
        from heedful.engines.duckdb import quoted
        from heedful.store import schema

        tables = self.lake("tables")
        for name in schema.names():
            if only is None or name in only:
                columns = {c.name: c.sql_type for c in schema.table(name).columns.values()}
                engine.attach(quoted(name), tables.snapshot(name), columns)

    def _attach_rest(self, engine: DuckDB) -> None:
        from heedful.engines.duckdb import quoted

        facts, books = self.lake("facts"), self.books
        engine.run("CREATE SCHEMA facts")
        for name in facts.names():
            engine.attach(f"facts.{quoted(name)}", facts.snapshot(name))
        for name in ("readings", "rejected_rows", "imports"):
            snapshot = books.snapshot(name)
            if snapshot is not None:
                engine.attach(quoted(name), snapshot)


def check(root: Path) -> Loaded:
    """Everything that is wrong with a project's files, facts and columns included.

    Args:
        root: The project folder.
    """
    from heedful.facts.catalogue import read
    from heedful.kpis.dimensions import from_tables
    from heedful.project.portability import portability
    from heedful.store import schema
    from heedful.store.format import Formats

    facts = read(root / "facts")
    loaded = load(
        root,
        CATALOGUE,
        tables={name: tuple(schema.table(name).columns) for name in schema.names()},
        facts={name: tuple(fact.columns) for name, fact in facts.facts.items()},
        formats=Formats(),
        instruments=instruments(),
        people=from_tables(),
        splits={name: fact.dimensions for name, fact in facts.facts.items()},
    )
    found = portability(root, loaded.definitions, facts.facts)
    spark = loaded.definitions is not None and loaded.definitions.settings.engine != "duckdb"
    refused = found.refused if spark else ()
    problems = tuple(sorted({*loaded.problems, *facts.problems, *refused}))
    warnings = {*loaded.warnings, *found.doubtful, *(() if spark else found.refused)}
    return Loaded(None if problems else loaded.definitions, problems, tuple(sorted(warnings)))
