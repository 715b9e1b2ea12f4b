"""From measured outcomes to effects: comparisons, families of tests, segments, days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from heedful.experiments.effects import Effect, averaged
from heedful.experiments.protocol import LEAST_UNITS, Protocol
from heedful.experiments.readout import (
    Heterogeneity,
    Look,
    OutcomeResult,
    SampleRatio,
    SegmentResult,
)
from heedful.experiments.sensitivity import detectable, power_of
from heedful.experiments.verdicts import margin_verdict, verdict

if TYPE_CHECKING:
    from heedful.experiments.measured import Measured
    from heedful.stats.contrast import Contrast, Critical
    from heedful.stats.groups import Group

EVERYONE = "all variants"


def sample_ratio(protocol: Protocol) -> SampleRatio:
    """Whether units fell on the variants as planned."""
    from heedful.stats.sample_ratio import sample_ratio as tested

    counts = [variant.units for variant in protocol.variants]
    weights = [variant.weight for variant in protocol.variants]
    found = tested(counts, weights)
    return SampleRatio(present(found.p_value), found.state)


def outcomes(protocol: Protocol, measured: Sequence[Measured]) -> list[OutcomeResult]:
    """Compare all outcomes, and adjust p values for their families.

    The primary outcome's effects are one family (Holm), all secondary effects another
    (Benjamini-Hochberg), interactions of factors a third (Holm); each guardrail is tested by
    itself, since all of them must pass.

    Args:
        protocol: How the experiment is to be read.
        measured: The outcomes.

    Returns:
        Effects by outcome, then by comparison, in the order given.
    """
    effects = protocol.effects()
    found = [
        (one, effect, _outcome(protocol, one, effect)) for one in measured for effect in effects
    ]
    adjusted = _families([(one.asked.role, effect.interaction) for one, effect, _ in found], found)
    return [
        _judged(protocol, one, effect, replace(result, p_adjusted=p))
        for (one, effect, result), p in zip(found, adjusted, strict=True)
    ]


def pooled(protocol: Protocol, measured: Sequence[Measured]) -> list[OutcomeResult]:
    """All variants but the control taken as one, where there are several."""
    found = []
    for one in measured:
        if one.pooled is None or protocol.design == "factorial":
            continue
        groups = [one.groups[protocol.base], one.pooled]
        effect = Effect(EVERYONE, protocol.control, (1,), (0,))
        rest = [n for place, n in enumerate(one.counts) if place != protocol.base]
        counts = [one.counts[protocol.base], sum(rest)]
        alone = replace(one, groups=groups, counts=counts, answered=None)
        result = _outcome(protocol, alone, effect)
        found.append(_judged(protocol, alone, effect, replace(result, p_adjusted=result.p_value)))
    return found


def _families(
    roles: Sequence[tuple[str, bool]], found: Sequence[tuple[Measured, Effect, OutcomeResult]]
) -> list[float | None]:
    from heedful.stats.families import benjamini_hochberg, holm

    p = np.array([result.p_value if result.p_value is not None else nan for _, _, result in found])
    adjusted = p.copy()
    for role, interaction in dict.fromkeys(roles):
        if role == "guardrail":
            continue
        place = [i for i, each in enumerate(roles) if each == (role, interaction)]
        method = holm if role == "primary" else benjamini_hochberg
        adjusted[place] = method(p[place])
    return [present(float(value)) for value in adjusted]


def _outcome(protocol: Protocol, one: Measured, effect: Effect) -> OutcomeResult:
    asked = one.asked
    counts = one.counts
    treated, control = effect.sides(one.groups)
    n = _counted(one, effect.treated)
    control_n = _counted(one, effect.controls)
    critical = protocol.critical(*_sizes(counts, effect))
    why = one.why
    least = min((counts[place] for place in effect.places()), default=0)
    if why is None and least == 0:
        why = "no units whose window has passed" if one.waiting else "no units"
    elif why is None and min(n, control_n) < LEAST_UNITS:
        why = f"fewer than {LEAST_UNITS} units with a value"
    found = effect.contrast(one.groups, critical) if why is None else None
    value, control_value = present(treated.value), present(control.value)
    if found is None and value is not None and control_value is not None:
        found = _bare(value, control_value)
    if found is not None and why is None and not isfinite(found.low):
        why = "no variation" if isfinite(found.difference) else "no value in one of the variants"
        if isfinite(found.se) and not isfinite(critical.multiplier(found.df)):
            why = "too few units yet for a confidence sequence"
    p = present(found.p_value) if found else None
    if asked.role == "guardrail" and asked.margin is not None and not effect.interaction:
        p = _harm(one, effect, critical)[0] if why is None else None
    return OutcomeResult(
        kpi=asked.kpi,
        role=asked.role,
        variant=effect.name,
        control=effect.control,
        n=n,
        control_n=control_n,
        value=value,
        control_value=control_value,
        difference=present(found.difference) if found else None,
        low=present(found.low) if found else None,
        high=present(found.high) if found else None,
        relative=present(found.relative) if found else None,
        relative_low=present(found.relative_low) if found else None,
        relative_high=present(found.relative_high) if found else None,
        p_value=p,
        p_adjusted=None,
        margin=asked.margin,
        verdict="inconclusive",
        method=one.method,
        title=asked.title,
        unit=asked.unit,
        better=asked.better,
        layer=asked.layer,
        margin_kind=None if asked.margin is None else "relative" if asked.relative else "absolute",
        why=why,
        window_days=asked.window_days,
        delay_days=asked.delay_days,
        waiting=one.waiting,
        **_planned(protocol, one, effect, found),
    )


def _bare(value: float, control: float) -> Contrast:
    """A difference that has no interval."""
    from heedful.stats.contrast import Contrast

    relative = value / control - 1 if control > 0 else nan
    return Contrast(value - control, nan, nan, nan, nan, relative, nan, nan, nan)


def _counted(one: Measured, places: Sequence[int]) -> int:
    if one.answered is not None:
        return sum(one.answered[place][0] for place in places)
    return sum(one.counts[place] for place in places)


def _sizes(counts: Sequence[int], effect: Effect) -> tuple[float, float]:
    """Units on both sides; of an interaction, of the two sides of each sign."""
    treated, control = list(effect.treated), list(effect.controls)
    if effect.minus is not None:
        treated += effect.minus[1]
        control += effect.minus[0]
    return (
        float(sum(counts[place] for place in treated)),
        float(sum(counts[place] for place in control)),
    )


def _planned(
    protocol: Protocol, one: Measured, effect: Effect, found: Contrast | None
) -> dict[str, float | None]:
    """What covariates brought, and what could have been seen."""
    treated, control = effect.sides(one.groups)
    plain = treated.unadjusted - control.unadjusted
    reduced = (treated.variance_reduction + control.variance_reduction) / 2
    result = {
        "unadjusted": present(plain) if not effect.interaction else None,
        "variance_reduction": present(reduced),
        "power": None,
        "detectable": None,
    }
    if found is None or not isfinite(found.se) or found.se <= 0:
        return result
    seen = detectable(found.se, alpha=protocol.alpha, power=protocol.power)
    result["detectable"] = present(seen)
    smallest = smallest_of(protocol, control.value)
    if one.asked.role == "primary" and smallest is not None:
        result["power"] = present(power_of(smallest, found.se, alpha=protocol.alpha))
    return result


def smallest_of(protocol: Protocol, control: float) -> float | None:
    """The smallest difference on the primary outcome that matters, in its unit."""
    if protocol.smallest is None or not isfinite(control):
        return None
    return protocol.smallest * abs(control) if protocol.relative else protocol.smallest


def _harm(one: Measured, effect: Effect, critical: Critical) -> tuple[float | None, bool, bool]:
    """One-sided p of harm beyond the margin, whether that is excluded, and whether it is harmed."""
    from heedful.stats.contrast import non_inferiority

    asked = one.asked
    treated, control = effect.sides(one.groups)
    found = non_inferiority(
        treated,
        control,
        margin=asked.margin or 0.0,
        relative=asked.relative,
        better=asked.better,
        critical=critical,
    )
    return present(found.p_value), found.shown, found.harmed


def _judged(
    protocol: Protocol, one: Measured, effect: Effect, result: OutcomeResult
) -> OutcomeResult:
    void = _void(one, effect)
    if void:
        return replace(result, verdict="void", why=void)
    if result.low is None or result.high is None:
        return replace(result, verdict="inconclusive")
    asked = one.asked
    if asked.role == "guardrail" and asked.margin is not None and not effect.interaction:
        critical = protocol.critical(*_sizes(one.counts, effect))
        _, shown, harmed = _harm(one, effect, critical)
        return replace(result, verdict=margin_verdict(shown=shown, harmed=harmed))
    smallest = None
    if asked.role == "primary":
        smallest = smallest_of(protocol, averaged(one.groups, effect.controls).value)
    return replace(result, verdict=verdict(result, protocol.alpha, smallest))


def _void(one: Measured, effect: Effect) -> str | None:
    """Why an outcome of those who answered cannot be compared: they did not answer alike."""
    if not one.asked.survey or one.answered is None:
        return None
    from heedful.stats.sample_ratio import answered

    pairs = [one.answered[place] for place in effect.places()]
    if not all(yes + no for yes, no in pairs):
        return None
    found = answered([yes for yes, _ in pairs], [no for _, no in pairs])
    if found.state != "fail":
        return None
    rates = " and ".join(f"{100 * yes / (yes + no):.1f}%" for yes, no in pairs)
    return f"the variants answer differently: {rates} (p = {found.p_value:.2g})"


def segments(
    protocol: Protocol, measured: Sequence[Measured]
) -> tuple[list[SegmentResult], list[Heterogeneity]]:
    """Effects within segments, and whether they differ between the segments of a dimension.

    The segments of the primary outcome are one family (Benjamini-Hochberg), those of all other
    outcomes another; tests of heterogeneity likewise.
    """
    from heedful.stats.families import benjamini_hochberg
    from heedful.stats.heterogeneity import heterogeneity

    results: list[SegmentResult] = []
    tests: list[Heterogeneity] = []
    first: list[bool] = []
    tested_first: list[bool] = []
    for one in _once(measured):
        main = one.asked.role == "primary"
        for effect in (each for each in protocol.effects() if not each.interaction):
            for dimension, by_segment in one.segments.items():
                within: list[Contrast] = []
                for label, groups in by_segment.items():
                    result, contrasted = _segment(protocol, one, effect, dimension, label, groups)
                    results.append(result)
                    first.append(main)
                    if contrasted is not None:
                        within.append(contrasted)
                p = heterogeneity(
                    [each.difference for each in within],
                    [each.se for each in within],
                    [each.df for each in within],
                )
                tests.append(Heterogeneity(dimension, one.asked.kpi, present(p), effect.name))
                tested_first.append(main)
    ps = np.array([one.p_value if one.p_value is not None else nan for one in results])
    hs = np.array([one.p_value if one.p_value is not None else nan for one in tests])
    for values, mains in ((ps, first), (hs, tested_first)):
        mask = np.array(mains, dtype=bool)
        for family in (mask, ~mask):
            if family.any():
                values[family] = benjamini_hochberg(values[family])
    return (
        [replace(one, p_adjusted=present(float(p))) for one, p in zip(results, ps, strict=True)],
        [replace(one, p_adjusted=present(float(p))) for one, p in zip(tests, hs, strict=True)],
    )


def _once(measured: Sequence[Measured]) -> list[Measured]:
    """Each KPI once: a guardrail may also be a secondary outcome."""
    return list({one.asked.kpi: one for one in reversed(measured)}.values())[::-1]


def _segment(
    protocol: Protocol,
    one: Measured,
    effect: Effect,
    dimension: str,
    label: str | None,
    groups: Sequence[Group],
) -> tuple[SegmentResult, Contrast | None]:
    treated, control = effect.sides(groups)
    n, control_n = (int(side.n) if isfinite(side.n) else 0 for side in (treated, control))
    found = None
    if min(n, control_n) >= LEAST_UNITS:
        found = effect.contrast(groups, protocol.critical(n, control_n))
        if not isfinite(found.se):
            found = None
    value, control_value = present(treated.value), present(control.value)
    bare = None
    if value is not None and control_value is not None:
        bare = value - control_value
    result = SegmentResult(
        dimension=dimension,
        segment=label,
        kpi=one.asked.kpi,
        variant=effect.name,
        difference=present(found.difference) if found else bare,
        low=present(found.low) if found else None,
        high=present(found.high) if found else None,
        p_adjusted=None,
        n=n,
        control_n=control_n,
        value=value,
        control_value=control_value,
        p_value=present(found.p_value) if found else None,
        relative=present(found.relative) if found else None,
    )
    return result, found


def looks(protocol: Protocol, measured: Sequence[Measured]) -> list[Look]:
    """The difference of every outcome as it stood on each day.

    Under alpha spending only the planned looks are shown.
    """
    found: list[Look] = []
    effects = [each for each in protocol.effects() if not each.interaction]
    planned = protocol.past_looks() if protocol.sequential == "alpha_spending" else None
    for one in _once(measured):
        stood = _on_days(one, planned) if planned is not None else [(0, *x) for x in one.looks]
        for effect in effects:
            found += [_look(protocol, one, effect, day, groups, nth) for nth, day, groups in stood]
    return found


def _on_days(one: Measured, days: Sequence[date]) -> list[tuple[int, date, Sequence[Group]]]:
    """Which look it is, its day, and how things stood; none where nothing was known yet."""
    return [
        (nth, day, known[-1])
        for nth, day in enumerate(days)
        if (known := [groups for seen, groups in one.looks if seen <= day])
    ]


def _look(
    protocol: Protocol,
    one: Measured,
    effect: Effect,
    day: date,
    groups: Sequence[Group],
    nth: int,
) -> Look:
    treated, control = effect.sides(groups)
    units = treated.n + control.n
    low = high = p = None
    bare = present(treated.value - control.value)
    if min(treated.n, control.n) >= LEAST_UNITS:
        contrasted = effect.contrast(groups, protocol.critical(treated.n, control.n, nth))
        low, high = present(contrasted.low), present(contrasted.high)
        p = present(contrasted.p_value)
    return Look(day, one.asked.kpi, effect.name, bare, low, high, int(units), p)


def present(value: float) -> float | None:
    """A number, or None where there is none."""
    return float(value) if isfinite(value) else None
