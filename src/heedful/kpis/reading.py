"""A reading: one value of one KPI for a period, a stage and a segment."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from heedful.definitions.measure import Retention
from heedful.kpis import periods
from heedful.kpis.cells import ALL, Cells
from heedful.kpis.estimating import estimates
from heedful.kpis.reported import STORED
from heedful.kpis.sums import default_stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.stats import Estimates


@dataclass(frozen=True, slots=True)
class Frame:
    """What readings of one fact share.

    Attributes:
        first: First day that has rows, None without any.
        last: Last day that has rows.
        until: Until when the fact's data is known; None: not known.
        late: Days that late data may take.
        definition: Hash of what decides the fact's rows.
        rules: Values of `$name` in the SQL of KPIs.
        contracts: Whether anybody has a contract whose end says that they are lost.
        timezone: The project's timezone.
        versions: Versions of the tables it was made from.
        now: When it was computed.
    """

    first: date | None
    last: date | None
    until: datetime | None
    late: int
    definition: str
    rules: Mapping[str, Any]
    contracts: bool
    timezone: str
    versions: Mapping[str, int]
    now: datetime

    def complete(self, period_end: date, window: int) -> bool:
        """Whether a period is over and what was to come of it is known."""
        if self.until is None:
            return False
        known = periods.midnight(period_end + timedelta(days=window + self.late), self.timezone)
        return known <= self.until


def table(cells: Cells, frame: Frame, *, staged: bool) -> pa.Table:
    """The readings of a KPI's cells.

    Args:
        cells: Its cells.
        frame: What the readings of its fact share.
        staged: Whether the fact knows stages.

    Returns:
        Readings with the columns of `STORED`, a row a cell; where the fact knows no stages and
        the KPI has exactly one, a row more for that stage.
    """
    found = estimates(cells) if len(cells) else None
    if found is None:
        return STORED.empty_table()
    begin, end = _bounds(cells, frame)
    days = window(cells.kpi)
    unknown = _never_lost(cells.kpi, frame)
    closed: dict[date, bool] = {day: frame.complete(day, days) for day in set(end)}
    whole = [grain == "all" or closed[day] for grain, day in zip(cells.grain, end, strict=True)]
    weighted = cells.sums["x"].sum(axis=1) if "x2" in cells.sums else cells.n.sum(axis=1)
    size = len(cells)
    unit = cells.kpi.measure.unit if cells.kpi.measure else None
    columns: dict[str, Any] = {
        "kpi": [cells.kpi.id] * size,
        "grain": cells.grain,
        "period_start": begin,
        "period_end": end,
        "complete": whole,
        "stage": cells.stage,
        "dimension": cells.dimension,
        "segment": cells.segment,
        "value": _numbers(found.value),
        "low": _numbers(found.low),
        "high": _numbers(found.high),
        "n": cells.n.sum(axis=1).astype(np.int64),
        "customers": cells.customers.sum(axis=1).astype(np.int64),
        "weighted_n": weighted,
        "unit": [unit] * size,
        "why": _whys(found, cells.kpi),
        "method": found.methods(),
        "definition_hash": [definition_hash(cells.kpi, frame.definition, frame.rules)] * size,
        "table_versions": [json.dumps(dict(frame.versions), sort_keys=True)] * size,
        "reported_at": [frame.now] * size,
        "replicates": _lists(found),
    }
    if unknown:
        columns |= {name: [None] * size for name in ("value", "low", "high", "replicates")}
        columns |= {"why": [unknown] * size, "method": ["none"] * size}
    arrays = [pa.array(columns[field.name], field.type) for field in STORED]
    readings = pa.Table.from_arrays(arrays, schema=STORED)
    stage = default_stage(cells.kpi)
    if stage is None or staged:
        return readings
    place = STORED.get_field_index("stage")
    staged = readings.set_column(
        place, STORED.field("stage"), pa.array([stage] * size, pa.string())
    )
    return pa.concat_tables([readings, staged])


def window(kpi: CatalogueKpi) -> int:
    """Days after a row until its outcome is known."""
    measure = kpi.measure
    after = math.ceil(measure.after) if isinstance(measure, Retention) else 0
    return max(kpi.window_days, after)


def _never_lost(kpi: CatalogueKpi, frame: Frame) -> str | None:
    """Why a retention says nothing: without contracts nobody is lost before they have lapsed."""
    lapsed = frame.rules.get("lapsed_after_days")
    if frame.contracts or lapsed is None or not isinstance(kpi.measure, Retention):
        return None
    if kpi.fact != "lifetimes" or kpi.measure.after > lapsed:
        return None
    return f"by lapsed_after_days nobody counts as lost in the first {lapsed} days"


def definition_hash(kpi: CatalogueKpi, fact: str, rules: Mapping[str, Any]) -> str:
    """A short hash of all that decides a KPI's number beside data.

    Args:
        kpi: The KPI.
        fact: Hash of what decides the rows of its fact.
        rules: Values of `$name`.
    """
    expressions = kpi.measure.expressions().values() if kpi.measure else ()
    named = set(re.findall(r"\$(\w+)", " ".join([kpi.where or "", *expressions])))
    used = {name: value for name, value in rules.items() if name in named}
    text = json.dumps([kpi.definition_hash, fact, used], sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:12]


def _bounds(cells: Cells, frame: Frame) -> tuple[list[date], list[date]]:
    first, last = frame.first or ALL, frame.last or ALL
    begin, end = [], []
    for grain, day in zip(cells.grain, cells.begin, strict=True):
        begin.append(first if grain == "all" else day)
        end.append(last + timedelta(days=1) if grain == "all" else periods.end(grain, day))
    return begin, end


def _whys(found: Estimates, kpi: CatalogueKpi) -> list[str | None]:
    return [why and why.replace("customer", kpi.unit) for why in found.whys()]


def _numbers(values: NDArray[np.float64]) -> pa.Array:
    # `mask` rather than `from_pandas`, which would import pandas.
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _lists(found: Estimates) -> pa.Array:
    flat = pa.array(found.replicates.astype(np.float32).ravel(), pa.float32())
    offsets = np.arange(0, len(flat) + 1, found.replicates.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, flat)
