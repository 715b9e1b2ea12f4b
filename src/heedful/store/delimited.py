"""CSV and its relatives: every record with the line it begins on, and no value touched.

Python's reader alone tells the physical line of every record, and goes on behind a damaged quote.
Most stretches of most files are regular, though; Arrow reads those to the same result in a
fraction of the time, and what is not plainly regular is left to Python.
"""

from __future__ import annotations

import csv
import io
import itertools
import statistics
from collections import deque
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from heedful.store.raw import (
    Bad,
    BadRows,
    Raw,
    UnreadableError,
    as_list,
    decodable,
    named,
    plain,
    readable,
    text_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from heedful.definitions.source import ReadOptions

BLOCK = 8_000_000
HEAD = 200
RUNAWAY_LINES = 2_000
DELIMITERS = (",", ";", "\t", "|")
NEWLINE, RETURN = 10, 13


class Record(NamedTuple):
    """One record: the line it begins on, and its values, or its text where a quote is broken."""

    line: int
    values: list[str] | str


class Dialect(NamedTuple):
    """What stands between values, and what around them."""

    delimiter: str
    quote: str


class _RunawayError(Exception):
    """A quote has stayed open for so long that it must be a mistake."""


class Lines:
    """Physical lines, with those of the current record at hand to be given back.

    Args:
        stream: The lines, each with its end.
    """

    def __init__(self, stream: Iterable[str]) -> None:
        self.stream = iter(stream)
        self.again: deque[str] = deque()
        self.record: list[str] = []
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record) >= RUNAWAY_LINES:
            raise _RunawayError
        line = self.again.popleft() if self.again else next(self.stream)
        self.read += 1
        self.record.append(line)
        return line

    def skip(self, count: int) -> None:
        """Pass over lines."""
        for _ in range(count):
            self.record = []
            next(self, None)

    def back(self) -> str:
        """Give back all lines of the record but its first."""
        first, *rest = self.record
        self.again.extendleft(reversed(rest))
        self.read -= len(rest)
        self.record = []
        return first


def records(lines: Lines, dialect: Dialect) -> Iterator[Record]:
    """Records one by one; a record with a broken quote comes as the text of its first line.

    Lines without anything are no records.
    """
    csv.field_size_limit(1 << 30)
    reader = _reader(lines, dialect)
    while True:
        lines.record = []
        begin = lines.read + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RunawayError):
            yield Record(begin, lines.back().rstrip("\r\n"))
            reader = _reader(lines, dialect)
            continue
        if values:
            yield Record(begin, values)


