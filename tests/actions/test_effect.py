"""What came after an action is what the readings say, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from heedful import stats
from heedful.actions.effect import outcome
from heedful.ledger.outcome import Outcome

MONDAY = date(2026, 6, 1)
"""Begins the 22nd week of the readings, counted from 0 at Monday 5 January: week 21."""
PLACE = 21


def level(before, after, weeks=30):
    return [before] * PLACE + [after] * (weeks - PLACE)


def test_four_whole_weeks_before_and_after_whatever_the_day(given):
    shelf = given.drawn(level(0.7, 0.8)).shelf()
    for day in range(-6, 1):
        found = outcome(shelf, given.action(MONDAY + timedelta(days=day)), given.kpi())
        monday = MONDAY if day == 0 else MONDAY - timedelta(days=7)
        assert found.before_end == monday
        assert found.before_start == monday - timedelta(days=28)
        assert found.after_start == MONDAY
        assert found.after_end == MONDAY + timedelta(days=28)


def test_a_share_of_weeks_is_the_share_of_all_their_rows(given):
    weeks = given.drawn(level(0.7, 0.8), spread=0.1)
    weeks.x[PLACE] *= 9  # one week with nine times the rows
    weeks.y[PLACE] *= 9
    found = outcome(weeks.shelf(), given.action(), given.kpi())
    before, after = slice(PLACE - 4, PLACE), slice(PLACE, PLACE + 4)
    assert found.before == pytest.approx(weeks.y[before].sum() / weeks.x[before].sum(), abs=1e-6)
    assert found.after == pytest.approx(weeks.y[after].sum() / weeks.x[after].sum(), abs=1e-6)
    assert found.difference == pytest.approx(found.after - found.before)
    assert (found.n_before, found.n_after) == (weeks.x[before].sum(), weeks.x[after].sum())
    assert (found.weeks_before, found.weeks_after) == (4, 4)


def test_the_interval_of_the_pooled_weeks_is_that_of_their_rows(given):
    # Few earlier weeks: sampling error alone, so that it can be compared with the direct one.
    weeks = given.drawn([0.7] * 4 + [0.76] * 4, spread=0.15)
    found = outcome(weeks.shelf(), given.action(given.first + timedelta(days=28)), given.kpi())
    sides = []
    for side in (slice(0, 4), slice(4, 8)):
        y, x = (part[side].sum(axis=0)[None] for part in (weeks.y, weeks.x))
        sides.append(stats.shares(y, x, x, np.ones_like(x)))
    direct = stats.changes(sides[0], sides[1])[0]
    assert found.basis == "sampling"
    assert found.difference == pytest.approx(direct.value, abs=1e-6)
    width = direct.high - direct.low
    assert found.high - found.low == pytest.approx(width, rel=0.05)
    # The same customers answer in all weeks; as strangers they would give a wider interval.
    apart = np.hypot(*(side.high[0] - side.low[0] for side in sides))
    assert found.high - found.low < 0.9 * apart


@pytest.mark.parametrize(
    ("better", "after", "verdict"),
    [
        ("higher", 0.8, "better"),
        ("higher", 0.6, "worse"),
        ("lower", 0.6, "better"),
        ("lower", 0.8, "worse"),
        ("higher", 0.7, "unclear"),
    ],
)
def test_the_verdict(given, better, after, verdict):
    found = outcome(
        given.drawn(level(0.7, after)).shelf(), given.action(), given.kpi("share", better)
    )
    assert (found.state, found.verdict) == ("measured", verdict)
    assert (found.low <= 0 <= found.high) == (verdict == "unclear")


@pytest.mark.parametrize(
    ("better", "expected", "met"),
    [
        ("higher", 0.75, "met"),
        ("higher", 0.81, "in_reach"),
        ("higher", 0.95, "missed"),
        ("lower", 0.85, "met"),
        ("lower", 0.79, "in_reach"),
        ("lower", 0.6, "missed"),
        ("higher", None, None),
    ],
)
def test_whether_what_was_expected_was_reached(given, better, expected, met):
    weeks = given.drawn(level(0.7, 0.8), size=5)
    found = outcome(weeks.shelf(), given.action(expected=expected), given.kpi("share", better))
    assert found.after == pytest.approx(0.8, abs=0.02)
    assert found.met == met


def test_waits_until_the_last_week_is_known_in_full(given):
    weeks = given.drawn(level(0.7, 0.8))
    weeks.changes = {place: {"complete": False} for place in range(PLACE + 3, 30)}
    kpi = given.kpi(window_days=14)
    found = outcome(weeks.shelf(), given.action(), kpi, late=3)
    assert found.state == "waiting"
    assert found.until == MONDAY + timedelta(days=28 + 14 + 3)
    what = "Satisfaction of 1 Jun – 28 Jun 2026 is not known in full before."
    assert found.says == f"Waiting until 16 Jul 2026: {what}"
    retention = given.kpi("retention", window_days=7)
    assert outcome(weeks.shelf(), given.action(), retention).until == MONDAY + timedelta(58)


def test_a_week_without_any_row_is_not_waited_for(given):
    weeks = given.drawn(level(0.7, 0.8))
    weeks.left_out = {PLACE + 3}
    found = outcome(weeks.shelf(), given.action(), given.kpi())
    assert (found.state, found.weeks_after) == ("measured", 3)
    assert "Only 3 of the 4 weeks after have a reading." in found.says


def test_fewer_than_two_weeks_are_no_measurement(given):
    weeks = given.drawn(level(0.7, 0.8))
    weeks.left_out = {PLACE - 1, PLACE - 2, PLACE - 3}
    found = outcome(weeks.shelf(), given.action(), given.kpi())
    assert found.state == "not_measured"
    assert found.says == "Not measured: fewer than 2 of the 4 weeks before it have a reading."


def test_no_difference_is_taken_across_a_change_of_definition(given):
    weeks = given.drawn(level(0.7, 0.8))
    weeks.changes = {place: {"definition_hash": "b"} for place in range(PLACE + 1, 30)}
    found = outcome(weeks.shelf(), given.action(), given.kpi())
    assert found.state == "not_measured"
    assert "the definition changed in between" in found.says
    assert found.difference is None


def test_history_of_another_definition_tells_nothing_of_usual_variation(given):
    weeks = given.drawn(level(0.7, 0.8))
    weeks.changes = {place: {"definition_hash": "old"} for place in range(PLACE - 6)}
    found = outcome(weeks.shelf(), given.action(), given.kpi())
    assert (found.basis, found.history) == ("sampling", 0)
    assert "the interval holds sampling error only" in found.says


def test_what_a_kpi_does_by_itself_is_in_the_interval(given):
    steady = outcome(given.drawn(level(0.7, 0.74)).shelf(), given.action(), given.kpi())
    restless = given.drawn(level(0.7, 0.74), between=0.04)
    moved = outcome(restless.shelf(), given.action(), given.kpi())
    assert (moved.basis, moved.history) == ("weeks", 17)
    assert moved.high - moved.low > 1.8 * (steady.high - steady.low)
    assert moved.after_high - moved.after_low > 1.5 * (steady.after_high - steady.after_low)


def test_errors_are_as_rare_as_the_interval_says(given):
    """Without change, weeks that vary by themselves: about one in twenty may be called clear."""
    called, sampling = 0, 0
    rounds = 150
    for seed in range(rounds):
        weeks = given.drawn([0.7] * 30, seed=seed, between=0.03)
        shelf = weeks.shelf()
        called += outcome(shelf, given.action(), given.kpi()).verdict != "unclear"
        weeks.left_out = set(range(PLACE - 4))
        alone = outcome(weeks.shelf(), given.action(), given.kpi())
        assert alone.basis == "sampling"
        sampling += alone.verdict != "unclear"
    assert called / rounds < 0.08
    assert sampling / rounds > 0.2  # what would be said without looking at earlier weeks


def test_a_real_change_is_seen_in_spite_of_it(given):
    seen = sum(
        outcome(
            given.drawn(level(0.7, 0.8), seed=seed, between=0.03).shelf(),
            given.action(),
            given.kpi(),
        ).verdict
        == "better"
        for seed in range(40)
    )
    assert seen >= 34


def test_an_amount_changes_relatively_and_a_negative_one_by_its_difference(given):
    weeks = given.drawn(level(0.5, 0.6))
    weeks.kind = "mean"
    found = outcome(weeks.shelf(), given.action(), given.kpi("mean", "lower"))
    assert found.relative
    assert found.difference == pytest.approx(found.after / found.before - 1)
    assert (found.verdict, found.unit) == ("worse", "hours")
    weeks.y = weeks.y - weeks.x
    loss = outcome(weeks.shelf(), given.action(), given.kpi("mean", "lower"))
    assert not loss.relative
    assert loss.difference == pytest.approx(loss.after - loss.before)
    assert loss.before < 0


def test_a_sum_is_compared_by_average_week(given):
    weeks = given.drawn(level(0.5, 0.5))
    weeks.kind = "total"
    found = outcome(weeks.shelf(), given.action(), given.kpi("total"))
    assert found.before == pytest.approx(weeks.y[PLACE - 4 : PLACE].sum(axis=1).mean(), rel=1e-6)


def test_only_the_segment_counts_and_the_total_says_how_far_data_reaches(given):
    total = given.drawn([0.7] * 30)
    part = given.drawn(level(0.5, 0.6), seed=2)
    part.more = {"dimension": "device", "segment": "mobile"}
    part.left_out = {29, 28, 27, 26, 25, 24}
    shelf = total.shelf(part)
    action = given.action(dimension="device", segment="mobile")
    found = outcome(shelf, action, given.kpi())
    assert found.before == pytest.approx(0.5, abs=0.03)
    assert (found.state, found.weeks_after) == ("measured", 3)
    nowhere = outcome(shelf, replace(action, segment="tablet"), given.kpi())
    assert nowhere.says == "Not measured: Satisfaction has no readings for device tablet."
    stage = outcome(shelf, given.action(stage="retention"), given.kpi())
    assert stage.says == "Not measured: Satisfaction has no readings for retention."


def test_few_customers_a_week_may_be_enough_together(given):
    weeks = given.drawn(level(0.3, 0.8), size=0.2)
    weeks.x = np.where(np.arange(64) < 40, 1, 0) * np.ones((30, 1), dtype=int)
    rng = np.random.default_rng(3)
    weeks.y = rng.binomial(weeks.x, np.array(level(0.3, 0.8))[:, None])
    weeks.kind = "mean"
    shelf = weeks.shelf()
    place = shelf.series("csat", "week")
    found = outcome(shelf, given.action(), given.kpi("mean"))
    assert place is not None
    assert found.low is not None
    assert found.verdict == "better"


def test_a_kpi_by_month_is_compared_by_month(given):
    weeks = given.drawn([0.7] * 6 + [0.8] * 6)
    weeks.grain = "month"
    found = outcome(weeks.shelf(), given.action(date(2026, 6, 20)), given.kpi())
    assert (found.before_start, found.before_end) == (date(2026, 4, 1), date(2026, 6, 1))
    assert (found.after_start, found.after_end) == (date(2026, 7, 1), date(2026, 9, 1))
    assert "in the two months before" in found.says
    assert found.verdict == "better"


def test_a_kpi_that_is_gone_or_has_no_readings(given):
    shelf = given.drawn([0.7] * 30).shelf()
    assert "is not there any more" in outcome(shelf, given.action(), None).says
    other = outcome(shelf, given.action(kpi="nps"), given.kpi(id="nps"))
    assert other.says == "Not measured: Satisfaction has no readings by week or month."
    with pytest.raises(ValueError, match="is not done"):
        outcome(shelf, replace(given.action(), done_on=None), given.kpi())


def test_what_is_said_claims_no_cause_and_holds_every_number(given):
    weeks = given.drawn(level(0.7, 0.8))
    found = outcome(weeks.shelf(), given.action(expected=0.75), given.kpi())
    assert "before and" in found.says
    assert "better, +" in found.says
    assert "Expected was 75.0% or more: reached." in found.says
    assert found.says.endswith(
        "This is what came after the action, not proof that it came because of it."
    )
    assert Outcome.from_json(found.as_json()) == found
