"""An action that comes from no finding."""

from __future__ import annotations

import html
import re

import pytest
from markupsafe import escape

HOSTILE = '<script>alert("x")</script>'
FILLED = {"title": "Call ten of them", "owner": "help", "due": "2031-02-03"}


def test_what_it_should_change_is_in_the_address(analyst):
    nothing = analyst.get("/actions/new")
    assert nothing.status_code == 200
    assert 'name="aim"' not in nothing.text
    assert "nothing will be measured" in nothing.text
    mine = analyst.get("/actions/new?kpi=csat")
    assert '<option value="csat" selected>' in mine.text
    assert re.search(r'<option value="csat">all customers, now \d+\.\d%', mine.text)
    # A segment whose name tries to be HTML is a choice as any other.
    assert str(escape(f"csat|device:{HOSTILE}")) in mine.text
    assert HOSTILE not in mine.text
    # The owner of the KPI is offered as owner.
    assert '<option value="help" selected>' in mine.text
    assert re.search(r"To reach <span[^>]*>target 80.0%", mine.text)


def test_a_stage_narrows_what_is_offered(analyst, site):
    everywhere = analyst.get("/actions/new?kpi=csat").text
    there = analyst.get("/actions/new?kpi=csat&stage=retention").text
    assert '<option value="retention" selected>' in there
    whole = r'<option value="csat">all customers, now (\S+)</option>'
    series = site.edition.shelf.series("csat", "week", stage="retention")
    now = f"{100 * series.estimates.value[series.last()]:.1f}%"
    assert re.search(whole, there)[1] == now
    assert re.search(whole, everywhere)[1] != now
    # The till stands in another stage.
    assert "csat|touchpoint:till" in everywhere
    assert "csat|touchpoint:till" not in there


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kpi=happiness", "happiness"),
        ("stage=retention", "choose the KPI first"),
        ("kpi=csat&stage=heaven", "allowed: conversion, retention"),
        ("kpi=csat&stage=awareness", "allowed: conversion, retention"),
    ],
)
def test_wrong_addresses(analyst, query, said):
    answer = analyst.get(f"/actions/new?{query}")
    assert answer.status_code == 400
    assert said in answer.text


def test_it_is_made_with_the_reading_of_the_segment(own, own_site, csrf):
    client = own("analyst")
    aim = f"csat|device:{HOSTILE}"
    form = {**FILLED, "kpi": "csat", "aim": aim, "expected": "85%", **csrf(client)}
    made = client.post("/actions", data=form)
    assert made.status_code == 303
    number = int(made.headers["location"].rsplit("/", 1)[1])
    action = own_site.edition.project.actions.get(number)
    assert (action.kpi, action.dimension, action.segment) == ("csat", "device", HOSTILE)
    assert (action.expected, action.finding) == (0.85, None)
    series = own_site.edition.shelf.series("csat", "week", dimension="device", segment=HOSTILE)
    assert action.value == pytest.approx(series.estimates.value[series.last()])
    page = client.get(f"/actions/{number}")
    assert HOSTILE not in page.text
    assert str(escape(HOSTILE)) in page.text
    assert "Call ten of them" in client.get("/actions").text
    log = own_site.edition.project.audit.all(1)[0]
    assert (log.who, log.verb, log.object) == (
        "analyst@example.org",
        "made",
        f"action {number}",
    )


def test_it_may_change_nothing_that_is_measured(own, own_site, csrf):
    client = own("analyst")
    made = client.post("/actions", data={**FILLED, **csrf(client)})
    action = own_site.edition.project.actions.get(int(made.headers["location"].rsplit("/", 1)[1]))
    assert action.kpi is None
    page = client.get(made.headers["location"]).text
    assert "Nothing is measured: it names no KPI." in page
    assert "data-chart" not in page


WRONG = [
    ({"title": " "}, "the title is empty"),
    ({"owner": "nobody"}, "nobody"),
    ({"due": "soon"}, 'the due day "soon" is no day'),
    ({"due": ""}, "is no day"),
    ({"expected": "much"}, 'the value to reach "much" is no number'),
    ({"aim": "csat|device:fridge"}, '"csat|device:fridge" has no readings'),
]


def test_a_form_that_cannot_be_taken_stays_as_it_was_filled_in(own, own_site, csrf):
    client = own("analyst")
    for wrong, says in WRONG:
        form = {
            **FILLED,
            "title": f"Call {HOSTILE}",
            "kpi": "csat",
            "stage": "retention",
            "aim": "csat|touchpoint:robot",
            "expected": "77%",
            **wrong,
        }
        answer = client.post("/actions", data={**form, **csrf(client)})
        assert answer.status_code == 400, wrong
        alert = re.search(r'role="alert">(.*?)</p>', answer.text, re.S)[1]
        assert says in html.unescape(alert)
        assert f">{escape(form['title'])}</textarea>" in answer.text
        assert f'name="due" value="{form["due"]}"' in answer.text
        assert re.search(rf'name="expected"[^>]* value="{form["expected"]}"', answer.text)
        assert f'<option value="{form["owner"]}" selected>' in answer.text
        assert '<input type="hidden" name="stage" value="retention">' in answer.text
        if "aim" not in wrong:
            assert '<option value="csat|touchpoint:robot" selected>' in answer.text
        assert HOSTILE not in answer.text
    assert own_site.edition.project.actions.all() == []


def test_viewers_see_why_they_cannot(viewer, csrf):
    answer = viewer.get("/actions/new?kpi=csat")
    assert answer.status_code == 200
    assert "Actions take the role analyst; you are a viewer" in answer.text
    assert 'action="/actions"' not in answer.text
    assert viewer.post("/actions", data={**FILLED, **csrf(viewer)}).status_code == 403


def test_forms_of_elsewhere_make_nothing(analyst, browsers):
    assert analyst.post("/actions", data=FILLED).status_code == 403
    assert analyst.post("/actions", data={**FILLED, "csrf": "x"}).status_code == 403
    assert browsers.stranger().post("/actions", data=FILLED).headers["location"] == "/login"


def test_before_any_data(empty_site, entered):
    client = entered(empty_site)
    answer = client.get("/actions/new")
    assert answer.status_code == 200
    assert "nothing that is measured" in answer.text
    assert client.get("/actions/new?kpi=csat").status_code == 200
