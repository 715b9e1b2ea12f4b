"""Findings on the site: the list, a page that answers five questions, and what is done next."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import date

import pytest

import heedful
from heedful.findings.finding import Alike, Finding, Leg, Onset, Segment
from heedful.kpis.shelf import Series
from heedful.web import charts
from heedful.web.pages import findings_words as words
from heedful.web.pages.actions_form import targets
from heedful.web.pages.findings_charts import with_onset
from heedful.web.pages.findings_evidence import parts

QUESTIONS = ("What changed?", "Where?", "Who?", "Because of what?", "What now?")


def said(answer):
    """What a person reads."""
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    return re.sub(r" ([,.;:])", r"\1", text)


@pytest.fixture(scope="module")
def fallen(site) -> Finding:
    """The fall of the shop: satisfaction at the helpline."""
    return next(one for one in site.edition.findings() if one.kpi == "csat")


def segment(name, weights, values, *, dimension="device", hot=False, mix=None, rate=None):
    """A segment before and now."""
    change = None if values[0] is None else values[1] - values[0]
    ends = (None, None) if change is None else (change - 0.02, change + 0.02)
    total = None if mix is None else mix + rate
    return Segment(
        dimension,
        name,
        *weights,
        *values,
        values[1] - 0.01,
        values[1] + 0.01,
        500,
        mix,
        rate,
        total,
        None,
        change,
        *ends,
        0.01,
        hot,
    )


def test_the_list_ranks_and_says_what_was_tested(viewer, site):
    answer = viewer.get("/findings")
    assert answer.status_code == 200
    text = said(answer)
    titles = [one.title for one in site.edition.findings()]
    places = [answer.text.index(html.escape(title)) for title in titles]
    assert places == sorted(places)
    assert f"{site.edition.project.findings.tested()} tests" in text
    # Patterns whose KPIs are not switched on are named, and what they need.
    assert "Contradictions that cannot be looked for" in text
    assert "needs" in text


def test_filters_are_in_the_address(viewer, fallen):
    query = f"kind=threshold&owner={fallen.owner}&severity={fallen.severity}&stage={fallen.stage}"
    mine = viewer.get(f"/findings?{query}")
    assert fallen.title in mine.text
    assert 'value="threshold" selected' in mine.text
    assert "None of these" in viewer.get("/findings?kind=mismatch").text
    for wrong in ("kind=x", "owner=x", "severity=x", "stage=x", "state=x", "page=x", "page=0"):
        answer = viewer.get(f"/findings?{wrong}")
        assert answer.status_code == 400, wrong
        assert "allowed:" in answer.text


def test_a_page_answers_five_questions(viewer, fallen):
    answer = viewer.get(f"/findings/{fallen.id}")
    assert answer.status_code == 200
    text = said(answer)
    for question in QUESTIONS:
        assert question in text
    assert "Helpline (touchpoint)" in text
    assert "New phone system" in text
    assert "coincidence in time and place, not proof" in text
    # What customers wrote there, escaped.
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; the line was engaged" in answer.text
    assert "<script>alert" not in answer.text
    # The playbook is Markdown; HTML in it stays text.
    assert "<strong>three</strong>" in answer.text
    assert "<img" not in answer.text
    assert "javascript:" not in re.sub(r"\[here\]\(javascript:alert\(1\)\)", "", answer.text)
    # The onset is drawn.
    assert answer.text.count("var(--care-tint)") >= 1


def test_every_finding_has_a_page_and_a_file(viewer, site):
    every = site.edition.project.findings.all()
    assert every
    for one in every:
        assert viewer.get(f"/findings/{one.id}").status_code == 200
        file = viewer.get(f"/findings/{one.id}.json")
        found = json.loads(file.text)
        assert (found["id"], found["title"]) == (one.id, one.title)
        assert set(found) >= {"where", "who", "candidates", "comments", "onset"}
    trouble = next(one for one in every if one.kind == "data")
    text = said(viewer.get(f"/findings/{trouble.id}"))
    assert "Where?" not in text
    assert "State of all tables" in text


@pytest.mark.parametrize("path", ["", ".json", "/experiment"])
def test_an_unknown_finding_is_not_found(viewer, path):
    answer = viewer.get(f"/findings/f-000000{path}")
    assert answer.status_code == 404
    assert "f-000000" in answer.text


def test_viewers_see_why_they_cannot(viewer, fallen, csrf):
    answer = viewer.get(f"/findings/{fallen.id}")
    assert "Actions take the role analyst; you are a viewer" in answer.text
    assert "Make the action" not in answer.text
    for verb in ("actions", "close", "reopen"):
        refused = viewer.post(f"/findings/{fallen.id}/{verb}", data=csrf(viewer))
        assert refused.status_code == 403


def test_one_click_makes_an_action(own, own_site, fallen, csrf):
    client = own("analyst")
    address = f"/findings/{fallen.id}"
    page = client.get(address).text
    form = page[page.index('id="act"') :]
    assert re.search(r'<option value="help" selected>', form)
    due = re.search(r'name="due" value="([\d-]+)"', form).group(1)
    assert (date.fromisoformat(due) - own_site.edition.today).days == 14
    # What stands out most is offered first.
    assert '<option value="csat|touchpoint:helpline" selected>' in form
    filled = {
        "title": "More people on the phone",
        "owner": "help",
        "due": due,
        "aim": "csat|touchpoint:helpline",
        "expected": "75%",
    }
    assert client.post(f"{address}/actions", data=filled).status_code == 403
    made = client.post(f"{address}/actions", data={**filled, **csrf(client)})
    assert made.status_code == 303
    number = int(made.headers["location"].rsplit("/", 1)[1])
    action = own_site.edition.project.actions.get(number)
    assert (action.kpi, action.dimension, action.segment) == ("csat", "touchpoint", "helpline")
    assert (action.expected, action.finding) == (0.75, fallen.id)
    # It begins from the reading of the segment, not from that of everyone.
    assert action.value != pytest.approx(fallen.value)
    again = said(client.get(address))
    assert "Actions on it" in again
    assert "1 open" in again
    assert "an action is open" in said(client.get("/findings"))
    wrong = {"title": " ", "due": "soon", "owner": "nobody", "aim": "nothing", "expected": "x"}
    for name, value in wrong.items():
        refused = client.post(f"{address}/actions", data={**filled, name: value, **csrf(client)})
        assert refused.status_code in {400, 404}, name


def test_it_is_closed_with_a_reason_and_opened_again(own, fallen, csrf):
    client = own("analyst")
    address = f"/findings/{fallen.id}"
    silent = client.post(f"{address}/close", data={"because": " ", **csrf(client)})
    assert silent.status_code == 400
    assert "say why" in silent.text
    long = client.post(f"{address}/close", data={"because": "x" * 501, **csrf(client)})
    assert long.status_code == 400
    reason = {"because": "The line was <b>down</b>", **csrf(client)}
    assert client.post(f"{address}/close", data=reason).status_code == 303
    closed = client.get(address)
    assert "The line was &lt;b&gt;down&lt;/b&gt;, by analyst@example.org" in closed.text
    assert "Make the action" not in closed.text
    assert fallen.title not in client.get("/findings").text
    assert fallen.title in client.get("/findings?state=closed").text
    assert client.post(f"{address}/close", data=reason).status_code == 400
    assert client.post(f"{address}/reopen", data=csrf(client)).status_code == 303
    assert client.post(f"{address}/reopen", data=csrf(client)).status_code == 400
    assert fallen.title in client.get("/findings").text


def test_nothing_stands_out_is_an_answer(own, own_site, csrf):
    client = own("analyst")
    for one in own_site.edition.findings():
        form = {"because": "seen", **csrf(client)}
        client.post(f"/findings/{one.id}/close", data=form)
    text = said(client.get("/findings"))
    assert "Nothing stands out" in text
    assert "tests were made" in text


def test_before_any_data(empty_site, entered):
    client = entered(empty_site)
    assert "Nothing was looked at yet" in client.get("/findings").text
    assert client.get("/findings?state=closed").status_code == 200


def test_a_planned_experiment_passes_the_check(viewer, own_site, fallen):
    answer = viewer.get(f"/findings/{fallen.id}/experiment")
    assert answer.status_code == 200
    hypothesis, experiment = (
        html.unescape(one) for one in re.findall(r"<pre[^>]*>(.*?)</pre>", answer.text, re.S)
    )
    name = re.search(r"experiments/([a-z0-9-]+)\.yaml", answer.text).group(1)
    root = own_site.root
    with (root / "hypotheses.yaml").open("a", encoding="utf-8") as file:
        file.write(hypothesis)
    (root / f"experiments/{name}.yaml").write_text(experiment, encoding="utf-8")
    project = heedful.open(root)
    planned = project.definitions.experiments[name]
    assert planned.primary.kpi == "csat"
    assert len(planned.guardrails) == 2
    assert "csat" not in {one.kpi for one in planned.guardrails}


def test_a_planned_experiment_survives_any_headline(own_site, fallen):
    from heedful.web.pages.findings_plan import planned

    odd = replace(fallen, title="He said: \"x\" # 'y' {z}\n- id: other\ttab é", who=())
    plan = planned(own_site.edition, odd)
    root = own_site.root
    (root / "hypotheses.yaml").write_text(plan.hypothesis, encoding="utf-8")
    (root / "experiments/warm-words.yaml").unlink()
    (root / f"experiments/{plan.name}.yaml").write_text(plan.experiment, encoding="utf-8")
    found = heedful.open(root).definitions.hypotheses
    assert [one.friction for one in found.values()] == [odd.title]
    assert planned(own_site.edition, replace(fallen, kpi="none_of_these")) is None


def test_parts_add_up_to_the_whole_and_the_rest_is_folded(fallen):
    rows = (
        segment("mobile", (0.5, 0.6), (0.2, 0.4), hot=True, mix=0.004, rate=0.11),
        segment("desktop", (0.5, 0.4), (0.2, 0.2), mix=0.004, rate=0.0),
        segment("de", (0.5, 0.5), (0.2, 0.3), dimension="country", mix=0.0, rate=0.05),
        segment("at", (0.5, 0.5), (0.2, 0.3), dimension="country", mix=0.0, rate=0.05),
        segment("web", (1.0, 1.0), (0.2, 0.3), dimension="channel"),
    )
    given = replace(fallen, who=rows, alike=(Alike("country", 0.73),))
    found = parts(given, rows, "share", "lower", moves=True)
    device, country = found.groups
    assert (device.dimension, device.hot, device.split) == ("Device", True, True)
    assert device.whole == ("+0.8", "+11.0", "+11.8")
    assert device.rows[0].together == "+11.4"
    # Lower is better, so a rise of what stands out is bad.
    assert device.rows[0].tone == "bad"
    assert device.rows[0].key == "device:mobile"
    assert country.alike == "nothing stands out (test of equal change, p = 0.73)"
    assert found.only == "channel Web"
    assert words.who(given, found) == "Most of all Mobile (device)."


def test_the_only_place_there_is_is_named_as_such(fallen):
    only = segment("plant_match", (1.0, 1.0), (0.2, 0.3), dimension="form", hot=True)
    end = segment("5", (1.0, 1.0), (0.2, 0.3), dimension="last_step")
    given = replace(fallen, where=(only, end))
    found = parts(given, given.where, "share", "lower")
    assert words.where(given, found) == "All of it lies in Plant match (form)."
    assert found.only == "form Plant match"
    topics = tuple(segment(one, (0.5, 0.5), (0.2, 0.3), dimension="topic") for one in ("a", "b"))
    given = replace(given, where=(only, *topics))
    found = parts(given, given.where, "share", "lower")
    assert words.where(given, found).endswith("(form). Within that, nothing stands out.")


def test_what_cannot_be_split_shows_each_change(fallen):
    rows = (
        segment("mobile", (None, None), (4.0, 6.0), hot=True),
        segment("desktop", (None, None), (4.0, 4.0)),
        segment("tablet", (None, None), (None, 4.0)),
    )
    found = parts(replace(fallen, who=rows), rows, "hours", "lower", moves=True)
    group = found.groups[0]
    assert not group.split
    assert group.rows[2].delta.why == "too few to tell"
    assert [row.together for row in group.rows] == ["–", "–", "–"]


def test_steps_of_a_form_are_told_by_how_many_are_lost_there(fallen, site):
    rows = (
        segment("2", (0.05, 0.15), (1.0, 1.0), dimension="last_step", hot=True, mix=0.08, rate=0.0),
        segment("3", (0.95, 0.85), (0.0, 0.0), dimension="last_step", mix=0.01, rate=0.0),
    )
    found = parts(replace(fallen, where=rows), rows, "share", "lower")
    assert found.groups[0].split
    assert words.where(replace(fallen, where=rows), found) == "Most of all after step 2."
    # People who stopped at a step are none whose KPI an action could change.
    leg = Leg(
        "form_abandonment",
        "x",
        "share",
        "main",
        0.1,
        0.2,
        None,
        None,
        9,
        9,
        0.1,
        0.05,
        0.15,
        False,
        "worse",
    )
    given = replace(fallen, legs=(leg,), where=rows, who=())

    assert [one.key for one in targets(site.edition, given)] == ["form_abandonment"]


def test_when_it_began_is_told_as_well_as_it_is_known(fallen):
    first, middle, last = date(2026, 2, 2), date(2026, 2, 23), date(2026, 3, 2)
    sure = replace(fallen, onset=Onset(middle, middle, middle, True))
    assert "hardly in any other" in words.began(sure)
    wide = replace(fallen, onset=Onset(middle, first, last, True))
    assert "from the week of 2 Feb 2026 to that of 2 Mar 2026" in words.began(wide)
    unsure = replace(fallen, onset=Onset(middle, first, last, False))
    assert "not show one clear step" in words.began(unsure)
    assert words.began(replace(fallen, onset=None)) == ""


def test_the_ground_spans_the_periods_in_which_it_may_have_begun(site):
    series: Series = site.edition.shelf.series("csat", "week")
    chart = charts.trend(series, title="x")
    onset = Onset(date(2026, 2, 23), date(2026, 2, 16), date(2026, 3, 2), True)
    drawn = with_onset(chart, onset, "week")
    ground, line = drawn.spec["layer"][:2]
    assert ground["data"]["values"] == [{"at": "2026-02-16", "until": "2026-03-09"}]
    assert line["data"]["values"] == [{"at": "2026-02-23"}]
    assert (
        len(with_onset(chart, replace(onset, sure=False), "week").spec["layer"])
        == len(drawn.spec["layer"]) - 1
    )
    altair = pytest.importorskip("altair")
    altair.LayerChart.from_dict(drawn.spec, validate=True)


def test_comments_of_an_erased_customer_are_gone_at_once(own, own_site, fallen):
    client = own("viewer")
    address = f"/findings/{fallen.id}"
    assert "the line was engaged" in client.get(address).text
    own_site.edition.project.lake("tables").open("responses").delete("comment IS NOT NULL")
    assert "the line was engaged" not in client.get(address).text
