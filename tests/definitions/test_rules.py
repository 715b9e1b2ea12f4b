"""Rules are parameters of facts; segments and settings have defaults that hold."""

import pytest

from heedful.definitions.rules import EXCLUDED, Rules
from heedful.definitions.segment import Segment
from heedful.definitions.settings import STAGES, Settings
from heedful.definitions.source import Constant, Source


def test_every_rule_is_a_parameter() -> None:
    parameters = Rules.model_validate(
        {"activities": {"first_response": ("replied", "called")}, "value_events": ()}
    ).parameters()
    assert parameters["activity_first_response"] == ["replied", "called"]
    assert parameters["activity_closed"] == []
    assert parameters["value_events"] == []
    assert parameters["lapsed_after_days"] is None
    assert parameters["tax"] == "inclusive"
    assert not {"exclude", "activities", "business_hours"} & set(parameters)
    fields = set(Rules.model_fields) - {"exclude", "activities", "business_hours"}
    assert fields <= set(parameters)


def test_a_table_that_is_not_named_keeps_its_exclusion() -> None:
    rules = Rules.model_validate({"exclude": {"tickets": None, "leads": "lost_at IS NULL"}})
    assert rules.exclude == {**EXCLUDED, "tickets": None, "leads": "lost_at IS NULL"}


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("activation_days", 14),
        ("checkout_window_hours", 1),
        ("form_window_minutes", 1),
        ("lead_window_days", 0),
    ],
)
def test_times_in_days_are_rounded_up(rule: str, days: int) -> None:
    assert Rules().days(rule) == days


def test_settings_have_six_stages_unless_they_say_others() -> None:
    settings = Settings.model_validate(
        {
            "name": "Acme",
            "timezone": "Europe/Berlin",
            "currency": "EUR",
            "touchpoints": {"bot": {"stage": "retention", "ai": True}, "mail": {}},
        }
    )
    assert settings.stages == STAGES
    assert settings.stage_of("bot") == "retention"
    assert settings.stage_of("mail") is settings.stage_of("nowhere") is settings.stage_of(None)


def test_a_segment_reads_the_table_it_is_of() -> None:
    assert Segment(cases={"a": "true"}).table == "customers"
    assert Segment(of="account", cases={"a": "true"}).table == "accounts"


def test_a_source_comes_in_one_form_however_it_is_written() -> None:
    data = {
        "name": "s",
        "table": "orders",
        "columns": {"a": "A", "b": ("B", "C"), "c": {"constant": None}, "d": {"constant": 3}},
        "read": {"dates": "%Y"},
        "observed_until": "2024-12-31",
    }
    source = Source.model_validate({**data, "path": "a/*.csv"})
    assert source.columns == {
        "a": ("A",),
        "b": ("B", "C"),
        "c": Constant(constant=None),
        "d": Constant(constant=3),
    }
    assert source.read.dates == ("%Y",)
    assert str(source.observed_until) == "2024-12-31"
    assert source.globs == {"files": ("a/*.csv",)}
    assert Source.model_validate({**data, "path": ("a", "b")}).globs == {"files": ("a", "b")}
    named = Source.model_validate({**data, "path": {"x": "a", "y": "b"}})
    assert named.globs == {"x": ("a",), "y": ("b",)}
