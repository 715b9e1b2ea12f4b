"""Why a message could not be sent, in words that hold no secret."""

from __future__ import annotations

from datetime import timedelta


class DeliveryError(Exception):
    """A message could not be sent.

    Attributes:
        wait: How long the other side wants to be left alone; None: it did not say.
    """

    def __init__(self, says: str, wait: timedelta | None = None) -> None:
        super().__init__(says)
        self.wait = wait


def secret(environment: dict[str, str], name: str) -> str:
    """A secret that an environment variable holds.

    Raises:
        DeliveryError: It is not set.
    """
    found = environment.get(name, "").strip()
    if not found:
        raise DeliveryError(f"the environment variable {name} is not set")
    return found
