from math import inf, log, nan, sqrt

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from heedful.stats.contrast import FixedHorizon, contrast, linear, non_inferiority
from heedful.stats.groups import Group, groups
from heedful.stats.moments import Moments

FIXED = FixedHorizon(0.05)
VALUES = st.floats(-1e3, 1e3)
GROUPS = st.builds(
    Group,
    value=VALUES,
    variance=st.floats(1e-6, 1e3),
    df=st.floats(2, 1e6),
    n=st.just(100.0),
)


def pair(control, treated) -> tuple[Group, Group]:
    cells = np.repeat([0, 1], [len(control), len(treated)])
    base, other = groups(Moments.of(np.concatenate([control, treated]), cells, 2), ratio=False)
    return other, base


@pytest.mark.parametrize("df", [1, 1.7, 5, 30.5, 1e3, 1e7, inf])
@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_multipliers_and_p_values_are_students(df: float, alpha: float) -> None:
    look = FixedHorizon(alpha)
    assert look.multiplier(df) == pytest.approx(scipy.stats.t.ppf(1 - alpha / 2, df), rel=1e-9)
    for t in (0.0, 0.3, -2.5, 6.0):
        assert look.p_value(t, df) == pytest.approx(2 * scipy.stats.t.sf(abs(t), df), rel=1e-9)
    assert look.p_value(look.multiplier(df), df) == pytest.approx(alpha)


def test_without_degrees_of_freedom_there_is_no_test() -> None:
    for df in (nan, 0.0, -1.0):
        assert np.isnan([FIXED.multiplier(df), FIXED.p_value(2.0, df)]).all()
    with pytest.raises(ValueError, match="alpha is 5; it must lie between 0 and 1"):
        FixedHorizon(5)


@pytest.mark.parametrize(("n", "m"), [(300, 90), (2, 3), (5, 5000)])
def test_difference_is_welchs(n: int, m: int) -> None:
    rng = np.random.default_rng(1)
    treated, control = rng.normal(5, 2, n), rng.normal(4.7, 1, m)
    found = contrast(*pair(control, treated), FIXED)
    expected = scipy.stats.ttest_ind(treated, control, equal_var=False)
    ends = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.df == pytest.approx(expected.df, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-9)


def test_difference_of_means_near_a_billion() -> None:
    rng = np.random.default_rng(2)
    treated, control = 1e9 + 0.1 + rng.normal(size=5000), 1e9 + rng.normal(size=5000)
    found = contrast(*pair(control, treated), FIXED)
    expected = scipy.stats.ttest_ind(treated - 1e9, control - 1e9, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-4)
    assert found.difference == pytest.approx(treated.mean() - control.mean(), abs=1e-6)


# Relative differences


def test_relative_interval_is_that_of_the_log_ratio() -> None:
    treated, control = Group(12.0, 0.36, inf, 50), Group(10.0, 0.16, inf, 50)
    found = contrast(treated, control, FIXED)
    half = 1.959963984540054 * sqrt(0.36 / 144 + 0.16 / 100)
    assert found.relative == pytest.approx(0.2)
    assert log(1 + found.relative_low) == pytest.approx(log(1.2) - half)
    assert log(1 + found.relative_high) == pytest.approx(log(1.2) + half)


def visitors(n: int = 5000) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    variant = rng.integers(0, 2, n)
    before = rng.gamma(0.4, 5, n)
    sessions = 1.0 + rng.poisson(1.5, n)
    orders = sessions * rng.gamma(1 + 0.05 * variant, 0.5, n) + 0.3 * before
    return pd.DataFrame(
        {"variant": variant, "orders": orders, "sessions": sessions, "before": before}
    )


