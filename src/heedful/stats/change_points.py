"""When a series stepped: the likeliest period, and the periods that it may have been."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Where a series changed its level once.

    Attributes:
        place: index of the first value on the new level.
        first: index of the earliest one of the credible set.
        last: index of the latest one.
        before: level before.
        after: level from then on.
        chance: posterior chance of `place` among all places.
        factor: how much likelier the best step is than no step at all (Bayes factor of BIC).
    """

    place: int
    first: int
    last: int
    before: float
    after: float
    chance: float
    factor: float


def change_point(
    values: ArrayLike,
    variances: ArrayLike,
    *,
    level: float = 0.95,
    least: int = 2,
    sign: int = 0,
) -> ChangePoint | None:
    """The one step that explains a series best.

    Each place is as likely as any other before looking; levels on both sides are estimated. The
    posterior is proportional to the profile likelihood of independent normal values with known
    variances (Smith 1975); the credible set is the smallest that holds `level` of it, given as
    its first and last place.

    Args:
        values: in order of time, NaN where there is none, shape (periods,).
        variances: of the values: sampling and usual variation together, shape (periods,).
        level: of the credible set.
        least: values that must lie before the step; one must lie after it.
        sign: 1 for steps up only, -1 for steps down only, 0 for either.

    Returns:
        None with fewer than `least` + 1 values, or without a step of that sign.

    >>> found = change_point([0, 0.1, -0.1, 0, 1, 1.1, 0.9], np.full(7, 0.01))
    >>> found.place, found.first, found.last, round(found.after, 2)
    (4, 4, 4, 1.0)
    """
    given = np.asarray(values, dtype=np.float64)
    noise = np.asarray(variances, dtype=np.float64)
    index = np.flatnonzero(np.isfinite(given) & np.isfinite(noise) & (noise > 0))
    if len(index) < least + 1:
        return None
    y, w = given[index], 1 / noise[index]
    total, weight = (w * y).sum(), w.sum()
    left, left_weight = np.cumsum(w * y)[:-1], np.cumsum(w)[:-1]
    right, right_weight = total - left, weight - left_weight
    before, after = left / left_weight, right / right_weight
    # What two levels explain beyond one, in log likelihood.
    gain = (left * before + right * after - total**2 / weight) / 2
    allowed = np.arange(1, len(index)) >= least
    if sign:
        allowed &= np.sign(after - before) == sign
    if not allowed.any():
        return None
    gain = np.where(allowed, gain, -np.inf)
    best = int(np.argmax(gain))
    chance = np.exp(gain - gain[best])
    chance /= chance.sum()
    order = np.argsort(-chance, kind="stable")
    held = order[: int(np.searchsorted(np.cumsum(chance[order]), level)) + 1]
    places = index[1:]
    return ChangePoint(
        place=int(places[best]),
        first=int(places[held.min()]),
        last=int(places[held.max()]),
        before=float(before[best]),
        after=float(after[best]),
        chance=float(chance[best]),
        factor=float(np.exp(min(gain[best] - np.log(len(index)), 700.0))),
    )
