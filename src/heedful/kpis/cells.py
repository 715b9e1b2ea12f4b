"""Cells: what one query's rows amount to, by period, stage and segment."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from heedful.kpis.measuring import Columns
from heedful.stats import BUCKETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.kpis.periods import Grain

    Part = tuple[pa.Table, NDArray[np.int64], pa.Table]
    """Rows of a grouping set, the cell of each, and the keys of the cells."""

ALL = date(1970, 1, 1)
"""Stands for the first day of the grain all, until readings say which it is."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one KPI, column by column; all arrays have one entry a cell.

    Attributes:
        kpi: The KPI.
        grain: Grain by cell.
        begin: First day of the period by cell; `ALL` for the grain all.
        stage: Stage by cell, None for all stages.
        dimension: Dimension by cell, None for the total.
        segment: Segment by cell.
        n: Rows by cell and bucket, shape (cells, 64).
        customers: Distinct customers by cell and bucket.
        sums: Sums by name, each of shape (cells, 64).
        spread: For distributions: the rows of each cell in order of value.
    """

    kpi: CatalogueKpi
    grain: list[Grain]
    begin: list[date]
    stage: list[str | None]
    dimension: list[str | None]
    segment: list[str | None]
    n: NDArray[np.float64]
    customers: NDArray[np.float64]
    sums: Mapping[str, NDArray[np.float64]]
    spread: Spread | None = None

    def __len__(self) -> int:
        return len(self.grain)


@dataclass(frozen=True, slots=True)
class Spread:
    """Rows of cells, cell after cell and in order of value.

    Attributes:
        start: Where each cell's rows begin, and the end of the last, shape (cells + 1,).
        value: Their values.
        event: Whether the awaited happened at the value, rather than watching ended.
        count: How many rows each stands for.
        bucket: The bucket of each.
    """

    start: NDArray[np.intp]
    value: NDArray[np.float64]
    event: NDArray[np.bool_]
    count: NDArray[np.float64]
    bucket: NDArray[np.intp]


def part(rows: pa.Table, present: Sequence[str]) -> Part:
    """Number the cells of one grouping set's rows.

    Args:
        rows: Its rows.
        present: The key columns it has; the others are rolled up.
    """
    if not present:
        return rows, np.zeros(len(rows), np.int64), pa.table({"row": [0] if len(rows) else []})
    keys = rows.select(present)
    row = pa.array(np.arange(len(rows)), pa.int64())
    numbered = keys.append_column("row", row)
    distinct = numbered.group_by(present, use_threads=False).aggregate([("row", "min")])
    return rows, _codes(keys, distinct.select(present)), distinct


def _codes(rows: pa.Table, distinct: pa.Table) -> NDArray[np.int64]:
    """For each row the place of its key in `distinct`; null is a key like any other."""
    if not len(rows):
        return np.zeros(0, np.int64)
    keys = zip(*(column.to_pylist() for column in distinct.columns), strict=True)
    place = {key: number for number, key in enumerate(keys)}
    encoded = []
    for column in rows.columns:
        array = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
        encoded.append((array.indices.to_numpy(), array.dictionary.to_pylist()))
    code = np.zeros(len(rows), np.int64)
    for indices, labels in encoded:
        code = code * len(labels) + indices
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    places = [place[tuple(labels[indices[row]] for indices, labels in encoded)] for row in first]
    return np.array(places, dtype=np.int64)[inverse]


def distributed(
    distribution: Part,
    distinct: pa.Table,
    held: NDArray[np.int64],
) -> Spread:
    """The distribution of each cell.

    Args:
        distribution: Rows by cell, bucket and value, with keys of their own.
        distinct: Keys of the cells whose order counts.
        held: Which of those cells are wanted.
    """
    rows, index, own = distribution
    names = [name for name in distinct.column_names if name not in {"row", "row_min"}]
    if names:
        place = _codes(own.select(names), distinct.select(names)) if len(own) else index
        index = place[index] if len(own) else index
    wanted = np.full(len(distinct), -1, np.int64)
    wanted[held] = np.arange(len(held))
    cell = wanted[index]
    kept = np.flatnonzero(cell >= 0)
    value = rows["value"].cast(pa.float64()).to_numpy()
    order = kept[np.lexsort((value[kept], cell[kept]))]
    return Spread(
        start=np.searchsorted(cell[order], np.arange(len(held) + 1)),
        value=value[order],
        event=rows["event"].to_numpy()[order].astype(bool),
        count=rows["rows"].to_numpy()[order].astype(np.float64),
        bucket=rows["bucket"].to_numpy()[order].astype(np.intp),
    )


def joined(parts: Sequence[Cells], kpi: CatalogueKpi, measure: Columns) -> Cells:
    """Cells of several grouping sets of one KPI as one."""

    def chained(name: str) -> list[Any]:
        return list(itertools.chain.from_iterable(getattr(part, name) for part in parts))

    def stacked(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate(arrays) if arrays else np.zeros((0, BUCKETS))

    return Cells(
        kpi=kpi,
        grain=chained("grain"),
        begin=chained("begin"),
        stage=chained("stage"),
        dimension=chained("dimension"),
        segment=chained("segment"),
        n=stacked([part.n for part in parts]),
        customers=stacked([part.customers for part in parts]),
        sums={name: stacked([part.sums[name] for part in parts]) for name in measure.sums},
        spread=_spread([part.spread for part in parts if part.spread is not None]),
    )


def _spread(parts: Sequence[Spread]) -> Spread | None:
    if not parts:
        return None
    ahead = itertools.accumulate((len(part.value) for part in parts), initial=0)
    starts = [part.start[:-1] + size for part, size in zip(parts, ahead, strict=False)]
    end = np.array([sum(len(part.value) for part in parts)], dtype=np.intp)
    return Spread(
        start=np.concatenate([*starts, end]),
        value=np.concatenate([part.value for part in parts]),
        event=np.concatenate([part.event for part in parts]),
        count=np.concatenate([part.count for part in parts]),
        bucket=np.concatenate([part.bucket for part in parts]),
    )
