"""Who is told of findings, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from heedful.project.project import Project


@dataclass(frozen=True)
class Alerts:
    """The alerts of a project."""

    project: Project

    def send(self, now: datetime | None = None) -> int:
        """Tell people of findings that opened or got worse.

        Args:
            now: The present.

        Returns:
            How many messages were sent.
        """
        del now
        return 0
