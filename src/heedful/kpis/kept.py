"""Columns of rows, kept in the smallest type that loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Codes = NDArray[np.integer[Any]]
    Indices = NDArray[np.intp]


class Kept:
    """Batches of rows, kept as small as they can be without losing anything."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels: dict[str, list[Any]] = {name: [] for name in labels}
        self._place: dict[str, dict[Any, int]] = {name: {} for name in labels}
        self._columns: dict[str, list[NDArray[Any]]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take over a batch; labels get codes that are the same in all batches."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in self.labels:
                found = self._coded(name, column)
            elif name == "unit":
                found = column.to_numpy()
            elif name == "bucket":
                found = column.to_numpy().astype(np.uint8)
            elif name == "day":
                found = column.cast("int32").to_numpy()
            else:
                found = _narrow(_plain(column))
            self._columns.setdefault(name, []).append(found)

    def _coded(self, name: str, column: pa.Array) -> Codes:
        codes, values = encoded(column)
        place, known = self._place[name], self.labels[name]
        for value in values:
            if value not in place:
                place[value] = len(known)
                known.append(value)
        here = np.array([place[value] for value in values], small(len(known)))
        return here[codes] if len(here) else np.zeros(len(codes), np.uint8)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Each column as one array; nothing is kept here any more."""
        found = {}
        for name in list(self._columns):
            found[name] = np.concatenate(self._columns.pop(name))
        return found


def encoded(column: pa.Array | pa.ChunkedArray) -> tuple[Indices, list[Any]]:
    """A code for each value, and the value of each code; null has one like any other."""
    import pyarrow as pa

    encoded = column.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    values = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    return codes.astype(np.intp), [*values, None] if encoded.null_count else values


def _plain(column: pa.Array) -> NDArray[Any]:
    """Numbers of which missing ones add nothing."""
    values = column.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f" and np.isnan(values.sum()):
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return np.asarray(values)


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in a byte each, where they are whole and small."""
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    with np.errstate(invalid="ignore"):
        small = values.astype(np.uint8)
    return small if np.array_equal(small, values) else values


def small(count: int) -> type[np.unsignedinteger[Any]]:
    """The smallest type for as many codes, and one more that is none of them."""
    if count < 1 << 8:
        return np.uint8
    return np.uint16 if count < 1 << 16 else np.uint32
