"""A source that cannot be imported, said so that a person can put it right."""

from __future__ import annotations


class SourceError(Exception):
    """A source cannot be imported; nothing of it was written.

    Attributes:
        path: Where in the source's YAML, as keys.
        found: What was found.
        allowed: What is allowed, and what to do.
    """

    def __init__(self, path: tuple[str, ...], found: str, allowed: str) -> None:
        super().__init__(f"{found}; {allowed}")
        self.path, self.found, self.allowed = path, found, allowed
