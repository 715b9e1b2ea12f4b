"""Reads a fact's file and says everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from heedful.definitions.problem import Problem, one_of
from heedful.definitions.rules import Rules
from heedful.facts import parameters, relations
from heedful.facts.model import ADDED, Fact, Head, Header, read_header
from heedful.store import schema

if TYPE_CHECKING:
    from sqlglot import exp

ATTRIBUTES = "ATTRIBUTES"
DEFAULTS = parameters.values(Rules())


class Inspected(NamedTuple):
    """What came of reading a fact.

    Attributes:
        fact: The fact; None where it cannot be used.
        problems: What is wrong with it.
    """

    fact: Fact | None
    problems: tuple[Problem, ...]


def inspect(name: str, text: str, file: str, *, own: bool = False) -> Inspected:
    """Read a fact.

    Args:
        name: Its name.
        text: The whole file.
        file: How problems name it.
        own: Whether it is the project's, not built in.
    """
    head, problems = read_header(text, file)
    if head is None:
        return Inspected(None, problems)
    query, problem = _parse(head.sql, file)
    if query is None:
        return Inspected(None, (problem,) if problem else ())
    problems = tuple(sorted({*_header_problems(head, query), *_sql_problems(head, query, file)}))
    if problems:
        return Inspected(None, problems)
    header = head.header
    fact = Fact(
        name=name,
        file=file,
        text=text,
        says=header.says,
        grain=header.grain,
        key=header.key,
        reads=relations.tables(header.reads),
        relations=tuple(one for one in header.reads if one in relations.names()),
        lookback=header.lookback,
        grains=header.grains,
        dimensions=header.dimensions,
        attributes=header.attributes,
        columns={one: header.columns.get(one, "") for one in outputs(query)},
        definition_hash=_hash(head),
        own=own,
    )
    return Inspected(fact, ())


def _hash(head: Head) -> str:
    header = head.header
    shared = [relations.relation(one).sql for one in relations.behind(header.reads)]
    parts = [head.sql.strip(), header.key, header.lookback.text, header.attributes, shared]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def outputs(query: exp.Query) -> list[str]:
    """Names of the columns of a query; `ATTRIBUTES(...)` is none."""
    return [_name(one) for one in query.selects if not is_attributes(one)]


def _name(item: exp.Expr) -> str:
    from sqlglot import exp

    return item.alias_or_name if isinstance(item, (exp.Alias, exp.Column, exp.Star)) else ""


def is_attributes(node: exp.Expr) -> bool:
    """Whether a node is `ATTRIBUTES(...)`."""
    from sqlglot import exp

    return isinstance(node, exp.Anonymous) and str(node.this).upper() == ATTRIBUTES


def line_of(node: exp.Expr) -> int:
    """The line on which a node begins, 1 where it cannot be told."""
    lines = [int(each.meta["line"]) for each in node.walk() if "line" in each.meta]
    return min(lines, default=1)


def _parse(sql: str, file: str) -> tuple[exp.Query | None, Problem | None]:
    from sqlglot import exp, parse
    from sqlglot.errors import ParseError, SqlglotError

    try:
        statements = [one for one in parse(sql, dialect="duckdb") if one is not None]
    except ParseError as error:
        where = error.errors[0]
        near = str(where.get("highlight") or "").strip()
        line = int(where.get("line") or 1)
        return None, Problem(file, line, f'not SQL, near "{near}"', "write one SELECT")
    except (SqlglotError, RecursionError):
        return None, Problem(file, 1, "not SQL: a quote or comment is not closed")
    after = 1 + len(sql) - len(sql.lstrip("\n"))
    if len(statements) != 1:
        found = "more than one statement" if statements else "no SELECT after the header"
        return None, Problem(file, after if statements else 1, found, "write one SELECT")
    query = statements[0]
    if not isinstance(query, exp.Query):
        return None, Problem(file, after, f"a {query.key.upper()} found", "write one SELECT")
    return query, None


def _header_problems(head: Head, query: exp.Query) -> Iterator[Problem]:
    header, document = head.header, head.document
    tables = schema.names()
    for field_name, known in (("reads", _readable()), ("attributes", tables)):
        for table in getattr(header, field_name):
            if table not in known:
                found = f'{field_name}: "{table}" is not a table'
                yield document.problem((field_name,), found, one_of(known, table))
    for table in header.attributes:
        if table in tables and table not in header.reads:
            found = f'attributes: "{table}" is not read'
            yield document.problem(("attributes",), found, f"add {table} to reads")
    for name in header.lookback.parameters:
        if not isinstance(DEFAULTS.get(name, ""), (int, type(None))):
            found = f"lookback: ${name} is not a number in rules.yaml"
            yield document.problem(("lookback",), found, one_of(_numbers(), name))
    for name in relations.behind(header.reads):
        if relations.relation(name).header.lookback.whole and not header.lookback.whole:
            found = f'lookback: "{name}" needs the whole history'
            yield document.problem(("lookback",), found, "write lookback: all")
    yield from _column_problems(head, outputs(query))


def _readable() -> tuple[str, ...]:
    return (*schema.names(), *relations.names())


def _numbers() -> list[str]:
    kinds = {name: value for name, value in DEFAULTS.items() if not name.endswith("_until")}
    numbers = [n for n, v in kinds.items() if v is None or (isinstance(v, int) and v is not True)]
    return sorted(n for n in numbers if kinds[n] is not False)


def _column_problems(head: Head, columns: list[str]) -> Iterator[Problem]:
    header, document = head.header, head.document
    for name in header.key:
        if name not in columns:
            yield document.problem(
                ("key",), f'key: the SELECT gives no column "{name}"', one_of(columns, name)
            )
    for name in header.dimensions:
        if name not in columns:
            yield document.problem(
                ("dimensions",),
                f'dimensions: the SELECT gives no column "{name}"',
                one_of(columns, name),
            )
    for name in header.columns:
        if name not in columns:
            yield document.problem(
                ("columns", name),
                f'columns: the SELECT gives no column "{name}"',
                one_of(columns, name),
            )


def _sql_problems(head: Head, query: exp.Query, file: str) -> Iterator[Problem]:
    yield from _select_problems(head.header, query, file)
    yield from _table_problems(head.header, query, file)
    yield from _parameter_problems(query, file)


def _select_problems(header: Header, query: exp.Query, file: str) -> Iterator[Problem]:
    from sqlglot import exp

    line = line_of(query)
    columns = outputs(query)
    if "*" in columns or any(isinstance(one, exp.Star) for one in query.selects):
        yield Problem(file, line, "the SELECT gives *", "name every column")
        return
    if "" in columns:
        unnamed = next(o for o in query.selects if not is_attributes(o) and not _name(o))
        found = f"the column {unnamed.sql('duckdb')} has no name"
        yield Problem(file, line_of(unnamed), found, "add AS name")
    meanings = {"at": "the time that decides the period", "customer": "whose row it is, never null"}
    for name, meaning in meanings.items():
        if name not in columns:
            found = f'the SELECT gives no column "{name}"'
            yield Problem(file, line, found, f"add it: {meaning}")
    for name, times in Counter(columns).items():
        if times > 1:
            yield Problem(file, line, f'the column "{name}" is given twice', "keep one of them")
        if name in ADDED or name == "_month":
            yield Problem(file, line, f'the column "{name}" is reserved', "give it another name")
    yield from _attribute_problems(header, query, file)


def _attribute_problems(header: Header, query: exp.Query, file: str) -> Iterator[Problem]:
    from sqlglot import exp

    asked = [one for one in query.selects if is_attributes(one)]
    for node in query.find_all(exp.Anonymous):
        if not is_attributes(node):
            continue
        names = [each.name for each in node.expressions]
        if not any(node is one for one in asked):
            found, allowed = "ATTRIBUTES stands inside an expression", "make it a column of its own"
            yield Problem(file, line_of(node), found, allowed)
        elif len(names) not in (1, 2) or not all(
            isinstance(each, exp.Column) for each in node.expressions
        ):
            allowed = "allowed: ATTRIBUTES(alias) or ATTRIBUTES(alias, table)"
            yield Problem(file, line_of(node), "ATTRIBUTES cannot be read", allowed)
        elif not header.attributes:
            allowed = "name the tables whose attributes it carries, such as attributes: events"
            yield Problem(file, line_of(node), "the header has no attributes", allowed)
        elif len(names) == 2 and names[1] not in header.attributes:
            found = f'ATTRIBUTES: "{names[1]}" is not among the attributes of the header'
            yield Problem(file, line_of(node), found, one_of(header.attributes, names[1]))
    if header.attributes and not asked:
        allowed = "add ATTRIBUTES(alias) to the SELECT, or take attributes out of the header"
        yield Problem(file, line_of(query), "the attributes are not selected", allowed)


def _table_problems(header: Header, query: exp.Query, file: str) -> Iterator[Problem]:
    from sqlglot import exp

    named = {cte.alias for cte in query.find_all(exp.CTE)}
    for name in sorted(named & set(_readable())):
        found = f'WITH gives "{name}" a second meaning'
        yield Problem(file, line_of(query), found, "give it a name that no table has")
    used = set()
    for table in query.find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.db
        if plain and table.name in named:
            continue
        used.add(table.name)
        if not plain:
            found = f"FROM {table.sql('duckdb')} is not a table of the project"
            yield Problem(file, line_of(table), found, one_of(header.reads))
        elif table.name not in header.reads:
            known = table.name in _readable()
            found = f'"{table.name}" is {"not among reads" if known else "not a table"}'
            allowed = f"add {table.name} to reads" if known else one_of(_readable(), table.name)
            yield Problem(file, line_of(table), found, allowed)
    for name in header.reads:
        if name not in used and name in _readable():
            found = f'reads: "{name}" is not used in the SQL'
            yield Problem(file, line_of(query), found, f"take {name} out of reads")


def _parameter_problems(query: exp.Query, file: str) -> Iterator[Problem]:
    from sqlglot import exp

    for node in query.find_all(exp.Placeholder, exp.Parameter):
        parent = node.parent
        line = line_of(parent or node)
        if node.name not in DEFAULTS:
            found = f"${node.name} is not a parameter"
            yield Problem(file, line, found, one_of(sorted(DEFAULTS), node.name))
        elif isinstance(DEFAULTS[node.name], list) and not (
            isinstance(parent, exp.In) and node.arg_key == "expressions"
        ):
            yield Problem(file, line, f"${node.name} is a list", f"write IN (${node.name})")
