"""Rows whose labels are small numbers, so that arrays can be grouped without looking at text."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from heedful.kpis.calendar import Calendar, cut, objects
from heedful.kpis.cells import Spread
from heedful.kpis.kept import Kept, encoded, small
from heedful.stats import BUCKETS

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from heedful.kpis.periods import Grain

    Codes = NDArray[np.integer[Any]]
    Indices = NDArray[np.intp]
    Floats = NDArray[np.float64]

DENSE = 1 << 16
"""With fewer possible cells than this, none is looked for that has no rows."""
SLICE = 1 << 16
"""Rows that are worked on at once: what is made of them should fit near the processor."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Cells of one grain, made of the pieces of their periods.

    Attributes:
        start: The first piece of each cell, shape (cells,).
        of: The cell of each piece.
        begin: First day of each cell's period, `ALL` for the grain all.
        stage: Stage of each cell; None for all stages, or where rows belong to none.
        segment: Segment of each cell; None for the total, or where rows have none.
        placed: Whether a cell's rows belong to a stage, where they are grouped by it.
    """

    start: Indices
    of: Indices
    begin: NDArray[np.object_]
    stage: NDArray[np.object_]
    segment: NDArray[np.object_]
    placed: NDArray[np.bool_]

    def added(self, sums: Floats) -> Floats:
        """Sums by piece and bucket added up to cells, shape (cells, 64)."""
        if not len(self.start):
            return np.zeros((0, BUCKETS))
        return np.asarray(np.add.reduceat(sums.reshape(-1, BUCKETS), self.start, axis=0))


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows by label and piece of the calendar.

    Attributes:
        label: The label of each row; None where all rows have one.
        width: How many labels there may be.
        calendar: The pieces.
        seen: Label and piece, as one number, of each piece; None where none is left out.
        cuts: The cells of each grain.
    """

    label: Codes | None
    width: int
    calendar: Calendar
    seen: Indices | None
    cuts: Mapping[Grain, Cut]

    @property
    def count(self) -> int:
        """How many pieces there are in all labels together."""
        return self.width * self.calendar.count if self.seen is None else len(self.seen)

    def number(self, code: Indices) -> Indices:
        """The numbers of pieces, of which label and piece are given as one number."""
        return code if self.seen is None else np.searchsorted(self.seen, code)


