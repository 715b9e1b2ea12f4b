"""Overrides: another target, threshold or owner of a KPI, for one stage or segment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from heedful.definitions.fields import Model, Number, Text, wrong
from heedful.definitions.threshold import Threshold

FIELDS = ("target", "threshold", "owner")


def _as_text(given: Any) -> Any:
    """Segments are text in readings; YAML reads `true` and `2` as something else."""
    return json.dumps(given) if isinstance(given, (bool, int)) else given


Value = Annotated[Text, BeforeValidator(_as_text, json_schema_input_type=str | int | bool)]
Segments = Annotated[dict[str, Value], Field(min_length=1)]
"""One dimension and one value of it."""


class Override(Model):
    """Another target, threshold or owner, for one stage, one segment, or one segment there."""

    stage: Text | None = None
    """A stage of the project."""
    segment: Segments | None = None
    """One dimension and its value, such as {device: mobile}."""
    target: Number | None = None
    """The value to reach there."""
    threshold: Threshold | None = None
    """When a value there is worth someone's attention; of a segment: below_target only."""
    owner: Text | None = None
    """The team that acts on it there, an id under teams in heedful.yaml."""

    @model_validator(mode="after")
    def _placed(self) -> Override:
        if self.stage is None and self.segment is None:
            raise wrong(
                "an override names neither stage nor segment",
                "add stage, segment or both; for all of the KPI write target, threshold and "
                "owner beside overrides",
            )
        if self.segment and len(self.segment) > 1:
            raise wrong(
                f"segment names {len(self.segment)} dimensions",
                "name one: readings are broken down by one dimension at a time",
                at=("segment",),
            )
        if all(getattr(self, name) is None for name in FIELDS):
            raise wrong("an override changes nothing", f"add {', '.join(FIELDS[:-1])} or owner")
        if self.segment and self.threshold and self.threshold.rule != "below_target":
            raise wrong(
                f"the threshold of a segment is {self.threshold.rule}",
                "allowed: below_target; changes of a segment are told in the finding of the whole",
                at=("threshold",),
            )
        return self

    @property
    def part(self) -> tuple[str, str] | None:
        """Dimension and value of the segment; None for all customers."""
        return next(iter(self.segment.items())) if self.segment else None

    @property
    def rank(self) -> int:
        """How special it is: stage and segment, then segment, then stage."""
        return (1 if self.stage is not None else 0) + (2 if self.segment else 0)

    @property
    def place(self) -> str:
        """Where it holds, in words.

        >>> Override(stage="retention", segment={"device": "mobile"}, target=0.9).place
        'stage retention, device mobile'
        """
        stage = [f"stage {self.stage}"] if self.stage is not None else []
        return ", ".join([*stage, *([" ".join(self.part)] if self.part else [])])

    @property
    def given(self) -> Mapping[str, Any]:
        """What it sets: target, threshold, owner."""
        return {name: value for name in FIELDS if (value := getattr(self, name)) is not None}

    def holds(self, stage: str | None, part: tuple[str, str] | None) -> bool:
        """Whether it counts in a stage (None: all) for a segment (None: all customers)."""
        return self.stage in (None, stage) and self.part in (None, part)
