"""JSON as rows of text: one object a line, or one list of objects."""

from __future__ import annotations

import itertools
import json
import re
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from heedful.store.raw import (
    RESERVED,
    Bad,
    BadRows,
    Raw,
    UnreadableError,
    decodable,
    plain,
    readable,
    text_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from heedful.definitions.source import ReadOptions

BATCH_ROWS = 50_000
BATCH_CHARACTERS = 8_000_000
CHUNK = 1 << 20
LONGEST = 1 << 28
DEEPEST = 50
BLANKS = re.compile(r"\s*")


class Item(NamedTuple):
    """What should be a row: its line, its text, and what that says or why it says nothing."""

    line: int
    text: str
    value: Any
    wrong: str | None


class JsonText:
    """One file of JSON objects.

    Args:
        stream: Its text.
        options: How it is written.
        raw: What is filled: columns, parts and number of rows.
        bad: Where goes what is no object.
        listed: Whether the file may be one list instead of one object a line.
    """

    def __init__(
        self, stream: IO[str], options: ReadOptions, raw: Raw, bad: BadRows, *, listed: bool
    ) -> None:
        self.stream = stream
        self.listed = listed
        self.records = options.records
        self.raw = raw
        self.bad = bad
        decimal = options.decimal
        # Numbers stay as they are written: 1.10 is not 1.1 where it is an id.
        self.decoder = json.JSONDecoder(
            parse_float=lambda text: Number(text.replace(".", decimal)),
            parse_int=Number,
            parse_constant=Number,
        )
        self.names: dict[str, str] = {name.casefold(): f"{name}_2" for name in RESERVED}
        self.paths: dict[str, str] = {}

    def read(self, folder: Path, progress: Callable[[], None]) -> None:
        """Read it into Parquet files below a folder; each has the columns that its rows have.

        Raises:
            UnreadableError: It is a list that is not closed, or damaged.
        """
        seen: dict[str, None] = {}
        items = self._items() if self.records is None else self._records(self._items())
        for index in itertools.count():
            batch = list(_batch(items))
            if not batch:
                break
            rows = []
            for number, item in enumerate(batch, self.raw.rows):
                row, wrong = self._row(item)
                if wrong is None:
                    rows.append(row | {"_line": item.line, "_row": number})
                else:
                    self.bad.add(Bad(self.raw.file, item.line, readable(item.text), wrong))
            self.raw.rows += len(batch)
            names = list(dict.fromkeys(n for row in rows for n in row if n not in RESERVED))
            seen.update(dict.fromkeys(names))
            path = folder / f"raw-{index}.parquet"
            schema = text_schema(names)
            arrays = [pa.array([row.get(f.name) for row in rows], f.type) for f in schema]
            pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, compression="zstd")
            self.raw.parts.append(path)
            progress()
        self.raw.columns = list(seen)

    def _items(self) -> Iterator[Item]:
        if not self.listed:
            return self._lines()
        start = self.stream.read(CHUNK)
        while not start.strip() and (more := self.stream.read(CHUNK)):
            start += more
        if start.lstrip().startswith("["):
            return iter(Elements(start, self.stream, self.decoder))
        if self.records is not None and not self._whole(start.lstrip().split("\n", 1)[0]):
            return iter(Objects(start, self.stream, self.decoder))
        self.stream.seek(0)
        return self._lines()

    def _whole(self, line: str) -> bool:
        """Whether the first line is an object, so that there is one on each."""
        try:
            self.decoder.decode(line.strip())
        except (ValueError, RecursionError):
            return False
        return True

    def _records(self, items: Iterator[Item]) -> Iterator[Item]:
        """The rows in the list of each object; an object without it is a row itself."""
        for item in items:
            inner = item.value.get(self.records) if isinstance(item.value, dict) else None
            if not isinstance(inner, list):
                yield item
                continue
            for value in inner:
                yield Item(item.line, _dumped(value), value, None)

    def _lines(self) -> Iterator[Item]:
        for number, line in enumerate(self.stream, 1):
            text = line.strip()
            if not text:
                continue
            value, wrong = None, None
            try:
                value = self.decoder.decode(text)
            except (ValueError, RecursionError) as error:
                wrong = f"not a JSON object ({error})"
            yield Item(number, text, value, wrong)

    # --- rows ---

    def _row(self, item: Item) -> tuple[dict[str, object], str | None]:
        if not decodable(item.text):
            return {}, "bytes that are not in the declared encoding; set read: {encoding: ...}"
        if item.wrong is not None:
            return {}, item.wrong
        if not isinstance(item.value, dict):
            kind = KINDS.get(type(item.value), "null")
            return {}, f"{kind} found; each row must be one object {{...}}"
        row: dict[str, object] = {}
        try:
            self._flatten(row, "", item.value)
        except RecursionError:
            return {}, "nested too deeply"
        if not row:
            return {}, "an object without values"
        escaped = "\\u" in item.text
        if escaped and not all(value is None or decodable(str(value)) for value in row.values()):
            return {}, "half of a surrogate pair (\\ud83d without its other half)"
        return row, None

    def _flatten(
        self, row: dict[str, object], prefix: str, found: dict[str, Any], depth: int = 0
    ) -> None:
        if depth > DEEPEST:
            raise RecursionError
        for key, value in found.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict) and value:
                self._flatten(row, f"{path}.", value, depth + 1)
                continue
            name = self.paths.get(path) or self._name(path)
            while name in row:
                name = self.names.setdefault(f"{name}_2".casefold(), f"{name}_2")
            row[name] = value if type(value) is str else as_text(value)

    def _name(self, path: str) -> str:
        """The column of a path; names that differ only by case are one: SQL cannot tell them."""
        name = ".".join(readable(plain(part)) for part in path.split(".")) or "column"
        self.paths[path] = self.names.setdefault(name.casefold(), name)
        return self.paths[path]


