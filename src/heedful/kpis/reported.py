"""The columns of readings, as they are kept and shown."""

from __future__ import annotations

import pyarrow as pa

SHOWN = pa.schema(
    [
        ("kpi", pa.string()),
        ("grain", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("complete", pa.bool_()),
        ("stage", pa.string()),
        ("dimension", pa.string()),
        ("segment", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int64()),
        ("customers", pa.int64()),
        ("weighted_n", pa.float64()),
        ("unit", pa.string()),
        ("why", pa.string()),
        ("method", pa.string()),
        ("definition_hash", pa.string()),
        ("table_versions", pa.string()),
        ("reported_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""Columns that people see, in order."""

STORED = SHOWN.append(pa.field("replicates", pa.list_(pa.float32())))
"""Columns of the log: the replicates let scores and changes keep the real covariance."""

NO_LONGER = "no data any more"
