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

    def renewed(
        self, fact: str, part: str, days: Days, since: date | None, until: date | None
    ) -> set[date] | None:
        """Remember how days look now, which lasts once it is saved.

        Args:
            fact: The fact.
            part: A key of how its rows are read; with another one nothing can be compared.
            days: How its days look now.
            since: First day that was looked at; None: all.
            until: Last day that was looked at; None: to the end.

        Returns:
            The days that are not what they were; None where nobody knows how they were.
        """
        parts = self._known.setdefault(fact, {})
        before = parts.get(part)
        looked = {day for day in before or () if _inside(day, since, until)}
        changed = {day for day in looked | set(days) if (before or {}).get(day) != days.get(day)}
        if before is None or changed:
            rest = {day: mark for day, mark in (before or {}).items() if day not in looked}
            parts[part] = {**rest, **days}
            self._changed = True
        return None if before is None else changed

    def only(self, fact: str, parts: Collection[str]) -> None:
        """Forget how a fact looked when its rows were read in other ways than these."""
        for gone in set(self._known.get(fact, {})) - set(parts):
            del self._known[fact][gone]
            self._changed = True

    def digest(self, fact: str) -> str:
        """A short hash of all that is known of a fact."""
        return sha256(json.dumps(self._rows(fact), default=str).encode()).hexdigest()[:16]

    def _rows(self, fact: str) -> list[tuple[str, str, date, str]]:
        return [
            (fact, part, day, mark)
            for part, days in sorted(self._known.get(fact, {}).items())
            for day, mark in sorted(days.items())
        ]

    def save(self) -> None:
        """Write them, if there is anything new."""
        if not self._changed:
            return
        rows = [row for fact in sorted(self._known) for row in self._rows(fact)]
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
