import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.oneway import anova_oneway

from heedful.stats.heterogeneity import heterogeneity


def test_q_is_that_of_a_meta_analysis() -> None:
    rng = np.random.default_rng(1)
    effects, ses = rng.normal(size=7), rng.uniform(0.2, 2, 7)
    expected = combine_effects(effects, ses**2, method_re="dl").test_homogeneity()
    assert heterogeneity(effects, ses) == pytest.approx(expected.pvalue, rel=1e-9)


def test_with_degrees_of_freedom_it_is_welchs_f() -> None:
    rng = np.random.default_rng(2)
    parts = [rng.normal(0.2 * i, 1 + i, 6 + 3 * i) for i in range(5)]
    means = [part.mean() for part in parts]
    ses = [part.std(ddof=1) / len(part) ** 0.5 for part in parts]
    found = heterogeneity(means, ses, [len(part) - 1 for part in parts])
    expected = anova_oneway(parts, use_var="unequal", welch_correction=True)
    assert found == pytest.approx(expected.pvalue, rel=1e-9)


def test_many_degrees_of_freedom_are_cochrans_q() -> None:
    effects, ses = [0.1, 0.4, -0.2], [0.1, 0.2, 0.3]
    plain = heterogeneity(effects, ses)
    assert heterogeneity(effects, ses, [1e9] * 3) == pytest.approx(plain, rel=1e-6)
    assert heterogeneity(effects, ses, [np.inf] * 3) == plain


def test_segments_without_an_interval_do_not_count() -> None:
    nan = float("nan")
    found = heterogeneity([0.1, nan, 0.9, 5.0, 7.0], [0.2, 0.1, 0.2, nan, 0.0])
    assert found == heterogeneity([0.1, 0.9], [0.2, 0.2])
    for effects, ses in (([], []), ([0.3], [0.1]), ([0.3, nan], [0.1, 0.1])):
        assert np.isnan(heterogeneity(effects, ses))


def test_false_alarms_with_few_units_a_segment() -> None:
    rng = np.random.default_rng(3)
    runs, k, n = 4000, 6, 5
    plain = with_df = 0
    for _ in range(runs):
        units = rng.normal(size=(k, n))
        means, ses = units.mean(axis=1), units.std(axis=1, ddof=1) / n**0.5
        plain += heterogeneity(means, ses) < 0.05
        with_df += heterogeneity(means, ses, [n - 1] * k) < 0.05
    # Monte Carlo error 0.35 points.
    assert 0.035 < with_df / runs < 0.075
    assert plain / runs > 0.15


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="give one of each a segment"):
        heterogeneity([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="give one of each a segment"):
        heterogeneity([0.1, 0.2], [0.1, 0.1], [9])
