"""What is said to be true of a simulated year, against the rows that were drawn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pytest

from heedful.demo.calendar import WAVE, Calendar
from heedful.demo.planting import planted, stable
from heedful.demo.simulation import play
from heedful.demo.world import World

UNTIL = date(2026, 9, 7)
CALENDAR = Calendar(UNTIL)


class Checked(NamedTuple):
    what: str
    value: float
    z: float
    when: str


def check(world: World, oracle: Any) -> list[Checked]:
    """Every known expectation, on both sides of its change or of the middle of the year."""
    measured = oracle(play(world))
    start, middle = CALENDAR.start, CALENDAR.monday(26)
    cases = [
        (t.kpi, t.dimension, t.segment, when, *span)
        for t in planted(world)
        for when, *span in (
            ("before", start, t.since, t.before),
            ("after", t.since, UNTIL, t.after),
        )
    ]
    cases += [
        (s.kpi, s.dimension, s.segment, when, *span, s.value)
        for s in stable(world)
        for when, *span in (("before", start, middle), ("after", middle, UNTIL))
        if s.value is not None
    ]
    found = []
    for kpi, dimension, segment, when, first, last, expected in cases:
        last = min(last, UNTIL - timedelta(days=oracle.needs.get(kpi, 0)))
        where = (dimension, segment) if dimension else None
        median = expected if kpi in oracle.medians else None
        estimate = measured.estimate(kpi, where, first, last, median)
        z = estimate.z(expected if median is None else 0.5)
        found.append(Checked(f"{kpi} {segment or ''}", estimate.value, z, when))
    return found


@pytest.fixture(scope="module")
def year(oracle: Any) -> list[Checked]:
    return check(World(CALENDAR, 14_000, 3, planted=True), oracle)


@pytest.fixture(scope="module")
def calm(oracle: Any) -> list[Checked]:
    return check(World(CALENDAR, 8_000, 5, planted=False), oracle)


@pytest.mark.parametrize("which", ["year", "calm"])
def test_every_stated_expectation_is_the_processs(
    which: str, request: pytest.FixtureRequest
) -> None:
    found: list[Checked] = request.getfixturevalue(which)
    assert len(found) > 120
    far = [c for c in found if abs(c.z) > 4.2]
    assert not far
    z = np.array([c.z for c in found])
    # Segments and totals share rows, so these vary more than those of independent tests would.
    assert np.mean(np.abs(z) > 1.96) < 0.12
    assert 0.6 < np.mean(z**2) < 1.6


def test_changes_are_large_enough_to_be_seen() -> None:
    for truth in planted(World(CALENDAR, 14_000, 3, planted=True)):
        assert truth.since.weekday() == 0
        assert abs(truth.after / truth.before - 1) > 0.06


def test_without_planting_nothing_changes_and_everything_that_would_is_stable() -> None:
    calm, busy = (World(CALENDAR, 8_000, 5, planted=x) for x in (False, True))
    assert planted(calm) == ()
    named = {(s.kpi, s.dimension, s.segment) for s in stable(calm)}
    assert {(t.kpi, t.dimension, t.segment) for t in planted(busy)} <= named


def test_no_expectation_is_both_planted_and_stable() -> None:
    world = World(CALENDAR, 8_000, 5, planted=True)
    changing = {(t.kpi, t.dimension, t.segment) for t in planted(world)}
    still = [(s.kpi, s.dimension, s.segment) for s in stable(world)]
    assert len(set(still)) == len(still)
    assert not changing & set(still)


def test_the_wave_moves_volumes() -> None:
    year = play(World(CALENDAR, 4_000, 2, planted=False))
    at = year.events["occurred_at"].astype(np.int64)
    pages = at[(year.events["event"] == "Signed Up")]
    week = CALENDAR.day_of(pages) // 7
    count = np.bincount(week, minlength=52).astype(float)
    fuller = [w for w, x in WAVE.items() if x >= 1.4]
    usual = [w for w in range(52) if w not in WAVE]
    assert count[fuller].mean() > 1.3 * count[usual].mean()
