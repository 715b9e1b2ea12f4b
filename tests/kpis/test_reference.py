"""docs/kpis.md is what the catalogue says."""

from pathlib import Path

from heedful.kpis.reference import page

DOCS = Path(__file__).parents[2] / "docs" / "kpis.md"


def test_the_page_is_current():
    assert DOCS.read_text(encoding="utf-8") == page(), "run make docs"


def test_planned_kpis_are_named_and_have_no_row():
    text = page()
    assert "- `lifetime_value`:" in text
    assert "| `lifetime_value`" not in text
    assert "| `nps` (core)" in text
