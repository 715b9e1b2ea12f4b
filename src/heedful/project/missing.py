"""What was asked for and is not there."""

from __future__ import annotations


class NotFoundError(Exception):
    """Something asked for is not there.

    Attributes:
        found: What was asked for.
        allowed: What there is, and what to do.
    """

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"{found}; {allowed}")
        self.found, self.allowed = found, allowed