@pytest.mark.parametrize(
    ("columns", "metric", "rel"),
    [
        (["orders"], tt.Mean("orders"), 1e-9),
        (["orders", "sessions"], tt.RatioOfMeans("orders", "sessions"), 1e-9),
        # tea-tasting's theta is that of all units at once, ours of units within variants, and
        # ours carries what theta costs: 2 p / n of the variance.
        (["orders", "before"], tt.Mean("orders", "before"), 2e-3),
    ],
)
def test_both_intervals_are_tea_tastings(columns, metric, rel: float) -> None:
    units = visitors()
    control, treated = groups(
        Moments.of(units[columns].to_numpy(), units.variant.to_numpy(), 2),
        ratio="sessions" in columns,
    )
    found = contrast(treated, control, FIXED)
    expected = tt.Experiment({"m": metric}, variant="variant").analyze(units)["m"]
    assert (
        found.difference,
        found.low,
        found.high,
        found.relative,
        found.relative_low,
        found.relative_high,
    ) == pytest.approx(
        (
            expected.effect_size,
            expected.effect_size_ci_lower,
            expected.effect_size_ci_upper,
            expected.rel_effect_size,
            expected.rel_effect_size_ci_lower,
            expected.rel_effect_size_ci_upper,
        ),
        rel=5 * rel,
    )
    assert found.p_value == pytest.approx(expected.pvalue, rel=10 * rel)


def test_covariates_and_tea_tasting_agree_closely_on_many_units() -> None:
    units = visitors(200_000)
    values = units[["orders", "before"]].to_numpy()
    control, treated = groups(Moments.of(values, units.variant.to_numpy(), 2), ratio=False)
    found = contrast(treated, control, FIXED)
    metric = tt.Mean("orders", "before")
    expected = tt.Experiment({"m": metric}, variant="variant").analyze(units)["m"]
    assert found.difference == pytest.approx(expected.effect_size, rel=1e-4)
    assert found.relative_low == pytest.approx(expected.rel_effect_size_ci_lower, rel=1e-4)
    assert found.relative_high == pytest.approx(expected.rel_effect_size_ci_upper, rel=1e-4)


def test_relative_needs_a_control_above_0() -> None:
    for value in (0.0, -3.0):
        found = contrast(Group(1.0, 0.1, 9, 10), Group(value, 0.1, 9, 10), FIXED)
        assert np.isnan([found.relative, found.relative_low, found.relative_high]).all()
        assert found.low < found.difference < found.high


def test_a_treated_value_of_0_or_less_has_a_lift_without_interval() -> None:
    for value, lift in ((0.0, -1.0), (-1.0, -1.5)):
        found = contrast(Group(value, 0.1, 9, 10), Group(2.0, 0.1, 9, 10), FIXED)
        assert found.relative == lift
        assert np.isnan([found.relative_low, found.relative_high]).all()


def test_relative_misses_are_even_where_units_are_skewed() -> None:
    rng = np.random.default_rng(4)
    sigma = sqrt(log(1 + 4**2))  # a coefficient of variation of 4
    above = below = wald_above = wald_below = 0
    runs, n = 3000, 4000
    for _ in range(runs):
        y = rng.lognormal(0, sigma, 2 * n)
        treated, control = pair(y[:n], y[n:])
        found = contrast(treated, control, FIXED)
        above += found.relative_low > 0
        below += found.relative_high < 0
        se = sqrt(treated.variance + (treated.value / control.value) ** 2 * control.variance)
        t = found.relative / (se / control.value)
        wald_above += t > 1.96
        wald_below += t < -1.96
    # 2.5% are wanted in each tail; the Monte Carlo error is 0.3 points.
    assert 0.017 < above / runs < 0.034
    assert 0.017 < below / runs < 0.034
    assert wald_below > 1.8 * wald_above


# Nothing to say


def test_units_that_never_vary_say_nothing() -> None:
    found = contrast(Group(3.0, 0.0, 9, 10), Group(2.0, 0.0, 9, 10), FIXED)
    assert (found.difference, found.relative) == (1.0, 0.5)
    rest = [found.se, found.low, found.high, found.p_value, found.relative_low, found.relative_high]
    assert np.isnan(rest).all()


