"""Commands about actions, people, tokens and alerts: what they print, and how they end."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from heedful.cli.main import run
from heedful.definitions import template
from heedful.project import Project


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    template.create(tmp_path / "shop", "saas")
    return tmp_path / "shop"


@pytest.fixture
def heedful(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Runs a command as the shell does."""
    monkeypatch.setenv("LOGNAME", "ada")

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["heedful", *arguments, "-p", str(root)])
        with pytest.raises(SystemExit) as ended:
            run()
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return call


def test_an_action_from_making_to_dropping(heedful):
    made = heedful(
        "action",
        "make",
        "Answer sooner",
        "--owner",
        "cx",
        "--due",
        "2031-01-15",
        "--kpi",
        "csat",
        "--where",
        "device=mobile",
        "--expect",
        "85%",
        "--format",
        "json",
    )
    assert made.code == 0
    action = made.json
    assert (action["id"], action["state"], action["due"]) == (1, "open", "2031-01-15")
    assert (action["expected"], action["dimension"], action["segment"]) == (
        0.85,
        "device",
        "mobile",
    )
    assert action["value"] is None  # there is no data, so there is no zero either
    assert action["made_by"] == "cli:ada"
    assert heedful("action", "start", "1").err == "Action 1 is begun.\n"
    closed = heedful(
        "action", "close", "1", "--on", "2026-06-01", "--note", "x", "--format", "json"
    )
    assert closed.json["outcome"]["state"] == "not_measured"
    listed = heedful("action", "list", "--state", "done", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(listed.out))
    assert (row["title"], row["note"], row["segment"]) == ("Answer sooner", "x", "mobile")
    again = heedful("action", "close", "1")
    assert (again.code, again.out) == (2, "")
    assert again.err == "action 1 is done; only open ones can be changed\n"
    assert "not measured" in heedful("action", "list").out
    said = [entry["verb"] for entry in heedful("history", "--format", "json").json]
    assert said == ["closed", "started", "made"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("make", "T", "--owner", "x", "--due", "2031-01-15"),
            'team "x" does not exist; allowed: ',
        ),
        (("make", "T", "--owner", "cx", "--due", "soon"), "is not a date"),
        (("make", "T", "--owner", "cx", "--due", "2031-01-15", "--where", "x"), "DIM=SEGMENT"),
        (("make", "T", "--owner", "cx", "--due", "2031-01-15", "--expect", "x"), "is not a value"),
        (("make", "T", "--owner", "cx", "--due", "2031-01-15", "--expect", "1"), "of no KPI"),
        (("list", "--state", "opn"), 'did you mean "open"?'),
        (("drop", "7"), "action 7 does not exist"),
    ],
)
def test_wrong_usage_of_actions(heedful, arguments, says):
    done = heedful("action", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in " ".join(done.err.replace("│", " ").split())


def test_someone_is_invited_gets_a_role_and_is_shut_out(heedful, root):
    invited = heedful("person", "invite", "Ada@acme.example", "--role", "admin")
    assert invited.out.startswith("/enter/")
    link = invited.out.strip().removeprefix("/enter/")
    assert link not in invited.err
    Project(root).people.enter(link, "Ada", "ada@acme.example", "correct horse battery")
    more = heedful(
        "person", "invite", "bob@acme.example", "--url", "https://h.example/", "--format", "json"
    )
    (row,) = more.json
    assert row["url"] == f"https://h.example{row['path']}"
    Project(root).people.enter(
        row["path"].removeprefix("/enter/"), "Bob", "bob@acme.example", "correct horse battery"
    )
    assert heedful("person", "role", "bob@acme.example", "analyst").err == (
        "bob@acme.example is analyst.\n"
    )
    assert heedful("person", "role", "bob@acme.example", "boss").code == 2
    refused = heedful("person", "close", "ada@acme.example")
    assert (refused.code, refused.out) == (2, "")
    assert "is the last admin" in refused.err
    assert heedful("person", "close", "bob@acme.example").code == 0
    assert [each["email"] for each in heedful("person", "list", "--format", "json").json] == [
        "ada@acme.example"
    ]
    every = heedful("person", "list", "--all", "--format", "json").json
    assert [each["role"] for each in every] == ["admin", "analyst"]
    history = heedful("history", "--who", "cli:ada", "--format", "csv")
    assert "shut out" in history.out
    assert link not in heedful("history", "--format", "json").out


def test_a_token_is_printed_once(heedful, root):
    project = Project(root)
    link = project.people.first_link()
    project.people.enter(link, "Ada", "ada@acme.example", "correct horse battery")
    made = heedful("token", "make", "weekly report", "--of", "ada@acme.example", "--role", "viewer")
    secret = made.out.strip()
    assert project.people.tokens.person(secret).role == "viewer"
    listed = heedful("token", "list")
    assert "weekly report" in listed.out
    assert secret not in listed.out + heedful("history", "--format", "json").out
    (row,) = heedful("token", "list", "--format", "json").json
    assert heedful("token", "revoke", str(row["id"])).code == 0
    assert project.people.tokens.person(secret) is None
    assert heedful("token", "revoke", str(row["id"])).code == 2
    assert heedful("token", "list", "--format", "json").json == []
    unknown = heedful("token", "make", "x", "--of", "bob@acme.example")
    assert unknown.code == 2
    assert "nobody has the e-mail" in unknown.err


def test_alerts_without_and_with_a_channel(heedful, root, monkeypatch):
    assert "names no channel" in heedful("alert", "send").err
    assert heedful("alert", "log", "--format", "json").json == []
    (root / "alerts.yaml").write_text("channels: {team: {kind: slack, url_env: NOT_SET}}\n")
    tested = heedful("alert", "test", "team")
    assert tested.code == 1
    assert tested.err == "the environment variable NOT_SET is not set\n"
    assert 'did you mean "team"?' in heedful("alert", "test", "tem").err
    monkeypatch.setenv("NOT_SET", "http://169.254.169.254/SECRET")
    refused = heedful("alert", "test", "team")
    assert refused.code == 1
    assert "link-local" in refused.err
    assert "SECRET" not in refused.err


def test_annotations_are_written_down_too(heedful):
    assert heedful("annotate", "Chatbot 2", "--at", "2026-03-02").code == 0
    (entry,) = heedful("history", "--format", "json").json
    assert (entry["who"], entry["verb"], entry["detail"]) == ("cli:ada", "annotated", "Chatbot 2")


def test_a_ledger_that_cannot_be_reached_says_so(heedful, monkeypatch):
    monkeypatch.setenv("HEEDFUL_LEDGER_URL", "postgresql://me:geheim@127.0.0.1:1/x")
    done = heedful("person", "list")
    assert (done.code, done.out) == (1, "")
    assert "the ledger at postgresql+psycopg://me:***@127.0.0.1:1/x cannot be used" in done.err
    assert "geheim" not in done.err
