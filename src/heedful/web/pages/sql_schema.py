"""What SQL can read: tables, facts, readings, with their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.engines.duckdb import literal
from heedful.facts.model import ADDED
from heedful.store import schema
from heedful.web.pages.data_tables import imported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heedful.web.edition import Edition

BOOKS: Mapping[str, str] = {
    "readings": "What was reported, and when; a KPI's newest row for a period counts.",
    "rejected_rows": "Rows that could not be taken over, as they came.",
    "imports": "Each import of each source, and what it did.",
}
COLUMNS: Mapping[str, str] = {
    "kpi": "The KPI's id.",
    "grain": "day, week, month, quarter or all.",
    "period_start": "First day.",
    "period_end": "Day after the last.",
    "complete": "Whether the period was over and everything of it known.",
    "stage": "Null: all stages.",
    "dimension": "Null: not broken down.",
    "segment": "Value of the dimension.",
    "value": "Shares are fractions.",
    "low": "Lower end of the 95% interval.",
    "high": "Upper end.",
    "n": "Rows that count.",
    "customers": "Distinct customers.",
    "weighted_n": "Sum of weights.",
    "why": "Why a number is missing.",
    "method": "How the interval was made.",
    "definition_hash": "Of the definition that made it.",
    "table_versions": "JSON: version by table.",
    "reported_at": "When it was measured.",
    "replicates": "64 values, one without each bucket of customers.",
    "reason": "What was found, and what is allowed.",
    "values": "The row as JSON.",
    "line": "Line of the file.",
    "file": "The file it came in.",
    "source": "A file in sources/.",
    "notes": "What the import had to say.",
}


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """A column: its name, its SQL type, and what it means."""

    name: str
    kind: str
    says: str


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that SQL can read.

    Attributes:
        name: As queries name it.
        group: Tables, Facts or Books.
        says: What a row is.
        columns: Its columns.
        there: Whether it has rows.
    """

    name: str
    group: str
    says: str
    columns: tuple[ColumnOf, ...]
    there: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A query to begin with."""

    title: str
    query: str


def relations(edition: Edition) -> tuple[Relation, ...]:
    """What SQL can read in an edition; looked up once an import."""
    return edition.once(("sql schema", imported(edition)), lambda: tuple(_relations(edition)))


def _relations(edition: Edition) -> list[Relation]:
    found = []
    tables, facts = edition.project.lake("tables"), edition.project.lake("facts")
    for name in schema.names():
        table = schema.table(name)
        snapshot = tables.snapshot(name)
        kinds = {one.name: one.sql_type for one in table.columns.values()}
        kinds |= dict(snapshot.columns) if snapshot else {}
        says = {one.name: one.says for one in table.columns.values()} | dict(schema.BOOKKEEPING)
        columns = tuple(
            ColumnOf(column, kind, says.get(column, "An attribute that a source brought."))
            for column, kind in kinds.items()
        )
        found.append(Relation(name, "Tables", table.says, columns, snapshot is not None))
    for name in sorted(facts.names()):
        fact, snapshot = edition.project.facts.get(name), facts.snapshot(name)
        if snapshot is None:
            continue
        meant = {**(fact.columns if fact else {}), **ADDED}
        columns = tuple(
            ColumnOf(column, kind, meant.get(column, "An attribute."))
            for column, kind in snapshot.columns.items()
        )
        found.append(
            Relation(f"facts.{name}", "Facts", fact.says if fact else "", columns, there=True)
        )
    for name, what in BOOKS.items():
        snapshot = edition.project.books.snapshot(name)
        if snapshot is not None:
            columns = tuple(
                ColumnOf(column, kind, COLUMNS.get(column, ""))
                for column, kind in snapshot.columns.items()
            )
            found.append(Relation(name, "Books", what, columns, there=True))
    return found


def examples(edition: Edition) -> tuple[Example, ...]:
    """Queries to begin with, over what this project has."""
    there = {one.name: one for one in relations(edition) if one.there}
    found = []
    kpi = next((name for name in edition.definitions.kpis if name in edition.shelf.kpis), None)
    if kpi is not None:
        found.append(
            Example(
                f"{edition.definitions.kpis[kpi].title} by month, as it stands",
                "SELECT period_start, value, low, high, n, customers\nFROM readings\n"
                f"WHERE kpi = {literal(kpi)} AND grain = 'month'\n"
                "  AND dimension IS NULL AND stage IS NULL\n"
                "QUALIFY row_number() OVER (PARTITION BY period_start\n"
                "                           ORDER BY reported_at DESC) = 1\n"
                "ORDER BY period_start DESC",
            )
        )
    fact = next((one for name, one in there.items() if name.startswith("facts.")), None)
    if fact is not None:
        own = edition.project.facts.get(fact.name.removeprefix("facts."))
        by = next((d for d in (own.dimensions if own else ())), None)
        if by is not None:
            found.append(
                Example(
                    f"Rows of {fact.name} by {by}",
                    f"SELECT {by}, count(*) AS n, count(DISTINCT customer) AS customers\n"
                    f"FROM {fact.name}\nGROUP BY ALL\nORDER BY n DESC",
                )
            )
    table = next((name for name in ("responses", "tickets", "events") if name in there), None)
    if table is not None:
        time = schema.table(table).time
        found.append(
            Example(
                f"{table} by week",
                f"SELECT date_trunc('week', {time}) AS week, count(*) AS n\n"
                f"FROM {table}\nGROUP BY ALL\nORDER BY week DESC",
            )
        )
    if "rejected_rows" in there:
        found.append(
            Example(
                "Why rows were rejected",
                'SELECT "table", reason, count(*) AS n\nFROM rejected_rows\nGROUP BY ALL\n'
                "ORDER BY n DESC",
            )
        )
    return tuple(found)