def test_one_group_that_never_varies_leaves_the_other() -> None:
    found = contrast(*pair(np.zeros(50), np.repeat([0.0, 1.0], [40, 10])), FIXED)
    expected = scipy.stats.ttest_ind(np.repeat([0.0, 1.0], [40, 10]), np.zeros(50), equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.df == pytest.approx(49)
    # A control of exactly 0 has no lift, not one of 10^15.
    assert np.isnan(found.relative)


def test_a_missing_group_is_a_missing_contrast() -> None:
    missing, there = Group(nan, nan, nan, 0), Group(2.0, 0.1, 9, 10)
    for found in (
        contrast(missing, there, FIXED),
        contrast(there, missing, FIXED),
        linear([1, -1], [there, missing], FIXED),
    ):
        assert np.isnan([found.difference, found.se, found.low, found.high, found.p_value]).all()
        assert np.isnan([found.relative, found.relative_low, found.relative_high]).all()


def test_where_a_design_has_no_interval_yet_there_is_none() -> None:
    class Waiting:
        def multiplier(self, _df: float) -> float:
            return inf

        def p_value(self, _t: float, _df: float) -> float:
            return 1.0

    treated, control = Group(9.0, 0.1, 9, 10), Group(2.0, 0.1, 9, 10)
    found = contrast(treated, control, Waiting())
    assert found.difference == 7
    assert found.p_value == 1
    assert np.isnan([found.low, found.high, found.relative_low, found.relative_high]).all()
    guard = non_inferiority(
        treated, control, margin=0.1, relative=True, better="lower", critical=Waiting()
    )
    assert not guard.shown
    assert not guard.harmed


# Linear combinations


def test_two_groups_are_a_linear_combination() -> None:
    treated, control = Group(3.0, 0.2, 12, 13), Group(2.0, 0.1, 30, 31)
    a, b = contrast(treated, control, FIXED), linear([1, -1], [treated, control], FIXED)
    assert (a.difference, a.se, a.low, a.high, a.p_value, a.df) == (
        b.difference,
        b.se,
        b.low,
        b.high,
        b.p_value,
        b.df,
    )


def test_an_interaction_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(5)
    n = 4000
    a, b = rng.integers(0, 2, n), rng.integers(0, 2, n)
    y = a + 2 * b + 0.3 * a * b + rng.normal(0, 1 + a, n)
    cells = groups(Moments.of(y, 2 * a + b, 4), ratio=False)
    found = linear([1, -1, -1, 1], cells, FIXED)
    design = np.column_stack([np.ones(n), a, b, a * b])
    fit = sm.OLS(y, design).fit(cov_type="HC2")
    assert found.difference == pytest.approx(fit.params[3], rel=1e-9)
    # HC2 is exactly the variance of unequal group means.
    assert found.se == pytest.approx(fit.bse[3], rel=1e-9)
    counts = np.bincount(2 * a + b)
    variances = np.array([y[2 * a + b == cell].var(ddof=1) for cell in range(4)]) / counts
    df = variances.sum() ** 2 / (variances**2 / (counts - 1)).sum()
    assert found.df == pytest.approx(df)


def test_groups_of_weight_0_do_not_matter() -> None:
    there, missing = Group(2.0, 0.1, 9, 10), Group(nan, nan, nan, 0)
    found = linear([0.5, 0, 0.5], [there, missing, there], FIXED)
    assert found.difference == 2
    assert found.se == pytest.approx(sqrt(0.05))
    for weights in ([1.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="give one a group, not all 0"):
            linear(weights, [there, there], FIXED)


# Non-inferiority


@pytest.mark.parametrize(("better", "alternative"), [("higher", "larger"), ("lower", "smaller")])
def test_an_absolute_margin_is_a_shifted_t_test(better, alternative: str) -> None:
    rng = np.random.default_rng(6)
    treated, control = rng.normal(5.0, 2, 400), rng.normal(5.1, 1, 300)
    found = non_inferiority(
        *pair(control, treated), margin=0.25, relative=False, better=better, critical=FIXED
    )
    compared = CompareMeans(DescrStatsW(treated), DescrStatsW(control))
    value = -0.25 if better == "higher" else 0.25
    expected = compared.ttest_ind(alternative=alternative, usevar="unequal", value=value)
    assert found.p_value == pytest.approx(expected[1], rel=1e-9)


def test_both_sides_together_are_the_equivalence_test() -> None:
    rng = np.random.default_rng(7)
    treated, control = rng.normal(5.0, 2, 400), rng.normal(5.1, 1, 300)
    sides = [
        non_inferiority(
            *pair(control, treated), margin=0.3, relative=False, better=better, critical=FIXED
        ).p_value
        for better in ("higher", "lower")
    ]
    compared = CompareMeans(DescrStatsW(treated), DescrStatsW(control))
    p, (lower, upper) = compared.ttost_ind(-0.3, 0.3, usevar="unequal")
    assert sides == pytest.approx([lower[1], upper[1]], rel=1e-9)
    assert max(sides) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize(("better", "factor"), [("higher", 0.95), ("lower", 1.05)])
def test_a_relative_margin_is_a_test_against_a_scaled_control(better, factor: float) -> None:
    rng = np.random.default_rng(8)
    treated, control = rng.gamma(2, 2, 3000), rng.gamma(2, 2.05, 2000)
    found = non_inferiority(
        *pair(control, treated), margin=0.05, relative=True, better=better, critical=FIXED
    )
    side = "greater" if better == "higher" else "less"
    expected = scipy.stats.ttest_ind(treated, factor * control, equal_var=False, alternative=side)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


@given(
    GROUPS,
    GROUPS,
    st.floats(0, 0.9),
    st.booleans(),
    st.sampled_from(["higher", "lower"]),
    st.floats(0.001, 0.3),
)
def test_verdict_interval_and_p_value_agree(
    treated: Group, control: Group, margin: float, relative: bool, better, alpha: float
) -> None:
    found = non_inferiority(
        treated,
        control,
        margin=margin,
        relative=relative,
        better=better,
        critical=FixedHorizon(alpha),
    )
    if relative and control.value <= 0:
        assert np.isnan([found.p_value, found.low, found.high]).all()
        assert not found.shown
    else:
        assert 0 <= found.p_value <= 1
        assert found.low < found.distance < found.high
        assert found.shown == (found.low > 0)
        if abs(found.p_value - alpha / 2) > 1e-9:
            assert found.shown == (found.p_value < alpha / 2)
    assert not (found.shown and found.harmed)
    plain = contrast(treated, control, FixedHorizon(alpha))
    bad = plain.high < 0 if better == "higher" else plain.low > 0
    assert found.harmed == (bad and not found.shown)


@given(GROUPS, GROUPS, st.floats(0, 0.9))
def test_lower_is_better_of_a_number_is_higher_is_better_of_its_negative(
    treated: Group, control: Group, margin: float
) -> None:
    def turned(of: Group) -> Group:
        return Group(-of.value, of.variance, of.df, of.n)

    def tested(a: Group, b: Group, better):
        return non_inferiority(a, b, margin=margin, relative=False, better=better, critical=FIXED)

    assert tested(treated, control, "higher") == tested(turned(treated), turned(control), "lower")


def test_a_guardrail_without_variation_is_not_shown() -> None:
    constant = Group(0.0, 0.0, 99, 100)
    found = non_inferiority(
        constant, constant, margin=0.01, relative=False, better="lower", critical=FIXED
    )
    assert np.isnan(found.p_value)
    assert not found.shown
    assert not found.harmed


def test_harmed_within_the_margin_is_still_shown() -> None:
    treated, control = Group(99.0, 0.01, 9999, 10000), Group(100.0, 0.01, 9999, 10000)
    inside = non_inferiority(
        treated, control, margin=0.03, relative=True, better="higher", critical=FIXED
    )
    assert inside.shown
    assert not inside.harmed
    outside = non_inferiority(
        treated, control, margin=0.005, relative=True, better="higher", critical=FIXED
    )
    assert not outside.shown
    assert outside.harmed
    with pytest.raises(ValueError, match="it must be 0 or more"):
        non_inferiority(
            treated, control, margin=-0.1, relative=True, better="higher", critical=FIXED
        )


def test_false_safety_at_the_margin_is_half_of_alpha() -> None:
    rng = np.random.default_rng(9)
    runs, shown = 4000, 0
    for _ in range(runs):
        treated, control = rng.gamma(1, 0.95, 400), rng.gamma(1, 1.0, 400)
        shown += non_inferiority(
            *pair(control, treated), margin=0.05, relative=True, better="higher", critical=FIXED
        ).shown
    # Monte Carlo error 0.25 points.
    assert 0.018 < shown / runs < 0.032
