"""Rows of two sources beside each other: which are in one only, and which say something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from heedful.engines.duckdb import DuckDB, literal, quoted
from heedful.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from heedful.kpis.periods import Grain
    from heedful.reconciliation.side import Asked, Side

Match = Literal["key", "customer"]
# What rows gain on the way to facts; it follows from the other columns.
DERIVED = frozenset({"customer", "known", "stage", "ai"})
# When a source last touched a row says nothing about what is in it.
UNCOMPARED = frozenset({"updated_at"})
NUMBERS = ("money", "number", "integer")
# A step that so many of the differing values share is no accident.
USUAL = 0.5


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is in which source.

    Attributes:
        both: Ids in both.
        a_only: Ids in the first only.
        b_only: Ids in the second only.
        a_rows: Rows of the first.
        b_rows: Rows of the second.
        customers_both: Customers in both; None where the table names none.
        customers_a_only: Customers in the first only.
        customers_b_only: Customers in the second only.
        a_nameless: Rows of the first that name no customer, left out where matched by customer.
        b_nameless: Those of the second.
    """

    both: int
    a_only: int
    b_only: int
    a_rows: int
    b_rows: int
    customers_both: int | None
    customers_a_only: int | None
    customers_b_only: int | None
    a_nameless: int = 0
    b_nameless: int = 0

    @property
    def all(self) -> int:
        """Ids in any."""
        return self.both + self.a_only + self.b_only


@dataclass(frozen=True, slots=True)
class Column:
    """A column that both sources fill, over the ids that are in both.

    Attributes:
        column: Its name.
        differing: Ids whose values differ.
        shift_seconds: For times: what the second is later by on most of these; None where they
            share nothing.
        factor: For numbers: what the second is times the first on most of these.
        usual: Ids that share it.
    """

    column: str
    differing: int
    shift_seconds: float | None = None
    factor: float | None = None
    usual: int = 0


