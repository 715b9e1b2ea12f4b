"""What each segment adds to a change: by growing or shrinking (mix), by having changed (rate)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Mixing:
    """An exact split of a change over the segments of one dimension; arrays are (segments,).

    Attributes:
        before: share of the denominator before, adding up to 1.
        now: share now.
        mix: what growing or shrinking adds.
        rate: what the segment's own change adds.
        change: the whole change; `mix.sum() + rate.sum()`.
    """

    before: Floats
    now: Floats
    mix: Floats
    rate: Floats
    change: float

    @property
    def total(self) -> Floats:
        """Mix + rate of each segment."""
        return self.mix + self.rate


def mix_and_rate(
    weight_before: ArrayLike, value_before: ArrayLike, weight_now: ArrayLike, value_now: ArrayLike
) -> Mixing:
    """Split the change of a weighted mean over its parts, in symmetric form.

    `mix = (w1 - w0) ((v1 + v0) / 2 - (V1 + V0) / 2)` and `rate = (w1 + w0) / 2 (v1 - v0)`, which
    favours neither period and adds up to V1 - V0 (Kitagawa 1955, centred on the whole).

    A segment that is missing in a period (weight 0, value NaN) is taken to have had there the
    value it has in the other, so all it adds is mix.

    Args:
        weight_before: denominators before, shape (segments,), none negative.
        value_before: values before.
        weight_now: denominators now.
        value_now: values now.

    Raises:
        ValueError: a period has no denominator at all.

    >>> found = mix_and_rate([50, 50], [0.1, 0.3], [80, 20], [0.2, 0.3])
    >>> found.mix.round(3).tolist(), found.rate.round(3).tolist(), round(found.change, 3)
    ([-0.018, -0.027], [0.065, 0.0], 0.02)
    """
    w0, w1 = (np.asarray(each, dtype=np.float64) for each in (weight_before, weight_now))
    v0, v1 = (np.asarray(each, dtype=np.float64).copy() for each in (value_before, value_now))
    if not (w0.sum() > 0 and w1.sum() > 0):
        raise ValueError("a period without a denominator has no parts; leave it out")
    w0, w1 = w0 / w0.sum(), w1 / w1.sum()
    v0 = np.where(w0 == 0, np.where(w1 == 0, 0.0, v1), v0)
    v1 = np.where(w1 == 0, v0, v1)
    whole0, whole1 = float((w0 * v0).sum()), float((w1 * v1).sum())
    mix = (w1 - w0) * ((v1 + v0) / 2 - (whole1 + whole0) / 2)
    rate = (w1 + w0) / 2 * (v1 - v0)
    return Mixing(w0, w1, mix, rate, whole1 - whole0)
