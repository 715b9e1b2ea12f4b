from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from heedful.experiments.evidence import Answered
from heedful.experiments.naming import Names
from heedful.experiments.readout import SampleRatio, VariantCount, Worth
from heedful.experiments.summary import box, checks, facts, period, shares, worth


@pytest.fixture
def readout(samples):
    return samples["say_why"]()


def found(readout):
    return {check.title: check for check in checks(readout)}


@pytest.mark.parametrize(
    ("srm", "state", "title"),
    [
        (SampleRatio(0.4, "ok"), "ok", "Sample ratio holds"),
        (SampleRatio(0.005, "caution"), "care", "Sample ratio doubtful"),
        (SampleRatio(1e-9, "fail"), "fail", "Sample ratio broken"),
        (SampleRatio(None, "ok"), "plain", "Sample ratio"),
    ],
)
def test_the_sample_ratio(readout, srm, state, title):
    assert found(replace(readout, srm=srm))[title].state == state


def test_many_variants_are_summed(readout):
    many = tuple(VariantCount(f"v{i}", 0.2, 1000 + i) for i in range(5))
    text = found(replace(readout, variants=many))["Sample ratio holds"].text
    assert text.startswith("5,010 in 5 variants, planned 20\u00a0:\u00a020")


def test_the_worst_survey_is_told(readout):
    answered = (
        Answered("a", 0.5, "ok", (("control", 0.2), ("new", 0.21)), "Ease"),
        Answered("b", 0.002, "caution", (("control", 0.3), ("new", 0.36)), "Trust"),
        Answered("c", None, "ok"),
    )
    check = found(replace(readout, answered=answered))["Surveys answered unlike"]
    assert (check.state, check.text) == ("care", "Trust: 30.0% and 36.0% answered, p = 0.002")
    alike = found(replace(readout, answered=answered[:1]))["Surveys answered alike"]
    assert alike.text == "20.0% and 21.0% answered, p = 0.50"
    none = found(replace(readout, answered=()))
    assert not any("Surveys" in title for title in none)


@pytest.mark.parametrize(
    ("power", "ended", "title", "state"),
    [
        (0.91, True, "Enough people", "ok"),
        (0.795, True, "Enough people", "ok"),
        (0.6, True, "Too few people", "care"),
        (0.6, False, "Not enough yet", "plain"),
        (None, True, "How much it could see", "plain"),
    ],
)
def test_power(readout, power, ended, title, state):
    unclear = replace(readout.outcomes[0], power=power, verdict="inconclusive")
    outcomes = (unclear, *readout.outcomes[1:])
    check = found(replace(readout, outcomes=outcomes, ended=ended))[title]
    assert check.state == state
    assert "could see ±2.7\u00a0pts" in check.text


def test_units_that_did_not_come_are_told(readout):
    text = found(replace(readout, planned_units=400_000))["Enough people"].text
    assert text.startswith("176,779 of 400,000 planned; ")


@pytest.mark.parametrize(
    ("sequential", "ended", "title", "state"),
    [
        ("none", True, "Fixed length", "plain"),
        ("none", False, "Fixed length", "care"),
        ("confidence_sequence", False, "Looks allowed for", "ok"),
        ("alpha_spending", True, "Looks allowed for", "ok"),
    ],
)
def test_looks(readout, sequential, ended, title, state):
    assert found(replace(readout, sequential=sequential, ended=ended))[title].state == state


def test_windows(readout):
    check = found(readout)["Windows still open"]
    assert check.text == "1,804 visitors (1%) wait for orders refunded in 30 days"
    done = tuple(replace(one, waiting=0) for one in readout.outcomes)
    assert found(replace(readout, outcomes=done))["Windows closed"].state == "ok"
    flat = tuple(replace(one, waiting=0, window_days=None) for one in readout.outcomes)
    assert not any("Windows" in title for title in found(replace(readout, outcomes=flat)))


def test_facts_that_are_not_known_are_left_out(readout, samples):
    terms = [fact.term for fact in facts(samples["bare"]())]
    assert terms == ["Planned shares"]
    known = {fact.term: fact.text for fact in facts(readout)}
    assert known["Approver"] == "Product council"
    assert known["Ran"] == "13 Jul – 23 Aug 2026"
    assert {fact.term for fact in facts(replace(readout, ended=False))} >= {"Runs"}
    assert {fact.term for fact in facts(replace(readout, end=None))} >= {"Runs since"}


def test_uneven_shares_have_a_decimal(readout):
    uneven = tuple(VariantCount(name, weight, 9) for name, weight in (("a", 0.125), ("b", 0.875)))
    assert shares(replace(readout, variants=uneven)) == "12.5\u00a0:\u00a087.5"


def test_the_variant_is_named_where_there_are_several(readout, samples):
    assert box(readout, Names.of(readout)).about == ""
    mails = samples["mails"]()
    assert box(mails, Names.of(mails)).about == "Men's mail"
    assert box(replace(mails, decision="invalid"), Names.of(mails)).about == ""


def test_a_signature_says_what_the_rules_said_then(samples):
    mails = samples["mails"]()
    (now,) = box(mails, Names.of(mails)).signed
    assert now.then == ""
    (then,) = box(replace(mails, decision="ship"), Names.of(mails)).signed
    assert then.then == "needs review"


def test_first_comes_what_the_decision_is_about(samples):
    mails = samples["mails"]()
    some = [
        Worth("visit", "womens", "visits of women's", 1, 0, 2),
        Worth("visit", "mens", "visits", 1, 0, 2),
        Worth("refund", "mens", "refunds", 1, 0, 2, money=True),
        Worth("spend", "mens", "spend", 1, 0, 2, money=True),
        Worth("spend", "mens", "spend", 1, 0, 2, money=True),
        *(Worth(f"k{i}", "mens", f"more {i}", 1, 0, 2) for i in range(3)),
    ]
    first, rest = worth(replace(mails, worth=tuple(some)))
    assert first == ("spend", "refunds", "visits", "more 0")
    assert rest == ("more 1", "more 2", "visits of women's")
    everyone, _ = worth(replace(mails, worth=tuple(some[:2]), candidate=None))
    assert set(everyone) == {"visits", "visits of women's"}


def test_periods():
    day = date(2026, 9, 7)
    assert period(day, day) == "7 Sep 2026"
    assert period(date(2025, 12, 30), date(2026, 1, 2)) == "30 Dec 2025 – 2 Jan 2026"
