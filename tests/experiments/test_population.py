from __future__ import annotations

import pytest

from heedful.experiments.population import condition, fits


@pytest.mark.parametrize(
    ("population", "attributes", "expected"),
    [
        ({}, {}, True),
        ({"country": "DE"}, {"country": "DE"}, True),
        ({"country": "DE"}, {"country": "de"}, False),
        ({"country": "DE"}, {}, False),
        ({"country": "DE"}, {"country": None}, False),
        ({"country": ("DE", "AT")}, {"country": "AT"}, True),
        ({"country": "DE", "plan": "pro"}, {"country": "DE", "plan": "free"}, False),
        ({"tags": "vip"}, {"tags": ["new", "vip"]}, True),
        ({"tags": "vip"}, {"tags": []}, False),
        ({"seats": "3"}, {"seats": 3}, True),
        ({"seats": "3"}, {"seats": 3.0}, True),
        ({"seats": "2.5"}, {"seats": 2.5}, True),
        ({"seats": "03"}, {"seats": 3}, False),
        ({"beta": "true"}, {"beta": True}, True),
        ({"beta": "1"}, {"beta": True}, False),
        ({"beta": "true"}, {"beta": 1}, False),
        ({"plan.seats": "3"}, {"plan": {"seats": "3"}}, True),
        ({"plan.seats": "3"}, {"plan.seats": "3"}, False),
        ({"plan.seats": "3"}, {"plan": "3"}, False),
    ],
)
def test_who_fits_is_who_fits_for_the_sdk(population, attributes, expected):
    from growthbook.core import evalCondition

    assert fits(population, attributes) is expected
    assert evalCondition(attributes, condition(population), {}) is expected
