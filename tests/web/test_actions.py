"""Actions on the site: made, changed, closed, dropped, and what came after them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from heedful.web.pages.actions_form import reached


def said(answer):
    """What a person reads."""
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    return re.sub(r" ([,.;:])", r"\1", text)


@pytest.fixture
def made(own_site):
    """Three actions: overdue, to be measured, and of no KPI."""
    actions = own_site.edition.project.actions
    today = own_site.edition.today
    one = actions.make(
        "Call back within <b>an hour</b>",
        "help",
        today - timedelta(days=3),
        by="ann@example.org",
        kpi="csat",
        dimension="touchpoint",
        segment="helpline",
        expected=0.7,
    )
    two = actions.make(
        "Answer shorter", "help", today + timedelta(days=9), by="ann@example.org", kpi="csat"
    )
    three = actions.make("Tidy the till", "shop", today + timedelta(days=1), by="ann@example.org")
    return one, two, three


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("12%", "share", 0.12),
        ("12", "share", 0.12),
        ("5.9 h", "hours", 5.9),
        ("5.9\u00a0h", "hours", 5.9),
        ("1,200", "money", 1200.0),
        ("−4", "nps", -4.0),
        (" ", "share", None),
    ],
)
def test_values_to_reach_are_read_as_people_write_them(text, unit, value):
    assert reached(text, unit) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "unit"), [("soon", "share"), ("101%", "share"), ("nan", "nps"), ("1e99", "money")]
)
def test_what_is_no_value_is_refused(text, unit):
    from fastapi import HTTPException

    with pytest.raises(HTTPException) as refused:
        reached(text, unit)
    assert refused.value.status_code == 400
    assert text in str(refused.value.detail)


def test_without_any_action_the_page_says_where_they_begin(viewer):
    answer = viewer.get("/actions")
    assert answer.status_code == 200
    assert "No action yet" in answer.text


def test_overdue_ones_come_first_and_names_are_escaped(own, made):
    answer = own("viewer").get("/actions")
    text = said(answer)
    assert "1 overdue." in text
    assert "Call back within &lt;b&gt;an hour&lt;/b&gt;" in answer.text
    assert text.index("3 days late") < text.index("Answer shorter")
    assert "Customer satisfaction, Helpline to reach 70.0%" in text
    assert "no KPI" in text


def test_filters_are_in_the_address(own, made):
    client = own("viewer")
    mine = said(client.get("/actions?owner=shop"))
    assert "Tidy the till" in mine
    assert "Answer shorter" not in mine
    assert "None of these" in said(client.get("/actions?state=measured"))
    assert "None of these" in said(client.get("/actions?stage=awareness"))
    for wrong in ("state=lost", "owner=nobody", "stage=heaven"):
        answer = client.get(f"/actions?{wrong}")
        assert answer.status_code == 400
        assert "allowed:" in answer.text


def test_an_action_is_changed_by_an_analyst_only(own, made, csrf):
    analyst, viewer = own("analyst"), own("viewer")
    one = made[0]
    address = f"/actions/{one.id}"
    assert "It is done" not in viewer.get(address).text
    assert "you are a viewer" in viewer.get(address).text
    form = {"title": "Call back sooner", "owner": "shop", "due": "2031-02-03", "expected": "72.5"}
    assert viewer.post(f"{address}/edit", data={**form, **csrf(viewer)}).status_code == 403
    assert analyst.post(f"{address}/edit", data=form).status_code == 403
    assert analyst.post(f"{address}/edit", data={**form, **csrf(analyst)}).status_code == 303
    text = said(analyst.get(address))
    assert "Call back sooner" in text
    assert "3 Feb 2031" in text
    assert "to reach 72.5%" in text
    for name, value in (("due", "soon"), ("owner", "nobody"), ("title", " "), ("expected", "x")):
        wrong = analyst.post(f"{address}/edit", data={**form, name: value, **csrf(analyst)})
        assert wrong.status_code in {400, 404}, name


def test_a_value_that_was_shown_rounded_stays_as_it_is(own, own_site, csrf):
    made = own_site.edition.project.actions.make(
        "x", "help", date(2031, 1, 1), by="ann", kpi="csat", expected=0.71239
    )
    client = own("analyst")
    shown = re.search(r'name="expected" value="([^"]+)"', client.get(f"/actions/{made.id}").text)
    assert shown.group(1) == "71.2%"
    form = {"title": "y", "owner": "help", "due": "2031-01-01", "expected": shown.group(1)}
    client.post(f"/actions/{made.id}/edit", data={**form, **csrf(client)})
    assert own_site.edition.project.actions.get(made.id).expected == 0.71239
    form["expected"] = ""
    client.post(f"/actions/{made.id}/edit", data={**form, **csrf(client)})
    assert own_site.edition.project.actions.get(made.id).expected is None


def test_what_came_after_it_is_told_with_its_interval(own, made, csrf):
    client = own("analyst")
    one = made[0]
    address = f"/actions/{one.id}"
    assert "when the 4 weeks after it are complete" in said(client.get(address))
    done = client.post(
        f"{address}/close", data={"done_on": "2026-02-09", "note": "Done <i>", **csrf(client)}
    )
    assert done.status_code == 303
    answer = client.get(address)
    text = said(answer)
    assert "Done, " in text
    assert "Done &lt;i&gt;" in answer.text
    assert "not proof that it came because of it" in text
    assert re.search(r"Before 12 Jan on, 4 weeks", text)
    assert "Expected 70.0%, " in text
    assert "Done and measured" in said(client.get("/actions"))
    again = client.post(f"{address}/close", data={"done_on": "2026-02-09", **csrf(client)})
    assert again.status_code == 400


def test_until_then_it_waits_and_says_until_when(own, own_site, made, csrf):
    client = own("analyst")
    address = f"/actions/{made[1].id}"
    today = own_site.edition.today
    late = client.post(
        f"{address}/close", data={"done_on": f"{today + timedelta(days=1)}", **csrf(client)}
    )
    assert late.status_code == 400
    assert "still to come" in said(late)
    known = re.search(r"known about (\d+ \w+ \d{4})", said(client.get(address))).group(1)
    client.post(f"{address}/close", data={"done_on": f"{today}", **csrf(client)})
    assert f"Waiting until {known}" in said(client.get(address))
    assert f"known about {known}" in said(client.get("/actions?state=waiting"))


def test_it_is_begun_or_dropped_with_a_reason(own, made, csrf):
    client = own("analyst")
    address = f"/actions/{made[2].id}"
    assert client.post(f"{address}/start", data=csrf(client)).status_code == 303
    assert "Begun" in said(client.get(address))
    assert client.post(f"{address}/drop", data=csrf(client)).status_code == 400
    form = {"note": "Nobody has time", **csrf(client)}
    assert client.post(f"{address}/drop", data=form).status_code == 303
    assert "Nobody has time" in said(client.get(address))
    assert client.post(f"{address}/drop", data=form).status_code == 400
    long = client.post(f"/actions/{made[0].id}/drop", data={"note": "x" * 501, **csrf(client)})
    assert long.status_code == 400


@pytest.mark.parametrize(
    ("path", "status"), [("/actions/999", 404), ("/actions/one", 404), ("/actions/0", 422)]
)
def test_what_is_no_action_is_said(viewer, path, status):
    assert viewer.get(path).status_code == status
