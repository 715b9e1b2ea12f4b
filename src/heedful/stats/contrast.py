"""Differences between groups of units, with intervals and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, inf, isfinite, isnan, log, nan, sqrt
from typing import Literal, NamedTuple, Protocol

from heedful.stats.groups import Group


class Critical(Protocol):
    """How many standard errors an interval takes, and which p-value goes with it."""

    def multiplier(self, df: float) -> float:
        """Half-width of a two-sided interval in standard errors; infinite where none holds yet."""
        ...

    def p_value(self, t: float, df: float) -> float:
        """Two-sided p-value of an estimate `t` standard errors from what is tested."""
        ...


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """One look at the planned end: Student's t, or the normal distribution for infinite `df`.

    Attributes:
        alpha: two-sided probability of a false alarm, between 0 and 1.

    >>> look = FixedHorizon(0.05)
    >>> round(look.multiplier(float("inf")), 4), round(look.p_value(2.0, 10.0), 4)
    (1.96, 0.0734)
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}; it must lie between 0 and 1, such as 0.05")

    def multiplier(self, df: float) -> float:
        """Quantile of `1 - alpha / 2`; NaN where `df` is not positive."""
        from scipy.special import ndtri, stdtrit

        if isnan(df) or df <= 0:
            return nan
        tail = self.alpha / 2
        return -float(stdtrit(df, tail) if isfinite(df) else ndtri(tail))

    def p_value(self, t: float, df: float) -> float:
        """Both tails beyond `t`; NaN where `df` is not positive."""
        from scipy.special import ndtr, stdtr

        if isnan(df) or df <= 0:
            return nan
        distance = -abs(t)
        return 2 * float(stdtr(df, distance) if isfinite(df) else ndtr(distance))


@dataclass(frozen=True, slots=True)
class Contrast:
    """A difference and, of two groups, the relative difference; NaN where there is none.

    Attributes:
        difference: treated less control, in the unit of the values.
        se: its standard error.
        low: lower end of its interval.
        high: upper end.
        p_value: two-sided, of no difference.
        relative: treated / control - 1.
        relative_low: lower end of its interval.
        relative_high: upper end.
        df: degrees of freedom of the difference (Welch-Satterthwaite).
    """

    difference: float
    se: float
    low: float
    high: float
    p_value: float
    relative: float
    relative_low: float
    relative_high: float
    df: float


class NonInferiority(NamedTuple):
    """Whether a guardrail holds.

    Attributes:
        p_value: one-sided, of harm of at least the margin; NaN where it cannot be told.
        shown: harm of the margin is excluded: `low` is above 0.
        harmed: not shown, and the interval of the plain difference lies on the bad side.
        distance: how far the treated value stays on the good side of the margin, in the unit of
            the values.
        low: lower end of its interval; the p-value is under alpha / 2 where it is above 0.
        high: upper end.
    """

    p_value: float
    shown: bool
    harmed: bool
    distance: float
    low: float
    high: float


class _Test(NamedTuple):
    estimate: float
    se: float
    low: float
    high: float
    p_value: float
    df: float


def _tested(estimate: float, parts: Sequence[tuple[float, float]], critical: Critical) -> _Test:
    """Interval and test of a sum with these (variance, df) of its parts."""
    variance = sum(part for part, _ in parts)
    if not (isfinite(estimate) and isfinite(variance) and variance > 0):
        # Units that all show the same do not say how far they may vary.
        return _Test(estimate, nan, nan, nan, nan, nan)
    df = _satterthwaite(variance, parts)
    se = sqrt(variance)
    half = critical.multiplier(df) * se
    p = critical.p_value(estimate / se, df)
    if not isfinite(half):
        return _Test(estimate, se, nan, nan, p, df)
    return _Test(estimate, se, estimate - half, estimate + half, p, df)