def _reader(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(
        lines, delimiter=dialect.delimiter, quotechar=dialect.quote, doublequote=True, strict=True
    )


class Delimited:
    """One file of delimited values.

    Args:
        stream: Its text, opened with `newline=""`.
        options: How it is written.
        raw: What is filled: columns, parts and number of rows.
        bad: Where broken records go.
    """

    def __init__(self, stream: IO[str], options: ReadOptions, raw: Raw, bad: BadRows) -> None:
        self.stream = stream
        self.options = options
        self.raw = raw
        self.bad = bad
        self.lines = Lines(stream)
        self.dialect = Dialect(options.delimiter or ",", options.quote)
        self.width = 0

    def read(self, folder: Path, progress: Callable[[], None]) -> None:
        """Read it into one Parquet file below a folder.

        Raises:
            UnreadableError: The header is broken, or the dialect is impossible.
        """
        self._begin()
        if self.options.header_rows:
            self._header()
        else:
            self._count()
        if not self.raw.columns:
            return
        path = folder / "raw.parquet"
        with pq.ParquetWriter(path, text_schema(self.raw.columns), compression="zstd") as writer:
            while block := self._block():
                table = self._regular(block)
                if table is None:
                    table = self._table(list(self._irregular(block)))
                writer.write_table(table)
                progress()
        self.raw.parts = [path]

    # --- the head of the file ---

    def _begin(self) -> None:
        """Find out the dialect, and pass over what stands above the header."""
        self.lines.skip(self.options.skip_rows or 0)
        head = list(itertools.islice(self.stream, HEAD))
        self.lines.again.extend(head)
        quote, delimiter = self.dialect.quote, self.options.delimiter
        for what, mark in (("delimiter", delimiter or ","), ("quote", quote)):
            if len(mark) != 1 or mark in "\r\n" or delimiter == quote:
                raise UnreadableError(
                    f"read.{what} {mark!r} cannot be used",
                    "allowed: one character, and delimiter and quote must differ",
                )
        self.dialect = Dialect(delimiter or sniffed(head, quote), quote)
        if self.options.skip_rows is None and self.options.header_rows:
            self.lines.skip(noise(head, self.dialect))

    def _header(self) -> None:
        """Take the names of the columns."""
        found = records(self.lines, self.dialect)
        header = next(found, None)
        if header is None:
            return
        if isinstance(header.values, str):
            raise UnreadableError(
                "the header has a quote that is not closed", "mend it", header.line
            )
        if not all(map(decodable, header.values)):
            shown = readable(self.dialect.delimiter.join(header.values))[:80]
            raise UnreadableError(
                f'the header "{shown}" holds bytes that are not in the declared encoding',
                "set read: {encoding: ...} (latin-1 and cp1252 are common)",
                header.line,
            )
        self.width = len(header.values)
        names = list(header.values)
        while names and not plain(names[-1]):
            names.pop()
        self.raw.columns = named(names)
        list(itertools.islice(found, self.options.header_rows - 1))

    def _count(self) -> None:
        """Number the columns of a file without a header by its first record that is whole."""
        head = list(self.lines.again)
        whole = (r.values for r in records(Lines(head), self.dialect) if not _broken(r))
        self.width = len(next(whole, ()))
        if head and not self.width:
            raise UnreadableError(f"no record among the first {HEAD} lines", "check read.quote")
        self.raw.columns = [f"column{number}" for number in range(1, self.width + 1)]

    # --- its rows ---

    def _block(self) -> str:
        """Some whole lines that hold no half of a quoted value, as far as one can see."""
        text = "".join(self.lines.again)
        self.lines.again.clear()
        if len(text) < BLOCK:
            text += self.stream.read(BLOCK) + self.stream.readline()
        odd = text.count(self.dialect.quote) % 2
        more: list[str] = []
        while odd and len(more) < RUNAWAY_LINES and (line := self.stream.readline()):
            more.append(line)
            odd ^= line.count(self.dialect.quote) % 2
        return text + "".join(more)

    def _regular(self, block: str) -> pa.Table | None:
        """The rows of a block in which nothing is out of order; None where anything is."""
        columns = arrays(block, self.width, self.dialect)
        if columns is None:
            return None
        kept = len(self.raw.columns)
        if any(not pc.all(pc.equal(extra, "")).as_py() for extra in columns[kept:]):
            return None
        count = len(columns[0])
        numbers = np.arange(count, dtype=np.int64)
        lines = block.count("\n") + (not block.endswith("\n"))
        begin = self.lines.read + 1 + numbers
        if lines != count:
            inside = sum(
                pc.count_substring(column, "\n").to_numpy().astype(np.int64) for column in columns
            )
            if count + int(np.sum(inside)) != lines:
                return None
            begin += np.cumsum(inside) - inside
        row = self.raw.rows + numbers
        self.raw.rows += count
        self.lines.read += lines
        return pa.Table.from_arrays(
            [*columns[:kept], pa.array(begin), pa.array(row)], schema=text_schema(self.raw.columns)
        )

    def _irregular(self, block: str) -> Iterator[Record]:
        """The records of a block one by one, up to the end of the last that begins in it."""
        self.lines.again.extend(io.StringIO(block, newline=""))
        end = self.lines.read + len(self.lines.again)
        for record in records(self.lines, self.dialect):
            yield record
            if self.lines.read >= end:
                return

    def _table(self, found: Sequence[Record]) -> pa.Table:
        good: list[list[str]] = []
        places: list[tuple[int, int]] = []
        for row, record in enumerate(found, self.raw.rows):
            values, reason = record.values, self._wrong(record)
            if reason is None:
                good.append(list(values[: len(self.raw.columns)]))
                places.append((record.line, row))
                continue
            shown = values if isinstance(values, str) else as_list(values)
            self.bad.add(Bad(self.raw.file, record.line, readable(shown), reason))
        self.raw.rows += len(found)
        columns = zip(*good, strict=True) if good else ([] for _ in self.raw.columns)
        filled = [pa.array(column, pa.string()) for column in columns]
        numbers = zip(*places, strict=True) if places else ([], [])
        filled += [pa.array(column, pa.int64()) for column in numbers]
        return pa.Table.from_arrays(filled, schema=text_schema(self.raw.columns))

    def _wrong(self, record: Record) -> str | None:
        values, width = record.values, len(self.raw.columns)
        if isinstance(values, str):
            return "a quote is not closed, or stands inside a value"
        # Spreadsheets leave empty values behind the last column.
        if len(values) < width or any(values[width:]):
            return f"{len(values)} values found, the header has {width} columns"
        odd = next(
            (value for value in values if not value.isascii() and not decodable(value)), None
        )
        if odd is None:
            return None
        return (
            f'"{readable(odd)[:80]}" holds bytes that are not in the declared encoding; '
            "set read: {encoding: ...} (latin-1 and cp1252 are common)"
        )


def _broken(record: Record) -> bool:
    return isinstance(record.values, str)


def arrays(block: str, width: int, dialect: Dialect) -> list[pa.ChunkedArray] | None:
    """The columns of whole lines that any reader of CSV would read in the same way; else None."""
    if not "".join(dialect).isascii():
        return None
    try:
        data = block.encode()
    except UnicodeEncodeError:
        return None
    # Arrow takes a byte order mark at the front away, and \r alone for the end of a line.
    if data.startswith(b"\xef\xbb\xbf") or data.count(b"\r") != data.count(b"\r\n"):
        return None
    delimiter, quote = ord(dialect.delimiter), ord(dialect.quote)
    holds_quotes = quote in data
    if holds_quotes and not _quoted_well(data, delimiter, quote):
        return None
    names = [str(number) for number in range(width)]
    try:
        found = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote if holds_quotes else False,
                newlines_in_values=holds_quotes,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return list(found.columns)


def _quoted_well(data: bytes, delimiter: int, quote: int) -> bool:
    """Whether every quote opens a value, closes one, or is doubled inside one."""
    text = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8)
    at = np.flatnonzero(text == quote)
    if at.size % 2:
        return False
    before, after = text[at[::2] - 1], text[at[1::2] + 1]
    opens = (before == delimiter) | (before == NEWLINE) | (before == quote)
    closes = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | (after == quote)
    return bool(opens.all() and closes.all())


def sniffed(head: Sequence[str], quote: str) -> str:
    """The delimiter that splits the most lines into the same number of values, above one."""

    def score(candidate: str) -> tuple[int, int]:
        widths = _widths(head, Dialect(candidate, quote))
        if not widths:
            return 0, 0
        mode = statistics.mode(widths)
        return (widths.count(mode), mode) if mode > 1 else (0, 0)

    return max(DELIMITERS, key=score)


def _widths(head: Sequence[str], dialect: Dialect) -> list[int]:
    return [len(r.values) for r in records(Lines(head), dialect) if not _broken(r)]


def noise(head: Sequence[str], dialect: Dialect) -> int:
    """Lines above the header: a title, an export date, that are narrower than the table."""
    found = [
        (record.line, 1 if _broken(record) else sum(bool(v.strip()) for v in record.values))
        for record in records(Lines(head), dialect)
    ]
    if len(found) < 3:
        return 0
    table = statistics.mode(_widths(head, dialect) or [0])
    if table < 3:
        return 0
    for line, width in found[:20]:
        if width > 1 and width > table // 2:
            return line - 1
    return 0
