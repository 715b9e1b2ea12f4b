"""How long units stay: curves, notes, and what waits."""

from __future__ import annotations

import pytest


def test_the_curve_is_kaplan_and_meiers(berlin):
    from lifelines import KaplanMeierFitter

    found = berlin.readout("held")
    lives = berlin.oracle.lives("held", 30, berlin.limit(None))
    for variant in ("with", "without"):
        mine = lives[lives.variant == variant]
        fitted = KaplanMeierFitter().fit(mine.watched, mine.lost)
        points = [one for one in found.curves if (one.kpi, one.variant) == ("stay", variant)]
        assert [one.day for one in points] == list(range(31))
        for one in points:
            assert one.value == pytest.approx(float(fitted.predict(one.day)))
            assert one.at_risk == int((mine.watched >= one.day).sum())
        limits = fitted.confidence_interval_
        last = limits[limits.index <= 30].iloc[-1]
        assert points[-1].low == pytest.approx(last.iloc[0], rel=1e-6)
        assert points[-1].high == pytest.approx(last.iloc[1], rel=1e-6)


def test_who_does_not_count_is_said(berlin, reckon):
    notes = berlin.readout("held").notes
    units = berlin.oracle.units("held", berlin.limit(None)).rows
    lives = berlin.oracle.lives("held", 30, berlin.limit(None))
    spells = berlin.oracle.fact("lifetimes").set_index("customer")
    ends = spells["at"] + spells.time * (reckon.DAY)
    later = int((lives["at"] > lives.exposed).sum())
    mine = units[units.unit.isin(spells.index)]
    gone = int((mine.unit.map(ends) <= mine.exposed).sum())
    never = len(units) - len(lives) - gone
    assert later > 0
    assert gone > 0
    assert never > 0
    (said,) = [one for one in notes if one.startswith(f"stay: {later} units began after the")]
    assert "cannot be compared" in said
    assert f"stay: left out: {gone} units that had left before the exposure" in notes
    assert f"stay: left out: {never} units not known as a customer" in notes


def test_customers_of_one_account_are_not_independent(berlin):
    found = {one.kpi: one for one in berlin.readout("companies").outcomes}
    assert found["stay"].method.endswith("clustered by unit")
    points = [one for one in berlin.readout("companies").curves if one.kpi == "stay"]
    assert points
    assert {one.low for one in points} == {None}
    assert berlin.wrong("companies") == []
    assert berlin.wrong("companies", "2024-04-20") == []
