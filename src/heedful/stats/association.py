"""Difference of an outcome between two groups, adjusted by what was known before, clustered."""

from collections.abc import Iterator, Sequence
from math import exp, isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heedful.stats.estimate import Floats

CHUNK = 100_000
"""Rows whose dummies are in memory at one time."""
COLLINEAR = 1e-9
"""Directions of the covariates with less than this share of their variance are left out."""
BANDS = 10
"""Bands of the fitted chance to be in the exposed group, by which overlap is told."""
THIN = 0.05
"""A band in which one group is so many times as dense as the other compares nobody."""

Codes = NDArray[np.intp]


class Association(NamedTuple):
    """A difference between two groups.

    Attributes:
        difference: exposed less others, with the covariates held equal; NaN where there is none.
        low: lower end of its 95% interval.
        high: upper end.
        se: its standard error, clustered.
        df: degrees of freedom of that: clusters less 1.
        p_value: two-sided, of no difference.
        value: mean of the exposed, and
        other: mean of the others, both at the covariates of all rows.
        crude: difference without covariates.
        crude_low: lower end of its interval.
        crude_high: upper end.
        spread: standard deviation of the outcome.
        overlap: share of rows that have a counterpart: see `overlap`.
        explained: share of the variance of the exposure that covariates explain.
        rows: rows of the others and of the exposed.
        clusters: clusters with a row of the others, and of the exposed.
    """

    difference: float
    low: float
    high: float
    se: float
    df: float
    p_value: float
    value: float
    other: float
    crude: float
    crude_low: float
    crude_high: float
    spread: float
    overlap: float
    explained: float
    rows: tuple[int, int]
    clusters: tuple[int, int]


def association(
    outcome: ArrayLike,
    exposed: ArrayLike,
    clusters: ArrayLike,
    factors: Sequence[ArrayLike] = (),
    numbers: Sequence[ArrayLike] = (),
    *,
    level: float = 0.95,
) -> Association:
    """Difference of means between exposed and others, adjusted by least squares.

    Outcome on exposure, a constant, a dummy for each level of each factor but one, and the
    numbers; for an outcome of 0 and 1 that is the linear probability model, whose coefficient is
    a difference of shares. Where the difference is not the same for everyone, the result is the
    average with the most weight on those who could be in either group. The variance is the
    cluster-robust sandwich with the small-sample factor `G / (G - 1) (n - 1) / (n - k)` (Liang
    and Zeger 1986, Cameron and Miller 2015) and Student's t with `G - 1` degrees of freedom. By
    Frisch and Waugh only the exposure's own scores are needed, so memory grows with the rows
    only by the columns that were given.

    Args:
        outcome: number of each row, shape (rows,).
        exposed: whether the row is of the exposed group, shape (rows,).
        clusters: a whole number that names the row's customer, shape (rows,).
        factors: codes of categories from 0 on, each of shape (rows,).
        numbers: further covariates, each of shape (rows,), finite.
        level: two-sided confidence level.

    Returns:
        NaN in all numbers where a group is empty, nothing varies, or covariates tell the groups
        apart completely.

    Raises:
        ValueError: columns of different lengths, or numbers that are not finite.

    >>> found = association([1, 2, 2, 4, 4, 5], [0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6])
    >>> round(found.difference, 3), round(found.low, 3), round(found.high, 3)
    (2.667, 1.455, 3.878)
    """
    y = np.asarray(outcome, dtype=np.float64)
    d = np.asarray(exposed, dtype=np.bool_)
    _, who = np.unique(np.asarray(clusters), return_inverse=True)
    given = [np.asarray(one, dtype=np.float64) for one in numbers]
    codes = [np.asarray(one, dtype=np.intp) for one in factors]
    n = len(y)
    for one in (d, who, *codes, *given):
        if one.shape != (n,):
            raise ValueError(f"a column has shape {one.shape}; the outcome has {y.shape}")
    if not all(np.isfinite(one).all() for one in (y, *given)):
        raise ValueError("outcome and numbers must be finite; leave out rows that are not known")
    groups = int(who.max()) + 1 if n else 0
    rows = int(n - d.sum()), int(d.sum())
    members = _members(who, ~d, groups), _members(who, d, groups)
    nothing = _NOTHING._replace(rows=rows, clusters=members)
    if not rows[0] or not rows[1] or groups < 2 or y.min() == y.max():
        return nothing
    design = _Design(y, d, codes, given)
    fit, plain = _fitted(design, who, groups), _fitted(_Design(y, d, [], []), who, groups)
    if fit is None or plain is None:
        return nothing
    half, flat = (_t_quantile(level, groups - 1) * one.se for one in (fit, plain))
    share = rows[1] / n
    mean = float(y.mean())
    return Association(
        difference=fit.slope,
        low=fit.slope - half,
        high=fit.slope + half,
        se=fit.se,
        df=groups - 1.0,
        p_value=_p_value(fit.slope, fit.se, groups - 1),
        value=mean + (1 - share) * fit.slope,
        other=mean - share * fit.slope,
        crude=plain.slope,
        crude_low=plain.slope - flat,
        crude_high=plain.slope + flat,
        spread=float(y.std()),
        overlap=overlap(fit.chance, d),
        explained=fit.explained,
        rows=rows,
        clusters=members,
    )


