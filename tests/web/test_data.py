"""The data page: what is late, empty, rejected, running."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from heedful.web.pages.data import sentence, taken_apart
from heedful.web.pages.data_coverage import coverage
from heedful.web.pages.data_tables import tables
from heedful.web.site import Job

HOSTILE = '<script>alert("x")</script>'


def text(answer):
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_the_page_says_what_needs_someone(viewer):
    answer = viewer.get("/data")
    assert answer.status_code == 200
    said = text(answer)
    assert re.search(r"Three of 7 tables need someone: orders is (9|10|11) days late", said)
    assert "invitations has no row" in said
    assert "No rows in invitations yet" in said
    assert "sources/invitations.yaml" in said
    assert 'href="#table-orders"' in answer.text


def test_old_data_is_called_old(viewer, site):
    # The shop's data ended long ago: every table would be late, so they are compared with the
    # newest row of all.
    said = text(viewer.get("/data"))
    assert f"No table has a row of the last {tables(site.edition).stale} days." in said
    assert "Imports stopped" in said


def test_counts_are_those_of_the_tables(site):
    found = {one.name: one for one in tables(site.edition).states}
    for name in ("responses", "events", "orders"):
        [[n]] = [
            list(r.values())
            for r in site.edition.project.sql(f"SELECT count(*) FROM {name}").to_pylist()
        ]
        assert found[name].rows == n
    until = tables(site.edition).until
    assert until is not None
    first = (until.astimezone(site.edition.zone).date() - timedelta(days=27)).isoformat()
    sql = (
        "SELECT count(*) AS n FROM events WHERE CAST(occurred_at AT TIME ZONE 'Europe/Berlin'"
        f" AS DATE) >= DATE '{first}'"
    )
    assert sum(found["events"].days) == site.edition.project.sql(sql).to_pylist()[0]["n"]


def test_findings_about_data_stand_on_the_page(viewer, site):
    found = [one for one in site.edition.findings() if one.kind == "data"]
    assert {one.pattern for one in found} >= {"late"}
    answer = viewer.get("/data")
    for one in found:
        assert f"/findings/{one.id}" in answer.text


def test_what_can_be_measured(viewer, site):
    found = coverage(site.edition)
    assert {kpi.id for kpi in found.without} >= {"response_rate"}
    row = next(one for one in found.rows if one.stage == "retention")
    experience = row.cells[0]
    assert experience is not None
    assert experience.done <= experience.all
    assert "not used" in viewer.get("/data").text


def test_viewers_see_counts_and_no_row(viewer, analyst):
    seen, whole = viewer.get("/data"), analyst.get("/data")
    for answer in (seen, whole):
        assert "answered_at: … is not a time" in answer.text
    assert "response_id 9000" not in seen.text
    assert "/data/rejected" not in seen.text
    assert "response_id 9000, answered_at =1+1" in whole.text
    assert viewer.get("/data/rejected").status_code == 403
    assert viewer.get("/data/rejected.csv").status_code == 403


def test_rejected_rows_are_shown_as_text(analyst):
    answer = analyst.get("/data/rejected", params={"table": "responses"})
    assert answer.status_code == 200
    assert HOSTILE not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "5 rows were not taken over" in text(answer)


def test_rejected_rows_by_reason(analyst, site):
    from heedful.web.pages.data_rejected import groups

    for one in groups(site.edition):
        answer = analyst.get(one.link)
        assert f"{one.rows} row" in text(answer)
    none = analyst.get("/data/rejected", params={"why": "' OR 1=1 --"})
    assert none.status_code == 200
    assert "No such row" in none.text


def test_rejected_rows_as_csv_run_no_formula(analyst, site):
    answer = analyst.get("/data/rejected.csv", params={"table": "../x"})
    assert answer.headers["content-disposition"] == 'attachment; filename="rejected-x.csv"'
    answer = analyst.get("/data/rejected.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 5
    assert "=1+1" in "".join(row["values"] for row in rows)
    assert not any(value[:1] in "=+-@" for row in rows for value in row.values() if value)
    assert site.edition.project.audit.all(1)[0].object == "rejected rows"


@pytest.mark.parametrize("page", ["0", "x", "99999999"])
def test_wrong_pages(analyst, page):
    answer = analyst.get("/data/rejected", params={"page": page})
    assert answer.status_code == 422
    assert "page" in text(answer)


def test_before_anything_was_imported(browsers, empty_site):
    client = type(browsers)(empty_site)("analyst")
    said = text(client.get("/data"))
    assert "No table has a row yet." in said
    assert "heedful import &amp;&amp; heedful refresh" in said
    assert "No row was rejected" in said
    assert "Nothing was imported yet" in said
    assert client.get("/data/rejected").status_code == 200
    assert client.get("/data/rejected.csv").status_code == 200


def test_imports_are_listed(viewer):
    answer = viewer.get("/data?imports=all")
    for source in ("answers", "tickets", "orders", "events", "people", "seen"):
        assert f"<td>{source}</td>" in answer.text
    assert "2,405" in answer.text


def test_a_viewer_cannot_refresh(viewer, csrf):
    assert "An analyst can start one" in viewer.get("/data").text
    assert viewer.post("/data/refresh", data=csrf(viewer)).status_code == 403


def test_a_form_of_elsewhere_does_not_refresh(analyst):
    assert analyst.post("/data/refresh", data={"csrf": "x"}).status_code == 403
    assert analyst.get("/data/job").json()["running"] is False


def test_while_a_refresh_runs(own, csrf):
    client = own("analyst")
    own.site.job = Job(True, datetime.now(UTC), "measuring orders", done=3, all=9)
    assert client.get("/data/job").json() == {
        "running": True,
        "done": 3,
        "all": 9,
        "says": "measuring orders",
        "failed": False,
    }
    page = client.get("/data")
    assert "Refreshing: 3 of 9 facts" in text(page)
    assert "Nothing is half old and half new" in page.text
    assert "Refresh now" not in page.text
    # A second one is not begun beside it.
    assert client.post("/data/refresh", data=csrf(client)).status_code == 303
    assert not [e for e in own.site.edition.project.audit.all() if e.object == "refresh"]


def test_a_refresh_that_stops_says_file_line_found_and_allowed(own, csrf):
    client = own("analyst")
    source = own.site.root / "sources/answers.yaml"
    source.write_text(
        source.read_text() + f"columns:\n  score: '\"{HOSTILE}\"'\n", encoding="utf-8"
    )
    answer = client.post("/data/refresh", data=csrf(client))
    assert answer.headers["location"] == "/data#refresh"
    until = time.monotonic() + 60
    while client.get("/data/job").json()["running"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    page = client.get("/data")
    said = text(page)
    assert HOSTILE not in page.text
    assert "The last refresh stopped : sources/answers.yaml , line 4" in said
    assert "What was imported before it stays" in said
    assert "analyst@example.org" in said
    entries = own.site.edition.project.audit.all()
    assert [e.who for e in entries if e.object == "refresh"] == ["analyst@example.org"]


def test_what_failed_is_taken_apart():
    one = taken_apart('kpis/csat.yaml:4: owner "x" is not a team; allowed: cx; growth')
    assert (one.file, one.line, one.allowed) == ("kpis/csat.yaml", 4, "allowed: cx; growth")
    assert taken_apart("ValueError: no").found == "ValueError: no"


def test_the_sentence_counts():
    def state(name, state, late=0):
        return SimpleNamespace(name=name, state=state, late=late)

    late = [state("a", "late", 1), state("b", "empty"), *(state(n, "late", 3) for n in "cde")]
    found = SimpleNamespace(
        empty=False, stale=0, trouble=tuple(late), states=[*late, state("f", "fresh")]
    )
    said = re.sub(r"<[^>]+>", "", sentence(found, SimpleNamespace(share=0.94)))
    assert said == (
        "94% of the scorecard’s weight has data. Five of 6 tables need someone: a is a day late,"
        " b has no row, c is 3 days late, and 2 more."
    )
    found = SimpleNamespace(empty=False, stale=0, trouble=(), states=[state("f", "fresh")])
    assert sentence(found, SimpleNamespace(share=None)) == (
        "Every table that something waits for is fresh."
    )
