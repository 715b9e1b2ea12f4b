"""The page about facts says what the facts say."""

from __future__ import annotations

from pathlib import Path

from heedful.facts import reference
from heedful.facts.inspection import inspect

PAGE = Path(__file__).parents[2] / "docs" / "facts.md"


def test_the_page_is_current():
    again = "run python -m heedful.facts.reference > docs/facts.md"
    assert PAGE.read_text(encoding="utf-8") == reference.reference(), again


def test_its_example_is_a_fact():
    text = reference.INTRODUCTION.split("```sql\n")[1].split("```")[0]
    found = inspect("settled", text, "facts/settled.sql", own=True)
    assert found.problems == ()