def overlap(chance: ArrayLike, exposed: ArrayLike) -> float:
    """Share of rows for which there are comparable rows in the other group.

    Rows are put into ten bands of equal size by their chance to be exposed. A band compares
    somebody where neither group is less than 5% as dense as the other, in shares of each group.
    Given is the share of rows in such bands, both groups counted alike. Under a half, an adjusted
    difference is mostly extrapolation.

    Args:
        chance: fitted chance to be exposed, shape (rows,); any order-preserving score will do.
        exposed: whether the row is, shape (rows,).

    >>> overlap([0.1, 0.1, 0.9, 0.9], [False, False, True, True])
    0.0
    """
    score, d = np.asarray(chance, dtype=np.float64), np.asarray(exposed, dtype=np.bool_)
    ends = np.quantile(score, np.arange(1, BANDS) / BANDS)
    # Equal scores but for rounding belong into one band.
    band = np.searchsorted(ends + 1e-9, score)
    ours, theirs = (
        np.bincount(band[rows], minlength=BANDS) / max(int(rows.sum()), 1) for rows in (d, ~d)
    )
    good = np.minimum(ours, theirs) >= THIN * np.maximum(ours, theirs)
    return float((ours + theirs)[good].sum() / 2)


def e_value(risk_ratio: float) -> float:
    """How strong an unmeasured confounder must be to explain a risk ratio away.

    On the scale of risk ratios: it must make both the exposure and the outcome at least so many
    times as likely, beyond all that was adjusted for (VanderWeele and Ding 2017).

    Args:
        risk_ratio: the ratio, greater than 0; under 1 its inverse counts.

    >>> round(e_value(3.9), 2), round(e_value(1.8), 2), e_value(1.0)
    (7.26, 3.0, 1.0)
    """
    ratio = 1 / risk_ratio if risk_ratio < 1 else risk_ratio
    return ratio + sqrt(ratio * (ratio - 1))


def e_values(found: Association, *, share: bool) -> tuple[float, float]:
    """E-values of a difference and of the end of its interval that is nearer to none.

    Of shares by the ratio of the two adjusted shares; of amounts by `exp(0.91 d)` with `d` the
    difference in standard deviations (VanderWeele and Ding 2017, after Chinn 2000).

    Args:
        found: the difference.
        share: whether the outcome is 0 or 1.

    Returns:
        1 for what reaches no difference; NaN where there is no difference or no ratio.
    """
    near = 0.0
    if found.low > 0:
        near = found.low
    elif found.high < 0:
        near = found.high
    return _e(found.difference, found, share), _e(near, found, share)


