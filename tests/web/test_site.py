"""A site shows one edition at a time, and refreshes beside its pages."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import heedful


def waited(condition, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_refresh_runs_beside_the_pages_and_makes_the_next_edition(empty_site, entered):
    client = entered(empty_site)
    before = empty_site.edition
    assert len(before.shelf) == 0
    assert empty_site.refresh("ida@example.org")
    assert not empty_site.refresh("bob@example.org")
    seen = set()
    while empty_site.job.running:
        seen.add(empty_site.job.says)
        # Pages stay up meanwhile, with the figures of before.
        assert client.get("/").status_code == 200
    assert any("measuring" in one for one in seen)
    assert not empty_site.job.failed, empty_site.job.says
    assert "readings are new or changed" in empty_site.job.says
    assert empty_site.edition is not before
    assert len(empty_site.edition.shelf) > 0
    assert "The empathy score" in client.get("/").text


def test_what_fails_is_said_and_the_figures_of_before_stay(own_site, own):
    (own_site.root / "sources" / "answers.yaml").write_text("table: nothing\npath: x\n")
    before = own_site.edition
    own_site.refresh("ida@example.org")
    assert waited(lambda: not own_site.job.running)
    assert own_site.job.failed
    assert "sources/answers.yaml" in own_site.job.says
    assert len(own_site.edition.shelf) == len(before.shelf)
    text = own("admin").get("/").text
    assert "The last refresh failed" in text
    assert "sources/answers.yaml:1" in text


def test_a_refresh_from_elsewhere_is_noticed(own_site, monkeypatch):
    monkeypatch.setattr("heedful.web.site.LOOK_SECONDS", 0.0)
    before = own_site.edition
    file = own_site.root / "in" / "orders.csv"
    with file.open("a", encoding="utf-8") as more:
        at = datetime(2026, 3, 20, 12, tzinfo=UTC)
        for number in range(200):
            moment = (at + timedelta(minutes=number)).isoformat()
            more.write(f"new{number},{moment},c{number},12.5,till,mobile\n")
    project = heedful.open(own_site.root)
    list(project.tables.import_(["orders"]))
    project.refresh()
    assert waited(lambda: own_site.edition is not before)
    assert own_site.edition.shelf.version > before.shelf.version


def test_runs_are_kept(empty_site):
    from heedful.ledger.run import Runs

    empty_site.refresh("ida@example.org")
    assert waited(lambda: not empty_site.job.running)
    (run,) = Runs(empty_site.edition.project.ledger).all()
    assert (run.state, run.who) == ("done", "ida@example.org")
    assert run.ended_at > run.began_at
