"""What each segment adds to a change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedful.stats.mixing import mix_and_rate

WEIGHT = st.one_of(st.just(0.0), st.floats(0.001, 1e6))
VALUE = st.floats(-1000, 1000)
SEGMENT = st.tuples(WEIGHT, VALUE, WEIGHT, VALUE)


def columns(rows):
    """Weights and values; a segment without weight has no value."""
    w0, v0, w1, v1 = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return w0, np.where(w0 == 0, np.nan, v0), w1, np.where(w1 == 0, np.nan, v1)


def whole(weights, values):
    used = weights > 0
    return float(np.average(values[used], weights=weights[used]))


@settings(max_examples=500, deadline=None)
@given(st.lists(SEGMENT, min_size=1, max_size=12))
def test_parts_add_up_to_the_change(rows):
    w0, v0, w1, v1 = columns(rows)
    if not (w0.sum() > 0 and w1.sum() > 0):
        with pytest.raises(ValueError, match="without a denominator"):
            mix_and_rate(w0, v0, w1, v1)
        return
    found = mix_and_rate(w0, v0, w1, v1)
    change = whole(w1, v1) - whole(w0, v0)
    scale = max(1.0, np.nanmax(np.abs([v0, v1])))
    assert found.total.sum() == pytest.approx(change, abs=1e-9 * scale)
    assert found.change == pytest.approx(change, abs=1e-9 * scale)
    assert np.isfinite(found.total).all()
    assert (found.before.sum(), found.now.sum()) == pytest.approx((1, 1))
    # A segment that is missing on one side adds nothing by its rate.
    assert (found.rate[(w0 == 0) | (w1 == 0)] == 0).all()
    back = mix_and_rate(w1, v1, w0, v0)
    assert back.mix == pytest.approx(-found.mix, abs=1e-9 * scale)
    assert back.rate == pytest.approx(-found.rate, abs=1e-9 * scale)


def test_by_hand():
    """Phones grow from a quarter to a half, and their share falls from 0.8 to 0.6."""
    found = mix_and_rate([100, 300], [0.8, 0.4], [250, 250], [0.6, 0.4])
    # Whole: 0.5 before and 0.5 now; mean of both 0.5.
    assert found.change == pytest.approx(0.0)
    assert found.mix.tolist() == pytest.approx([0.25 * (0.7 - 0.5), -0.25 * (0.4 - 0.5)])
    assert found.rate.tolist() == pytest.approx([0.375 * -0.2, 0.0])
    assert found.total.sum() == pytest.approx(0.0)


def test_it_is_kitagawas_split():
    """Kitagawa 1955: her two components are the sums of ours, whatever the centre."""
    rng = np.random.default_rng(1)
    w0, w1 = rng.dirichlet(np.ones(5), 2)
    v0, v1 = rng.random((2, 5))
    found = mix_and_rate(w0, v0, w1, v1)
    composition = ((w1 - w0) * (v1 + v0) / 2).sum()
    rates = ((w1 + w0) / 2 * (v1 - v0)).sum()
    assert found.mix.sum() == pytest.approx(composition)
    assert found.rate.sum() == pytest.approx(rates)


def test_nothing_changes_where_only_the_size_does():
    found = mix_and_rate([1, 2, 3], [0.1, 0.2, 0.3], [10, 20, 30], [0.1, 0.2, 0.3])
    assert found.mix == pytest.approx(0)
    assert found.rate == pytest.approx(0)


def test_a_segment_that_comes_adds_by_being_unlike_the_rest():
    found = mix_and_rate([100, 0], [0.2, np.nan], [100, 100], [0.2, 0.6])
    assert found.rate.tolist() == [0, 0]
    assert found.change == pytest.approx(0.2)
    # Means of both periods: 0.3. The old one -0.5 * (0.2 - 0.3), the new one 0.5 * (0.6 - 0.3).
    assert found.mix.tolist() == pytest.approx([0.05, 0.15])


def test_segments_in_neither_period_add_nothing():
    found = mix_and_rate([1, 0], [0.2, np.nan], [1, 0], [0.5, np.nan])
    assert found.total.tolist() == pytest.approx([0.3, 0.0])
