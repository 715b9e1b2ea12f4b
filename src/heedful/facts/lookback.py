"""How far from a row of a fact its inputs may lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_TERM = re.compile(r"(?P<amount>\d+|\$[a-z][a-z0-9_]*) (?P<unit>minute|hour|day)s?")

ALLOWED = "allowed: all, or such as 1 day + $session_gap_minutes minutes"


@dataclass(frozen=True, slots=True)
class Lookback:
    """A time span, some of it said by `rules.yaml`.

    Attributes:
        text: As the header of the fact has it.
        terms: Amount or `$name`, and seconds of its unit; None: the whole history.
    """

    text: str
    terms: tuple[tuple[int | str, int], ...] | None

    @property
    def whole(self) -> bool:
        """Whether a row may depend on the whole history, so that only a full rebuild is right."""
        return self.terms is None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The `$name`s it uses."""
        return tuple(amount for amount, _ in self.terms or () if isinstance(amount, str))

    def span(self, parameters: Mapping[str, Any]) -> timedelta | None:
        """The span for given rules.

        Args:
            parameters: Value by `$name`; null counts as nothing.

        Returns:
            The span, both ways in time; None: the whole history.

        >>> parse("1 day + $form_window_minutes minutes").span({"form_window_minutes": 30})
        datetime.timedelta(days=1, seconds=1800)
        """
        if self.terms is None:
            return None
        seconds = sum(
            (parameters[amount] or 0 if isinstance(amount, str) else amount) * unit
            for amount, unit in self.terms
        )
        return timedelta(seconds=seconds)


def parse(text: str) -> Lookback:
    """Read a lookback.

    Args:
        text: `all`, or amounts of minutes, hours or days joined by `+`.

    Raises:
        ValueError: It cannot be read.

    >>> parse("all").whole
    True
    """
    if text.strip() == "all":
        return Lookback(text, None)
    terms: list[tuple[int | str, int]] = []
    for part in text.split("+"):
        found = _TERM.fullmatch(part.strip())
        if not found:
            raise ValueError(text)
        amount = found["amount"]
        name_or_number = amount[1:] if amount.startswith("$") else int(amount)
        terms.append((name_or_number, _UNITS[found["unit"]]))
    return Lookback(text, tuple(terms))
