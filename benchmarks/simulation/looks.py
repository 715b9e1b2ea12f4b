"""False alarms of experiments that are looked at more than once."""

from collections.abc import Callable, Sequence

import numpy as np

from heedful.stats.contrast import Critical, FixedHorizon, contrast
from heedful.stats.groups import groups
from heedful.stats.moments import Moments
from heedful.stats.sequences import ConfidenceSequence
from heedful.stats.spending import AlphaSpending
from simulation.draw import Floats, Table, batches, lognormal
from simulation.experiments import LIFT

LOOKS = 60

Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]


def arriving(
    rng: np.random.Generator, draw: Draw, samples: int, units: int, share: float, lift: float = 0.0
) -> Moments:
    """Running moments (samples, looks, groups) of units that arrive in random order."""
    rows = draw(rng, (samples, units))
    treated = rng.random((samples, units)) < share
    rows = np.where(treated, (1 + lift) * rows, rows)
    shift = rows.mean()
    moved = rows - shift
    starts = np.linspace(0, units, LOOKS + 1).round().astype(np.intp)[:-1]
    parts = []
    for group in (~treated, treated):
        flags = group.astype(float)
        sums = [np.add.reduceat(each, starts, axis=1) for each in (flags, moved * flags)]
        squares = np.add.reduceat(moved * moved * flags, starts, axis=1)
        parts.append([*sums, squares])
    n, sums, products = (np.stack([part[i] for part in parts], axis=2) for i in range(3))
    shape = np.array([shift])
    return Moments(n, sums[..., None], products[..., None, None], shape).cumulative(1)


def seen(drawn: Moments, looks: Sequence[int], critical: Callable[[Moments, int], Critical]) -> int:
    """Samples of moments (samples, looks, groups) in which any of these looks shows an effect."""
    # No way to look calls an effect under 1.96 standard errors: only the others need a close look.
    with np.errstate(invalid="ignore", divide="ignore"):
        part = drawn.covariance[..., 0, 0] / drawn.n
        z = np.abs(drawn.mean[..., 1, 0] - drawn.mean[..., 0, 0]) / np.sqrt(part.sum(axis=2))
    near = np.nan_to_num(z) > 1.95
    number = 0
    for sample in range(drawn.shape[0]):
        for look in looks:
            if not near[sample, look]:
                continue
            now = drawn[sample, look]
            control, treated = groups(now, ratio=False)
            if contrast(treated, control, critical(now, look)).p_value < 0.05:
                number += 1
                break
    return number


def every(number: int) -> list[int]:
    """Indices of that many of the looks, evenly spread, the last one at the end."""
    return [LOOKS * (i + 1) // number - 1 for i in range(number)]


Way = Callable[[Moments, int], Critical]


def designs(units: int, share: float) -> dict[str, tuple[int, Way]]:
    """Ways to look: how often, and with which critical values."""
    fixed = FixedHorizon(0.05)

    def sequence(now: Moments, _look: int) -> Critical:
        control, treated = now.n.tolist()
        return ConfidenceSequence.between(treated, control, tuned_at=units)

    def always(now: Moments, _look: int) -> Critical:
        return ConfidenceSequence(0.05, float(now.n.sum()), units)

    def spending(number: int) -> Way:
        planned = tuple((look + 1) / LOOKS for look in every(number))
        critical = {
            look: AlphaSpending(0.05, planned, look=i) for i, look in enumerate(every(number))
        }
        return lambda _now, look: critical[look]

    found: dict[str, tuple[int, Way]] = {
        f"fixed horizon, looks: {number}": (number, lambda _now, _look: fixed)
        for number in (1, 10, 60)
    }
    found |= {f"sequence: {number}": (number, sequence) for number in (10, 60)}
    found |= {f"spending: {number}": (number, spending(number)) for number in (10, 60)}
    if share < 0.28:
        found["sequence from 100 units: 60"] = (60, always)
    return found


OUTCOMES: dict[str, Draw] = {
    "share 5%": lambda rng, shape: (rng.random(shape) < 0.05).astype(float),
    "CV 1": lambda rng, shape: lognormal(rng.standard_normal(shape), 1),
    "CV 6": lambda rng, shape: lognormal(rng.standard_normal(shape), 6),
}


def calls(
    rng: np.random.Generator, runs: int, units: int, share: float, outcome: str, lift: float = 0.0
) -> dict[str, float]:
    """Share of experiments in which any look shows an effect, by the way to look."""
    ways = designs(units, share)
    number = dict.fromkeys(ways, 0)
    for samples in batches(runs, 4 * units):
        drawn = arriving(rng, OUTCOMES[outcome], samples, units, share, lift)
        for way, (looks, critical) in ways.items():
            number[way] += seen(drawn, every(looks), critical)
    return {way: count / runs for way, count in number.items()}


def looks_table(runs: int) -> Table:
    """Experiments without any effect that call one."""
    rng = np.random.default_rng(31)
    columns = list(designs(1000, 0.1))
    table = [["planned units", "treated", "outcome", *columns]]
    for share in (0.5, 0.3, 0.1):
        for units in (2000, 20_000):
            for outcome in OUTCOMES:
                found = calls(rng, runs, units, share, outcome)
                rates = [alarmed(found[way]) if way in found else "" for way in columns]
                table.append([f"{units:,}", f"{share:.0%}", outcome, *rates])
    return table


def alarmed(rate: float) -> str:
    return f"**{100 * rate:.1f}**" if rate > 0.07 else f"{100 * rate:.1f}"


def power_table(runs: int) -> Table:
    """How often the ways to look see a true effect."""
    rng = np.random.default_rng(32)
    table = [["true effect", *designs(4000, 0.5)]]
    for lift in (0.0, LIFT / 2, LIFT, 2 * LIFT):
        found = calls(rng, runs // 2, 4000, 0.5, "CV 1", lift)
        table.append([f"{lift:.0%}", *(f"{100 * rate:.1f}" for rate in found.values())])
    return table
