"""The audit of a small project, held against counting by hand; and the plan made of it."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import heedful
from heedful.project import Project, checklist
from heedful.project.auditing import audit
from heedful.project.inventory import Audit, KpiAudit, summed_up
from heedful.project.rollout import PHASES, Task, plan

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAYS = 60
NOW = FIRST + timedelta(days=DAYS, hours=1)
STOPPED = 40
"""Tickets stop after so many days."""
FILES = {
    "heedful.yaml": (
        "name: Small\ntimezone: UTC\ncurrency: EUR\nstages: [consideration, retention]\n"
        "touchpoints:\n  shop: {stage: consideration}\n  help: {stage: retention, ai: true}\n"
        "teams: {cx: {name: Care}, growth: {name: Growth}}\n"
    ),
    "kpis/csat.yaml": "owner: cx\nplaybook: listen\ntarget: 80%\nscale: {worst: 0.4, best: 0.9}\n",
    "kpis/resolution_time.yaml": "owner: cx\nplaybook: listen\n",
    "kpis/form_abandonment.yaml": "owner: growth\nplaybook: listen\n",
    "playbooks/listen.md": "# Read the comments first\n",
    "sources/customers.yaml": "table: customers\npath: in/customers.csv\n",
    "sources/identities.yaml": "table: identities\npath: in/identities.csv\n",
    "sources/responses.yaml": "table: responses\npath: in/responses.csv\n",
    "sources/tickets.yaml": "table: tickets\npath: in/tickets.csv\n",
    "sources/events.yaml": "table: events\npath: in/events.csv\n",
}


def at(day: float) -> str:
    return (FIRST + timedelta(days=day)).isoformat()


def rows() -> dict[str, list[dict[str, object]]]:
    """Two months: every fourth ticket is of nobody known, every fifth is not resolved."""
    found: dict[str, list[dict[str, object]]] = {
        "customers": [{"customer_id": f"c{n}", "signed_up_at": at(0)} for n in range(30)],
        "identities": [
            {"alias_id": f"d{n}", "customer_id": f"c{n}", "seen_at": at(0)} for n in range(10)
        ],
        "responses": [],
        "tickets": [],
        "events": [],
    }
    for n in range(DAYS * 4):
        day = n / 4
        person = f"c{n % 30}" if n % 3 else f"d{n % 10}"
        found["responses"].append(
            {
                "response_id": f"r{n}",
                "answered_at": at(day),
                "customer_id": person,
                "instrument": "csat",
                "score": 1 + n % 5 if n % 10 else "",
                "touchpoint": "shop",
            }
        )
        if day < STOPPED:
            found["tickets"].append(
                {
                    "ticket_id": f"t{n}",
                    "opened_at": at(day),
                    "customer_id": person if n % 4 else f"stranger{n}",
                    "resolved_at": at(day + 0.1) if n % 5 else "",
                    "touchpoint": "help",
                }
            )
        for step, event in enumerate(("Page Viewed", "Help Article Viewed")):
            found["events"].append(
                {
                    "event_id": f"e{n}-{step}",
                    "occurred_at": at(day + step / 1000),
                    "customer_id": person,
                    "event": event,
                    "page": "/x",
                }
            )
    return found


ROWS = rows()


def written(path: Path, lines: Iterable[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = list(lines)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audit") / "small"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for name, lines in ROWS.items():
        written(root / "in" / f"{name}.csv", lines)
    project = heedful.open(root)
    list(project.tables.import_())
    project.refresh()
    return root


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    return heedful.open(folder)


@pytest.fixture(scope="module")
def seen(project: Project) -> Audit:
    return audit(project, NOW)


@pytest.fixture(scope="module")
def kpis(seen: Audit) -> dict[str, KpiAudit]:
    return {one.kpi: one for one in seen.kpis}


def test_the_whole_catalogue_is_there_once(project: Project, seen: Audit) -> None:
    ids = [one.kpi for one in seen.kpis]
    assert sorted(ids) == sorted({*project.definitions.catalogue, *project.definitions.kpis})
    planned = {name for name, one in project.definitions.catalogue.items() if one.planned}
    assert {one.kpi for one in seen.of("planned")} == planned
    assert {one.kpi for one in seen.kpis if one.on} == set(project.definitions.kpis)


def test_rows_and_shares_are_those_of_counting_by_hand(kpis: dict[str, KpiAudit]) -> None:
    csat = kpis["csat"]
    scored = [row for row in ROWS["responses"] if row["score"] != ""]
    assert csat.rows == len(scored)
    assert csat.complete == pytest.approx(len(scored) / len(ROWS["responses"]))
    assert csat.newest == (FIRST + timedelta(days=DAYS - 0.25)).date()
    assert csat.filled["responses.score"] == pytest.approx(csat.complete)
    solved = sum(row["resolved_at"] != "" for row in ROWS["tickets"]) / len(ROWS["tickets"])
    assert kpis["resolution_time"].filled["tickets.resolved_at"] == pytest.approx(solved)


def test_joins_follow_identities(seen: Audit, kpis: dict[str, KpiAudit]) -> None:
    ids = {row["customer_id"] for row in ROWS["customers"]}
    ids |= {row["alias_id"] for row in ROWS["identities"] if row["customer_id"] in ids}
    for name in ("tickets", "responses", "events"):
        join = next(one for one in seen.joins if one.table == name)
        assert join.rows == len(ROWS[name])
        assert join.known == sum(row["customer_id"] in ids for row in ROWS[name])
    join = next(one for one in seen.joins if one.table == "tickets")
    assert 0 < join.rate < 1
    assert kpis["resolution_time"].joined == pytest.approx(join.rate)
    assert f"{100 * join.rate:.0f}% of tickets match a known customer" in seen.summary


def test_a_table_that_stopped_is_late_and_the_others_are_not(
    seen: Audit, kpis: dict[str, KpiAudit]
) -> None:
    last = FIRST + timedelta(days=STOPPED - 0.25)
    end = FIRST + timedelta(days=DAYS - 0.25) + timedelta(days=1 / 1000)
    assert kpis["resolution_time"].late == (end.date() - last.date()).days
    assert kpis["csat"].late == 0
    assert "1 is stale" in seen.summary
    assert seen.stopped == 0


def test_imports_that_stopped_are_told(project: Project) -> None:
    found = audit(project, NOW + timedelta(days=30))
    assert found.stopped == 30
    assert "No table has a row of the last 30 days." in found.summary


def test_what_is_on_and_has_no_data_waits_for_a_concrete_thing(
    kpis: dict[str, KpiAudit],
) -> None:
    one = kpis["form_abandonment"]
    assert one.state == "waiting"
    assert one.next == (
        "send event Form Started with customer_id, form and step",
        "send event Form Submitted with customer_id, form and step",
    )
    assert (one.rows, one.newest, one.complete, one.joined) == (0, None, None, None)


def test_what_is_missing_is_said_by_file_event_and_survey(kpis: dict[str, KpiAudit]) -> None:
    assert kpis["nps"].next == ("ask customers with the survey nps (responses of that instrument)",)
    assert kpis["order_value"].next == ("write sources/orders.yaml to fill orders",)
    assert "map first_response_at in sources/tickets.yaml" in kpis["sla_met"].next[0] or any(
        "sla_due_at in sources/tickets.yaml" in step for step in kpis["sla_met"].next
    )
    assert "send event Task Started" in kpis["task_success"].next[0]


def test_what_is_ready_can_be_switched_on(
    folder: Path, tmp_path: Path, kpis: dict[str, KpiAudit]
) -> None:
    ready = {name for name, one in kpis.items() if one.state == "ready"}
    assert {"self_service", "bounce_rate", "contact_rate"} & ready
    root = tmp_path / "copy"
    shutil.copytree(folder, root)
    name = "self_service"
    assert name in ready
    (root / f"kpis/{name}.yaml").write_text("owner: cx\nplaybook: listen\n", encoding="utf-8")
    copy = heedful.open(root)
    copy.refresh()
    after = {one.kpi: one for one in audit(copy, NOW).kpis}
    assert after[name].state == "measured"
    assert after[name].rows > 0


def test_ranks_begin_with_core_kpis(seen: Audit) -> None:
    todo = [one for one in seen.kpis if one.rank is not None]
    assert [one.rank for one in todo] == list(range(1, len(todo) + 1))
    assert [one.core for one in todo] == sorted((one.core for one in todo), reverse=True)
    assert all(one.next for one in todo)
    assert [one.core for one in seen.steps] == sorted((o.core for o in seen.steps), reverse=True)


def test_a_stage_without_a_number_comes_before_others(kpis: dict[str, KpiAudit]) -> None:
    base = kpis["order_value"]
    from dataclasses import replace

    here = replace(base, kpi="here", stages=("retention",), next=("a",), core=False, rank=None)
    there = replace(base, kpi="there", stages=("consideration",), next=("b",), core=False)
    both = summed_up(
        [there, here], (), ("consideration", "retention"), {"consideration"}, None, date(2026, 3, 1)
    )
    assert both.empty_stages == ("retention",)
    assert [one.does for one in both.steps] == ["a", "b"]
    assert [one.kpi for one in both.kpis] == ["here", "there"]


def tasks(project: Project) -> dict[str, Task]:
    return {one.does: one for one in plan(project, audit(project, NOW)).tasks}


def test_the_plan_is_made_of_what_is_there(project: Project, seen: Audit) -> None:
    found = plan(project, seen)
    assert {one.phase for one in found.tasks} == {name for name, *_ in PHASES}
    docs = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
    told = re.findall(r"^\|[^|\n]*\| ([A-Z][^|\n]+) \| \S", docs, re.MULTILINE)
    assert told == [one.does for one in found.tasks]
    by = {one.does: one for one in found.tasks}
    assert by["Bring the data in"].done
    hypotheses = by["Write a hypothesis for every stage"]
    assert not hypotheses.done
    assert hypotheses.next == "write one for consideration and retention"
    data = by["Have data for every KPI that is switched on"]
    assert data.evidence == "2 of 3 KPIs have data"
    assert data.owners == ("growth",)
    joined = by["Match 80% of tickets, answers and orders to known customers"]
    assert not joined.done
    assert "tickets" in joined.next
    for one in found.tasks:
        assert bool(one.next) != one.done, one.does


def test_a_step_is_done_once_the_project_holds_it(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(folder, root)
    before = tasks(heedful.open(root))
    names = ("Write a hypothesis for every stage", "Tell owners of what they own")
    assert not any(before[name].done for name in names)
    (root / "hypotheses.yaml").write_text(
        "".join(
            f"- {{id: {stage}, friction: a, behaviour: b, outcome: c, stage: {stage}, kpi: csat,"
            " owner: cx}\n"
            for stage in ("consideration", "retention")
        ),
        encoding="utf-8",
    )
    (root / "alerts.yaml").write_text(
        "channels:\n  desk: {kind: slack, url_env: DESK_URL}\nroutes:\n  - {channels: [desk]}\n",
        encoding="utf-8",
    )
    copy = heedful.open(root)
    for email in ("ida@example.org", "bea@example.org"):
        link = copy.people.link(email, "viewer", "test")
        copy.people.enter(link.rsplit("/", 1)[-1], email[:3], email, "a long enough password")
    copy.actions.make("Call ten customers", owner="cx", due=NOW.date(), by="test")
    after = tasks(copy)
    assert all(after[name].done for name in names)
    assert after["Let people and programs in"].done
    assert (
        "1 open action"
        in after["Have an action with an owner for every finding that asks for one"].evidence
    )


def test_markdown_is_a_checklist(project: Project, seen: Audit) -> None:
    text = checklist.of_plan(plan(project, seen))
    assert text.count("- [x] ") + text.count("- [ ] ") == len(plan(project, seen).tasks)
    assert text.startswith("# The first 90 days, 2026-03-06")
    assert "- [ ] " in checklist.of_audit(seen)
