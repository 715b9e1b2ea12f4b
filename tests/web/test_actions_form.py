"""Forms about findings and actions: what cannot be taken is said, and nothing typed is lost."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from markupsafe import escape

from heedful.project import check
from heedful.web.pages import actions_form as forms
from heedful.web.pages.findings_plan import planned

HOSTILE = '<script>alert("x")</script>'


def alert(answer):
    """What is said to be wrong."""
    return html.unescape(re.search(r'role="alert">(.*?)</p>', answer.text, re.S)[1])


@pytest.fixture(scope="module")
def fallen(site):
    """The fall of the shop: satisfaction at the helpline."""
    return next(one for one in site.edition.findings() if one.kpi == "csat")


@pytest.fixture
def one(own_site):
    """An open action about a KPI."""
    today = own_site.edition.today
    return own_site.edition.project.actions.make(
        "Call back", "help", today + timedelta(days=3), by="ann@example.org", kpi="csat"
    )


WRONG = [
    ({"title": ""}, "the title is empty"),
    ({"owner": "nobody"}, 'team "nobody" does not exist'),
    ({"due": "31 February"}, 'the due day "31 February" is no day'),
    ({"expected": "101%"}, "is not from 0 to 100%"),
    ({"aim": "csat|touchpoint:nowhere"}, "has no readings"),
    ({"aim": "happiness"}, "happiness"),
]


def test_a_finding_keeps_what_was_filled_in(own, own_site, fallen, csrf):
    client = own("analyst")
    for wrong, says in WRONG:
        form = {
            "title": f"Ring {HOSTILE}",
            "owner": "shop",
            "due": "2031-02-03",
            "aim": "csat",
            "expected": "70%",
            **wrong,
        }
        answer = client.post(f"/findings/{fallen.id}/actions", data={**form, **csrf(client)})
        assert answer.status_code == 400, wrong
        assert says in alert(answer)
        # The whole page is there again, with the form as it was.
        assert "What changed?" in answer.text
        assert f">{escape(form['title'])}</textarea>" in answer.text
        assert f'name="due" value="{form["due"]}"' in answer.text
        assert f'<option value="{form["owner"]}" selected>' in answer.text
        assert f'value="{form["expected"]}"></label>' in answer.text
        if "aim" not in wrong:
            assert '<option value="csat" selected>' in answer.text
        assert HOSTILE not in answer.text
    assert own_site.edition.project.actions.all() == []


def test_a_reason_that_cannot_be_taken_is_shown_where_it_was_given(own, fallen, csrf):
    client = own("analyst")
    long = "x" * (forms.LONGEST + 1)
    answer = client.post(f"/findings/{fallen.id}/close", data={"because": long, **csrf(client)})
    assert answer.status_code == 400
    assert "over 500 characters" in alert(answer)
    assert f">{long}</textarea>" in answer.text
    assert re.search(r'<details[^>]*id="close" open>', answer.text)


def test_a_due_day_in_the_past_is_taken_and_said(own, own_site, fallen, csrf):
    client = own("analyst")
    past = own_site.edition.today - timedelta(days=2)
    form = {"title": "Ring", "owner": "help", "due": f"{past}", **csrf(client)}
    made = client.post(f"/findings/{fallen.id}/actions", data=form)
    page = client.get(made.headers["location"]).text
    assert "Overdue" in page
    assert "2 days late" in page


def test_a_finding_about_data_makes_an_action_that_measures_nothing(own, own_site, csrf):
    trouble = next(each for each in own_site.edition.findings() if each.kind == "data")
    assert trouble.kpi is None
    client = own("analyst")
    page = client.get(f"/findings/{trouble.id}").text
    assert "this finding is about no KPI" in page
    assert 'name="expected"' not in page
    assert "Plan an experiment" not in page
    form = {"title": "Ask for it", "owner": "shop", "due": "2031-02-03", **csrf(client)}
    made = client.post(f"/findings/{trouble.id}/actions", data=form)
    assert made.status_code == 303
    action = own_site.edition.project.actions.all()[0]
    assert (action.finding, action.kpi, action.expected) == (trouble.id, None, None)
    assert "There is no KPI to decide by" in client.get(f"/findings/{trouble.id}/experiment").text


def test_a_finding_without_legs_offers_its_kpi(site, fallen):
    bare = replace(fallen, legs=(), where=(), who=())
    assert [each.key for each in forms.targets(site.edition, bare)] == ["csat"]
    series = site.edition.shelf.series("csat", "week", stage=fallen.stage)
    now = f"{100 * series.estimates.value[series.last()]:.1f}%"
    assert forms.targets(site.edition, bare)[0].now == now
    gone = replace(bare, kpi="switched_off")
    assert forms.targets(site.edition, gone) == []
    assert forms.chosen([]) == ""


EDITED = {"title": "T <b>", "owner": "shop", "due": "2031-01-01", "expected": "9", "note": "N <b>"}
REFUSED = [
    ("close", {"done_on": "2999-01-01", "note": "N <b>"}, "still to come"),
    ("close", {"done_on": "yesterday", "note": "N <b>"}, '"yesterday" is no day'),
    ("close", {"done_on": "2026-02-09", "note": "n" * 501}, "the note is over 500"),
    ("drop", {"note": " "}, "say why"),
    ("drop", {"note": "n" * 501}, "the reason is over 500"),
    ("edit", {**EDITED, "title": " "}, "the title is empty"),
    ("edit", {**EDITED, "owner": "x"}, 'team "x" does not exist'),
    ("edit", {**EDITED, "due": ""}, "is no day"),
    ("edit", {**EDITED, "expected": "lots"}, '"lots" is no number'),
]


def test_an_action_keeps_what_was_filled_in(own, own_site, one, csrf):
    client = own("analyst")
    for form, fields, says in REFUSED:
        address = f"/actions/{one.id}/{form}"
        answer = client.post(address, data={**fields, **csrf(client)})
        assert answer.status_code == 400, (form, fields)
        assert says in alert(answer)
        part = re.search(rf'action="{address}#next".*?</form>', answer.text, re.S)[0]
        for name, value in fields.items():
            if name in {"title", "note"}:
                assert f">{escape(value)}</textarea>" in part
            elif name == "owner":
                assert f'<option value="{value}" selected>' in part
            else:
                assert re.search(rf'name="{name}" value="{value}"', part)
    assert own_site.edition.project.actions.get(one.id) == one


def test_what_ended_meanwhile_is_said_above_all(own, own_site, one, fallen, csrf):
    client = own("analyst")
    own_site.edition.project.actions.drop(one.id, "ben@example.org", "no time")
    form = {"done_on": "2026-02-09", **csrf(client)}
    answer = client.post(f"/actions/{one.id}/close", data=form)
    assert answer.status_code == 400
    assert "only open ones can be changed" in alert(answer)
    own_site.edition.project.findings.close(fallen.id, "ben@example.org", "seen")
    own_site.edition.forget_findings()
    form = {"because": "seen", **csrf(client)}
    answer = client.post(f"/findings/{fallen.id}/close", data=form)
    assert answer.status_code == 400
    assert "closed already" in alert(answer)


def test_what_was_ended_by_mistake_is_taken_back_until_it_is_measured(own, own_site, one, csrf):
    client, viewer = own("analyst"), own("viewer")
    doors = own_site.edition.project.actions
    address = f"/actions/{one.id}"
    doors.drop(one.id, "ann@example.org", "no time")
    assert "Open it again" not in viewer.get(address).text
    assert viewer.post(f"{address}/reopen", data=csrf(viewer)).status_code == 403
    assert client.post(f"{address}/reopen").status_code == 403
    assert "Open it again" in client.get(address).text
    assert client.post(f"{address}/reopen", data=csrf(client)).status_code == 303
    assert doors.get(one.id).state == "open"
    assert client.post(f"{address}/reopen", data=csrf(client)).status_code == 400
    # Long ago: what came after it is measured at once, and stays.
    done = {"done_on": "2026-01-05", **csrf(client)}
    assert client.post(f"{address}/close", data=done).status_code == 303
    assert doors.get(one.id).outcome.state == "measured"
    assert "Open it again" not in client.get(address).text
    assert client.post(f"{address}/reopen", data=csrf(client)).status_code == 400


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "99999999999999999999", "1e3", "x"])
def test_no_number_breaks_it(analyst, csrf, number):
    for verb in ("close", "edit", "drop", "start", "reopen"):
        answer = analyst.post(f"/actions/{number}/{verb}", data=csrf(analyst))
        assert answer.status_code in {404, 422}, verb
    assert analyst.get(f"/actions/{number}").status_code in {404, 422}


def test_every_plan_passes_the_check_without_a_warning_about_it(own_site):
    """Whatever a finding is about: the files that its page offers can be pasted as they are."""
    edition = own_site.edition
    root = own_site.root
    before = {f"{each}" for each in check(root).warnings}
    plans = [plan for each in edition.project.findings.all() if (plan := planned(edition, each))]
    assert len(plans) >= 2
    with (root / "hypotheses.yaml").open("a", encoding="utf-8") as file:
        file.writelines(plan.hypothesis for plan in plans)
    for plan in plans:
        (root / f"experiments/{plan.name}.yaml").write_text(plan.experiment, encoding="utf-8")
    found = check(root)
    assert found.problems == ()
    assert {plan.name for plan in plans} <= set(found.valid().experiments)
    fresh = {f"{each}" for each in found.warnings} - before
    assert [each for each in fresh if any(plan.name in each for plan in plans)] == []
