"""Experiments on the site: the portfolio, readouts inside the shell, plans, signatures."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from heedful.definitions.problem import Problem, ProjectError
from heedful.experiments.page import styles
from heedful.web.pages.experiments_work import work
from heedful.web.readout_sheet import narrowed, readout_sheet

PLANNED = """\
title: Warmer still <b>and</b> longer
question: Do they stay longer?
hypothesis: warm_words
owner: help
approver: shop
stage: retention
start: 2031-01-06
end: 2031-03-03
population: {device: mobile}
variants:
  - {name: control, title: As it is}
  - {name: treatment, title: Warmer}
primary: {kpi: csat_ai}
smallest_effect: 10%
guardrails:
  - {kpi: reopen_rate, margin_absolute: 5%, window_days: 14}
  - {kpi: csat, margin_absolute: 5%, window_days: 14}
"""


def said(answer):
    """What a person reads."""
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    return re.sub(r" ([,.;:])", r"\1", text)


def finished(client, name, path="progress"):
    """Wait until an experiment is read out or planned."""
    for _ in range(200):
        answer = client.get(f"/experiments/{name}/{path}")
        assert answer.status_code == 200
        if not answer.json()["running"]:
            return client.get(f"/experiments/{name}")
        time.sleep(0.1)
    raise AssertionError("it never ended")


def test_the_portfolio_names_state_owner_and_what_decides(viewer):
    answer = viewer.get("/experiments")
    assert answer.status_code == 200
    text = said(answer)
    assert "Warm words" in text
    assert "Satisfaction with automated touchpoints" in text
    assert "Help desk" in text
    # Units enter until the day before the planned end.
    assert "12 Jan 2026 to 8 Mar 2026" in text
    assert "Without any experiment, past or planned: Awareness, Consideration" in text


def test_states_filter_and_wrong_ones_are_named(viewer):
    assert "Warm words" in viewer.get("/experiments?state=finished").text
    assert "Warm words" not in viewer.get("/experiments?state=running").text
    wrong = viewer.get("/experiments?state=lost")
    assert wrong.status_code == 400
    assert "allowed: running, maturing, planned, finished" in said(wrong)


def test_a_readout_stands_in_the_shell(viewer, site):
    answer = finished(viewer, "warm-words")
    assert answer.status_code == 200
    assert '<article class="readout">' in answer.text
    assert 'id="nav"' in answer.text
    sheet = re.search(r'href="(/static/readout-[0-9a-f]+\.css)"', answer.text).group(1)
    assert viewer.get(sheet).headers["content-type"].startswith("text/css")
    readout = site.edition.project.experiments["warm-words"].readout()
    word = {"needs_review": "Needs review", "do_not_ship": "Do not ship", "ship": "Ship"}
    assert word[readout.decision] in said(answer)
    # The list knows the decision now.
    assert word[readout.decision] in said(viewer.get("/experiments"))


def test_the_readout_is_there_as_json(viewer):
    answer = viewer.get("/experiments/warm-words/readout.json")
    assert answer.status_code == 200
    assert 'filename="warm-words-readout.json"' in answer.headers["content-disposition"]
    found = json.loads(answer.text)
    assert found["name"] == "warm-words"
    assert found["srm"]["state"] in {"ok", "caution", "fail"}


@pytest.mark.parametrize("path", ["", "/progress", "/readout.json"])
def test_an_unknown_experiment_is_not_found(viewer, path):
    answer = viewer.get(f"/experiments/warm-word{path}")
    assert answer.status_code == 404
    assert "warm-words" in said(answer)


def test_without_exposures_nothing_is_read_out(empty_site, entered):
    client = entered(empty_site)
    # Nothing was imported, so no day is known; on the clock of today it is over.
    answer = finished(client, "warm-words")
    assert answer.status_code == 200
    assert "There is nothing to read out yet" in said(answer)
    assert "exposures" in said(answer)
    refused = client.get("/experiments/warm-words/readout.json")
    assert refused.status_code == 409
    assert "exposures" in said(refused)


def test_before_it_starts_an_experiment_shows_its_plan(own_site, own):
    (own_site.root / "experiments/warmer.yaml").write_text(PLANNED, encoding="utf-8")
    own_site.renew()
    assert not own_site.problems
    client = own("viewer")
    answer = finished(client, "warmer")
    text = said(answer)
    assert "Warmer still &lt;b&gt;and&lt;/b&gt; longer" in answer.text
    assert "6 Jan 2031 to 2 Mar 2031" in text
    assert "device: mobile" in text
    assert "Is it long enough?" in text
    assert "As it is 50%, Warmer 50%" in text
    assert client.get("/experiments/warmer/readout.json").json()["state"] in {
        "enough",
        "too_short",
        "unknown",
    }
    refused = own("analyst").post("/experiments/warmer/sign", data=csrf_of(own("analyst")))
    assert refused.status_code == 400
    assert "not started" in said(refused)


def csrf_of(client):
    from heedful.web.guest import COOKIE
    from heedful.web.guest import csrf_of as of

    return {"csrf": of(client.cookies[COOKIE])}


def test_a_trade_off_is_signed_with_name_and_reason(own, own_site):
    analyst, viewer = own("analyst"), own("viewer")
    address = "/experiments/warm-words/sign"
    form = {"verdict": "ship anyway", "reason": "Two weeks are enough <i>"}
    assert viewer.post(address, data={**form, **csrf_of(viewer)}).status_code == 403
    assert analyst.post(address, data=form).status_code == 403
    unknown = analyst.post(address, data={**form, "verdict": "explode", **csrf_of(analyst)})
    assert unknown.status_code == 404
    assert "ship anyway" in said(unknown)
    silent = analyst.post(address, data={**form, "reason": " ", **csrf_of(analyst)})
    assert silent.status_code == 404
    assert "say why" in said(silent)
    assert analyst.post(address, data={**form, **csrf_of(analyst)}).status_code == 303
    answer = finished(analyst, "warm-words")
    assert "Signed: ship anyway" in answer.text
    assert "Two weeks are enough &lt;i&gt; (Analyst)" in answer.text
    verbs = [(one.who, one.verb) for one in own_site.edition.project.audit.all(20)]
    assert ("analyst@example.org", "signed for") in verbs


def test_work_begins_once_and_tells_what_is_lacking(site):
    started = []
    gate = threading.Event()

    def slow():
        started.append(1)
        gate.wait(10)
        return 7

    first = work(site.edition, "a slow thing", slow, patience=0.01)
    again = work(site.edition, "a slow thing", slow, patience=0.01)
    assert first is again
    assert first.found is None
    assert not first.done.is_set()
    gate.set()
    assert first.done.wait(10)
    assert (first.found, started) == (7, [1])

    def lacking():
        raise ProjectError([Problem("experiments/x.yaml", 1, "nobody came", "wait")])

    def broken():
        raise ZeroDivisionError

    lacks = work(site.edition, "a lacking thing", lacking, patience=5)
    assert [one.found for one in lacks.problems] == ["nobody came"]
    fails = work(site.edition, "a broken thing", broken, patience=5)
    assert (fails.found, fails.failed) == (None, "ZeroDivisionError")


def test_the_sheet_of_readouts_reaches_only_readouts():
    sheet = readout_sheet()
    flat = re.sub(r"/\*.*?\*/", "", sheet)
    while (bare := re.sub(r"\([^()]*\)", "", flat)) != flat:
        flat = bare
    for head in re.findall(r"(?:^|[{}])\s*([^{}@]+?)\s*\{", flat):
        for selector in head.split(","):
            assert selector.strip().startswith(".readout"), selector
    assert "@container readout" in sheet
    assert ":root" not in sheet
    # Nothing of the readout's own rules got lost on the way.
    assert sheet.count("{") > 0.8 * styles().count("{")


def test_rules_keep_their_order_and_lists_their_brackets():
    assert narrowed(".a, :is(.b, .c) + d { e: f }") == (
        ".readout .a, .readout :is(.b, .c) + d { e: f }\n"
    )
    assert narrowed("@media print { body { a: b } .x { c: d } }") == (
        "@media print {\n.readout .x { c: d }\n}\n"
    )
    assert narrowed("@page { margin: 0 } :root { --a: b } .brand svg { c: d }") == ""
    with pytest.raises(ValueError, match="never closed"):
        narrowed(".a { b: c")
