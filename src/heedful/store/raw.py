"""A file once it is read: its rows in Parquet, its columns, and the rows that are broken."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

LINE = "_line"
ROW = "_row"
# Names that reading and mapping add to a file's own.
RESERVED = (LINE, ROW, "_file", "file_row_number")
BUFFER = 10_000
BLANK = re.compile(r"[\x00-\x20\x7f\u00a0\ufeff]+")
ESCAPED = re.compile("[\udc00-\udcff]")
LONE = re.compile("[\ud800-\udfff]")


class UnreadableError(Exception):
    """A file cannot be read at all.

    Attributes:
        line: Where, counted from 1; None where no line is to blame.
        found: What was found.
        allowed: What is allowed, and what to do.
    """

    def __init__(self, found: str, allowed: str, line: int | None = None) -> None:
        super().__init__(f"{found}; {allowed}")
        self.found, self.allowed, self.line = found, allowed, line


class Bad(NamedTuple):
    """A row that cannot be taken over: where it stood, its values as text, and why."""

    file: str
    line: int | None
    values: str
    reason: str


BAD = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("values", pa.string()),
        ("reason", pa.string()),
    ]
)


class BadRows:
    """Bad rows on disk, because a wrong mapping can make every row of a large file bad.

    Args:
        path: The Parquet file to write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._buffer: list[Bad] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, bad: Bad) -> None:
        """Keep one."""
        self._buffer.append(bad)
        self.count += 1
        if len(self._buffer) >= BUFFER:
            self._flush()

    def extend(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Keep batches of them; their columns are those of `Bad`."""
        self._flush()
        for batch in batches:
            self.count += batch.num_rows
            self._write(pa.Table.from_batches([batch]).cast(BAD))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Bad]:
        for batch in self.batches():
            for row in batch.to_pylist():
                yield Bad(**row)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All of them, in batches; nothing can be added afterwards."""
        self.close()
        if self.count:
            with pq.ParquetFile(self.path) as found:
                yield from found.iter_batches(BUFFER)

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if self._buffer:
            columns = zip(*self._buffer, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, BAD, strict=True)]
            self._buffer = []
            self._write(pa.Table.from_arrays(arrays, schema=BAD))

    def _write(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, BAD, compression="zstd")
        self._writer.write_table(rows)


@dataclass(slots=True)
class Raw:
    """One file, as Parquet.

    Attributes:
        file: The name it is shown under.
        columns: Its column names as Parquet has them; none where it has not even a header.
        parts: Parquet files that hold the rows; text formats are strings, and add `_line` and
            `_row`.
        rows: Rows read, broken ones included.
        typed: Whether columns keep types of their own (Parquet) or are strings.
        kinds: What columns of strings hold for certain, as SQL types: a database has said so.
    """

    file: str
    columns: list[str] = field(default_factory=list)
    parts: list[Path] = field(default_factory=list)
    rows: int = 0
    typed: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)


def plain(name: str) -> str:
    r"""A column's name without white space that nobody sees.

    >>> plain("Overall\nsatisfaction ")
    'Overall satisfaction'
    """
    return BLANK.sub(" ", name).strip()


def named(names: Sequence[str]) -> list[str]:
    """Column names that SQL can tell apart: blank, reserved and repeated ones get a number.

    >>> named(["id", "Id", "", "_line"])
    ['id', 'Id_2', 'column3', '_line_2']
    """
    taken = set(RESERVED)
    found = []
    for number, given in enumerate(names, 1):
        first = name = plain(given) or f"column{number}"
        again = 1
        while name.casefold() in taken:
            again += 1
            name = f"{first}_{again}"
        taken.add(name.casefold())
        found.append(name)
    return found


def text_schema(columns: Sequence[str]) -> pa.Schema:
    """The Parquet schema of a text file's rows."""
    fields = [(name, pa.string()) for name in columns]
    return pa.schema([*fields, (LINE, pa.int64()), (ROW, pa.int64())])


def readable(value: str) -> str:
    r"""Text in which bytes and characters that could not be decoded are written out.

    >>> readable("caf\udce9")
    'caf\\xe9'
    """
    escaped = ESCAPED.sub(lambda m: f"\\x{ord(m[0]) - 0xDC00:02x}", value)
    return LONE.sub(lambda m: f"\\u{ord(m[0]):04x}", escaped)


def decodable(value: str) -> bool:
    """Whether every character of a text could be decoded."""
    return value.isascii() or LONE.search(value) is None


def as_list(values: Sequence[str]) -> str:
    """Values as they are shown to people: a JSON list."""
    return json.dumps([readable(value) for value in values], ensure_ascii=False)
