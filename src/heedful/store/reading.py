"""Files as they come: CSV, JSON lines, Excel and Parquet, read in batches with line numbers.

Text formats are read with the standard library, because it alone tells the physical line of
every record, reads every encoding and survives a damaged quote. What is read goes to Parquet
files of strings, so that a file may be far larger than memory.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import itertools
import json
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from heedful.definitions.source import ReadOptions

BATCH = 50_000
RUNAWAY_LINES = 2_000
DELIMITERS = (",", ";", "\t", "|")
LINE = "_line"
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
}


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


@dataclass(slots=True)
class Raw:
    """One file, as strings in Parquet (or the Parquet file itself).

    Attributes:
        file: The name it is shown under, relative to the project.
        columns: Its column names, outer white space removed.
        parts: Parquet files that hold the rows; text formats add the column `_line`.
        rows: Rows read, bad ones included.
        bad: Rows whose structure is broken.
        typed: Whether columns keep types of their own (Parquet) or are strings.
    """

    file: str
    columns: list[str]
    parts: list[Path] = field(default_factory=list)
    rows: int = 0
    bad: list[Bad] = field(default_factory=list)
    typed: bool = False


def read(
    path: Path,
    shown: str,
    options: ReadOptions,
    folder: Path,
    progress: Callable[[int], None] | None = None,
) -> Raw:
    """Read one file.

    Args:
        path: The file.
        shown: Its name for people.
        options: How to read it.
        folder: Where Parquet files may be written; must be empty.
        progress: Called with the number of bytes consumed so far.

    Returns:
        Its rows.

    Raises:
        UnreadableError: It is of an unknown kind, damaged, or has no header.
    """
    name = path.name.lower().removesuffix(".gz")
    kind = next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
    if kind is None:
        known = ", ".join(SUFFIXES)
        raise UnreadableError(f'file type of "{path.name}" is not known', f"allowed: {known}")
    raw = Raw(shown, [])
    try:
        if kind == "parquet":
            _parquet(path, raw)
        elif kind == "excel":
            _tabular(raw, folder, _excel(path, options), options)
        elif kind == "jsonl":
            with _text(path, options) as stream:
                _json_lines(raw, folder, stream, progress)
        else:
            with _text(path, options) as stream:
                _csv(raw, folder, stream, options, progress)
    except (OSError, EOFError) as error:
        raise UnreadableError(f"cannot be read: {error}", "give a readable file") from None
    return raw


def _parquet(path: Path, raw: Raw) -> None:
    try:
        found = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise UnreadableError(f"not a Parquet file ({error})", "export it again") from None
    raw.columns = [name.strip() for name in found.schema_arrow.names]
    raw.rows = found.metadata.num_rows
    raw.parts = [path]
    raw.typed = True


def _text(path: Path, options: ReadOptions) -> IO[str]:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rb") as probe:
        start = probe.read(4)
    encoding = _encoding(start, options.encoding)
    return opener(path, "rt", encoding=encoding, errors="surrogateescape", newline="")  # type: ignore[return-value]


def _encoding(start: bytes, declared: str) -> str:
    try:
        known = codecs.lookup(declared).name
    except LookupError:
        raise UnreadableError(
            f'encoding "{declared}" is not known', "allowed: utf-8, utf-16, latin-1, cp1252, ..."
        ) from None
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if known == "utf-8" else known


# --- CSV -------------------------------------------------------------------------------------


class _RunawayError(Exception):
    """A quote has stayed open for so long that it must be a mistake."""


class _Lines:
    """Physical lines, with those of the current record at hand."""

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

    def back(self) -> str:
        """Give back all lines of the record but its first."""
        first, *rest = self.record
        self.again.extendleft(reversed(rest))
        self.read -= len(rest)
        self.record = []
        return first


def _records(lines: _Lines, delimiter: str, quote: str) -> Iterator[tuple[int, list[str] | str]]:
    """Records with the line they begin on; a record with a broken quote comes as its text."""
    csv.field_size_limit(1 << 30)
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
    while True:
        lines.record = []
        begin = lines.read + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RunawayError):
            yield begin, lines.back().rstrip("\r\n")
            reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
            continue
        if record:
            yield begin, record


def _csv(
    raw: Raw,
    folder: Path,
    stream: IO[str],
    options: ReadOptions,
    progress: Callable[[int], None] | None,
) -> None:
    lines = _Lines(stream)
    for _ in range(options.skip_rows or 0):
        lines.record = []
        next(lines, None)
    head = list(itertools.islice(stream, 200))
    lines.again.extend(head)
    delimiter = options.delimiter or _delimiter(head)
    quote = options.quote
    if options.skip_rows is None and options.header_rows:
        for _ in range(_noise(head, delimiter, quote)):
            lines.record = []
            next(lines)
    _tabular(raw, folder, _records(lines, delimiter, quote), options, progress, stream)


def _delimiter(head: Sequence[str]) -> str:
    """The candidate that splits the most lines into the same number of fields, above one."""

    def score(candidate: str) -> tuple[int, int]:
        widths = _widths(head, candidate, '"')
        if not widths:
            return 0, 0
        mode = statistics.mode(widths)
        return (widths.count(mode), mode) if mode > 1 else (0, 0)

    return max(DELIMITERS, key=score)


def _widths(head: Sequence[str], delimiter: str, quote: str) -> list[int]:
    found = []
    for _, record in _records(_Lines(head), delimiter, quote):
        if not isinstance(record, str):
            found.append(len(record))
    return found


def _noise(head: Sequence[str], delimiter: str, quote: str) -> int:
    """Lines above the header: a title, an export date, that is narrower than the table."""
    lines = _Lines(head)
    starts: list[tuple[int, int]] = []
    for begin, record in _records(lines, delimiter, quote):
        starts.append((begin, 1 if isinstance(record, str) else len(_filled(record))))
    widths = [width for _, width in starts]
    if len(widths) < 3:
        return 0
    table = statistics.mode(_widths(head, delimiter, quote))
    if table < 3:
        return 0
    for begin, width in starts[:20]:
        if width > 1 and width > table // 2:
            return begin - 1
    return 0


def _filled(record: Sequence[str]) -> list[str]:
    return [value for value in record if value.strip()]


# --- any table of text -----------------------------------------------------------------------


def _tabular(
    raw: Raw,
    folder: Path,
    records: Iterator[tuple[int, list[str] | str]],
    options: ReadOptions,
    progress: Callable[[int], None] | None = None,
    stream: IO[str] | None = None,
) -> None:
    first: list[tuple[int, list[str] | str]] = []
    if options.header_rows:
        raw.columns = _header(records)
        list(itertools.islice(records, options.header_rows - 1))
    else:
        first = list(itertools.islice(records, 1))
        width = len(first[0][1]) if first else 0
        raw.columns = [f"column{number}" for number in range(1, width + 1)]
    if not raw.columns:
        return
    path = folder / "raw-0.parquet"
    schema = _schema(raw.columns)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(itertools.chain(first, records)):
            raw.rows += len(batch)
            writer.write_table(_table(raw, batch, schema))
            if progress and stream is not None:
                progress(_position(stream))
    raw.parts = [path]


def _header(records: Iterator[tuple[int, list[str] | str]]) -> list[str]:
    for line, record in records:
        if isinstance(record, str):
            raise UnreadableError("the header has a quote that is never closed", "mend it", line)
        names = [name.strip().lstrip("\ufeff") for name in record]
        while names and not names[-1]:
            names.pop()
        taken: dict[str, int] = {}
        for index, name in enumerate(names):
            shown = name or f"column{index + 1}"
            taken[shown.lower()] = taken.get(shown.lower(), 0) + 1
            again = taken[shown.lower()]
            names[index] = shown if again == 1 else f"{shown}_{again}"
        return names
    return []


def _schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([*((name, pa.string()) for name in columns), (LINE, pa.int64())])


T = TypeVar("T")


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch


def _table(raw: Raw, batch: list[tuple[int, list[str] | str]], schema: pa.Schema) -> pa.Table:
    width = len(raw.columns)
    good: list[list[str]] = []
    numbers: list[int] = []
    for line, record in batch:
        if isinstance(record, str):
            raw.bad.append(
                Bad(
                    raw.file,
                    line,
                    _printable(record),
                    "a quote is not closed, or stands inside a value",
                )
            )
        elif len(record) == width or _padded(record, width):
            good.append(record[:width])
            numbers.append(line)
        else:
            values = json.dumps([_printable(value) for value in record], ensure_ascii=False)
            reason = f"{len(record)} values found, the header has {width} columns"
            raw.bad.append(Bad(raw.file, line, values, reason))
    try:
        return _arrow(good, numbers, schema)
    except UnicodeEncodeError:
        kept, lines = [], []
        for record, line in zip(good, numbers, strict=True):
            odd = next((v for v in record if not _encodable(v)), None)
            if odd is None:
                kept.append(record)
                lines.append(line)
                continue
            values = json.dumps([_printable(value) for value in record], ensure_ascii=False)
            reason = (
                f'"{_printable(odd)}" holds bytes that are not in the declared encoding; '
                "set read: {encoding: ...} (latin-1 and cp1252 are common)"
            )
            raw.bad.append(Bad(raw.file, line, values, reason))
        return _arrow(kept, lines, schema)


def _padded(record: list[str], width: int) -> bool:
    """Whether a record is only longer by empty values, as spreadsheets leave them."""
    return len(record) > width and not any(record[width:])


def _arrow(rows: list[list[str]], lines: list[int], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in range(len(schema) - 1))
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.Table.from_arrays([*arrays, pa.array(lines, pa.int64())], schema=schema)


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _position(stream: IO[str]) -> int:
    try:
        return stream.buffer.tell()  # type: ignore[attr-defined,no-any-return]
    except (OSError, AttributeError):
        return 0


# --- Excel and JSON lines --------------------------------------------------------------------


def _excel(path: Path, options: ReadOptions) -> Iterator[tuple[int, list[str] | str]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
        names = book.sheet_names
        if options.sheet is not None and options.sheet not in names:
            raise UnreadableError(
                f'sheet "{options.sheet}" not found', f"allowed: {', '.join(names)}"
            )
        rows = book.get_sheet_by_name(options.sheet or names[0]).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise UnreadableError(f"not a workbook ({error})", "save it as .xlsx again") from None
    texts = ((number, [_cell(cell) for cell in row]) for number, row in enumerate(rows, 1))
    filled = ((number, row) for number, row in texts if any(row))
    skip = options.skip_rows or 0
    width = 0
    for number, row in filled:
        if number <= skip:
            continue
        # The header ends where its last name ends; a sheet is as wide as its widest row.
        width = width or max(index + 1 for index, cell in enumerate(row) if cell)
        yield number, row


def _cell(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)


def _json_lines(
    raw: Raw, folder: Path, stream: IO[str], progress: Callable[[int], None] | None
) -> None:
    seen: dict[str, None] = {}
    numbered = ((n, line) for n, line in enumerate(stream, 1) if line.strip())
    for index, batch in enumerate(_batches(numbered)):
        raw.rows += len(batch)
        rows: list[dict[str, object]] = []
        for number, line in batch:
            row = _object(raw, number, line)
            if row is not None:
                rows.append(row)
        names = dict.fromkeys(name for row in rows for name in row)
        names.pop(LINE, None)
        seen.update(names)
        schema = _schema(list(names))
        path = folder / f"raw-{index}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
        raw.parts.append(path)
        if progress:
            progress(_position(stream))
    raw.columns = list(seen)


def _object(raw: Raw, number: int, line: str) -> dict[str, object] | None:
    text = line.rstrip("\r\n")
    try:
        text.encode()
        # Numbers stay as they are written: 1.10 is not 1.1 where it is an id.
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except UnicodeEncodeError:
        raw.bad.append(Bad(raw.file, number, _printable(text), "bytes that are not UTF-8"))
        return None
    except ValueError as error:
        reason = f"not a JSON object ({error})"
        raw.bad.append(Bad(raw.file, number, text, reason))
        return None
    if not isinstance(found, dict):
        kind = type(found).__name__
        reason = f"a JSON {kind} found; each line must be one object {{...}}"
        raw.bad.append(Bad(raw.file, number, text, reason))
        return None
    flat: dict[str, object] = {}
    _flatten(flat, "", found)
    flat[LINE] = number
    return flat


def _flatten(flat: dict[str, object], prefix: str, found: dict[str, object]) -> None:
    for key, value in found.items():
        name = f"{prefix}{key.strip()}"
        if isinstance(value, dict):
            _flatten(flat, f"{name}.", value)
        elif isinstance(value, list):
            flat[name] = json.dumps(value, ensure_ascii=False)
        elif isinstance(value, bool):
            flat[name] = str(value).lower()
        else:
            flat[name] = value
