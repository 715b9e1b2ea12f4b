"""One query a fact: bucket sums of all its KPIs, for grains, stages and dimensions at once.

Customers fall for good into 64 buckets; what leaves the engine is sums by bucket (and, where a
distribution is needed, counts by value), never rows. `stats` turns them into intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from heedful.definitions.measure import Retention
from heedful.kpis.cells import ALL, Cells, Spread, distributed, joined, part
from heedful.kpis.measuring import Columns, columns, watched
from heedful.stats import BUCKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.parameters import Value
    from heedful.kpis.cells import Part
    from heedful.kpis.periods import Grain

    Key = tuple[Grain, str | None, str | None]
    """A grouping set: grain, stage column, dimension."""

ONE = "1"
"""SQL of what adds up to the number of rows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of one fact.

    Attributes:
        table: The view or table that holds its rows.
        kpis: KPIs over it.
        columns: SQL type by column of the fact.
        customer_dimensions: Dimensions that come from the view `who`.
        sets: Which cells: grain and dimension (None: not broken down), each by stage as well.
        since: First day, or None for all.
        until: Day after the last, or None.
        parameters: Values of `$name` in the SQL of KPIs.
    """

    table: str
    kpis: tuple[CatalogueKpi, ...]
    columns: Mapping[str, str]
    customer_dimensions: frozenset[str]
    sets: tuple[tuple[Grain, str | None], ...]
    since: date | None = None
    until: date | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def grains(self) -> tuple[Grain, ...]:
        """The grains asked for."""
        return tuple(dict.fromkeys(grain for grain, _ in self.sets))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions asked for."""
        return tuple(dict.fromkeys(name for _, name in self.sets if name is not None))


def default_stage(kpi: CatalogueKpi) -> str | None:
    """The stage of rows that no touchpoint gives one: the KPI's only stage.

    A KPI over a fact without touchpoints belongs to that stage altogether.
    """
    return kpi.stages[0] if len(kpi.stages) == 1 else None


def _no_longer(kpi: CatalogueKpi, taken: Columns) -> Columns:
    """What a retention takes of rows: who is seen a day longer than asked is seen long enough."""
    if not isinstance(kpi.measure, Retention) or taken.value is None or taken.event is None:
        return taken
    value, event = watched(taken.value, taken.event, kpi.measure.after + 1)
    return replace(taken, value=value, event=event)


def _bucket(id_: str) -> str:
    """SQL: which of 64 groups an id falls into, by md5 of it, as facts have it of customers."""
    high, low = (
        f"(STRPOS('0123456789abcdef', SUBSTR(MD5({id_}), {digit}, 1)) - 1)" for digit in (1, 2)
    )
    return f"({high} % 4) * 16 + {low}"


