"""The shelf gives back what was put on it, whatever the order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.kpis.change import change
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf

WEEK = timedelta(days=7)
FIRST = date(2026, 1, 5)


def reading(kpi="csat", week=0, value=0.7, **more):
    rng = np.random.default_rng(week)
    start = FIRST + week * WEEK
    row = {
        "kpi": kpi,
        "grain": "week",
        "period_start": start,
        "period_end": start + WEEK,
        "complete": True,
        "value": value,
        "low": None if value is None else value - 0.05,
        "high": None if value is None else value + 0.05,
        "reported_at": datetime(2026, 6, 1, tzinfo=UTC),
        "n": 100 + week,
        "customers": 90 + week,
        "weighted_n": 100.0 + week,
        "unit": "share",
        "method": "jackknife",
        "definition_hash": "a",
        "replicates": None if value is None else (value + 0.003 * rng.standard_normal(64)).tolist(),
        **more,
    }
    return {field.name: row.get(field.name) for field in STORED}


def shelf(*rows):
    return Shelf(pa.Table.from_pylist(list(rows), schema=STORED))


def test_an_empty_shelf_answers_everything_with_nothing():
    empty = shelf()
    assert len(empty) == 0
    assert empty.series("csat", "week") is None
    assert empty.segments("csat", "week", "device") == {}
    assert empty.dimensions("csat", "week") == []
    assert empty.periods("week") == []
    assert empty.usual("week") is None
    assert empty.kpis == frozenset()


KEYS = st.tuples(
    st.sampled_from(["a", "b", "ab"]),
    st.sampled_from([None, "x", "y"]),
    st.sampled_from([None, ("device", None), ("device", "m"), ("plan", "m"), ("plan", "")]),
    st.integers(0, 5),
)


@settings(max_examples=60, deadline=None)
@given(st.sets(KEYS, max_size=40), st.randoms())
def test_every_reading_is_found_where_it_belongs_and_nowhere_else(keys, rng):
    rows = []
    for kpi, stage, place, week in keys:
        dimension, segment = place or (None, None)
        value = float(rng.random())
        rows.append(reading(kpi, week, value, stage=stage, dimension=dimension, segment=segment))
    rng.shuffle(rows)
    one = shelf(*rows)
    expected: dict = {}
    for row in rows:
        key = tuple(row[name] for name in ("kpi", "grain", "dimension", "stage", "segment"))
        expected.setdefault(key, {})[row["period_start"]] = row["value"]
    assert set(one.every()) == set(expected)
    for (kpi, grain, dimension, stage, segment), values in expected.items():
        found = one.series(kpi, grain, stage=stage, dimension=dimension, segment=segment)
        pairs = zip(found.start.tolist(), found.estimates.value.tolist(), strict=True)
        assert dict(pairs) == values
        assert found.start.tolist() == sorted(values)
        if dimension is not None:
            assert segment in one.segments(kpi, grain, dimension, stage)
            assert dimension in one.dimensions(kpi, grain)


def test_what_is_missing_stays_missing():
    found = shelf(
        reading(week=0), reading(week=1, value=None, why="no data", method="none", n=3)
    ).series("csat", "week")
    assert found.estimates[1].value is None
    assert found.estimates[1].why == "no data"
    assert np.isnan(found.estimates.replicates[1]).all()
    assert np.isfinite(found.estimates.replicates[0]).all()


def test_of_several_reports_the_newest_counts_and_what_is_gone_is_gone():
    later = datetime(2026, 6, 2, tzinfo=UTC)
    rows = [
        reading(week=0, value=0.5, reported_at=later),
        reading(week=0, value=0.7),
        reading(week=1, value=0.6),
        reading(week=1, value=None, n=0, reported_at=later),
        reading("nps", week=2),
        reading("nps", week=2, value=None, n=0, reported_at=later),
        # However far back the data comes to reach, the reading of all periods is one.
        reading(grain="all", week=3, value=0.1),
        reading(grain="all", week=2, value=0.2, reported_at=later),
    ]
    for order in (rows, rows[::-1]):
        one = shelf(*order)
        assert one.series("csat", "week").estimates.value.tolist() == [0.5]
        assert one.series("csat", "all").estimates.value.tolist() == [0.2]
        assert one.kpis == {"csat"}


def test_rows_are_those_asked_for_with_their_replicates():
    rows = [reading(week=0, stage=stage) for stage in (None, "a")] + [reading("nps", value=None)]
    one = shelf(*rows)
    found = one.rows({"kpi": "csat", "stage": None})
    assert found.schema.names == STORED.names
    assert found.num_rows == 1
    assert found["replicates"][0].as_py() == pytest.approx(rows[0]["replicates"], rel=1e-6)
    assert one.rows({"kpi": "nps"})["replicates"].to_pylist() == [None]
    assert one.rows({"kpi": "other"}).num_rows == 0


def test_the_usual_period_is_one_that_half_of_the_kpis_have():
    rows = [reading(kpi, week) for kpi in "abcd" for week in range(3)]
    rows += [reading("a", 3), *(reading(kpi, 3, complete=False) for kpi in "bcd")]
    one = shelf(*rows)
    assert one.periods("week")[-1][0] == FIRST + 3 * WEEK
    assert one.usual("week") == FIRST + 2 * WEEK


def test_a_change_is_the_difference_with_the_interval_of_the_buckets():
    one = shelf(reading(week=0, value=0.7), reading(week=1, value=0.6)).series("csat", "week")
    found = change(one, FIRST, FIRST + WEEK, "higher")
    assert found.difference == pytest.approx(-0.1)
    deviations = (one.estimates.replicates[1] - 0.6) - (one.estimates.replicates[0] - 0.7)
    from scipy.stats import t

    half = t.ppf(0.975, 63) * np.sqrt(63 / 64 * (deviations**2).sum())
    assert (found.low, found.high) == pytest.approx((-0.1 - half, -0.1 + half), rel=1e-6)
    assert found.verdict == "worse"
    assert change(one, FIRST, FIRST + WEEK, "lower").verdict == "better"


def test_durations_change_relatively():
    one = shelf(
        reading(week=0, value=10.0, unit="hours"), reading(week=1, value=12.0, unit="hours")
    ).series("csat", "week")
    found = change(one, FIRST, FIRST + WEEK, "lower")
    assert found.relative
    assert found.difference == pytest.approx(0.2)


def test_no_change_is_taken_across_a_change_of_definition():
    one = shelf(reading(week=0), reading(week=1, value=0.1, definition_hash="b"))
    found = change(one.series("csat", "week"), FIRST, FIRST + WEEK, "higher")
    assert found.difference is None
    assert found.verdict == "unclear"
    assert found.why == "the definition changed in between"


def test_a_period_that_nobody_measured_has_no_change():
    one = shelf(reading(week=0)).series("csat", "week")
    assert change(one, FIRST, FIRST + WEEK, "higher") is None
