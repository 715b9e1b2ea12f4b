"""Linear combinations of estimates: changes, scores; and tests against a limit."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from heedful.stats.estimate import Codes, Estimate, Estimates, Floats, Method, Why
from heedful.stats.jackknife import SKEWED, limits, skewness
from heedful.stats.student import t_quantiles


def combinations(weights: Sequence[ArrayLike], parts: Sequence[Estimates]) -> Estimates:
    """Weighted sums of estimates, cell by cell, with the real covariances of the parts.

    If every part has a jackknife interval, the sum has the jackknife of the sum, without the
    correction for skewness, which cancels or averages out between parts. Otherwise the
    parts' own limits are combined by MOVER (Zou and Donner 2008), which keeps the asymmetry of
    Wilson, Woodruff and survival limits, with correlations from the replicates:
    `low = value - sqrt(d' R d)`, d being each part's distance to the limit that lowers the sum.

    Args:
        weights: one a part: a number or shape (cells,). Weights need not add up to 1; a part with
            weight 0 does not matter, whatever it lacks.
        parts: estimates with the same cells and level.

    Returns:
        No value where a part has none; no end where a part lacks the end that it comes from.
    """
    if not parts or len(weights) != len(parts):
        raise ValueError(f"{len(weights)} weights for {len(parts)} parts; give one a part")
    levels = {part.level for part in parts}
    if len(levels) > 1:
        raise ValueError(f"estimates at different levels: {sorted(levels)}; use one level")
    level = levels.pop()
    cells = len(parts[0])
    w = np.stack(
        [np.broadcast_to(np.asarray(each, dtype=np.float64), (cells,)) for each in weights]
    )
    used = w != 0
    value = _sum(w, [part.value for part in parts])
    replicates = _sum(w[:, :, None], [part.replicates for part in parts])
    method = np.stack([part.method for part in parts])
    df = np.where(used, np.stack([part.df for part in parts]), inf).min(axis=0)
    smooth = (~used | (method == Method.JACKKNIFE)).all(axis=0)
    below, above = _mover(w, parts)
    low, high = limits(value, replicates, df, level, used.sum(axis=0) == 1)
    low = np.where(smooth, low, value - below)
    high = np.where(smooth, high, value + above)
    shown = np.isfinite(low) | np.isfinite(high)
    chosen = np.where(smooth, Method.JACKKNIFE, Method.MOVER)
    return Estimates(
        value=value,
        low=low,
        high=high,
        why=_why(used, value, low, high, parts),
        replicates=replicates,
        method=np.where(shown, chosen, Method.NONE).astype(np.uint8),
        df=df,
        skewed=shown & (np.abs(skewness(replicates, value)) > SKEWED),
        level=level,
    )


def _sum(weights: Floats, columns: Sequence[Floats]) -> Floats:
    stacked = np.stack(columns)
    return np.asarray(np.where(weights == 0, 0.0, weights * stacked).sum(axis=0))


def _mover(w: Floats, parts: Sequence[Estimates]) -> tuple[Floats, Floats]:
    """Distances from the weighted sum down to its low end and up to its high end."""
    deviations = np.stack([part.replicates - part.value[:, None] for part in parts])
    products = np.einsum("acg,bcg->cab", deviations, deviations)
    lengths = np.sqrt(np.einsum("caa->ca", products))
    lengths = lengths[:, :, None] * lengths[:, None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(lengths > 0, products / lengths, 0.0)
    # A part without undisturbed replicates may still stand alone with its own limits.
    correlation[np.isnan(lengths)] = np.nan
    index = np.arange(len(parts))
    correlation[:, index, index] = 1.0
    down = np.stack([part.value - part.low for part in parts])
    up = np.stack([part.high - part.value for part in parts])
    sides = []
    for against, along in ((down, up), (up, down)):
        steps = np.where(w == 0, 0.0, np.where(w > 0, against, along) * w)
        pairs = steps.T[:, :, None] * steps.T[:, None, :]
        squares = np.where(pairs == 0, 0.0, pairs * correlation).sum(axis=(1, 2))
        sides.append(np.sqrt(np.fmax(squares, 0.0)) + 0 * squares)
    return sides[0], sides[1]


def _why(
    used: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    value: Floats,
    low: Floats,
    high: Floats,
    parts: Sequence[Estimates],
) -> Codes:
    """The first reason among the used parts, where the sum lacks something."""
    why = np.zeros(len(value), dtype=np.uint8)
    lacking = ~(np.isfinite(value) & np.isfinite(low) & np.isfinite(high))
    for each, part in zip(used, parts, strict=True):
        why = np.where(lacking & each & (why == Why.NOTHING), part.why, why)
    return np.where(lacking & (why == Why.NOTHING), Why.UNSTABLE_DENOMINATOR, why).astype(np.uint8)


def combine(weights: Sequence[float], estimates: Sequence[Estimate]) -> Estimate:
    """One weighted sum of estimates, such as a dimension of the empathy score.

    >>> from heedful.stats import jackknife
    >>> import numpy as np
    >>> part = jackknife(np.linspace(0.7, 0.8, 64), 0.75)
    >>> combine([0.5, 0.5], [part, part]).value
    0.75
    """
    return combinations(weights, [Estimates.of([each]) for each in estimates])[0]


def changes(a: Estimates, b: Estimates, *, log: bool = False) -> Estimates:
    """Changes from `a` to `b`, cell by cell; see `change`."""
    if not log:
        return combinations([-1, 1], [a, b])
    ratio = combinations([-1, 1], [logarithms(a), logarithms(b)])
    return replace(
        ratio,
        value=np.expm1(ratio.value),
        low=np.expm1(ratio.low),
        high=np.expm1(ratio.high),
        replicates=np.expm1(ratio.replicates),
    )


def change(a: Estimate, b: Estimate, *, log: bool = False) -> Estimate:
    """Change from `a` to `b`.

    Args:
        a: the earlier estimate.
        b: the later one, at the same level.
        log: False for the difference `b - a`, in the estimates' unit; True for the relative change
            `b / a - 1`, whose interval is made on the log scale. Needs positive values.

    >>> from heedful.stats import jackknife
    >>> import numpy as np
    >>> a, b = jackknife(np.linspace(9, 11, 64), 10.0), jackknife(np.linspace(10, 12, 64), 11.0)
    >>> change(a, b).value, round(change(a, b, log=True).value, 3)
    (1.0, 0.1)
    """
    return changes(Estimates.of([a]), Estimates.of([b]), log=log)[0]


def logarithms(of: Estimates) -> Estimates:
    """Estimates on the log scale; jackknife intervals are made anew there."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.log(np.where(of.value > 0, of.value, np.nan))
        low = np.log(np.where(of.low > 0, of.low, np.nan))
        high = np.log(np.where(of.high > 0, of.high, np.nan))
        replicates = np.log(np.where(of.replicates > 0, of.replicates, np.nan))
    smooth = of.method == Method.JACKKNIFE
    ends = limits(value, replicates, of.df, of.level)
    low, high = np.where(smooth, ends[0], low), np.where(smooth, ends[1], high)
    lost = np.isfinite(of.value) & np.isfinite(of.low) & ~np.isfinite(low)
    why = np.where((of.why == Why.NOTHING) & lost, Why.NOT_POSITIVE, of.why)
    return replace(of, value=value, low=low, high=high, replicates=replicates, why=why)


