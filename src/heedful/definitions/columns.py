"""Checks the SQL in a project's files, and the tables, facts and columns it names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heedful.definitions.database import database_problems
from heedful.definitions.document import KeyPath
from heedful.definitions.entry import Entry
from heedful.definitions.expression import looks_like_sql, query_problem, read
from heedful.definitions.format import Format
from heedful.definitions.kpi import Kpi
from heedful.definitions.problem import Problem, did_you_mean, one_of
from heedful.definitions.references import Draft
from heedful.definitions.source import Constant, Source

Schema = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class SqlChecks:
    """Checks of SQL against what is known of tables and facts.

    Attributes:
        draft: The project's files.
        root: The project folder.
        tables: The columns of each table; `None`: not known, not checked.
        facts: The columns of each fact; `None`: not known, not checked.
        formats: The known exports of other products; `None`: not known, not checked.
        people: Columns of customers and accounts by which any KPI can be broken down.
        splits: Columns by which each fact can be broken down; `None`: not known, not checked.
    """

    draft: Draft
    root: Path
    tables: Schema | None = None
    facts: Schema | None = None
    formats: Mapping[str, Format] | None = None
    people: Collection[str] = ()
    splits: Schema | None = None

    def problems(self) -> Iterator[Problem]:
        """Yield everything that is wrong."""
        for source in self.draft.sources:
            yield from self._source(source)
        yield from self._segments()
        yield from self._exclude()
        for kpi in self.draft.kpis:
            yield from self._kpi(kpi)

    def attributes(self, table: str | None = None) -> set[str]:
        """Return the attributes that sources add, to one table or to any."""
        return {
            name
            for entry in self.draft.sources
            if table in (None, entry.value.table)
            for name in (*entry.value.attributes, *self._of_format(entry.value))
        }

    def _of_format(self, source: Source) -> Collection[str]:
        form = (self.formats or {}).get(source.format or "")
        return form.attributes if form is not None else ()

    def dimensions(self) -> set[str]:
        """Return the columns that every fact has besides its own."""
        return self.attributes() | set(self.draft.segments) | {"stage"}

    def _expression(
        self, entry: Entry[Any], path: KeyPath, sql: str, known: set[str] | None, of: str
    ) -> Iterator[Problem]:
        """Check one expression about rows of a table or fact with known columns."""
        name = ".".join(str(step) for step in path if isinstance(step, str))
        expression = read(sql)
        if expression.wrong:
            hint = "allowed: an SQL expression over one row"
            yield entry.problem(path, f'{name} "{sql}" {expression.wrong}', hint)
            return
        lower = {column.lower() for column in known or ()}
        for column in expression.columns:
            if known is not None and column.lower() not in lower:
                yield entry.problem(
                    path, f'{name}: {of} has no column "{column}"', one_of(sorted(known), column)
                )
        parameters = self.draft.rules.value.parameters()
        for parameter in expression.parameters:
            if parameter not in parameters:
                hint = f"allowed: a field of rules.yaml{did_you_mean(parameter, parameters)}"
                yield entry.problem(path, f'{name}: parameter "${parameter}" is not known', hint)

    def _kpi(self, entry: Entry[Kpi]) -> Iterator[Problem]:
        kpi = entry.value
        known = None
        if "fact" not in entry.broken and self.facts is not None:
            if kpi.fact in self.facts:
                known = set(self.facts[kpi.fact]) | self.dimensions()
            elif not (self.root / "facts" / f"{kpi.fact}.sql").is_file():
                options = one_of(sorted(self.facts), kpi.fact)
                yield entry.problem(
                    ("fact",),
                    f'fact "{kpi.fact}" is not known',
                    f"{options}; or write facts/{kpi.fact}.sql",
                )
        of = f'fact "{kpi.fact}"'
        # The catalogue's own words about the program's own facts are right: tests see to it.
        usual = not (self.root / "facts" / f"{kpi.fact}.sql").is_file()
        if "measure" not in entry.broken and not (usual and _inherited(entry, "fact", "measure")):
            for field_name, sql in kpi.measure.expressions().items():
                steps = [int(one) if one.isdigit() else one for one in field_name.split(".")]
                yield from self._expression(entry, ("measure", *steps), sql, known, of)
        if kpi.where is not None and not (usual and _inherited(entry, "fact", "where")):
            yield from self._expression(entry, ("where",), kpi.where, known, of)
        for index, dimension in enumerate(kpi.breakdowns):
            offered = known and known | set(self.people)
            if offered is not None and dimension not in offered:
                yield entry.problem(
                    ("breakdowns", index),
                    f'breakdowns: {of} has no dimension "{dimension}"',
                    one_of(sorted(offered), dimension),
                )
        yield from self._overrides(entry)

    def _overrides(self, entry: Entry[Kpi]) -> Iterator[Problem]:
        fact = entry.value.fact
        if {"fact", "overrides"} & entry.broken or fact not in (self.splits or {}):
            return
        known = {*(self.splits or {})[fact], *self.people, *self.dimensions()} - {"stage"}
        for index, one in enumerate(entry.value.overrides):
            if one.part is not None and one.part[0] not in known:
                yield entry.problem(
                    ("overrides", index, "segment"),
                    f'overrides: fact "{fact}" cannot be broken down by "{one.part[0]}"',
                    one_of(sorted(known), one.part[0]),
                )

    def _segments(self) -> Iterator[Problem]:
        for dimension, entry in self.draft.segments.items():
            table = entry.value.table
            known = self._columns(table)
            for case, sql in entry.value.cases.items():
                yield from self._expression(entry, ("cases", case), sql, known, f'table "{table}"')
            if dimension in self.attributes():
                hint = "choose another name"
                yield entry.problem((), f'"{dimension}" is already an attribute of a source', hint)
            for fact, columns in (self.facts or {}).items():
                if dimension in columns:
                    hint = "choose another name"
                    yield entry.problem((), f'"{dimension}" is already a column of {fact}', hint)
                    break

    def _exclude(self) -> Iterator[Problem]:
        entry = self.draft.rules
        if _inherited(entry, "exclude"):
            return
        for table, sql in entry.value.exclude.items():
            if self.tables is not None and table not in self.tables:
                options = one_of(sorted(self.tables), table)
                yield entry.problem(("exclude", table), f'table "{table}" is not known', options)
            elif sql:
                known = self._columns(table)
                yield from self._expression(
                    entry, ("exclude", table), sql, known, f'table "{table}"'
                )

    def _columns(self, table: str) -> set[str] | None:
        """Return the columns of a table with the attributes that sources add to it."""
        if self.tables is None or table not in self.tables:
            return None
        return set(self.tables[table]) | self.attributes(table)

    def _source(self, entry: Entry[Source]) -> Iterator[Problem]:
        source = entry.value
        columns = None
        if self.tables is not None and "table" not in entry.broken:
            columns = self.tables.get(source.table)
            if columns is None:
                options = one_of(sorted(self.tables), source.table)
                yield entry.problem(("table",), f'table "{source.table}" is not known', options)
        for column in source.columns if columns is not None else ():
            if column not in (columns or ()):
                yield entry.problem(
                    ("columns", column),
                    f'table "{source.table}" has no column "{column}"',
                    f"{one_of(sorted(columns or ()), column)}; other columns go under attributes",
                )
        for attribute in source.attributes if columns is not None else ():
            if attribute in (columns or ()):
                yield entry.problem(
                    ("attributes", attribute),
                    f'"{attribute}" is a column of table "{source.table}"',
                    "move it to columns",
                )
        yield from self._format(entry)
        yield from database_problems(entry, self.root)
        yield from self._source_sql(entry)

    def _format(self, entry: Entry[Source]) -> Iterator[Problem]:
        source = entry.value
        if source.format is None or self.formats is None:
            return
        if source.format not in self.formats:
            options = one_of(self.formats, source.format)
            found = f'format "{source.format}" is not known'
            yield entry.problem(("format",), found, f"{options}; all of them: heedful formats")
            return
        form = self.formats[source.format]
        if "table" not in entry.broken and source.table != form.table:
            found = f'format "{form.name}" fills table {form.table}, not "{source.table}"'
            yield entry.problem(("table",), found, f"write table: {form.table}")
        if source.sql is not None and form.sql is not None:
            found = f'format "{form.name}" brings a SELECT of its own'
            yield entry.problem(("sql",), found, "leave out one of them")

    def _source_sql(self, entry: Entry[Source]) -> Iterator[Problem]:
        source = entry.value
        if isinstance(source.path, dict) and source.sql is None and "sql" not in entry.broken:
            yield entry.problem(
                ("path",),
                "path gives names to files, but there is no sql that uses them",
                "add sql, or write path as a list",
            )
        for kind in ("columns", "attributes"):
            for name, column in getattr(source, kind).items():
                for sql in () if isinstance(column, Constant) else column:
                    wrong = looks_like_sql(sql) and read(sql, one_row=False).wrong
                    if wrong:
                        yield entry.problem(
                            (kind, name),
                            f"{kind}.{name} {sql!r} {wrong}",
                            "allowed: an SQL expression, or a column's name in double quotes",
                        )
        if source.where is not None:
            wrong = read(source.where, one_row=False).wrong
            if wrong:
                hint = "allowed: an SQL condition"
                yield entry.problem(("where",), f'where "{source.where}" {wrong}', hint)
        if source.sql is not None:
            yield from self._sql_file(entry, source.sql)

    def _sql_file(self, entry: Entry[Source], file: str) -> Iterator[Problem]:
        path = self.root / file
        if not path.is_file():
            yield entry.problem(("sql",), f"{file} does not exist", "paths begin at the project")
            return
        try:
            wrong = query_problem(path.read_text("utf-8-sig"))
        except UnicodeDecodeError:
            wrong = (1, "is not UTF-8")
        if wrong:
            yield Problem(file, wrong[0], wrong[1], "allowed: one SELECT")


def _inherited(entry: Entry[Any], *fields: str) -> bool:
    """Whether a file leaves some fields to what comes with the program."""
    data = entry.document.data
    return not isinstance(data, Mapping) or not any(field in data for field in (*fields, "like"))
