"""Error rates of experiments in short; `make simulate` measures the published ones the same way."""

import sys
from math import log
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from simulation import adjusting, experiments, looks, verdicts
from simulation.draw import Tally


def rates(tally: Tally) -> tuple[float, float]:
    """Misses below and above, of the intervals that there are."""
    shown = tally.runs - tally.withheld
    assert shown > 0.5 * tally.runs
    return tally.below / shown, tally.above / shown


def covered(tally: Tally) -> float:
    return 1 - sum(rates(tally))


# Monte Carlo standard error of a coverage of 95%: 0.5 points with 2,000 samples, 0.9 with 600.


@pytest.mark.parametrize("outcome", ["normal, CV 0.5", "share 5%", "CV 1", "CV 2"])
def test_differences_and_relative_differences(outcome) -> None:
    found = experiments.means(np.random.default_rng(1), 2000, 1000, 1000, outcome)
    for tally in (found.difference, found.relative):
        assert 0.932 < covered(tally) < 0.967
        assert max(rates(tally)) < 0.042


def test_very_skewed_amounts() -> None:
    # Even groups: skewness cancels in the difference. Uneven ones: it does not, and that is said.
    rng = np.random.default_rng(2)
    even = experiments.means(rng, 1500, 1000, 1000, "CV 6")
    assert 0.94 < covered(even.difference) < 0.985
    uneven = experiments.means(rng, 1500, 9000, 1000, "CV 6")
    below, above = rates(uneven.difference)
    assert below < 0.02
    assert 0.05 < above < 0.14


@pytest.mark.parametrize("outcome", ["clicks per visit", "amount per order, CV 1"])
def test_ratios_whose_units_have_several_rows(outcome) -> None:
    found = experiments.ratios(np.random.default_rng(3), 1500, 1000, 1000, outcome)
    for tally in (found.difference, found.relative):
        assert 0.93 < covered(tally) < 0.968


@pytest.mark.parametrize("rows", [1, 5])
def test_quantiles(rows) -> None:
    found = experiments.quantiles(np.random.default_rng(4), 400, 300, rows)
    for name in ("median", "90th percentile"):
        assert 0.92 < covered(found[name].difference) < 0.985
        assert 0.92 < covered(found[name].relative) < 0.985
    # Coarse values are covered too often, never too rarely.
    assert covered(found[experiments.STEPS].difference) > 0.95


@pytest.mark.parametrize("censored", [0.0, 0.5])
def test_survival_and_restricted_means(censored) -> None:
    tallies = experiments.lifetimes(np.random.default_rng(5), 800, 300, censored)
    for tally in tallies:
        assert 0.925 < covered(tally) < 0.98


@pytest.mark.parametrize("outcome", ["share 5%", "CV 1", "CV 6"])
def test_looking_early(outcome) -> None:
    found = looks.calls(np.random.default_rng(6), 1200, 2000, 0.5, outcome)
    # What looking does to a fixed horizon, and what the two designs make of it.
    assert found["fixed horizon, looks: 1"] < 0.07
    assert 0.12 < found["fixed horizon, looks: 10"] < found["fixed horizon, looks: 60"]
    assert found["sequence: 60"] < 0.025
    assert found["sequence: 10"] <= found["sequence: 60"]
    for number in (10, 60):
        assert 0.02 < found[f"spending: {number}"] < 0.068


def test_looking_early_at_uneven_groups() -> None:
    found = looks.calls(np.random.default_rng(7), 600, 15_000, 0.1, "CV 6")
    assert found["sequence: 60"] < 0.065
    # The minimum in the smaller group is what it takes.
    assert found["sequence from 100 units: 60"] > 0.075


def test_an_effect_is_seen_early_without_losing_much() -> None:
    found = looks.calls(np.random.default_rng(8), 400, 4000, 0.5, "CV 1", lift=0.1)
    fixed = found["fixed horizon, looks: 1"]
    assert 0.75 < fixed < 0.95
    assert found["spending: 10"] > fixed - 0.06
    assert 0.4 < found["sequence: 60"] < fixed


@pytest.mark.parametrize("alike", [0.3, 0.5, 0.7])
def test_covariates_gain_what_they_should(alike) -> None:
    gain = adjusting.covaried(np.random.default_rng(9), 2000, 300, alike, "normal")
    assert gain.units == pytest.approx(1 / (1 - alike**2), rel=0.1)
    assert 0.932 < covered(gain.tally) < 0.967


def test_skewed_and_useless_covariates() -> None:
    rng = np.random.default_rng(10)
    skewed = adjusting.covaried(rng, 1500, 300, 0.7, "lognormal, CV 2")
    real = np.expm1(0.7 * log(5)) / np.expm1(log(5))
    assert skewed.units > 0.85 / (1 - real**2)
    assert 0.925 < covered(skewed.tally) < 0.975
    useless = adjusting.misled(rng, 1500, 30)
    assert 0.7 < useless.units < 0.95
    assert 0.93 < covered(useless.tally) < 0.97


@pytest.mark.parametrize("mix", list(adjusting.MIXES))
def test_strata_gain_what_they_should(mix) -> None:
    gain = adjusting.stratified(np.random.default_rng(11), 1500, 300, mix)
    shares = adjusting.MIXES[mix]
    between = shares @ adjusting.LEVELS**2 - (shares @ adjusting.LEVELS) ** 2
    assert gain.units == pytest.approx(1 + between / adjusting.WITHIN**2, rel=0.12)
    assert 0.93 < covered(gain.tally) < 0.968


@pytest.mark.parametrize("outcome", ["share 90%", "CV 1"])
def test_harm_at_the_margin_passes_once_in_forty(outcome) -> None:
    rng = np.random.default_rng(12)
    wrong = verdicts.guarded(rng, 2000, 2000, 2000, outcome, verdicts.MARGIN)
    assert all(0.013 < rate < 0.042 for rate in wrong.values())
    fine = verdicts.guarded(rng, 300, 2000, 2000, outcome, 0.0)
    assert all(rate > 0.25 for rate in fine.values())


def test_families() -> None:
    rng = np.random.default_rng(13)
    none = verdicts.families(rng, 500, 0)
    assert none.plain > 0.2
    assert none.inside > 0.6
    assert none.holm < 0.065
    assert none.adjusted < 0.075
    assert 0.03 < none.differ < 0.07
    some = verdicts.families(rng, 200, 5)
    assert some.holm < 0.07
    assert some.false < 0.05
    assert some.found > 0.9


def test_capping_finds_less_than_there_is() -> None:
    rng = np.random.default_rng(14)
    plain, light, hard = (adjusting.capped(rng, 1000, 1000, 6, cut) for cut in (None, 0.999, 0.99))
    assert light.found.std() < 0.75 * plain.found.std()
    assert hard.found.std() < 0.5 * plain.found.std()
    # The price: the difference of what is left, not of the amounts.
    assert 0.055 < hard.found.mean() < 0.075
    assert hard.power > plain.power


@pytest.mark.parametrize("scatter", [0.5, 1.0])
def test_winners_are_shrunk_to_what_they_are_worth(scatter) -> None:
    found = verdicts.winners(np.random.default_rng(15), 400, 40, scatter)
    assert found.claimed > found.true + 0.9
    assert abs(found.shrunk - found.true) < 0.3
    assert found.covered_shrunk > 0.9
