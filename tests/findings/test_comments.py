"""The most telling comments come first, whichever way their scale was asked."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from heedful.engines.duckdb import DuckDB
from heedful.findings.comments import comments
from heedful.store import schema
from heedful.surveys.catalogue import instruments


def answer(text: str, score: float, **more: object) -> dict[str, object]:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    empty = dict.fromkeys(schema.table("responses").columns)
    return {**empty, "comment": text, "score": score, "answered_at": at, **more}


@pytest.mark.parametrize(
    ("worst_first", "order"),
    [
        (True, ["worst of ten", "worst, turned", "middling, of five", "best, turned"]),
        (False, ["best, turned", "middling, of five", "worst, turned", "worst of ten"]),
    ],
)
def test_scales_that_were_asked_the_other_way_round_are_turned(worst_first, order):
    scale = {"scale_min": 1.0, "scale_max": 7.0, "scale_reversed": True}
    rows = [
        answer("worst, turned", 6.8, instrument="ces", **scale),
        answer("best, turned", 1.0, instrument="ces", **scale),
        answer("middling, of five", 3.0, instrument="csat"),
        answer("worst of ten", 0.0, instrument="nps"),
    ]
    engine = DuckDB()
    engine.load("responses", pa.Table.from_pylist(rows, schema=arrow()))
    found = comments(
        engine.query,
        ["responses"],
        "UTC",
        instruments(),
        touchpoints=(),
        since=date(2026, 3, 1),
        until=date(2026, 4, 1),
        worst_first=worst_first,
    )
    engine.close()
    assert [one.text for one in found] == order
    assert {one.text: one.score for one in found}["best, turned"] == 7.0


def arrow() -> pa.Schema:
    known = schema.table("responses")
    names = list(known.columns)
    return pa.schema([known.arrow(()).field(name) for name in names])
