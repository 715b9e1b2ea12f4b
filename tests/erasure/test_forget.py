"""Nothing that names an erased person is left, and nobody else is touched."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from heedful.facts.build import build
from heedful.project import Project

# As in conftest.py.
WHO, COOKIE, OLD = "cust-erase-77", "cookie-erase-1", "old-erase-5"
MAIL, SAID = "Robin.Erase@mail.example", "the lavender parcel was soaked again"
NEEDLES = (WHO, COOKIE, OLD, MAIL, SAID)
SHARED = "tablet-shared-9"


def place(path: str) -> str:
    """The kind of place that a file is."""
    if "_delta_log" in path:
        return "log"
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in {"tables", "facts", "books"} else parts[0]


def test_before_an_erasure_a_person_is_everywhere(project, traces):
    """Otherwise the next test could not fail."""
    places = {place(path) for path in traces(project.definitions.data, NEEDLES)}
    assert places >= {
        "tables/customers", "tables/identities", "tables/responses", "tables/orders",
        "tables/tickets", "tables/feedback", "facts/survey_answers", "facts/purchases",
        "facts/talk", "books/rejected_rows", "books/staging", "staging", "ledger.sqlite",
    }  # fmt: skip


OTHERS = (
    "SELECT count(*) FROM orders WHERE customer_id LIKE 'c_' OR customer_id LIKE 'c__'",
    "SELECT count(*), sum(score) FROM responses WHERE customer_id NOT LIKE '%erase%'",
    "SELECT * EXCLUDE (buyer) FROM facts.purchases WHERE customer LIKE 'c_' ORDER BY ALL",
    f"SELECT * FROM identities WHERE alias_id = '{SHARED}'",
    "SELECT count(*) FROM customers WHERE customer_id LIKE 'c%' AND customer_id NOT LIKE '%-%'",
)
LOGGED = "SELECT * EXCLUDE (replicates) FROM readings ORDER BY ALL"


def rows(project, query):
    return [tuple(row.values()) for row in project.sql(query).to_pylist()]


@pytest.fixture(scope="module")
def erased(company, tmp_path_factory):
    """The company after the erasure, what it did, and what was there of others before."""
    project = Project(Path(shutil.copytree(company, tmp_path_factory.mktemp("erased") / "shop")))
    before = {query: rows(project, query) for query in (*OTHERS, LOGGED)}
    return project, project.erasure.forget([WHO], "cli:ada"), before


def test_after_an_erasure_nothing_names_the_person(erased, traces):
    project, done, _ = erased
    assert traces(project.definitions.data, NEEDLES) == {}
    removed = {one.place: one.rows for one in done.removed}
    assert removed["tables.customers"] == 1
    assert removed["tables.identities"] == 2
    assert removed["tables.tickets"] == 1
    assert removed["tables.feedback"] == 1
    assert removed["rejected_rows"] == 2
    assert removed["staging"] == 1
    assert {name for name in removed if name.startswith("ledger.")} == {
        f"ledger.{name}"
        for name in ("annotations", "signatures", "findings", "actions", "audit", "alerts", "runs")
    }
    assert [Path(path).name for path in done.exports] == sorted(
        f"{name}.csv" for name in ("answers", "customers", "identities", "orders", "tickets")
    )
    newest = project.audit.all(1)[0]
    assert (newest.who, newest.verb, newest.object) == ("cli:ada", "erased", "1 customer")


def test_nobody_else_is_touched(erased):
    project, _, before = erased
    assert {query: rows(project, query) for query in OTHERS} == {q: before[q] for q in OTHERS}
    # A row of somebody else that names the person stays without the name.
    query = "SELECT customer_id, anonymous_id, buyer FROM orders WHERE order_id = 'o900'"
    assert rows(project, query) == [("c4", None, "[erased]")]
    assert rows(project, "SELECT topic FROM tickets WHERE ticket_id = 't2'") == [("for [erased]",)]
    assert rows(project, "SELECT feedback_id FROM feedback ORDER BY 1") == [("f2",), ("f3",)]
    assert len(project.tables.rejected()) == 1


def test_a_device_that_two_used_goes_with_the_one_it_is_linked_to(project):
    assert project.erasure.person([SHARED]).customers == ("c3",)
    assert SHARED not in project.erasure.person([WHO]).ids
    for one in (WHO, COOKIE, OLD):
        found = project.erasure.person([one])
        assert found.customers == (WHO,)
        assert set(found.ids) == {WHO, COOKIE, OLD, MAIL, MAIL.lower()}


def test_an_address_that_two_have_is_nobodys(project):
    more = project.root / "in/customers.csv"
    more.write_text(more.read_text("utf-8") + f"c99,2026-01-01,{MAIL.upper()},DE\n", "utf-8")
    list(project.tables.import_(["customers"]))
    assert project.erasure.person([WHO]).emails == ()
    project.erasure.forget([WHO])
    assert project.sql("SELECT email FROM customers WHERE customer_id = 'c99'").num_rows == 1


def test_an_import_does_not_bring_the_person_back(project, traces):
    project.erasure.forget([COOKIE])
    done = {one.source: one for one in project.tables.import_()}
    assert traces(project.definitions.data, NEEDLES) == {}
    assert done["customers"].left_out == 1
    assert done["voices"].left_out == 1
    assert done["answers"].rejected == 1
    assert "rows of erased people left out" in done["answers"].notes[0]
    assert done["orders"].inserted == 0
    # What stays of other people is what it was, and so nothing is written again.
    assert all(one.inserted == one.deleted == 0 for one in done.values())


def test_suppression_is_salted_and_private(erased, tmp_path):
    project, _, _ = erased
    folder = project.definitions.data / "erased"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("salt", "suppressed.txt"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert list((folder / "pending").iterdir()) == []
    from heedful.store.suppression import Suppression

    assert Suppression(folder.parent).hash(WHO) in Suppression(folder.parent).hashes()
    assert Suppression(tmp_path).hash(WHO) not in Suppression(folder.parent).hashes()


def test_readings_stay_and_facts_are_as_if_built_without_the_person(erased):
    project, _, before = erased
    assert rows(project, LOGGED) == before[LOGGED]
    assert {one.state for one in project.refresh()} == {"unchanged"}
    assert rows(project, LOGGED) == before[LOGGED]
    for name in project.lake("facts").names():
        query = f"SELECT * FROM facts.{name} ORDER BY ALL"
        there = rows(project, query)
        with project.bench() as bench:
            build(project.facts[name], bench.prepared, project.lake("facts"))
        assert rows(project, query) == there, name


def test_an_import_that_waits_for_a_refresh_still_waits_after_an_erasure(project):
    more = project.root / "in/orders.csv"
    more.write_text(more.read_text("utf-8") + "o990,2026-02-20,c5,,99,\n", "utf-8")
    list(project.tables.import_(["orders"]))
    project.erasure.forget([WHO])
    states = {one.fact: one.state for one in project.refresh()}
    assert states["purchases"] != "unchanged"
    assert states["survey_answers"] == "unchanged"


def test_a_table_whose_log_holds_words_is_silenced(project, traces):
    """As tables were written before logs held none; with a checkpoint, as after many commits."""
    lake = project.lake("tables")
    table = lake.open("tickets")
    table.alter.set_table_properties({"delta.dataSkippingStatsColumns": "ticket_id,customer_id"})
    (project.root / "in/tickets.csv").write_text(
        f"ticket_id,opened_at,customer_id,topic\nt9,2026-03-01,{WHO},box\n", "utf-8"
    )
    list(project.tables.import_(["tickets"]))
    lake.open("tickets").create_checkpoint()
    log = lake.path("tickets") / "_delta_log"
    assert len(traces(log, [WHO])) == 2
    project.erasure.forget([WHO])
    assert traces(project.definitions.data, NEEDLES) == {}
    assert project.sql("SELECT count(*) AS n FROM tickets").to_pylist() == [{"n": 2}]
    assert lake.touched_since("tickets", 0) != []


def test_many_are_erased_at_once(project, traces):
    done = project.erasure.forget([WHO, "c1", "c2", "unknown-1"])
    assert done.customers == 4
    versions = [project.lake("tables").version(name) for name in ("orders", "responses")]
    assert max(versions) <= 4
    assert traces(project.definitions.data, (*NEEDLES, "c1@mail.example")) == {}


def test_an_erasure_that_was_stopped_is_finished_by_whoever_writes_next(
    project, traces, monkeypatch
):
    from heedful.store.erasing import Erasing

    real = Erasing.erase_fact
    monkeypatch.setattr(Erasing, "erase_fact", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        project.erasure.forget([WHO])
    monkeypatch.setattr(Erasing, "erase_fact", real)
    (pending,) = (project.definitions.data / "erased/pending").iterdir()
    assert stat.S_IMODE(pending.stat().st_mode) == 0o600
    assert WHO in json.loads(pending.read_text("utf-8"))["ids"]
    assert Project(project.root).erasure.pending() == 1
    list(Project(project.root).tables.import_(["tickets"]))
    assert traces(project.definitions.data, NEEDLES) == {}
    assert {one.state for one in project.refresh()} == {"unchanged"}
