import numpy as np
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from heedful.stats.contrast import FixedHorizon, contrast, non_inferiority
from heedful.stats.groups import groups
from heedful.stats.moments import Moments
from heedful.stats.power import Comparison, inflation


@pytest.mark.parametrize("n", [3, 10, 64, 1000])
@pytest.mark.parametrize("effect", [0.05, 0.5, 1.2])
@pytest.mark.parametrize("one_sided", [False, True])
def test_equal_groups_have_the_power_of_the_t_test(n: int, effect: float, one_sided: bool) -> None:
    plan = Comparison(1.0, 1.0, one_sided=one_sided)
    alternative, alpha = ("larger", 0.025) if one_sided else ("two-sided", 0.05)
    expected = TTestIndPower().power(effect, n, alpha, alternative=alternative)
    # Far out statsmodels has no answer; nothing is left to miss there.
    assert plan.power(2 * n, effect) == pytest.approx(expected if expected < 1 else 1, abs=1e-9)


@pytest.mark.parametrize(("share", "rest"), [(0.5, 0.5), (0.8, 0.2), (0.1, 0.3)])
def test_many_units_have_the_power_of_the_normal_test(share: float, rest: float) -> None:
    plan = Comparison(4.0, 4.0, share, rest, alpha=0.01)
    units = 1_000_000
    expected = NormalIndPower().power(
        0.02 / 2, units * share, 0.01, ratio=rest / share, alternative="two-sided"
    )
    assert plan.power(units, 0.02) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("power", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("effect", [0.04, 0.5])
def test_sample_size_is_that_of_the_t_test(effect: float, power: float) -> None:
    plan = Comparison(1.0, 1.0)
    each = TTestIndPower().solve_power(effect, power=power, alpha=0.05)
    found = plan.sample_size(effect, power)
    # statsmodels says units a group and not in whole numbers.
    assert 2 * each <= found < 2 * each + 1
    assert plan.sample_size(-effect, power) == found
    assert plan.power(found, effect) >= power > plan.power(found - 1, effect)


def test_detectable_is_that_of_the_t_test() -> None:
    plan = Comparison(9.0, 9.0, alpha=0.1)
    expected = TTestIndPower().solve_power(nobs1=500, power=0.9, alpha=0.1)
    assert plan.detectable(1000, 0.9) == pytest.approx(3 * expected, rel=1e-6)


def test_power_is_tea_tastings() -> None:
    units = tt.make_users_data(rng=1, n_users=3000, return_type="pandas")
    metric = tt.Mean("revenue", power=0.8, n_obs=10_000, use_t=True)
    expected = metric.solve_power(units)[0]
    variance = units.revenue.var()
    found = Comparison(variance, variance).detectable(10_000, 0.8)
    assert found == pytest.approx(expected.effect_size, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(0, 100),
    st.floats(0.01, 100),
    st.floats(0.05, 0.5),
    st.floats(0.05, 0.5),
    st.integers(60, 100_000),
    st.floats(0.5, 0.99),
    st.booleans(),
    st.floats(1, 3),
)
def test_the_three_answers_agree(v_t, v_c, w_t, w_c, units, power, one_sided, factor) -> None:
    plan = Comparison(v_t, v_c, w_t, w_c, one_sided=one_sided, inflation=factor)
    if units * min(w_t, w_c) / factor < 2:
        assert np.isnan(plan.power(units, 1.0))
        assert np.isnan(plan.detectable(units, power))
        return
    seen = plan.detectable(units, power)
    assert plan.power(units, seen) == pytest.approx(power, abs=1e-6)
    assert plan.sample_size(seen * (1 + 1e-9), power) <= units
    assert plan.sample_size(seen * 0.99, power) > units


def test_unequal_variances_and_shares_by_simulation() -> None:
    rng = np.random.default_rng(1)
    plan = Comparison(9.0, 1.0, 0.2, 0.8)
    runs, seen = 3000, 0
    for _ in range(runs):
        y = np.concatenate([rng.normal(0, 1, 80), rng.normal(1.5, 3, 20)])
        control, treated = groups(Moments.of(y, np.repeat([0, 1], [80, 20]), 2), ratio=False)
        seen += contrast(treated, control, FixedHorizon()).p_value < 0.05
    # Monte Carlo error 0.9 points.
    assert plan.power(100, 1.5) == pytest.approx(seen / runs, abs=0.027)


def test_non_inferiority_by_simulation() -> None:
    rng = np.random.default_rng(2)
    # True values 10 and 9.9, a margin of 5% of the control: 0.4 away from it.
    plan = Comparison(4.0, 0.95**2 * 4.0, one_sided=True)
    runs, shown = 3000, 0
    for _ in range(runs):
        y = np.concatenate([rng.normal(10, 2, 300), rng.normal(9.9, 2, 300)])
        control, treated = groups(Moments.of(y, np.repeat([0, 1], 300), 2), ratio=False)
        shown += non_inferiority(
            treated, control, margin=0.05, relative=True, better="higher", critical=FixedHorizon()
        ).shown
    assert plan.power(600, 0.4) == pytest.approx(shown / runs, abs=0.027)


def test_inflation_is_a_factor_of_units() -> None:
    plain, sequential = Comparison(1.0, 1.0), Comparison(1.0, 1.0, inflation=1.5)
    assert sequential.power(1500, 0.1) == plain.power(1000, 0.1)
    assert sequential.sample_size(0.1) == pytest.approx(1.5 * plain.sample_size(0.1), abs=2)
    assert sequential.se(1500) == plain.se(1000)


def test_inflation_of_a_wider_multiplier() -> None:
    assert inflation(FixedHorizon(0.05).multiplier(np.inf)) == pytest.approx(1)
    # With as many more units a normal test at 2.8 standard errors has the power of the plain one.
    factor = inflation(2.8, alpha=0.05, power=0.9)
    plan = Comparison(1.0, 1.0)
    fixed = plan.sample_size(0.05, 0.9)
    alpha = FixedHorizon().p_value(2.8, np.inf)
    wide = Comparison(1.0, 1.0, alpha=alpha).sample_size(0.05, 0.9)
    assert wide / fixed == pytest.approx(factor, rel=1e-3)


def test_one_sided_sees_no_difference_on_the_wrong_side() -> None:
    plan = Comparison(1.0, 1.0, one_sided=True)
    assert plan.power(1000, -1.0) < 1e-12
    assert plan.power(1000, 0.0) == pytest.approx(0.025)
    assert Comparison(1.0, 1.0).power(1000, 0.0) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="no number of units sees it"):
        plan.sample_size(-0.1)


