"""The value of a group of units and how sure it is: plain, with covariates, or stratified."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, nan, sqrt

from heedful.stats.adjustment import Numbers, adjusted, merged, usable
from heedful.stats.moments import EPSILON, RESOLUTION, Moments, squared_deviations


@dataclass(frozen=True, slots=True)
class Group:
    """One number of one group of units, and how sure it is.

    Attributes:
        value: the estimate, in its own unit; NaN where there is none.
        variance: variance of `value` (not of the units), in its unit squared; 0 where every unit
            shows the same, NaN where there is no value.
        df: degrees of freedom of `variance`.
        n: units behind it.
        unadjusted: the value without covariates and strata; NaN where there are neither.
        variance_reduction: share of the variance that covariates and strata took away; below 0
            where they cost more than they told. NaN where there are neither, or no variance.
    """

    value: float
    variance: float
    df: float
    n: float
    unadjusted: float = nan
    variance_reduction: float = nan


def groups(moments: Moments, *, ratio: bool, scale: float = 1.0) -> list[Group]:
    """Means or ratios of groups of units, with the variance of each.

    *Ratio*: `mean y / mean x`, with the variance of the linearised unit value
    `(y - r x) / mean x` (delta method; Deng, Knoblich and Lu 2018).

    *Covariates* (CUPED; Deng, Xu, Kohavi and Walker 2013): `value - theta'(mean z - pooled mean
    z)`. One theta for all groups, from the covariance within groups, so that an effect is not
    taken for a slope; adjusted values stay on the scale of the KPI. A covariate that is constant
    or says what others say already is left out. The variance carries what p estimated
    coefficients cost on average, `D (D - 1) / ((D - p) (D - p - 1))` with `D` units less cells:
    with few units that is more than they tell. Without `D > p + 1` there is no adjustment.

    *Strata* (post-stratification; Miratrix, Sekhon and Yu 2013): means of strata are weighted by
    the shares of strata among all units. Strata in which a group has fewer than 2 units become
    one rest stratum, which takes in the smallest others until every group has 2 units there.

    With either, the variance leaves out what all groups share (the luck of the pooled mean of z,
    and of the pooled shares, but for effects that differ between strata): it cancels in
    differences, and but for a factor of the lift in ratios.

    Args:
        moments: shape (groups,), or (groups, strata). Variables: y, then x for a ratio, then
            covariates.
        ratio: whether the second variable is the denominator.
        scale: factor to the unit in which values are shown, such as 100 for the net promoter
            score.

    Returns:
        One a group. No value for fewer than 2 units, for sums that are not finite or that no units
        can have, or, of a ratio, for a mean denominator that is not positive.

    Raises:
        ValueError: for moments of another shape, or without x for a ratio.

    >>> units = Moments.of([[1.0], [2.0], [3.0], [5.0], [7.0]], cells=[0, 0, 0, 1, 1], count=2)
    >>> [(round(g.value, 9), round(g.variance, 3), g.df) for g in groups(units, ratio=False)]
    [(2.0, 0.333, 2.0), (6.0, 1.0, 1.0)]
    """
    if len(moments.shape) not in (1, 2):
        raise ValueError(f"moments of shape {moments.shape}; give (groups,) or (groups, strata)")
    first = 2 if ratio else 1
    if moments.variables < first:
        raise ValueError("a ratio needs the variables y and x; these moments have only one")
    stratified = len(moments.shape) == 2
    total = moments.sum(axis=1) if stratified else moments
    counts = total.n.tolist()
    plain = [_plain(*parts, ratio) for parts in _parts(total, counts, first)]
    if not counts or (not stratified and moments.variables == first):
        return [
            Group(scale * value, scale * scale * variance, n - 1 if n >= 2 else nan, n)
            for (value, variance), n in zip(plain, counts, strict=True)
        ]
    counting = usable(total)
    cells = merged(moments, counting) if stratified else moments.reshape(-1, 1)
    return [
        Group(
            scale * one.value,
            scale * scale * one.variance,
            one.df,
            n,
            scale * bare,
            1 - one.variance / before if before > 0 else nan,
        )
        for one, n, (bare, before) in zip(
            adjusted(cells, counting, ratio=ratio), counts, plain, strict=True
        )
    ]


def _parts(
    total: Moments, counts: Numbers, first: int
) -> Iterator[tuple[float, Numbers, list[Numbers], Numbers]]:
    """Numbers of each group without covariates, as Python has them: quicker for so few."""
    sums = total.sums[:, :first].tolist()
    products = total.products[:, :first, :first].tolist()
    means = total.mean[:, :first].tolist()
    return zip(counts, sums, products, means, strict=True)


def _plain(
    n: float, sums: Numbers, products: list[Numbers], means: Numbers, ratio: bool
) -> tuple[float, float]:
    """Value and variance of one group without covariates and strata; NaN where there is none."""
    if not n >= 2:
        return nan, nan
    y = means[0]
    yy = squared_deviations(n, sums[0], products[0][0], y)
    value, squares = y, yy
    if ratio:
        x = means[1]
        if not x > 0:
            return nan, nan
        xx = squared_deviations(n, sums[1], products[1][1], x)
        xy = products[0][1] - sums[0] * sums[1] / n if xx > 0 and yy > 0 else 0.0
        value = y / x
        squares = yy - 2 * value * xy + value * value * xx
        # Where terms cancel, what is left of them by rounding is no variation.
        noise = max(RESOLUTION, n * EPSILON) * (sqrt(yy) + abs(value) * sqrt(xx)) ** 2
        squares = 0.0 if squares <= noise else squares / (x * x)
    variance = squares / (n - 1) / n
    return (value, variance) if isfinite(value) and isfinite(variance) else (nan, nan)
