"""Who takes part in an experiment: one reading of `population` for us and for the SDKs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Population = Mapping[str, str | tuple[str, ...]]
"""Attribute to value or values, all of which must fit; empty: everyone."""

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?")
"""Numbers of which JavaScript and Python hold the same."""


def condition(population: Population) -> dict[str, Any]:
    """Return a population as the SDKs' condition.

    An app may hold as a number or as true what a definition can only hold as text, so both
    count.

    Examples:
        >>> condition({"country": ("DE", "AT"), "seats": "3"})
        {'country': {'$in': ['DE', 'AT']}, 'seats': {'$in': ['3', 3]}}
    """
    return {name: {"$in": list(_allowed(values))} for name, values in sorted(population.items())}


def fits(population: Population, attributes: Mapping[str, object]) -> bool:
    """Return whether a unit belongs to a population, as the SDKs decide it.

    Texts compare with upper and lower case. A list fits if one of its values does. An attribute
    that is not there does not fit. A dot in a name leads into an attribute of an attribute.

    Examples:
        >>> fits({"country": ("DE", "AT")}, {"country": "AT"})
        True
        >>> fits({"country": ("DE", "AT")}, {"country": "at"})
        False
        >>> fits({"plan.seats": "3"}, {"plan": {"seats": 3}})
        True
    """
    return all(value_fits(name, values, attributes) for name, values in population.items())


def value_fits(name: str, values: str | tuple[str, ...], attributes: Mapping[str, object]) -> bool:
    """Return whether one attribute of a unit has one of the values."""
    value: object = attributes
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    allowed = _allowed(values)
    given: Sequence[object] = value if isinstance(value, (list, tuple)) else (value,)
    return any(_equal(one, other) for one in given for other in allowed)


@lru_cache(maxsize=1024)
def _allowed(values: str | tuple[str, ...]) -> tuple[str | int | float | bool, ...]:
    texts = (values,) if isinstance(values, str) else values
    return tuple(form for text in texts for form in _forms(text))


def _forms(text: str) -> list[str | int | float | bool]:
    if text in {"true", "false"}:
        return [text, text == "true"]
    if _NUMBER.fullmatch(text):
        number = float(text)
        return [text, int(number) if number.is_integer() else number]
    return [text]


def _equal(one: object, other: object) -> bool:
    # Python takes True for 1; the SDKs do not.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


__all__ = ["Population", "condition", "fits", "value_fits"]
