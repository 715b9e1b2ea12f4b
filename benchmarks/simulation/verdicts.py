"""How often verdicts are wrong: guardrails, families, winners."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heedful.stats.contrast import contrast, non_inferiority
from heedful.stats.families import benjamini_hochberg, holm
from heedful.stats.groups import groups
from heedful.stats.heterogeneity import heterogeneity
from heedful.stats.moments import Moments
from heedful.stats.shrinkage import shrink
from simulation.draw import Floats, Table, batches, lognormal
from simulation.experiments import HORIZON, Rng, moments, pairs

Better = Literal["higher", "lower"]


MARGIN = 0.05
GUARDED: dict[str, tuple[float, Callable[[Rng, tuple[int, int]], Floats]]] = {
    "share 90%": (0.9, lambda rng, shape: rng.random(shape) / 0.9),
    "share 5%": (0.05, lambda rng, shape: rng.random(shape) / 0.05),
    "CV 1": (1.0, lambda rng, shape: lognormal(rng.standard_normal(shape), 1)),
    "CV 6": (1.0, lambda rng, shape: lognormal(rng.standard_normal(shape), 6)),
}
"""True value, and draws that `changed` makes into units."""


def changed(outcome: str, drawn: Floats, change: float) -> Floats:
    if outcome.startswith("share"):
        return (drawn < 1 + change).astype(float)
    return np.asarray((1 + change) * drawn)


def guarded(
    rng: Rng, runs: int, control: int, treated: int, outcome: str, change: float
) -> dict[tuple[str, Better], float]:
    """Share of experiments that call not inferior what changed by so much toward worse."""
    mean, draw = GUARDED[outcome]
    margins: dict[str, float] = {"relative": MARGIN, "absolute": MARGIN * mean}
    ways: tuple[Better, ...] = ("higher", "lower")
    shown = {(kind, better): 0 for kind in margins for better in ways}
    for samples in batches(runs, 4 * (control + treated)):
        base = changed(outcome, draw(rng, (samples, control)), 0.0)
        other = draw(rng, (samples, treated))
        for better in ways:
            worse = changed(outcome, other, -change if better == "higher" else change)
            for pair in pairs(moments(base, worse)):
                for kind, margin in margins.items():
                    found = non_inferiority(
                        *pair,
                        margin=margin,
                        relative=kind == "relative",
                        better=better,
                        critical=HORIZON,
                    )
                    shown[kind, better] += found.shown
    return {way: count / runs for way, count in shown.items()}


def margins_table(runs: int) -> Table:
    """Guardrails that are worse by exactly the margin, or not worse at all."""
    rng = np.random.default_rng(43)
    table = [["units: control / treated", "truly worse by", "margin", "better", *GUARDED]]
    for control, treated in ((1000, 1000), (5000, 5000), (9000, 1000)):
        for change in (MARGIN, 0.0):
            found = {
                outcome: guarded(rng, runs, control, treated, outcome, change)
                for outcome in GUARDED
            }
            for kind, better in found["CV 1"]:
                if change or (kind, better) == ("relative", "higher"):
                    rates = [f"{100 * each[kind, better]:.1f}" for each in found.values()]
                    units = f"{control:,} / {treated:,}"
                    table.append([units, f"{change:.0%}", kind, better, *rates])
    return table


class Verdicts(NamedTuple):
    """What an experiment with ten metrics in five segments calls; rates over many."""

    plain: float
    """Any false alarm among the metrics."""
    holm: float
    inside: float
    """Any false alarm among the metrics in segments."""
    adjusted: float
    false: float
    """Share of false alarms among the alarms that Benjamini and Hochberg leave in segments."""
    found: float
    """Share of true effects that Holm leaves."""
    found_inside: float
    differ: float
    """Share of metrics whose segments are called different."""


def families(rng: Rng, runs: int, affected: int) -> Verdicts:
    """Experiments in which that many of ten metrics have a true effect."""
    metrics, segments, units = 10, 5, 200
    true = np.arange(metrics) < affected
    rows: list[Verdicts] = []
    for samples in batches(runs, 2 * segments * units * metrics):
        shape = samples, segments, units, metrics
        drawn = []
        for shift in (0.0, np.where(true, 0.2, 0.0)):
            own = rng.standard_normal((*shape[:3], 1))
            drawn.append((own + rng.standard_normal(shape)) / 2**0.5 + shift)
        rows += [_verdicts([each[i] for each in drawn], true) for i in range(samples)]
    return Verdicts(*np.mean(rows, axis=0).tolist())


def families_table(runs: int) -> Table:
    """Ten metrics in five segments, metrics alike by 0.5 within a unit."""
    rng = np.random.default_rng(44)
    table = [
        [
            "true effects",
            "any false alarm, 10 metrics: plain",
            "Holm",
            "any false alarm, 50 in segments: plain",
            "Benjamini-Hochberg",
            "false among Benjamini-Hochberg's alarms",
            "true effects found: Holm",
            "in segments",
            "segments called different",
        ]
    ]
    for affected in (0, 3, 5):
        rates = families(rng, runs, affected)
        cells = [f"{100 * rate:.1f}" if np.isfinite(rate) else "–" for rate in rates]
        table.append([f"{affected} of 10", *cells])
    return table


def _verdicts(drawn: list[Floats], true: NDArray[np.bool_]) -> Verdicts:
    """What one experiment (segments, units, metrics) of two groups calls."""
    segments, units, metrics = drawn[0].shape
    n = np.full((2, segments), float(units))
    whole = np.empty(metrics)
    parts = np.empty((metrics, segments))
    differ = np.empty(metrics)
    for metric in range(metrics):
        rows = np.stack([each[..., metric] for each in drawn])
        cells = Moments(
            n, rows.sum(axis=2)[..., None], (rows**2).sum(axis=2)[..., None, None], np.zeros(1)
        )
        control, treated = groups(cells.sum(axis=1), ratio=False)
        whole[metric] = contrast(treated, control, HORIZON).p_value
        found = []
        for segment in range(segments):
            control, treated = groups(cells[:, segment], ratio=False)
            found.append(contrast(treated, control, HORIZON))
        parts[metric] = [each.p_value for each in found]
        differ[metric] = heterogeneity(
            [each.difference for each in found],
            [each.se for each in found],
            [each.df for each in found],
        )
    adjusted = holm(whole) < 0.05
    inside = benjamini_hochberg(parts.ravel()).reshape(parts.shape) < 0.05
    false = inside[~true].sum()
    return Verdicts(
        float((whole[~true] < 0.05).any()),
        float(adjusted[~true].any()),
        float((parts[~true] < 0.05).any()),
        float(inside[~true].any()),
        float(false / inside.sum()) if inside.any() else 0.0,
        float(adjusted[true].mean()) if true.any() else np.nan,
        float(inside[true].mean()) if true.any() else np.nan,
        float((differ < 0.05).mean()),
    )


class Winners(NamedTuple):
    """Effects of experiments that showed a positive effect, in their standard errors."""

    share: float
    claimed: float
    shrunk: float
    true: float
    covered: float
    """Share of true effects in the claimed intervals."""
    covered_shrunk: float


def winners(rng: Rng, runs: int, number: int, scatter: float) -> Winners:
    """Families of experiments with true effects that scatter about 0."""
    claimed, left, real = [], [], []
    inside = np.zeros(2)
    for _ in range(runs):
        true = scatter * rng.standard_normal(number)
        seen = true + rng.standard_normal(number)
        shrunk = shrink(seen, np.ones(number))
        won = seen > HORIZON.multiplier(np.inf)
        claimed.extend(seen[won])
        left.extend(shrunk.values[won])
        real.extend(true[won])
        inside += (
            np.sum(np.abs(seen - true)[won] < 1.96),
            np.sum(np.abs(shrunk.values - true)[won] < 1.96 * shrunk.ses[won]),
        )
    covered = inside / max(len(real), 1)
    means = (float(np.mean(each)) for each in (claimed, left, real))
    return Winners(len(real) / runs / number, *means, *covered.tolist())


def winners_table(runs: int) -> Table:
    """Families of experiments whose winners are shipped: what was claimed, what is left."""
    rng = np.random.default_rng(46)
    table = [
        [
            "experiments",
            "true effects scatter by",
            "winners",
            "claimed of winners",
            "shrunk",
            "true",
            "truth within 95%: claimed",
            "shrunk",
        ]
    ]
    for number in (10, 40):
        for scatter in (0.0, 0.5, 1.0, 2.0):
            each = winners(rng, runs, number, scatter)
            label = f"{scatter:g} standard errors" if scatter else "nothing works"
            values = [f"{value:.2f}" for value in (each.claimed, each.shrunk, each.true)]
            covered = [f"{each.covered:.0%}", f"{each.covered_shrunk:.0%}"]
            table.append([str(number), label, f"{each.share:.1%}", *values, *covered])
    return table
