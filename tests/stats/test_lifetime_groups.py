from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_leukemia, load_lung
from lifelines.statistics import survival_difference_at_fixed_point_in_time_test
from lifelines.utils import restricted_mean_survival_time
from statsmodels.duration.survfunc import SurvfuncRight

from heedful.stats.contrast import FixedHorizon, contrast
from heedful.stats.lifetime_groups import curve, restricted_mean, surviving

ROWS = st.lists(
    st.tuples(st.integers(0, 12), st.booleans(), st.integers(1, 3)), min_size=1, max_size=60
)


def watched(rng, number, censoring=0.5):
    time, end = rng.exponential(1, number), rng.exponential(1 / censoring, number)
    return np.minimum(time, end), time <= end


@given(ROWS)
@settings(deadline=None, max_examples=40)
def test_curves_are_those_of_lifelines(rows) -> None:
    time, event, count = (np.array(column) for column in zip(*rows, strict=True))
    fitted = KaplanMeierFitter().fit(time, event, weights=count)
    found = curve(time, event, count, at=np.arange(14))
    last = time.max()
    limits = fitted.confidence_interval_survival_function_.to_numpy()
    times = fitted.survival_function_.index.to_numpy()
    for day in range(14):
        expected = float(fitted.predict(day))
        if day > last and expected > 0:
            assert isnan(found.survival[day])
            continue
        assert found.survival[day] == pytest.approx(expected, abs=1e-9)
        assert found.at_risk[day] == count[time >= day].sum()
        if 0 < expected < 1:
            low, high = limits[np.searchsorted(times, day, side="right") - 1]
            assert found.low[day] == pytest.approx(low, abs=1e-9)
            assert found.high[day] == pytest.approx(high, abs=1e-9)
        else:
            assert isnan(found.low[day])


def test_variance_is_that_of_statsmodels() -> None:
    time, event = watched(np.random.default_rng(1), 300)
    reference = SurvfuncRight(time, event)
    found = curve(time, event)
    assert found.time == pytest.approx(reference.surv_times)
    assert found.survival == pytest.approx(reference.surv_prob)
    assert np.sqrt(found.variance) == pytest.approx(reference.surv_prob_se)


@given(ROWS)
@settings(deadline=None, max_examples=30)
def test_summed_rows_say_the_same_as_single_ones(rows) -> None:
    time, event, count = (np.array(column) for column in zip(*rows, strict=True))
    single = np.repeat(time, count), np.repeat(event, count)
    for at in (0.5, 4, 12):
        a, b = surviving(time, event, count, at=at), surviving(*single, at=at)
        assert (a.value, a.variance, a.n) == pytest.approx((b.value, b.variance, b.n), nan_ok=True)
        a, b = (
            restricted_mean(time, event, count, horizon=at),
            restricted_mean(*single, horizon=at),
        )
        assert (a.value, a.variance) == pytest.approx((b.value, b.variance), nan_ok=True)


def test_difference_at_a_time_is_that_of_lifelines() -> None:
    # lifelines tests on the log(-log) scale: brought there by the delta method.
    data = load_leukemia()
    arms = [data[data["Rx"] == treated] for treated in (0, 1)]
    days = np.arange(36)  # or lifelines interpolates the variance
    fitters = [KaplanMeierFitter().fit(arm["t"], arm["status"], timeline=days) for arm in arms]
    expected = survival_difference_at_fixed_point_in_time_test(10, *fitters)
    a, b = (surviving(arm["t"], arm["status"], at=10) for arm in arms)
    loglog = [np.log(-np.log(group.value)) for group in (a, b)]
    variance = sum(group.variance / (group.value * np.log(group.value)) ** 2 for group in (a, b))
    statistic = (loglog[0] - loglog[1]) ** 2 / variance
    assert statistic == pytest.approx(expected.test_statistic, rel=1e-9)
    # Where survival is not extreme, the plain difference says about the same.
    assert contrast(a, b, FixedHorizon()).p_value == pytest.approx(expected.p_value, abs=0.01)


