"""Which override counts where, and that none changes what a KPI measures."""

from pathlib import Path
from typing import Any

import pytest

from heedful.definitions.kpi import Kpi
from heedful.project import check

MOBILE, DESKTOP = ("device", "mobile"), ("device", "desktop")


def kpi(**more: Any) -> Kpi:
    return Kpi.model_validate(
        {
            "id": "csat",
            "title": "Satisfaction",
            "says": "How satisfied customers are.",
            "layer": "experience",
            "timing": "leading",
            "better": "higher",
            "fact": "survey_answers",
            "measure": {"share": "score >= 4"},
            "threshold": {"rule": "change", "by": "10%"},
            "owner": "cx",
            "playbook": "csat",
            **more,
        }
    )


OVERRIDES = (
    {"stage": "onboarding", "segment": {"device": "mobile"}, "owner": "product"},
    {"segment": {"device": "mobile"}, "target": "90%", "threshold": {"rule": "below_target"}},
    {"stage": "onboarding", "target": "85%", "owner": "success"},
)


@pytest.mark.parametrize(
    ("stage", "part", "target", "rule", "owner"),
    [
        (None, None, 0.8, "change", "cx"),
        ("retention", None, 0.8, "change", "cx"),
        ("onboarding", None, 0.85, "change", "success"),
        ("onboarding", DESKTOP, 0.85, "change", "success"),
        (None, MOBILE, 0.9, "below_target", "cx"),
        ("retention", MOBILE, 0.9, "below_target", "cx"),
        ("onboarding", MOBILE, 0.9, "below_target", "product"),
    ],
)
def test_the_most_specific_override_counts_field_by_field(
    stage: str | None, part: tuple[str, str] | None, target: float, rule: str, owner: str
) -> None:
    for overrides in (OVERRIDES, OVERRIDES[::-1]):
        here = kpi(target="80%", overrides=overrides).at(stage, part)
        assert (here.target, here.threshold.rule, here.owner) == (target, rule, owner)


def test_a_kpi_without_overrides_is_itself_everywhere() -> None:
    one = kpi()
    assert one.at("onboarding", MOBILE) is one


def test_overrides_do_not_change_the_definition() -> None:
    assert kpi(target=0.8, overrides=OVERRIDES).definition_hash == kpi().definition_hash


def test_only_segments_with_a_limit_are_watched() -> None:
    one = kpi(target="80%", overrides=OVERRIDES)
    assert one.watched() == [(None, MOBILE)]
    shown = ({"segment": {"device": "mobile"}, "target": "90%"},)
    assert kpi(target="80%", overrides=shown).watched() == []
    limited = kpi(target="80%", threshold={"rule": "below_target"}, overrides=shown)
    assert limited.watched() == [(None, MOBILE)]


def test_values_that_yaml_reads_as_something_else_are_text() -> None:
    one = kpi(overrides=({"segment": {"ai": True}, "owner": "machines"},))
    assert one.at(None, ("ai", "true")).owner == "machines"


def test_a_dimension_that_the_fact_does_not_have_is_refused(tmp_path: Path) -> None:
    files = {
        "heedful.yaml": "name: A\ntimezone: UTC\ncurrency: EUR\nteams: {cx: {name: Care}}\n",
        "playbooks/csat.md": "# Satisfaction\n\nRead the comments.\n",
        "kpis/csat.yaml": (
            "owner: cx\nplaybook: csat\ntarget: 80%\noverrides:\n"
            "  - {segment: {devices: mobile}, target: 90%}\n"
            "  - {segment: {score: high}, target: 90%}\n"
            "  - {segment: {plan: pro}, target: 90%}\n"
        ),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = [str(one) for one in check(tmp_path).problems]
    begin = 'overrides: fact "survey_answers" cannot be broken down by'
    assert [line.split("; ")[0] for line in found] == [
        f'kpis/csat.yaml:5: {begin} "devices"',
        f'kpis/csat.yaml:6: {begin} "score"',
    ]
    assert '(did you mean "device"?)' in found[0]
