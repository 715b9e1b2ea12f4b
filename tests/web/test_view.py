"""All state of a page is in its address: read, kept, and refused where it makes no sense."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.web.view import View, ViewError, other

STAGES = ("awareness", "retention")
MONTHS = [(date(2026, month, 1), date(2026, month + 1, 1)) for month in range(1, 9)]


class Shelf:
    """Periods of a shelf, without the readings."""

    def periods(self, grain):
        return {"month": MONTHS, "week": [(date(2026, 8, 24), date(2026, 8, 31))]}.get(grain, [])

    def usual(self, grain):
        return {"month": date(2026, 7, 1), "week": date(2026, 8, 24)}.get(grain)


def view(**query):
    return View.of(query, Shelf(), STAGES)


def test_without_anything_it_is_the_usual_month_against_the_one_before():
    found = view()
    assert (found.grain, found.period.title, found.against.title) == (
        "month",
        "Jul 2026",
        "Jun 2026",
    )
    assert found.link("/") == "/"


def test_a_year_before_is_the_same_month_or_the_same_weekdays():
    assert view(against="year").against.start == date(2025, 7, 1)
    week = view(grain="week", against="year")
    assert week.against.start == date(2025, 8, 25)
    assert week.against.start.weekday() == week.period.start.weekday() == 0


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "grain": st.sampled_from(["week", "month", "quarter"]),
            "against": st.sampled_from(["previous", "year"]),
            "segment": st.tuples(
                st.text("abc_", min_size=1, max_size=5), st.text(min_size=0, max_size=8)
            ).map(":".join),
        },
    )
)
def test_a_link_brings_the_same_view_back(query):
    found = view(**query)
    again = View.of(dict(parse_qsl(urlsplit(found.link("/kpis")).query)), Shelf(), STAGES)
    assert (again.grain, again.period, again.against, again.versus) == (
        found.grain,
        found.period,
        found.against,
        found.versus,
    )
    assert (again.dimension, again.segment) == (found.dimension, found.segment)


def test_a_segment_that_is_not_known_is_not_one_without_a_name():
    assert view(segment="device:(not known)").segment is None
    assert view(segment="device:mobile").segment == "mobile"
    # A value may hold the separator.
    assert view(segment="page:/a:b").segment == "/a:b"


def test_any_day_of_a_period_means_the_period():
    assert view(period="2026-05-17").period.start == date(2026, 5, 1)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"grain": "year"}, "allowed: week, month, quarter"),
        ({"period": "yesterday"}, "such as 2026-08-01"),
        ({"against": "competitors"}, "allowed: previous, year"),
        ({"stage": "checkout"}, "allowed: awareness, retention"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(query, said):
    with pytest.raises(ViewError, match=said):
        view(**query)


@given(st.sampled_from(["week", "month", "quarter"]), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_period_before_ends_where_this_one_begins(grain, day):
    from heedful.kpis import periods

    start = periods.start(grain, day)
    assert other(grain, start, "previous").end == start