def _satterthwaite(variance: float, parts: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of independent variances (Welch 1947)."""
    uncertain = sum((part / variance) ** 2 / df for part, df in parts if part > 0)
    return 1 / uncertain if uncertain > 0 else inf


def contrast(treated: Group, control: Group, critical: Critical) -> Contrast:
    """Difference between two independent groups, absolute and relative.

    The absolute test is Welch's. The relative interval is that of the log ratio, `t / c exp(-+ m
    sqrt(var_t / t^2 + var_c / c^2)) - 1`: a Wald interval of the lift is off on both sides where
    units are skewed. Near 0 it can differ from the absolute test; the p-value is the latter's.

    Args:
        treated: the group that got something.
        control: the group it is compared with.
        critical: how many standard errors: `FixedHorizon`, or that of a sequential design.

    Returns:
        No interval and no p-value where neither group varies, or where `critical` has none yet;
        nothing relative where the control is not above 0; no relative interval where the treated
        value is not.

    >>> found = contrast(Group(11.0, 0.04, 99, 100), Group(10.0, 0.04, 99, 100), FixedHorizon())
    >>> round(found.difference, 3), round(found.low, 3), round(found.high, 3)
    (1.0, 0.442, 1.558)
    >>> round(found.relative, 3), round(found.relative_low, 3), round(found.relative_high, 3)
    (0.1, 0.043, 0.16)
    """
    t, c = treated.value, control.value
    parts = ((treated.variance, treated.df), (control.variance, control.df))
    tested = _tested(t - c, parts, critical)
    relative = relative_low = relative_high = nan
    if c > 0:
        relative = (t - c) / c
        if t > 0:
            logs = (
                (treated.variance / t / t, treated.df),
                (control.variance / c / c, control.df),
            )
            around = _tested(log(t) - log(c), logs, critical)
            relative_low, relative_high = _lift(around.low), _lift(around.high)
    return Contrast(
        tested.estimate,
        tested.se,
        tested.low,
        tested.high,
        tested.p_value,
        relative,
        relative_low,
        relative_high,
        tested.df,
    )


def _lift(logarithm: float) -> float:
    try:
        return expm1(logarithm)
    except OverflowError:
        return nan


def linear(weights: Sequence[float], groups: Sequence[Group], critical: Critical) -> Contrast:
    """A weighted sum of independent groups, such as an interaction or a mean of variants.

    Args:
        weights: one a group; a group with weight 0 does not matter, whatever it lacks.
        groups: the groups.
        critical: as for `contrast`.

    Returns:
        As `contrast`, without a relative part.

    Raises:
        ValueError: unless there is one weight a group, and one that is not 0.

    >>> cells = [Group(value, 0.01, 99, 100) for value in (10.0, 11.0, 12.0, 14.0)]
    >>> round(linear([1, -1, -1, 1], cells, FixedHorizon()).difference, 3)
    1.0
    """
    if len(weights) != len(groups) or not any(weights):
        raise ValueError(
            f"{len(weights)} weights for {len(groups)} groups; give one a group, not all 0"
        )
    used = [(weight, group) for weight, group in zip(weights, groups, strict=True) if weight != 0]
    estimate = sum(weight * group.value for weight, group in used)
    parts = [(weight * weight * group.variance, group.df) for weight, group in used]
    tested = _tested(estimate, parts, critical)
    return Contrast(
        tested.estimate,
        tested.se,
        tested.low,
        tested.high,
        tested.p_value,
        nan,
        nan,
        nan,
        tested.df,
    )


def non_inferiority(
    treated: Group,
    control: Group,
    *,
    margin: float,
    relative: bool,
    better: Literal["higher", "lower"],
    critical: Critical,
) -> NonInferiority:
    """Test whether the treated group is no worse than the control by a margin.

    With a relative margin d the tested distance is `t - (1 - d) c` where higher is better and
    `(1 + d) c - t` where lower is, by the delta method (Schuirmann 1987 for the one-sided test);
    with an absolute margin it is the difference plus the margin. The one-sided test at alpha / 2
    and the two-sided interval at alpha always say the same.

    Args:
        treated: the group that got something.
        control: the group it is compared with.
        margin: how much worse it may get: a share of the control, or in the unit of the values.
        relative: which of both `margin` is.
        better: the direction in which values are better.
        critical: as for `contrast`.

    Returns:
        Not shown, and NaN, where neither group varies, or where the margin is a share of a
        control that is not above 0.

    Raises:
        ValueError: for a negative margin.

    >>> treated, control = Group(9.95, 0.01, 99, 100), Group(10.0, 0.01, 99, 100)
    >>> found = non_inferiority(
    ...     treated, control, margin=0.05, relative=True, better="higher", critical=FixedHorizon()
    ... )
    >>> found.shown, round(found.p_value, 4), round(found.distance, 2)
    (True, 0.0007, 0.45)
    """
    if not margin >= 0:
        raise ValueError(f"margin is {margin}; it must be 0 or more: how much worse is tolerated")
    sign = 1.0 if better == "higher" else -1.0
    plain = contrast(treated, control, critical)
    factor = 1.0 - sign * margin if relative else 1.0
    allowed = 0.0 if relative else margin
    distance = sign * (treated.value - factor * control.value) + allowed
    if relative and not control.value > 0:
        distance = nan
    parts = ((treated.variance, treated.df), (factor * factor * control.variance, control.df))
    tested = _tested(distance, parts, critical)
    half = tested.p_value / 2
    p = half if tested.estimate > 0 else 1 - half
    shown = tested.low > 0
    worst = plain.high if better == "higher" else -plain.low
    return NonInferiority(p, shown, not shown and worst < 0, distance, tested.low, tested.high)
