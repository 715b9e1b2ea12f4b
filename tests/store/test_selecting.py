"""Sources with a SELECT of their own."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.store.importing import SourceError

LOG = (
    "Case ID,Activity,At\n"
    "1,open,2024-01-05 10:00\n1,answer,2024-01-05 11:00\n1,solve,2024-01-07 10:00\n"
    "2,open,2024-01-06 10:00\n2,solve,\n"
)
PIVOT = """
-- one row a case; comments and a trailing semicolon do no harm
SELECT "Case ID" AS ticket_id, min("At") AS opened_at,
  min("At") FILTER ("Activity" IN ($first)) AS first_response_at,
  max("At") FILTER ("Activity" IN ($none)) AS resolved_at
FROM files GROUP BY ALL; -- done
"""


def test_an_event_log_becomes_tickets(project):
    project.parameters = {"first": ["answer", "it's"], "none": []}
    project.put("in.csv", LOG)
    project.put("sources/t.sql", PIVOT)
    done = project.run(sql="sources/t.sql")
    assert (done.read, done.inserted) == (2, 2)
    rows = project.sql(
        "SELECT ticket_id, opened_at::VARCHAR, first_response_at::VARCHAR, resolved_at, _file"
        " FROM t ORDER BY 1"
    )
    assert rows == [
        ("1", "2024-01-05 09:00:00+00", "2024-01-05 10:00:00+00", None, "sources/t.sql"),
        ("2", "2024-01-06 09:00:00+00", None, None, "sources/t.sql"),
    ]
    done = project.run(sql="sources/t.sql")
    assert (done.unchanged, project.version()) == (2, 0)


def test_rows_too_broken_for_the_select_count_as_read_and_rejected(project):
    project.put("in.csv", "id,opened\n1,2024-01-01\nbroken\n2,\n3,2024-01-01\n")
    project.put("t.sql", "SELECT id AS ticket_id, opened AS opened_at FROM files")
    done = project.run(sql="t.sql", where="ticket_id < 3")
    assert (done.read, done.inserted, done.left_out, done.rejected) == (4, 1, 1, 2)
    assert [(b.file, b.line) for b in project.rejected()] == [("in.csv", 3), ("t.sql", None)]


def test_one_stray_word_does_not_turn_times_into_text(project):
    """Compared letter by letter, 12 January would come before 9 January."""
    rows = ["T1,9/1/2024 10:00", "T1,10/1/2024 9:00", "T1,12/1/2024 9:00", "T2,2/1/2024 8:00"]
    project.put("in.csv", "\n".join(["Case,When", *rows, "T2,11/1/2024 8:00", "T3,n/a", ""]))
    project.put(
        "t.sql",
        'SELECT "Case" AS ticket_id, min("When") AS opened_at, max("When") AS resolved_at'
        " FROM files GROUP BY ALL",
    )
    done = project.run(sql="t.sql", read={"dates": ("%d/%m/%Y %H:%M",)})
    assert project.sql("SELECT ticket_id, opened_at::DATE::VARCHAR FROM t ORDER BY 1") == [
        ("T1", "2024-01-09"),
        ("T2", "2024-01-02"),
    ]
    assert [(b.file, b.line) for b in project.rejected()] == [("in.csv", 7)]
    assert "missing from all that t.sql adds up" in done.notes[0]


def test_invoice_numbers_with_a_letter_stay_text(project):
    rows = [f"{number},2024-01-01" for number in range(536000, 536050)]
    project.put("in.csv", "\n".join(["id,opened", *rows, "C536379,2024-01-01", ""]))
    project.put("t.sql", "SELECT id AS ticket_id, opened AS opened_at FROM files")
    assert project.run(sql="t.sql").inserted == 51


def test_several_files_of_one_view_and_views_by_name(project):
    project.put("a.csv", "id,opened,n\n1,2024-01-01,5\n")
    project.put("b.csv", "N,ID,Opened\n6.5,2,2024-01-02\n")
    project.put("people.jsonl", '{"key": 1, "name": "Ann"}\n{"key": 2, "name": "Bo"}\n')
    when = dt.datetime.fromisoformat("2024-02-01 10:00")
    pq.write_table(pa.table({"id": [1, 2], "solved": [when, None]}), project.root / "s.parquet")
    sql = (
        "SELECT t.id AS ticket_id, t.opened AS opened_at, p.name AS topic, t.n AS agent_minutes,"
        " s.solved AS resolved_at, t._file || ':' || t._line AS status, typeof(n) AS channel"
        ' FROM tickets t JOIN people p ON p.key = t.id LEFT JOIN "so ""lved" s USING (id)'
    )
    project.put("t.sql", sql)
    paths = {"tickets": "[ab].csv", "people": "people.jsonl", 'so "lved': "s.parquet"}
    assert project.run(sql="t.sql", path=paths).inserted == 2
    rows = project.sql(
        "SELECT ticket_id, topic, agent_minutes, status, channel, resolved_at::VARCHAR FROM t"
        " ORDER BY 1"
    )
    assert rows == [
        ("1", "Ann", 5.0, "a.csv:2", "DOUBLE", "2024-02-01 09:00:00+00"),
        ("2", "Bo", 6.5, "b.csv:2", "DOUBLE", None),
    ]


def test_a_column_typed_differently_in_two_files_is_text(project):
    project.put("a.csv", "id,opened,x,y\n1,2024-01-01,05,\n2,2024-01-01,7,\n")
    project.put("b.csv", "id,opened,x,y\n3,2024-01-01,8,9\nT4,2024-01-01,9,9\n")
    project.put(
        "t.sql",
        "SELECT id AS ticket_id, opened AS opened_at, x AS topic, typeof(id) AS status,"
        " typeof(y) AS channel FROM files",
    )
    project.run(sql="t.sql", path="?.csv")
    assert project.column("topic") == ["05", "7", "8", "9"]
    assert set(project.column("status")) == {"VARCHAR"}
    assert set(project.column("channel")) == {"BIGINT"}


def test_columns_over_the_select_and_star(project):
    project.put("in.csv", "id,opened,Topic,region\n1,2024-01-01,x,EMEA\n")
    project.put("t.sql", "SELECT * FROM files")
    done = project.run(
        sql="t.sql",
        columns={"ticket_id": "'T' || id", "opened_at": "opened", "topic": "Topic"},
        attributes={"area": "lower(region)"},
    )
    assert done.inserted == 1
    assert project.sql("SELECT ticket_id, topic, area FROM t") == [("T1", "x", "emea")]


def test_generated_keys_over_a_select(project):
    project.put("in.csv", "day,cents\n2024-01-01,100\n2024-01-01,100\n")
    project.put("t.sql", "SELECT day AS spent_on, cents / 100.0 AS amount FROM files")
    given = {"table": "spend", "sql": "t.sql", "key": "generated"}
    assert project.run(**given).inserted == 2
    assert project.run(**given).unchanged == 2
    project.put("in.csv", "day,cents\n2024-01-01,100\n2024-01-02,100\n")
    done = project.run(**given)
    assert (done.inserted, done.unchanged, done.deleted) == (1, 1, 1)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (None, 'file "t.sql" cannot be read'),
        (b"SELECT '\xff'", 'file "t.sql" cannot be read'),
        ("", "t.sql is not one SELECT"),
        ("SELECT 1; SELECT 2", "t.sql is not one SELECT"),
        ("DELETE FROM files", "t.sql is not one SELECT"),
        ("COPY files TO 'x.csv'", "t.sql is not one SELECT"),
        ("ATTACH 'x.db'", "t.sql is not one SELECT"),
        ("SELECT FROM WHERE", "t.sql does not parse"),
        ("SELECT 'x", "t.sql does not parse"),
        ("SELECT nosuch FROM files", "t.sql fails: Binder Error"),
        ("SELECT * FROM tickets", "it may read: files"),
        ("SELECT id AS ticket_id, CAST('x' AS INT) AS reopens FROM files", "Conversion Error"),
        ("SELECT $nosuch AS ticket_id FROM files", 'parameter "$nosuch" is not known'),
        ("SELECT id AS ticket_id, opened AS opened_at, 1 AS topc FROM files", 'a column "topc"'),
        ("SELECT id AS ticket_id, opened AS Ticket_Id FROM files", 'two columns "Ticket_Id"'),
    ],
)
def test_what_is_wrong_with_a_select_is_said(project, sql, said):
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    if sql is not None:
        project.put("t.sql", sql)
    with pytest.raises(SourceError) as error:
        project.run(sql="t.sql")
    assert said in str(error.value)
    assert error.value.path == ("sql",)


def test_files_without_a_header_cannot_be_selected_from(project):
    project.put("in.csv", "")
    project.put("t.sql", "SELECT 1 AS ticket_id, '2024-01-01' AS opened_at FROM files")
    with pytest.raises(SourceError, match='the files of "files" are empty'):
        project.run(sql="t.sql")


SPYING = [
    "SELECT content AS ticket_id FROM read_text('{secret}')",
    "SELECT column0 AS ticket_id FROM read_csv('{secret}')",
    "SELECT file AS ticket_id FROM glob('{folder}/*')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM secret",
    "SELECT * FROM read_parquet('{folder}/other.parquet')",
    "SELECT * FROM files, (SELECT content FROM read_text('{folder}/data/../secret.txt'))",
]


@pytest.mark.parametrize("sql", SPYING)
def test_the_sql_of_a_source_reads_nothing_but_its_files(project, sql):
    secret = pa.table({"ticket_id": ["secret"]})  # noqa: F841 - a name that SQL must not see
    project.put("secret.txt", "secret")
    pq.write_table(pa.table({"ticket_id": ["secret"]}), project.root / "other.parquet")
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    project.put("t.sql", sql.format(secret=project.root / "secret.txt", folder=project.root))
    with pytest.raises(SourceError, match=r"fails: (Permission|Catalog) Error"):
        project.run(sql="t.sql", columns={"opened_at": {"constant": "2024-01-01"}})
