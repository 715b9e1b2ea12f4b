"""Each caveat appears when it is due, with its figures, and not otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from heedful.experiments.caveats import caveats
from heedful.experiments.decision import decide
from heedful.experiments.evidence import Answered, Evidence, Trend, cases
from heedful.experiments.example import outcome
from heedful.experiments.readout import SampleRatio, VariantCount

DOCS = Path(__file__).parents[2] / "docs" / "decisions.md"
GUARDRAIL = outcome(
    kpi="refunds", role="guardrail", title="Refund rate", verdict="non_inferior", margin=0.02
)
QUIET = Evidence(
    (outcome(power=0.9, detectable=0.02), GUARDRAIL),
    SampleRatio(0.5, "ok"),
    (VariantCount("plain", 0.5, 2400), VariantCount("warm", 0.5, 2400)),
    planned_units=4000,
    smallest_effect=0.03,
    crossovers=10,
    looks=0,
    trends=(Trend("warm", 0.3, 0.05, 0.03), Trend("cold", 0.0001, 0.05, 0.03)),
    answered=(Answered("csat", 0.4, "ok"),),
    unit="customer",
    currency="EUR",
)
WORSE = outcome(kpi="ease", role="secondary", title="Ease", verdict="worse")
DUE = {
    "Sample ratio doubtful": (
        {"srm": SampleRatio(0.004, "caution")},
        (
            "Sample ratio doubtful (p = 0.004): look for what keeps customers of one variant from"
            " being counted."
        ),
    ),
    "Crossovers": (
        {"crossovers": 60},
        "Crossovers: 60 customers (1.2%) met several variants and were left out.",
    ),
    "Peeked without a sequential design": (
        {"looks": 3},
        (
            "Peeked without a sequential design: looked at 3 times before its planned end."
            " Intervals and p values of a test of fixed length hold for one look, at the end."
        ),
    ),
    "More looks than planned": (
        {"sequential": "alpha_spending", "looks": 5, "planned_looks": 4},
        "More looks than planned: 5 instead of 4; alpha was spent for the planned ones only.",
    ),
    "Windows still open": (
        {"outcomes": (QUIET.outcomes[0], replace(GUARDRAIL, waiting=1200))},
        "Windows still open: not everyone counts yet for refund rate (1,200 customers, 25%).",
    ),
    "Response rates differ": (
        {"answered": (Answered("csat", 1e-5, "fail", (("plain", 0.05), ("warm", 0.08)), "CSAT"),)},
        (
            "Response rates differ: 5.0% (plain) and 8.0% (warm), p < 0.001; CSAT is void: those"
            " who answer are not the same people."
        ),
    ),
    "Far fewer units than planned": (
        {"planned_units": 6200},
        "Far fewer customers than planned: plain has 2,400 of 3,100 and warm has 2,400 of 3,100.",
    ),
    "A better number beside worse quality": (
        {"outcomes": (*QUIET.outcomes, WORSE)},
        "A better number beside worse quality: Ease is up 4.1 points (+2.2 to +6.0).",
    ),
    "Under-powered": (
        {"outcomes": (outcome(power=0.44, detectable=-0.051, verdict="inconclusive"), GUARDRAIL)},
        (
            "Under-powered: 44% instead of 80% to see the smallest effect that matters; it could"
            " have seen 5.1 pts."
        ),
    ),
    "Smaller than planned": (
        {"smallest_effect": 0.05, "smallest_kind": "absolute"},
        (
            "Smaller than planned: +4.1 pts, where 5.0 pts was said to be the smallest effect that"
            " matters."
        ),
    ),
    "Few units": (
        {"outcomes": (outcome(power=0.9), replace(GUARDRAIL, n=80))},
        "Few customers: no more than 80 on a side count for refund rate; intervals are rough.",
    ),
    "Uneven groups": (
        {"outcomes": (outcome(power=0.9, n=300, control_n=2700), GUARDRAIL)},
        (
            "Uneven groups: 300 on the smaller side for customer satisfaction. Where amounts are"
            " skewed, intervals of so few beside so many are too short; capping helps."
        ),
    ),
    "Novelty": (
        {"trends": (Trend("warm", 0.002, 0.08, 0.01),)},
        (
            "Novelty: the effect shrinks with time, from +8.0 pts to +1.0 pts (p = 0.002); what"
            " stays may be smaller than what is shown."
        ),
    ),
    "The best of several": (
        {"outcomes": (*QUIET.outcomes, outcome(variant="cold", verdict="inconclusive"))},
        (
            "The best of several: 2 effects on the primary KPI were tested. Their p values are"
            " adjusted for that, but the best one looks better than it is."
        ),
    ),
    "Factors interact": (
        {"outcomes": (*QUIET.outcomes, outcome(variant="a × b", control=None, p_adjusted=0.01))},
        (
            "Factors interact: the effect on customer satisfaction is not the sum of its parts"
            " (a × b, p = 0.01); look at the cells."
        ),
    ),
}


def warned(**changes: object) -> list[str]:
    evidence = replace(QUIET, **changes)
    return [text.replace("\xa0", " ") for text in caveats(cases(evidence)[0])]


def test_nothing_to_warn_of():
    assert warned() == []


@pytest.mark.parametrize("name", DUE)
def test_what_is_due_is_said(name):
    changes, said = DUE[name]
    assert warned(**changes) == [said]


def test_the_page_lists_them_all():
    text = DOCS.read_text(encoding="utf-8").partition("## Read with care")[2]
    listed = re.findall(r"^\| ([A-Z][^|]*?) \|", text, flags=re.MULTILINE)
    assert listed == list(DUE)


@pytest.mark.parametrize(
    "changes",
    [
        {"sequential": "confidence_sequence", "looks": 30, "ended": False},
        {"sequential": "alpha_spending", "looks": 4, "planned_looks": 4},
        {"crossovers": 48},
        {"variants": (), "looks": 3, "crossovers": 0, "planned_units": None},
        {"outcomes": (outcome(power=0.44, detectable=0.051), GUARDRAIL)},
        {"outcomes": (outcome(power=0.9, n=1000, control_n=9000), GUARDRAIL)},
        {"trends": (Trend("warm", 0.002, 0.03, 0.08),)},
        {"smallest_effect": 0.041, "smallest_kind": "absolute"},
        {"planned_units": 6000},
        {"planned_units": None, "smallest_effect": None},
        {"outcomes": (outcome(power=0.795), GUARDRAIL)},
        {"outcomes": (outcome(power=0.9, n=100, control_n=100), GUARDRAIL)},
        {"outcomes": (outcome(power=0.9, p_value=0.2, verdict="inconclusive"), GUARDRAIL, WORSE)},
        {"outcomes": (*QUIET.outcomes, outcome(kpi="a", role="secondary", waiting=900))},
    ],
)
def test_what_is_within_bounds_is_not_worth_a_word(changes):
    assert warned(**changes) == []


def test_a_running_test_of_fixed_length_is_peeked_at():
    (said,) = warned(ended=False)
    assert said.startswith("Peeked without a sequential design: looked at before its planned end.")


def test_what_is_short_while_it_runs_is_no_lack():
    running = {"ended": False, "sequential": "confidence_sequence", "planned_units": 9000}
    assert warned(**running, outcomes=(outcome(power=0.2), GUARDRAIL)) == []


def test_a_price_in_money_is_no_worse_quality():
    (said,) = warned(outcomes=(*QUIET.outcomes, replace(WORSE, layer="commercial")))
    assert said.startswith("A better number beside a worse one: Ease")


def test_a_trend_of_unknown_size_is_told():
    (said,) = warned(trends=(Trend("warm", 0.01),))
    assert said.startswith("Novelty: the effect shrinks with time (p = 0.01)")


def test_no_effect_of_a_broken_sample_is_worth_a_word():
    broken = replace(
        QUIET, srm=SampleRatio(0, "fail"), outcomes=(*QUIET.outcomes, WORSE), crossovers=60
    )
    assert [text.split(":")[0] for text in decide(broken).warnings] == ["Crossovers"]
