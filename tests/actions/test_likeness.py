"""Past actions about something alike come first, with what came of them."""

from __future__ import annotations

from datetime import date

from heedful.actions.likeness import similar
from heedful.ledger.outcome import Outcome

MEASURED = Outcome("measured", "Better.", verdict="better")


def ids(found):
    return [each.id for each in found]


def test_the_most_alike_first(given):
    actions = [
        given.action(id=1, kpi="nps"),
        given.action(id=2, playbook="forms", kpi="nps"),
        given.action(id=3),
        given.action(id=4, stage="onboarding"),
        given.action(id=5, stage="onboarding", outcome=MEASURED),
        given.action(id=6, stage="onboarding", outcome=MEASURED, done_on=date(2026, 7, 1)),
        given.action(id=7, playbook="forms"),
    ]
    found = similar(actions, kpis=("csat",), playbook="forms", stage="onboarding")
    assert ids(found) == [7, 6, 5, 4, 3, 2]


def test_the_same_pattern_counts_and_its_own_actions_do_not(given):
    actions = [
        given.action(id=1, kpi="nps", pattern="fast_but_wrong"),
        given.action(id=2, finding="f1"),
        given.action(id=3, kpi=None),
    ]
    assert ids(similar(actions, finding="f1", kpis=("csat",), pattern="fast_but_wrong")) == [1]
    assert similar(actions) == []
