import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from heedful.stats.families import benjamini_hochberg, holm

FAMILIES = st.lists(st.floats(0, 1), min_size=1, max_size=40)
BOTH = pytest.mark.parametrize(
    ("adjust", "method"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")]
)


@BOTH
@settings(max_examples=20, deadline=None)  # statsmodels takes a tenth of a second for Holm
@given(p=FAMILIES)
def test_adjusted_p_values_are_those_of_statsmodels(adjust, method: str, p: list[float]) -> None:
    np.testing.assert_allclose(adjust(p), multipletests(p, method=method)[1], rtol=1e-12)


@BOTH
@given(p=FAMILIES, places=st.lists(st.integers(0, 40), max_size=5))
def test_what_is_missing_stays_and_does_not_count(adjust, method: str, p, places) -> None:
    padded = list(p)
    for place in places:
        padded.insert(place, float("nan"))
    found = adjust(padded)
    missing = np.isnan(padded)
    assert np.isnan(found[missing]).all()
    np.testing.assert_array_equal(found[~missing], adjust(p))


@BOTH
@given(p=FAMILIES)
def test_never_smaller_and_in_the_same_order(adjust, method: str, p) -> None:
    found = adjust(p)
    assert (found >= p).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()


@BOTH
def test_empty_families(adjust, method: str) -> None:
    assert adjust([]).tolist() == []
    assert np.isnan(adjust([np.nan, np.nan])).all()
    assert adjust([0.04]).tolist() == [0.04]


@BOTH
def test_what_is_no_p_value_is_refused(adjust, method: str) -> None:
    for wrong in ([0.5, 1.2], [-0.1], [float("inf")]):
        with pytest.raises(ValueError, match="each must lie between 0 and 1"):
            adjust(wrong)
    with pytest.raises(ValueError, match="give one family"):
        adjust([[0.1, 0.2]])
