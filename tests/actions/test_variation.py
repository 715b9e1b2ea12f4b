"""Usual variation is what history shows beyond sampling error."""

from __future__ import annotations

import numpy as np
import pytest

from heedful.actions.variation import LEAST, variation
from heedful.stats.student import t_quantile


def estimated(rng, weeks=26, excess=0.03, sampling=0.02):
    def values(count):
        return 0.7 + np.hypot(excess, sampling) * rng.standard_normal(count)

    history = values(weeks)
    return variation(history, np.full(weeks + 8, sampling), [values(4), values(4)])


def test_is_right_on_average():
    rng = np.random.default_rng(1)
    found = [estimated(rng).excess ** 2 for _ in range(400)]
    # Both ways of looking at history are right on average; the larger of them is a bit large.
    assert 1.0 < np.mean(found) / 0.03**2 < 1.35


def test_sampling_error_alone_leaves_almost_nothing():
    rng = np.random.default_rng(2)
    found = [estimated(rng, excess=0.0).excess for _ in range(200)]
    assert np.median(found) < 0.01


def test_slow_drift_counts_as_variation():
    rng = np.random.default_rng(3)
    drift = np.cumsum(0.02 * rng.standard_normal(26))
    steps = np.sqrt(np.mean(np.diff(drift) ** 2) / 2)
    found = variation(drift, np.zeros(34), [drift[-4:], drift[-4:]])
    assert found.excess > 1.5 * steps


def test_too_little_history_tells_nothing():
    short = np.linspace(0.6, 0.8, LEAST - 1)
    assert variation(short, np.zeros(9), [short[:4], short[:4]]) is None
    assert variation(np.append(short, 0.7), np.zeros(9), [short[:4], short[:4]]) is not None


def test_the_margin_of_a_mean_of_four_is_half_that_of_one():
    rng = np.random.default_rng(4)
    found = estimated(rng)
    one, four = found.margin(np.ones(1)), found.margin(np.full(4, 0.25))
    assert one == pytest.approx(t_quantile(0.95, found.df) * found.excess)
    assert four == pytest.approx(one / 2)
    assert (found.df, found.history) == (25 + 6, 26)
