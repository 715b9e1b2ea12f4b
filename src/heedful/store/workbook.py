"""Excel and OpenDocument sheets as records of text."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from heedful.store.raw import Bad, BadRows, Raw, UnreadableError, as_list, named, text_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from heedful.definitions.source import ReadOptions

CELLS = 200_000


def read(
    path: Path,
    options: ReadOptions,
    raw: Raw,
    bad: BadRows,
    folder: Path,
    progress: Callable[[], None],
) -> None:
    """Read a sheet into one Parquet file below a folder.

    Args:
        path: The workbook.
        options: Which sheet, and how its text is written.
        raw: What is filled: columns, parts and number of rows.
        bad: Where rows go that are wider than the header.
        folder: Where the Parquet file goes.
        progress: Called now and then.

    Raises:
        UnreadableError: It is no workbook, or has no such sheet.
    """
    found = _rows(path, options)
    if options.header_rows:
        header = next(found, None)
        if header is None:
            return
        raw.columns = named(_cut(header[1]))
        list(itertools.islice(found, options.header_rows - 1))
    else:
        first = next(found, None)
        if first is None:
            return
        raw.columns = [f"column{number}" for number in range(1, len(first[1]) + 1)]
        found = itertools.chain([first], found)
    width = len(raw.columns)
    schema = text_schema(raw.columns)
    out = folder / "raw.parquet"
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while batch := list(itertools.islice(found, max(1, CELLS // width))):
            good = []
            for row, (line, values) in enumerate(batch, raw.rows):
                if any(values[width:]):
                    count = len(_cut(values))
                    reason = f"{count} values found, the header has {width} columns"
                    bad.add(Bad(raw.file, line, as_list(values), reason))
                else:
                    padding = [""] * (width - len(values))
                    good.append((*values[:width], *padding, line, row))
            raw.rows += len(batch)
            columns = zip(*good, strict=True) if good else [[] for _ in schema]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            progress()
    raw.parts = [out]


def _rows(path: Path, options: ReadOptions) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold anything, with their number in the sheet."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        if options.sheet is not None and options.sheet not in names:
            raise UnreadableError(
                f'sheet "{options.sheet}" not found', f"allowed: {', '.join(names)}"
            )
        if not names:
            raise UnreadableError("the workbook has no sheet", "give one with a header")
        rows = book.get_sheet_by_name(options.sheet or names[0]).iter_rows()
        for number, row in enumerate(rows, 1):
            values = [_cell(cell, options.decimal) for cell in row]
            if number > (options.skip_rows or 0) and any(values):
                yield number, values
    except CalamineError as error:
        raise UnreadableError(f"not a workbook ({error})", "save it as .xlsx again") from None


def _cut(values: list[str]) -> list[str]:
    """Without the empty cells behind the last: a sheet is as wide as its widest row."""
    return values[: max((n for n, value in enumerate(values, 1) if value), default=0)]


def _cell(cell: object, decimal: str) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(cell).replace(".", decimal)
    return str(cell)
