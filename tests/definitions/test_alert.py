"""What `alerts.yaml` may hold, and what is said of it by the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heedful.definitions.project_files import Loaded
from heedful.definitions.schema import schemas

Load = Callable[[dict[str, str | bytes | None]], Loaded]

TWO = """\
channels:
  care: {kind: slack, url_env: CARE_URL}
  desk: {kind: webhook, url_env: DESK_URL, secret_env: DESK_KEY}
"""


def warnings(loaded: Load, text: str) -> list[str]:
    result = loaded({"alerts.yaml": text})
    assert [str(each) for each in result.problems] == []
    return [each.warning for each in result.warnings if each.file == "alerts.yaml"]


def test_without_the_file_nobody_is_told(loaded: Load) -> None:
    alerts = loaded({}).valid().alerts
    assert alerts.channels == {}
    assert (alerts.digest.at, alerts.digest.over, alerts.routes) == ("08:00", 3, ())


def test_secrets_that_are_not_set_are_a_warning(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_URL", "https://x.example")
    monkeypatch.delenv("CARE_URL", raising=False)
    monkeypatch.setenv("DESK_KEY", "")
    assert warnings(loaded, f"link: https://h.example\n{TWO}") == [
        "alerts.yaml:3: warning: CARE_URL is not set here; nothing can be sent to care without it",
        "alerts.yaml:4: warning: DESK_KEY is not set here; nothing can be sent to desk without it",
    ]


def test_what_will_not_work_as_hoped_is_a_warning(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CARE_URL", "DESK_URL", "DESK_KEY"):
        monkeypatch.setenv(name, "x")
    quiet = 'digest: {at: "06:00"}\nquiet: {from: "22:00", until: "07:00"}\n'
    digest = "the digest of 06:00 falls into quiet hours; it is sent at 07:00, when they end"
    assert warnings(loaded, f"{TWO}routes:\n  - channels: [care]\n{quiet}") == [
        "alerts.yaml:1: warning: link is missing; messages cannot link to the dashboard",
        'alerts.yaml:3: warning: no route leads to "desk"; add it to one',
        f"alerts.yaml:6: warning: {digest}",
    ]


def test_editors_are_told_what_a_time_is() -> None:
    digest = schemas()["alerts"]["$defs"]["Digest"]["properties"]["at"]
    assert digest["pattern"].startswith("^(")
    assert "from" in schemas()["alerts"]["$defs"]["Quiet"]["properties"]
