"""The same KPI by two sources: its values, how they differ, and the rows behind that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from heedful import stats
from heedful.kpis.shelf import Series, Shelf
from heedful.reconciliation.rows import Column, Coverage, Match, Rows
from heedful.reconciliation.side import Asked, Side, side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from heedful.definitions.source import Source
    from heedful.stats import Estimate

ONLY_ONE = "only one of the sources has a value"


@dataclass(frozen=True, slots=True)
class Value:
    """A KPI's value by one source.

    Attributes:
        value: The value; None where there is none.
        low: Lower end of its 95% interval.
        high: Upper end.
        n: Rows that count.
        customers: Distinct customers.
        why: Why something is missing.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    customers: int
    why: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One period by both sources.

    Attributes:
        period_start: Its first day.
        period_end: The day after its last.
        complete: Whether it is complete by both.
        a: By the first source; None where that has no reading.
        b: By the second.
        difference: b - a, in the KPI's unit.
        low: Lower end of its 95% interval; customers are paired, as they are the same.
        high: Upper end.
        why: Why there is no difference, or no interval.
    """

    period_start: date
    period_end: date
    complete: bool
    a: Value | None
    b: Value | None
    difference: float | None
    low: float | None
    high: float | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Given:
    """What one source gave.

    Attributes:
        source: Its name.
        kept: Rows of it that the project's table holds.
        read: Rows read again; None where the stored ones were taken.
        rejected: Of these, bad rows, which count as missing.
        gone: Stored rows that the source no longer gives, and that still count.
    """

    source: str
    kept: int
    read: int | None
    rejected: int | None
    gone: int | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of comparing two sources.

    Attributes:
        kpi: The KPI.
        unit: Its unit.
        fact: Its fact.
        table: The table that both sources fill.
        a: The first source.
        b: The second.
        grain: Grain of the periods.
        since: First day compared; None: from the beginning.
        until: Day after the last; None: to the end.
        match: `key`, or `customer`: by customer and period, as the sources have keys of their own.
        again: Whether the sources were read again.
        whole: All that is compared as one period; None where the fact has no such grain.
        periods: Every period.
        coverage: What is in which source.
        differing: Ids in both with other values.
        columns: The columns that differ.
        compared: Columns that were compared.
        a_fills: Columns that only the first fills.
        b_fills: Columns that only the second fills.
        differences: Each id that differs: `difference` (a_only, b_only, differs), `id`,
            `customer`, `at`, `column`, `a`, `b`.
        limited: Whether there are more of them.
    """

    kpi: str
    unit: str | None
    fact: str
    table: str
    a: Given
    b: Given
    grain: str
    since: date | None
    until: date | None
    match: Match
    again: bool
    whole: Compared | None
    periods: tuple[Compared, ...]
    coverage: Coverage
    differing: int
    columns: tuple[Column, ...]
    compared: tuple[str, ...]
    a_fills: tuple[str, ...]
    b_fills: tuple[str, ...]
    differences: pa.Table
    limited: bool

    @property
    def agreeing(self) -> int:
        """Ids that are in both with the same values."""
        return self.coverage.both - self.differing

    @property
    def agreement(self) -> float | None:
        """Share of all ids that are in both with the same values; None without any."""
        return self.agreeing / self.coverage.all if self.coverage.all else None


def reconcile(
    asked: Asked,
    a: Source,
    b: Source,
    folder: Path,
    tell: Callable[[str, str, int, int], None],
    *,
    match: Match | None = None,
    limit: int | None = None,
) -> Reconciliation:
    """Compare two sources.

    Args:
        asked: What is compared.
        a: The first source.
        b: The second.
        folder: A folder for scratch tables; whoever calls removes it.
        tell: Called with a source, what is being done, bytes done, bytes in all.
        match: How rows are matched; None: by key, unless the sources have keys of their own.
        limit: Most rows of `differences`.

    Raises:
        SourceError: A source cannot be read again.
    """
    sides = []
    for number, source in enumerate((a, b)):

        def told(what: str, done: int, all_: int, name: str = source.name) -> None:
            tell(name, what, done, all_)

        tell(source.name, "copying", 0, 0)
        sides.append(side(asked, source, folder / str(number), told))
    first, second = sides
    whole, periods = compared(asked, first, second)
    with Rows(asked, first, second, match) as rows:
        found = rows.differences(None if limit is None else limit + 1)
        more = limit is not None and found.num_rows > limit
        return Reconciliation(
            kpi=asked.kpi.id,
            unit=asked.kpi.measure.unit if asked.kpi.measure else None,
            fact=asked.fact.name,
            table=asked.table.name,
            a=_given(first),
            b=_given(second),
            grain=asked.grain,
            since=asked.since,
            until=asked.until,
            match=rows.match,
            again=asked.again,
            whole=whole,
            periods=periods,
            coverage=rows.coverage(),
            differing=rows.differing(),
            columns=rows.columns(),
            compared=tuple(rows.compared),
            a_fills=rows.a_fills,
            b_fills=rows.b_fills,
            differences=found.slice(0, limit) if more else found,
            limited=more,
        )


def _given(one: Side) -> Given:
    return Given(one.source, one.kept, one.read, one.rejected, one.gone)


def compared(asked: Asked, a: Side, b: Side) -> tuple[Compared | None, tuple[Compared, ...]]:
    """The KPI over everything, and by period."""
    shelves = Shelf(a.readings), Shelf(b.readings)

    def pairs(grain: str) -> list[Compared]:
        first, second = (shelf.series(asked.kpi.id, grain) for shelf in shelves)
        if grain == "all":
            # It begins where a source's rows begin, but is one and the same period.
            places = [(0 if first else None, 0 if second else None)]
            return [_compared(first, second, *places[0])] if first or second else []
        starts = sorted({day for one in (first, second) if one for day in one.start.tolist()})
        return [
            _compared(
                first,
                second,
                first.place(day) if first else None,
                second.place(day) if second else None,
            )
            for day in starts
        ]

    whole = pairs("all")
    return (whole[0] if whole else None), tuple(pairs(asked.grain))


def _compared(
    first: Series | None, second: Series | None, i: int | None, j: int | None
) -> Compared:
    both = ((first, i), (second, j))
    found = [(one, at) for one, at in both if one is not None and at is not None]
    values = [None if one is None or at is None else _value(one, at) for one, at in both]
    difference = None
    why: str | None = ONLY_ONE
    if len(found) == 2:
        (one, at), (other, there) = found
        difference = _difference(one.estimates.take([at])[0], other.estimates.take([there])[0])
        why = difference.why
    return Compared(
        period_start=min(one.start[at].item() for one, at in found),
        period_end=max(one.end[at].item() for one, at in found),
        complete=len(found) == 2 and all(bool(one.complete[at]) for one, at in found),
        a=values[0],
        b=values[1],
        difference=difference.value if difference else None,
        low=difference.low if difference else None,
        high=difference.high if difference else None,
        why=why,
    )


def _difference(a: Estimate, b: Estimate) -> Estimate:
    """How much more `b` is; where no customer makes a difference, that is certain."""
    if a.value is None or a.value != b.value or a.replicates is None or b.replicates is None:
        return stats.change(a, b)
    if not np.array_equal(a.replicates, b.replicates, equal_nan=True):
        return stats.change(a, b)
    return replace(a, value=0.0, low=0.0, high=0.0, why=None)


def _value(one: Series, at: int) -> Value:
    found = one.estimates.take([at])[0]
    return Value(
        found.value,
        found.low,
        found.high,
        int(one.n[at]),
        int(one.customers[at]),
        one.why[at],
    )
