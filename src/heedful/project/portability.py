"""Which of a project's own SQL would not run on both engines, or not give the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from heedful.definitions.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heedful.definitions.project_files import Definitions
    from heedful.facts.model import Fact


class Portability(NamedTuple):
    """What was found.

    Attributes:
        refused: The engines differ; on Spark the number would be wrong, or there would be none.
        doubtful: Nobody has tried it on Spark.
    """

    refused: tuple[Problem, ...]
    doubtful: tuple[Problem, ...]


def portability(
    root: Path, definitions: Definitions | None, facts: Mapping[str, Fact]
) -> Portability:
    """Look through the SQL that runs where facts and KPIs are computed.

    The `sql` of a source runs on DuckDB whatever the engine, and is not looked at.

    Args:
        root: The project folder.
        definitions: Its definitions; None where they cannot be read: facts alone are looked at.
        facts: All facts, of which only the project's own are.
    """
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError

    from heedful.engines.portable import unportable
    from heedful.facts.inspection import line_of

    refused: set[Problem] = set()
    doubtful: set[Problem] = set()
    for file, start, sql in _texts(root, definitions, facts):
        try:
            tree = parse_one(sql, dialect="duckdb")
        except (SqlglotError, RecursionError):
            continue
        for found in unportable(tree):
            problem = Problem(file, start + line_of(found.node), found.found, found.instead)
            (refused if found.sure else doubtful).add(problem)
    return Portability(tuple(sorted(refused)), tuple(sorted(doubtful)))


def _texts(
    root: Path, definitions: Definitions | None, facts: Mapping[str, Fact]
) -> Iterator[tuple[str, int, str]]:
    """File, the lines above, and SQL."""
    for fact in facts.values():
        if fact.own:
            above = fact.text[: fact.text.index(fact.sql)].count("\n") if fact.sql else 0
            yield fact.file, above, fact.sql
    if definitions is None:
        return
    yield from _kpi_texts(root, definitions)
    for segment in definitions.segments.values():
        for sql in segment.cases.values():
            yield _at(root, "segments.yaml", sql)
    for excluded in definitions.rules.exclude.values():
        if excluded:
            yield _at(root, "rules.yaml", excluded)


def _kpi_texts(root: Path, definitions: Definitions) -> Iterator[tuple[str, int, str]]:
    """The expressions of KPIs that differ from those that come with the program."""
    for name, kpi in definitions.kpis.items():
        shipped = definitions.catalogue.get(name)
        if kpi.measure is not None and (shipped is None or kpi.measure != shipped.measure):
            for sql in kpi.measure.model_dump().values():
                if isinstance(sql, str):
                    yield _at(root, f"kpis/{name}.yaml", sql)
        if kpi.where and (shipped is None or kpi.where != shipped.where):
            yield _at(root, f"kpis/{name}.yaml", kpi.where)


def _at(root: Path, file: str, sql: str) -> tuple[str, int, str]:
    """Where an expression stands; the first line of the file where it is wrapped or quoted."""
    first = sql.strip().splitlines()[0] if sql.strip() else sql
    try:
        lines = (root / file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    return file, next((n for n, line in enumerate(lines) if first in line), 0), sql
