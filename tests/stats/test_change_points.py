"""When a series stepped."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from heedful.stats.change_points import change_point


def brute(values, noise, least=2, sign=0):
    """Posterior of each place, by fitting both levels at each and adding up log densities."""
    known = [i for i in range(len(values)) if np.isfinite(values[i]) and np.isfinite(noise[i])]
    found = {}
    for nth in range(least, len(known)):
        logs, levels = 0.0, []
        for side in (known[:nth], known[nth:]):
            y, v = values[side], noise[side]
            level = np.average(y, weights=1 / v)
            levels.append(level)
            logs += norm.logpdf(y, level, np.sqrt(v)).sum()
        if sign == 0 or np.sign(levels[1] - levels[0]) == sign:
            found[known[nth]] = (logs, *levels)
    if not found:
        return None
    best = max(logs for logs, _, _ in found.values())
    total = sum(np.exp(logs - best) for logs, _, _ in found.values())
    flat = norm.logpdf(
        values[known], np.average(values[known], weights=1 / noise[known]), np.sqrt(noise[known])
    ).sum()
    chances = {place: np.exp(logs - best) / total for place, (logs, _, _) in found.items()}
    return chances, found, np.exp(best - flat - np.log(len(known)))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 30), st.sampled_from([0, 1, -1]), st.booleans())
def test_it_is_what_trying_every_place_finds(seed, size, sign, holes):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, size)
    values[rng.integers(0, size) :] += rng.normal(0, 2)
    noise = rng.uniform(0.3, 2, size)
    if holes:
        values[rng.random(size) < 0.2] = np.nan
        noise[rng.random(size) < 0.1] = np.nan
    found = change_point(values, noise, sign=sign)
    expected = brute(values, noise, sign=sign)
    if expected is None:
        assert found is None
        return
    chances, levels, factor = expected
    place = max(chances, key=lambda each: chances[each])
    assert found.chance == pytest.approx(chances[place])
    assert chances[found.place] == pytest.approx(chances[place])
    assert (found.before, found.after) == pytest.approx(levels[found.place][1:])
    assert found.factor == pytest.approx(factor, rel=1e-6)
    inside = sum(c for each, c in chances.items() if found.first <= each <= found.last)
    assert inside >= 0.95 - 1e-9
    assert found.first <= found.place <= found.last
    if sign:
        assert np.sign(found.after - found.before) == sign


def test_the_set_is_the_smallest_that_holds_95_percent():
    rng = np.random.default_rng(1)
    for _ in range(100):
        values = rng.normal(0, 1, 20) + np.where(np.arange(20) >= 11, 1.5, 0)
        found = change_point(values, np.ones(20))
        chances = brute(values, np.ones(20))[0]
        ordered = sorted(chances.values(), reverse=True)
        needed = int(np.searchsorted(np.cumsum(ordered), 0.95)) + 1
        held = sorted(chances, key=lambda each: -chances[each])[:needed]
        assert (found.first, found.last) == (min(held), max(held))


@pytest.mark.parametrize("step", [1.5, 2.0, 3.0, 4.0])
def test_the_set_holds_the_true_week_as_often_as_it_says(step):
    rng = np.random.default_rng(2)
    runs = 1500
    hit = exact = 0
    for _ in range(runs):
        true = int(rng.integers(8, 20))
        values = rng.normal(0, 1, 26) + np.where(np.arange(26) >= true, step, 0)
        found = change_point(values, np.ones(26), sign=1)
        hit += found.first <= true <= found.last
        exact += found.place == true
    # Monte Carlo error 0.6 points.
    assert hit / runs >= 0.93
    assert exact / runs >= {1.5: 0.40, 2.0: 0.55, 3.0: 0.80, 4.0: 0.90}[step]


def test_a_step_of_the_other_sign_is_not_told():
    down = np.where(np.arange(12) < 6, 1.0, 0.0)
    noise = np.full(12, 0.01)
    assert change_point(down, noise).place == 6
    assert change_point(down, noise, sign=-1).place == 6
    assert change_point(down, noise, sign=1) is None


def test_without_a_step_the_best_one_is_no_better_than_none():
    rng = np.random.default_rng(3)
    clear = [change_point(rng.normal(size=26), np.ones(26)).factor >= 3 for _ in range(1000)]
    assert np.mean(clear) < 0.15


def test_too_few_values_and_useless_variances():
    assert change_point([1.0, 2.0], [1.0, 1.0]) is None
    assert change_point([1.0, np.nan, 2.0], [1.0, 1.0, 1.0]) is None
    assert change_point([1.0, 1.0, 2.0], [1.0, 0.0, 1.0]) is None
    assert change_point([], []) is None
    assert change_point([0.0, 0.0, 5.0], [1.0, 1.0, 1.0]).place == 2


def test_a_huge_step_does_not_overflow():
    found = change_point([0.0, 0.0, 0.0, 1e9, 1e9], np.full(5, 1e-6))
    assert (found.place, found.chance) == (3, 1.0)
    assert np.isfinite(found.factor)


def test_places_are_those_of_the_series_not_of_its_known_values():
    values = [0, np.nan, 0, np.nan, 0, np.nan, 5, 5, np.nan, 5]
    found = change_point(values, np.full(10, 0.1))
    assert (found.place, found.first, found.last) == (6, 6, 6)
    marks = [change_point(np.insert(values, 0, [np.nan] * n), np.full(10 + n, 0.1)) for n in (0, 3)]
    assert all(b.place - a.place == 3 for a, b in pairwise(marks))
