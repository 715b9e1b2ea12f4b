"""What of an experiment decides how many units it needs: its shares, its error rate, its looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from heedful.experiments.assigning import rule
from heedful.experiments.effects import against_control, of_factors
from heedful.experiments.protocol import TUNED_AT

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.experiments.effects import Effect
    from heedful.experiments.measured import Asked, Measured
    from heedful.stats.power import Comparison


class PlanDesign:
    """The hardest of an experiment's comparisons.

    Args:
        experiment: The experiment.

    Attributes:
        comparisons: Comparisons of the primary outcome, beside interactions.
        inflation: How many times as many units the planned looks take.
        share: Share of units on the one side, such as variants of equal size would hold.
        control_share: Share of units on the other side.
    """

    def __init__(self, experiment: Experiment) -> None:
        from heedful.stats.power import inflation

        self.experiment = experiment
        effects = [one for one in _effects(experiment) if not one.interaction]
        self.comparisons = len(effects)
        # The first step of Holm's procedure is the hardest; a plan must pass it.
        self.alpha = experiment.alpha / self.comparisons
        self.inflation = inflation(self._multiplier(), experiment.alpha, experiment.power)
        weights = list(experiment.weights.values())
        sides = [(_held(one.treated, weights), _held(one.controls, weights)) for one in effects]
        self.share, self.control_share = max(sides, key=lambda two: 1 / two[0] + 1 / two[1])

    def _multiplier(self) -> float:
        from scipy.special import ndtri

        experiment = self.experiment
        if experiment.sequential == "confidence_sequence":
            from heedful.stats.sequences import ConfidenceSequence

            tuned = float(experiment.units or TUNED_AT)
            # At the planned number of units, however small that is.
            return ConfidenceSequence(experiment.alpha, tuned, tuned, 0).multiplier(float("inf"))
        if experiment.sequential == "alpha_spending":
            from heedful.stats.spending import bounds

            looks = experiment.looks
            count = looks if isinstance(looks, int) else len(looks)
            return float(bounds([n / count for n in range(1, count + 1)], experiment.alpha)[-1])
        return -float(ndtri(experiment.alpha / 2))

    def comparison(self, asked: Asked, one: Measured, units: int) -> Comparison | None:
        """The comparison of one outcome; None where history says nothing of it.

        Args:
            asked: What is asked.
            one: What history says.
            units: Units that entered in history and whose window has passed, also those that
                have no row of the outcome: so many more must enter.
        """
        from heedful.stats.power import Comparison

        variance = one.groups[0].variance * units
        if not (isfinite(variance) and variance > 0):
            return None
        guard = asked.role == "guardrail"
        factor = 1.0
        if guard and asked.relative and asked.margin is not None:
            worse = -asked.margin if asked.better == "higher" else asked.margin
            factor = (1 + worse) ** 2
        return Comparison(
            variance=variance,
            control_variance=variance * factor,
            share=self.share,
            control_share=self.control_share,
            alpha=self.experiment.alpha if guard else self.alpha,
            one_sided=guard,
            inflation=self.inflation,
        )


def _effects(experiment: Experiment) -> list[Effect]:
    names = experiment.variant_names
    if experiment.design == "factorial":
        levels = [one.levels for one in experiment.variants]
        return of_factors(levels, names.index(experiment.controlled))
    return against_control(names, experiment.controlled)


def _held(places: Sequence[int], weights: Sequence[float]) -> float:
    """The share of units that one group would hold whose mean is as sure as that of several.

    >>> _held([0], [0.25, 0.75]), _held([0, 1], [0.25, 0.25, 0.5]), _held([0, 1], [0.4, 0.1])
    (0.25, 0.5, 0.32)
    """
    return float(round(len(places) ** 2 / sum(1 / weights[place] for place in places), 12))


def taking_part(experiment: Experiment, experiments: Mapping[str, Experiment]) -> float:
    """The share of those who come that an experiment gets: of its group, beside its holdout.

    Args:
        experiment: The experiment.
        experiments: Id to experiment, as the project has them.
    """
    by = rule(experiment, experiments)
    part = sum(high - low for low, high in by.ranges)
    for one in by.filters:
        part *= sum(high - low for low, high in one.ranges)
    return part
