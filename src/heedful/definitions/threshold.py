"""When a KPI's value is worth someone's attention, and how it turns into a score."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from heedful.definitions.fields import Model, NotNegative, Number, wrong

Rule = Literal["below_target", "drop_points", "rise", "change", "decline", "trend"]

_DEFAULT_BY = {"below_target": 0.0, "change": 0.10}
_NEEDS_BY = {"drop_points": "allowed: by: 5", "rise": "allowed: by: 15%"}


class Threshold(Model):
    """The rule that makes a finding."""

    rule: Rule
    """below_target: worse than the target by the fraction `by`. drop_points: falls by so many
    points. rise: rises by the fraction. change: moves in the wrong direction by the fraction.
    decline: significantly worse. trend: each cohort worse than the one before."""
    by: NotNegative | None = None
    """How much; a fraction, or points for drop_points."""

    @model_validator(mode="after")
    def _complete(self) -> Threshold:
        if self.by is None and self.rule in _NEEDS_BY:
            raise wrong(f'{{name}}: rule "{self.rule}" needs by', _NEEDS_BY[self.rule])
        if self.by is not None and self.rule in {"decline", "trend"}:
            raise wrong(f'{{name}}: rule "{self.rule}" takes no by', "leave by out", at=("by",))
        return self

    @property
    def amount(self) -> float:
        """How much, with the rule's default where none is given."""
        return _DEFAULT_BY.get(self.rule, 0.0) if self.by is None else self.by


class Scale(Model):
    """Which values score 0 and 100."""

    worst: Number
    """The value that scores 0."""
    best: Number
    """The value that scores 100."""

    @model_validator(mode="after")
    def _apart(self) -> Scale:
        if self.worst == self.best:
            raise wrong(f"{{name}}: worst and best are both {self.worst:g}", "they must differ")
        return self