class Coded:
    """Rows of a fact with their labels as codes, in order of unit.

    Args:
        batches: Columns `unit`, `day`, `bucket`, one for each label, and numbers.
        labels: Names of the columns that hold labels.
        grains: Grains that will be asked for.
        people: Columns `unit` and further labels, those of every row of a unit; a unit that is
            not among them has none.
    """

    def __init__(
        self,
        batches: Iterable[pa.RecordBatch],
        labels: Sequence[str],
        grains: Iterable[Sequence[Grain]],
        people: pa.Table | None = None,
    ) -> None:
        kept = Kept(labels)
        for batch in batches:
            kept.add(batch)
        columns = kept.columns()
        unit = columns.pop("unit", np.zeros(0, np.uint64))
        days = columns.pop("day", np.zeros(0, np.int32))
        order = np.argsort(unit)
        unit = unit[order]
        number = np.zeros(len(unit), np.int32)
        np.cumsum(unit[1:] != unit[:-1], out=number[1:])
        order = order[_by_day(number, days[order])]
        first = np.flatnonzero(np.diff(number, prepend=-1))
        self.unit = number
        self.slices = _slices(first, len(unit))
        bucket = columns.pop("bucket", np.zeros(0, np.uint8))[order]
        self.bucket: Codes = bucket
        self.bucket_of: Codes = bucket[first]
        self.labels: dict[str, list[Any]] = kept.labels
        self._codes: dict[str, Codes] = {}
        for name in labels:
            self._codes[name] = columns.pop(name, np.zeros(0, np.uint8))[order]
        self._numbers: dict[str, NDArray[Any]] = {}
        for name in list(columns):
            self._numbers[name] = columns.pop(name)[order]
        day = days[order]
        self.calendars: dict[tuple[Grain, ...], tuple[Calendar, Codes]] = {
            tuple(some): cut(day, tuple(some)) for some in grains
        }
        if people is not None:
            self._join(people, unit[first])
        self._by_value = _ByValue.of(self._numbers, bucket) if "value" in self._numbers else None

    def __len__(self) -> int:
        return len(self.unit)

    def _join(self, people: pa.Table, unit: NDArray[np.uint64]) -> None:
        """Labels of units become labels of their rows."""
        known = people["unit"].to_numpy()
        order = np.argsort(known)
        known = known[order]
        place = np.minimum(np.searchsorted(known, unit), max(0, len(known) - 1))
        found = known[place] == unit if len(known) else np.zeros(len(unit), np.bool_)
        for name in people.column_names:
            if name == "unit":
                continue
            codes, values = encoded(people[name])
            if None not in values:
                values = [*values, None]
            none = values.index(None)
            of_unit = np.full(len(unit), none, small(len(values)))
            of_unit[found] = codes[order][place[found]]
            self._codes[name] = of_unit[self.unit]
            self.labels[name] = values

    def filled(self, name: str, value: str | None) -> str:
        """The label that has `value` where another has none; itself where it always has one."""
        values = self.labels[name]
        if value is None or None not in values:
            return name
        other = f"{name}={value}"
        if other not in self._codes:
            known = [one for one in values if one is not None]
            full = known if value in known else [*known, value]
            place = [full.index(value if one is None else one) for one in values]
            self.labels[other] = full
            self._codes[other] = np.array(place, small(len(full)))[self._codes[name]]
        return other

    def grouping(
        self, grains: Sequence[Grain], stage: str | None, dimension: str | None
    ) -> Grouping:
        """The rows by the cells of some grains.

        Args:
            grains: The grains, as they were given.
            stage: The label of stages, None for all stages.
            dimension: The label of segments, None for the total.
        """
        calendar, piece = self.calendars[tuple(grains)]
        label, width = self._label([name for name in (dimension, stage) if name is not None])
        seen: Indices | None = None
        code = np.arange(width * calendar.count)
        if len(code) > DENSE:
            some = np.zeros(len(code), dtype=np.bool_)
            for part in self.slices:
                some[_joined(label, piece, calendar.count, part)] = True
            seen = code = np.flatnonzero(some)
        own, at = np.divmod(code, max(1, calendar.count))
        cuts = {}
        for grain in grains:
            period = calendar.place[grain][at]
            new = np.ones(len(code), dtype=np.bool_)
            new[1:] = (own[1:] != own[:-1]) | (period[1:] != period[:-1])
            start = np.flatnonzero(new)
            segment, of_stage = (np.full(len(start), None) for _ in range(2))
            rest = own[start]
            if stage is not None and (values := self.labels[stage]):
                of_stage, rest = objects(values)[rest % len(values)], rest // len(values)
            if dimension is not None and (values := self.labels[dimension]):
                segment = objects(values)[rest]
            placed = [stage is None or one is not None for one in of_stage]
            cuts[grain] = Cut(
                start=start,
                of=np.cumsum(new) - 1,
                begin=calendar.begin[grain][period[start]],
                stage=of_stage,
                segment=segment,
                placed=np.array(placed, dtype=np.bool_),
            )
        return Grouping(label, width, calendar, seen, cuts)

    def _label(self, names: Sequence[str]) -> tuple[Codes | None, int]:
        """One code for several labels together, and how many there may be."""
        found: Codes | None = None
        size = 1
        for name in names:
            many = max(1, len(self.labels[name]))
            size *= many
            codes = self._codes[name]
            found = codes if found is None else found.astype(small(size)) * many + codes
        return found, size

    def summed(self, grouping: Grouping, names: Sequence[str]) -> dict[str, dict[Grain, Floats]]:
        """Sums of some columns by grain, cell and bucket, each of shape (cells, 64)."""
        size = grouping.count * BUCKETS
        found = {name: np.zeros(size) for name in names}
        for part in self._parts(size):
            key = self._piece(grouping, part) * BUCKETS + self.bucket[part]
            for name, sums in found.items():
                sums += np.bincount(key, self._numbers[name][part], minlength=size)
        return {
            name: {grain: cut.added(sums) for grain, cut in grouping.cuts.items()}
            for name, sums in found.items()
        }

    def units(self, grouping: Grouping, names: Sequence[str]) -> dict[str, dict[Grain, Floats]]:
        """Distinct units by grain, cell and bucket, each of shape (cells, 64).

        Args:
            grouping: The cells.
            names: Columns; of each, units with a row where it is more than nothing.
        """
        size = grouping.count * BUCKETS
        found = {name: {grain: np.zeros(size) for grain in grouping.cuts} for name in names}
        calendar, piece = self.calendars[tuple(grouping.cuts)]
        piece_bits, label_bits = calendar.count.bit_length(), grouping.width.bit_length()
        for part in self._parts(size):
            base = int(self.unit[part.start])
            # Unit, label and piece as one number, in order: equal ones are one visitor of one
            # piece. The last bits say for which columns.
            key = self.unit[part].astype(np.int64) - base
            key <<= label_bits
            if grouping.label is not None:
                key |= grouping.label[part]
            key <<= piece_bits
            key |= piece[part]
            key <<= len(names)
            for nth, name in enumerate(names):
                key |= (self._numbers[name][part] > 0).astype(np.int64) << nth
            if np.any(key[1:] < key[:-1]):
                key.sort()
            for nth, name in enumerate(names):
                bit = 1 << nth
                there = key & bit == bit
                own = (key if there.all() else key[there]) >> len(names)
                new = np.ones(len(own), dtype=np.bool_)
                new[1:] = own[1:] != own[:-1]
                self._count(grouping, own[new], (label_bits, piece_bits), base, found[name])
        return {
            name: {grain: grouping.cuts[grain].added(sums) for grain, sums in of.items()}
            for name, of in found.items()
        }

    def _count(
        self,
        grouping: Grouping,
        key: NDArray[np.int64],
        bits: tuple[int, int],
        base: int,
        found: Mapping[Grain, Floats],
    ) -> None:
        """Count each unit once in each cell, of keys that are all different and in order."""
        label_bits, piece_bits = bits
        at = key & ((1 << piece_bits) - 1)
        of = key >> piece_bits
        code = (of & ((1 << label_bits) - 1)) * grouping.calendar.count + at
        cell = grouping.number(code) * BUCKETS + self.bucket_of[(of >> label_bits) + base]
        other = of[1:] != of[:-1]
        first = np.ones(len(key), dtype=np.bool_)
        for grain, sums in found.items():
            period = grouping.calendar.place[grain][at]
            np.not_equal(period[1:], period[:-1], out=first[1:])
            first[1:] |= other
            sums += np.bincount(cell, first, minlength=len(sums))

    def spread(self, grouping: Grouping, grain: Grain, held: Indices) -> Spread:
        """The rows of some cells in order of their column `value`."""
        if self._by_value is None:
            raise ValueError("there are no values to put into order")
        cut = grouping.cuts[grain]
        none = len(held)
        wanted: Codes = np.full(len(cut.start), none, small(none))
        wanted[held] = np.arange(none)
        mine = np.empty(len(self.unit), wanted.dtype)
        for part in self.slices:
            mine[part] = wanted[cut.of[self._piece(grouping, part)]]
        cell = mine[self._by_value.row]
        sizes = np.bincount(cell, minlength=none + 1)[:none]
        # Those of no cell come last.
        order = _stable(cell)[: sizes.sum()]
        return Spread(
            start=np.concatenate([[0], np.cumsum(sizes)]),
            value=self._by_value.value[order],
            event=self._by_value.event[order],
            count=np.ones(len(order)),
            bucket=self._by_value.bucket[order],
        )

    def _piece(self, grouping: Grouping, part: slice) -> Indices:
        """The numbers of the pieces of some rows."""
        calendar, piece = self.calendars[tuple(grouping.cuts)]
        return grouping.number(_joined(grouping.label, piece, calendar.count, part))

    def _parts(self, size: int) -> Iterator[slice]:
        """Rows to work on at once, more of them where a result of `size` is added up each time."""
        together = 1 + size // SLICE
        for begin in range(0, len(self.slices), together):
            some = self.slices[begin : begin + together]
            yield slice(some[0].start, some[-1].stop)


