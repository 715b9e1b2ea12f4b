"""The built-in KPIs are all there, complete, and fit the facts they are measured over."""

from pathlib import Path

import pytest

from heedful.definitions.document import read
from heedful.definitions.kpi import CatalogueKpi
from heedful.definitions.kpi_files import catalogue_kpis, read_catalogue
from heedful.definitions.problem import ProjectError
from heedful.definitions.project_files import load
from heedful.definitions.rules import Rules

IDS = """
    csat csat_ai nps ease confidence response_rate task_success relevance intrusiveness trust
    path_efficiency backtracks

    form_abandonment form_time checkout_abandonment page_drop_off bounce_rate engaged_sessions
    engagement_depth promise_match contact_pressure offer_overlap key_section_reach frustration
    repeat_visits reply_rate qualified_click_rate unsubscribe_rate content_saves demo_attendance
    time_to_first_value activation onboarding_completion feature_adoption

    first_response_time first_response_time_p90 resolution_time resolution_time_p90 reopen_rate
    escalation_rate one_touch transfers handle_time cost_per_resolution repeat_contact
    self_service contact_rate complaint_rate sla_met

    conversion_rate qualified_leads acquisition_cost lead_win_rate pipeline_velocity
    repeat_purchase order_value refund_rate net_revenue retention retention_30 retention_365 churn
    early_churn renewal_rate upsell_rate lifetime_value assisted_conversion wasted_spend

    quote_quality

    explanation_acceptance explanation_click_through reason_understood rationale_coverage
    policy_coverage confidence_coverage auditability explained_back agent_can_explain
    ai_misunderstood quality_checks_passed override_rate ai_escalation_rate

    negative_comments theme_clarity theme_tone theme_speed theme_trust theme_accuracy theme_effort
    theme_intrusiveness coding_agreement
"""
LOWER = """
    intrusiveness backtracks form_abandonment form_time checkout_abandonment page_drop_off
    bounce_rate contact_pressure offer_overlap frustration unsubscribe_rate time_to_first_value
    first_response_time first_response_time_p90 resolution_time resolution_time_p90 reopen_rate
    escalation_rate transfers handle_time cost_per_resolution repeat_contact contact_rate
    complaint_rate acquisition_cost refund_rate churn early_churn wasted_spend ai_misunderstood
    override_rate ai_escalation_rate negative_comments theme_clarity theme_tone theme_speed
    theme_trust theme_accuracy theme_effort theme_intrusiveness
"""
LAGGING = """
    nps cost_per_resolution conversion_rate acquisition_cost lead_win_rate pipeline_velocity
    repeat_purchase order_value net_revenue retention retention_30 retention_365 churn
    renewal_rate upsell_rate lifetime_value
"""
DIAGNOSTIC = """
    response_rate backtracks page_drop_off offer_overlap key_section_reach content_saves reopen_rate
    escalation_rate transfers handle_time repeat_contact sla_met assisted_conversion wasted_spend
    explanation_click_through auditability explained_back agent_can_explain theme_clarity
    theme_tone theme_speed theme_trust theme_accuracy theme_effort theme_intrusiveness
    coding_agreement
"""
THRESHOLDS = {
    "nps": ("drop_points", 5),
    "csat": ("below_target", 0.1),
    "csat_ai": ("below_target", 0.1),
    "conversion_rate": ("decline", None),
    "time_to_first_value": ("rise", 0.15),
    "self_service": ("decline", None),
    **dict.fromkeys(("retention", "retention_30", "retention_365", "churn"), ("trend", None)),
}


@pytest.fixture(scope="module")
def kpis() -> dict[str, CatalogueKpi]:
    folder = Path(__file__).parents[2] / "src" / "heedful" / "kpis" / "catalogue"
    return catalogue_kpis(read_catalogue(folder), Rules())


def test_each_kpi_has_its_file(kpis: dict[str, CatalogueKpi]) -> None:
    assert sorted(kpis) == sorted(IDS.split())


def test_direction_and_timing(kpis: dict[str, CatalogueKpi]) -> None:
    assert sorted(name for name, kpi in kpis.items() if kpi.better == "lower") == sorted(
        LOWER.split()
    )
    assert sorted(name for name, kpi in kpis.items() if kpi.timing == "lagging") == sorted(
        LAGGING.split()
    )
    assert sorted(i for i, k in kpis.items() if k.timing == "diagnostic") == sorted(
        DIAGNOSTIC.split()
    )


