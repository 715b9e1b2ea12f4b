from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.experiments import charts
from heedful.experiments.charts import curves, day_by_day, settled_on, shares_axis
from heedful.experiments.drawing import WIDTHS, theme
from heedful.experiments.readout import CurvePoint, Look

FIRST = date(2026, 7, 13)
NAMES = {"control": "As it is", "new": "<script>alert(1)</script>"}


def look(number, difference, half=1.0):
    low, high = (None, None) if half is None else (difference - half, difference + half)
    return Look(FIRST + timedelta(days=number), "kpi", "new", difference, low, high)


LOOKS = [look(i, 0.04, 0.12 / (i + 1) ** 0.5) for i in range(42)]
POINTS = [
    CurvePoint("stays", variant, day, value := 1 - slope * day / 90, value - 0.02, value + 0.02, 9)
    for variant, slope in (("control", 0.3), ("new", 0.2))
    for day in range(91)
]


@pytest.fixture(scope="module")
def figures():
    return {
        "days": day_by_day(LOOKS, title="Confidence & <b>trust</b>", unit="share"),
        "curves": curves(POINTS, title="Stays", names=NAMES),
    }


def texts(svg):
    return [one.text for one in ET.fromstring(svg).iter("text")]


@pytest.mark.parametrize("name", ["days", "curves"])
def test_drawings_take_everything_from_the_page(figures, name):
    assert len(figures[name].drawings) == len(WIDTHS)
    for svg in figures[name].drawings:
        painted = re.findall(r'\b(?:fill|stroke)="([^"]*)"', svg)
        assert painted
        assert all(re.fullmatch(r"none|var\(--[\w-]+\)", colour) for colour in painted)
        assert not re.search(r"style=|font-family|href|xmlns:|url\((?!#)", svg)


def test_ids_differ_between_drawings(figures):
    every = "".join(svg for figure in figures.values() for svg in figure.drawings)
    ids = re.findall(r'\bid="([^"]*)"', every)
    assert ids
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", every)) == set(ids)


def test_the_same_readout_gives_the_same_drawing(figures):
    again = day_by_day(LOOKS, title="Confidence & <b>trust</b>", unit="share")
    assert again == figures["days"]


def test_what_it_shows_is_said(figures):
    said = figures["days"].label
    assert said == (
        "Confidence & <b>trust</b>, difference day by day, 13 Jul to 23 Aug 2026: "
        "+4.0\u00a0pts at the end; the interval leaves zero for good on 22 Jul."
    )
    for figure in figures.values():
        for svg in figure.drawings:
            root = ET.fromstring(svg)
            assert (root.get("role"), root.get("aria-label")) == ("img", figure.label)


def test_days_are_dated_and_the_last_value_is_written(figures):
    narrow, *_, wide = figures["days"].drawings
    assert {"13 Jul 2026", "17 Aug", "+4.0\u00a0pts", "A"} <= set(texts(wide))
    assert {"13 Jul", "+4.0\u00a0pts", "A"} <= set(texts(narrow))
    assert {"0", "−2", "+8\u00a0pts"} <= set(texts(wide))


def test_names_of_lines_are_text(figures):
    narrow, *_, wide = figures["curves"].drawings
    assert "As it is 70.0%" in texts(wide)
    assert "<script>alert(1)</scr… 80.0%" in texts(wide)
    assert "<script" not in wide
    assert {"70.0%", "80.0%"} <= set(texts(narrow))


def test_the_day_from_which_the_sign_is_sure():
    sure = [look(0, 3), look(1, 3), look(2, 0.5), look(3, 3), look(4, 2)]
    assert settled_on(sure) == FIRST + timedelta(days=3)
    assert settled_on(list(reversed(sure))) == FIRST + timedelta(days=3)
    assert settled_on([*sure, look(5, 0.9)]) is None
    assert settled_on([]) is None
    assert settled_on([look(0, 3, None), look(1, -3)]) == FIRST + timedelta(days=1)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_sure_days_have_one_sign_and_the_day_before_has_not(values):
    looks = [look(i, value) for i, value in enumerate(values)]
    sure = settled_on(looks)
    clear = [abs(value) > 1 for value in values]
    if sure is None:
        assert not clear[-1]
        return
    place = (sure - FIRST).days
    assert all(clear[place:])
    assert place == 0 or not clear[place - 1]


def test_no_mark_where_no_look_is_allowed():
    figure = day_by_day(LOOKS, title="Confidence", unit="share", mark=False)
    assert all("A" not in texts(svg) for svg in figure.drawings)
    assert "leaves zero" not in figure.label


def test_few_looks_are_points():
    few = day_by_day([look(7 * i, 2.0) for i in range(4)], title="Few", unit="hours")
    many = day_by_day([look(i, 2.0) for i in range(40)], title="Many", unit="hours")
    marks = [figure.drawings[-1].count("A3.5,3.5") // 2 for figure in (few, many)]
    assert marks == [4, 1]


def test_first_days_are_cut_off_so_that_the_rest_is_seen():
    looks = [look(i, 1.0, 500.0 if i < 5 else 2.0) for i in range(30)]
    svg = day_by_day(looks, title="Wide at first", unit=None).drawings[-1]
    assert "+3" in texts(svg)
    assert "+500" not in texts(svg)


def test_charts_side_by_side_share_an_axis():
    low, high = [look(i, 1.0) for i in range(20)], [look(i, 9.0) for i in range(20)]
    alone = texts(day_by_day(low, title="Low", unit=None).drawings[-1])
    beside = texts(day_by_day(low, title="Low", unit=None, beside=high).drawings[-1])
    assert "+10" not in alone
    assert "+10" in beside


def test_looks_without_an_interval_are_not_drawn():
    looks = [look(0, 77.0, None), *(look(i, 1.0) for i in range(1, 20))]
    svg = day_by_day(looks, title="Kpi", unit=None).drawings[-1]
    assert "14 Jul" in texts(svg)
    assert "13 Jul" not in texts(svg)
    assert not any("70" in text or "80" in text for text in texts(svg))
    with pytest.raises(ValueError, match="interval"):
        day_by_day(looks[:1], title="Kpi", unit=None)


def test_curves_may_start_above_zero():
    low, high, _ = shares_axis(POINTS)
    assert low <= 68 < 70
    assert high == 100


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(0.1, 10))
def test_names_are_moved_apart_and_keep_their_order(places, apart):
    moved = charts._spread(places, apart)
    by_place = sorted(zip(places, moved, strict=True))
    for (_, one), (_, other) in pairwise(by_place):
        assert other - one >= apart - 1e-9
    gaps = [b - a for a, b in pairwise(sorted(places))]
    if all(gap >= apart for gap in gaps):
        assert moved == pytest.approx(places)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_points_left_out_change_no_line(values):
    line = [CurvePoint("k", "v", day, v / 4, None, None, 1) for day, v in enumerate(values)]
    kept = charts._steps(line)

    def at(points, day):
        return [point.value for point in points if point.day <= day][-1]

    assert all(at(kept, day) == values[day] / 4 for day in range(len(values)))
    assert kept[-1] == line[-1]


def test_the_specifications_are_valid():
    looks = charts._rows(LOOKS, FIRST, 100.0)
    charts._differences(looks, (-5.0, 10.0, 5.0), "share", "+4.0", 8).to_dict(validate=True)
    charts._shares([POINTS[:91], POINTS[91:]], 60.0, 100.0, 10.0).to_dict(validate=True)

    import altair as alt

    alt.Config.from_dict(theme())
