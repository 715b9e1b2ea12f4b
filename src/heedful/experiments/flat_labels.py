"""The values of a column that names something: what they are called, and their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heedful.engines.duckdb import literal

NAMELESS = ("", "NA", "N/A", "n/a", "NULL", "null", "NaN", "nan", "<NA>")
"""What names no variant; None may be the one in which nothing is done."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The values of a column, and the number of each.

    Blanks around a name do not count: several values may have the same name.

    Attributes:
        names: What they are called, in the order of their numbers.
        numbers: Number of each value as it was given; None where it names nothing that counts.
        counts: Rows by value.
    """

    names: Sequence[str | None]
    numbers: Mapping[str | None, int | None]
    counts: Mapping[str | None, int]

    @classmethod
    def of(cls, found: Mapping[str | None, int], *, nameless: bool) -> Labels:
        """Number the values.

        Args:
            found: Rows by value.
            nameless: Whether rows without a name count under None.
        """
        words = ("",) if nameless else NAMELESS
        calls = {given: named(given, words) for given in found}
        known = sorted({name for name in calls.values() if name is not None})
        names = [*known, *([None] if nameless and None in calls.values() else [])]
        place = {name: i for i, name in enumerate(names)}
        return cls(names, {given: place.get(name) for given, name in calls.items()}, found)

    @property
    def left_out(self) -> int:
        """Rows that name nothing that counts."""
        return sum(n for given, n in self.counts.items() if self.numbers[given] is None)

    def by_number(self) -> list[int]:
        """Rows of each name."""
        result = [0] * len(self.names)
        for given, n in self.counts.items():
            number = self.numbers[given]
            if number is not None:
                result[number] += n
        return result

    def sql(self, value: str) -> str:
        """SQL of the number of a value; null where it names nothing that counts."""
        pairs = [(one, n) for one, n in self.numbers.items() if one is not None and n is not None]
        pairs.sort(key=lambda pair: pair[1])
        if not pairs:
            return "0"
        place = f"LIST_POSITION([{', '.join(literal(one) for one, _ in pairs)}], {value})"
        numbers = [n for _, n in pairs]
        if numbers == list(range(len(pairs))):
            place = f"{place} - 1"
        else:
            place = f"[{', '.join(map(str, numbers))}][{place}]"
        other = self.numbers.get(None)
        return place if other is None else f"COALESCE({place}, {other})"


def named(given: str | None, words: Sequence[str] = ("",)) -> str | None:
    """What a label is called; None where it names nothing.

    >>> named(" warm "), named("NA", NAMELESS), named("NA")
    ('warm', None, 'NA')
    """
    name = None if given is None else given.strip()
    return None if name in words else name
