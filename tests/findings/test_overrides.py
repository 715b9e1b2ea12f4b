"""A stage's or segment's own target, threshold and owner decide its findings, in replayed pasts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from heedful.definitions.kpi import Kpi
from heedful.findings.episode import Episode, replay
from heedful.findings.evidence import Witness, _owner, finding
from heedful.findings.finding import Finding, Segment
from heedful.findings.past import Past
from heedful.findings.signals import RATE, Signal, listen
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from simulation import findings as drawn

WEEKS = 22
CALM = {"rule": "change", "by": 0.10}
LIMIT = {"rule": "below_target"}
PRO, FREE = ("plan", "pro"), ("plan", "free")
ALL = drawn.series(500, kpis=3, both=3)
"""Three KPIs in both stages: shares of 6%, 15% and 30%."""
NAME = "kpi02"
SIGNAL = Signal(
    "week:kpi02:*:worse",
    "change",
    "kpi02",
    None,
    None,
    None,
    better=False,
    rising=False,
    p=0.001,
    adjusted=0.01,
    family=9,
    size=2.0,
    width=4,
    moved=(),
)
VALUE = 0.3


def segmented(rows: pa.Table, stage: str | None, part: tuple[str, str]) -> pa.Table:
    """The readings of a stage, as if they were those of a segment."""
    where = pc.is_null(rows["stage"]) if stage is None else pc.equal(rows["stage"], stage)
    found = rows.filter(pc.and_(pc.equal(rows["kpi"], NAME), where))
    for name, value in zip(("dimension", "segment"), part, strict=True):
        at = found.schema.get_field_index(name)
        column = pa.array([value] * found.num_rows, STORED.field(name).type)
        found = found.set_column(at, STORED.field(name), column)
    return found


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """A past in which nothing happens, with two segments of one KPI."""
    world = drawn.World(customers=500, weeks=WEEKS)
    whole = drawn.shelf(np.random.default_rng(4), world, ALL).rows().select(STORED.names)
    parts = [
        segmented(whole, stage, part) for stage in (None, "onboarding") for part in (PRO, FREE)
    ]
    return pa.concat_tables([whole, *parts])


def past_of(rows: pa.Table, **of_kpi: Any) -> Past:
    definitions = drawn.definitions(ALL)
    raw = definitions.kpis[NAME].model_dump(exclude_defaults=True, by_alias=True)
    better = {"better": "higher", "threshold": CALM, **of_kpi}
    definitions.kpis[NAME] = Kpi.model_validate({**raw, **better})
    definitions.settings = SimpleNamespace(timezone="UTC", currency="EUR")
    definitions.experiments = {}
    return Past(definitions, Shelf(rows), "week")


def replayed(past: Past) -> list[Episode]:
    """Missed limits; a drawn past also holds chance changes, which are tested elsewhere."""
    found = [one for one in replay(past, {})[0] if one.signal.kpi == NAME and one.level]
    unique = {one.signal.key: one for one in found}
    return list(unique.values())


def told(past: Past, episodes: Sequence[Episode]) -> list[Finding]:
    witness = Witness(
        past.definitions,
        {},
        (),
        lambda _name: None,
        lambda day: datetime.combine(day, time(), UTC),
    )
    found = [finding(one, past, witness) for one in episodes]
    return [one for one in found if one is not None]


def test_without_overrides_nothing_is_told(rows: pa.Table) -> None:
    assert replayed(past_of(rows, target=0.2, threshold=LIMIT)) == []


def test_a_stages_own_target_makes_a_finding_there_and_its_owner_owns_it(rows: pa.Table) -> None:
    own = {"stage": "onboarding", "target": 0.4, "owner": "success"}
    past = past_of(rows, target=0.2, threshold=LIMIT, overrides=(own,))
    (found,) = told(past, replayed(past))
    assert (found.kind, found.stage, found.rule) == ("threshold", "onboarding", "below_target")
    assert found.owner == "success"
    assert "below its target" in found.title


def test_a_stages_own_target_can_take_a_finding_away(rows: pa.Table) -> None:
    every = {"target": 0.4, "threshold": LIMIT}
    before = {one.signal.stage for one in replayed(past_of(rows, **every))}
    assert before == {None}, "several stages miss it, so it is the whole's"
    own = {"stage": "onboarding", "target": 0.2}
    assert {one.signal.stage for one in replayed(past_of(rows, **every, overrides=(own,)))} <= {
        None,
        "retention",
    }
    calm = {"stage": "retention", "threshold": CALM}
    past = past_of(rows, **every, overrides=(own, calm))
    assert {one.signal.stage for one in replayed(past)} == {None}


def test_a_stage_with_its_own_target_is_told_beside_the_whole(rows: pa.Table) -> None:
    own = {"stage": "onboarding", "target": 0.5, "owner": "success"}
    past = past_of(rows, target=0.4, threshold=LIMIT, overrides=(own,))
    found = {(one.stage, one.owner) for one in told(past, replayed(past))}
    assert ("onboarding", "success") in found
    assert len(found) == 2


def test_a_segments_own_limit_makes_a_finding_of_that_segment(rows: pa.Table) -> None:
    own = {"segment": {"plan": "pro"}, "target": 0.4, "threshold": LIMIT, "owner": "success"}
    past = past_of(rows, overrides=(own,))
    (found,) = told(past, replayed(past))
    assert found.part == PRO
    assert found.stage is None
    assert found.owner == "success"
    assert "for plan pro" in found.title or "on the plan pro" in found.title
    assert found.where == found.who == ()
    # What it is about is part of its key, so it is never taken for the whole's.
    assert found.key.endswith(":level:plan=pro")


def test_a_segment_in_a_stage_goes_by_the_most_specific_limit(rows: pa.Table) -> None:
    overrides = (
        {"segment": {"plan": "pro"}, "target": 0.4, "threshold": LIMIT},
        {"stage": "onboarding", "segment": {"plan": "pro"}, "target": 0.2, "owner": "success"},
    )
    past = past_of(rows, overrides=overrides)
    assert set(past.watched) == {(NAME, None, PRO), (NAME, "onboarding", PRO)}
    assert [(one.signal.stage, one.signal.part) for one in replayed(past)] == [(None, PRO)]


def test_a_segments_target_without_a_limit_is_only_shown(rows: pa.Table) -> None:
    past = past_of(rows, overrides=({"segment": {"plan": "pro"}, "target": 0.9},))
    assert past.watched == {}
    assert replayed(past) == []


def test_a_segment_that_is_never_read_makes_no_test(rows: pa.Table) -> None:
    own = {"segment": {"plan": "gold"}, "target": 0.4, "threshold": LIMIT}
    assert past_of(rows, overrides=(own,)).watched == {}


def test_watched_segments_stand_in_the_family_of_levels(rows: pa.Table) -> None:
    """Each watched segment is one more test, and the correction counts it."""
    near = VALUE * 1.02
    one = ({"segment": {"plan": "pro"}, "target": near, "threshold": LIMIT},)
    both = (*one, {"segment": {"plan": "free"}, "target": 0.05, "threshold": LIMIT})
    alone, beside = past_of(rows, overrides=one), past_of(rows, overrides=both)
    place = len(alone.days) - 1
    assert listen(beside, {}, place).tested == listen(alone, {}, place).tested + 1
    for past, tests in ((alone, 1), (beside, 2)):
        for at in range(len(past.days)):
            for signal in listen(past, {}, at).signals:
                if signal.part is not None:
                    assert signal.family == tests
                    assert signal.p <= signal.adjusted <= RATE


def test_an_owner_of_a_segment_owns_findings_in_which_it_stands_out(rows: pa.Table) -> None:
    overrides = (
        {"segment": {"plan": "pro"}, "owner": "success"},
        {"stage": "onboarding", "segment": {"plan": "pro"}, "owner": "product"},
    )
    past = past_of(rows, overrides=overrides)
    assert past.watched == {}
    device, pro, free = (
        Segment(dimension, value, *[None] * 6, 0, *[None] * 8, stands_out=True)
        for dimension, value in (("device", "mobile"), PRO, FREE)
    )
    for stage, hot, owner in (
        (None, [device, pro], "success"),
        ("onboarding", [pro, device], "product"),
        (None, [device, free], "a"),
        (None, [], "a"),
    ):
        signal = replace(SIGNAL, stage=stage)
        assert _owner(past, signal, past.definitions.kpis[NAME].at(stage), hot) == owner