def _e(difference: float, found: Association, share: bool) -> float:
    if not isfinite(difference) or not isfinite(found.other):
        return nan
    if not share:
        return e_value(exp(0.91 * difference / found.spread)) if found.spread > 0 else nan
    if found.other <= 0 or found.other + difference <= 0:
        return nan
    return e_value((found.other + difference) / found.other)


_NOTHING = Association(
    nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, (0, 0), (0, 0)
)


class _Fit(NamedTuple):
    slope: float
    se: float
    explained: float
    chance: Floats


class _Design:
    """Outcome, exposure and covariates; dummies exist a chunk at a time."""

    def __init__(
        self, y: Floats, d: NDArray[np.bool_], factors: Sequence[Codes], numbers: Sequence[Floats]
    ) -> None:
        self.y, self.d = y, d
        self.factors = [one for one in factors if one.min() != one.max()]
        self.widths = [int(one.max()) + 1 for one in self.factors]
        varied = [(one, float(one.std())) for one in numbers]
        self.numbers = [(one, float(one.mean()), sd) for one, sd in varied if sd > 0]
        self.columns = sum(self.widths) + len(self.numbers)

    def chunks(self) -> Iterator[tuple[slice, Floats]]:
        for begin in range(0, len(self.y), CHUNK):
            part = slice(begin, min(begin + CHUNK, len(self.y)))
            size = part.stop - begin
            x = np.zeros((size, self.columns))
            place, line = 0, np.arange(size)
            for code, width in zip(self.factors, self.widths, strict=True):
                x[line, place + code[part]] = 1.0
                place += width
            for number, mean, sd in self.numbers:
                x[:, place] = (number[part] - mean) / sd
                place += 1
            yield part, x

    def projection(self) -> tuple[Floats, Floats, Floats, int]:
        """Means of the covariates, slopes of exposure and outcome by them, and their rank."""
        n, k = len(self.y), self.columns
        gram, along, sums = np.zeros((k, k)), np.zeros((k, 2)), np.zeros(k)
        both = np.array([self.d.mean(), self.y.mean()])
        for part, x in self.chunks():
            right = np.stack([self.d[part], self.y[part]], axis=1) - both
            gram += x.T @ x
            along += x.T @ right
            sums += x.sum(axis=0)
        mean = sums / n
        gram -= n * np.outer(mean, mean)
        # Of a level that nobody has, nothing is left; on one scale, rank is told by size.
        scale = np.sqrt(np.maximum(np.diag(gram), 0))
        scale[scale == 0] = np.inf
        values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
        kept = values > COLLINEAR * max(1, k)
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T / np.outer(scale, scale)
        slopes = inverse @ along
        return mean, slopes[:, 0], slopes[:, 1], int(kept.sum())


def _fitted(design: _Design, who: Codes, groups: int) -> _Fit | None:
    n = len(design.y)
    y, d = design.y - design.y.mean(), design.d - design.d.mean()
    chance = np.zeros(n)
    rank = 0
    if design.columns:
        mean, by_d, by_y, rank = design.projection()
        for part, x in design.chunks():
            centred = x - mean
            chance[part] = centred @ by_d
            y[part] -= centred @ by_y
    left = d - chance
    total, own = float(d @ d), float(left @ left)
    if own <= 1e-8 * total or n - rank - 2 <= 0:
        return None
    slope = float(left @ y) / own
    scores = np.bincount(who, left * (y - slope * left), minlength=groups)
    factor = groups / (groups - 1) * (n - 1) / (n - rank - 2)
    se = sqrt(factor * float(scores @ scores)) / own
    # Residuals that are nothing but rounding are no variation.
    if se <= 1e-12 * max(abs(slope), float(np.abs(design.y).max())):
        return None
    return _Fit(slope, se, 1 - own / total, chance)


def _members(who: Codes, rows: NDArray[np.bool_], groups: int) -> int:
    return int((np.bincount(who[rows], minlength=groups) > 0).sum())


def _t_quantile(level: float, df: int) -> float:
    """SciPy's: `student.t_quantile` adds up as many terms as there are degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + level) / 2))


def _p_value(slope: float, se: float, df: int) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(slope) / se))
