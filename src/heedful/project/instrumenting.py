"""What to do next so that a KPI can be measured: the concrete thing, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.experiments.wording import listed
from heedful.facts import needs
from heedful.facts.needs import Leaf, Need

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.project_files import Definitions
    from heedful.facts.model import Fact
    from heedful.project.stock import Stock


def needed(kpi: CatalogueKpi, fact: Fact) -> Need:
    """What a KPI needs of the tables, read off its definition and its fact.

    Args:
        kpi: A KPI that can be measured.
        fact: Its fact.
    """
    columns, values = read(kpi)
    parts: list[Leaf | Need] = [needs.needs(fact, columns)]
    parts += [needs.of_values(fact, column, value) for column, value in values]
    return needs.every(parts)


def read(kpi: CatalogueKpi) -> tuple[list[str], list[tuple[str, str]]]:
    """The columns that a KPI reads of its fact, and the values that its rows must have there."""
    from sqlglot import exp, parse_one

    texts = [*(kpi.measure.expressions().values() if kpi.measure else ()), kpi.where or ""]
    trees = [parse_one(text, dialect="duckdb") for text in texts if text]
    columns = dict.fromkeys(one.name for tree in trees for one in tree.find_all(exp.Column))
    values = []
    where = parse_one(kpi.where, dialect="duckdb") if kpi.where else None
    for part in where.flatten() if isinstance(where, exp.And) else [where]:
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column):
            other = part.expression
            if isinstance(other, exp.Literal) and other.is_string:
                values.append((part.this.name, other.name))
    return list(columns), values


def there(stocks: Mapping[str, Stock], rules: Mapping[str, object]) -> Callable[[Leaf], bool]:
    """What says whether a single need is in the data.

    Args:
        stocks: What is counted of each table that exists.
        rules: The values of rules.yaml.
    """

    def is_there(leaf: Leaf) -> bool:
        if leaf.kind == "rule":
            return rules.get(leaf.name) is not None
        stock = stocks.get(leaf.table)
        if stock is None or not stock.rows:
            return False
        if leaf.kind == "column":
            return bool(stock.filled.get(leaf.name, 0))
        if leaf.kind == "value":
            return bool(stock.values.get((leaf.name, leaf.value), 0))
        if leaf.kind == "events":
            return any(stock.events.get(str(name)) for name in named(rules, leaf.name))
        return True

    return is_there


def filled(need: Need, stocks: Mapping[str, Stock]) -> dict[str, float]:
    """Share of rows in which each column that is needed is filled, 0 to 1, by `table.column`.

    Columns of events are left out: which of them an event fills is a matter of its name.

    Args:
        need: What is needed.
        stocks: What is counted of each table that exists.
    """
    found = {}
    for leaf in need.leaves():
        stock = stocks.get(leaf.table)
        if leaf.kind == "column" and leaf.table != needs.EVENTS and stock and stock.rows:
            found[f"{leaf.table}.{leaf.name}"] = stock.filled.get(leaf.name, 0) / stock.rows
    return found


def named(rules: Mapping[str, object], name: str) -> list[str]:
    """The events of a list of rules.yaml."""
    found = rules.get(name)
    return [str(one) for one in found] if isinstance(found, (list, tuple)) else []


@dataclass(frozen=True, slots=True)
class Asker:
    """Turns what is missing into what to do.

    Attributes:
        definitions: The project.
        stocks: What is counted of each table that exists.
        rules: The values of rules.yaml.
    """

    definitions: Definitions
    stocks: Mapping[str, Stock]
    rules: Mapping[str, object]

    def steps(self, missing: Iterable[Leaf], fact: Fact) -> tuple[str, ...]:
        """What to do about what is missing; a table that is empty is said once, not by column."""
        leaves = list(missing)
        empty = {leaf.table for leaf in leaves if leaf.kind == "table"}
        found: dict[str, None] = {}
        for leaf in leaves:
            if leaf.kind == "events":
                found[self._events(leaf, fact)] = None
        for leaf in leaves:
            if leaf.kind == "table" and not self._said(leaf, leaves):
                found[self._table(leaf.table)] = None
            elif leaf.kind == "column" and leaf.table not in empty:
                found[self._column(leaf)] = None
            elif leaf.kind == "value":
                found[self._value(leaf)] = None
            elif leaf.kind == "rule":
                found[f"set {leaf.name} in rules.yaml"] = None
        return tuple(found)

    def _said(self, leaf: Leaf, leaves: Iterable[Leaf]) -> bool:
        """Whether an empty table is filled by what another step asks for."""
        same = [one for one in leaves if one.table == leaf.table]
        return any(one.kind in {"events", "value"} for one in same)

    def _events(self, leaf: Leaf, fact: Fact) -> str:
        events = named(self.rules, leaf.name)
        if not events:
            return f"name the events under {leaf.name} in rules.yaml, and send them"
        beside = needs.beside(fact)
        some = " or ".join(events[:3])
        return f"send event {some}{f' with {listed(beside)}' if beside else ''}"

    def _table(self, table: str) -> str:
        files = self._files(table)
        if files:
            names = " ".join(name.removeprefix("sources/").removesuffix(".yaml") for name in files)
            return f"import {table}: heedful import {names}"
        return f"write sources/{table}.yaml to fill {table}"

    def _column(self, leaf: Leaf) -> str:
        files = self._files(leaf.table)
        where = " or ".join(files[:2]) if files else f"sources/{leaf.table}.yaml"
        if leaf.table == needs.EVENTS:
            return f"send {leaf.name} with events, and map it in {where}"
        return f"map {leaf.name} in {where}"

    def _value(self, leaf: Leaf) -> str:
        if leaf.name == "instrument":
            return f"ask customers with the survey {leaf.value} ({leaf.table} of that instrument)"
        return f"send rows of {leaf.table} whose {leaf.name} is {leaf.value}"

    def _files(self, table: str) -> list[str]:
        found = self.definitions.sources.values()
        return [f"sources/{one.name}.yaml" for one in found if one.table == table]