def test_diagnostics_and_what_would_count_twice_are_not_scored(
    kpis: dict[str, CatalogueKpi],
) -> None:
    twice = ["early_churn", "engaged_sessions", "retention_30", "retention_365"]
    slow = ["first_response_time_p90", "resolution_time_p90"]
    # It stands beside qualified leads.
    unscored = sorted(name for name, kpi in kpis.items() if not kpi.scored)
    assert unscored == sorted([*DIAGNOSTIC.split(), *twice, *slow, "quote_quality"])


def test_thresholds(kpis: dict[str, CatalogueKpi]) -> None:
    for name, kpi in kpis.items():
        if not kpi.planned:
            assert kpi.threshold
            expected = THRESHOLDS.get(name, ("change", 0.1))
            assert (kpi.threshold.rule, kpi.threshold.by) == expected, name


def test_the_core_is_that_to_begin_with(kpis: dict[str, CatalogueKpi]) -> None:
    core = {name for name, kpi in kpis.items() if kpi.core and kpi.layer != "qualitative"}
    assert core == {
        "csat_ai",
        "nps",
        "resolution_time",
        "engagement_depth",
        "retention",
        "churn",
        "explanation_acceptance",
        "ai_escalation_rate",
    }


def test_people_are_left_to_decide(kpis: dict[str, CatalogueKpi]) -> None:
    for kpi in kpis.values():
        assert (kpi.owner, kpi.target, kpi.playbook, kpi.scale) == (None, None, None, None)


def test_texts_are_sentences(kpis: dict[str, CatalogueKpi]) -> None:
    for kpi in kpis.values():
        assert kpi.says.endswith(".")
        assert kpi.says[0].isupper()
        assert len(kpi.says) < 120
        assert kpi.title != kpi.says


def test_planned_kpis_say_only_what_they_will_be(catalogue: Path) -> None:
    for path in catalogue.glob("*.yaml"):
        data = read(path, path.name).data
        if data.get("planned"):
            assert {"title", "says", "layer", "timing", "better"} <= set(data)
            assert not {"fact", "measure", "threshold"} & set(data)


def test_all_that_can_be_measured_can_be_switched_on(
    tmp_path: Path,
    catalogue: Path,
    kpis: dict[str, CatalogueKpi],
    surroundings: dict[str, dict[str, list[str]]],
) -> None:
    (tmp_path / "kpis").mkdir()
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "all.md").write_text("# When it goes wrong\n")
    (tmp_path / "heedful.yaml").write_text(
        "name: Acme\ntimezone: UTC\ncurrency: EUR\nteams: {cx: {name: Care}}\n"
    )
    on = [name for name, kpi in kpis.items() if not kpi.planned]
    for name in on:
        target = "target: 80%\n" if name.startswith("csat") else ""
        (tmp_path / "kpis" / f"{name}.yaml").write_text(f"owner: cx\nplaybook: all\n{target}")
    result = load(tmp_path, catalogue, **surroundings)
    assert result.problems == ()
    assert sorted(result.valid().kpis) == sorted(on)
    hashes = {kpi.definition_hash for kpi in result.valid().kpis.values()}
    assert len(hashes) == len(on)


def test_windows_follow_the_rules(catalogue: Path) -> None:
    rules = Rules(activation_days=30, checkout_window_hours=25, lead_window_days=None)
    found = catalogue_kpis(read_catalogue(catalogue), rules)
    windows = {name: kpi.window_days for name, kpi in found.items() if kpi.window_days}
    assert windows == {
        "activation": 30,
        "checkout_abandonment": 2,
        "conversion_rate": 30,
        "cost_per_resolution": 30,
        "handle_time": 30,
        "renewal_rate": 7,
        "repeat_contact": 7,
        "repeat_purchase": 90,
        "self_service": 1,
        **dict.fromkeys(("task_success", "path_efficiency", "backtracks"), 1),
        **dict.fromkeys(("reply_rate", "qualified_click_rate", "unsubscribe_rate"), 7),
        **dict.fromkeys(("repeat_visits", "demo_attendance", "onboarding_completion"), 30),
    }


def test_a_broken_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "a.yaml").write_text(
        "title: A\nsays: A.\nlayer: experience\ntiming: leading\nbetter: more\n"
        "fact: sessions\nmeasure: {share: engaged}\n"
    )
    with pytest.raises(ProjectError) as raised:
        read_catalogue(tmp_path / "catalogue")
    assert [str(problem) for problem in raised.value.problems] == [
        "catalogue/a.yaml:1: threshold is missing",
        'catalogue/a.yaml:5: better "more" is not known; allowed: higher, lower',
    ]
