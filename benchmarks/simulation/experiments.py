"""Coverage of differences between two groups of units."""

from collections.abc import Callable, Iterator, Sequence
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from heedful.stats.contrast import Contrast, FixedHorizon, contrast
from heedful.stats.groups import Group, groups
from heedful.stats.lifetime_groups import restricted_mean, surviving
from heedful.stats.moments import Moments
from heedful.stats.quantile_groups import quantile_of_rows
from simulation.draw import Floats, Table, Tally, batches, lognormal

LIFT = 0.1
"""True relative effect of the treated group."""

HORIZON = FixedHorizon(0.05)

Rng = np.random.Generator
Draw = Callable[[Rng, tuple[int, int]], Floats]


def moments(*parts: Floats) -> Moments:
    """Moments (samples, groups) of groups (samples, units), or (samples, units, variables)."""
    drawn = [part[..., None] if part.ndim == 2 else part for part in parts]
    shift = drawn[0].mean(axis=(0, 1))
    n, sums, products = [], [], []
    for part in drawn:
        moved = part - shift
        n.append(np.full(len(part), float(part.shape[1])))
        sums.append(moved.sum(axis=1))
        products.append(np.swapaxes(moved, 1, 2) @ moved)
    return Moments(np.stack(n, 1), np.stack(sums, 1), np.stack(products, 1), shift)


def pairs(drawn: Moments, *, ratio: bool = False) -> Iterator[tuple[Group, Group]]:
    """Treated and control group of each sample; the treated come second."""
    for sample in range(drawn.shape[0]):
        control, treated = groups(drawn[sample], ratio=ratio)
        yield treated, control


class Both:
    """Tallies of the difference and of the relative difference."""

    def __init__(self) -> None:
        self.difference, self.relative = Tally(), Tally()

    def add(self, found: Contrast, difference: float, relative: float) -> None:
        self.difference.ends(np.array([found.low]), np.array([found.high]), difference)
        ends = np.array([found.relative_low]), np.array([found.relative_high])
        self.relative.ends(*ends, relative)


def amounts(cv: float) -> Draw:
    """Lognormal amounts with mean 1."""
    return lambda rng, shape: lognormal(rng.standard_normal(shape), cv)


OUTCOMES: dict[str, tuple[Draw, Draw]] = {
    "normal, CV 0.5": (
        lambda rng, shape: 1 + 0.5 * rng.standard_normal(shape),
        lambda rng, shape: 1 + LIFT + 0.5 * rng.standard_normal(shape),
    ),
    "share 5%": (
        lambda rng, shape: (rng.random(shape) < 0.05).astype(float),
        lambda rng, shape: (rng.random(shape) < 0.05 * (1 + LIFT)).astype(float),
    ),
    **{
        f"CV {cv}": (
            amounts(cv),
            lambda rng, shape, cv=cv: (1 + LIFT) * lognormal(rng.standard_normal(shape), cv),
        )
        for cv in (1, 2, 6)
    },
}

SPLITS = (
    (100, 100),
    (1000, 1000),
    (5000, 5000),
    (50_000, 50_000),
    (900, 100),
    (9000, 1000),
    (90_000, 10_000),
)
"""Units in the control and in the treated group."""


def means(rng: Rng, runs: int, control: int, treated: int, outcome: str) -> Both:
    """Means or shares of groups of so many units."""
    base, other = OUTCOMES[outcome]
    both, mean = Both(), 0.05 if outcome.startswith("share") else 1.0
    for samples in batches(runs, control + treated):
        drawn = moments(base(rng, (samples, control)), other(rng, (samples, treated)))
        for pair in pairs(drawn):
            both.add(contrast(*pair, HORIZON), LIFT * mean, LIFT)
    return both


def lines(units: str, found: Sequence[Both]) -> Table:
    return [
        [units, "difference", *(str(both.difference) for both in found)],
        [units, "relative", *(str(both.relative) for both in found)],
    ]


def means_table(runs: int) -> Table:
    """Means and shares of units, and their relative differences."""
    rng = np.random.default_rng(21)
    table = [["units: control / treated", "interval of", *OUTCOMES]]
    for control, treated in SPLITS:
        number = runs if control < 50_000 else runs // 2
        found = [means(rng, number, control, treated, outcome) for outcome in OUTCOMES]
        table += lines(f"{control:,} / {treated:,}", found)
    return table


def clicks(rng: Rng, shape: tuple[int, int], lift: float) -> Floats:
    """Clicks and visits of units; heavy visitors click more often: 1.4 clicks a visit."""
    visits = rng.geometric(0.2, shape).astype(float)
    clicked = rng.poisson((1 + lift) * visits * (0.5 + 0.1 * visits)).astype(float)
    return np.stack([clicked, visits], axis=2)


def orders(rng: Rng, shape: tuple[int, int], lift: float, cv: float) -> Floats:
    """Amounts and orders of units, 3 orders on average; amounts alike within a unit by half."""
    number = rng.geometric(1 / 3, shape)
    who = np.repeat(np.arange(number.size), number.ravel())
    drawn = rng.standard_normal(number.size)[who] + rng.standard_normal(len(who))
    rows = (1 + lift) * lognormal(drawn / 2**0.5, cv)
    total = np.bincount(who, rows, minlength=number.size).reshape(shape)
    return np.stack([total, number.astype(float)], axis=2)


