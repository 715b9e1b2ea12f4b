"""`patterns/*.yaml`: KPIs that contradict each other when they move so."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from heedful.definitions.fields import Id, Model, NotNegative, Text, wrong

Moves = Literal["better", "worse", "flat", "slightly_worse"]


def _listed(given: Any) -> Any:
    """One name is a list of one."""
    return (given,) if isinstance(given, str) else given


class PatternLeg(Model):
    """One side of a pattern."""

    kpi: Annotated[
        tuple[Text, ...],
        Field(min_length=1),
        BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
    ]
    """The KPI, or several of which one must move so."""
    moves: Moves
    """better, worse; flat: shown to have stayed within `within`; slightly_worse: worse, and shown
    to be worse by less than `within`."""
    within: NotNegative | None = None
    """For flat and slightly_worse: how much; points of a share or score, else a fraction."""

    @model_validator(mode="after")
    def _bounded(self) -> PatternLeg:
        bounded = self.moves in {"flat", "slightly_worse"}
        if bounded and self.within is None:
            raise wrong(f"{{name}}: moves {self.moves} needs within", "allowed: within: 2%")
        if not bounded and self.within is not None:
            raise wrong(
                f"{{name}}: moves {self.moves} takes no within", "leave within out", at=("within",)
            )
        return self


class Pattern(Model):
    """A contradiction that deserves a person's eyes."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Id
    """The name of its file."""
    title: Text
    """What people call it, such as: Speed over understanding."""
    says: Text
    """What it means, in one sentence."""
    across: Literal["time", "segments"] = "time"
    """time: the legs move in the same periods. segments: one segment beside another."""
    legs: Annotated[tuple[PatternLeg, ...], Field(min_length=2)]
    """What must come together; the first is what looks like a success, or stays."""
    good: bool = False
    """Whether it is good news."""
    owner: Text | None = None
    """The team it goes to; that of the leg that is worse where not given."""
    playbook: Text | None = None
    """What to do; that of the leg that is worse where not given."""

    @model_validator(mode="after")
    def _can_be_found(self) -> Pattern:
        moves = [leg.moves for leg in self.legs]
        if self.across == "segments" and moves != ["better", "slightly_worse"]:
            raise wrong(
                f"legs move {', '.join(moves)} across segments",
                "allowed: two legs, better and then slightly_worse",
                at=("legs",),
            )
        if not {"better", "worse"} & set(moves):
            raise wrong(
                f"legs move {', '.join(moves)}",
                "one of them must move better or worse",
                at=("legs",),
            )
        return self
