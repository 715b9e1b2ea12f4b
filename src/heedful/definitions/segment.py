"""`segments.yaml`: dimensions that a project makes of its customers and accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from heedful.definitions.fields import Model, Sql


class Segment(Model):
    """One dimension: the first case that is true gives its value."""

    of: Literal["customer", "account"] = "customer"
    """Whose columns the cases read."""
    cases: Annotated[dict[str, Sql], Field(min_length=1)]
    """Value to SQL condition over the columns and attributes of that table; the first true wins."""
    otherwise: str | None = "other"
    """The value where no case is true; null: none."""

    @property
    def table(self) -> str:
        """The table whose columns the cases read."""
        return f"{self.of}s"
