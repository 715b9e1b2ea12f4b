"""The portfolio says how far each experiment is, and where none was tried."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

import heedful
from heedful.definitions.project_files import Definitions, load
from heedful.experiments.portfolio import matures, portfolio

CATALOGUE = Path(heedful.__file__).parent / "kpis" / "catalogue"
OWNED = "owner: cx\nplaybook: listen\n"
FILES = {
    "heedful.yaml": (
        "{name: Acme, timezone: UTC, currency: EUR, stages: [first, second, third, fourth],"
        " teams: {cx: {name: Care}}}\n"
    ),
    "hypotheses.yaml": (
        "- {id: h, friction: a, behaviour: b, outcome: c, stage: first, kpi: csat, owner: cx}\n"
    ),
    "playbooks/listen.md": "# Listen\n",
    "kpis/csat.yaml": f"target: 80%\n{OWNED}",
    "kpis/ease.yaml": OWNED,
    "kpis/nps.yaml": OWNED,
    "kpis/activation.yaml": f"stages: []\n{OWNED}",
    "kpis/retention.yaml": f"stages: []\n{OWNED}",
}
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def written(**other: str) -> str:
    """An experiment in March, its fields in other words."""
    fields = {
        "title": "Test",
        "question": "Does it?",
        "hypothesis": "h",
        "owner": "cx",
        "approver": "cx",
        "stage": "first",
        "start": str(MARCH),
        "end": str(APRIL),
        "variants": "[{name: control}, {name: new}]",
        "primary": "{kpi: csat}",
        "guardrails": "[{kpi: nps, margin_absolute: 3}, {kpi: ease, margin: 5%}]",
        "window_days": "10",
        **other,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


@pytest.fixture
def company(tmp_path: Path):
    """Reads a company with some experiments."""

    def read(**experiments: str) -> Definitions:
        files = {f"experiments/{name}.yaml": text for name, text in experiments.items()}
        for name, text in {**FILES, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return load(tmp_path, CATALOGUE).valid()

    return read


@pytest.mark.parametrize(
    ("on", "state", "left"),
    [
        (date(2026, 2, 1), "planned", 28),
        (MARCH - timedelta(days=1), "planned", 1),
        (MARCH, "running", 31),
        (APRIL - timedelta(days=1), "running", 1),
        (APRIL, "maturing", 10),
        (date(2026, 4, 10), "maturing", 1),
        (date(2026, 4, 11), "finished", None),
        (date(2027, 1, 1), "finished", None),
    ],
)
def test_how_far_it_is(company, on, state, left):
    (row,) = portfolio(company(one=written()), on).rows
    assert (row.state, row.days_left) == (state, left)
    assert (row.start, row.closes, row.matures) == (MARCH, APRIL, date(2026, 4, 11))


def test_what_was_stopped_closes_on_that_day(company):
    definitions = company(one=written(stopped="2026-03-10"))
    states = [portfolio(definitions, date(2026, 3, day)).rows[0].state for day in (9, 10, 19, 20)]
    assert states == ["running", "maturing", "maturing", "finished"]


@pytest.mark.parametrize(
    ("other", "days"),
    [
        ({}, 10),
        ({"primary": "{kpi: csat, delay_days: 5}"}, 15),
        ({"secondary": "[{kpi: csat, window_days: 30, delay_days: 2}]"}, 32),
        # A row of activation is known 14 days later; retention is followed to its horizon.
        ({"primary": "{kpi: activation}"}, 24),
        ({"secondary": "[{kpi: retention}]"}, 90),
        ({"secondary": "[{kpi: retention, window_days: 20}]"}, 20),
    ],
)
def test_matures_when_the_last_unit_has_its_longest_outcome(company, other, days):
    definitions = company(one=written(**other))
    found = matures(definitions.experiments["one"], definitions.kpis)
    assert found == APRIL + timedelta(days=days)


def test_stages_are_in_the_order_of_the_journey_and_those_without_are_named(company):
    definitions = company(
        late=written(stage="third", start="2026-03-15", design="holdout", title="Late"),
        early=written(stage="third", start="2026-02-01", end="2026-03-01"),
        a=written(stage="third", start="2026-03-15", after="early", primary="{kpi: nps}").replace(
            "{kpi: nps, margin_absolute: 3}", "{kpi: csat, margin: 5%}"
        ),
        b=written(),
    )
    found = portfolio(definitions, MARCH)
    assert [(row.stage, row.experiment) for row in found.rows] == [
        ("first", "b"),
        ("third", "early"),
        ("third", "a"),
        ("third", "late"),
    ]
    assert found.without == ("second", "fourth")
    a, late = found.rows[2:]
    assert (a.after, a.primary, a.owner, a.design) == ("early", "nps", "cx", "ab")
    assert (late.title, late.design, late.after) == ("Late", "holdout", None)


def test_without_experiments_every_stage_is_without(company):
    found = portfolio(company(), MARCH)
    assert found.rows == ()
    assert found.without == ("first", "second", "third", "fourth")
