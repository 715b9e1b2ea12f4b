"""Definitions: the catalogue as the shop uses it, facts, playbooks."""

from __future__ import annotations

import re

import pytest

from heedful.web.pages.definitions_lines import kpi_lines, part_lines
from heedful.web.pages.definitions_text import coded, rendered

HOSTILE = '<script>alert("x")</script>'


def text(answer):
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def shown(answer):
    """Ids of the KPIs that a page lists."""
    return set(re.findall(r'id="kpi-(\w+)"', answer.text))


def test_those_that_are_on(viewer, site):
    answer = viewer.get("/definitions")
    assert answer.status_code == 200
    assert shown(answer) == set(site.edition.definitions.kpis)
    for name in site.edition.definitions.kpis:
        assert site.edition.project.kpis.definition_hash(name) in answer.text


def test_by_state_and_search(viewer, site):
    every = {kpi.id: kpi for kpi in site.edition.project.kpis.all()}
    on = set(site.edition.definitions.kpis)
    assert shown(viewer.get("/definitions?state=all")) == set(every)
    planned = shown(viewer.get("/definitions?state=planned"))
    assert planned == {name for name, kpi in every.items() if kpi.planned}
    assert shown(viewer.get("/definitions?state=off")) == set(every) - on - planned
    found = shown(viewer.get("/definitions", params={"q": "CSAT", "state": "all"}))
    assert found == {"csat", "csat_ai"}
    answer = viewer.get("/definitions", params={"q": HOSTILE})
    assert "No such KPI" in answer.text
    assert HOSTILE not in answer.text


def test_by_owner(viewer):
    answer = viewer.get("/definitions?by=owner")
    heads = re.findall(r'scope="rowgroup"[^>]*>([^<]+)', answer.text)
    assert heads == ["Shop floor &lt;i&gt;&amp;&lt;/i&gt; till", "Help desk"]
    assert viewer.get("/definitions?by=fact").status_code == 200


@pytest.mark.parametrize("query", ["by=nope", "state=nope"])
def test_wrong_questions(viewer, query):
    answer = viewer.get(f"/definitions?{query}")
    assert answer.status_code == 400
    assert "allowed:" in answer.text


def test_weights_are_shares_of_the_whole(site):
    parts = {part.name: part for part in part_lines(site.edition)}
    assert sum(w for _, _, w in parts["friction"].kpis) == pytest.approx(0.3)
    # nps counts twice: csat and nps share half of the score as one to two.
    weights = {name: w for name, _, w in parts["experience"].kpis}
    assert weights == pytest.approx({"csat": 0.5 / 3, "nps": 1 / 3})
    assert {line.kpi.id for line in kpi_lines(site.edition) if line.weight} == {
        name for part in parts.values() for name, _, _ in part.kpis
    }


def test_what_a_file_changes_is_said(site):
    lines = {line.kpi.id: line for line in kpi_lines(site.edition)}
    assert lines["resolution_time"].changed == ("breakdowns",)
    assert lines["resolution_time"].file == "kpis/resolution_time.yaml"
    assert lines["nps"].changed == ()


def test_rules_in_words(viewer):
    answer = viewer.get("/definitions")
    # What rules.yaml says comes first, and stands out.
    first = re.search(r'<code>(\w+)</code></th><td class="wrap"><b>([^<]+)</b>', answer.text)
    assert first is not None
    assert first.groups() == ("lapsed_after_days", "60 days")


def test_every_fact_has_a_page(viewer, site):
    for name in site.edition.project.facts:
        answer = viewer.get(f"/definitions/facts/{name}")
        assert answer.status_code == 200
        assert "SELECT" in answer.text
    answer = viewer.get("/definitions/facts/survey_answer")
    assert answer.status_code == 404
    assert "did you mean &#34;survey_answers&#34;?" in answer.text


@pytest.mark.parametrize(
    "path", ["facts/..%2f..%2fetc%2fpasswd", "playbooks/..%2fheedful.yaml", "playbooks/%2e%2e"]
)
def test_no_file_of_elsewhere(viewer, path):
    answer = viewer.get(f"/definitions/{path}")
    assert answer.status_code == 404
    assert "timezone" not in answer.text


def test_a_playbook_is_only_text(viewer):
    answer = viewer.get("/definitions/playbooks/listen")
    assert answer.status_code == 200
    assert "<li>Call <strong>three</strong>.</li>" in answer.text
    assert HOSTILE not in answer.text
    assert "<img" not in answer.text
    assert 'href="javascript' not in answer.text
    assert 'href="https://example.org/a?b=1&amp;c=2" rel="noreferrer"' in answer.text
    assert "/kpis/csat" in answer.text


def test_markdown_fetches_nothing():
    assert "<img" not in rendered("# T\n\n![x](https://example.org/x.png)")
    assert rendered("# T") == ""
    assert coded("`<b>`") == "<code>&lt;b&gt;</code>"


def test_before_anything_was_imported(browsers, empty_site):
    client = type(browsers)(empty_site)("viewer")
    assert client.get("/definitions").status_code == 200
    answer = client.get("/definitions/facts/survey_answers")
    assert "It was not built yet" in text(answer)