@pytest.mark.parametrize("effect", [1.0, 50.0, 1e6, 1e-4])
def test_very_large_and_very_small_differences(effect: float) -> None:
    plan = Comparison(1.0, 1.0)
    found = plan.sample_size(effect)
    assert plan.power(found, effect) >= 0.8
    assert found >= 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"variance": 0.0, "control_variance": 0.0}, "units that never vary"),
        ({"variance": -1.0}, "they must be finite"),
        ({"variance": np.nan}, "they must be finite"),
        ({"share": 0.7}, "take at most 1"),
        ({"share": 0.0}, "each must lie between 0 and 1"),
        ({"alpha": 5}, "alpha is 5"),
        ({"inflation": 0.9}, "at least 1"),
    ],
)
def test_wrong_plans_are_refused(wrong, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Comparison(**{"variance": 1.0, "control_variance": 1.0, **wrong})


def test_wrong_questions_are_refused() -> None:
    plan = Comparison(1.0, 1.0)
    for power in (0.01, 1.0, 80):
        with pytest.raises(ValueError, match="it must lie between alpha and 1"):
            plan.sample_size(0.1, power)
    for difference in (0.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="Give the smallest difference that matters"):
            plan.sample_size(difference)
    with pytest.raises(ValueError, match="there must be some"):
        plan.power(0, 0.1)
