"""The shelf: all readings as they stand, in memory, for whoever asks many small questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from heedful.stats import BUCKETS, Estimates, Method, Why

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEGREES = BUCKETS - 1.0
ORDER = ("kpi", "grain", "dimension", "stage", "segment")
_WHYS = {why.text: int(why) for why in Why}
_METHODS = {method.text: int(method) for method in Method}

Key = tuple[str, str, str | None, str | None, str | None]
"""KPI, grain, dimension, stage, segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Readings of one KPI, grain, stage and segment, in order of time; all arrays are as long.

    Attributes:
        kpi: The KPI.
        grain: day, week, month, quarter or all.
        dimension: What it is broken down by, None for the total.
        stage: Stage, None for all stages.
        segment: Value of the dimension; None also where it is not known.
        unit: Unit of the values; None for a share of a KPI that has none.
        start: First days, `datetime64[D]`.
        end: Days after the last, `datetime64[D]`.
        complete: Whether the period was over and everything of it known.
        n: Rows that count.
        customers: Distinct customers.
        weight: Sum of weights of the rows that count; their number where nothing is weighted.
        definition: Hash of the definition that made each reading.
        estimates: Values with intervals and replicates.
        why: Why a value or an end is missing, in words.
    """

    kpi: str
    grain: str
    dimension: str | None
    stage: str | None
    segment: str | None
    unit: str | None
    start: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    complete: NDArray[np.bool_]
    n: NDArray[np.int64]
    customers: NDArray[np.int64]
    weight: NDArray[np.float64]
    definition: NDArray[np.object_]
    estimates: Estimates
    why: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.start)

    def place(self, start: date) -> int | None:
        """Where the period that begins on a day stands; None where it has no reading."""
        found = int(np.searchsorted(self.start, np.datetime64(start)))
        return found if found < len(self) and self.start[found] == np.datetime64(start) else None

    def last(self) -> int | None:
        """Where the last complete period stands; None without any."""
        done = np.flatnonzero(self.complete)
        return int(done[-1]) if len(done) else None

    def take(self, places: Iterable[int] | slice) -> Series:
        """Some of its readings, in this order."""
        index = np.arange(len(self))[places if isinstance(places, slice) else list(places)]
        cut = {
            name: getattr(self, name)[index]
            for name in (
                "start",
                "end",
                "complete",
                "n",
                "customers",
                "weight",
                "definition",
                "why",
            )
        }
        return Series(
            self.kpi,
            self.grain,
            self.dimension,
            self.stage,
            self.segment,
            self.unit,
            **cut,
            estimates=self.estimates.take(index),
        )


class Shelf:
    """Readings as they stand.

    Args:
        readings: With the columns of `reading.STORED`, in any order; at most one a key and period.
        version: Version of the log that they come from; None where there is no log yet.
    """

    def __init__(self, readings: pa.Table, version: int | None = None) -> None:
        order = [(name, "ascending", "at_start") for name in (*ORDER, "period_start")]
        self.readings = readings.sort_by(order).combine_chunks()
        self.version = version
        self._places = dict(self._runs())

    def __len__(self) -> int:
        return int(self.readings.num_rows)

    def _runs(self) -> Iterator[tuple[Key, slice]]:
        size = len(self)
        if not size:
            return
        new = np.zeros(size, dtype=bool)
        new[0] = True
        for name in ORDER:
            codes = self._coded(name)[0]
            new[1:] |= codes[1:] != codes[:-1]
        starts = np.flatnonzero(new)
        keys = self.readings.select(ORDER).take(pa.array(starts))
        columns = [keys[name].to_pylist() for name in ORDER]
        ends = [*starts[1:].tolist(), size]
        for key, start, end in zip(zip(*columns, strict=True), starts.tolist(), ends, strict=True):
            yield key, slice(start, end)

    def _coded(self, name: str) -> tuple[NDArray[np.int64], list[Any]]:
        """A text column as codes and what they stand for; null is the last."""
        column = self.readings[name].combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        encoded = column.dictionary_encode(null_encoding="encode")
        return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()

    @cached_property
    def _columns(self) -> Mapping[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {}
        for name in ("period_start", "period_end"):
            found[name] = self.readings[name].to_numpy().astype("datetime64[D]")
        for name in ("n", "customers", "complete"):
            found[name] = self.readings[name].to_numpy()
        for name in ("value", "low", "high", "weighted_n"):
            found[name] = self.readings[name].cast(pa.float64()).to_numpy().astype(np.float64)
        for name in ("why", "definition_hash", "unit"):
            codes, texts = self._coded(name)
            found[name] = np.array([*texts, None], dtype=object)[:-1][codes]
        codes, texts = self._coded("why")
        meant = [_WHYS.get(text, int(Why.NO_DATA)) for text in texts]
        found["why_code"] = np.array(meant, dtype=np.uint8)[codes]
        codes, texts = self._coded("method")
        named = [_METHODS.get(text or "none", 0) for text in texts]
        found["method"] = np.array(named, dtype=np.uint8)[codes]
        found["replicates"] = self._replicates()
        return found

    def _replicates(self) -> NDArray[np.float32]:
        column = self.readings["replicates"].combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        found = np.full((len(column), BUCKETS), np.nan, dtype=np.float32)
        present = column.is_valid().to_numpy(zero_copy_only=False)
        flat = column.flatten().to_numpy(zero_copy_only=False)
        found[present] = flat.reshape(-1, BUCKETS)
        return found

    def every(self) -> Iterable[Key]:
        """All series that there are."""
        return self._places.keys()

    def series(
        self,
        kpi: str,
        grain: str,
        *,
        stage: str | None = None,
        dimension: str | None = None,
        segment: str | None = None,
    ) -> Series | None:
        """Readings of one KPI over time; None where there are none.

        Args:
            kpi: The KPI.
            grain: day, week, month, quarter or all.
            stage: One stage, or None for all.
            dimension: What it is broken down by, or None for the total.
            segment: The dimension's value.
        """
        key = (kpi, grain, dimension, stage, segment)
        place = self._places.get(key)
        return None if place is None else self._cut(key, place)

    def _cut(self, key: Key, place: slice) -> Series:
        kpi, grain, dimension, stage, segment = key
        of = {name: column[place] for name, column in self._columns.items()}
        size = place.stop - place.start
        estimates = Estimates(
            value=of["value"],
            low=of["low"],
            high=of["high"],
            why=of["why_code"],
            replicates=of["replicates"].astype(np.float64),
            method=of["method"],
            df=np.full(size, DEGREES),
            skewed=np.zeros(size, dtype=np.bool_),
        )
        return Series(
            kpi,
            grain,
            dimension,
            stage,
            segment,
            of["unit"][-1],
            of["period_start"],
            of["period_end"],
            of["complete"],
            of["n"],
            of["customers"],
            of["weighted_n"],
            of["definition_hash"],
            estimates,
            of["why"],
        )

    @cached_property
    def _segments(self) -> Mapping[tuple[str, str, str, str | None], list[str | None]]:
        found: dict[tuple[str, str, str, str | None], list[str | None]] = {}
        for kpi, grain, dimension, stage, segment in self._places:
            if dimension is not None:
                found.setdefault((kpi, grain, dimension, stage), []).append(segment)
        return found

    def segments(
        self, kpi: str, grain: str, dimension: str, stage: str | None = None
    ) -> dict[str | None, Series]:
        """Readings of one KPI by segment; empty where it is not broken down so."""
        found = {}
        for segment in self._segments.get((kpi, grain, dimension, stage), ()):
            key = (kpi, grain, dimension, stage, segment)
            found[segment] = self._cut(key, self._places[key])
        return found

    @cached_property
    def _dimensions(self) -> Mapping[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], dict[str, None]] = {}
        for kpi, grain, dimension, _, _ in self._places:
            if dimension is not None:
                found.setdefault((kpi, grain), {})[dimension] = None
        return {key: list(names) for key, names in found.items()}

    def dimensions(self, kpi: str, grain: str) -> list[str]:
        """What a KPI's readings are broken down by."""
        return self._dimensions.get((kpi, grain), [])

    def stages(self, kpi: str, grain: str) -> list[str]:
        """The stages in which a KPI has readings."""
        return [
            stage
            for (name, each, dimension, stage, _) in self._places
            if (name, each) == (kpi, grain) and dimension is None and stage is not None
        ]

    @cached_property
    def kpis(self) -> frozenset[str]:
        """KPIs that have readings."""
        return frozenset(key[0] for key in self._places)

    def periods(self, grain: str) -> list[tuple[date, date]]:
        """Periods in which any KPI has a complete reading, as first day and day after the last."""
        return self._periods.get(grain, [])

    @cached_property
    def _periods(self) -> Mapping[str, list[tuple[date, date]]]:
        found: dict[str, set[tuple[date, date]]] = {}
        columns = self._columns
        for (_, grain, dimension, stage, _), place in self._places.items():
            if dimension is None and stage is None:
                done = columns["complete"][place]
                starts = columns["period_start"][place][done].tolist()
                ends = columns["period_end"][place][done].tolist()
                found.setdefault(grain, set()).update(zip(starts, ends, strict=True))
        return {grain: sorted(pairs) for grain, pairs in found.items()}

    def usual(self, grain: str) -> date | None:
        """First day of the newest period that is complete for at least half of the KPIs.

        Windows of some KPIs stay open for weeks; the newest period of any would show few.
        """
        counts: dict[date, int] = {}
        columns = self._columns
        for (_, each, dimension, stage, _), place in self._places.items():
            if each == grain and dimension is None and stage is None:
                done = columns["complete"][place]
                for start in columns["period_start"][place][done].tolist():
                    counts[start] = counts.get(start, 0) + 1
        most = max(counts.values(), default=0)
        return max((start for start, count in counts.items() if 2 * count >= most), default=None)

    def rows(self, places: Mapping[str, Any] | None = None) -> pa.Table:
        """Readings as a table, those whose columns equal `places`; null equals null."""
        import pyarrow.compute as pc

        found = self.readings
        for name, value in (places or {}).items():
            column = found[name]
            found = found.filter(pc.is_null(column) if value is None else pc.equal(column, value))
        return found
