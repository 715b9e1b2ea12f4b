"""Customers by when they began: how long each was watched, and whether it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from heedful.engines.duckdb import DuckDB, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.store.lake import Lake

About = Literal["stay", "again"]
LIFETIMES, PURCHASES = "lifetimes", "purchases"
MOST_SEGMENTS = 12
NOT_DIMENSIONS = frozenset({"day", "customer", "at", "order_id", "bucket", "stage"})
_AGAIN = """
WITH bought AS (
  SELECT customer, epoch("at") AS moment, day, {names},
    dense_rank() OVER (PARTITION BY customer ORDER BY epoch("at")) AS nth
  FROM rows_ WHERE is_order = 1 AND NOT starts_with(customer, 'order:')
), ends AS (SELECT max(epoch("at")) AS last FROM rows_)
SELECT min(day) AS day,
  (coalesce(min(CASE WHEN nth = 2 THEN moment END), any_value(last)) - min(moment)) / 86400.0
    AS days,
  max(CASE WHEN nth = 2 THEN 1 ELSE 0 END) = 1 AS ended{firsts}
FROM bought CROSS JOIN ends GROUP BY customer
"""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Customers, each once; all arrays are as long.

    Attributes:
        about: stay: until they were lost. again: until they bought a second time.
        day: When they began, `datetime64[D]`.
        days: Days until it happened, or for which they were watched.
        ended: Whether it happened.
        dimensions: What they can be broken down by: names of segments, None for not known.
    """

    about: About
    day: NDArray[np.datetime64]
    days: NDArray[np.float64]
    ended: NDArray[np.bool_]
    dimensions: Mapping[str, NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.day)

    @property
    def until(self) -> date:
        """The day after the last one that anybody was watched on."""
        watched = self.day[~self.ended] if not self.ended.all() else self.day
        days = self.days[~self.ended] if not self.ended.all() else self.days
        if not len(watched):
            return date.min
        ends = watched.astype("datetime64[D]") + np.floor(days).astype("timedelta64[D]")
        last: date = ends.max().item()
        return last + timedelta(days=1)

    def of(self, dimension: str, segment: str | None) -> People:
        """Only those of one segment."""
        column = self.dimensions[dimension]
        return self.where(np.array([value == segment for value in column], dtype=np.bool_))

    def where(self, kept: NDArray[np.bool_]) -> People:
        """Only some of them."""
        cut = {name: column[kept] for name, column in self.dimensions.items()}
        return People(self.about, self.day[kept], self.days[kept], self.ended[kept], cut)

    def segments(self, dimension: str) -> list[str | None]:
        """The segments of a dimension, the largest first."""
        column = self.dimensions[dimension]
        counts: dict[str | None, int] = {}
        for value in column:
            counts[value] = counts.get(value, 0) + 1
        return sorted(counts, key=lambda name: -counts[name])


def people(facts: Lake, about: About) -> People | None:
    """Customers as a fact knows them; None without the fact, or without rows.

    Args:
        facts: Where facts are built.
        about: What may happen to them.
    """
    snapshot = facts.snapshot(LIFETIMES if about == "stay" else PURCHASES)
    if snapshot is None:
        return None
    text = [
        name
        for name, kind in snapshot.columns.items()
        if name not in NOT_DIMENSIONS and kind == "VARCHAR"
    ]
    if "contractual" in snapshot.columns:
        text.append("contractual")
    with_engine = DuckDB()
    try:
        with_engine.attach("rows_", snapshot)
        table = with_engine.query(_sql(about, text))
    finally:
        with_engine.close()
    if not len(table):
        return None
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in ("day", "days", "ended")}
    dimensions = {}
    for name in text:
        values = table[name].to_pylist()
        if name == "contractual":
            values = [{True: "with a contract", False: "without"}.get(value) for value in values]
        if 1 < len(set(values)) <= MOST_SEGMENTS:
            dimensions[name] = np.array(values, dtype=object)
    return People(
        about,
        columns["day"].astype("datetime64[D]"),
        np.maximum(columns["days"].astype(np.float64), 0.0),
        columns["ended"].astype(np.bool_),
        dimensions,
    )


def _sql(about: About, names: list[str]) -> str:
    if about == "stay":
        more = "".join(f", {quoted(name)}" for name in names)
        return f"SELECT day, days, lost AS ended{more} FROM rows_"
    each = ", ".join(quoted(name) for name in names) or "1 AS one"
    firsts = "".join(f", arg_min({quoted(name)}, moment) AS {quoted(name)}" for name in names)
    return _AGAIN.format(names=each, firsts=firsts)
