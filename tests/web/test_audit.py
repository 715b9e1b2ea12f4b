"""The audit page, and the same as JSON."""

from __future__ import annotations

import html
import re

from heedful.project.inventory import STATES
from heedful.web.pages.audit import inventory, rollout


def text(answer):
    """What a person reads."""
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


def test_the_page_says_what_is_there_and_what_to_do(viewer, site):
    answer = viewer.get("/audit")
    assert answer.status_code == 200
    said, seen = text(answer), inventory(site.edition)
    assert seen.summary in said
    for step in seen.steps[:12]:
        assert step.does[1:] in said
    assert 'href="/audit"' in viewer.get("/data").text


def test_a_survey_that_is_switched_on_and_never_answered_waits(site):
    found = {one.kpi: one for one in inventory(site.edition).kpis}
    # The shop's invitations are nowhere, so nobody can tell how many answer.
    assert found["response_rate"].state == "waiting"
    assert found["response_rate"].next == ("write sources/invitations.yaml to fill invitations",)
    assert found["csat"].state == "measured"
    assert found["csat"].rows > 0


def test_kpis_can_be_narrowed_to_a_state(viewer, site):
    seen = inventory(site.edition)
    for state in STATES:
        answer = viewer.get("/audit", params={"state": state})
        assert answer.status_code == 200
        rows = re.search(r'id="kpis".*', answer.text, re.DOTALL)[0]
        assert rows.count('<th scope="row"') == len(seen.of(state))
    answer = viewer.get("/audit", params={"state": "redy"})
    assert answer.status_code == 400
    assert "did you mean" in html.unescape(answer.text)


def test_the_plan_stands_on_the_page_and_can_be_pasted(viewer, site):
    answer = viewer.get("/audit")
    said = text(answer)
    for task in rollout(site.edition).tasks:
        assert task.does in said
        assert task.evidence in said
    assert "- [x] **Bring the data in**" in said


def test_programs_get_the_same(viewer, site):
    found = viewer.get("/api/v1/audit").json()
    assert found["summary"] == inventory(site.edition).summary
    assert [one["kpi"] for one in found["kpis"]] == [o.kpi for o in inventory(site.edition).kpis]
    plan = viewer.get("/api/v1/plan").json()
    assert [one["does"] for one in plan["tasks"]] == [o.does for o in rollout(site.edition).tasks]


def test_names_that_try_to_be_html_are_text(viewer):
    assert "<i>&</i>" not in viewer.get("/audit").text


def test_an_empty_project_is_told_where_to_begin(empty_site, entered):
    client = entered(empty_site)
    answer = client.get("/audit")
    assert answer.status_code == 200
    said = text(answer)
    assert re.search(r"None of \d+ KPIs has data; \d+ that are switched on wait for it", said)
    assert "to do" in said
    found = client.get("/api/v1/audit").json()
    assert not [one for one in found["kpis"] if one["state"] in {"measured", "ready"}]
    # What nobody has is no number.
    assert {one["complete"] for one in found["kpis"]} == {None}
    assert client.get("/api/v1/plan").json()["day"] is None