class Rows:
    """Rows of two sources on an engine.

    Args:
        asked: What is compared.
        a: The first source.
        b: The second.
        match: How rows are matched; None: by key, unless the sources have keys of their own.

    Attributes:
        match: How they are matched.
        compared: Columns that both fill.
        a_fills: Columns that only the first fills.
        b_fills: Columns that only the second fills.
    """

    def __init__(self, asked: Asked, a: Side, b: Side, match: Match | None) -> None:
        self.asked = asked
        self.table = asked.table
        self.engine = DuckDB(folder=str(a.rows.parent / "spill"))
        self.engine.run(f"SET TimeZone = {literal(asked.definitions.settings.timezone)}")
        self.named = "customer" in a.columns and "customer" in b.columns
        for name, one in (("a", a), ("b", b)):
            self.engine.view(name, f"SELECT * FROM read_parquet({literal(str(one.rows))})")
        self.match: Match = match or self._matching(a, b)
        filled = {name: self._filled(name, one) for name, one in (("a", a), ("b", b))}
        self.compared = [c for c in filled["a"] if c in filled["b"]]
        self.a_fills = tuple(c for c in filled["a"] if c not in filled["b"])
        self.b_fills = tuple(c for c in filled["b"] if c not in filled["a"])
        for name in ("a", "b"):
            self._view(name)
        if self.match == "customer":
            self.compared = ["rows", *self.compared]
        same = "x.id = y.id"
        self.engine.run(
            "CREATE TABLE pairs AS SELECT coalesce(x.id, y.id) AS id,"
            " x.id IS NOT NULL AS in_a, y.id IS NOT NULL AS in_b,"
            f" {self._differs()} AS differs FROM x FULL JOIN y ON {same}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    def coverage(self) -> Coverage:
        """Count ids, rows and customers."""
        ids = self._one(
            "SELECT count(*) FILTER (in_a AND in_b) AS both, count(*) FILTER (NOT in_b) AS a_only,"
            " count(*) FILTER (NOT in_a) AS b_only FROM pairs"
        )
        rows = self._one("SELECT (SELECT count(*) FROM a) AS a, (SELECT count(*) FROM b) AS b")
        people: dict[str, int | None] = dict.fromkeys(("both", "a_only", "b_only"))
        nameless = {"a": 0, "b": 0}
        if self.named:
            who = "(SELECT DISTINCT customer FROM {} WHERE customer IS NOT NULL)"
            people |= self._one(
                "SELECT count(*) FILTER (p.customer = q.customer) AS both,"
                " count(*) FILTER (q.customer IS NULL) AS a_only,"
                " count(*) FILTER (p.customer IS NULL) AS b_only"
                f" FROM {who.format('a')} AS p FULL JOIN {who.format('b')} AS q"
                " ON p.customer = q.customer"
            )
        if self.match == "customer":
            nameless = self._one(
                "SELECT (SELECT count(*) FROM a WHERE customer IS NULL) AS a,"
                " (SELECT count(*) FROM b WHERE customer IS NULL) AS b"
            )
        return Coverage(
            **ids,
            a_rows=rows["a"],
            b_rows=rows["b"],
            customers_both=people["both"],
            customers_a_only=people["a_only"],
            customers_b_only=people["b_only"],
            a_nameless=nameless["a"],
            b_nameless=nameless["b"],
        )

    def differing(self) -> int:
        """Count ids that are in both, with other values."""
        return self._one("SELECT count(*) FILTER (in_a AND in_b AND differs) AS n FROM pairs")["n"]

    def columns(self) -> tuple[Column, ...]:
        """The columns that differ anywhere, the most first."""
        found = [self._column(column) for column in self.compared]
        wrong = [one for one in found if one.differing]
        return tuple(sorted(wrong, key=lambda one: (-one.differing, one.column)))

    def differences(self, limit: int | None = None) -> pa.Table:
        """What differs, a row an id and column: those in one source only, then the others.

        Args:
            limit: Most rows.
        """
        alone = "SELECT {}, {}, {}, NULL, NULL, NULL FROM {} ANTI JOIN {} ON x.id = y.id"
        heads = ["nth", "difference", "id", "customer", "at", "column", "a", "b"]
        texts = ", ".join(f"'' AS {quoted(head)}" for head in heads[1:])
        selects = [f"SELECT 0 AS nth, {texts} WHERE false"]
        selects.append(alone.format(1, "'a_only'", self._place("x"), "x", "y"))
        selects.append(alone.format(2, "'b_only'", self._place("y"), "y", "x"))
        for column in self.compared:
            of = quoted(column)
            selects.append(
                f"SELECT 3, 'differs', {self._place('x')}, {literal(column)},"
                f" {self._text('x', column)}, {self._text('y', column)} FROM x JOIN y"
                f" ON x.id = y.id WHERE x.{of} IS DISTINCT FROM y.{of}"
            )
        cut = f" LIMIT {limit:d}" if limit is not None else ""
        return self.engine.query(
            'SELECT difference, id, customer, "at", "column", a, b FROM'
            f' ({" UNION ALL ".join(selects)}) ORDER BY nth, "at" NULLS LAST, id, "column"{cut}'
        )

    # --- what is matched with what ---

    def _matching(self, a: Side, b: Side) -> Match:
        sources = self.asked.definitions.sources
        generated = any(sources[one.source].key == "generated" for one in (a, b))
        if generated:
            return "customer" if self.named else "key"
        key = quoted(self.table.key)
        found = self._one(
            f"SELECT (SELECT count(*) FROM a SEMI JOIN b USING ({key})) AS both,"
            " (SELECT count(*) FROM a) AS a, (SELECT count(*) FROM b) AS b"
        )
        alien = not found["both"] and found["a"] and found["b"]
        return "customer" if alien and self.named else "key"

    def _filled(self, name: str, one: Side) -> list[str]:
        """Columns that hold anything, but for what identifies a row."""
        identity = {self.table.key, *UNCOMPARED, *DERIVED}
        if self.match == "customer":
            identity |= {"customer_id", "anonymous_id"}
        names = [c for c in one.columns if c not in identity]
        if not names:
            return []
        items = ", ".join(f"count({quoted(c)}) AS {quoted(c)}" for c in names)
        found = self._one(f"SELECT {items} FROM {name}")
        return [c for c in names if found[c]]

    def _view(self, name: str) -> None:
        """`x` and `y`: rows of `a` and `b` with `id`, `customer`, `at` and what is compared."""
        at = quoted(self.table.time) if self.table.time else "CAST(NULL AS TIMESTAMPTZ)"
        who = "customer" if self.named else "CAST(NULL AS VARCHAR)"
        view = {"a": "x", "b": "y"}[name]
        key = quoted(self.table.key)
        if self.match == "key":
            items = "".join(f", {quoted(c)}" for c in self.compared)
            sql = f'SELECT {key} AS id, {who} AS customer, {at} AS "at"{items} FROM {name}'
        else:
            period = _period(self.asked.grain, at)
            items = "".join(f", {self._summed(c)} AS {quoted(c)}" for c in self.compared)
            day = f"CAST(CAST({period} AS DATE) AS VARCHAR)"
            label = "customer" if self.asked.grain == "all" else f"customer || ' ' || {day}"
            sql = (
                f'SELECT {label} AS id, customer, min({at}) AS "at", count(*) AS rows{items}'
                f" FROM {name} WHERE customer IS NOT NULL GROUP BY customer, {period}"
            )
        self.engine.run(f"CREATE TABLE {view} AS {sql}")

    def _summed(self, column: str) -> str:
        """Values of a customer's rows: numbers added up, others in order."""
        of = quoted(column)
        kind = self.table.kind(column)
        if kind == "number":
            return f"round(sum({of}), 9)"
        if kind in NUMBERS:
            return f"sum({of})"
        return f"string_agg(CAST({of} AS VARCHAR), ' | ' ORDER BY CAST({of} AS VARCHAR))"

    def _differs(self) -> str:
        parts = [f"x.{quoted(c)} IS DISTINCT FROM y.{quoted(c)}" for c in self.compared]
        return " OR ".join(parts) or "false"

    def _place(self, view: str) -> str:
        return f'{view}.id AS id, {view}.customer AS customer, CAST({view}."at" AS VARCHAR) AS "at"'

    def _text(self, view: str, column: str) -> str:
        """A value as people write it: money is stored with four decimals, and has two."""
        text = f"CAST({view}.{quoted(column)} AS VARCHAR)"
        money = column != "rows" and self.table.kind(column) == "money"
        return f"regexp_replace({text}, '(\\.\\d\\d)00$', '\\1')" if money else text

    # --- what differs ---

    def _column(self, column: str) -> Column:
        of = quoted(column)
        differs = f"x.{of} IS DISTINCT FROM y.{of}"
        joined = f"FROM x JOIN y ON x.id = y.id WHERE {differs}"
        count = self._one(f"SELECT count(*) AS n {joined}")["n"]
        kind = "integer" if column == "rows" else self.table.kind(column)
        if not count or (kind == "timestamp" and self.match == "customer"):
            return Column(column, count)
        if kind == "timestamp":
            step = f"(epoch_us(y.{of}) - epoch_us(x.{of})) / 1e6"
        elif kind in NUMBERS and column != "rows":
            ratio = f"CAST(y.{of} AS DOUBLE) / nullif(CAST(x.{of} AS DOUBLE), 0)"
            step = f"round({ratio}, 4)"
        else:
            return Column(column, count)
        usual = self.engine.query(
            f"SELECT {step} AS step, count(*) AS n {joined} AND {step} IS NOT NULL"
            " GROUP BY 1 ORDER BY n DESC, abs(step) LIMIT 1"
        ).to_pylist()
        if not usual or usual[0]["n"] < max(2, USUAL * count):
            return Column(column, count)
        by, shared = float(usual[0]["step"]), int(usual[0]["n"])
        if kind == "timestamp":
            return Column(column, count, shift_seconds=by, usual=shared)
        return Column(column, count, factor=by, usual=shared)

    def _one(self, sql: str) -> dict[str, int]:
        return next(self._all(sql))

    def _all(self, sql: str) -> Iterator[dict[str, int]]:
        yield from self.engine.query(sql).to_pylist()


def _period(grain: Grain, at: str) -> str:
    """SQL of the first day of a time's period; in the timezone of the session."""
    if grain == "all":
        return "DATE '1970-01-01'"
    return f"date_trunc('{grain}', CAST({at} AS DATE))"


def labels(table: schema.Table) -> str:
    """What the rows of a table are called.

    >>> labels(schema.table("orders")), labels(schema.table("ai_outputs"))
    ('orders', 'AI outputs')
    """
    return table.name.replace("_", " ").replace("ai ", "AI ")


def listed(names: Sequence[str]) -> str:
    """Names as people list them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
