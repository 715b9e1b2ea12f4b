"""Episodes of drawn projects: what opens, stays and closes, whenever one looks."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from heedful.findings.episode import REDEFINED, replay
from heedful.findings.past import Past
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from simulation import findings as drawn

WEEKS = 40
STEP = 25


def readings(one: Shelf) -> pa.Table:
    return one.rows().select(STORED.names)


class Project:
    """A drawn project of a dozen series, of which three step in week 25."""

    def __init__(self, seed: int, *, customers: int = 400, size: float = 0.4) -> None:
        self.all = drawn.series(customers, kpis=10, both=2)
        steps = {4: (STEP, size), 6: (STEP, -size), 9: (STEP, size)} if size else {}
        world = drawn.World(customers=customers, weeks=WEEKS, steps=steps)
        self.steps = {(self.all[at].kpi, self.all[at].stage) for at in steps}
        self.rows = readings(drawn.shelf(np.random.default_rng(seed), world, self.all))

    def past(self, rows: pa.Table | None = None) -> Past:
        return Past(drawn.definitions(self.all), Shelf(self.rows if rows is None else rows), "week")

    def replayed(self, rows: pa.Table | None = None):
        past = self.past(rows)
        return replay(past, drawn.patterns(past.definitions.kpis, 4))[0]


def until(rows: pa.Table, weeks: int) -> pa.Table:
    return rows.filter(
        pc.less(rows["period_start"], pa.scalar(drawn.FIRST + timedelta(days=7 * weeks)))
    )


def column(rows: pa.Table, name: str, values) -> pa.Table:
    at = rows.schema.get_field_index(name)
    return rows.set_column(at, STORED.field(name), pa.array(values, STORED.field(name).type))


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(1)


def test_planted_steps_are_found_where_they_are(project: Project) -> None:
    found = project.replayed()
    moved = {(kpi, stage) for one in found for kpi, stage, _ in one.signal.moved}
    assert project.steps <= moved
    for one in found:
        if {(kpi, stage) for kpi, stage, _ in one.signal.moved} & project.steps:
            assert one.first - 1 <= STEP <= one.last + 1
            assert one.opened >= STEP


@pytest.mark.parametrize("weeks", [20, 27, 30, 34, 39])
def test_ids_and_dates_are_the_same_when_replayed_earlier(project: Project, weeks: int) -> None:
    whole = project.replayed()
    early = project.replayed(until(project.rows, weeks))
    expected = [one for one in whole if one.opened < weeks]
    assert [(one.id, one.opened, one.signal) for one in early] == [
        (one.id, one.opened, one.signal) for one in expected
    ]
    for one, later in zip(early, expected, strict=True):
        # An onset may become clear in the weeks after; once clear it stays.
        if one.sure or weeks - one.opened > 8:
            assert (one.onset, one.first, one.last) == (later.onset, later.first, later.last)
        if later.closed is not None and later.closed < weeks:
            assert (one.closed, one.because) == (later.closed, later.because)
        else:
            assert one.closed is None


def test_the_order_of_readings_does_not_matter(project: Project) -> None:
    shuffled = project.rows.take(np.random.default_rng(1).permutation(project.rows.num_rows))
    assert project.replayed(shuffled) == project.replayed()


def test_incomplete_periods_change_nothing(project: Project) -> None:
    expected = project.replayed()
    last = project.rows.filter(
        pc.equal(
            project.rows["period_start"], pa.scalar(drawn.FIRST + timedelta(days=7 * (WEEKS - 1)))
        )
    )
    for weeks in (1, 2, 5):
        table = column(last, "complete", [False] * last.num_rows)
        days = pc.add(table["period_start"], pa.scalar(timedelta(days=7 * weeks)))
        ends = pc.add(table["period_end"], pa.scalar(timedelta(days=7 * weeks)))
        table = column(
            column(table, "period_start", days.cast(pa.date32())), "value", [0.99] * table.num_rows
        )
        table = column(table, "period_end", ends.cast(pa.date32()))
        assert project.replayed(pa.concat_tables([project.rows, table])) == expected


def test_an_incomplete_week_in_the_middle_is_a_gap(project: Project) -> None:
    hole = drawn.FIRST + timedelta(days=7 * 30)
    complete = [day != hole for day in project.rows["period_start"].to_pylist()]
    table = column(project.rows, "complete", complete)
    wild = column(
        table,
        "value",
        [0.5 if not ok else v for ok, v in zip(complete, table["value"].to_pylist(), strict=True)],
    )
    assert project.replayed(wild) == project.replayed(table)


def test_few_customers_never_open_one(project: Project) -> None:
    few = column(project.rows, "customers", [29] * project.rows.num_rows)
    assert project.replayed(few) == []
    assert project.replayed(column(project.rows, "customers", [30] * project.rows.num_rows)) != []


def test_a_changed_definition_ends_what_it_began(project: Project) -> None:
    whole = project.replayed()
    still = [one for one in whole if one.closed is None]
    assert still
    day = drawn.FIRST + timedelta(days=7 * 36)
    hashes = ["b" if start >= day else "a" for start in project.rows["period_start"].to_pylist()]
    found = {
        one.id: one for one in project.replayed(column(project.rows, "definition_hash", hashes))
    }
    for one in still:
        if one.opened < 36 and one.signal.rule != "trend":
            assert found[one.id].because == REDEFINED
            assert found[one.id].closed == 36
    # What is measured otherwise is not compared with what was.
    assert not [one for one in found.values() if one.opened >= 36]


def test_a_definition_that_was_always_another_is_none_that_changed(project: Project) -> None:
    other = column(project.rows, "definition_hash", ["z"] * project.rows.num_rows)
    assert project.replayed(other) == project.replayed()


def test_a_change_that_recovers_ends() -> None:
    project = Project(2, size=0.0)
    values = project.rows["value"].to_pylist()
    days = project.rows["period_start"].to_pylist()
    kpis = project.rows["kpi"].to_pylist()
    first = drawn.FIRST + timedelta(days=7 * STEP)
    last = first + timedelta(days=28)
    lift = [
        0.2 if k == "kpi04" and first <= d < last else 0.0 for k, d in zip(kpis, days, strict=True)
    ]
    rows = project.rows
    for name in ("value", "low", "high"):
        moved = [v + by for v, by in zip(rows[name].to_pylist(), lift, strict=True)]
        rows = column(rows, name, moved)
    replicates = [
        [one + by for one in each]
        for each, by in zip(rows["replicates"].to_pylist(), lift, strict=True)
    ]
    rows = column(rows, "replicates", replicates)
    assert values != rows["value"].to_pylist()
    found = [one for one in project.replayed(rows) if one.signal.kpi == "kpi04"]
    opened = [one for one in found if STEP <= one.opened < STEP + 4]
    assert opened
    assert all(one.closed is not None for one in opened)
    assert max(one.closed for one in opened) <= STEP + 12


def test_nothing_is_told_of_an_empty_or_short_past(project: Project) -> None:
    assert project.replayed(project.rows.slice(0, 0)) == []
    assert project.replayed(until(project.rows, 8)) == []


def test_calm_projects_are_seldom_alarmed() -> None:
    told = drawn.Told()
    for seed in range(3):
        drawn.tell(told, np.random.default_rng([1, seed]), replace(drawn.CALM[2][1], weeks=44))
    # Long runs are in docs/findings.md; the rate at which false discoveries are held is 10%.
    assert told.families == 3 * (44 - 8)
    assert told.signalled <= told.alarmed
    assert told.alarms <= 15


def test_large_steps_are_found() -> None:
    told = drawn.Told()
    for seed in range(1):
        steps = {12: (30, 0.5), 20: (31, -0.4), 25: (30, 0.5)}
        world = drawn.World(weeks=44, steps=steps)
        drawn.tell(told, np.random.default_rng([2, seed]), world, families=False)
    assert told.found / told.steps >= 0.8
