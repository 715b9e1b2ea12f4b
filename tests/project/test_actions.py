"""Actions are made for teams and KPIs that exist, and measured when they are done."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from heedful.findings.finding import Finding
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf
from heedful.ledger.refusal import RefusedError
from heedful.project import NotFoundError

WEEK = timedelta(days=7)


@pytest.fixture
def actions(project):
    return project.actions


@pytest.fixture
def monday(actions):
    """The Monday five weeks ago."""
    today = actions.today()
    return today - timedelta(days=today.weekday()) - 5 * WEEK


@pytest.fixture
def shelf(monday):
    """Twenty weeks before that Monday at 70%, and the four after it at 80%."""
    rng = np.random.default_rng(1)
    rows = []
    for week in range(-20, 4):
        start = monday + week * WEEK
        value = 0.8 if week >= 0 else 0.7
        row = {
            "kpi": "csat",
            "grain": "week",
            "period_start": start,
            "period_end": start + WEEK,
            "complete": True,
            "value": value,
            "low": value - 0.02,
            "high": value + 0.02,
            "n": 2000,
            "customers": 1500,
            "weighted_n": 2000.0,
            "unit": "share",
            "method": "jackknife",
            "definition_hash": "a",
            "reported_at": None,
            "replicates": (value + 0.0012 * rng.standard_normal(64)).tolist(),
        }
        rows.append({field.name: row.get(field.name) for field in STORED})
    return Shelf(pa.Table.from_pylist(rows, schema=STORED))


@pytest.fixture
def made(actions, shelf, monday):
    team = next(iter(actions.project.definitions.settings.teams))
    due = monday + 10 * WEEK
    return actions.make(
        "Answer sooner", team, due, by="ada", kpi="csat", expected=0.78, shelf=shelf
    )


def test_begins_from_the_newest_reading(made):
    assert (made.state, made.value, made.grain, made.expected) == ("open", 0.8, "week", 0.78)


def test_what_came_after_it_is_kept_for_good(actions, made, shelf, monday):
    closed = actions.close(made.id, "ada", monday, "done by the night shift", shelf=shelf)
    assert (closed.state, closed.done_on, closed.note) == (
        "done",
        monday,
        "done by the night shift",
    )
    outcome = closed.outcome
    assert (outcome.state, outcome.verdict, outcome.met) == ("measured", "better", "met")
    assert outcome.difference == pytest.approx(0.1)
    assert actions.measure(shelf=Shelf(STORED.empty_table())) == []
    assert actions.get(made.id).outcome == outcome


def test_waits_for_weeks_and_is_measured_by_a_later_refresh(actions, made, shelf, monday):
    closed = actions.close(made.id, "ada", monday + WEEK, shelf=shelf)
    assert closed.outcome.state == "waiting"
    assert closed.outcome.until == monday + 5 * WEEK
    assert actions.measure(shelf=shelf) == []
    rows = list(shelf.rows({"kpi": "csat"}).to_pylist())
    last = {**rows[-1], "period_start": monday + 4 * WEEK, "period_end": monday + 5 * WEEK}
    last["replicates"] = [0.8 + 0.001 * (n % 2) for n in range(64)]
    for row in rows:
        row["replicates"] = [row["value"] + 0.001 * (n % 2) for n in range(64)]
    longer = Shelf(pa.Table.from_pylist([*rows, last], schema=STORED))
    (measured,) = actions.measure(shelf=longer)
    assert measured.id == made.id
    assert measured.outcome.state == "measured"
    assert actions.measure(shelf=longer) == []


def test_without_a_kpi_nothing_is_measured(actions, monday):
    team = next(iter(actions.project.definitions.settings.teams))
    free = actions.make("Ask ten customers", team, monday, by="ada")
    assert actions.close(free.id, "ada").outcome is None


def test_due_overdue_and_edited(actions, made, monday):
    assert actions.due(made.due - WEEK) == []
    assert actions.due(made.due) == [made]
    started = actions.start(made.id, "bob")
    assert started.started_at is not None
    assert actions.start(made.id, "bob") == started
    edited = actions.edit(made.id, "bob", due=monday, title="  Answer\r\n   much sooner ")
    assert (edited.title, edited.due) == ("Answer much sooner", monday)
    assert edited.late(monday + WEEK)
    assert actions.edit(made.id, "bob", due=monday) == edited
    entry = actions.project.audit.all(1)[0]
    assert (entry.who, entry.verb, entry.object) == ("bob", "changed", f"action {made.id}")
    assert f"due: {made.due} → {monday}" in entry.detail
    dropped = actions.drop(made.id, "bob", "no one had time")
    assert (dropped.state, dropped.note, dropped.outcome) == ("dropped", "no one had time", None)


def finding_of(monday, **more):
    """A finding about satisfaction by month, as the engine gives it."""
    values = {
        **dict.fromkeys(Finding.__dataclass_fields__),
        "id": "f1",
        "kpi": "csat",
        "pattern": "fast_but_wrong",
        "playbook": "csat",
        "stage": "retention",
        "grain": "month",
        "value": 0.66,
        "legs": (),
    }
    return Finding(**{**values, **more})


def test_from_a_finding_it_knows_what_it_is_about(actions, shelf, monday):
    team = next(iter(actions.project.definitions.settings.teams))
    finding = finding_of(monday)
    made = actions.make("Listen", team, monday, by="ada", finding=finding, expected=0.8)
    assert (made.finding, made.kpi, made.stage, made.grain) == ("f1", "csat", "retention", "month")
    assert (made.value, made.pattern, made.playbook) == (0.66, "fast_but_wrong", "csat")
    own = actions.make("Ask", team, monday, by="ada", finding=finding, kpi="csat", shelf=shelf)
    assert (own.value, own.stage, own.playbook) == (0.8, None, "csat")
    assert [each.id for each in actions.of("f1")] == [made.id, own.id]


def test_from_a_finding_of_a_segment_it_is_about_that_segment(actions, monday):
    team = next(iter(actions.project.definitions.settings.teams))
    finding = finding_of(monday, dimension="device", segment="mobile")
    made = actions.make("Listen", team, monday, by="ada", finding=finding)
    assert (made.dimension, made.segment, made.value) == ("device", "mobile", 0.66)


def test_similar_ones_are_those_that_are_done(actions, made, shelf, monday):
    finding = finding_of(monday)
    assert actions.similar(finding) == []
    closed = actions.close(made.id, "ada", monday, shelf=shelf)
    assert actions.similar(finding) == [closed]
    assert actions.similar(finding_of(monday, kpi="nps", pattern=None, playbook=None)) == []
    team = next(iter(actions.project.definitions.settings.teams))
    mine = actions.make("Listen", team, monday, by="ada", finding=finding)
    actions.close(mine.id, "ada", monday, shelf=shelf)
    assert actions.similar(finding) == [closed]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"owner": "nobody"}, NotFoundError, 'team "nobody" does not exist'),
        ({"title": "  "}, RefusedError, "title is empty"),
        ({"title": "x" * 501}, RefusedError, "over 500 characters"),
        ({"kpi": "cat"}, NotFoundError, 'KPI "cat" does not exist'),
        ({"kpi": None}, RefusedError, "expected, but of no KPI"),
        ({"stage": "sleep"}, NotFoundError, 'stage "sleep" does not exist'),
        ({"dimension": " "}, NotFoundError, "dimension is empty"),
    ],
)
def test_what_cannot_be_made(actions, shelf, monday, changes, error, says):
    team = next(iter(actions.project.definitions.settings.teams))
    values = {"title": "T", "owner": team, "due": monday, "kpi": "csat", "expected": 0.8}
    with pytest.raises(error, match=says):
        actions.make(**{**values, **changes}, by="ada", shelf=shelf)
    assert actions.all() == []


def test_what_cannot_be_done(actions, made, shelf, monday):
    with pytest.raises(RefusedError, match="still to come"):
        actions.close(made.id, "ada", actions.today() + WEEK)
    with pytest.raises(RefusedError, match="kpi of an action cannot be changed"):
        actions.edit(made.id, "ada", kpi="nps")
    for verb in (
        actions.get,
        lambda id_: actions.close(id_, "ada"),
        lambda id_: actions.drop(id_, "a"),
    ):
        with pytest.raises(NotFoundError, match="action 99 does not exist"):
            verb(99)
    actions.close(made.id, "ada", monday, shelf=shelf)
    for verb in (actions.close, actions.drop, actions.start):
        with pytest.raises(RefusedError, match="only open ones"):
            verb(made.id, "ada")
