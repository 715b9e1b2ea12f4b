import numpy as np
import pytest
import scipy.stats

from heedful.stats.contrast import FixedHorizon, contrast
from heedful.stats.groups import groups
from heedful.stats.moments import Moments


def test_difference_is_welchs() -> None:
    rng = np.random.default_rng(1)
    treated, control = rng.normal(5, 2, 300), rng.normal(4.7, 1, 90)
    units = Moments.of(np.r_[control, treated], np.r_[np.zeros(90, int), np.ones(300, int)], 2)
    base, other = groups(units, ratio=False)
    found = contrast(other, base, FixedHorizon(0.05))
    expected = scipy.stats.ttest_ind(treated, control, equal_var=False)
    ends = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.df == pytest.approx(expected.df, rel=1e-10)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=1e-10)
