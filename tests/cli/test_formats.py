"""Known exports, as a person meets them in the terminal."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heedful.cli.main import app
from heedful.store import format as formats

FIXTURES = Path(__file__).parents[1] / "store" / "formats"


def said(*words):
    done = CliRunner(env={"COLUMNS": "110"}).invoke(app, ["formats", *words])
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_all_are_listed_in_every_way_of_printing():
    listed = said()
    assert all(name in listed for name in formats.names())
    rows = json.loads(said("--format", "json"))
    assert [row["format"] for row in rows] == list(formats.names())
    assert list(rows[0]) == ["format", "vendor", "table", "export"]
    assert list(csv.DictReader(io.StringIO(said("--format", "csv")))) == rows


@pytest.mark.parametrize("name", formats.names())
def test_one_is_shown_with_all_that_it_reads(name):
    text, shown = said(name), json.loads(said(name, "--format", "json"))
    form = formats.known(name)
    assert all(need in text for need in form.needs)
    assert all(column in text for column in form.columns)
    assert shown["source"].strip() in text
    assert [need["column"] for need in shown["needs"]] == list(form.needs)
    assert list(shown["becomes"]) == [*form.columns, *form.attributes]


def test_a_source_is_pasted_and_imported(fresh):
    folder = fresh.folder.parent / "exports" / "zendesk"
    folder.mkdir(parents=True)
    shutil.copy(FIXTURES / "zendesk_tickets" / "export.json", folder / "tickets-1.json")
    pasted = json.loads(said("zendesk_tickets", "--format", "json"))["source"]
    (fresh.folder / "sources" / "zendesk.yaml").write_text(pasted, "utf-8")
    done = json.loads(fresh("import", "zendesk", "--format", "json").stdout)[0]
    assert (done["inserted"], done["left_out"], done["rejected"]) == (3, 1, 1)


def test_what_is_wrong_is_said_with_its_line(fresh):
    file = fresh.folder / "sources" / "zendesk.yaml"
    file.write_text("table: tickets\npath: in/tickets.csv\nformat: zendesk_tickets\n", "utf-8")
    failed = fresh("import", "zendesk")
    assert failed.returncode == 1
    assert 'sources/zendesk.yaml:3: in/tickets.csv is no zendesk_tickets: "id"' in failed.stderr
    unknown = fresh("formats", "zendesk")
    assert unknown.returncode == 2
    assert 'did you mean "zendesk_tickets"?' in unknown.stderr


def test_the_schema_of_sources_knows_them():
    done = CliRunner().invoke(app, ["schema", "source"])
    assert "zendesk_tickets" in json.loads(done.stdout)["properties"]["format"]["anyOf"][0]["enum"]
