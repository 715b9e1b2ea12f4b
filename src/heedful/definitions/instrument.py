"""`instruments/*.yaml`: survey questions, and how their answers are read."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from heedful.definitions.fields import Id, Model, Text, wrong

POINTS_AT_MOST = 11


class AnswerScale(Model):
    """The answers on offer."""

    min: int
    """The lowest answer."""
    max: int
    """The highest answer."""
    low: Text
    """What the lowest answer says."""
    high: Text
    """What the highest answer says."""

    @model_validator(mode="after")
    def _upwards(self) -> AnswerScale:
        if self.min >= self.max:
            raise wrong(
                f"{{name}}: min {self.min} is not below max {self.max}",
                "give the lower number as min; scale_reversed of an answer says that it was asked "
                "the other way round",
                at=("min",),
            )
        return self

    @property
    def points(self) -> int:
        """How many answers are on offer.

        >>> AnswerScale(min=0, max=10, low="not at all", high="extremely").points
        11
        """
        return self.max - self.min + 1


class Instrument(Model):
    """A survey question that is asked again and again, so that its answers can be compared."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Id
    """The name of its file, and what answers call it under `instrument`."""
    title: Text
    """What people call it."""
    measures: Text
    """What it measures, in one sentence."""
    question: Text
    """The question as it is asked."""
    scale: AnswerScale
    """The answers on offer."""
    better: Literal["higher", "lower"] = "higher"
    """Which answers are better for the customer."""
    top: Annotated[int, Field(gt=0)] = 2
    """How many of the highest answers count as top boxes."""
    fixed: bool = False
    """Whether it may be asked on this scale only."""
    ask: Text | None = None
    """When to ask it."""
    source: Text | None = None
    """Where wording and scale come from, if they were published."""

    @model_validator(mode="after")
    def _top_is_less_than_half(self) -> Instrument:
        most = self.scale.points // 2
        if self.top > most:
            raise wrong(
                f"top {self.top} of {self.scale.points} answers is more than half of them",
                f"allowed: 1 to {most}",
                at=("top",),
            )
        return self

    @property
    def points_at_most(self) -> int:
        """Points of the longest scale that it may be asked on; a box is one point."""
        return max(POINTS_AT_MOST, self.scale.points)

    def boxes(self, low: float, high: float) -> int:
        """How many of the highest answers count where it was asked on another scale.

        Never more than half of them: of two answers one is on top, not both.

        Args:
            low: Lowest answer on offer.
            high: Highest answer on offer.

        >>> scale = AnswerScale(min=1, max=7, low="disagree", high="agree")
        >>> ease = Instrument(id="ces", title="t", measures="m", question="q", scale=scale, top=3)
        >>> ease.boxes(1, 7), ease.boxes(1, 5), ease.boxes(0, 1)
        (3, 2, 1)
        """
        return min(self.top, int(high - low + 1) // 2)
