"""Known exports: each is imported as its vendor writes it, row by row as written down beside it."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from sqlglot import exp

from heedful.definitions.document import read as read_yaml
from heedful.definitions.source import Source
from heedful.store import format as formats
from heedful.store import schema
from heedful.store.fitting import uses
from heedful.store.format_reference import page, source
from heedful.store.importing import SourceError

FIXTURES = Path(__file__).parent / "formats"
DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
INSTANT = "2026-03-29 00:30:00+00"  # half an hour before Berlin's clocks go forward
SECONDS = 1774744200
ANSWER = {"instrument": {"constant": "nps"}, "score": ("answer",)}
NAMES = formats.names()
# One for each table, and all that have a SELECT: others would only take time.
TABLES = {formats.known(name).table: name for name in NAMES}
AGAIN = {*TABLES.values(), *(name for name in NAMES if formats.known(name).sql)}


def asked(name, **more):
    """A source of that format, with nothing said that the format knows."""
    return {"table": formats.known(name).table, "format": name, **more}


def frozen(value):
    if isinstance(value, list):
        return tuple(map(frozen, value))
    if isinstance(value, dict):
        return {key: frozen(one) for key, one in value.items()}
    return value


def stored(project, name):
    """The rows of a format's table, without what is null."""
    form = formats.known(name)
    table = schema.table(form.table)
    columns = [*table.columns, *form.attributes]
    items = ", ".join(f'"{column}"::VARCHAR' for column in columns)
    rows = project.sql(f"SELECT {items} FROM t ORDER BY {table.key}", form.table)
    return [{c: v for c, v in zip(columns, row, strict=True) if v is not None} for row in rows]