RATIOS: dict[str, tuple[float, Callable[[Rng, tuple[int, int], float], Floats]]] = {
    "clicks per visit": (1.4, clicks),
    **{
        f"amount per order, CV {cv}": (
            1.0,
            lambda rng, shape, lift, cv=cv: orders(rng, shape, lift, cv),
        )
        for cv in (1, 2, 6)
    },
}


def ratios(rng: Rng, runs: int, control: int, treated: int, outcome: str) -> Both:
    """Ratios of sums of groups of so many units, which have several rows."""
    value, draw = RATIOS[outcome]
    both = Both()
    for samples in batches(runs, 3 * (control + treated)):
        drawn = moments(draw(rng, (samples, control), 0.0), draw(rng, (samples, treated), LIFT))
        for pair in pairs(drawn, ratio=True):
            both.add(contrast(*pair, HORIZON), LIFT * value, LIFT)
    return both


def ratios_table(runs: int) -> Table:
    """Ratios of sums whose units have several rows."""
    rng = np.random.default_rng(22)
    table = [["units: control / treated", "interval of", *RATIOS]]
    for control, treated in ((100, 100), (1000, 1000), (5000, 5000), (4500, 500)):
        found = [ratios(rng, runs, control, treated, outcome) for outcome in RATIOS]
        table += lines(f"{control:,} / {treated:,}", found)
    return table


def rows_of(rng: Rng, units: int, rows: float) -> tuple[Floats, NDArray[np.intp]]:
    """Standard normal rows, correlated by 0.5 within a unit if it has several."""
    if rows == 1:
        return rng.standard_normal(units), np.arange(units)
    who = np.repeat(np.arange(units), rng.geometric(1 / rows, units))
    return (rng.standard_normal(units)[who] + rng.standard_normal(len(who))) / 2**0.5, who


QUANTILES = {"median": 0.5, "90th percentile": 0.9, "99th percentile": 0.99}
STEPS = "median of whole numbers"


def quantiles(rng: Rng, runs: int, units: int, rows: float) -> dict[str, Both]:
    """Quantiles of lognormal rows, and of whole numbers with a step at the median."""
    found = {name: Both() for name in (*QUANTILES, STEPS)}
    for _ in range(runs):
        (base, who), (other, whose) = (rows_of(rng, units, rows) for _ in range(2))
        for name, q in QUANTILES.items():
            control = quantile_of_rows(np.exp(base), who, q)
            treated = quantile_of_rows((1 + LIFT) * np.exp(other), whose, q)
            found[name].add(contrast(treated, control, HORIZON), LIFT * exp(ndtri(q)), LIFT)
        control = quantile_of_rows(np.floor(3 * np.exp(base)), who, 0.5)
        treated = quantile_of_rows(np.floor(3 * np.exp(other)), whose, 0.5)
        found[STEPS].add(contrast(treated, control, HORIZON), 0.0, 0.0)
    return found


def quantiles_table(runs: int) -> Table:
    """Quantiles of rows."""
    rng = np.random.default_rng(23)
    table = [["units a group", "rows each", "interval of", *QUANTILES, STEPS]]
    for units, rows in ((100, 1), (100, 5), (1000, 1), (1000, 5), (5000, 1)):
        found = quantiles(rng, runs // 2, units, rows)
        label = "1" if rows == 1 else f"{rows}, alike 0.5"
        for _, *line in lines("", list(found.values())):
            table.append([f"{units:,}", label, *line])
    return table


STAYS = (0.5, 0.9, 0.97)
SLOWER = 0.8
"""Hazard of the treated, where that of the control is 1."""


def lifetimes(rng: Rng, runs: int, units: int, censored: float) -> list[Tally]:
    """Survival at three times, and the restricted mean until 1."""
    tallies = [Tally() for _ in range(len(STAYS) + 1)]
    for _ in range(runs):
        pair = [watched(rng, units, hazard, censored) for hazard in (1.0, SLOWER)]
        for tally, stay in zip(tallies, STAYS, strict=False):
            control, treated = (surviving(*rows, at=-log(stay)) for rows in pair)
            _add(tally, contrast(treated, control, HORIZON), stay**SLOWER - stay)
        control, treated = (restricted_mean(*rows, horizon=1.0) for rows in pair)
        truth = (1 - exp(-SLOWER)) / SLOWER - (1 - exp(-1))
        _add(tallies[-1], contrast(treated, control, HORIZON), truth)
    return tallies


def lifetimes_table(runs: int) -> Table:
    """Survival at a time and restricted means: exponential times."""
    rng = np.random.default_rng(24)
    names = (*(f"stay {stay:.0%}" for stay in STAYS), "restricted mean")
    table = [["units a group", "censored", *names]]
    for units in (100, 1000, 5000):
        for censored in (0.0, 0.5):
            tallies = lifetimes(rng, runs if units < 5000 else runs // 2, units, censored)
            table.append([f"{units:,}", f"{censored:.0%}", *map(str, tallies)])
    return table


def watched(
    rng: Rng, units: int, hazard: float, censored: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Exponential times, of which a share is censored at random (at hazard 1)."""
    event = rng.exponential(1 / hazard, units)
    if not censored:
        return event, np.ones(units, dtype=np.bool_)
    end = rng.exponential((1 - censored) / censored, units)
    return np.minimum(event, end), event <= end


def _add(tally: Tally, found: Contrast, truth: float) -> None:
    tally.ends(np.array([found.low]), np.array([found.high]), truth)