def scores(of: Estimates, worst: ArrayLike, best: ArrayLike) -> Estimates:
    """Estimates on a scale from 0 (`worst`) to 100 (`best`), clipped at both; see `score`."""
    bottom, top = np.asarray(worst, dtype=np.float64), np.asarray(best, dtype=np.float64)
    if np.any(bottom == top):
        raise ValueError("a scale whose worst equals its best cannot score; they must differ")
    falling = bottom > top

    def scaled(numbers: Floats, low: Floats, span: Floats) -> Floats:
        return np.clip(100 * (numbers - low) / span, 0, 100)

    ends = [scaled(end, bottom, top - bottom) for end in (of.low, of.high)]
    cut = np.any([(end <= 0) | (end >= 100) for end in ends], axis=0)
    return replace(
        of,
        value=scaled(of.value, bottom, top - bottom),
        low=np.where(falling, ends[1], ends[0]),
        high=np.where(falling, ends[0], ends[1]),
        replicates=scaled(of.replicates, bottom[..., None], (top - bottom)[..., None]),
        # A clipped interval is no longer that of its replicates; MOVER reads the limits instead.
        method=np.where((of.method == Method.JACKKNIFE) & cut, Method.MOVER, of.method),
    )


def score(of: Estimate, worst: float, best: float) -> Estimate:
    """An estimate on a scale from 0 (`worst`) to 100 (`best`), value and ends clipped to it.

    >>> from heedful.stats import jackknife
    >>> import numpy as np
    >>> score(jackknife(np.linspace(0.7, 0.8, 64), 0.75), worst=0.5, best=1.0).value
    50.0
    >>> score(jackknife(np.linspace(9, 11, 64), 10.0), worst=30, best=5).value
    80.0
    """
    return scores(Estimates.of([of]), worst, best)[0]


def p_values(
    of: Estimates, limit: ArrayLike = 0.0, side: Literal["two", "above", "below"] = "two"
) -> Floats:
    """P-values of many cells, shape (cells,); see `p_value`. NaN where an end is missing."""
    from scipy.special import stdtr

    null = np.asarray(limit, dtype=np.float64)
    toward = np.where(null < of.value, of.value - of.low, of.high - of.value)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = (of.value - null) / (toward / t_quantiles(of.level, of.df))
    distance = np.where((of.value == null) & np.isfinite(toward), 0.0, distance)
    lower = stdtr(of.df, distance)
    upper = stdtr(of.df, -distance)
    if side == "two":
        return np.asarray(2 * np.fmin(lower, upper) + 0 * distance)
    return np.asarray(upper if side == "above" else lower)


def p_value(
    of: Estimate, limit: float = 0.0, side: Literal["two", "above", "below"] = "two"
) -> float | None:
    """P-value of "the truth is `limit`", consistent with the estimate's interval.

    The standard error is recovered from the end of the interval that lies toward the limit, so at
    the estimate's level the test and the interval always agree.

    Args:
        of: any estimate or change.
        limit: the value tested.
        side: the alternative: `two`, or the truth lies `above` or `below` the limit.

    Returns:
        None where the estimate lacks that end.

    >>> from heedful.stats import jackknife
    >>> import numpy as np
    >>> near = jackknife(np.linspace(9.9, 10.1, 64), 10.0)
    >>> p_value(near, 10.0), round(p_value(near, near.high), 3)
    (1.0, 0.05)
    """
    p = float(p_values(Estimates.of([of]), limit, side)[0])
    return None if isnan(p) else p