@dataclass(frozen=True, slots=True)
class _ByValue:
    """Rows in order of their column `value`."""

    row: Indices
    value: Floats
    event: NDArray[np.bool_]
    bucket: Indices

    @classmethod
    def of(cls, numbers: Mapping[str, NDArray[Any]], bucket: Codes) -> Self:
        row = np.argsort(numbers["value"], kind="stable")
        return cls(
            row=row,
            value=numbers["value"][row].astype(np.float64),
            event=numbers["event"][row].astype(np.bool_),
            bucket=bucket[row].astype(np.intp),
        )


def _joined(label: Codes | None, piece: Codes, count: int, part: slice) -> Indices:
    """Label and piece of some rows as one number."""
    own = piece[part].astype(np.intp)
    return own if label is None else label[part].astype(np.intp) * count + own


def _stable(codes: Codes) -> Indices:
    """The order of small codes, equal ones as they are; by digits where they are not so small."""
    if codes.dtype.itemsize <= 2:
        return np.argsort(codes, kind="stable")
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    return order[np.argsort((codes >> 16).astype(np.uint16)[order], kind="stable")]


def _by_day(unit: NDArray[np.int32], day: NDArray[np.int32]) -> Indices:
    """The order by unit and day, of rows that are in order of units."""
    if not len(unit):
        return np.zeros(0, np.intp)
    begin = int(day.min())
    width = int(day.max()) - begin + 1
    return np.argsort(unit.astype(np.int64) * width + (day - begin))


def _slices(first: Indices, count: int) -> list[slice]:
    """Rows in parts that split no unit."""
    if not count:
        return []
    ends = np.append(first[1:], count)
    wanted = np.arange(SLICE, count + SLICE, SLICE)
    cuts = np.unique(ends[np.minimum(np.searchsorted(ends, wanted), len(ends) - 1)])
    bounds = [0, *(int(cut) for cut in cuts)]
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]
