"""The shelf: all readings as they stand, in memory, for whoever asks many small questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
        reported: Reports of readings with the columns of `reported.STORED`, in any order. Of
            several reports of one reading the newest counts; one without rows says that it is
            gone.
        version: Version of the log that they come from; None where there is no log yet.
    """

    def __init__(self, reported: pa.Table, version: int | None = None) -> None:
        self.version = version
        codes = [_coded(reported[name]) for name in ORDER]
        order, starts = _newest(reported, [code for code, _ in codes])
        place = pa.array(order)
        # Replicates are half of everything: they are kept once, as one array.
        replicates = _replicates(reported["replicates"])
        self.readings = reported.drop_columns(["replicates"]).take(place).combine_chunks()
        self._columns: dict[str, NDArray[Any]] = _columns(self.readings)
        self._columns["replicates"] = replicates[order]
        keys = [
            [texts[code] for code in codes_of[order[starts]].tolist()] for codes_of, texts in codes
        ]
        ends = [*starts[1:].tolist(), len(order)][: len(starts)]
        self._places = {
            key: slice(start, end)
            for key, start, end in zip(zip(*keys, strict=True), starts.tolist(), ends, strict=True)
        }

    def __len__(self) -> int:
        return int(self.readings.num_rows)

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
        """Readings as a table with the columns of `reported.STORED`.

        Args:
            places: Only those whose columns equal these values: `kpi`, `grain`, `dimension`,
                `stage`, `segment`; null equals null.
        """
        wanted = {ORDER.index(name): value for name, value in (places or {}).items()}
        found = [
            np.arange(place.start, place.stop)
            for key, place in self._places.items()
            if all(key[at] == value for at, value in wanted.items())
        ]
        index = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
        rows = self.readings.take(pa.array(index))
        replicates = self._columns["replicates"][index]
        known = ~np.isnan(replicates).all(axis=1)
        lists = pa.FixedSizeListArray.from_arrays(
            pa.array(replicates.ravel()), BUCKETS, mask=pa.array(~known)
        )
        return rows.append_column("replicates", lists.cast(pa.list_(pa.float32())))


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Any]]:
    """A text column as codes in the order of its texts, null first, and what they stand for."""
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    whole = whole.dictionary_encode(null_encoding="encode")
    texts = whole.dictionary.to_pylist()
    ranks = sorted(range(len(texts)), key=lambda at: (texts[at] is not None, texts[at] or ""))
    rank = np.empty(len(texts), dtype=np.int64)
    rank[ranks] = np.arange(len(texts))
    codes = whole.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return rank[codes] if len(codes) else codes, [texts[at] for at in ranks]


def _newest(
    reported: pa.Table, codes: list[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the newest reports in order of series and time, and where each series begins."""
    size = reported.num_rows
    if not size:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    series = np.zeros(size, dtype=np.int64)
    for code in codes:
        _, series = np.unique(series * (int(code.max()) + 1) + code, return_inverse=True)
    start = reported["period_start"].to_numpy().astype("datetime64[D]").astype(np.int64)
    # The reading of all periods is one and the same however far back the data comes to reach.
    whole = np.asarray(pc.equal(reported["grain"], "all"))
    start[whole] = 0
    at = reported["reported_at"].cast(pa.int64()).to_numpy()
    order = np.lexsort((at, start, series))
    same = (series[order][1:] == series[order][:-1]) & (start[order][1:] == start[order][:-1])
    last = np.append(~same, True)
    there = reported["n"].to_numpy()[order] > 0
    order = order[last & there]
    held = series[order]
    begins = np.flatnonzero(np.append(True, held[1:] != held[:-1])) if len(order) else order
    return order, begins


def _columns(readings: pa.Table) -> dict[str, NDArray[Any]]:
    """The columns of readings as arrays; missing numbers are NaN."""
    found: dict[str, NDArray[Any]] = {}
    for name in ("period_start", "period_end"):
        found[name] = readings[name].to_numpy().astype("datetime64[D]")
    for name in ("n", "customers", "complete"):
        found[name] = readings[name].to_numpy()
    for name in ("value", "low", "high", "weighted_n"):
        found[name] = readings[name].cast(pa.float64()).to_numpy().astype(np.float64)
    coded = {name: _coded(readings[name]) for name in ("why", "definition_hash", "unit", "method")}
    for name in ("why", "definition_hash", "unit"):
        codes, texts = coded[name]
        found[name] = np.array([*texts, None], dtype=object)[:-1][codes]
    codes, texts = coded["why"]
    meant = [_WHYS.get(text, int(Why.NO_DATA)) for text in texts]
    found["why_code"] = np.array(meant, dtype=np.uint8)[codes]
    codes, texts = coded["method"]
    found["method"] = np.array([_METHODS.get(t or "none", 0) for t in texts], dtype=np.uint8)[codes]
    return found


def _replicates(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Replicates, shape (readings, 64); NaN where a reading has none."""
    found = np.full((len(column), BUCKETS), np.nan, dtype=np.float32)
    at = 0
    for chunk in column.chunks:
        present = chunk.is_valid().to_numpy(zero_copy_only=False)
        flat = chunk.flatten().to_numpy(zero_copy_only=False)
        found[at : at + len(chunk)][present] = flat.reshape(-1, BUCKETS)
        at += len(chunk)
    return found
