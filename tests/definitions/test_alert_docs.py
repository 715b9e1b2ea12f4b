"""`docs/alerts.md` shows every field as the models have it, and its examples are right."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from heedful.alerts.channels.webhook import ID, SIGNATURE, signature
from heedful.definitions.alert import AlertsDefinition, Channel, Digest, Quiet, Route
from heedful.definitions.fields import Model
from heedful.definitions.project_files import Loaded
from heedful.definitions.schema import schemas
from heedful.ledger.alert import BACK_OFF, LEASE

DOCS = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
PROJECT = (Path(__file__).parents[2] / "docs" / "project.md").read_text("utf-8")
Load = Callable[[dict[str, str | bytes | None]], Loaded]


@pytest.mark.parametrize("model", [AlertsDefinition, Channel, Route, Digest, Quiet])
def test_every_field_is_shown_as_it_is(model: type[Model], field_table: Callable[..., str]) -> None:
    table = field_table(model)
    assert f"{table}\n" in DOCS, f"docs/alerts.md should hold:\n{table}"


def test_the_example_passes(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```yaml\n# alerts\.yaml\n(.*?)```", DOCS, re.DOTALL)
    assert block
    for name in re.findall(r"\w+_env: (\w+)", block[1]):
        monkeypatch.setenv(name, "x")
    teams = (
        "name: Acme\ntimezone: UTC\ncurrency: EUR\nteams: {cx: {name: Care, email: c@a.example}}\n"
    )
    result = loaded({"alerts.yaml": block[1], "heedful.yaml": teams})
    assert [str(problem) for problem in result.problems] == []
    assert [each for each in result.warnings if each.file == "alerts.yaml"] == []
    assert {each.kind for each in result.valid().alerts.channels.values()} == {
        "email",
        "slack",
        "teams",
        "webhook",
    }


def test_the_receiver_that_is_shown_tells_right_from_wrong() -> None:
    block = re.search(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert block
    shown: dict[str, Callable[..., bool]] = {}
    exec(block[1], shown)
    is_genuine, now = shown["is_genuine"], int(time.time())
    header = signature("key", b"{}", now)
    assert is_genuine("key", header, b"{}")
    assert not is_genuine("another", header, b"{}")
    assert not is_genuine("key", header, b"{ }")
    assert not is_genuine("key", signature("key", b"{}", now - 301), b"{}")
    assert f"`{ID}`" in DOCS
    assert f"`{SIGNATURE}`" in DOCS


def test_the_body_that_is_shown_has_the_fields_that_are_sent() -> None:
    from datetime import UTC, datetime

    from heedful.alerts.channels.webhook import body
    from heedful.alerts.message import example

    block = re.search(r"```json\n(.*?)```", DOCS, re.DOTALL)
    assert block
    shown = json.loads(block[1])
    sent = json.loads(body(example("Acme", "id", datetime.now(UTC), None)))
    assert list(shown) == list(sent)
    assert list(shown["events"][0]) == list(sent["events"][0])


def test_waits_are_as_shown() -> None:
    minutes = [int(each.total_seconds() // 60) for each in BACK_OFF]
    assert minutes == [1, 5, 30, 120, 360]
    assert "1 minute, 5 minutes, 30 minutes, 2 hours and 6 hours" in DOCS
    assert LEASE.total_seconds() == 300
    assert "after 5 minutes another sends it again" in DOCS


def test_the_page_of_project_files_names_it() -> None:
    assert "alerts.yaml         who is told of findings" in PROJECT
    assert "`alerts`" in PROJECT.split("prints a JSON Schema")[0].rsplit("\n", 1)[-1]
    assert set(schemas()) >= {"alerts"}
