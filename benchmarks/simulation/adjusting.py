"""What adjusting gains, and what it costs: covariates, strata, capping."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from heedful.stats.contrast import contrast
from heedful.stats.groups import groups
from heedful.stats.moments import Moments
from simulation.draw import Floats, Table, Tally, batches, lognormal
from simulation.experiments import HORIZON, LIFT, Rng, moments, pairs


class Gain:
    """Coverage of adjusted differences, and how much less they scatter than plain ones."""

    def __init__(self, truth: float) -> None:
        self.truth, self.tally = truth, Tally()
        self.plain: list[float] = []
        self.adjusted: list[float] = []
        self.power = [0, 0]

    def add(self, drawn: Moments) -> None:
        """Samples of moments (samples, groups, [strata]); the treated come second."""
        for sample in range(drawn.shape[0]):
            control, treated = groups(drawn[sample], ratio=False)
            found = contrast(treated, control, HORIZON)
            bare = drawn[sample] if len(drawn.shape) == 2 else drawn[sample].sum(axis=1)
            base, other = groups(bare.select([0]), ratio=False)
            before = contrast(other, base, HORIZON)
            self.tally.ends(np.array([found.low]), np.array([found.high]), self.truth)
            self.plain.append(before.difference)
            self.adjusted.append(found.difference)
            self.power[0] += before.p_value < 0.05
            self.power[1] += found.p_value < 0.05

    @property
    def units(self) -> float:
        """How many times as many units would do the same without adjusting."""
        return float(np.var(self.plain) / np.var(self.adjusted))

    def cells(self) -> list[str]:
        before, after = (100 * number / len(self.plain) for number in self.power)
        return [f"{self.units:.2f}", str(self.tally), f"{before:.0f} / {after:.0f}"]


def before_and_after(
    rng: Rng, shape: tuple[int, int], alike: float, make: Callable[[Floats], Floats], lift: float
) -> Floats:
    """An outcome with mean 1 and the same KPI before, correlated by `alike` before `make`."""
    own = rng.standard_normal(shape)
    after = alike * own + (1 - alike**2) ** 0.5 * rng.standard_normal(shape)
    return np.stack([(1 + lift) * make(after), make(own)], axis=2)


OUTCOMES: dict[str, tuple[Callable[[Floats], Floats], float]] = {
    "normal": (lambda z: 1 + 0.8 * z, 0.0),
    "lognormal, CV 2": (lambda z: lognormal(z, 2), float(np.log(5.0))),
}
"""How an outcome comes from a normal number, and the variance of its logarithm."""


def covaried(rng: Rng, runs: int, units: int, alike: float, outcome: str) -> Gain:
    """Differences adjusted by the same KPI before the exposure."""
    make = OUTCOMES[outcome][0]
    gain = Gain(LIFT)
    for samples in batches(runs, 8 * units):
        shape = samples, units
        control = before_and_after(rng, shape, alike, make, 0.0)
        gain.add(moments(control, before_and_after(rng, shape, alike, make, LIFT)))
    return gain


def misled(rng: Rng, runs: int, units: int) -> Gain:
    """Differences adjusted by ten covariates that say nothing."""
    gain = Gain(LIFT)
    for samples in batches(runs, 24 * units):
        control, treated = (rng.standard_normal((samples, units, 11)) for _ in range(2))
        treated[..., 0] += LIFT
        gain.add(moments(control, treated))
    return gain


def covariates_table(runs: int) -> Table:
    """Adjusting by covariates."""
    rng = np.random.default_rng(41)
    table = [
        ["units a group", "outcome", "correlation", "expected", "units gained", "coverage", "power"]
    ]
    for units in (100, 1000):
        for outcome, (_, spread) in OUTCOMES.items():
            for alike in (0.3, 0.5, 0.7):
                # The correlation of lognormal numbers is less than that of their logarithms.
                real = alike if not spread else np.expm1(alike * spread) / np.expm1(spread)
                cells = covaried(rng, runs, units, alike, outcome).cells()
                expected = f"{1 / (1 - real**2):.2f}"
                table.append([f"{units:,}", outcome, f"{real:.2f}", expected, *cells])
    for units in (30, 100):
        cells = misled(rng, runs, units).cells()
        table.append([str(units), "normal", "0, ten covariates", "1.00", *cells])
    return table


MIXES = {
    "five alike in size": np.full(5, 0.2),
    "one of 1%": np.array([0.39, 0.3, 0.2, 0.1, 0.01]),
}
LEVELS = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
WITHIN = 0.7
"""Standard deviation within a stratum."""


def stratified(rng: Rng, runs: int, units: int, mix: str) -> Gain:
    """Differences post-stratified by a dimension."""
    gain = Gain(LIFT)
    for samples in batches(runs, 8 * units):
        number = samples * 2 * units
        stratum = rng.choice(5, number, p=MIXES[mix])
        sample = np.repeat(np.arange(samples), 2 * units)
        group = np.tile(np.repeat([0, 1], units), samples)
        y = LEVELS[stratum] + LIFT * group + WITHIN * rng.standard_normal(number)
        cell = (sample * 2 + group) * 5 + stratum
        gain.add(Moments.of(y, cell, samples * 10).reshape(samples, 2, 5))
    return gain


def strata_table(runs: int) -> Table:
    """Post-stratification by a dimension that tells much, or that has a tiny value."""
    rng = np.random.default_rng(42)
    table = [["units a group", "strata", "expected", "units gained", "coverage", "power"]]
    for units in (100, 1000):
        for mix, shares in MIXES.items():
            between = float(shares @ LEVELS**2 - (shares @ LEVELS) ** 2)
            expected = f"{(between + WITHIN**2) / WITHIN**2:.2f}"
            cells = stratified(rng, runs, units, mix).cells()
            table.append([f"{units:,}", mix, expected, *cells])
    return table


class Capped(NamedTuple):
    """Differences of amounts that were cut."""

    found: Floats
    tally: Tally
    power: float


def capped(rng: Rng, runs: int, units: int, cv: float, cut: float | None) -> Capped:
    """Lognormal amounts cut at a quantile of both groups; the true difference is 10%."""
    tally, found, calls = Tally(), [], 0
    for samples in batches(runs, 8 * units):
        control, treated = (
            scale * lognormal(rng.standard_normal((samples, units)), cv)
            for scale in (1.0, 1 + LIFT)
        )
        if cut:
            both = np.concatenate([control, treated], axis=1)
            at = int(np.ceil(cut * 2 * units)) - 1
            cap = np.partition(both, at, axis=1)[:, at, None]
            control, treated = np.minimum(control, cap), np.minimum(treated, cap)
        for pair in pairs(moments(control, treated)):
            each = contrast(*pair, HORIZON)
            tally.ends(np.array([each.low]), np.array([each.high]), LIFT)
            found.append(each.difference)
            calls += each.p_value < 0.05
    return Capped(np.array(found), tally, calls / runs)


def capping_table(runs: int) -> Table:
    """Cut amounts."""
    rng = np.random.default_rng(45)
    table = [
        [
            "outcome",
            "units a group",
            "cut at",
            "difference found",
            "its standard error",
            "covers the true 10%",
            "power",
        ]
    ]
    for cv in (2, 6):
        for units in (1000, 5000):
            for cut in (None, 0.999, 0.99, 0.95):
                each = capped(rng, runs, units, cv, cut)
                label = f"{100 * cut:g}%" if cut else "not cut"
                mean, spread = f"{each.found.mean():.3f}", f"{each.found.std():.3f}"
                power = f"{100 * each.power:.0f}"
                row = [f"CV {cv}", f"{units:,}", label, mean, spread, str(each.tally), power]
                table.append(row)
    return table
