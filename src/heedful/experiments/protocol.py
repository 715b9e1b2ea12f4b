"""How an experiment is to be read: error rates, roles, looks; the same for projects and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from heedful.experiments.effects import Effect, against_control, of_factors

if TYPE_CHECKING:
    from heedful.definitions.experiment import Sequential
    from heedful.experiments.readout import VariantCount
    from heedful.stats.contrast import Critical

LEAST_UNITS = 30
"""With fewer units on a side, no interval is given."""
TUNED_AT = 5000
"""Units at which a confidence sequence is narrowest, where no number of units was planned."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """What decides how outcomes are compared.

    Attributes:
        name: The experiment.
        design: ab, holdout or factorial.
        variants: Names, weights and units, in the order of all lists of groups.
        control: Name of the control.
        levels: In a factorial design: factor to level, by variant.
        alpha: Two-sided probability of a false alarm.
        power: Planned power.
        smallest: Smallest effect on the primary outcome that matters.
        relative: Whether `smallest` is relative to the control.
        sequential: none, confidence_sequence or alpha_spending.
        planned: Units planned in all variants together; None where that is not known.
        looks: Days of planned looks, for alpha spending.
        fractions: Share of the information at each of these looks.
        ended: Whether no unit enters any more and all windows have passed.
        as_of: The day up to which data was looked at.
        stopped: Whether it was closed before its planned end.
        crossovers: Units left out because they met several variants.
    """

    name: str
    design: str
    variants: Sequence[VariantCount]
    control: str
    levels: Sequence[Mapping[str, str]] = ()
    alpha: float = 0.05
    power: float = 0.8
    smallest: float | None = None
    relative: bool = True
    sequential: Sequential = "none"
    planned: int | None = None
    looks: Sequence[date] = ()
    fractions: Sequence[float] = field(default=())
    ended: bool = True
    as_of: date | None = None
    stopped: bool = False
    crossovers: int = 0

    @property
    def names(self) -> list[str]:
        """Names of the variants."""
        return [variant.name for variant in self.variants]

    @property
    def base(self) -> int:
        """Place of the control."""
        return self.names.index(self.control)

    def effects(self) -> list[Effect]:
        """What is compared with what."""
        if self.design == "factorial":
            return of_factors(self.levels, self.base)
        return against_control(self.names, self.control)

    def past_looks(self) -> list[date]:
        """Planned looks that have come."""
        return [day for day in self.looks if self.as_of is None or day <= self.as_of]

    def critical(self, treated: float, control: float, look: int | None = None) -> Critical:
        """How wide intervals are.

        Args:
            treated: Units on the one side.
            control: Units on the other.
            look: Which of the planned looks it is, from 0; without, the newest.
        """
        from heedful.stats.contrast import FixedHorizon

        if self.sequential == "confidence_sequence":
            from heedful.stats.sequences import ConfidenceSequence

            return ConfidenceSequence.between(
                treated, control, alpha=self.alpha, tuned_at=float(self.planned or TUNED_AT)
            )
        if self.sequential == "alpha_spending" and self.looks:
            from heedful.stats.spending import AlphaSpending

            place = len(self.past_looks()) - 1 if look is None else look
            place = max(place, 0)
            # Who stops early has chosen the end by what was seen: then nothing more is spent.
            final = place == len(self.looks) - 1 and not self.stopped
            return AlphaSpending(self.alpha, tuple(self.fractions[: place + 1]), last=final)
        return FixedHorizon(self.alpha)
