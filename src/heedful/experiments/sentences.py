"""Outcomes in words: which way a KPI went, by how much, how sure that is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from typing import Literal

from heedful.experiments.readout import OutcomeResult, Verdict
from heedful.experiments.wording import (
    NOTHING,
    difference,
    effect,
    listed,
    moved,
    p_equals,
    relative,
)

Side = Literal["commercial", "human", "service", "other"]

SIDES: dict[Side, str] = {
    "commercial": "Commercial outcomes",
    "human": "Human outcomes",
    "service": "Friction, service and trust",
    "other": "Other outcomes",
}
"""What outcomes speak of, in the order in which they are shown, with headings."""

_SIDE_OF: dict[str | None, Side] = {
    "commercial": "commercial",
    "experience": "human",
    "qualitative": "human",
    "engagement": "service",
    "operational": "service",
    "governance": "service",
}

VERDICTS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "no_difference": "no difference",
    "non_inferior": "not harmed",
    "harmed": "harmed",
    "inconclusive": "not clear",
    "void": "void",
}
"""Verdicts as people read them."""

_POINTS = frozenset({"share", "nps", "score"})
_HEAD = re.compile(r"\b(?:with|about|in|per|of|after|by|for|to|at|as|from)\b")


def side_of(outcome: OutcomeResult) -> Side:
    """What it speaks of, by its layer; columns of a flat file have none.

    >>> from heedful.experiments.example import outcome
    >>> side_of(outcome()), side_of(outcome(layer="operational")), side_of(outcome(layer=None))
    ('human', 'service', 'other')
    """
    return _SIDE_OF.get(outcome.layer, "other")


def name_of(outcome: OutcomeResult) -> str:
    """What people call its KPI, as the first word of a sentence."""
    return outcome.title or outcome.kpi


def inner(outcome: OutcomeResult) -> str:
    """What people call its KPI, within a sentence; ids, columns and acronyms stay as they are.

    >>> from heedful.experiments.example import outcome
    >>> inner(outcome(title="Net promoter score")), inner(outcome(title="NPS"))
    ('net promoter score', 'NPS')
    """
    title = outcome.title
    if not title:
        return outcome.kpi
    return title[0].lower() + title[1:] if title[1:2].islower() else title


def names(outcomes: Sequence[OutcomeResult], last: str = "and") -> str:
    """Several of them within a sentence."""
    return listed([inner(one) for one in outcomes], last)


def known(outcome: OutcomeResult | None) -> bool:
    """Whether it has values of both groups and a difference between them."""
    if outcome is None:
        return False
    numbers = (outcome.value, outcome.control_value, outcome.difference)
    return all(number is not None and isfinite(number) for number in numbers)


def in_points(outcome: OutcomeResult) -> bool:
    """Whether its effect is read as a difference in its unit, not relative to the control.

    Shares, NPS and scores are; guardrails are read on the scale of their margin. Of other units,
    a relative effect is not shown where its interval holds zero and that of the difference does
    not, or the other way round: a reader would see another verdict than the test gave.
    """
    if outcome.relative is None or not isfinite(outcome.relative):
        return True
    if outcome.role == "guardrail" and outcome.margin_kind is not None:
        return outcome.margin_kind == "absolute"
    return outcome.unit in _POINTS or not _same_side(outcome)


def effect_of(outcome: OutcomeResult, currency: str | None = None) -> str:
    r"""Its effect with its interval.

    >>> from heedful.experiments.example import outcome
    >>> effect_of(outcome())
    '+4.1\xa0pts (+2.2 to +6.0)'
    >>> effect_of(outcome(unit="money", relative=0.031, relative_low=0.004, relative_high=0.059))
    '+3.1% (+0.4 to +5.9)'
    """
    if in_points(outcome):
        return effect(
            outcome.difference, outcome.low, outcome.high, outcome.unit, currency=currency
        )
    return effect(outcome.relative, outcome.relative_low, outcome.relative_high, "relative")


def margin_of(outcome: OutcomeResult, currency: str | None = None) -> str:
    r"""How far a guardrail may go, with the sign of harm.

    >>> from heedful.experiments.example import outcome
    >>> margin_of(outcome(role="guardrail", margin=0.03, margin_kind="relative"))
    '−3%'
    >>> margin_of(outcome(margin=0.01, margin_kind="absolute", better="lower"))
    '+1.0\xa0pts'
    """
    if outcome.margin is None:
        return NOTHING
    signed = outcome.margin if outcome.better == "lower" else -outcome.margin
    if outcome.margin_kind == "absolute":
        return difference(signed, outcome.unit, currency=currency)
    text = relative(signed)
    return text.replace(".0%", "%")


def moves(outcome: OutcomeResult, currency: str | None = None) -> str:
    r"""Which way it went, as a clause that begins with its name.

    >>> from heedful.experiments.example import outcome
    >>> moves(outcome(title="Satisfaction"))
    'Satisfaction is up 4.1\xa0points (+2.2 to +6.0)'
    >>> moves(outcome(title="Negative comments", better="lower"))
    'Negative comments are up 4.1\xa0points (+2.2 to +6.0; lower is better)'
    """
    verb = "are" if _plural(outcome.title) else "is"
    if in_points(outcome):
        value, low, high, unit = outcome.difference, outcome.low, outcome.high, outcome.unit
    else:
        value, low, high = outcome.relative, outcome.relative_low, outcome.relative_high
        unit = "relative"
    if value is None or not isfinite(value):
        return f"{name_of(outcome)} {verb} not known"
    text = moved(value, low, high, unit, currency=currency)
    if outcome.better == "lower":
        lower = "lower is better)"
        text = f"{text[:-1]}; {lower}" if text.endswith(")") else f"{text} ({lower}"
    return f"{name_of(outcome)} {verb} {text}"


def sentence(outcome: OutcomeResult, currency: str | None = None) -> str:
    r"""What was found, with its p value.

    >>> from heedful.experiments.example import outcome
    >>> sentence(outcome())
    'Customer satisfaction is up 4.1\xa0points (+2.2 to +6.0), p = 0.004.'
    >>> sentence(outcome(verdict="inconclusive", low=-0.01, high=0.092))
    'Customer satisfaction: no clear change, +4.1\xa0pts (−1.0 to +9.2), p = 0.004.'
    """
    if not known(outcome):
        return f"{name_of(outcome)} has no value: {outcome.why or 'there are no data of it'}."
    p = p_equals(outcome.p_value if outcome.p_adjusted is None else outcome.p_adjusted)
    if outcome.verdict in ("better", "worse"):
        return f"{moves(outcome, currency)}, {p}."
    if outcome.verdict == "no_difference":
        return f"{name_of(outcome)}: no difference that matters, {effect_of(outcome, currency)}."
    if outcome.verdict == "void":
        return f"{name_of(outcome)} is void: {outcome.why or 'its groups cannot be compared'}."
    return f"{name_of(outcome)}: no clear change, {effect_of(outcome, currency)}, {p}."


def held(outcome: OutcomeResult, currency: str | None = None) -> str:
    r"""A guardrail within a sentence: its effect and its margin.

    >>> from heedful.experiments.example import outcome
    >>> held(outcome(role="guardrail", margin=0.02, margin_kind="absolute"))
    'customer satisfaction +4.1\xa0pts (+2.2 to +6.0), margin −2.0\xa0pts'
    """
    if not known(outcome):
        return f"{inner(outcome)} ({outcome.why or 'no value'})"
    return f"{inner(outcome)} {effect_of(outcome, currency)}, margin {margin_of(outcome, currency)}"


def _plural(title: str | None) -> bool:
    """Whether a title is read as many things; a wrong guess costs an ugly verb, no more."""
    words = _HEAD.split(title)[0].split() if title else []
    return any(re.search(r"[^sui]s$", word) for word in words)


def _same_side(outcome: OutcomeResult) -> bool:
    return _side(outcome.low, outcome.high) == _side(outcome.relative_low, outcome.relative_high)


def _side(low: float | None, high: float | None) -> int:
    """1 where an interval lies above zero, -1 below, 0 where it holds zero."""
    above = low is not None and low > 0
    below = high is not None and high < 0
    return above - below
