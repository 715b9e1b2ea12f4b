"""Numbers as the sheet of the design has them: signs, points, decimals, spaces."""

from __future__ import annotations

import re
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as some

from heedful.experiments.wording import (
    NOTHING,
    amount,
    decimals_of,
    difference,
    differences,
    effect,
    interval_of,
    moved,
    p_equals,
    p_value,
    relative,
)

UNITS = ["share", "nps", "score", "hours", "seconds", "days", "money", "count", "relative", None]
FACTORS = {"share": 100, "relative": 100}
numbers = some.floats(-1e7, 1e7).filter(lambda x: x == 0 or abs(x) > 1e-5)


def read(text: str) -> float:
    """The number in a text, as a person would type it."""
    digits = re.match(r"[+−]?[\d,]+(\.\d+)?", text)
    assert digits, text
    return float(digits.group().replace("−", "-").replace(",", ""))


@pytest.mark.parametrize(
    ("unit", "value", "low", "high", "shown"),
    [
        ("share", 0.041, 0.022, 0.060, "+4.1 pts (+2.2 to +6.0)"),
        ("share", 0.0068, 0.0050, 0.0086, "+0.68 pts (+0.50 to +0.86)"),
        ("relative", -0.177, -0.366, 0.068, "−17.7% (−36.6 to +6.8)"),
        ("nps", 2.04, -1.0, 5.0, "+2.0 pts (−1.0 to +5.0)"),
        ("seconds", 7.1, 3.2, 11.0, "+7.1 s (+3.2 to +11.0)"),
        ("hours", -212.4, -400.2, -24.6, "−212 h (−400 to −25)"),
        ("money", 1.46, 0.18, 2.74, "+1.46 (+0.18 to +2.74)"),
        ("money", 1204.4, 150.0, 2258.8, "+1,204 (+150 to +2,259)"),
        ("share", 0.0, -0.01, 0.01, "0.0 pts (−1.0 to +1.0)"),
        ("share", 0.041, None, 0.06, "+4.1 pts (… to +6.0)"),
        (None, 0.076590, 0.069956, 0.083224, "+0.077 (+0.070 to +0.083)"),
        ("count", 0.02, 0.01, 0.03, "+0.020 (+0.010 to +0.030)"),
    ],
)
def test_effects(unit, value, low, high, shown):
    assert effect(value, low, high, unit).replace("\xa0", " ") == shown


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("nothing", [None, nan, inf, -inf])
def test_nothing_is_a_dash(unit, nothing):
    assert amount(nothing, unit) == NOTHING
    assert difference(nothing, unit) == NOTHING
    assert effect(nothing, nothing, nothing, unit) == NOTHING
    assert differences(nothing, nothing, unit) == NOTHING
    assert p_value(nothing) == NOTHING
    assert p_equals(nothing) == "no p value"


@given(numbers, some.floats(1e-4, 1e6), some.sampled_from(UNITS))
def test_an_effect_says_what_it_is(value, half, unit):
    low, high = value - half, value + half
    text = effect(value, low, high, unit)
    places = decimals_of(unit, value, low, high)
    inside = text[text.index("(") + 1 : -1].split(" to ")
    factor = FACTORS.get(unit, 1)
    for shown, meant in zip([text, *inside], [value, low, high], strict=True):
        number = re.match(r"[+−]?[\d,.]*\d", shown)
        assert number, text
        assert read(shown) == pytest.approx(factor * meant, abs=0.5001 * 10**-places)
        assert len(number.group().partition(".")[2]) == places
        # A sign for everything but zero, the typographic minus, and no exponent.
        assert shown.startswith(("+", "−")) == (read(shown) != 0)
        assert "-" not in shown
        assert "e" not in number.group()
    if factor * half < 100:
        assert 0.5 * 10**-places <= 0.1001 * factor * half


@given(numbers, numbers, some.sampled_from(UNITS))
def test_both_ends_of_an_interval_are_told(one, other, unit):
    low, high = sorted((one, other))
    text = interval_of(low, high, unit)
    first, last = text.split(" to ") if " to " in text else text.split("–")
    factor = FACTORS.get(unit, 1)
    for shown, meant in ((first, low), (last, high)):
        assert read(shown) == pytest.approx(factor * meant, rel=0.006, abs=0.0501)


def test_a_negative_end_is_not_joined_by_a_dash():
    assert interval_of(-0.04, 0.02, "share") == "−4.0% to 2.0%"
    assert interval_of(0.02, 0.04, "share") == "2.0–4.0%"


def test_what_rounds_to_zero_has_no_sign():
    assert amount(-0.0004, "share") == "0.0%"
    assert difference(-0.0004, "share", decimals=1) == "0.0\xa0pts"
    assert effect(-0.0004, -0.02, 0.02, "share") == "0.0\xa0pts (−2.0 to +2.0)"


def test_in_a_sentence():
    assert moved(0.0, -0.01, 0.01, "share").startswith("unchanged at a difference of 0.0")
    assert moved(-3, None, None, "hours") == "down 3.0\xa0hours"
    assert moved(2.0, 1.0, 3.0, "money", currency="EUR") == "up 2.00\xa0EUR (+1.00 to +3.00)"


def test_currency_stands_behind_money_only():
    assert amount(3, "money", currency="EUR") == "3.00\xa0EUR"
    assert amount(3, "hours", currency="EUR") == "3.0\xa0h"
    assert difference(-3, "money", currency="EUR") == "−3.00\xa0EUR"
    assert relative(0.03) == "+3.0%"


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (1.0, "1.00"),
        (0.2, "0.20"),
        (0.0504, "0.050"),
        (0.0496, "0.050"),
        (0.044, "0.04"),
        (0.0099, "0.010"),
        (0.001, "0.001"),
        (0.00099, "< 0.001"),
        (0.0, "< 0.001"),
    ],
)
def test_p_values(p, shown):
    assert p_value(p) == shown
