"""The page that compares two sources: choosing, waiting, what it says, who may see rows."""

from __future__ import annotations

import csv
import html
import io
import re
import shutil
import time
from pathlib import Path

import pytest

from heedful.web.pages import reconcile_work
from heedful.web.site import Site

ASKED = "/reconcile?kpi=order_value&a=orders&b=ledger"


@pytest.fixture(scope="module")
def two(built, browsers, tmp_path_factory):
    """A site whose orders also come from a ledger, which lacks some and has others dearer."""
    root = Path(shutil.copytree(built, tmp_path_factory.mktemp("two") / "shop"))
    with (root / "in" / "orders.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [dict(row) for row in rows[3:]]
    kept[0]["amount"] = str(float(kept[0]["amount"]) + 5)
    with (root / "in" / "ledger.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(kept)
    (root / "sources" / "ledger.yaml").write_text("table: orders\npath: in/ledger.csv\n")
    return type(browsers)(Site(root)), rows


def settled(client, path):
    """A page once it is compared."""
    for _ in range(240):
        text = client.get(path).text
        if "data-progress" not in text:
            return text
        time.sleep(0.25)
    raise AssertionError("it is being compared for ever")


def plain(text):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_what_differs_is_said_and_who_may_see_it(two):
    own, rows = two
    analyst, viewer = own("analyst"), own("viewer")
    form = analyst.get("/reconcile").text
    assert '<option value="order_value"' in form
    assert "<option selected>ledger</option>" in form.replace(' selected="selected"', " selected")
    assert "Being compared" not in form
    assert "An analyst can do so" in viewer.get(ASKED).text
    first = analyst.get(ASKED).text
    assert '<meta http-equiv="refresh"' in first or "agree on" in first
    text = settled(analyst, ASKED)
    said = plain(text)
    total = len(rows)
    assert "Orders and ledger agree on" in said
    assert f"{total - 4:,} of {total:,}" in said
    assert "3 are only in orders and 1 is in both with other values" in said
    assert "amount differs on 1" in said
    gone = {row["order_id"] for row in rows[:3]}
    assert gone <= set(re.findall(r"<code>([^<]+)</code>", text))
    found = analyst.get("/reconcile.csv?" + ASKED.split("?")[1])
    given = list(csv.DictReader(io.StringIO(found.text)))
    assert {row["id"] for row in given if row["difference"] == "a_only"} == gone
    assert {row["column"] for row in given if row["difference"] == "differs"} == {"amount"}
    # A viewer sees what came of it, and no row of anybody.
    seen = viewer.get(ASKED).text
    assert "agree on" in seen
    assert not gone & set(re.findall(r"<code>([^<]+)</code>", seen))
    assert viewer.get("/reconcile.csv?" + ASKED.split("?")[1]).status_code == 403
    assert analyst.get("/reconcile/progress?" + ASKED.split("?")[1]).json()["running"] is False
    assert "downloaded" in {line.verb for line in own.site.edition.project.audit.all()}


def test_what_fails_is_said_and_can_be_tried_again(two):
    own, _ = two
    analyst = own("analyst")
    asked = ASKED + "&rows=&grain=week"
    root = own.site.root
    (root / "in" / "ledger.csv").rename(root / "in" / "gone.csv")
    said = plain(settled(analyst, asked))
    assert "The comparison failed" in said
    assert 'sources/ledger.yaml:2: no file matches "in/ledger.csv"' in said
    assert "heedful reconcile order_value --source orders --source ledger" in said
    (root / "in" / "gone.csv").rename(root / "in" / "ledger.csv")
    assert "agree on" in settled(analyst, asked)


def test_one_that_takes_too_long_is_ended(two, monkeypatch):
    monkeypatch.setattr(reconcile_work, "LONGEST", 0.01)
    own, _ = two
    said = plain(settled(own("analyst"), ASKED + "&grain=quarter"))
    assert "it took longer than" in said
    assert not list((own.site.root / "data" / "staging").glob("reconcile-*"))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("kpi=nope", 'KPI "nope" does not exist'),
        ("kpi=order_value&a=shp&b=ledger", 'source "shp" does not exist'),
        ("grain=year", 'grain "year" does not exist'),
        ("from=yesterday", '"yesterday" is no day'),
        ("from=2026-02-01&to=2026-01-01", "is not after"),
    ],
)
def test_addresses_that_lead_nowhere(two, query, says):
    answer = two[0]("analyst").get(f"/reconcile?{query}")
    assert answer.status_code in {400, 404, 422}
    assert says in html.unescape(answer.text)


def test_sources_that_cannot_be_compared(two):
    said = plain(two[0]("analyst").get("/reconcile?kpi=order_value&a=orders&b=tickets").text)
    assert "orders fills orders, and tickets fills tickets" in said
    said = plain(two[0]("analyst").get("/reconcile?kpi=csat&a=orders&b=ledger").text)
    assert "csat does not come from orders" in said


def test_a_project_with_one_source_a_table(analyst):
    said = plain(analyst.get("/reconcile").text)
    assert "No two sources fill the same table" in said
