"""What the days of a fact looked like when their readings were made.

A fact may be built anew, customers may get other segments, and yet most days are what they were.
A day whose rows add up to the same fingerprint needs no new readings.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from heedful.store.lake import Lake

    Days = Mapping[date, str]
    """Fingerprint by day."""

NAME = "fingerprints"
STORED = pa.schema(
    [
        ("fact", pa.string()),
        ("part", pa.string()),
        ("day", pa.date32()),
        ("fingerprint", pa.string()),
    ]
)


class Fingerprints:
    """The fingerprints of all facts, as they were when readings were made last.

    Args:
        lake: Where they lie.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._known: dict[str, dict[str, dict[date, str]]] = {}
        self._changed = False
        if lake.exists(NAME):
            columns = (column.to_pylist() for column in _read(lake).columns)
            for fact, part, day, mark in zip(*columns, strict=True):
                self._known.setdefault(fact, {}).setdefault(part, {})[day] = mark

    def knows(self, fact: str, part: str) -> bool:
        """Whether days of a fact were looked at in this way before."""
        return part in self._known.get(fact, {})

    def changed(
        self,
        fact: str,
        part: str,
        days: Days,
        since: date | None = None,
        until: date | None = None,
    ) -> set[date] | None:
        """The days that are not what they were.

        Args:
            fact: The fact.
            part: A key of how its rows are read; with another one nothing can be compared.
            days: How its days look now.
            since: First day that was looked at; None: all.
            until: Last day that was looked at.

        Returns:
            Days; None where nobody knows how they were.
        """
        before = self._known.get(fact, {}).get(part)
        if before is None:
            return None
        every = {day for day in before if _inside(day, since, until)} | set(days)
        return {day for day in every if before.get(day) != days.get(day)}

    def keep(
        self,
        fact: str,
        part: str,
        days: Days,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        """Remember how the days look now; see `changed`. It lasts once it is saved."""
        parts = self._known.setdefault(fact, {})
        before = parts.get(part, {})
        rest = {day: mark for day, mark in before.items() if not _inside(day, since, until)}
        after = {**rest, **days}
        if part not in parts or after != before:
            parts[part] = after
            self._changed = True

    def only(self, fact: str, parts: Collection[str]) -> None:
        """Forget how a fact looked when its rows were read in other ways than these."""
        for gone in set(self._known.get(fact, {})) - set(parts):
            del self._known[fact][gone]
            self._changed = True

    def digest(self, fact: str) -> str:
        """A short hash of all that is known of a fact."""
        parts = self._known.get(fact, {})
        rows = [
            (part, str(day), mark)
            for part, days in sorted(parts.items())
            for day, mark in sorted(days.items())
        ]
        return sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def save(self) -> None:
        """Write them, if there is anything new."""
        if not self._changed:
            return
        rows = [
            (fact, part, day, mark)
            for fact, parts in sorted(self._known.items())
            for part, days in sorted(parts.items())
            for day, mark in sorted(days.items())
        ]
        columns = list(zip(*rows, strict=True)) or [()] * len(STORED)
        arrays = [pa.array(one, field.type) for one, field in zip(columns, STORED, strict=True)]
        self.lake.replace(NAME, pa.Table.from_arrays(arrays, schema=STORED))
        self._changed = False


def _inside(day: date, since: date | None, until: date | None) -> bool:
    return (since is None or day >= since) and (until is None or day <= until)


def _read(lake: Lake) -> pa.Table:
    from heedful.engines.duckdb import DuckDB

    engine = DuckDB()
    try:
        engine.attach(NAME, lake.snapshot(NAME))
        return engine.query(f"SELECT {', '.join(STORED.names)} FROM {NAME}")
    finally:
        engine.close()
