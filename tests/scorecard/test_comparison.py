"""Two periods of a score are compared on what both have, and parts add up."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf
from heedful.scorecard.comparison import compare
from heedful.scorecard.score import scores

JAN, FEB, MAR = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


def both(make, before, now, **more):
    rows = [make.reading(name, value, seed=1, **more) for name, value in before.items()]
    rows += [
        make.reading(name, value, seed=2, period_start=FEB, period_end=MAR, **more)
        for name, value in now.items()
    ]
    return pa.Table.from_pylist(rows, schema=STORED)


def known(make, **more):
    return make.definitions(*(make.kpi(name, **more) for name in make.ALL))


def test_it_agrees_with_the_score_itself_and_its_parts_add_up(make):
    found = both(make, make.ALL, {**make.ALL, "csat": 0.6, "speed": 0.9})
    one = compare(known(make), Shelf(found), "month", JAN, FEB)
    score = scores(known(make), found)[-1]
    assert (one.score, one.low, one.high) == pytest.approx((score.score, score.low, score.high))
    assert one.coverage == score.coverage
    assert sum(part.points for part in one.parts) == pytest.approx(one.score, abs=1e-9)
    assert sum(part.weight for part in one.parts) == pytest.approx(1)
    moved = sum(part.moved.difference for part in one.parts)
    assert moved == pytest.approx(one.moved.difference, abs=1e-9)
    assert one.score - one.before == pytest.approx(one.moved.difference, abs=1e-9)
    for part in one.parts:
        assert sum(k.moved.difference for k in part.kpis) == pytest.approx(part.moved.difference)
    assert {part.name: part.moved.verdict for part in one.parts} == {
        "experience": "worse",
        "friction": "better",
        "business": "unclear",
        "qualitative": "unclear",
    }


def test_only_what_both_periods_have_is_compared(make):
    now = {name: value for name, value in make.ALL.items() if name != "value"}
    one = compare(known(make), Shelf(both(make, make.ALL, now)), "month", JAN, FEB)
    assert one.left_out == ("value",)
    assert one.moved.difference == pytest.approx(0, abs=1e-6)
    assert one.coverage == pytest.approx(0.75)


def test_a_changed_definition_is_not_compared(make):
    rows = [make.reading(name, value, definition_hash="a") for name, value in make.ALL.items()]
    rows += [
        make.reading(
            name,
            0.0 if name == "csat" else value,
            period_start=FEB,
            period_end=MAR,
            definition_hash="b" if name == "csat" else "a",
        )
        for name, value in make.ALL.items()
    ]
    one = compare(known(make), Shelf(pa.Table.from_pylist(rows, schema=STORED)), "month", JAN, FEB)
    assert one.left_out == ("csat",)
    assert one.moved.difference == pytest.approx(0, abs=1e-6)


def test_without_an_earlier_period_there_is_a_score_and_no_change(make):
    one = compare(known(make), Shelf(both(make, make.ALL, make.ALL)), "month", None, JAN)
    assert one.score is not None
    assert one.moved.difference is None
    assert one.moved.why == "the two periods share no data"


def test_nothing_now_is_no_comparison(make):
    assert compare(known(make), Shelf(both(make, make.ALL, {})), "month", JAN, FEB) is None


def test_a_stage_is_asked_only_for_what_is_measured_there(make):
    card = make.definitions(
        *(
            make.kpi(name, stages=("conversion",) if name == "value" else ("retention",))
            for name in make.ALL
        )
    )
    others = {name: value for name, value in make.ALL.items() if name != "value"}
    missing = {name: value for name, value in others.items() if name != "csat"}
    for stage, values, coverage in (
        ("retention", others, 1.0),
        ("conversion", {"value": 0.4}, 1.0),
        # 45% of the 75% that retention is asked for.
        ("retention", missing, 0.6),
    ):
        rows = Shelf(both(make, values, values, stage=stage))
        one = compare(card, rows, "month", JAN, FEB, stage=stage)
        assert one.coverage == pytest.approx(coverage)


def test_a_dimension_without_any_kpi_is_missing_everywhere(make):
    card = make.definitions(
        *(make.kpi(name, stages=("retention",)) for name in make.ALL if name != "trust")
    )
    rows = both(make, make.ALL, make.ALL, stage="retention")
    one = compare(card, Shelf(rows), "month", JAN, FEB, stage="retention")
    assert one.coverage == pytest.approx(0.85)
