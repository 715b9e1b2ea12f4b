"""Charts are Vega-Lite, hold all they show, and break where a definition did."""

from __future__ import annotations

from datetime import date, timedelta
from math import isfinite

import altair as alt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.kpis.shelf import Series
from heedful.stats import Estimates
from heedful.web import chart_series, charts
from heedful.web.chart_marks import Mark

FIRST = date(2025, 9, 1)


def series(values, unit="share", grain="week", spread=0.05, definition=None, complete=None):
    size = len(values)
    step = timedelta(days=7 if grain == "week" else 31)
    starts = [FIRST + n * step for n in range(size)]
    if grain == "month":
        starts = [date(2025 + (8 + n) // 12, (8 + n) % 12 + 1, 1) for n in range(size)]
    value = np.array(values, dtype=float)
    estimates = Estimates(
        value=value,
        low=value - spread,
        high=value + spread,
        why=np.zeros(size, np.uint8),
        replicates=np.full((size, 64), np.nan),
        method=np.zeros(size, np.uint8),
        df=np.full(size, 63.0),
        skewed=np.zeros(size, bool),
    )
    return Series(
        "k",
        grain,
        None,
        None,
        None,
        unit,
        np.array(starts, dtype="datetime64[D]"),
        np.array([*starts[1:], starts[-1] + step], dtype="datetime64[D]"),
        np.ones(size, bool) if complete is None else np.array(complete),
        np.full(size, 100),
        np.full(size, 90),
        np.full(size, 100.0),
        np.array(definition or ["a"] * size, dtype=object),
        estimates,
        np.array([None] * size, dtype=object),
    )


def layers(spec, kind):
    found = []

    def look(one):
        mark = one.get("mark", {})
        if (mark if isinstance(mark, str) else mark.get("type")) == kind:
            found.append(one)
        for below in one.get("layer", ()):
            look(below)

    look(spec)
    return found


def test_every_part_is_valid_vega_lite():
    marks = [
        Mark("A", "release", FIRST + timedelta(days=20), "x"),
        Mark("B", "experiment", FIRST + timedelta(days=21), "y"),
        Mark("C", "definition", FIRST + timedelta(days=22), "z"),
        Mark("D", "note", FIRST + timedelta(days=40), "n"),
    ]
    one = charts.trend(
        series([0.7, 0.72, 0.71, 0.6, 0.61, 0.62, 0.65]),
        title="CSAT",
        better="higher",
        target=0.8,
        compare=series([0.6] * 7),
        compared="a year before",
        marks=marks,
    )
    alt.LayerChart.from_dict(one.spec, validate=True)
    assert [mark.letter for mark in one.marks] == ["A", "B", "C", "D"]


def test_a_change_of_definition_breaks_line_and_band():
    one = charts.trend(series([0.7, 0.7, 0.4, 0.4], definition=["a", "a", "b", "b"]), title="x")
    (line,) = layers(one.spec, "line")
    (band,) = layers(one.spec, "area")
    for layer in (line, band):
        assert [row["piece"] for row in layer["data"]["values"]] == [0, 0, 1, 1]
        assert layer["encoding"]["detail"]["field"] == "piece"


def test_what_is_not_complete_is_not_drawn():
    one = charts.trend(series([0.7, 0.7, 0.1], complete=[True, True, False]), title="x")
    assert "70.0% at the end" in one.said
    assert charts.trend(series([0.7, 0.7], complete=[True, False]), title="x") is None
    assert charts.trend(series([float("nan")] * 3), title="x") is None


def test_an_end_that_is_not_known_leaves_the_band_open():
    one = series([0.5, 0.6, 0.7])
    one.estimates.low[1] = np.nan
    drawn = charts.trend(one, title="x")
    assert len(layers(drawn.spec, "area")[0]["data"]["values"]) == 2
    assert len(layers(drawn.spec, "line")[0]["data"]["values"]) == 3


def test_a_line_need_not_start_at_zero_but_says_so():
    assert charts.trend(series([0.71, 0.74]), title="x").axis.startswith("axis from")
    assert charts.trend(series([0.02, 0.4]), title="x").axis == ""


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=30),
    st.sampled_from(["nps", "money", "hours", "count"]),
    st.floats(0, 100).map(lambda x: round(x, 3)),
)
def test_the_axis_holds_everything_and_has_few_round_ticks(values, unit, spread):
    one = charts.trend(series(values, unit=unit, spread=spread), title="x")
    upright = layers(one.spec, "line")[0]["encoding"]["y"]
    low, high = upright["scale"]["domain"]
    assert low <= min(values) - spread + 1e-6 * abs(min(values) - spread)
    assert high >= max(values) + spread - 1e-6 * abs(max(values) + spread)
    ticks = upright["axis"]["values"]
    assert 2 <= len(ticks) <= 8
    assert all(isfinite(tick) for tick in ticks)


@pytest.mark.parametrize(("grain", "count"), [("week", 60), ("month", 20)])
def test_a_year_before_is_moved_to_the_days_of_this_year(grain, count):
    values = [n / 100 for n in range(count)]
    one = series(values, grain=grain)
    before = chart_series.year_before(one)
    back = 52 if grain == "week" else 12
    assert before.estimates.value.tolist() == values[: count - back]
    assert before.start.tolist() == one.start[back:].tolist()


def test_a_year_of_readings_has_no_year_before():
    assert chart_series.year_before(series([0.1] * 52)) is None
