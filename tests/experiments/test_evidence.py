"""When an outcome counts as complete."""

from __future__ import annotations

import pytest

from heedful.experiments.evidence import windows_passed
from heedful.experiments.example import outcome


@pytest.mark.parametrize(
    ("role", "waiting", "passed"),
    [
        ("primary", 0, True),
        ("primary", 50, True),
        ("primary", 51, False),
        ("guardrail", 51, False),
        ("secondary", 1000, True),
    ],
)
def test_windows_of_the_primary_and_of_guardrails_count(role, waiting, passed):
    outcomes = [outcome(), outcome(role=role, waiting=waiting)]
    assert windows_passed(outcomes, 1000) is passed


def test_without_units_nothing_waits():
    assert windows_passed([outcome()], 0)
