"""What a source says about columns, applied to files as they come."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heedful.definitions.instrument import AnswerScale, Instrument
from heedful.store import failing
from heedful.store.importing import SourceError


def refused(project, **given) -> SourceError:
    with pytest.raises(SourceError) as error:
        project.run(**given)
    assert project.version() is None
    return error.value


def test_columns_candidates_constants_and_attributes(project):
    project.put("in.csv", "ID,Opened at,Cat,Region\n7,2024-01-05 10:00,billing,EMEA\n")
    project.run(
        columns={
            "ticket_id": ("Ticket", "ID"),
            "opened_at": "opened AT",
            "topic": ("Topic", "upper(Cat)"),
            "channel": {"constant": "it's"},
            "is_spam": {"constant": False},
            "agent_minutes": {"constant": 1.5},
            "status": {"constant": None},
        },
        attributes={"region": "Region", "tier": {"constant": 2}},
    )
    row = "SELECT ticket_id, epoch(opened_at), topic, channel, is_spam, agent_minutes, status"
    assert project.sql(f"{row}, region, tier FROM t") == [
        ("7", 1704445200.0, "BILLING", "it's", False, 1.5, None, "EMEA", "2")
    ]


def test_columns_of_the_tables_own_names_need_not_be_named(project):
    project.put("in.csv", "ticket_id,opened_at,Topic,unused\n1,2024-01-05,x,y\n")
    project.run(columns={})
    assert project.column("topic") == ["x"]


def test_where_columns_are_named_no_other_is_taken(project):
    """A survey's weight is no parcel's."""
    project.put("in.csv", "id,at,nps,weight\n1,2024-01-05,9,250\n")
    columns = {
        "response_id": "id",
        "answered_at": "at",
        "score": "nps",
        "instrument": {"constant": "nps"},
    }
    project.run(table="responses", columns=columns)
    assert project.sql("SELECT score, weight FROM t", "responses") == [(9.0, None)]


def test_files_of_one_glob_may_differ(project):
    project.put("a.csv", "id,opened ,Topic\n1,2024-01-01,a\n")
    project.put("b.csv", "TOPIC;extra;ID;Opened\nb;x;2;2024-01-02\n")
    project.put("c.csv", '\ufeff"Created";"id"\n2024-01-03;3\n')
    with pytest.raises(SourceError, match='"topic" is not in c'):
        project.run(
            path="*.csv",
            columns={"ticket_id": "id", "opened_at": ("opened", "created"), "topic": "topic"},
        )
    done = project.run(
        path="*.csv", columns={"ticket_id": "id", "opened_at": ("opened", "created")}
    )
    assert done.inserted == 3
    columns = {"ticket_id": "id", "opened_at": "opened", "topic": "topic"}
    assert project.run(path="[ab].csv", columns=columns).updated == 2
    assert project.column("topic") == ["a", "b", None]


def test_keys_that_are_numbers_in_one_file_and_text_in_another_stay_as_written(project):
    project.put("a.csv", "id,opened\n007,2024-01-01\n1.10,2024-01-01\n")
    project.put("b.csv", "id,opened\nT-1,2024-01-02\n7,2024-01-02\n")
    project.put(
        "c.jsonl", '{"id": 007.0, "opened": "2024-01-03"}\n{"id": 8, "opened": "2024-01-03"}'
    )
    project.run(path=("*.csv", "c.jsonl"))
    assert project.column("ticket_id") == ["007", "1.10", "7", "8", "T-1"]
    assert len(project.rejected()) == 1


def test_expressions_see_columns_as_what_all_their_values_are(project):
    project.put(
        "in.csv",
        "id,opened,n,big,zip,flag,day,d,e\n"
        "1,2024-01-05T10:00:00Z,5,12345678901234567890,01234,TRUE,2024-02-01,1.5,\n"
        "2,2024-07-05T10:00:00Z,,12345678901234567891,99999,false,2024-02-02,2,\n",
    )
    project.run(
        columns={
            "ticket_id": "id",
            "opened_at": "opened + INTERVAL 1 HOUR",
            "reopens": "n + 1",
            "topic": "big || '-' || zip",
            "is_spam": "NOT flag",
            "resolved_at": "day || ' 12:30'",
            "agent_minutes": "d * 2",
            "status": "typeof(n) || typeof(opened) || typeof(day) || typeof(e)",
            "handled_by": "hour(opened)",
        }
    )
    rows = project.sql(
        "SELECT opened_at::VARCHAR, reopens, topic, is_spam, resolved_at::VARCHAR, agent_minutes,"
        " status, handled_by FROM t ORDER BY ticket_id"
    )
    kinds = "BIGINTTIMESTAMP WITH TIME ZONEDATEVARCHAR"
    assert rows == [
        (
            "2024-01-05 11:00:00+00",
            6,
            "12345678901234567890-01234",
            False,
            "2024-02-01 11:30:00+00",
            3.0,
            kinds,
            "11",
        ),
        (
            "2024-07-05 11:00:00+00",
            None,
            "12345678901234567891-99999",
            True,
            "2024-02-02 11:30:00+00",
            4.0,
            kinds,
            "12",
        ),
    ]


def test_a_word_among_numbers_rejects_its_row_instead_of_becoming_null(project):
    project.put(
        "in.csv", "id,opened,score\n1,2024-01-01,5\n2,2024-01-01,?\n3,2024-01-01,7\n4,2024-01-01,\n"
    )
    given = {
        "columns": {
            "ticket_id": "id",
            "opened_at": "opened",
            "reopens": "CASE WHEN score > 6 THEN 1 END",
        }
    }
    done = project.run(**given)
    assert (done.inserted, done.rejected) == (3, 1)
    bad = project.rejected()[0]
    assert (bad.line, json.loads(bad.values)["score"]) == (3, "?")
    assert bad.reason.startswith('score: "?" is not a number as most values of the column are')
    done = project.run(**given, read={"nulls": ("", "?")})
    assert (done.inserted, done.unchanged, done.rejected) == (1, 3, 0)
    given["where"] = "score < 6"
    done = project.run(name="other", **given)
    assert (done.left_out, done.rejected, done.unchanged) == (2, 1, 1)


def test_an_explicit_cast_that_fails_rejects_only_its_rows(project):
    rows = [f"{n},2024-01-01,{'x' if n in (17, 18, 400) else n}" for n in range(500)]
    project.put("in.csv", "id,opened,n\n" + "\n".join(rows) + "\n")
    done = project.run(
        columns={"ticket_id": "id", "opened_at": "opened", "reopens": "CAST(n || '' AS INT) + 1"}
    )
    assert (done.inserted, done.rejected) == (497, 3)
    assert [bad.line for bad in project.rejected()] == [19, 20, 402]
    assert project.rejected()[0].reason.startswith("Conversion Error: Could not convert string 'x'")
    assert json.loads(project.rejected()[0].values) == {
        "id": "17",
        "opened": "2024-01-01",
        "n": "x",
    }


def test_a_where_that_fails_on_some_rows_rejects_them(project):
    project.put("in.csv", "id,opened,n\n1,2024-01-01,5\n2,2024-01-01,x\n3,2024-01-01,9\n")
    done = project.run(where="CAST(n || '' AS INT) > 6")
    assert (done.inserted, done.left_out, done.rejected) == (1, 1, 1)


def test_failing_rows_are_found_across_stretches(project, monkeypatch):
    monkeypatch.setattr(failing, "STRETCH", 3)
    rows = [f"{n},2024-01-01,{'x' if n % 4 == 0 else n}" for n in range(20)]
    project.put("in.csv", "id,opened,n\n" + "\n".join(rows) + "\n")
    columns = {"ticket_id": "id", "opened_at": "opened", "reopens": "CAST(n || '' AS INT)"}
    assert project.run(columns=columns).rejected == 5
    monkeypatch.setattr(failing, "MOST", 4)
    with pytest.raises(SourceError, match="fails on more than 4 rows"):
        project.run(columns=columns)


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        (
            "opened_at",
            "Opend",
            'column "Opend" is not in in.csv; allowed: id, opened, n, First reply',
        ),
        ("opened_at", "First repl", '"First repl" is neither a column of in.csv nor an expression'),
        ("opened_at", "lower(opend)", 'column "opend" is not in in.csv'),
        ("opened_at", "lower(", '"lower(" is neither'),
        ("opened_at", "opened; DROP TABLE x", "is neither a column"),
        ("opened_at", "opened) FROM files; SELECT (1", "is neither a column"),
        ("opened_at", "opened AS x", "is neither a column"),
        ("opened_at", "*", "is neither a column"),
        ("opened_at", "COLUMNS(*)", "is neither a column"),
        ("opened_at", "nosuch(opened)", "fails: Catalog Error"),
        ("opened_at", "max(opened)", "fails: Binder Error"),
        ("opened_at", "$nosuch", 'parameter "$nosuch" is not known'),
        ("opened_at", "(SELECT max(opened) FROM x)", "reads more than one row"),
        ("opened_at", "(FROM 'in.csv')", "reads more than one row"),
        ("opened_at", "unnest([opened, opened])", "reads more than one row"),
        ("opend_at", "opened", 'table tickets has no column "opend_at"'),
    ],
)
def test_what_does_not_fit_is_said_with_what_is_allowed(project, column, text, said):
    project.put("in.csv", "id,opened,n,First reply\n1,2024-01-01,2,3\n")
    error = refused(project, columns={"ticket_id": "id", "opened_at": "opened", column: text})
    assert said in str(error)
    assert error.path == ("columns", column)


def test_none_of_several_candidates(project):
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    error = refused(project, columns={"ticket_id": ("key", "lower(nr)"), "opened_at": "opened"})
    assert 'in.csv has none of "key", "lower(nr)"; allowed: id, opened' in str(error)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("n", "gives BIGINT, not true or false"),
        ("nn = 1", 'column "nn" is not in in.csv'),
        ("n = ", "is neither a column of in.csv nor an expression"),
        ("count(*) > 1", "fails: Binder Error"),
    ],
)
def test_a_where_must_be_a_condition(project, where, said):
    project.put("in.csv", "id,opened,n\n1,2024-01-01,2\n")
    error = refused(project, where=where)
    assert said in str(error)
    assert error.path == ("where",)


def test_a_where_of_null_leaves_out(project):
    project.put("in.csv", "id,opened,n\n1,2024-01-01,2\n2,2024-01-01,\n")
    assert project.run(where="n > 1").left_out == 1


@pytest.mark.parametrize("name", ["topic", "Topic"])
def test_an_attribute_cannot_be_called_as_a_column(project, name):
    project.put("in.csv", "id,opened,region\n1,2024-01-01,x\n")
    source = {"columns": {"ticket_id": "id", "opened_at": "opened"}}
    from heedful.definitions.source import Source

    built = Source(name="s", table="tickets", path="in.csv", **source)
    built = built.model_copy(update={"attributes": {name: ("region",)}})
    from heedful.store.importing import Importer

    importer = Importer(project.root, project.tables, project.books, project.root / "s", "UTC", {})
    with pytest.raises(SourceError, match="is a column of table tickets; move it to columns"):
        importer.run(built)


def test_a_required_column_must_be_filled(project):
    project.put("in.csv", "key,opend_at\n1,2024-01-01\n")
    error = refused(project, columns={"ticket_id": "key"})
    assert 'nothing fills "opened_at" of table tickets (did you mean "opend_at"?)' in str(error)
    error = refused(project, columns={"opened_at": "opend_at"})
    assert "or say key: generated" in str(error)


def test_values_that_do_not_cast_reject_the_row_and_show_the_value(project):
    project.put(
        "in.csv",
        "ticket_id,opened_at,reopens,is_spam,agent_minutes\n"
        "1,2024-01-01,x,,\n2,05.01.2024,,maybe,1,5\n,2024-01-01,,,\n4,2024-01-01,1,yes,2.5\n",
    )
    done = project.run(columns={}, read={"delimiter": ","})
    assert (done.inserted, done.rejected) == (1, 3)
    said = {bad.line: bad.reason for bad in project.rejected()}
    assert said[2] == 'reopens: "x" is not a whole number'
    assert said[3].startswith("6 values found")
    assert said[4] == "ticket_id is empty; every row of tickets needs it"
    project.put("in.csv", "ticket_id,opened_at,is_spam\n2,05.01.2024,maybe\n")
    project.run(columns={})
    assert project.rejected()[0].reason == (
        'opened_at: "05.01.2024" is not a time (ISO such as 2026-03-31 14:05, or as read.dates'
        ' says; 1900 to 2200); is_spam: "maybe" is not true or false (allowed: true, false, yes,'
        " no, 1, 0)"
    )


def test_all_options_of_reading_together(project):
    project.put(
        "in.csv",
        "Shop\n\nNr;Datum;Betrag\n1;31.12.2023 23:30;1.234,56\n2;03.04.2024;NA\n"
        "3;01.02.2024;12,5\n".encode("cp1252"),
    )
    done = project.run(
        table="orders",
        columns={"order_id": "Nr", "ordered_at": "Datum", "amount": "Betrag"},
        read={
            "encoding": "cp1252",
            "dates": ("%d.%m.%Y %H:%M", "%d.%m.%Y"),
            "decimal": ",",
            "nulls": ("NA",),
            "timezone": "Asia/Tokyo",
        },
    )
    assert (done.inserted, done.rejected) == (2, 1)
    assert project.sql(
        "SELECT order_id, ordered_at::VARCHAR, amount FROM t ORDER BY 1", "orders"
    ) == [
        ("1", "2023-12-31 14:30:00+00", Decimal("1234.5600")),
        ("3", "2024-01-31 15:00:00+00", Decimal("12.5000")),
    ]


def test_a_format_of_dates_that_does_not_exist_is_said(project):
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    error = refused(project, read={"dates": "%Q"})
    assert (error.path, 'format "%Q"' in str(error)) == (("read", "dates"), True)


def test_an_answer_outside_its_scale_is_a_code_that_must_be_declared(project):
    project.put(
        "in.csv",
        "response_id,answered_at,instrument,score,scale_max\n"
        "1,2024-01-01,nps,11,\n2,2024-01-01,nps,10,\n3,2024-01-01,csat,6,\n4,2024-01-01,csat,6,7\n"
        "5,2024-01-01,trust,80,\n6,2024-01-01,nps,,\n7,2024-01-01,mood,80,\n",
    )
    done = project.run(table="responses", columns={})
    assert (done.inserted, done.rejected) == (4, 3)
    reasons = [one.reason for one in project.rejected()]
    assert reasons[0].startswith("score 11 is outside the scale 0 to 10 of nps; say in the source")
    assert reasons[2].startswith("score 80 is outside the scale 1 to 5 of trust; ")


def test_a_scale_on_which_answers_would_count_wrongly_is_refused(project):
    project.put(
        "in.csv",
        "response_id,answered_at,instrument,score,scale_min,scale_max,scale_reversed\n"
        "1,2024-01-01,ces,2,7,1,\n2,2024-01-01,nps,4,1,5,\n3,2024-01-01,csat,80,0,100,\n"
        "4,2024-01-01,ces,2,1,7,true\n5,2024-01-01,csat,1,0,1,\n6,2024-01-01,nps,4,,10,\n",
    )
    done = project.run(table="responses", columns={})
    assert (done.inserted, done.rejected) == (3, 3)
    backwards, fixed, long = (one.reason for one in project.rejected())
    assert backwards.startswith("scale 7 to 1 of ces runs backwards; the lower number is scale_min")
    assert fixed.startswith("nps is asked on 0 to 10 only, not on 1 to 5; another scale is another")
    assert long.startswith("scale 0 to 100 of csat has too many points; ")


def test_instruments_of_the_project_have_their_own_scales(project):
    mood = Instrument(
        id="mood",
        title="Mood",
        measures="m",
        question="q",
        scale=AnswerScale(min=0, max=100, low="bad", high="good"),
        top=20,
    )
    project.instruments = {"mood": mood}
    project.put(
        "in.csv",
        "response_id,answered_at,instrument,score\n1,2024-01-01,mood,80\n2,2024-01-01,mood,101\n",
    )
    done = project.run(table="responses", columns={})
    assert (done.inserted, done.rejected) == (1, 1)
    assert project.rejected()[0].reason.startswith(
        "score 101 is outside the scale 0 to 100 of mood"
    )


def test_a_timezone_that_the_engine_does_not_know(project):
    project.timezone = "localtime"
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    assert 'timezone "localtime" is not known' in str(refused(project))


def test_a_workbook_with_dates_and_numbers_of_its_own_beside_text(project):
    book = openpyxl.Workbook()
    for row in (
        ["Nr", "Datum", "Betrag"],
        [1, dt.datetime.fromisoformat("2024-04-03 10:30"), 1.234],
        ["2", "03.04.2024", "1.234,5"],
        [3, dt.date(2024, 4, 3), 7],
        [4, "04/03/2024", 7],
    ):
        book.active.append(row)
    book.save(project.root / "in.xlsx")
    done = project.run(
        table="orders",
        path="in.xlsx",
        columns={"order_id": "Nr", "ordered_at": "Datum", "amount": "Betrag"},
        read={"dates": "%d.%m.%Y", "decimal": ",", "timezone": "UTC"},
    )
    assert (done.inserted, done.rejected, project.rejected()[0].line) == (3, 1, 5)
    rows = project.sql("SELECT order_id, ordered_at::VARCHAR, amount FROM t ORDER BY 1", "orders")
    assert rows == [
        ("1", "2024-04-03 10:30:00+00", Decimal("1.234")),
        ("2", "2024-04-03 00:00:00+00", Decimal("1234.5")),
        ("3", "2024-04-03 00:00:00+00", Decimal(7)),
    ]


def test_parameters_in_expressions(project):
    project.parameters = {"value_events": ["a", "it's"], "none": []}
    project.put("in.csv", "id,opened,topic\n1,2024-01-01,it's\n2,2024-01-01,b\n")
    project.run(where="topic IN ($value_events) OR topic IN ($none)")
    assert project.column("ticket_id") == ["1"]


def test_names_with_dots_lambdas_and_fields(project):
    project.put(
        "in.jsonl", '{"id": 1, "opened": "2024-01-01", "name": "x", "user": {"name": "Ann"}}'
    )
    columns = {"ticket_id": "id", "opened_at": "opened"}
    project.run(
        path="in.jsonl", columns=columns | {"topic": "user.name", "status": "upper(user.name)"}
    )
    assert project.sql("SELECT topic, status FROM t") == [("Ann", "ANN")]
    listed = "[x.upper() for x in [name] if x != '']"
    project.run(path="in.jsonl", columns=columns | {"topic": f"({listed})[1]"})
    assert project.column("topic") == ["X"]
    made = "list_transform([name], lambda q: q || user.name)[1]"
    project.run(path="in.jsonl", columns=columns | {"topic": made})
    assert project.column("topic") == ["xAnn"]
    with pytest.raises(SourceError) as error:
        project.run(path="in.jsonl", columns=columns | {"topic": "a.b"})
    assert 'column "a.b" is not in in.jsonl' in str(error.value)


def test_parquet_with_types(project):
    when = dt.datetime.fromisoformat("2024-01-05 10:00")
    table = pa.table(
        {
            "id": pa.array([1.0, 2.0, None]),
            "opened": pa.array([when] * 3, pa.timestamp("ns")),
            "utc": pa.array([when.replace(tzinfo=dt.UTC)] * 3, pa.timestamp("ms", "UTC")),
            "day": pa.array([when.date()] * 3),
            "minutes": pa.array([1.5, float("nan"), -99.0]),
            "amount": pa.array([Decimal("1.50")] * 3, pa.decimal128(38, 10)),
            "tags": pa.array([["a", "b"], [], None]),
            "home": pa.array([{"city": "Oslo"}] * 3),
            "word": pa.array(["x", "NA", " y "]).dictionary_encode(),
        }
    )
    pq.write_table(table, project.root / "in.parquet")
    done = project.run(
        path="in.parquet",
        read={"nulls": ("", "NA", "-99.0")},
        columns={
            "ticket_id": "id",
            "opened_at": "opened",
            "first_response_at": "utc",
            "resolved_at": "day",
            "agent_minutes": "minutes",
            "topic": "tags",
            "status": "home.city",
            "handled_by": "word",
            "reopens": "len(tags)",
        },
    )
    assert (done.inserted, done.rejected) == (2, 1)
    assert project.rejected()[0].line == 3
    assert project.sql(
        "SELECT ticket_id, opened_at::VARCHAR, first_response_at::VARCHAR, resolved_at::VARCHAR,"
        " agent_minutes, topic, status, handled_by, reopens FROM t ORDER BY 1"
    ) == [
        (
            "1",
            "2024-01-05 09:00:00+00",
            "2024-01-05 10:00:00+00",
            "2024-01-04 23:00:00+00",
            1.5,
            '["a","b"]',
            "Oslo",
            "x",
            2,
        ),
        (
            "2",
            "2024-01-05 09:00:00+00",
            "2024-01-05 10:00:00+00",
            "2024-01-04 23:00:00+00",
            None,
            "[]",
            "Oslo",
            None,
            0,
        ),
    ]


@pytest.mark.parametrize(
    ("content", "read"),
    [("id,opened\n", 0), ("id,opened\n1\n,\n", 2), ('id,opened\n1,"\n', 1)],
)
def test_files_without_a_good_row(project, content, read):
    project.put("in.csv", content)
    done = project.run()
    assert (done.read, done.rejected, done.inserted) == (read, read, 0)
    assert project.version() is None
    project.put("in.csv", "id,opened\n1,2024-01-01\n")
    assert project.run().inserted == 1


def test_a_file_without_even_a_header_is_noted(project):
    project.put("in.csv", "")
    done = project.run()
    assert (done.read, done.notes) == (0, ("in.csv is empty: it has not even a header",))
    project.put("in.jsonl", "[]\n7\n")
    assert project.run(path="in.jsonl").rejected == 2


def test_globs(project):
    project.put("exports/2024/a.csv", "id,opened\n1,2024-01-01\n")
    project.put("exports/b [1].csv", "id,opened\n2,2024-01-01\n")
    project.put("../near/c.csv", "id,opened\n3,2024-01-01\n")
    assert project.run(path="exports/**/*.csv").read == 2
    assert project.run(path="exports/b [1].csv").read == 1
    assert project.run(path=("exports/b*.csv", "./exports//b*.csv")).read == 1
    assert project.run(path="../near/*.csv").read == 1
    assert project.run(path=str(project.root / "exports/2024/a.csv")).read == 1
    found = {row[0] for row in project.sql("SELECT DISTINCT _file FROM t")}
    assert found == {"exports/2024/a.csv", "exports/b [1].csv", "../near/c.csv"}
    with pytest.raises(SourceError, match=r'no file matches "exports/\*.txt"') as error:
        project.run(path="exports/*.txt")
    assert error.value.path == ("path",)
    with pytest.raises(SourceError, match="it is a folder; say which of its files"):
        project.run(path="exports")


def test_a_damaged_file_stops_the_import_and_names_the_place(project):
    project.put("in.csv", 'id,opened,"x\n1,2024-01-01,y\n')
    error = refused(project)
    assert error.found == "in.csv:1: the header has a quote that is not closed"
    assert not list((project.root / "data" / "staging").iterdir())
