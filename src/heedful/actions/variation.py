"""How much a KPI varies from period to period by itself, beyond what sampling explains."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from heedful.stats.student import t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = 8
"""Earlier periods that must be known, or nothing is said about usual variation."""
MOST = 26
"""Earlier periods that are looked at: older ones say little about today."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Usual variation of one period's value, on the scale it was estimated on.

    Attributes:
        excess: Standard deviation from period to period beyond sampling error.
        df: Degrees of freedom of what it was estimated from.
        history: Earlier periods that told.
    """

    excess: float
    df: float
    history: int

    def margin(self, weights: Floats, level: float = 0.95) -> float:
        """Half-width that it adds to a weighted mean of periods.

        Args:
            weights: Of each period; of a contrast, those of both sides.
            level: Two-sided confidence level.
        """
        return t_quantile(level, self.df) * self.excess * sqrt(float(np.sum(weights**2)))


def variation(history: Floats, errors: Floats, within: list[Floats]) -> Variation | None:
    """Estimate usual variation.

    The variance of a period comes from two places: levels and successive differences of the
    history, of which the larger counts (differences alone, von Neumann 1941, miss slow drift,
    levels alone take a trend for noise only where there is one), and deviations inside each side
    of the comparison. What sampling explains is taken off.

    Args:
        history: Values of earlier periods in order of time; they must not overlap `within`.
        errors: Standard errors by sampling of all values, history first; NaN where not known.
        within: Values of each side of the comparison.

    Returns:
        None where fewer than `LEAST` earlier periods are known.
    """
    if len(history) < LEAST:
        return None
    steps = np.diff(history)
    drift = float(np.mean(steps**2)) / 2
    level = float(np.var(history, ddof=1))
    df = float(len(history) - 1)
    inside = sum(float(np.sum((side - side.mean()) ** 2)) for side in within if len(side) > 1)
    inside_df = float(sum(len(side) - 1 for side in within))
    total = (df * max(drift, level) + inside) / (df + inside_df)
    known = errors[np.isfinite(errors)]
    sampling = float(np.mean(known**2)) if len(known) else 0.0
    return Variation(sqrt(max(0.0, total - sampling)), max(1.0, df + inside_df), len(history))
