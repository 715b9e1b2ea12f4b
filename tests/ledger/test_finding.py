"""Findings in the ledger: kept as told, and a person's word counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from heedful.ledger.finding import FindingRow, FindingRows
from heedful.project import Project

SEEN = datetime(2026, 3, 2, tzinfo=UTC)
ROW = FindingRow(
    id="f-1",
    key="week:csat:*:worse",
    kind="change",
    state="open",
    severity="act",
    kpi="csat",
    pattern=None,
    stage=None,
    grain="week",
    period_start=date(2026, 2, 23),
    opened_at=SEEN,
    seen_at=SEEN,
    closed_at=None,
    closed_by=None,
    closed_because=None,
    payload="{}",
)


@pytest.fixture
def rows(tmp_path) -> FindingRows:
    from heedful.definitions import template

    template.create(tmp_path / "shop", "blank")
    project = Project(tmp_path / "shop")
    return FindingRows(project.ledger, project.audit)


def test_nothing_is_there_before_anybody_looked(rows) -> None:
    assert rows.all() == []
    assert rows.find("f-1") is None


def test_what_is_put_is_what_is_there_the_newest_first(rows) -> None:
    later = replace(ROW, id="f-2", opened_at=SEEN + timedelta(days=7), state="closed")
    rows.put([ROW, later])
    assert rows.all() == [later, ROW]
    assert rows.all("open") == [ROW]
    assert rows.find("f-2") == later
    moved = replace(ROW, seen_at=SEEN + timedelta(days=7), payload='{"a": 1}')
    rows.put([moved])
    assert rows.find("f-1") == moved


def test_what_a_person_closed_is_not_written_over(rows) -> None:
    rows.put([ROW])
    rows.close("f-1", "Kim", "'; DROP TABLE findings; --")
    rows.put([replace(ROW, severity="info", payload="other")])
    kept = rows.find("f-1")
    assert (kept.state, kept.severity, kept.payload) == ("closed", "act", "{}")
    assert (kept.closed_by, kept.closed_because) == ("Kim", "'; DROP TABLE findings; --")
    assert kept.closed_at is not None
    rows.reopen("f-1", "Sam")
    assert rows.find("f-1") == ROW
    rows.put([replace(ROW, severity="info")])
    assert rows.find("f-1").severity == "info"


def test_people_are_written_down(rows) -> None:
    rows.put([ROW])
    rows.close("f-1", "Kim", "a test of ours")
    rows.reopen("f-1", "Sam")
    told = [(one.who, one.verb, one.object) for one in rows.audit.all(10)]
    assert sorted(told) == [("Kim", "closed", "finding f-1"), ("Sam", "reopened", "finding f-1")]
