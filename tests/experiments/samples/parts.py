"""Outcomes worked out from counts, for readouts that never were: plain Wald tests."""

from __future__ import annotations

from datetime import date, timedelta
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Any

from heedful.experiments.readout import Look, OutcomeResult, SegmentResult

Z = NormalDist().inv_cdf(0.975)
Side = tuple[float, float, int]
"""Mean, standard deviation, units."""


def share(p: float, n: int) -> Side:
    return p, sqrt(p * (1 - p)), n


def outcome(kpi: str, treated: Side, other: Side, **given: Any) -> OutcomeResult:
    """An outcome from the means of two sides; margins are judged as they are in earnest."""
    (value, spread, n), (base, base_spread, base_n) = treated, other
    found = value - base
    variance, base_variance = spread**2 / n, base_spread**2 / base_n
    se = sqrt(variance + base_variance)
    ratio, ratio_se = value / base, sqrt(variance / value**2 + base_variance / base**2)
    p = 2 * (1 - NormalDist().cdf(abs(found) / se))
    better = given.get("better", "higher")
    verdict = "inconclusive"
    if p < 0.05:
        verdict = "better" if (found > 0) == (better == "higher") else "worse"
    margin = given.get("margin")
    if margin is not None:
        low, high = ratio * exp(-Z * ratio_se) - 1, ratio * exp(Z * ratio_se) - 1
        held = low > -margin if better == "higher" else high < margin
        verdict = "non_inferior" if held else "harmed" if verdict == "worse" else "inconclusive"
        given.setdefault("margin_kind", "relative")
        given.setdefault("role", "guardrail")
    shown: dict[str, Any] = {
        "role": "secondary",
        "variant": "treatment",
        "control": "control",
        "n": n,
        "control_n": base_n,
        "value": value,
        "control_value": base,
        "difference": found,
        "low": found - Z * se,
        "high": found + Z * se,
        "relative": ratio - 1,
        "relative_low": exp(log(ratio) - Z * ratio_se) - 1,
        "relative_high": exp(log(ratio) + Z * ratio_se) - 1,
        "p_value": p,
        "p_adjusted": None if margin is not None else p,
        "margin": None,
        "verdict": verdict,
        "method": "difference of shares, delta method over units",
        "unit": "share",
        "window_days": 14,
        "detectable": 2.8 * se,
    }
    return OutcomeResult(kpi=kpi, **{**shown, **given})


def segment(
    one: OutcomeResult, dimension: str, name: str | None, treated: Side, control: Side
) -> SegmentResult:
    found = outcome(one.kpi, treated, control, better=one.better)
    return SegmentResult(
        dimension=dimension,
        segment=name,
        kpi=one.kpi,
        variant=one.variant,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_adjusted=found.p_value,
        n=found.n,
        control_n=found.control_n,
        value=found.value,
        control_value=found.control_value,
        p_value=found.p_value,
        relative=found.relative,
    )


def looks(one: OutcomeResult, first: date, days: int, wider: float = 1.0) -> tuple[Look, ...]:
    """Days that settle on the outcome, with intervals that shrink as units come."""
    assert one.difference is not None
    assert one.high is not None
    random = Random(7)
    half = (one.high - one.difference) * wider
    found = []
    for day in range(1, days + 1):
        part = day / days
        value = one.difference + random.gauss(0, half / 3) * (1 / part**0.5 - 1)
        width = half / part**0.5
        found.append(
            Look(
                first + timedelta(days=day - 1),
                one.kpi,
                one.variant,
                value,
                value - width,
                value + width,
                n=round((one.n + one.control_n) * part),
            )
        )
    return tuple(found)
