"""Write files as the company's tools would: Parquet, plain CSV, and one very local CSV."""

from __future__ import annotations

import csv as writers
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from heedful.demo.log import Frame


def table(frame: Frame) -> pa.Table:
    """Arrow columns of a frame: timestamps in UTC, NaN and None as null."""
    return pa.table({name: _column(column) for name, column in frame.items()})


def _column(column: np.ndarray[tuple[int], np.dtype[np.generic]]) -> pa.Array:
    if column.dtype.kind == "M":
        if column.dtype == np.dtype("datetime64[D]"):
            return pa.array(column)
        return pa.array(column.astype("datetime64[us]")).cast(pa.timestamp("us", "UTC"))
    if column.dtype.kind == "f":
        return pa.array(column, from_pandas=True)
    if column.dtype.kind == "U":
        return pa.array(column.astype(object))
    return pa.array(column, from_pandas=True)


def parquet(path: Path, frame: Frame) -> None:
    """Write one Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(frame), path, compression="zstd")


def monthly(folder: Path, frame: Frame, time: str) -> None:
    """Write one Parquet file a month, named `2025-09.parquet`; rows are in order of time."""
    month = frame[time].astype("datetime64[M]")
    edges = np.append(np.flatnonzero(np.append(True, month[1:] != month[:-1])), len(month))
    whole = table(frame)
    folder.mkdir(parents=True, exist_ok=True)
    for low, high in pairwise(edges):
        rows = whole.slice(int(low), int(high - low))
        pq.write_table(rows, folder / f"{month[low]}.parquet", compression="zstd")


def csv(path: Path, frame: Frame, broken: Sequence[dict[str, str]] = ()) -> None:
    """Write ISO times and points, as most tools do.

    Args:
        path: The file.
        frame: Columns.
        broken: Rows that no import should accept, as text; written somewhere in the middle.
    """
    _write(path, table(frame), broken, delimiter=",", zone=None, missing="")


def local_csv(
    path: Path,
    frame: Frame,
    zone: ZoneInfo,
    broken: Sequence[dict[str, str]] = (),
    money: Sequence[str] = (),
) -> None:
    """Write local times with the day first, semicolons, and commas in amounts of money."""
    whole = table(frame)
    for name in money:
        text = pc.replace_substring(_cents(whole[name]), ".", ",")
        whole = whole.set_column(whole.schema.get_field_index(name), name, text)
    _write(path, whole, broken, delimiter=";", zone=zone, missing="-")


def _cents(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if x is None else f"{x:.2f}" for x in column.to_pylist()], pa.string())


def _write(
    path: Path,
    whole: pa.Table,
    broken: Sequence[dict[str, str]],
    *,
    delimiter: str,
    zone: ZoneInfo | None,
    missing: str,
) -> None:
    names = whole.schema.names
    columns = [_text(whole[name], zone).fill_null(missing).to_pylist() for name in names]
    rows = list(zip(*columns, strict=True))
    middle = len(rows) // 2
    extra = [tuple(row.get(name, missing) for name in names) for row in broken]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = writers.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([*rows[:middle], *extra, *rows[middle:]])


def _text(column: pa.ChunkedArray, zone: ZoneInfo | None) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        if zone is None:
            return pc.strftime(column.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
        local = pc.local_timestamp(column.cast(pa.timestamp("s", zone.key)))
        return pc.strftime(local, "%d.%m.%Y %H:%M:%S")
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "true", "false")
    return column.cast(pa.string())


def joined(first: Frame, second: Frame) -> Frame:
    """Rows of both frames, which have the same columns."""
    return {name: np.concatenate([first[name], second[name]]) for name in first}
