"""The planted truths come back through import, refresh and readings, and little else does."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

import heedful
from heedful import stats
from heedful.demo import simulate
from heedful.stats import Estimates, Method, Why

CUSTOMERS = 6_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    truths = simulate(root, customers=CUSTOMERS, seed=11)
    project = heedful.open(root)
    imported = {one.source: one for one in project.tables.import_()}
    project.refresh()
    return project, truths, imported


def readings(project, truths, what, grain):
    """Completed readings of the simulated time, settled outcomes only."""
    rows = project.kpis.log.read(
        [what.kpi],
        grain=grain,
        dimension=what.dimension,
        stages=False,
        since=truths.start,
        until=truths.until,
        replicates=True,
    ).to_pylist()
    return [
        row
        for row in rows
        if row["segment"] == what.segment
        and row["complete"]
        and row["period_start"] >= truths.start
        and row["period_end"] <= truths.settled
    ]


def measured(truths_of, project):
    """Those whose KPI the demo project has switched on."""
    return [one for one in truths_of if one.kpi in project.definitions.kpis]


def test_bad_rows_are_rejected_as_planted_and_nothing_else(demo):
    _, truths, imported = demo
    found = {name: one.rejected for name, one in imported.items() if one.rejected}
    assert found == truths.rejected
    for one in imported.values():
        assert one.read == sum(
            (one.inserted, one.updated, one.unchanged, one.left_out, one.rejected)
        )


def test_intervals_hold_the_truth_as_often_as_they_say(demo):
    project, truths, _ = demo
    inside = asked = 0
    for what in measured(truths.planted, project):
        for row in readings(project, truths, what, "week"):
            if row["low"] is not None and row["high"] is not None:
                meant = what.after if row["period_start"] >= what.since else what.before
                inside += row["low"] <= meant <= row["high"]
                asked += 1
    for what in measured(truths.stable, project):
        for row in readings(project, truths, what, "week"):
            if what.value is not None and row["low"] is not None and row["high"] is not None:
                inside += row["low"] <= what.value <= row["high"]
                asked += 1
    assert asked > 1_500
    assert 0.93 <= inside / asked <= 0.985, inside / asked


def estimates(rows):
    return Estimates(
        value=np.array([row["value"] for row in rows], float),
        low=np.array([np.nan if row["low"] is None else row["low"] for row in rows], float),
        high=np.array([np.nan if row["high"] is None else row["high"] for row in rows], float),
        why=np.full(len(rows), Why.NOTHING, np.uint8),
        replicates=np.array([row["replicates"] for row in rows], float).reshape(-1, 64),
        method=np.array([Method[row["method"].upper()] for row in rows], np.uint8),
        df=np.full(len(rows), 63.0),
        skewed=np.zeros(len(rows), np.bool_),
    )


def test_each_planted_change_is_seen_in_the_right_direction(demo):
    project, truths, _ = demo
    for what in measured(truths.planted, project):
        rows = readings(project, truths, what, "month")
        before = [r for r in rows if r["period_end"] <= what.since and r["low"] is not None]
        after = [r for r in rows if r["period_start"] >= what.since and r["low"] is not None]
        assert before, what
        assert after, what
        # The largest month on each side, so that no month is chosen by what it shows.
        sides = [max(side, key=lambda r: r["n"]) for side in (before, after)]
        change = stats.changes(estimates(sides[:1]), estimates(sides[1:]))[0]
        assert np.sign(change.value) == np.sign(what.after - what.before), what
        assert change.low <= what.after - what.before <= change.high or _close(change, what), what


def _close(change, what):
    """One interval in twenty may miss; none may miss by far."""
    width = change.high - change.low
    meant = what.after - what.before
    return change.low - width / 2 <= meant <= change.high + width / 2


def test_what_was_left_alone_looks_changed_no_more_often_than_it_should(demo):
    project, truths, _ = demo
    alarms = asked = 0
    for what in measured(truths.stable, project):
        rows = [
            r
            for r in readings(project, truths, what, "month")
            if r["low"] is not None and r["high"] is not None
        ]
        if len(rows) < 2:
            continue
        found = estimates(rows)
        index = np.arange(len(rows) - 1)
        changes = stats.changes(found.take(index), found.take(index + 1))
        alarms += int(np.sum((changes.low > 0) | (changes.high < 0)))
        asked += len(index)
    assert asked > 300
    # 5% is due; neighbouring months share a reading, so the band is wide.
    assert 0.015 <= alarms / asked <= 0.085, alarms / asked


def test_the_seasonal_wave_moves_volumes_and_no_rate(demo):
    project, truths, _ = demo
    waves = {monday for monday, fuller in truths.wave.items() if fuller >= 1.3}
    rows = project.kpis.log.read(
        ["self_service"], grain="week", stages=False, since=truths.start
    ).to_pylist()
    full = [r for r in rows if r["period_start"] in waves]
    calm = [r for r in rows if r["complete"] and r["period_start"] not in truths.wave]
    assert np.mean([r["n"] for r in full]) > 1.2 * np.mean([r["n"] for r in calm])
    meant = next(s.value for s in truths.stable if s.kpi == "self_service")
    assert sum(r["low"] <= meant <= r["high"] for r in full) >= len(full) - 1


def test_the_score_falls_where_it_was_hurt(demo):
    project, truths, _ = demo
    scores = project.scorecard.scores(grain="month", since=truths.start)
    by_stage: dict[str | None, dict[date, float]] = {}
    for one in scores:
        if one.score is not None:
            by_stage.setdefault(one.stage, {})[one.period_start] = one.score
            assert one.low is not None
            assert one.low <= one.score <= one.high
            assert sum(c.contribution for c in one.contributions) == pytest.approx(one.score)
            assert sum(c.weight for c in one.contributions) == pytest.approx(1)
    assert set(by_stage) >= {None, "onboarding", "retention"}
    onboarding = by_stage["onboarding"]
    before = np.mean([v for day, v in onboarding.items() if day < date(2026, 4, 1)])
    after = np.mean([v for day, v in onboarding.items() if day >= date(2026, 5, 1)])
    assert after < before - 4


def test_it_says_everywhere_that_it_is_simulated(demo):
    project, _, _ = demo
    assert "simulated" in project.name
    assert "simulated" in (project.root / "README.md").read_text("utf-8").lower()