class Query:
    """The SQL of a plan, and how its result is read.

    Args:
        plan: What is asked.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        texts = {name for name, kind in plan.columns.items() if kind == "VARCHAR"}
        texts |= plan.customer_dimensions
        self.measures: list[Columns] = [
            _no_longer(kpi, columns(kpi, plan.columns, texts, plan.parameters)) for kpi in plan.kpis
        ]
        self.staged = "stage" in plan.columns
        # KPIs with the same default share a stage column; without stages there is none.
        defaults = dict.fromkeys(default_stage(kpi) for kpi in plan.kpis) if self.staged else {}
        self.stages: dict[str | None, str] = {
            default: f"stage_{number}" for number, default in enumerate(defaults)
        }
        units = {kpi.unit for kpi in plan.kpis}
        if len(units) > 1:
            # They fall into other buckets, so one query cannot serve both.
            raise ValueError("KPIs of customers and of accounts are summed apart")
        self.accounts = units == {"account"}
        self.conditions = list(dict.fromkeys(measure.counts for measure in self.measures))

    # --- SQL ---

    def sums_sql(self) -> str:
        """SQL of the bucket sums: a row a cell and bucket."""
        items = []
        for number in range(len(self.conditions)):
            items.append(f"SUM(c{number}) AS n{number}")
            items.append(f"COUNT(DISTINCT CASE WHEN c{number} = 1 THEN unit END) AS u{number}")
        for number, measure in enumerate(self.measures):
            names = [f"k{number}_{name}" for name in measure.sums]
            items += [f"CAST(SUM({name}) AS DOUBLE) AS {name}" for name in names]
        return self._grouped(self._rows(), items, ())

    def values_sql(self, number: int) -> str:
        """SQL of the distribution of one KPI: a row a cell, bucket and value."""
        measure = self.measures[number]
        condition = self.conditions.index(measure.counts)
        event = measure.event or "TRUE"
        rows = self._rows(
            [
                f"CAST({measure.value} AS DOUBLE) AS value",
                f"CASE WHEN {event} THEN 1 ELSE 0 END AS event",
            ]
        )
        rows = f"SELECT * FROM ({rows}) AS counted WHERE c{condition} = 1"
        return self._grouped(rows, ["COUNT(*) AS rows"], ("value", "event"))

    def _rows_sql(self, numbers: Sequence[int], people: bool) -> str:
        """Rows that some KPIs count: units as numbers, labels, what is summed.

        For engines that share memory with us, which then count what no sum can tell: distinct
        units. Units and days come once for each row.
        """
        counts = dict.fromkeys(self.measures[number].counts for number in numbers)
        conditions = [self.conditions.index(one) for one in counts]
        counted = [f"c{number} = 1 AS c{number}" for number in conditions]
        summed = [
            f"CAST(CASE WHEN c{condition} = 1 THEN {name} END AS DOUBLE) AS {name}"
            for (condition, _), name in self.summands.items()
            if condition in conditions
        ]
        summands = [f"{sql} AS {name}" for (_, sql), name in self.summands.items()]
        some = " OR ".join(f"c{number} = 1" for number in conditions)
        return self._listed(summands, [*counted, *summed], some, people)

    def _spread_sql(self, number: int, people: bool) -> str:
        """Rows of one KPI, each with its value, its labels and its unit as a number."""
        measure = self.measures[number]
        condition = self.conditions.index(measure.counts)
        extra = [
            f"CAST({measure.value} AS DOUBLE) AS value",
            f"COALESCE({measure.event or 'TRUE'}, FALSE) AS event",
        ]
        items = [f"c{condition} = 1 AS c{condition}", "value", "event"]
        return self._listed(extra, items, f"c{condition} = 1 AND NOT ISNAN(value)", people)

    def parts(self) -> list[list[int]]:
        """KPIs by number, those together whose rows are read together."""
        spread = [n for n, measure in enumerate(self.measures) if measure.value is not None]
        plain = [n for n in range(len(self.measures)) if n not in spread]
        sharing = [[n for n in spread if self.shared(n) == one] for one in self.distributions()]
        return [*([plain] if plain else []), *sharing]

    def part_sql(self, numbers: Sequence[int], *, people: bool = False) -> str:
        """SQL of the rows of KPIs that are read together.

        Args:
            numbers: The KPIs, as `parts` has them.
            people: With the labels of customers, as `people_sql` gives them.
        """
        if self.measures[numbers[0]].value is not None:
            return self._spread_sql(numbers[0], people)
        return self._rows_sql(numbers, people)

    def fingerprint_sql(self, numbers: Sequence[int]) -> str:
        """SQL of what the rows of KPIs that are read together add up to, by day."""
        rows = self.part_sql(numbers, people=True)
        return (
            "SELECT day, COUNT(*) || ':' || SUM(HASH(*COLUMNS(* EXCLUDE (day, bucket)))) AS mark"
            f" FROM ({rows}) AS part GROUP BY day"
        )

    def people_sql(self) -> str | None:
        """SQL of the labels of customers, by unit; None where rows have them, or none are asked.

        An account has several customers, so its rows have the labels of theirs.
        """
        names = [name for name in self.plan.dimensions if name in self.plan.customer_dimensions]
        if self.accounts or not names:
            return None
        items = ", ".join(f'CAST("{name}" AS VARCHAR) AS "d_{name}"' for name in names)
        return f"SELECT HASH(customer) AS unit, {items} FROM who WHERE customer IS NOT NULL"

    @cached_property
    def summands(self) -> dict[tuple[int, str], str]:
        """A name for everything that is summed, by condition and SQL; how many rows is not."""
        found: dict[tuple[int, str], str] = {}
        for measure in self.measures:
            for sql in measure.sums.values():
                if sql != ONE:
                    key = self.conditions.index(measure.counts), sql
                    found.setdefault(key, f"s{len(found)}")
        return found

    def labels(self) -> list[str]:
        """The labels of `part_sql`."""
        mine = [name for name in self.plan.dimensions if self._in_rows(name)]
        return [*(["stage"] if self.staged else []), *(f"d_{name}" for name in mine)]

    def _in_rows(self, name: str) -> bool:
        return self.accounts or name not in self.plan.customer_dimensions

    def _listed(self, extra: Sequence[str], items: Sequence[str], where: str, people: bool) -> str:
        mine = [name for name in self.plan.dimensions if people or self._in_rows(name)]
        dimensions = [f'CAST("{name}" AS VARCHAR) AS "d_{name}"' for name in mine]
        counted = [
            f"CASE WHEN {condition} THEN 1 ELSE 0 END AS c{number}"
            for number, condition in enumerate(self.conditions)
        ]
        stage = ["stage"] if self.staged else []
        first = ", ".join([self._day(), *self._unit(), *stage, *dimensions, *counted, *extra])
        labels = [*stage, *(f'"d_{name}"' for name in mine)]
        last = ", ".join(["HASH(unit) AS unit", "day", "bucket", *labels, *items])
        base = self._base(people=people or self.accounts)
        return f"SELECT {last} FROM (SELECT {first} FROM ({base}) AS base) AS rows WHERE {where}"

    def _base(self, *, people: bool = True) -> str:
        plan = self.plan
        who = [name for name in plan.dimensions if people and name in plan.customer_dimensions]
        joined = ", ".join(f'w."{name}" AS "{name}"' for name in who)
        if self.accounts:
            account = "COALESCE(f.account, w.account)" if "account" in plan.columns else "w.account"
            joined += f"{', ' if joined else ''}{account} AS account_unit"
        conditions = []
        if plan.since is not None:
            conditions.append(f"f.day >= DATE '{plan.since.isoformat()}'")
        if plan.until is not None:
            conditions.append(f"f.day < DATE '{plan.until.isoformat()}'")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        if not joined:
            return f"SELECT f.* FROM {plan.table} AS f{where}"
        return (
            f"SELECT f.*, {joined} FROM {plan.table} AS f"
            f" LEFT JOIN who AS w ON f.customer = w.customer{where}"
        )

    def _day(self) -> str:
        short = any(grain != "all" for grain in self.plan.grains)
        return f"{'day' if short else f'DATE {ALL.isoformat()!r}'} AS day"

    def _unit(self) -> list[str]:
        if not self.accounts:
            return ["customer AS unit", "bucket"]
        # A customer without an account is a unit of its own. What kind of id it is stands in
        # front, as the account 7 and the customer 7 are two.
        return [
            "COALESCE('account:' || account_unit, 'customer:' || customer) AS unit",
            f"{_bucket('COALESCE(account_unit, customer)')} AS bucket",
        ]

    def _rows(self, extra: Sequence[str] = ()) -> str:
        items = [self._day()]
        for grain in self.plan.grains:
            if grain == "day":
                items.append("day AS p_day")
            elif grain != "all":
                items.append(f"CAST(DATE_TRUNC('{grain}', day) AS DATE) AS p_{grain}")
        for default, name in self.stages.items():
            value = f"COALESCE(stage, '{default}')" if default else "stage"
            items.append(f"{value} AS {name}")
        items += [f'CAST("{name}" AS VARCHAR) AS "d_{name}"' for name in self.plan.dimensions]
        items += self._unit()
        for number, condition in enumerate(self.conditions):
            items.append(f"CASE WHEN {condition} THEN 1 ELSE 0 END AS c{number}")
        if not extra:
            for number, measure in enumerate(self.measures):
                for name, sql in measure.sums.items():
                    value = f"CASE WHEN {measure.counts} THEN {sql} END"
                    items.append(f"{value} AS k{number}_{name}")
        items += extra
        return f"SELECT {', '.join(items)} FROM ({self._base()}) AS base"

    def sets(self) -> Iterator[Key]:
        """The grouping sets."""
        for grain, dimension in self.plan.sets:
            for stage in (None, *self.stages.values()):
                yield grain, stage, dimension

    def _grouped(self, rows: str, items: Sequence[str], more: Sequence[str]) -> str:
        periods = [f"p_{grain}" for grain in self.plan.grains if grain != "all"]
        dimensions = [f'"d_{name}"' for name in self.plan.dimensions]
        keys = [*periods, *self.stages.values(), *dimensions]
        sets = []
        for grain, stage, dimension in self.sets():
            parts = [] if grain == "all" else [f"p_{grain}"]
            parts += [stage] if stage else []
            parts += [f'"d_{dimension}"'] if dimension else []
            sets.append(f"({', '.join([*parts, 'bucket', *more])})")
        flags = [f'GROUPING({key}) AS "g_{key.strip(chr(34))}"' for key in keys]
        selected = ", ".join([*keys, *flags, "bucket", *more, *items])
        return (
            f"SELECT {selected} FROM ({rows}) AS summed GROUP BY GROUPING SETS ({', '.join(sets)})"
        )

    # --- reading the results ---

    def cells(self, sums: pa.Table, values: Mapping[int, pa.Table]) -> list[Cells]:
        """Each KPI's cells from the results of `sums_sql` and `values_sql`.

        Args:
            sums: Result of `sums_sql`.
            values: Result of `values_sql` by number of the KPI.
        """
        found: list[Cells] = []
        split = self._parts(sums)
        parted = {
            (number, key): part
            for number, table in values.items()
            for key, part in self._parts(table).items()
        }
        for number, (kpi, measure) in enumerate(zip(self.plan.kpis, self.measures, strict=True)):
            stage = self.stages.get(default_stage(kpi)) if self.staged else None
            parts = []
            for key in self.sets():
                if key[1] not in {None, stage}:
                    continue
                distribution = parted.get((self.shared(number), key)) if measure.value else None
                parts.append(self._cells_of(number, key, split[key], distribution))
            found.append(joined([part for part in parts if len(part)], kpi, measure))
        return found

    def distributions(self) -> list[int]:
        """KPIs whose distribution must be asked for; the others share theirs or need none."""
        return sorted({self.shared(n) for n, m in enumerate(self.measures) if m.value})

    def shared(self, number: int) -> int:
        """The first KPI that has the same distribution as a KPI."""
        mine = self.measures[number]
        same = (
            m.counts == mine.counts and m.value == mine.value and m.event == mine.event
            for m in self.measures
        )
        return next(n for n, equal in enumerate(same) if equal)

    def _parts(self, table: pa.Table) -> dict[Key, Part]:
        """Each grouping set's rows, the cell each row belongs to, and the cells' keys."""
        names = [
            *(f"p_{grain}" for grain in self.plan.grains if grain != "all"),
            *self.stages.values(),
            *(f"d_{name}" for name in self.plan.dimensions),
        ]
        # One bit a column: set where the grouping set does not have it.
        code = np.zeros(len(table), np.int64)
        for bit, name in enumerate(names):
            code |= table[f"g_{name}"].to_numpy().astype(np.int64) << bit
        order = np.argsort(code, kind="stable")
        code = code[order]
        keys = {*names, *(f"g_{name}" for name in names)}
        rest = [name for name in table.column_names if name not in keys]
        parts = {}
        for key in self.sets():
            grain, stage, dimension = key
            wanted = {f"p_{grain}", stage, f"d_{dimension}" if dimension else None}
            mine = sum(1 << bit for bit, name in enumerate(names) if name not in wanted)
            start, end = np.searchsorted(code, [mine, mine + 1])
            present = [name for name in names if name in wanted]
            rows = table.select([*present, *rest]).take(pa.array(order[start:end]))
            parts[key] = part(rows, present)
        return parts

    def _cells_of(
        self,
        number: int,
        key: Key,
        part: Part,
        distribution: Part | None,
    ) -> Cells:
        grain, stage, dimension = key
        rows, index, distinct = part
        kpi, measure = self.plan.kpis[number], self.measures[number]
        count = len(distinct)
        bucket = rows["bucket"].to_numpy().astype(np.int64)
        condition = self.conditions.index(measure.counts)

        def dense(name: str) -> NDArray[np.float64]:
            array = np.zeros((count, BUCKETS))
            array[index, bucket] = np.nan_to_num(
                rows[name].cast(pa.float64(), safe=False).to_numpy(), copy=True
            )
            return array

        def keys(name: str | None) -> list[Any]:
            return distinct[name].to_pylist() if name else [None] * count

        n = dense(f"n{condition}")
        stages = keys(stage)
        # Rows that belong to no stage count in the total alone.
        placed = np.array([not stage or one is not None for one in stages], dtype=bool)
        held = np.flatnonzero((n.sum(axis=1) > 0) & placed)

        def kept(values: list[Any]) -> list[Any]:
            return [values[cell] for cell in held]

        spread: Spread | None = None
        if distribution is not None:
            spread = distributed(distribution, distinct, held)
        begin = keys(f"p_{grain}") if grain != "all" else [ALL] * count
        return Cells(
            kpi=kpi,
            grain=[grain] * len(held),
            begin=kept(begin),
            stage=kept(stages),
            dimension=[dimension] * len(held),
            segment=kept(keys(f"d_{dimension}" if dimension else None)),
            n=n[held],
            customers=dense(f"u{condition}")[held],
            sums={name: dense(f"k{number}_{name}")[held] for name in measure.sums},
            spread=spread,
        )
