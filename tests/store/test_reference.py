"""docs/tables.md is what the tables' files say."""

from pathlib import Path

from heedful.store import schema
from heedful.store.reference import page

DOCS = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_current():
    assert DOCS.read_text(encoding="utf-8") == page(), "run make docs"


def test_every_table_has_its_key_and_time_among_its_columns():
    for name in schema.names():
        table = schema.table(name)
        assert table.columns[table.key].required or name == "identities"
        assert table.time is None or table.columns[table.time].kind == "timestamp"
        assert all(column.says.endswith(".") for column in table.columns.values()), name
