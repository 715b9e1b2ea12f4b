"""Why a table cannot be analysed as asked."""

from __future__ import annotations


class FlatError(Exception):
    """A table cannot be analysed as asked.

    Attributes:
        usage: Whether the question is wrong, rather than the data.

    >>> str(FlatError("spend is text", "allowed: a number"))
    'spend is text; allowed: a number'
    """

    def __init__(self, found: str, allowed: str, *, usage: bool = False) -> None:
        super().__init__(" ".join(f"{found}; {allowed}".split()))
        self.usage = usage
