from math import inf

import numpy as np
import pytest
from scipy import stats

from heedful.stats.student import t_quantile, t_quantiles


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 10, 29, 63, 200, inf])
def test_quantiles_are_those_of_scipy(level: float, df: float) -> None:
    assert t_quantile(level, df) == pytest.approx(stats.t.ppf((1 + level) / 2, df), rel=1e-10)


def test_array_of_quantiles() -> None:
    found = t_quantiles(0.95, np.array([-1.0, 0.0, 1.0, 63.0, inf]))
    np.testing.assert_allclose(found, [np.nan, np.nan, 12.7062047, 1.9983405, 1.9599640], rtol=1e-7)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_level_outside_zero_to_one(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        t_quantile(level, 5)
