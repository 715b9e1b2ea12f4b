"""Cohorts: the triangle, the curves, and that nothing is told of days that have not come."""

from __future__ import annotations

import csv
import io
import re
from datetime import date

import numpy as np
import pytest

from heedful import stats
from heedful.web.pages.cohorts_chart import curves
from heedful.web.pages.cohorts_people import People, people
from heedful.web.pages.cohorts_triangle import MONTH, compared, line, triangle

UNTIL = date(2026, 7, 1)


def made(about="stay", seed=3, size=900, monthly=0.1, until=UNTIL, later=1.0):
    """Customers who began over a year and a half; each month a share of them ends."""
    rng = np.random.default_rng(seed)
    first = np.datetime64("2025-01-01")
    span = (np.datetime64(until) - first).astype(int)
    day = first + rng.integers(0, span, size).astype("timedelta64[D]")
    pace = np.where(day >= np.datetime64("2026-01-01"), later, 1.0) * monthly / MONTH
    ends = rng.exponential(1 / pace)
    watched = (np.datetime64(until) - day).astype(float)
    plan = rng.choice(np.array(["small", "large", None], dtype=object), size)
    return People(
        about,
        day,
        np.minimum(ends, watched),
        ends <= watched,
        {"plan": plan},
    )


def test_a_cell_that_all_have_reached_is_a_plain_share():
    found = made()
    shown = triangle(found, "month")
    assert len(shown.cohorts) == 18
    for cohort in shown.cohorts:
        mine = (found.day >= np.datetime64(cohort.start)) & (found.day < np.datetime64(cohort.end))
        assert cohort.n == mine.sum()
        for cell in cohort.cells:
            if cell.reach == "whole":
                stayed = 1 - (found.ended[mine] & (found.days[mine] <= cell.days)).mean()
                assert cell.value == pytest.approx(stayed, abs=1e-12)


def test_what_has_not_come_yet_is_empty_and_never_zero():
    shown = triangle(made(), "month")
    newest = shown.cohorts[0]
    assert newest.start == date(2026, 6, 1)
    assert {cell.reach for cell in newest.cells} == {"none"}
    assert all(cell.value is None for cell in newest.cells)
    oldest = shown.cohorts[-1]
    assert all(cell.value for cell in oldest.cells if cell.days <= 500)
    # Along a row shares only fall, and a gap is never followed by a value.
    for cohort in shown.cohorts:
        values = [cell.value for cell in cohort.cells]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=True)
        assert None not in values[: len(known)]


def test_part_of_a_cohort_is_told_by_kaplan_meier():
    found = made(size=9000)
    shown = triangle(found, "month")
    cohort, cell = next(
        (one, each) for one in shown.cohorts for each in one.cells if each.reach == "part"
    )
    mine = (found.day >= np.datetime64(cohort.start)) & (found.day < np.datetime64(cohort.end))
    n = int(mine.sum())
    oracle = stats.survival(
        found.days[mine], found.ended[mine], 1, np.arange(n) % 64, n, after=cell.days
    )
    assert cell.value == pytest.approx(oracle.value)
    assert cell.low < cell.value < cell.high
    assert cell.at_risk < n


def test_shares_who_bought_again_are_the_complement():
    stay = triangle(made("stay"), "quarter").whole.cells[2]
    again = triangle(made("again"), "quarter").whole.cells[2]
    assert again.value == pytest.approx(1 - stay.value)
    assert (again.low, again.high) == pytest.approx((1 - stay.high, 1 - stay.low))
    assert again.low < again.value < again.high


def test_few_customers_say_nothing():
    found = made(size=60)
    shown = triangle(found, "month")
    assert all(
        one.few and not [c for c in one.cells if c.value is not None] for one in shown.cohorts
    )
    assert line(found.where(np.arange(60) < 29), "few", (30,)) is None


def test_the_newest_cohorts_are_compared_with_those_before():
    same = compared(made(size=6000), "month")
    assert same.step.verdict == "unclear"
    assert (same.title, same.against) == ("Jan 2026 to Mar 2026", "Oct 2025 to Dec 2025")
    worse = compared(made(size=6000, later=3.0), "month")
    assert worse.step.verdict == "worse"
    assert worse.step.high < 0
    assert worse.value < worse.before
    assert compared(made(size=40), "month") is None


def test_the_coverage_of_the_comparison_holds():
    false = sum(
        compared(made(seed=seed, size=1500), "month").step.verdict != "unclear"
        for seed in range(200)
    )
    assert false <= 20  # 5% of 200 is 10; more than 20 has a chance under 1 in 500


def test_curves_end_where_few_are_watched_and_are_told_apart_without_colour():
    found = made(size=4000)
    lines = [line(found.of("plan", name), str(name), (30, 90)) for name in found.segments("plan")]
    assert len(lines) == 3
    for one in lines:
        mine = found.of("plan", None if one.name == "None" else one.name)
        assert (mine.days >= one.days[-1]).sum() >= stats.LEAST_CUSTOMERS
        assert one.value[0] == 1.0
    chart = curves(lines, "Share still customers")
    dashes = chart.spec["layer"][1]["encoding"]["strokeDash"]["scale"]["range"]
    assert len({tuple(dash) for dash in dashes}) == 3
    assert "on day" in chart.said
    altair = pytest.importorskip("altair")
    altair.Chart.from_dict(chart.spec, validate=True)
    assert curves([], "nothing") is None


def test_the_page_and_its_file_agree(viewer, site):
    answer = viewer.get("/cohorts")
    assert answer.status_code == 200
    assert "still customers 90 days after they began" in answer.text
    file = viewer.get("/cohorts.csv")
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.text)))
    found = people(site.edition.project.lake("facts"), "stay")
    whole = [row for row in rows if not row["cohort"]]
    assert {row["customers"] for row in whole} == {str(len(found))} == {"400"}
    shown = triangle(found, "month").whole
    assert float(whole[1]["share"]) == pytest.approx(shown.cells[1].value)
    cells = re.findall(r'<td class="h\d[^"]*" title="([\d.]+)%', answer.text)
    assert sorted(cells) == sorted(f"{100 * float(r['share']):.1f}" for r in rows if r["cohort"])


@pytest.mark.parametrize(
    "query", ["of=again", "cohorts=quarter&by=start", "segment=device:mobile&by=country"]
)
def test_all_of_it_is_in_the_address(viewer, query):
    answer = viewer.get(f"/cohorts?{query}")
    assert answer.status_code == 200
    assert answer.text != viewer.get("/cohorts").text


def test_only_some_customers_are_counted(viewer, site):
    found = people(site.edition.project.lake("facts"), "stay")
    n = len(found.of("device", "mobile"))
    assert (
        f"{n} customers, only device: Mobile" in viewer.get("/cohorts?segment=device:mobile").text
    )
    nobody = viewer.get("/cohorts?segment=device:nobody")
    assert nobody.status_code == 200
    assert "0 customers" in nobody.text
    other = viewer.get("/cohorts?segment=colour:red")
    assert "not broken down by colour" in other.text


@pytest.mark.parametrize("query", ["of=life", "cohorts=week", "by=colour"])
def test_what_does_not_exist_is_named(viewer, query):
    answer = viewer.get(f"/cohorts?{query}")
    assert answer.status_code == 400
    assert "allowed:" in answer.text


def test_before_any_data(empty_site, entered):
    client = entered(empty_site)
    answer = client.get("/cohorts")
    assert answer.status_code == 200
    assert "No cohorts yet" in answer.text
    assert client.get("/cohorts.csv").status_code == 404
