"""Rows whose labels are small numbers, so that arrays can be grouped without looking at text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from heedful.kpis import periods
from heedful.kpis.cells import ALL, Spread
from heedful.stats import BUCKETS

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from heedful.kpis.periods import Grain

    Codes = NDArray[np.intp]
    Floats = NDArray[np.float64]

DENSE = 1 << 16
"""With fewer possible cells than this, none is looked for that has no rows."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows by cell.

    Attributes:
        names: The columns whose labels make cells, beside the period.
        period: The period of each row, as a code.
        cell: The cell of each row.
        count: How many cells there are; one may have no rows.
        begin: First day of each cell's period, `ALL` for the grain all.
        stage: Stage of each cell; None for all stages, or where rows belong to none.
        segment: Segment of each cell; None for the total, or where rows have none.
        placed: Whether a cell's rows belong to a stage, where they are grouped by it.
        key: Cell and bucket of each row as one number.
    """

    names: tuple[str, ...]
    period: Codes
    cell: Codes
    count: int
    begin: NDArray[np.object_]
    stage: NDArray[np.object_]
    segment: NDArray[np.object_]
    placed: NDArray[np.bool_]
    key: Codes


class _Order(NamedTuple):
    """Rows by unit and label, and within them by time."""

    names: tuple[str, ...]
    place: Codes | None
    """Where each row stands; None where the order is the one they have."""
    key: Codes
    """Unit and label as one number, ascending."""


class Coded:
    """Rows of a fact with their labels as codes, in order of unit and day.

    Args:
        table: Columns `unit`, `day`, `bucket`, one for each label, and numbers.
        labels: Names of the columns that hold labels.
        grains: Grains that will be asked for.
    """

    def __init__(self, table: pa.Table, labels: Sequence[str], grains: Sequence[Grain]) -> None:
        days = table["day"].to_numpy()
        order, self.unit = _by_unit(table["unit"].to_numpy(), days)
        self.bucket: Codes = table["bucket"].to_numpy()[order].astype(np.intp)
        self.labels: dict[str, list[Any]] = {}
        self._codes: dict[str, Codes] = {}
        for name in labels:
            codes, self.labels[name] = _encoded(table[name])
            self._codes[name] = codes[order]
        self._periods = _periods(days[order], grains)
        numbers = [n for n in table.column_names if n not in {"unit", "day", "bucket", *labels}]
        self._numbers = {name: _plain(table[name])[order] for name in numbers}
        self._order: _Order | None = None
        self._by_value: Codes | None = None

    def _label(self, names: Sequence[str]) -> tuple[Codes | None, int]:
        """One code for several labels together, and how many there may be."""
        found: Codes | None = None
        size = 1
        for name in names:
            many = max(1, len(self.labels[name]))
            found = self._codes[name] if found is None else found * many + self._codes[name]
            size *= many
        return found, size

    def grouping(self, grain: Grain, stage: str | None, dimension: str | None) -> Grouping:
        """The rows by cell of one grouping set.

        Args:
            grain: The grain.
            stage: The column of stages, None for all stages.
            dimension: The column of segments, None for the total.
        """
        names = tuple(name for name in (stage, dimension) if name is not None)
        label, width = self._label(names)
        period, begins = self._periods[grain]
        cell = period if label is None else period * width + label
        size = len(begins) * width
        there = np.arange(size)
        if size > DENSE:
            seen = np.zeros(size, dtype=np.bool_)
            seen[cell] = True
            there = np.flatnonzero(seen)
            cell = (np.cumsum(seen) - 1)[cell]
        segment, of_stage = (np.full(len(there), None) for _ in range(2))
        rest = there % width
        if dimension is not None and self.labels[dimension]:
            values = self.labels[dimension]
            segment, rest = _objects(values)[rest % len(values)], rest // len(values)
        if stage is not None and self.labels[stage]:
            of_stage = _objects(self.labels[stage])[rest]
        placed = [stage is None or one is not None for one in of_stage]
        return Grouping(
            names=names,
            period=period,
            cell=cell,
            count=len(there),
            begin=_objects(begins)[there // width],
            stage=of_stage,
            segment=segment,
            placed=np.array(placed, dtype=np.bool_),
            key=cell * BUCKETS + self.bucket,
        )

    def summed(self, grouping: Grouping, name: str) -> Floats:
        """Sums of a column by cell and bucket, shape (cells, 64)."""
        flat = np.bincount(grouping.key, self._numbers[name], minlength=grouping.count * BUCKETS)
        return flat.reshape(grouping.count, BUCKETS).astype(np.float64, copy=False)

    def units(self, grouping: Grouping, name: str | None = None) -> Floats:
        """Distinct units by cell and bucket, shape (cells, 64).

        Args:
            grouping: The cells.
            name: Only of rows where this column is more than nothing.
        """
        order = self._ordered(grouping.names)
        key, place = order.key, order.place
        if name is not None and not (counts := self._numbers[name] > 0).all():
            kept = np.flatnonzero(counts if place is None else counts[place])
            key, place = key[kept], kept if place is None else place[kept]

        def of(codes: Codes) -> Codes:
            return codes if place is None else codes[place]

        period = of(grouping.period)
        first = np.ones(len(key), dtype=np.bool_)
        first[1:] = (key[1:] != key[:-1]) | (period[1:] != period[:-1])
        flat = np.bincount(of(grouping.key)[first], minlength=grouping.count * BUCKETS)
        return flat.reshape(grouping.count, BUCKETS).astype(np.float64)

    def _ordered(self, names: tuple[str, ...]) -> _Order:
        """Rows by unit and label; grouping sets with the same labels come one after the other."""
        if self._order is None or self._order.names != names:
            label, width = self._label(names)
            key = self.unit if label is None else self.unit * width + label
            place = None
            if np.any(key[1:] < key[:-1]):
                place = np.argsort(key, kind="stable")
                key = key[place]
            self._order = _Order(names, place, key)
        return self._order

    def spread(self, grouping: Grouping, held: Codes) -> Spread:
        """The rows of some cells in order of their column `value`."""
        if self._by_value is None:
            self._by_value = np.argsort(self._numbers["value"], kind="stable")
        wanted = np.full(grouping.count, -1)
        wanted[held] = np.arange(len(held))
        cell = wanted[grouping.cell[self._by_value]]
        row = self._by_value
        if len(held) < grouping.count:
            row, cell = row[cell >= 0], cell[cell >= 0]
        small = np.uint16 if len(held) < 1 << 16 else np.int64
        row = row[np.argsort(cell.astype(small), kind="stable")]
        sizes = np.bincount(cell, minlength=len(held))
        return Spread(
            start=np.concatenate([[0], np.cumsum(sizes)]),
            value=self._numbers["value"][row],
            event=self._numbers["event"][row].astype(np.bool_),
            count=np.ones(len(row)),
            bucket=self.bucket[row],
        )


def _encoded(column: pa.ChunkedArray) -> tuple[Codes, list[Any]]:
    """A code for each value, and the value of each code; null has one like any other."""
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    values = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(values)).to_numpy().astype(np.intp)
    return codes, [*values, None] if encoded.null_count else values


def _plain(column: pa.ChunkedArray) -> NDArray[Any]:
    """Numbers of which missing ones add nothing."""
    values = column.to_numpy()
    if values.dtype.kind == "f" and np.isnan(values.sum()):
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return np.asarray(values)


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _periods(
    days: NDArray[np.datetime64], grains: Sequence[Grain]
) -> Mapping[Grain, tuple[Codes, list[date]]]:
    if not len(days):
        return {grain: (np.zeros(0, np.intp), []) for grain in grains}
    first = days.min()
    place = (days - first).astype("timedelta64[D]").astype(np.intp)
    begin = first.astype("datetime64[D]").item()
    every = [begin + timedelta(days=n) for n in range(int(place.max()) + 1)]
    found: dict[Grain, tuple[Codes, list[date]]] = {}
    for grain in grains:
        if grain == "all":
            found[grain] = (np.zeros(len(place), np.intp), [ALL])
            continue
        starts = [periods.start(grain, day) for day in every]
        distinct = list(dict.fromkeys(starts))
        number = {day: n for n, day in enumerate(distinct)}
        found[grain] = (np.array([number[day] for day in starts], np.intp)[place], distinct)
    return found


def _by_unit(unit: NDArray[np.uint64], day: NDArray[np.datetime64]) -> tuple[Codes, Codes]:
    """The order of rows by unit and day, and the units then, numbered."""
    if not len(unit):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    order = np.argsort(unit)
    same = unit[order]
    number = np.concatenate([[0], np.cumsum(same[1:] != same[:-1])])
    days = (day[order] - day.min()).astype("timedelta64[D]").astype(np.int64)
    within = np.argsort(number * (int(days.max()) + 1) + days, kind="stable")
    return order[within], number[within]
