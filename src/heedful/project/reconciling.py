"""Comparing two sources that fill the same table, as a project opens it."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, cast, get_args

from heedful.definitions.problem import ProjectError, one_of
from heedful.project.kpis import known_grain
from heedful.project.missing import NotFoundError
from heedful.reconciliation.rows import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.kpis.periods import Grain
    from heedful.project.project import Project
    from heedful.reconciliation.reconciliation import Reconciliation

FOLDER = "reconcile"
"""Below the staging folder; whoever erases people clears that, and waits for its lock."""
STORED = "compare the rows that are stored: --stored"


def reconcile(
    project: Project,
    kpi: str,
    a: str,
    b: str,
    *,
    grain: str = "month",
    since: date | None = None,
    until: date | None = None,
    again: bool = True,
    match: str | None = None,
    limit: int | None = None,
    progress: Callable[[str, str, int, int], None] | None = None,
) -> Reconciliation:
    """Compare a KPI by two sources; nothing of the project is changed.

    Args:
        project: The project.
        kpi: The KPI.
        a: The first source.
        b: The second.
        grain: day, week, month, quarter or all.
        since: Periods that end after this day.
        until: Periods that begin before this day.
        again: Read the sources again; False: only the rows that the table holds of each.
        match: key or customer; None: by key, unless the sources have keys of their own.
        limit: Most differences to list; None: all.
        progress: Called with a source, what is being done, bytes done, bytes in all.

    Raises:
        NotFoundError: No such KPI, source or grain; or these cannot be compared.
        ProjectError: A source cannot be read again.
    """
    from heedful.definitions.document import read
    from heedful.kpis import periods
    from heedful.reconciliation.reconciliation import reconcile as compared
    from heedful.reconciliation.side import Asked
    from heedful.store import schema
    from heedful.store.source_error import SourceError

    known_grain(grain)
    if match is not None and match not in get_args(Match):
        raise NotFoundError(f'match "{match}" does not exist', one_of(get_args(Match), match))
    definition = project.kpis.get(kpi)
    table = comparable(project, definition, a, b)
    fact = project.facts[str(definition.fact)]
    if grain not in fact.grains:
        raise NotFoundError(
            f"{definition.id} is not measured by {grain}", one_of(fact.grains, grain)
        )
    each: Grain = grain
    whole = None
    if until is not None:
        last = periods.start(each, date.fromordinal(until.toordinal() - 1))
        whole = until if grain == "all" else periods.end(each, last)
    project.erasure.finish()
    asked = Asked(
        definitions=project.definitions,
        root=project.root,
        tables=project.lake("tables"),
        kpi=definition,
        fact=fact,
        table=schema.table(table),
        grain=each,
        since=periods.start(each, since) if since else None,
        until=whole,
        again=again,
        now=datetime.now(UTC),
    )
    sources = project.definitions.sources
    at = [a]

    def tell(source: str, what: str, done: int, every: int) -> None:
        at[0] = source
        if progress is not None:
            progress(source, what, done, every)

    with _scratch(project) as folder:
        try:
            return compared(
                asked,
                sources[a],
                sources[b],
                folder,
                tell,
                match=cast("Match | None", match),
                limit=limit,
            )
        except SourceError as error:
            file = f"sources/{at[0]}.yaml"
            document = read(project.root / file, file)
            allowed = f"{error.allowed}; or {STORED}"
            raise ProjectError([document.problem(error.path, error.found, allowed)]) from None


def comparable(project: Project, kpi: CatalogueKpi, a: str, b: str) -> str:
    """The table by which two sources can be compared.

    Raises:
        NotFoundError: They cannot.
    """
    sources = project.definitions.sources
    for name in (a, b):
        if name not in sources:
            allowed = one_of(sorted(sources), name) if sources else "put files into sources/"
            raise NotFoundError(f'source "{name}" does not exist', allowed)
    offered = pairs(project, kpi)
    others = "; ".join(f"{table}: {', '.join(names)}" for table, names in offered.items())
    hint = f"sources that fill the same table: {others}" if others else NOTHING
    if a == b:
        raise NotFoundError(f'"{a}" is given twice', f"name two sources; {hint}")
    tables = [sources[name].table for name in (a, b)]
    if tables[0] != tables[1]:
        found = f"{a} fills {tables[0]}, and {b} fills {tables[1]}"
        raise NotFoundError(found, f"name two that fill the same table; {hint}")
    reads = project.facts[str(kpi.fact)].reads
    if tables[0] not in reads:
        found = f"{kpi.id} does not come from {tables[0]}, which {a} and {b} fill"
        raise NotFoundError(found, f"its fact reads {', '.join(reads)}; {hint}")
    return tables[0]


NOTHING = "no two sources of this project fill one of its tables"


def pairs(project: Project, kpi: CatalogueKpi) -> Mapping[str, tuple[str, ...]]:
    """Sources by which a KPI can be compared: two or more a table that its fact reads."""
    found: dict[str, list[str]] = {}
    reads = project.facts[str(kpi.fact)].reads
    for source in project.definitions.sources.values():
        if source.table in reads:
            found.setdefault(source.table, []).append(source.name)
    return {table: tuple(sorted(names)) for table, names in found.items() if len(names) > 1}


def clear(project: Project) -> None:
    """Remove what a comparison that was killed has left."""
    with _scratch(project):
        pass


@contextlib.contextmanager
def _scratch(project: Project) -> Iterator[Path]:
    """A folder for one comparison at a time; what a killed one has left in it is removed."""
    folder = project.definitions.data / "staging" / FOLDER
    with project.books.lock(f"source.{FOLDER}"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