class Number(str):
    """A number as it is written."""

    __slots__ = ()


KINDS = {list: "a list", bool: "a boolean", str: "a text", Number: "a number"}


def as_text(value: object) -> str | None:
    """A value of JSON as text: null as None, lists as JSON again.

    >>> as_text([Number("1.10"), True, {"a": None}])
    '[1.10, true, {"a": null}]'
    """
    if value is None or isinstance(value, str):
        return value if value is None else str(value)
    if isinstance(value, bool):
        return str(value).lower()
    return _dumped(value)


def _dumped(value: object) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_dumped, value))}]"
    if isinstance(value, dict):
        pairs = (f"{_dumped(key)}: {_dumped(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)


class Elements:
    """The elements of one JSON list, of which no more is held than one needs.

    Args:
        start: The beginning of the text, with the opening bracket.
        stream: The rest.
        decoder: What reads an element.
    """

    def __init__(self, start: str, stream: IO[str], decoder: json.JSONDecoder) -> None:
        self.text = start
        self.stream = stream
        self.decoder = decoder
        self.at = 0
        self.line = 1

    def __iter__(self) -> Iterator[Item]:
        self._pass("[")
        mark = "" if self._next() == "]" else ","
        while mark == ",":
            self._next()
            yield self._element()
            mark = self._next()
            if mark == ",":
                self._pass(",")
        self._pass("]")
        if self._next():
            raise self._damaged(f'"{self._next()}" found behind the list')

    def _next(self) -> str:
        """Go to the next character that is no blank; empty at the end."""
        while True:
            found = BLANKS.match(self.text, self.at)
            end = found.end() if found else self.at
            self.line += self.text.count("\n", self.at, end)
            self.at = end
            if end < len(self.text) or not self._more(CHUNK):
                return self.text[end : end + 1]

    def _pass(self, mark: str) -> None:
        found = self._next()
        if found != mark:
            shown = f'"{found}" found' if found else "the list is not closed"
            raise self._damaged(f'{shown}, "{mark}" expected')
        self.at += 1

    def _more(self, size: int) -> bool:
        more = self.stream.read(size)
        self.text, self.at = self.text[self.at :] + more, 0
        return bool(more)

    def _element(self) -> Item:
        size = CHUNK
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.at)
                # A number may go on behind the end of what has been read.
                whole = end < len(self.text) or not self._more(CHUNK)
            except (ValueError, RecursionError) as error:
                if len(self.text) > LONGEST or not self._more(size):
                    raise self._damaged(str(error)) from None
                size *= 2
                continue
            if whole:
                end = min(end, len(self.text))
                item = Item(self.line, self.text[self.at : end], value, None)
                self.line += item.text.count("\n")
                self.at = end
                return item

    def _damaged(self, found: str) -> UnreadableError:
        return UnreadableError(f"the list is damaged: {found}", "mend it", self.line)


class Objects(Elements):
    """Objects one behind the other, each over as many lines as it likes."""

    def __iter__(self) -> Iterator[Item]:
        while self._next():
            yield self._element()


def _batch(items: Iterator[Item]) -> Iterator[Item]:
    size = 0
    for count, item in enumerate(items, 1):
        yield item
        size += len(item.text)
        if size >= BATCH_CHARACTERS or count >= BATCH_ROWS:
            return
