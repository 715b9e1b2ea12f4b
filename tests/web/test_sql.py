"""The console for SQL: reads the project's data, for who may, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
import threading

import pyarrow.parquet as pq
import pytest

from heedful.engines.duckdb import QueryError
from heedful.web.pages import sql_console
from heedful.web.pages.sql_console import line_of
from heedful.web.pages.sql_schema import examples

HOSTILE = '<script>alert("x")</script>'


def text(answer):
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def ask(client, query, **params):
    return client.get("/sql", params={"q": query, **params})


def test_what_there_is(analyst, site):
    answer = analyst.get("/sql")
    assert answer.status_code == 200
    for name in ("tickets", "facts.survey_answers", "readings", "imports", "rejected_rows"):
        assert f'<details id="{name}">' in answer.text
    assert "When it was opened." in answer.text
    assert "Which question, such as csat, nps or ces." in answer.text


def test_every_example_works(analyst, site):
    found = examples(site.edition)
    assert len(found) == 4
    for one in found:
        answer = ask(analyst, one.query)
        assert answer.status_code == 200, one.query
        assert "No row answers it" not in answer.text


def test_an_answer(analyst):
    answer = ask(analyst, "SELECT 1.5 AS a, -3 AS b, NULL AS c, 'x' AS d, DATE '2026-01-02' AS e")
    assert '<td class="num">1.5</td>' in answer.text
    assert '<td class="num">−3</td>' in answer.text
    assert '<span class="muted">–</span>' in answer.text
    assert "<td>2026-01-02</td>" in answer.text
    assert "1 row" in text(answer)
    assert "SELECT 1.5 AS a" in answer.text


def test_what_customers_wrote_stays_text(analyst):
    answer = ask(analyst, f"SELECT device, '{HOSTILE}' AS \"<b>\" FROM responses ORDER BY device")
    assert HOSTILE not in answer.text
    assert "<b>" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_rows_are_limited_and_that_is_said(analyst):
    answer = ask(analyst, "SELECT * FROM range(1000)", limit=100)
    assert answer.text.count('<td class="num">') == 100
    assert "there are more" in answer.text
    assert "Only the first 100" in text(answer)
    answer = ask(analyst, "SELECT * FROM range(5000)", limit=1_000_000)
    assert answer.text.count('<td class="num">') == 2000


def test_a_failed_query_marks_its_line(analyst):
    answer = ask(analyst, "SELECT 1\nFROM responses\nWHERE a = = 2")
    assert answer.status_code == 400
    assert "<mark>WHERE a = = 2</mark>" in answer.text
    assert "line 3" in text(answer)
    answer = ask(analyst, f"SELECT '{HOSTILE}' FROM nowhere")
    assert answer.status_code == 400
    assert HOSTILE not in answer.text
    answer = ask(analyst, "SELECT 1\nFROM responses JOIN\n  nowhere USING (x)")
    assert "<mark>  nowhere USING (x)</mark>" in answer.text
    assert line_of(QueryError("no line"), "SELECT 1") is None
    assert line_of(QueryError('"a" is odd'), "a\na") is None


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM responses",
        "SELECT 1; DROP TABLE responses",
        "COPY responses TO '/tmp/heedful-stolen.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM parquet_scan('../../*/*.parquet')",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "EXPORT DATABASE '/tmp/x'",
        "LOAD httpfs",
    ],
)
def test_nothing_else_is_read_or_written(analyst, query):
    answer = ask(analyst, query)
    assert answer.status_code == 400, text(answer)
    assert "That did not work" in answer.text


def test_viewers_are_told_so(viewer, site):
    before = len(site.edition.project.audit.all(10_000))
    answer = ask(viewer, "SELECT 42 AS secret_number")
    assert answer.status_code == 200
    assert "takes the role analyst; you are a viewer" in text(answer)
    assert "<textarea" not in answer.text
    assert "secret_number" not in answer.text
    assert viewer.get("/sql/rows.csv", params={"q": "SELECT 1"}).status_code == 403
    assert len(site.edition.project.audit.all(10_000)) == before


def test_every_query_is_written_down(analyst, site):
    ask(analyst, "SELECT 'asked for' AS x")
    ask(analyst, "SELECT broken")
    broken, asked = site.edition.project.audit.all(2)
    assert (asked.who, asked.verb, asked.object) == ("analyst@example.org", "asked", "sql")
    assert asked.detail == "SELECT 'asked for' AS x"
    assert broken.detail == "SELECT broken"


def test_a_link_of_another_site_runs_nothing(analyst, site):
    before = site.edition.project.audit.all(1)[0].id
    headers = {"sec-fetch-site": "cross-site"}
    answer = analyst.get("/sql", params={"q": "SELECT 42 AS n"}, headers=headers)
    assert "Read the query; then run it." in text(answer)
    assert "SELECT 42 AS n" in answer.text
    assert (
        analyst.get("/sql/rows.csv", params={"q": "SELECT 1"}, headers=headers).status_code == 403
    )
    assert site.edition.project.audit.all(1)[0].id == before


def test_files(analyst):
    query = (
        "SELECT n, '=' || n AS f, -1.5 * n AS m, 'nan'::DOUBLE AS x FROM range(3) t(n) ORDER BY n"
    )
    answer = analyst.get("/sql/rows.csv", params={"q": query})
    assert answer.headers["content-disposition"] == 'attachment; filename="query.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [r["f"] for r in rows] == ["'=0", "'=1", "'=2"]
    assert [float(r["m"]) for r in rows] == [0, -1.5, -3]
    assert {r["x"] for r in rows} == {""}
    answer = analyst.get("/sql/rows.parquet", params={"q": query})
    assert pq.read_table(io.BytesIO(answer.content))["f"].to_pylist() == ["=0", "=1", "=2"]
    answer = analyst.get("/sql/rows.json", params={"q": query})
    assert json.loads(answer.text)[1] == {"n": 1, "f": "=1", "m": -1.5, "x": None}
    assert analyst.get("/sql/rows.csv", params={"q": "SELEC"}).status_code == 400
    assert analyst.get("/sql/rows.exe", params={"q": "SELECT 1"}).status_code == 422


def test_too_much_is_refused(analyst):
    assert ask(analyst, "SELECT 1 --" + "x" * 19_000).status_code == 200
    assert ask(analyst, "SELECT 1 --" + "x" * 20_000).status_code == 422
    assert ask(analyst, "SELECT 1", limit=0).status_code == 422
    assert ask(analyst, "SELECT 1\0").status_code == 400


def test_few_queries_run_at_a_time(analyst, monkeypatch):
    gate = threading.Semaphore(0)
    monkeypatch.setattr(sql_console, "_gate", gate)
    monkeypatch.setattr(sql_console, "PATIENCE", 0.01)
    answer = ask(analyst, "SELECT 1")
    assert answer.status_code == 400
    assert "run already" in text(answer)
    assert analyst.get("/sql/rows.csv", params={"q": "SELECT 1"}).status_code == 429


def test_long_texts_are_cut_on_the_page(analyst):
    answer = ask(analyst, "SELECT repeat('y', 5000) AS x")
    assert "y" * 399 + "…" in answer.text
    assert "y" * 401 not in answer.text


def test_before_anything_was_imported(browsers, empty_site):
    client = type(browsers)(empty_site)("analyst")
    assert client.get("/sql").status_code == 200
    answer = ask(client, "SELECT * FROM tickets")
    assert "No row answers it" in answer.text
