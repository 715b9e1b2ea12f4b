"""Files as they come: CSV, JSON, Excel and Parquet, each read to Parquet with line numbers.

What is read goes to disk in batches, so that a file may be far larger than memory.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import shutil
import zlib
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from heedful.store import workbook
from heedful.store.delimited import Delimited
from heedful.store.json_text import JsonText
from heedful.store.raw import BadRows, Raw, UnreadableError, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from heedful.definitions.source import ReadOptions

BATCH = 50_000
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
}
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
ESCAPE = "heedful.escape"


def read(
    path: Path,
    shown: str,
    options: ReadOptions,
    folder: Path,
    bad: BadRows,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> Raw:
    """Read one file.

    Args:
        path: The file.
        shown: Its name for people.
        options: How to read it.
        folder: Where Parquet files may be written; must be empty.
        bad: Where its broken rows go.
        progress: Called with the number of bytes consumed so far.

    Returns:
        Its rows.

    Raises:
        UnreadableError: It is of an unknown kind, damaged, or its header is.
    """
    name = path.name.lower().removesuffix(".gz")
    kind = next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)
    if kind is None or (name != path.name.lower() and kind in {"parquet", "excel"}):
        known = ", ".join(SUFFIXES)
        raise UnreadableError(
            f'file type of "{path.name}" is not known', f"allowed: {known}; text also as .gz"
        )
    raw = Raw(shown)
    try:
        if kind == "parquet":
            _parquet(path, raw, folder)
        elif kind == "excel":
            workbook.read(path, options, raw, bad, folder, lambda: None)
        else:
            with _text(path, options.encoding) as (stream, position):
                if kind == "csv":
                    Delimited(stream, options, raw, bad).read(folder, lambda: progress(position()))
                else:
                    text = JsonText(stream, options, raw, bad, listed=kind == "json")
                    text.read(folder, lambda: progress(position()))
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise UnreadableError(f"cannot be read: {error}", "give a readable file") from None
    return raw


@contextlib.contextmanager
def _text(path: Path, declared: str) -> Iterator[tuple[IO[str], Callable[[], int]]]:
    """The text of a file, and how far into the file reading has come."""
    with contextlib.ExitStack() as closing:
        file = closing.enter_context(path.open("rb"))
        packed = path.suffix.lower() == ".gz"
        data = closing.enter_context(gzip.GzipFile(fileobj=file)) if packed else file
        start = data.read(4)
        data.seek(0)
        text = io.TextIOWrapper(data, _encoding(start, declared), errors=ESCAPE, newline="")
        yield closing.enter_context(text), file.tell


def _encoding(start: bytes, declared: str) -> str:
    try:
        known = codecs.lookup(declared)
    except LookupError:
        known = None
    if known is None or not known._is_text_encoding:  # noqa: SLF001 - what open() itself asks
        raise UnreadableError(
            f'encoding "{declared}" is not known', "allowed: utf-8, utf-16, latin-1, cp1252, ..."
        )
    marked = next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), None)
    return marked or known.name


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Keep bytes that cannot be decoded as characters that no text has, to find the row again."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in found), error.end


codecs.register_error(ESCAPE, _escape)


def _parquet(path: Path, raw: Raw, folder: Path) -> None:
    """Take a Parquet file as it is, or a copy where SQL could not tell its columns apart."""
    try:
        with pq.ParquetFile(path) as found:
            given = found.schema_arrow.names
            raw.columns = named(given)
            raw.rows = found.metadata.num_rows
            raw.typed = True
            part = folder / "raw.parquet"
            if raw.columns == given:
                _linked(path, part)
            else:
                fields = zip(found.schema_arrow, raw.columns, strict=True)
                schema = pa.schema([field.with_name(name) for field, name in fields])
                with pq.ParquetWriter(part, schema) as writer:
                    for batch in found.iter_batches(BATCH):
                        writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            raw.parts = [part]
    except pa.ArrowException as error:
        raise UnreadableError(f"not a Parquet file ({error})", "export it again") from None


def _linked(path: Path, part: Path) -> None:
    """Give the file a name in the folder that means nothing to a glob or to SQL."""
    target = path.resolve()
    # DuckDB does not know the target of a link again where it holds a backslash.
    if "\\" not in str(target):
        with contextlib.suppress(OSError):
            part.symlink_to(target)
            return
    shutil.copyfile(target, part)