def expectation(name):
    return json.loads((FIXTURES / name / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_an_export_becomes_what_is_written_beside_it(new_project, name):
    expected = expectation(name)
    file = next((FIXTURES / name).glob("export.*"))
    project = new_project()
    shutil.copy(file, project.root)
    wanted = asked(name, path=file.name, **frozen(expected.get("source", {})))
    done = project.run(**wanted)
    assert stored(project, name) == expected["rows"]
    said = [bad.reason.split("; ")[0] for bad in project.rejected()]
    assert said == [reason.split("; ")[0] for reason in expected["rejected"]]
    assert (done.inserted, done.left_out) == (len(expected["rows"]), expected["left_out"])
    if name in AGAIN:
        again = project.run(**wanted)
        assert (again.unchanged, again.inserted, again.updated) == (done.inserted, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_fixtures_have_a_bad_row_nulls_and_the_instant(name):
    expected = expectation(name)
    assert expected["rejected"]
    assert INSTANT[:16] in json.dumps(expected["rows"]) or "identities" in name or "rat" in name
    text = next((FIXTURES / name).glob("export.*")).read_text("utf-8")
    assert any(ord(letter) > 127 for letter in text) or name.split("_")[0] in {"stripe", "chatwoot"}
    assert "null" in text or ",," in text


# --- files that fit, and files that do not ---


@pytest.fixture(scope="module")
def least(read):
    """A row of each format that has only what is required, as text by column."""
    found = {}
    for name in NAMES:
        form = formats.known(name)
        options = form.read.model_dump(include=form.read.model_fields_set)
        file = next((FIXTURES / name).glob("export.*"))
        rows = read(file, **options).rows
        row = next(
            r
            for r in rows
            if name not in {"segment_identities", "rudderstack_identities"}
            or r["type"] == "identify"
        )
        if name == "segment_identities":
            row["anonymousId"] = "a"
        found[name] = {
            need: next((row[one] for one in (need, *spec.also) if row.get(one) is not None), None)
            for need, spec in form.needs.items()
            if spec.required
        }
    return found


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_required_suffices_and_each_of_it_is_missed(new_project, least, name):
    form = formats.known(name)
    project = new_project()
    wanted = asked(name, path="in.jsonl", **({"columns": ANSWER} if form.asks else {}))
    row = {**least[name], "answer": "9"}
    for gone in (need for need, spec in form.needs.items() if spec.required):
        project.put("in.jsonl", json.dumps({k: v for k, v in row.items() if k != gone}) + "\n")
        with pytest.raises(SourceError) as error:
            project.run(**wanted)
        assert error.value.path == ("format",)
        assert f'"{gone}" is missing' in error.value.found
        assert f"heedful formats {name}" in error.value.allowed
    assert project.version(form.table) is None
    empty, ending = EMPTY[NAMES.index(name) % len(EMPTY)]
    head = ",".join(f'"{key}"' for key in row)
    project.put(f"empty.{ending}", empty.replace("HEAD", "\n".join([head] * form.read.header_rows)))
    assert project.run(**{**wanted, "path": f"empty.{ending}"}).read == 0
    project.put("in.jsonl", json.dumps(row) + "\n")
    done = project.run(**wanted)
    identity = form.table == "identities"  # without the other id there is nothing to link
    assert (done.inserted, done.rejected) == (0 if identity else 1, 0)


EMPTY = [("", "jsonl"), ("[]", "json"), ("\n\n", "csv"), ("HEAD\n", "csv")]
EVERY = sorted(
    {one for n in NAMES for k, v in formats.known(n).needs.items() for one in (k, *v.also)}
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@drawn(
    name=st.sampled_from(NAMES),
    more=st.lists(st.sampled_from(EVERY), max_size=6, unique_by=str.casefold),
    value=st.sampled_from(["", "null", "x", "1", "1774744200", "[1]", '[{"id": 3}]', "true", "é,"]),
    data=st.data(),
)
def test_no_file_makes_a_traceback(new_project, name, more, value, data):
    needs = formats.known(name).needs
    whole = [n for n, need in needs.items() if need.required]
    kept = data.draw(st.sampled_from([whole, whole[:-1]]))
    header = list({one.casefold(): one for one in [*kept, *more]}.values())
    project = new_project()
    row = dict.fromkeys(header, value)
    project.put("in.jsonl", json.dumps(row) + "\n" + json.dumps(dict.fromkeys(header)) + "\n")
    with contextlib.suppress(SourceError):  # anything else would be a traceback
        project.run(**asked(name, path="in.jsonl"))


def test_a_header_that_almost_fits_says_what_is_missing_and_what_looks_like_it(project):
    project.put("in.csv", "id,Created at,created,status,metric_set.solved_at\n1,a,b,open,\n")
    with pytest.raises(SourceError) as error:
        project.run(**asked("zendesk_tickets", path="in.csv"))
    assert error.value.found == (
        'in.csv is no zendesk_tickets: "created_at" is missing (the file has "Created at",'
        ' "created")'
    )
    # A column of the table that the source fills itself is not missed, nor what it is made of.
    done = project.run(
        **asked(
            "zendesk_tickets",
            path="in.csv",
            columns={"opened_at": ("Created at",)},
            read={"timezone": "UTC"},
        )
    )
    assert done.rejected == 1
    project.put("in.csv", "id,created_at,status\n1,2026-01-05,open\n")
    with pytest.raises(SourceError, match=r'"metric_set\.solved_at" is missing; what it needs'):
        project.run(**asked("zendesk_tickets", path="in.csv"))


@pytest.mark.parametrize("name", {n.split("_")[0]: n for n in NAMES if "_ident" not in n}.values())
def test_a_file_of_another_format_is_recognised(project, name):
    file = next((FIXTURES / name).glob("export.*"))
    shutil.copy(file, project.root)
    other = "delighted_responses" if name != "delighted_responses" else "zendesk_tickets"
    read = formats.known(name).read.model_dump(include={"records", "header_rows"})
    with pytest.raises(SourceError) as error:
        project.run(**asked(other, path=file.name, read=read))
    family = name.replace("rudderstack", "segment").split("_")[0]
    said = error.value.allowed.replace("rudderstack", "segment")
    assert re.search(rf'it looks like .*"{family}', said), error.value.allowed


def test_a_page_of_another_api_is_recognised(project):
    shutil.copy(FIXTURES / "zendesk_tickets" / "export.json", project.root / "in.json")
    with pytest.raises(SourceError, match='it looks like "zendesk_tickets"; what it needs'):
        project.run(**asked("stripe_charges", path="in.json"))


# --- what a source says itself ---


def test_a_source_adds_and_overrides_single_things(project):
    lines = [
        {
            "id": 1,
            "created_at": "05.01.2026 10:00",
            "status": "open",
            "brand": "A",
            "url": "/x",
            "metric_set": {"solved_at": "-", "reopens": "-"},
        },
        {
            "id": 2,
            "created_at": "06.01.2026 10:00",
            "status": "open",
            "brand": "B",
            "url": "/y",
            "metric_set": {"solved_at": "-", "reopens": "2"},
        },
        {
            "id": 3,
            "created_at": "06.01.2026 10:00",
            "status": "deleted",
            "brand": "A",
            "url": "/y",
            "metric_set": {"solved_at": "-", "reopens": "2"},
        },
    ]
    project.put("in.jsonl", "\n".join(map(json.dumps, lines)))
    done = project.run(
        **asked(
            "zendesk_tickets",
            path="in.jsonl",
            columns={"touchpoint": {"constant": "help"}, "topic": ("upper(url)",)},
            attributes={"brand": ("brand",)},
            where="brand = 'A'",
            read={"dates": ("%d.%m.%Y %H:%M",), "nulls": ("", "-"), "timezone": "Asia/Tokyo"},
        )
    )
    assert (done.inserted, done.left_out) == (1, 2)
    query = "SELECT ticket_id, opened_at::VARCHAR, topic, touchpoint, brand, reopens, status FROM t"
    row = ("1", "2026-01-05 01:00:00+00", "/X", "help", "A", None, "open")
    assert project.sql(query) == [row]


def test_a_select_of_the_source_may_feed_a_format(project):
    project.put("t.csv", "id,created_at,status\n1,2026-01-05T10:00:00Z,solved\n")
    project.put("m.csv", "ticket_id,solved_at,reopens\n1,2026-01-06T10:00:00Z,2\n")
    project.put(
        "t.sql",
        'SELECT t.*, m.solved_at AS "metric_set.solved_at", m.reopens AS "metric_set.reopens"'
        " FROM t JOIN m ON m.ticket_id = t.id",
    )
    paths = {"t": "t.csv", "m": "m.csv"}
    project.run(**asked("zendesk_tickets", path=paths, sql="t.sql"))
    row = ("1", "2026-01-06 10:00:00+00", 2)
    assert project.sql("SELECT ticket_id, resolved_at::VARCHAR, reopens FROM t") == [row]


@pytest.mark.parametrize(
    ("wrong", "path", "said"),
    [
        ({"format": "zendesk_ticket"}, "format", '(did you mean "zendesk_tickets"?)'),
        ({"table": "orders"}, "table", 'fills table tickets, not "orders"; write table: tickets'),
        ({"columns": {"topic": ("nosuch",)}}, "columns", 'column "nosuch" is not in in.csv'),
        ({"where": "nosuch > 1"}, "where", 'column "nosuch" is not in in.csv'),
        (
            {"format": "stripe_subscriptions", "table": "subscriptions", "sql": "t.sql"},
            "sql",
            "brings a SELECT of its own",
        ),
    ],
)
def test_what_does_not_go_with_a_format_is_said_where_it_stands(project, wrong, path, said):
    project.put("in.csv", "id,created_at,status,metric_set.solved_at\n1,2026-01-05,open,\n")
    with pytest.raises(SourceError) as error:
        project.run(**{**asked("zendesk_tickets", path="in.csv"), **wrong})
    assert error.value.path[0] == path
    assert said in str(error.value)


def test_a_survey_must_say_which_question_counts(project):
    project.put(
        "in.csv", "ResponseId,RecordedDate,Status,Finished,Q1\n" * 3 + "R,2026-01-05,0,1,9\n"
    )
    with pytest.raises(SourceError) as error:
        project.run(**asked("qualtrics_responses", path="in.csv"))
    assert 'nothing that is known to be "score"' in error.value.found
    assert "columns: {instrument: {constant: nps}, score: Q1}" in error.value.allowed
    assert "Q1" in error.value.allowed.split("the file has")[1]


# --- shapes ---


def nested(value):
    """JSON as BigQuery's Parquet has it: strings of digits are numbers."""
    if isinstance(value, list):
        return [nested(one) for one in value]
    if isinstance(value, dict):
        return {key: nested(one) for key, one in value.items()}
    whole = isinstance(value, str) and re.fullmatch(r"\d{1,18}", value)
    return int(value) if whole else value


def test_parquet_with_nested_columns_is_read_as_json_is(project):
    lines = (FIXTURES / "ga4_events" / "export.jsonl").read_text("utf-8").splitlines()
    rows = [nested(json.loads(line)) for line in lines[:4]]
    for row in rows:
        row.pop("items", None)
    pq.write_table(pa.Table.from_pylist(rows), project.root / "in.parquet")
    done = project.run(**asked("ga4_events", path="in.parquet"))
    assert (done.inserted, done.rejected) == (4, 0)
    assert stored(project, "ga4_events") == expectation("ga4_events")["rows"]


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        (
            "jsonl",
            '{"tickets": [ROW1, ROW2], "count": 2}\n\n{"tickets": []}\n{"tickets": [ROW3]}\n',
        ),
        ("json", '{\n "count": 3,\n "tickets": [\n  ROW1,\n  ROW2, ROW3]}\n'),
        ("json", '{\n "tickets": [ROW1]}\n{\n "tickets": [ROW2,\n ROW3]}'),
        ("json", '[{"tickets": [ROW1]}, {"tickets": [ROW2, ROW3]}]'),
        ("json", "[ROW1, ROW2, ROW3]"),
        ("jsonl", "ROW1\nROW2\nROW3\n"),
    ],
)
def test_pages_of_an_api_are_read_as_they_come(read, tmp_path, ending, text):
    for number in (1, 2, 3):
        text = text.replace(f"ROW{number}", f'{{"id": {number}, "a": {{"b": "é{number}"}}}}')
    path = tmp_path / f"in.{ending}"
    path.write_text(text, "utf-8")
    found = read(path, records="tickets")
    assert [(row["id"], row["a.b"]) for row in found.rows] == [
        ("1", "é1"),
        ("2", "é2"),
        ("3", "é3"),
    ]
    assert not found.bad


def test_what_is_no_row_on_a_page_is_kept_with_its_line(read, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('{"data": [{"a": 1}, 7, null]}\n{"data": [\n', "utf-8")
    found = read(path, records="data")
    assert [row["a"] for row in found.rows] == ["1"]
    assert [(bad.line, bad.values) for bad in found.bad] == [
        (1, "7"),
        (1, "null"),
        (2, '{"data": ['),
    ]


UNITS = {
    "eur": "12.34",
    "jpy": "1234",
    "krw": "1234",
    "kwd": "1.234",
    "isk": "12.34",
    "ugx": "12.34",
}


@pytest.mark.parametrize("name", ["charges", "payment_intents", "refunds", "subscriptions"])
def test_each_currency_has_its_own_smallest_unit(project, name):
    """1234 is 12.34 euros, 1234 yen and 1.234 dinars; as Stripe says, 12.34 krónur, too."""
    form = formats.known(f"stripe_{name}")
    paid = dict.fromkeys(("amount", "amount_received"), 1234) | {
        "created": SECONDS,
        "customer": "c",
    }
    each = {"status": "succeeded", **paid}
    rows = [{"id": code, "currency": code, **each} for code in UNITS]
    for row in rows if name == "subscriptions" else []:
        price = {"currency": row["id"], "unit_amount": 1234, "recurring": {"interval": "month"}}
        row |= {"status": "active", "items": {"data": [{"quantity": 1, "price": price}]}}
    project.put("in.json", json.dumps({"data": rows}))
    assert project.run(**asked(form.name, path="in.json")).inserted == len(UNITS)
    column = "mrr" if name == "subscriptions" else "amount"
    key = schema.table(form.table).key
    found = project.sql(f'SELECT {key}, abs("{column}")::DOUBLE FROM t', form.table)
    assert dict(found) == {code: float(amount) for code, amount in UNITS.items()}


@pytest.mark.parametrize(
    ("unit", "number", "fraction"),
    [
        ("epoch_s", SECONDS, "00"),
        ("epoch_ms", SECONDS * 10**3 + 123, "00.123"),
        ("epoch_us", SECONDS * 10**6 + 123456, "00.123456"),
        ("epoch_ns", SECONDS * 10**9 + 123456789, "00.123456"),
    ],
)
def test_epochs_count_to_the_same_instant(project, unit, number, fraction):
    project.put("in.csv", f"id,opened\n1,{number}\n2,{number}.x\n")
    done = project.run(read={"dates": (unit,), "timezone": "America/New_York"})
    assert (done.inserted, done.rejected) == (1, 1)
    assert project.column("opened_at") == [INSTANT.replace("00+00", f"{fraction}+00")]


def test_the_same_export_by_another_way_has_other_names(project):
    """A ticket view of HubSpot as CSV, and Qualtrics with words in place of numbers."""
    project.put(
        "hubspot.csv",
        "Ticket ID,Create date,Close date,Ticket status,Priority,Associated Contact IDs\n"
        '7,2026-03-29 01:30,,New (Support),High,"901;902"\n',
    )
    zone = {"timezone": "Europe/Berlin"}
    project.run(**asked("hubspot_tickets", path="hubspot.csv", read=zone))
    assert stored(project, "hubspot_tickets") == [
        {
            "ticket_id": "7",
            "opened_at": INSTANT,
            "customer_id": "901",
            "priority": "high",
            "status": "New (Support)",
        }
    ]
    head = "ResponseId,RecordedDate,Status,Finished,CSAT,UserLanguage\n"
    project.put(
        "qualtrics.csv",
        head * 3 + "R_1,2026-03-29 01:30:00,IP Address,True,5,EN\n"
        "R_2,2026-03-29 01:30:00,Survey Preview,True,5,EN\n"
        "R_3,2026-03-29 01:30:00,IP Address,False,5,EN\n",
    )
    done = project.run(**asked("qualtrics_responses", path="qualtrics.csv"))
    assert (done.inserted, done.left_out) == (1, 2)
    query = "SELECT response_id, answered_at::VARCHAR, instrument, score FROM t"
    assert project.sql(query, "responses") == [("R_1", INSTANT, "csat", 5.0)]


# --- the files themselves ---


@pytest.mark.parametrize("name", NAMES)
def test_a_format_says_what_it_reads_and_reads_what_it_says(name):
    document = read_yaml(formats.FOLDER / f"{name}.yaml", name)
    assert not document.problems
    form = formats.known(name)
    table = schema.table(form.table)
    assert set(form.columns) <= set(table.columns)
    assert not set(form.attributes) & set(table.columns)
    assert {c.name for c in table.columns.values() if c.required} <= set(form.columns)
    assert set(form.asks) <= set(form.columns)
    assert all(url.startswith("https://") for url in form.documented)
    assert all(need.says.endswith(".") for need in form.needs.values())
    assert all(note.endswith((".", "}.", '".')) for note in (form.export, *form.notes))
    specs = [
        *form.columns.values(),
        *form.attributes.values(),
        *([(form.where,)] if form.where else []),
    ]
    read = {one for spec in specs for one in uses(spec)}
    if form.sql is not None:
        tree = sqlglot.parse_one(form.sql, dialect="duckdb")
        given = set(tree.named_selects)
        assert {one for one in read if re.fullmatch(r"\w+", one)} <= given | {""}
        read = {column.name for column in tree.find_all(exp.Column)}
        assert set(form.needs) <= read
    else:
        assert set(form.needs) <= read
        # A name that no file may lack must be among the needs, or a file without it is refused.
        columns = {c.name for spec in specs for one in spec_of(spec) for c in columns_of(one)}
        assert columns <= set(form.needs)
    given = read_yaml_text(source(form))
    assert Source(name=name, **given).format == name


def spec_of(spec):
    return spec if isinstance(spec, tuple) else ()


def columns_of(one):
    """The columns that an expression reads; none of a name that is no expression."""
    try:
        return (
            list(sqlglot.parse_one(one, dialect="duckdb").find_all(exp.Column))
            if "(" in one
            else []
        )
    except sqlglot.errors.SqlglotError:
        return []


def read_yaml_text(text):
    from heedful.definitions.document import parse

    found = parse(text, "s.yaml")
    assert not found.problems
    return found.data


def test_the_page_is_current():
    assert DOCS.read_text(encoding="utf-8") == page(), "run make docs"


def test_every_format_has_fixtures():
    assert {folder.name for folder in FIXTURES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("ids", [["1.10", "2.20"], ["1e5", "2e7"], ["007", "008"], ["12", "13"]])
def test_ids_stay_as_they_are_written(project, ids):
    """Where all values look like numbers, an expression sees numbers; an id must not change."""
    head = "ResponseId,RecordedDate,Status,Finished,ExternalReference,NPS\n"
    rows = [f"{one},2026-01-05,0,1,{one},9\n" for one in ids]
    project.put("in.csv", head * 3 + "".join(rows))
    project.run(**asked("qualtrics_responses", path="in.csv"))
    assert project.column("customer_id", "responses") == ids
    span = {"traceId": ids[0], "spanId": ids[1], "startTimeUnixNano": str(SECONDS * 10**9)}
    span["attributes"] = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]
    project.put("s.json", json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}))
    project.run(**asked("otel_genai_spans", path="s.json"))
    assert project.column("output_id", "ai_outputs", "1") == [".".join(ids)]


def test_responses_of_the_api_of_formbricks_are_those_of_its_webhook(project):
    lines = (FIXTURES / "formbricks_webhook" / "export.jsonl").read_text("utf-8").splitlines()
    inner = [json.loads(line)["data"] for line in lines[:3]]
    project.put("in.json", json.dumps({"data": inner}, indent=1))
    project.run(**asked("formbricks_webhook", path="in.json"))
    assert stored(project, "formbricks_webhook") == expectation("formbricks_webhook")["rows"]
