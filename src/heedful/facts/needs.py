"""What a fact's columns need of the tables: read off its SQL, never from a list kept by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.definitions.rules import Rules
from heedful.facts import relations
from heedful.facts.relations import MONTHS
from heedful.store import schema
from heedful.surveys import scales

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

    from heedful.facts.model import Fact

EVENTS, EVENT = "events", "event"
PLACES = ("touchpoint", "page")
"""Columns of a table that say where a row belongs, of which one is enough."""
PEOPLE = ("customer_id", "anonymous_id")
SCALE = ("scale_min", "scale_max")


@dataclass(frozen=True, slots=True, order=True)
class Leaf:
    """One thing that must be in the data.

    Attributes:
        kind: table: it has rows. column: some row fills it. value: some row has this value there.
            events: some event is one that a list of rules.yaml names. rule: rules.yaml sets it.
        table: The table; empty for a rule.
        name: The column or rule; empty for a table.
        value: The value, for `value`.
    """

    kind: str
    table: str
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """Several needs together.

    Attributes:
        any: Whether one of them is enough; else all.
        of: What is needed.
    """

    any: bool
    of: tuple[Leaf | Need, ...]

    def leaves(self) -> Iterator[Leaf]:
        """All single things in it, each once."""
        seen: dict[Leaf, None] = {}
        for one in self.of:
            seen.update(dict.fromkeys([one] if isinstance(one, Leaf) else one.leaves()))
        yield from seen

    def missing(self, there: Callable[[Leaf], bool]) -> list[Leaf]:
        """What is not there; of alternatives those of the one that lacks least.

        Args:
            there: Whether a single thing is in the data.
        """
        each = [
            ([] if there(one) else [one]) if isinstance(one, Leaf) else one.missing(there)
            for one in self.of
        ]
        if self.any:
            return min(each, key=len, default=[])
        return list(dict.fromkeys(leaf for found in each for leaf in found))


NOTHING = Need(False, ())


def every(parts: Iterable[Leaf | Need]) -> Need:
    """All of these.

    >>> every([Leaf("table", "tickets"), NOTHING, Leaf("table", "tickets")]).of
    (Leaf(kind='table', table='tickets', name='', value=''),)
    """
    flat: dict[Leaf | Need, None] = {}
    for one in parts:
        inner = one.of if isinstance(one, Need) and not one.any else (one,)
        flat.update(dict.fromkeys(inner))
    return Need(False, tuple(flat))


def either(parts: Iterable[Leaf | Need]) -> Need:
    """One of these; nothing where one of them needs nothing."""
    found = list(dict.fromkeys(parts))
    if len(found) < 2:
        return every(found)
    if any(isinstance(one, Need) and not one.of for one in found):
        return NOTHING
    return Need(True, tuple(found))


def needs(fact: Fact, columns: Iterable[str]) -> Need:
    """What rows of a fact with these columns need.

    Args:
        fact: The fact.
        columns: Columns of it; others are left out.
    """
    known = tuple(sorted(set(columns) & set(fact.columns)))
    return _of_query(fact.sql, known)


def beside(fact: Fact) -> tuple[str, ...]:
    """The columns of events that a fact reads and cannot be broken down by: what goes with them.

    >>> from heedful.facts.catalogue import facts
    >>> beside(facts()["form_attempts"])
    ('customer_id', 'form', 'step')
    """
    from sqlglot import exp

    found: dict[str, None] = {}
    for scope in _scope(fact.sql).traverse():
        for column in scope.columns:
            source = scope.sources.get(column.table)
            if isinstance(source, exp.Table) and source.name == EVENTS:
                name = "customer_id" if column.name in {"customer", "known"} else column.name
                found[name] = None
    told = {"event_id", EVENT, "occurred_at", "touchpoint", "page", "device", "channel", "country"}
    names = schema.table(EVENTS).columns
    return tuple(sorted(name for name in found if name in names and name not in told))


def of_values(fact: Fact, column: str, value: str) -> Need:
    """What rows of a fact with this value in a column need, where it stands in a table as it is."""
    found = needs(fact, [column])
    plain = [leaf for leaf in found.leaves() if leaf.kind == "column" and leaf.name == column]
    return every([Leaf("value", one.table, one.name, value) for one in plain[:1]])


@functools.cache
def _of_query(sql: str, columns: tuple[str, ...]) -> Need:
    scope = _scope(sql)
    return every([_rows(scope), *(_column(scope, name) for name in columns)])


@functools.cache
def _scope(sql: str) -> Scope:
    from sqlglot import parse_one
    from sqlglot.optimizer.scope import build_scope

    found = build_scope(parse_one(sql, dialect="duckdb"))
    if found is None:
        raise ValueError("not a SELECT")
    return found


def _rows(scope: Scope) -> Need:
    """What must be there for a query to have any row."""
    from sqlglot import exp

    if scope.set_operation_scopes:
        return either(_rows(one) for one in scope.set_operation_scopes)
    query = scope.expression
    if not isinstance(query, exp.Select):
        return NOTHING
    if not query.args.get("group") and all(one.find(exp.AggFunc) for one in query.selects):
        # Sums over nothing are a row, too.
        return NOTHING
    first = query.args.get("from_")
    sources = [first.this] if first is not None else []
    sources += [join.this for join in query.args.get("joins") or () if not join.side]
    found: list[Leaf | Need] = [_source(scope, one.alias_or_name) for one in sources]
    where = query.args.get("where")
    for part in where.this.flatten() if where and isinstance(where.this, exp.And) else ():
        found += _condition(part, scope)
    if where is not None and not isinstance(where.this, exp.And):
        found += _condition(where.this, scope)
    return every(found)


def _condition(node: exp.Expr, scope: Scope) -> list[Leaf | Need]:
    """What a condition of WHERE says of events and rules; other conditions only narrow."""
    from sqlglot import exp

    node = node.unnest()
    if isinstance(node, exp.Or):
        sides = [_condition(one, scope) for one in node.flatten()]
        return [either(every(one) for one in sides)]
    if isinstance(node, exp.In):
        return _listed(node)
    rules = list(node.find_all(exp.Placeholder, exp.Parameter))
    absent = isinstance(node, exp.Not) and isinstance(node.this, exp.Is) and rules
    return [Leaf("rule", "", rules[0].name)] if absent else []


def _listed(node: exp.In) -> list[Leaf | Need]:
    """The events of a list of rules.yaml."""
    from sqlglot import exp

    lists = [one.name for one in node.find_all(exp.Placeholder, exp.Parameter)]
    column = node.this
    if not lists or not isinstance(column, exp.Column) or column.name != EVENT:
        return []
    return [Leaf("table", EVENTS), *(Leaf("events", EVENTS, name) for name in lists)]


def _source(scope: Scope, alias: str) -> Need:
    """What a source of a query needs to have rows."""
    from sqlglot import exp

    source = scope.sources.get(alias)
    if source is None:
        return NOTHING
    if not isinstance(source, exp.Table):
        return _rows(source)
    if source.name == MONTHS:
        return NOTHING
    if source.name in relations.names():
        return _rows(_scope(relations.relation(source.name).sql))
    return every([Leaf("table", source.name)])


def _selects(scope: Scope) -> list[exp.Expr]:
    """What a query gives, column by column."""
    from sqlglot import exp

    query = scope.expression
    return list(query.selects) if isinstance(query, exp.Query) else []


def _column(scope: Scope, name: str) -> Need:
    """What one column of a query needs."""
    from sqlglot import exp

    if scope.set_operation_scopes:
        names = [one.alias_or_name for one in _selects(scope.set_operation_scopes[0])]
        place = names.index(name) if name in names else -1
        return either(
            every([_rows(one), _expression(_selects(one)[place], one)])
            for one in scope.set_operation_scopes
        )
    for item in _selects(scope):
        if item.alias_or_name == name:
            return _expression(item.unalias(), scope)
        if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            inner = scope.sources.get(item.table)
            if inner is not None and not isinstance(inner, exp.Table):
                found = _column(inner, name)
                if found.of:
                    return found
    return NOTHING


def _expression(node: exp.Expr, scope: Scope) -> Need:
    """What an expression over the sources of a query needs to be known."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return _reference(node, scope)
    if isinstance(node, exp.In):
        listed = _listed(node)
        return every(listed) if listed else _expression(node.this, scope)
    if isinstance(node, exp.Placeholder | exp.Parameter):
        # Without a number that only the company knows nothing comes of the expression.
        return every([Leaf("rule", "", node.name)] if node.name in _unset() else [])
    if isinstance(node, exp.Is) and not node.this.find(exp.Column):
        return NOTHING
    if isinstance(node, exp.Or) and any(_asks_rule(one) for one in node.flatten()):
        return NOTHING
    if isinstance(node, exp.Coalesce | exp.Or):
        parts = [_expression(one, scope) for one in _operands(node)]
        return either(one for one in parts if one.of)
    if isinstance(node, exp.Subquery | exp.Select | exp.Exists):
        tables = {table.name for table in node.find_all(exp.Table)}
        named = [name for name in tables if name in schema.names()]
        return every(Leaf("table", name) for name in sorted(named))
    if isinstance(node, exp.Window):
        return _expression(node.this, scope)
    return every(_expression(one, scope) for one in node.iter_expressions())


