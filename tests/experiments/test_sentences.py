"""Outcomes in sentences that a person would say."""

from __future__ import annotations

import pytest

from heedful.experiments.example import outcome
from heedful.experiments.sentences import (
    SIDES,
    effect_of,
    held,
    in_points,
    known,
    margin_of,
    moves,
    sentence,
    side_of,
)


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("title", "begins"),
    [
        ("Net revenue", "Net revenue is up"),
        ("Negative comments", "Negative comments are up"),
        ("Outputs with a policy", "Outputs with a policy are up"),
        ("Time to first value", "Time to first value is up"),
        ("Answered as promised", "Answered as promised is up"),
        ("Intrusiveness", "Intrusiveness is up"),
        ("Retention after 30 days", "Retention after 30 days is up"),
        ("Orders refunded", "Orders refunded are up"),
        (None, "csat is up"),
    ],
)
def test_the_verb_fits_the_title(title, begins):
    assert moves(outcome(title=title)).startswith(begins)


def test_a_column_is_named_as_it_is():
    assert moves(outcome(title=None, kpi="nps")).startswith("nps is")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Customer satisfaction is up 4.1 points (+2.2 to +6.0), p = 0.004."),
        (
            {"verdict": "worse", "better": "lower", "p_adjusted": 0.02},
            "Customer satisfaction is up 4.1 points (+2.2 to +6.0; lower is better), p = 0.02.",
        ),
        (
            {"verdict": "no_difference", "difference": 0.001, "low": -0.004, "high": 0.006},
            "Customer satisfaction: no difference that matters, +0.1 pts (−0.4 to +0.6).",
        ),
        (
            {"verdict": "void", "why": "the variants answer differently"},
            "Customer satisfaction is void: the variants answer differently.",
        ),
        (
            {"value": None, "why": "no units"},
            "Customer satisfaction has no value: no units.",
        ),
        (
            {"value": float("nan")},
            "Customer satisfaction has no value: there are no data of it.",
        ),
    ],
)
def test_what_was_found(changes, said):
    assert plain(sentence(outcome(**changes))) == said


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_a_change_that_is_not_known(nothing):
    assert moves(outcome(difference=nothing, relative=None)) == "Customer satisfaction is not known"


MONEY = {"unit": "money", "difference": 1.2, "low": 0.1, "high": 2.3}


def test_money_is_read_relative_unless_that_says_something_else():
    clear = outcome(**MONEY, relative=0.03, relative_low=0.002, relative_high=0.06)
    assert effect_of(clear, "EUR") == "+3.0% (+0.2 to +6.0)"
    unclear = outcome(**MONEY, relative=0.03, relative_low=-0.001, relative_high=0.06)
    assert plain(effect_of(unclear, "EUR")) == "+1.20 EUR (+0.10 to +2.30)"
    without = outcome(**MONEY, relative=None)
    assert plain(effect_of(without, "EUR")) == "+1.20 EUR (+0.10 to +2.30)"


def test_a_guardrail_is_read_on_the_scale_of_its_margin():
    relative = outcome(role="guardrail", margin=0.03, margin_kind="relative")
    assert held(relative) == "customer satisfaction +6.6% (+3.5 to +9.8), margin −3%"
    absolute = outcome(role="guardrail", margin=0.015, margin_kind="absolute", better="lower")
    assert plain(held(absolute)).endswith(" +4.1 pts (+2.2 to +6.0), margin +1.5 pts")
    assert not in_points(relative)
    assert margin_of(outcome()) == "–"
    assert margin_of(outcome(margin=0.025, margin_kind="relative")) == "−2.5%"


def test_a_guardrail_without_value_says_why():
    assert held(outcome(value=None, why="no units")) == "customer satisfaction (no units)"


@pytest.mark.parametrize("missing", ["value", "control_value", "difference"])
@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_what_is_known(missing, nothing):
    assert known(outcome())
    assert not known(outcome(**{missing: nothing}))
    assert not known(None)


def test_every_layer_has_a_side():
    layers = ["commercial", "experience", "qualitative", "engagement", "operational", "governance"]
    sides = [side_of(outcome(layer=layer)) for layer in layers]
    assert sides == ["commercial", "human", "human", "service", "service", "service"]
    assert side_of(outcome(layer=None)) == "other"
    assert {*sides, "other"} == set(SIDES)
