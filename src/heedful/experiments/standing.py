"""A standing holdout over many experiments: what each claimed, and what is left of the claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from heedful.experiments.readout import Claim

if TYPE_CHECKING:
    from heedful.experiments.readout import OutcomeResult, Readout


def claims(read: Sequence[Readout], holdout: Readout) -> list[Claim]:
    """What experiments said about the holdout's primary KPI, shrunk for the winner's curse.

    Those that look best were partly lucky; all effects are drawn towards zero by as much as their
    spread is luck (empirical Bayes). The holdout's own difference is what the claims must add up
    to. An experiment whose sample ratio failed, or whose variants answered differently, claims
    nothing.

    Args:
        read: Readouts of the experiments.
        holdout: The holdout's readout; its primary KPI is the one that is added up.

    Returns:
        One an experiment that has an interval for this KPI.
    """
    from heedful.stats.shrinkage import shrink

    primary = next((one for one in holdout.outcomes if one.role == "primary"), None)
    if primary is None:
        return []
    found = [(each, one) for each in read if (one := _claim(each, primary)) is not None]
    if not found:
        return []
    shrunk = shrink(
        [one.difference or 0.0 for _, one in found], [one.se or 0.0 for _, one in found]
    )
    return [
        Claim(
            experiment=each.name,
            kpi=one.kpi,
            difference=one.difference or 0.0,
            low=one.low or 0.0,
            high=one.high or 0.0,
            shrunk=float(value),
            decision=each.decision,
        )
        for (each, one), value in zip(found, shrunk.values, strict=True)
    ]


def _claim(read: Readout, primary: OutcomeResult) -> OutcomeResult | None:
    """The effect of the variant that a decision is about, on the KPI that is added up."""
    if read.decision == "invalid":
        return None
    mine = [
        one
        for one in read.outcomes
        if one.kpi == primary.kpi and one.control is not None and one.verdict != "void"
        if one.low is not None and one.se is not None
    ]
    chosen = [one for one in mine if one.variant == read.candidate] or mine
    return chosen[0] if chosen else None