@functools.cache
def _unset() -> frozenset[str]:
    """Rules that nothing is known of until a project sets them."""
    return frozenset(name for name, value in Rules().parameters().items() if value is None)


def _asks_rule(node: exp.Expr) -> bool:
    """Whether a condition only asks whether a rule is set, so that it may rightly be unset."""
    from sqlglot import exp

    return isinstance(node.unnest(), exp.Is) and not node.find(exp.Column)


def _operands(node: exp.Expr) -> list[exp.Expr]:
    from sqlglot import exp

    if isinstance(node, exp.Coalesce):
        return [node.this, *node.expressions]
    return list(node.flatten())


def _reference(column: exp.Column, scope: Scope) -> Need:
    """What one column of a source needs."""
    from sqlglot import exp

    alias = column.table or (next(iter(scope.sources)) if len(scope.sources) == 1 else "")
    source = scope.sources.get(alias)
    if source is None:
        return NOTHING
    if not isinstance(source, exp.Table):
        return every([_rows(source), _column(source, column.name)])
    if source.name == MONTHS:
        return NOTHING
    if source.name in relations.names():
        inner = _scope(relations.relation(source.name).sql)
        return every([_rows(inner), _column(inner, column.name)])
    return _stored(source.name, column.name)


def _stored(table: str, column: str) -> Need:
    """A column of a table as facts see it: some are made of others."""
    names = schema.table(table).columns
    if column in {"customer", "known"}:
        parts = [Leaf("column", table, one) for one in PEOPLE if one in names]
    elif column in {"stage", "ai", "touchpoint"} and column not in names:
        parts = [Leaf("column", table, one) for one in PLACES if one in names]
    elif table == scales.TABLE and column in SCALE:
        # Where an answer names no scale, its instrument does.
        parts = [Leaf("column", table, column), Leaf("column", table, "instrument")]
    elif column in names:
        parts = [Leaf("column", table, column)]
    else:
        return every([Leaf("table", table)])
    return every([Leaf("table", table), either(parts)])