def test_restricted_means_of_the_lung_study() -> None:
    # R's survival, print(survfit(Surv(time, status) ~ sex, lung), rmean = "common"):
    # 326 (22.9) and 461 (34.7) with upper limit 1022.
    data = load_lung()
    for sex, mean, error in ((1, 326, 22.9), (2, 461, 34.7)):
        arm = data[data["sex"] == sex]
        time = arm["time"].to_numpy()
        # R draws the curve on to 1022, though no woman was watched beyond 965.
        assert isnan(restricted_mean(time, arm["status"], horizon=1022).value) == (sex == 2)
        drawn_on = np.where(time == time.max(), 1022, time)
        found = restricted_mean(drawn_on, arm["status"], horizon=1022)
        assert found.value == pytest.approx(mean, abs=0.5)
        assert np.sqrt(found.variance) == pytest.approx(error, abs=0.05)


@pytest.mark.filterwarnings("ignore:The maximum number of subdivisions")
def test_restricted_mean_without_censoring_is_a_mean() -> None:
    time = np.random.default_rng(2).exponential(1, 200)
    found = restricted_mean(time, np.ones(200, bool), horizon=1.5)
    cut = np.minimum(time, 1.5)
    assert found.value == pytest.approx(cut.mean())
    assert found.variance == pytest.approx(cut.var() / 200)
    fitted = KaplanMeierFitter().fit(time)
    mean, variance = restricted_mean_survival_time(fitted, 1.5, return_variance=True)
    assert found.value == pytest.approx(mean)
    assert 200 * found.variance == pytest.approx(variance, rel=0.002)  # by its quadrature


def test_restricted_mean_of_censored_units_has_the_jackknifes_variance() -> None:
    time, event = watched(np.random.default_rng(3), 400)
    found = restricted_mean(time, event, horizon=1.2)
    fitted = KaplanMeierFitter().fit(time, event)
    assert found.value == pytest.approx(restricted_mean_survival_time(fitted, 1.2))
    without = np.array(
        [
            restricted_mean(np.delete(time, i), np.delete(event, i), horizon=1.2).value
            for i in range(400)
        ]
    )
    jackknife = 399 / 400 * np.sum((without - without.mean()) ** 2)
    assert found.variance == pytest.approx(jackknife, rel=0.03)


def test_nobody_lost_is_not_certainty() -> None:
    found = surviving([5, 5, 5, 5], [False] * 4, at=3)
    assert found.value == 1
    # One of 6, and 5 of 6: one success and one failure added.
    assert found.variance == pytest.approx(1 / 6 * 5 / 6 / 6)
    gone = surviving([1, 1, 2, 2], [True] * 4, at=3)
    assert (gone.value, gone.variance) == (0, found.variance)
    stayed = restricted_mean([5, 5, 5, 5], [False] * 4, horizon=3)
    assert (stayed.value, stayed.variance) == (3, pytest.approx(9 * found.variance))
    # A unit that left before is not known to have stayed.
    assert surviving([5, 5, 5, 5, 1], [False] * 5, at=3).variance == found.variance
    days = curve([5, 5, 2], [False, False, True], at=[1, 2])
    assert isnan(days.low[0])
    assert 0 < days.low[1] < days.survival[1] < days.high[1] < 1


def test_what_nobody_was_watched_for_is_not_known() -> None:
    rows = [1, 2, 3], [True, False, False]
    assert surviving(*rows, at=3).value == pytest.approx(2 / 3)
    for found in (surviving(*rows, at=3.1), restricted_mean(*rows, horizon=3.1)):
        assert isnan(found.value)
        assert isnan(found.variance)
        assert found.n == 3
    # Once nobody is left, the rest is known.
    assert surviving([1, 2], [True, True], at=9).value == 0
    assert restricted_mean([1, 2], [True, True], horizon=9).value == 1.5
    for found in (surviving([], [], at=1), restricted_mean([], [], horizon=1)):
        assert isnan(found.value)
        assert found.n == 0
    assert len(curve([], []).time) == 0
    assert isnan(curve([], [], at=[1]).survival[0])


def test_who_left_is_what_stays_of_one() -> None:
    rows = [1, 2, 2, 3, 5], [True, True, False, True, False]
    stayed, left = surviving(*rows, at=3), surviving(*rows, at=3, complement=True)
    assert left.value == pytest.approx(1 - stayed.value)
    assert left.variance == stayed.variance


def test_units_without_a_time_are_left_out() -> None:
    found = surviving([1, np.nan, 3], [True, True, False], at=2)
    assert (found.value, found.n) == (0.5, 2)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        surviving([-1], [True], at=1)
    with pytest.raises(ValueError, match="give one of each"):
        curve([1, 2], [True])
    with pytest.raises(ValueError, match="a time above 0"):
        restricted_mean([1], [True], horizon=0)
