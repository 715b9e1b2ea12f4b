"""The page of drivers: nothing is called a cause, every figure is there without a drawing."""

from __future__ import annotations

import csv
import io
import re
import time
from dataclasses import replace
from datetime import date

import altair as alt
import pytest

from heedful.drivers.driver import Driver, Drivers, Money, Proof
from heedful.web.pages.drivers_chart import MOST, forest

MONEY = Money(2.0, 0.5, 3.5, 300.0, 1234, 12, 246.8, 61.7, 431.9)
PROOF = Proof(
    "warm-words", "Warm words", "treatment", 0.1, 0.05, 0.15, "retention", "Retention", "share",
    0.01, -0.02, 0.04, "ship",
)  # fmt: skip
ONE = Driver(
    "csat", "Customer satisfaction", None, None, "the top 2 answers", "lower",
    difference=0.061, low=0.02, high=0.102, p_value=0.004, p_adjusted=0.03, shrunk=0.05, rank=1,
    value=0.9, worse_value=0.84, unadjusted=0.09, unadjusted_low=0.05, unadjusted_high=0.13,
    n=900, customers=700, better_customers=500, worse_customers=300, overlap=1.0, e_value=1.35,
    e_value_low=1.18, money=MONEY,
)  # fmt: skip
FOUND = Drivers(
    "retention", "Customers on the first of a month who are still customers 90 days later.", 90,
    "share", "EUR", date(2025, 10, 1), date(2026, 1, 1), 4, 700, 0.88, 55, ("month", "tenure"),
    None, ("plan",), (ONE, Driver("nps", "NPS", None, None, "9–10", "0–6", why="only 3 customers")),
)  # fmt: skip


def opened(viewer, path):
    """The page, as soon as it is worked out."""
    for _ in range(200):
        answer = viewer.get(path)
        assert answer.status_code == 200, answer.text
        if "data-progress" not in answer.text:
            return answer.text
        time.sleep(0.2)
    pytest.fail("it never came")


def test_the_page_of_a_shop(viewer, site):
    text = opened(viewer, "/drivers?outcome=revenue")
    assert "<h1>Drivers</h1>" in text
    assert "Associations, not causes" in text
    assert 'aria-current="page" href="/drivers"' in text or "/drivers" in text
    for word in ("Customer satisfaction", "rather than", "In figures", "How to read it"):
        assert word in text
    assert "<script>alert" not in text
    rows = list(csv.DictReader(io.StringIO(viewer.get("/drivers.csv?outcome=revenue").text)))
    told = {row["kpi"] for row in rows if row["difference"]}
    assert told
    assert set(re.findall(r'href="/kpis/(\w+)">', text)) >= told
    again = opened(viewer, "/drivers?outcome=revenue&sort=money")
    assert re.search(r'value="money" selected', again)


def test_it_is_worked_out_once(viewer, site):
    opened(viewer, "/drivers?outcome=retention")
    first = site.edition.kept(("drivers", ""))
    opened(viewer, "/drivers?outcome=repeat_purchase")
    assert site.edition.kept(("drivers", "")) is first
    assert set(first.found) == {"retention", "repeat_purchase", "revenue"}


def test_wrong_addresses_say_what_is_allowed(viewer):
    for path, said in (
        ("/drivers?outcome=luck", "allowed: retention, repeat_purchase, revenue"),
        ("/drivers?sort=luck", "allowed: effect, money"),
        ("/drivers?by=luck", "allowed: country"),
    ):
        answer = viewer.get(path)
        assert answer.status_code == 400
        assert said in answer.text


def test_nothing_imported_says_what_is_missing(empty_site, entered):
    text = opened(entered(empty_site), "/drivers")
    assert "No associations yet" in text
    assert "import" in text


def test_the_api_gives_what_the_page_shows(browsers, viewer):
    opened(viewer, "/drivers?outcome=revenue")
    program = browsers.program("viewer")
    answer = program.get("/api/v1/drivers", params={"outcome": "revenue"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["outcome"] == "revenue"
    rows = list(csv.DictReader(io.StringIO(viewer.get("/drivers.csv?outcome=revenue").text)))
    assert [one["kpi"] for one in found["drivers"]] == [row["kpi"] for row in rows]
    assert program.get("/api/v1/drivers", params={"outcome": "luck"}).status_code == 422
    assert (
        program.get("/api/v1/drivers", params={"outcome": "revenue", "by": "x"}).status_code == 400
    )


def shown(site, monkeypatch, viewer, found):
    """The page over given results, as if they had been worked out."""
    from heedful.web.pages.experiments_work import Work

    ready = Work()
    ready.found = {"retention": found}
    ready.done.set()
    monkeypatch.setitem(site.edition._kept, ("drivers", ""), ready)
    site.edition.forget(("drivers drawn", "retention", "", "effect"))
    answer = viewer.get("/drivers")
    site.edition.forget(("drivers drawn", "retention", "", "effect"))
    return re.sub(r"[ \n]+", " ", answer.text)


def test_what_an_association_says(site, monkeypatch, viewer):
    text = shown(site, monkeypatch, viewer, FOUND)
    assert "6.1\xa0points more are still customers 90 days later (+2.0 to +10.2)" in text
    assert "+247\xa0EUR" in text
    assert "of 1,234" in text
    assert "if the association were causal, which this does not show" in text
    assert "1.4 / 1.2" in text or "1.3 / 1.2" in text
    assert "only 3 customers" in text
    assert "55 left out: their 90 days are not over" in text


def test_an_experiment_goes_first(site, monkeypatch, viewer):
    proved = replace(ONE, evidence="experiment", experiment=PROOF)
    text = shown(site, monkeypatch, viewer, replace(FOUND, drivers=(proved,)))
    assert "An experiment says more" in text
    assert 'href="/experiments/warm-words"' in text
    assert "it goes before the association" in text


def test_the_drawing_is_valid_and_holds_at_most_so_many():
    many = [replace(ONE, kpi=f"k{n}", title=f"K{n}") for n in range(MOST + 5)]
    chart = forest(FOUND, many)
    alt.Chart.from_dict(chart.spec)
    assert len(chart.spec["data"]["values"]) == MOST
    first = chart.spec["data"]["values"][0]
    assert (first["value"], first["low"], first["high"], first["before"]) == (6.1, 2.0, 10.2, 9.0)
    assert "6.1" in chart.said
    assert forest(FOUND, []) is None
