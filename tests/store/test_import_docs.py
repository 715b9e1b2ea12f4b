"""What docs/import.md shows works as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ruamel.yaml import YAML

from heedful.definitions.source import Source

PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[number]


def frozen(value):
    if isinstance(value, list):
        return tuple(map(frozen, value))
    if isinstance(value, dict):
        return {key: frozen(one) for key, one in value.items()}
    return value


def test_the_example_imports_what_it_says(project):
    given = frozen(YAML(typ="safe").load(block("yaml")))
    given["observed_until"] = str(given["observed_until"])
    assert Source(name="tickets", **given).globs == {"files": ("../exports/tickets-*.csv",)}
    project.put(
        "../exports/tickets-1.csv",
        "Number;Created;Subject;Status;Region\n"
        "1;05.01.2024 10:30; Refund ;open;EMEA\n2;06.01.2024 09:00;?;deleted;?\n",
    )
    done = project.run(**given)
    assert (done.inserted, done.left_out) == (1, 1)
    assert project.sql("SELECT ticket_id, opened_at::VARCHAR, channel, topic, region FROM t") == [
        ("1", "2024-01-05 09:30:00+00", "email", "refund", "EMEA")
    ]


def test_a_known_export_needs_no_more_than_the_page_says(project):
    given = frozen(YAML(typ="safe").load(block("yaml", 1)))
    row = {"id": 1, "created_at": "2026-01-05T10:00:00Z", "status": "new", "brand_id": 7}
    rows = [{**row, "metric_set": {"solved_at": None}}, {**row, "id": 2, "brand_id": 8}]
    project.put("../exports/zendesk/tickets-1.json", json.dumps({"tickets": rows}))
    done = project.run(**given)
    assert (done.inserted, done.left_out) == (1, 1)
    assert project.sql("SELECT ticket_id, touchpoint, status FROM t") == [("1", "help", "new")]


def test_the_select_works(project):
    project.parameters = {"activity_first_response": ("Take in charge",)}
    project.put(
        "in.csv",
        "Case ID,at,activity\n7,2024-01-05,Open\n7,2024-01-06,Take in charge\n8,2024-01-07,Open\n",
    )
    project.put("t.sql", block("sql"))
    assert project.run(sql="t.sql").inserted == 2
    assert project.sql("SELECT count(first_response_at) FROM t") == [(1,)]


def test_every_ending_that_is_read_is_named():
    from heedful.store.reading import SUFFIXES

    named = set(re.findall(r"\.[a-z]+", PAGE.split("## Files")[1].split("## Values")[0]))
    assert set(SUFFIXES) <= named


def test_the_database_that_is_shown_passes_the_check(tmp_path):
    from heedful.project import check

    shown = re.search(r"## Databases.*?```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
    (tmp_path / "heedful.yaml").write_text("name: a\ntimezone: UTC\ncurrency: EUR\n")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "orders.yaml").write_text(shown)
    assert [p for p in check(tmp_path).problems if p.file.startswith("sources/")] == []
    from heedful.definitions.database import READ
    from heedful.store.nested import MOST

    for name in READ:
        assert f"`{name}`" in PAGE.split("of `read`, ")[1].split(".")[0]
    assert f"({MOST} at most a column)" in PAGE
