"""Files, names and values that were made to do harm, or look so."""

from __future__ import annotations

import csv
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.store.quoting import quoted

BLANKS = " \t\r\n\u00a0"
NAMES = [
    "select",
    'a"b',
    "a'b",
    "a.b",
    "a;DROP TABLE files;--",
    "ünïcödé ✓",
    "日本",
    "in.ticket_id",
    "raw.id",
    "text.id",
    "_kept",
    "_reason",
    "_content",
    "_hash",
    "_month",
    "_no",
    "_source",
    "changes",
    "rows",
    "v",
    "r._row",
    "{}",
    "%s",
    "$name",
    "a\\b",
    "1",
    "",
    "*",
    "--",
    "/* x */",
    "filename",
    "file_row_number",
    "_line",
    "_file",
    "_row",
]


@pytest.mark.parametrize("generated", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_any_column_name_is_only_a_name(project, suffix, generated):
    """Every name is read, hashed, shown among rejected rows, and used as an attribute."""
    names = ["id", "opened", *NAMES]
    values = ["1", "2024-01-01", *(f"v{n}" for n in range(len(NAMES)))]
    bad = ["2", "never", *values[2:]]
    if suffix == "csv":
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([names, values, bad])
        project.put("in.csv", out.getvalue())
    elif suffix == "jsonl":
        rows = [dict(zip(names, row, strict=True)) for row in (values, bad)]
        project.put("in.jsonl", "\n".join(map(json.dumps, rows)))
    else:
        columns = [pa.array(pair) for pair in zip(values, bad, strict=True)]
        pq.write_table(pa.Table.from_arrays(columns, names=names), project.root / "in.parquet")
    renamed = {"", "_line", "_file", "_row", "file_row_number"}
    wanted = [name for name in NAMES if name not in renamed]
    attributes = {f"a{n}": name for n, name in enumerate(wanted)}
    given = {"path": f"in.{suffix}", "attributes": attributes}
    if generated:
        given |= {"key": "generated", "columns": {"opened_at": "opened"}}
    done = project.run(**given)
    assert (done.inserted, done.rejected) == (1, 1)
    found = project.sql(f"SELECT {', '.join(attributes)} FROM t")[0]
    assert list(found) == [f"v{NAMES.index(name)}" for name in wanted]
    shown = json.loads(project.rejected()[0].values)
    assert [shown[name] for name in wanted] == list(found)
    assert project.run(**given).unchanged == 1


def test_any_column_name_can_be_used_in_an_expression_and_a_select(project):
    names = ["select", 'a"b', "a'b", "a.b", "ünïcödé ✓", "a;--", "*", "$x", "a\\b"]
    out = io.StringIO()
    csv.writer(out).writerows([["id", "opened", *names], [1, "2024-01-01", *range(len(names))]])
    project.put("in.csv", out.getvalue())
    columns = {"ticket_id": "id", "opened_at": "opened"}
    attributes = {f"a{n}": f"{quoted(name)} + 1" for n, name in enumerate(names)}
    where = " AND ".join(f"{quoted(name)} = {n}" for n, name in enumerate(names))
    project.run(columns=columns, attributes=attributes, where=where)
    shown = ", ".join(attributes)
    assert project.sql(f"SELECT {shown} FROM t") == [tuple(str(n + 1) for n in range(len(names)))]
    items = ", ".join(f"{quoted(name)} + 2 AS a{n}" for n, name in enumerate(names))
    project.put("t.sql", f"SELECT id AS ticket_id, opened AS opened_at, {items} FROM files")
    project.run(sql="t.sql", attributes={name: name for name in attributes})
    assert project.sql(f"SELECT {shown} FROM t") == [tuple(str(n + 2) for n in range(len(names)))]


FILES = [
    "with space.csv",
    "it's.csv",
    'say "x".csv',
    "100%.csv",
    "a%20b.csv",
    "a%2Fb.csv",
    "ünïcödé.csv",
    "日本.csv",
    "x'); DROP TABLE files; --.csv",
    "-rf.csv",
    "a[1].csv",
    "a*b.csv",
    "what?.csv",
    "back\\slash.csv",
    "new\nline.csv",
    "team=cx/month=2024-01/a.csv",
    ".hidden.csv",
    "UPPER.CSV",
]


def test_any_file_name_is_only_a_name(project):
    every = []
    for number, name in enumerate(FILES):
        project.put(name, f"id,opened\n{number},2024-01-01\n2,x\n")
        table = pa.table({"id": [f"p{number}"], "opened": ["2024-01-01"]})
        pq.write_table(table, project.root / f"{name}.parquet")
        every += [name, f"{name}.parquet"]
    done = project.run(path=tuple(every))
    assert (done.inserted, done.rejected, done.notes) == (len(every), len(FILES), ())
    assert {row[0] for row in project.sql("SELECT _file FROM t")} == set(every)
    assert {bad.file for bad in project.rejected()} == set(FILES)
    assert project.run(path=tuple(every)).unchanged == len(every)
    project.put("t.sql", "SELECT id AS ticket_id, opened AS opened_at, _file AS topic FROM files")
    project.run(name="sql", sql="t.sql", path=tuple(every))
    assert set(project.column("topic")) == set(every)


@pytest.mark.parametrize("name", ["it's", "a[1]*%2F", "..", "a/b=c"])
def test_any_source_name_is_only_a_name(project, name):
    project.put("in.csv", "id,opened\n1,2024-01-01\n2,x\n")
    assert project.run(name=name).inserted == 1
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    done = project.run(name=name)
    assert (done.unchanged, done.rejected) == (1, 0)
    assert project.run(name=name, key="generated", columns={"opened_at": "opened"}).inserted == 1
    assert [row[0] for row in project.sql("SELECT DISTINCT _source FROM t")] == [name]


@pytest.mark.parametrize("folder", ["with space", "it's 100%", "ünï a=b x#y"])
def test_a_project_may_lie_in_any_folder(new_project, folder):
    project = new_project()
    project.root = project.root / folder
    project.put("in.csv", "id,opened\n1,2024-01-01\n2,x\n")
    pq.write_table(pa.table({"id": ["3"], "opened": ["2024-02-01"]}), project.root / "in.parquet")
    assert project.run(path="in.*").inserted == 2
    project.put("in.csv", "id,opened\n1,2024-03-01\n")
    done = project.run(path="in.*")
    assert (done.updated, done.unchanged) == (1, 1)
    project.put("t.sql", "SELECT id AS ticket_id, opened AS opened_at FROM files")
    assert project.run(sql="t.sql", path="in.*").unchanged == 2
    assert project.column("ticket_id") == ["1", "3"]


def test_values_that_hold_what_separates_values(project):
    """Different rows must never have the same key or the same hash."""
    values = ["", "\x1f", "\0", "a\x1fb", "a\0b", "1:a", "-", "a'b", 'a"b', "\x1f\x1f"]
    rows = [f'"{a}x","{b}x"'.replace('a"bx', 'a""bx') for a in values for b in values]
    project.put("in.csv", "a,b\n" + "\n".join(rows) + "\n")
    columns = {"opened_at": {"constant": "2024-01-01"}, "topic": "a", "status": "b"}
    done = project.run(key="generated", columns=columns)
    assert (done.inserted, done.superseded) == (len(values) ** 2, 0)
    assert project.sql("SELECT count(DISTINCT _hash) FROM t") == [(len(values) ** 2,)]
    assert project.run(key="generated", columns=columns).unchanged == len(values) ** 2
    assert set(project.column("topic")) == {f"{value}x".strip(BLANKS) for value in values}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_any_text_arrives_and_stays(new_project, rows):
    project = new_project()
    lines = [json.dumps({"n": n, "a": a, "b": b}) for n, (a, b) in enumerate(rows)]
    project.put("in.jsonl", "\n".join(lines) + "\n")
    columns = {"ticket_id": "n", "topic": "a", "status": "b"}
    given = {"path": "in.jsonl", "columns": columns | {"opened_at": {"constant": "2024-01-01"}}}
    assert project.run(**given).inserted == len(rows)
    assert project.run(**given).unchanged == len(rows)
    found = project.sql("SELECT topic, status FROM t ORDER BY ticket_id::INT")
    assert found == [(a.strip(BLANKS) or None, b.strip(BLANKS) or None) for a, b in rows]


def test_a_wide_file(project):
    luck = random.Random(1)
    names = [f"column {n}" for n in range(500)]
    rows = [[str(luck.randrange(1000)) for _ in names] for _ in range(2_000)]
    rows[7][3] = "x"
    text = "\n".join(",".join(row) for row in [["id", "opened", *names]])
    text += "\n" + "\n".join(f"{n},2024-01-01," + ",".join(row) for n, row in enumerate(rows))
    project.put("in.csv", text + "\n9999,never," + "," * 499 + "\n")
    columns = {"ticket_id": "id", "opened_at": "opened", "reopens": '"column 3" + "column 499"'}
    attributes = {f"c{n}": f"column {n}" for n in range(100)}
    done = project.run(columns=columns, attributes=attributes)
    assert (done.inserted, done.rejected) == (1_999, 2)
    assert len(json.loads(project.rejected()[0].values)) == 502
    expected = int(rows[0][3]) + int(rows[0][499])
    assert project.sql("SELECT reopens FROM t WHERE ticket_id = '0'") == [(expected,)]
    project.put("t.sql", "SELECT id AS ticket_id, opened AS opened_at FROM files WHERE id < 9999")
    done = project.run(sql="t.sql")
    assert (done.read, done.rejected) == (2_001, 1)
    generated = {"opened_at": "opened", "topic": "column 4"}
    assert project.run(name="g", key="generated", columns=generated).inserted == 2_000


def test_every_row_of_a_file_may_be_bad(project):
    count = 15_000
    project.put("in.csv", "id,opened\n" + "".join(f"{n},never\n" for n in range(count)))
    done = project.run()
    assert (done.read, done.rejected, done.inserted) == (count, count, 0)


def test_headers_that_differ_by_case_and_marks(project):
    project.put("a.csv", '\ufeff"ID","Opened"\n1,2024-01-01\n')
    project.put("b.csv", "iD,OPENED\n2,2024-01-02\n")
    project.put("c.jsonl", '{"Id": 3, "opened": "2024-01-03"}\n{"id": 4, "Opened": "2024-01-03"}\n')
    pq.write_table(pa.table({" id ": [5], "OPENED": ["2024-01-04"]}), project.root / "d.parquet")
    assert project.run(path=("*.csv", "*.jsonl", "*.parquet")).inserted == 5
    project.put("e.csv", "Cafe\u0301,opened\n6,2024-01-01\n")
    columns = {"ticket_id": "Caf\u00e9", "opened_at": "opened"}
    assert project.run(path="e.csv", columns=columns).inserted == 1
    project.put("f.csv", "id,opened,empty\n7,2024-01-01,\n8,2024-01-01,\n")
    assert project.run(path="f.csv", attributes={"empty": "empty"}).inserted == 2
