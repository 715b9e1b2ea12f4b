"""Adjusted, clustered differences: against statsmodels, and whether their intervals hold."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as sp

from heedful.stats.association import Association, association, e_value, e_values, overlap


def drawn(rng, customers=400, effect=0.0, pull=1.0, hidden=0.0, kind="share"):
    """Customers with 1 to 4 rows; tenure, plan and use decide exposure and outcome alike."""
    rows = rng.integers(1, 5, customers)
    who = np.repeat(np.arange(customers), rows)
    n = len(who)
    tenure = rng.gamma(2.0, 1.0, customers)[who]
    plan = rng.integers(0, 3, customers)[who]
    use = rng.normal(size=customers)[who]
    secret = rng.normal(size=customers)[who]
    lean = pull * (0.6 * (tenure - 2) + 0.5 * (plan - 1) + 0.7 * use) + hidden * secret
    d = rng.random(n) < 1 / (1 + np.exp(-lean))
    own = rng.normal(size=customers)[who]
    level = pull * (0.05 * (tenure - 2) + 0.05 * (plan - 1) + 0.05 * use) + 0.1 * hidden * secret
    if kind == "share":
        y = (rng.random(n) < np.clip(0.6 + level + 0.1 * own + effect * d, 0, 1)).astype(float)
    else:
        y = 10 * np.exp(0.8 * own + 0.8 * rng.normal(size=n)) + 100 * level + effect * d
    return y, d, who, [plan], [tenure, use]


@pytest.mark.parametrize("kind", ["share", "money"])
@pytest.mark.parametrize("seed", [1, 2])
def test_as_statsmodels_has_it(kind, seed):
    rng = np.random.default_rng(seed)
    y, d, who, factors, numbers = drawn(rng, effect=0.1, kind=kind)
    month = rng.integers(0, 12, len(y))
    found = association(y, d, who, [*factors, month], numbers)
    dummies = [
        (code == each).astype(float)
        for code in (*factors, month)
        for each in range(1, code.max() + 1)
    ]
    design = np.column_stack([np.ones(len(y)), d, *dummies, *numbers])
    fit = sm.OLS(y, design).fit(cov_type="cluster", cov_kwds={"groups": who}, use_t=True)
    low, high = fit.conf_int()[1]
    assert found.difference == pytest.approx(fit.params[1], rel=1e-8)
    assert found.se == pytest.approx(fit.bse[1], rel=1e-8)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-8)
    assert found.p_value == pytest.approx(fit.pvalues[1], rel=1e-7, abs=1e-300)
    means = [
        fit.predict(np.column_stack([design[:, :1], np.full(len(y), on), design[:, 2:]])).mean()
        for on in (1, 0)
    ]
    assert (found.value, found.other) == pytest.approx(means, rel=1e-8)
    plain = sm.OLS(y, design[:, :2]).fit(cov_type="cluster", cov_kwds={"groups": who}, use_t=True)
    assert (found.crude, found.crude_low) == pytest.approx(
        (plain.params[1], plain.conf_int()[1][0]), rel=1e-8
    )
    explained = sm.OLS(d.astype(float), np.delete(design, 1, axis=1)).fit().rsquared
    assert found.explained == pytest.approx(explained, rel=1e-8)


def test_columns_that_say_the_same_change_nothing():
    rng = np.random.default_rng(5)
    y, d, who, factors, numbers = drawn(rng)
    plain = association(y, d, who, factors, numbers)
    gaps = [factors[0] * 3]  # levels that nobody has
    again = association(y, d, who, [*factors, *gaps], [*numbers, 2 * numbers[0] + 7, numbers[1]])
    for one, other in zip(plain[:14], again[:14], strict=True):
        assert one == pytest.approx(other, rel=1e-7)


def test_large_numbers_do_not_cancel():
    rng = np.random.default_rng(6)
    y, d, who, factors, numbers = drawn(rng)
    plain = association(y, d, who, factors, numbers)
    far = association(y + 1e7, d, who, factors, [one * 1e3 + 1e9 for one in numbers])
    assert far.difference == pytest.approx(plain.difference, abs=1e-7)
    assert far.se == pytest.approx(plain.se, rel=1e-6)


def test_chunks_are_one_whole(monkeypatch):
    rng = np.random.default_rng(7)
    given = drawn(rng)
    whole = association(*given)
    monkeypatch.setattr("heedful.stats.association.CHUNK", 37)
    assert association(*given)[:14] == pytest.approx(whole[:14], rel=1e-9)


@pytest.mark.parametrize(
    ("y", "d", "who"),
    [
        ([1, 0, 1, 0], [1, 1, 1, 1], [1, 2, 3, 4]),
        ([1, 1, 1, 1], [1, 0, 1, 0], [1, 2, 3, 4]),
        ([1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1]),
        ([1, 0, 1, 0], [1, 0, 1, 0], [1, 2, 3, 4]),  # fits without any rest
        ([], [], []),
    ],
)
def test_nothing_to_compare_is_no_number(y, d, who):
    found = association(y, d, who)
    assert np.isnan(found.difference)
    assert np.isnan(found.low)


def test_groups_that_covariates_tell_apart_are_not_compared():
    d = np.array([0, 1] * 50)
    found = association(np.arange(100.0), d, np.arange(100), [d])
    assert np.isnan(found.difference)
    assert found.rows == (50, 50)


def test_what_is_not_known_is_refused():
    with pytest.raises(ValueError, match="finite"):
        association([1, np.nan], [0, 1], [1, 2])
    with pytest.raises(ValueError, match="shape"):
        association([1, 2], [0, 1, 1], [1, 2])


def test_overlap_counts_rows_with_a_counterpart():
    rng = np.random.default_rng(8)
    chance = rng.random(10_000)
    assert overlap(chance, rng.random(10_000) < 0.5) == pytest.approx(1.0)
    assert overlap(chance, rng.random(10_000) < 0.03) == pytest.approx(1.0)
    # Below 0.35 nobody is exposed: of the others, three tenths twice as many as are left.
    none = (chance > 0.35) & (rng.random(10_000) < 0.5)
    left = ((chance > 0.3) & ~none).sum() / (~none).sum()
    assert overlap(chance, none) == pytest.approx((1 + left) / 2, abs=0.02)
    assert overlap(np.zeros(10), np.arange(10) < 5) == 1.0


def test_e_values_of_the_paper():
    # VanderWeele and Ding 2017, their example of breast-feeding: 3.9 (1.8 to 8.7).
    assert e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert e_value(1.8) == pytest.approx(3.0, abs=0.005)
    assert e_value(1 / 3.9) == pytest.approx(e_value(3.9))
    rest = (0.0, 0.0, 0.0, 1.0, 1.0, (9, 9), (9, 9))
    found = Association(
        0.29, 0.08, 0.5, 0.1, 50.0, 0.01, 0.39, 0.1, *rest[:3], 1.0, 1.0, 0.0, *rest[5:]
    )
    assert e_values(found, share=True) == pytest.approx((e_value(3.9), e_value(1.8)))
    money = found._replace(spread=0.58)
    assert e_values(money, share=False)[0] == pytest.approx(e_value(np.exp(0.455)))
    across = found._replace(low=-0.1)
    assert e_values(across, share=True)[1] == 1.0


def rejected(runs, seed, **how):
    rng = np.random.default_rng(seed)
    adjusted = crude = 0
    for _ in range(runs):
        found = association(*drawn(rng, **how))
        adjusted += not found.low <= how.get("effect", 0.0) <= found.high
        crude += not found.crude_low <= how.get("effect", 0.0) <= found.crude_high
    return adjusted, crude


@pytest.mark.parametrize("kind", ["share", "money"])
def test_measured_confounders_are_taken_out_and_others_are_not(kind):
    """Without any effect: 5% false associations after adjustment, many before it."""
    runs = 150
    adjusted, crude = rejected(runs, 11, kind=kind)
    assert adjusted <= sp.binom.ppf(0.999, runs, 0.06)
    assert crude > 0.5 * runs
    hidden, _ = rejected(60, 12, kind=kind, hidden=1.0)
    assert hidden > 0.3 * 60  # and no method could do better


def test_intervals_hold_an_effect():
    runs = 150
    missed, _ = rejected(runs, 13, effect=0.08)
    assert missed <= sp.binom.ppf(0.999, runs, 0.06)
