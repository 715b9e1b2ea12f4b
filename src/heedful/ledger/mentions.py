"""Where a text names a person, and the text without it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

ERASED = "[erased]"
TOKEN = re.compile(r"[\w@.+-]+")
TITLES = r"(?:customers?|clients?|users?|members?|ids?|kund\w+|nr|no)"
SHORT = 4
SHORT_NUMBER = 6
LONG_QUOTE = 12


class Mentions:
    """The names by which a text may speak of some people.

    An id is found as a word of its own. Numbers of fewer than six digits and ids of fewer than
    four characters stand for something else in most texts; they are found only behind a word
    such as customer.

    Args:
        ids: Ids.
        emails: E-mail addresses; upper and lower case are the same.
        quotes: What they wrote; found where a text holds the whole of it.
    """

    def __init__(
        self, ids: Iterable[str], emails: Iterable[str] = (), quotes: Iterable[str] = ()
    ) -> None:
        self.ids = frozenset(ids)
        self.emails = frozenset(email.casefold() for email in emails)
        self.quotes = tuple(
            sorted({q.strip() for q in quotes if len(q.strip()) >= LONG_QUOTE}, key=len)[::-1]
        )

    @cached_property
    def _distinct(self) -> frozenset[str]:
        return frozenset(each for each in self.ids if not short(each))

    @cached_property
    def _odd(self) -> re.Pattern[str] | None:
        """Ids that are more than a word."""
        odd = sorted(each for each in self._distinct if not TOKEN.fullmatch(each))
        return _words("", odd) if odd else None

    @cached_property
    def _titled(self) -> re.Pattern[str] | None:
        few = sorted(each for each in self.ids if short(each))
        return _words(rf"(?i:\b{TITLES}\b)\W{{1,3}}", few) if few else None

    def exact(self, value: str) -> bool:
        """Whether a value is one of the names."""
        return value in self.ids or value.casefold() in self.emails

    def struck(self, text: str) -> str:
        """A text without any of the names.

        >>> Mentions(["cust-17", "9"], ["Ada@x.example"]).struck(
        ...     "cust-17 (ada@x.example) and customer 9 had 9 boxes; cust-170 had none."
        ... )
        '[erased] ([erased]) and customer [erased] had 9 boxes; cust-170 had none.'
        """
        for quote in self.quotes:
            text = text.replace(quote, ERASED)
        if self._odd is not None:
            text = self._odd.sub(ERASED, text)
        if self._titled is not None:
            text = self._titled.sub(lambda found: found[1] + ERASED, text)
        return TOKEN.sub(self._token, text)

    def _token(self, found: re.Match[str]) -> str:
        token = found[0]
        if self._named(token):
            return ERASED
        bare = token.strip(".-+")
        if bare and bare != token and self._named(bare):
            return token.replace(bare, ERASED, 1)
        return token

    def _named(self, token: str) -> bool:
        return token in self._distinct or token.casefold() in self.emails

    def within(self, text: str) -> bool:
        """Whether a text holds any of the names."""
        return self.struck(text) != text

    def struck_json(self, text: str) -> str:
        """A JSON document without any of the names in its texts; other text as `struck`.

        >>> Mentions(["cust-17"]).struck_json('{"note": "ask cust-17", "n": 3}')
        '{"note": "ask [erased]", "n": 3}'
        """
        try:
            found = json.loads(text)
        except ValueError:
            return self.struck(text)
        new = self._walk(found)
        return text if new == found else json.dumps(new, ensure_ascii=text.isascii())

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.struck(value)
        if isinstance(value, list):
            return [self._walk(each) for each in value]
        if isinstance(value, dict):
            return {self.struck(key): self._walk(each) for key, each in value.items()}
        return value


def short(name: str) -> bool:
    """Whether an id is too short to be told from other words and numbers.

    >>> short("12345"), short("123456"), short("c17"), short("cu17")
    (True, False, True, False)
    """
    return len(name) < (SHORT_NUMBER if name.isdecimal() else SHORT)


def leaves(value: Any) -> Iterable[str]:
    """All texts and numbers in a JSON value, as text.

    >>> list(leaves({"a": ["x", 17, None], "b": {"c": "y"}}))
    ['x', '17', 'y']
    """
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)


def _words(before: str, names: Iterable[str]) -> re.Pattern[str]:
    listed = "|".join(re.escape(name) for name in names)
    return re.compile(rf"({before})(?<![\w@])(?:{listed})(?![\w@])")
