"""Columns of JSON beside what is in them: objects become columns of their own, by dotted names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heedful.store.json_text import DEEPEST, Number, as_text
from heedful.store.raw import RESERVED, plain, readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST = 200
"""Columns that one column of JSON may become: keys that are ids would be as many as rows."""

KNOWN = 10_000
"""Paths whose names are made once."""


class Nested:
    """Some columns of a table hold JSON; the columns themselves stay as they are.

    Args:
        names: These columns.
        taken: Names of all columns.

    Attributes:
        left_out: Columns that have more fields than become columns.

    >>> Nested(["p"], ["p"]).columns({"p": ['{"a": {"b": 1.10}, "c": [2]}', "[3]", None]})
    {'p.a.b': ['1.10', None, None], 'p.c': ['[2]', None, None]}
    """

    def __init__(self, names: Sequence[str], taken: Sequence[str]) -> None:
        self.names = names
        self.taken = {name.casefold() for name in (*taken, *RESERVED)}
        self.fields: dict[str, dict[str, str]] = {name: {} for name in names}
        self.left_out: dict[str, None] = {}
        self.paths: dict[tuple[str, str], str] = {}
        self.decoder = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)

    def columns(self, given: Mapping[str, Sequence[str | None]]) -> dict[str, Sequence[str | None]]:
        """The further columns of some rows, as long as those."""
        found: dict[str, list[str | None]] = {}
        for name in self.names:
            for row, text in enumerate(given[name]):
                if text is None or not text.lstrip().startswith("{"):
                    continue
                for column, value in self._fields(name, text).items():
                    if column not in found:
                        found[column] = [None] * len(given[name])
                    found[column][row] = value
        return dict(found)

    def _fields(self, name: str, text: str) -> dict[str, str | None]:
        row: dict[str, str | None] = {}
        try:
            self._flatten(row, name, f"{name}.", self.decoder.decode(text), 0)
        except (ValueError, RecursionError):
            return {}
        return row

    def _flatten(
        self, row: dict[str, str | None], name: str, prefix: str, value: Any, depth: int
    ) -> None:
        for key, one in value.items():
            path = self.paths.get((prefix, key)) or self._path(prefix, key)
            if isinstance(one, dict) and one and depth < DEEPEST:
                self._flatten(row, name, f"{path}.", one, depth + 1)
                continue
            column = self._column(name, path)
            if column is not None and row.get(column) is None:
                text = as_text(one)
                row[column] = text if text is None or text.isascii() else readable(text)

    def _path(self, prefix: str, key: str) -> str:
        path = f"{prefix}{readable(plain(key))}"
        if len(self.paths) < KNOWN:
            self.paths[prefix, key] = path
        return path

    def _column(self, name: str, path: str) -> str | None:
        """The column of a path; those that differ only by case are one: SQL cannot tell them."""
        known = self.fields[name]
        key = path.casefold()
        if key not in known:
            if len(known) >= MOST:
                self.left_out[name] = None
                return None
            column = path
            while column.casefold() in self.taken:
                column += "_2"
            self.taken.add(column.casefold())
            known[key] = column
        return known[key]
