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
    Look,
    OutcomeResult,
    SampleRatio,
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
    # An interaction is a difference of differences; no two values stand for it.
    alone = effect.interaction
    if found is None and not alone and value is not None and control_value is not None:
        found = _bare(value, control_value)
    if found is not None and why is None and not isfinite(found.low):
        why = "no variation" if isfinite(found.difference) else "no value in one of the variants"
        if isfinite(found.se) and not isfinite(critical.multiplier(found.df)):
            why = "too few units yet for a confidence sequence"
    p = present(found.p_value) if found else None
    guarded = asked.role == "guardrail" and asked.margin is not None and not alone
    if guarded:
        p = _harm(one, effect, critical)[0] if why is None else None
    return OutcomeResult(
        kpi=asked.kpi,
        role="secondary" if alone and asked.role == "guardrail" else asked.role,
        variant=effect.name,
        control=effect.control,
        n=n,
        control_n=control_n,
        value=None if alone else value,
        control_value=None if alone else control_value,
        difference=present(found.difference) if found else None,
        low=present(found.low) if found else None,
        high=present(found.high) if found else None,
        relative=present(found.relative) if found else None,
        relative_low=present(found.relative_low) if found else None,
        relative_high=present(found.relative_high) if found else None,
        p_value=p,
        p_adjusted=None,
        margin=asked.margin if guarded else None,
        verdict="inconclusive",
        method=one.method,
        title=asked.title,
        unit=asked.unit,
        better=asked.better,
        layer=asked.layer,
        margin_kind=("relative" if asked.relative else "absolute") if guarded else None,
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
        "se": None,
    }
    if found is None or not isfinite(found.se) or found.se <= 0:
        return result
    result["se"] = found.se
    # The first step of Holm's procedure is the hardest; what it sees is seen.
    family = [each for each in protocol.effects() if each.interaction == effect.interaction]
    several = len(family) if one.asked.role == "primary" else 1
    strict = replace(protocol, alpha=protocol.alpha / several)
    bound = strict.critical(*_sizes(one.counts, effect)).multiplier(found.df)
    if not isfinite(bound):
        return result
    result["detectable"] = present(detectable(found.se, bound=bound, power=protocol.power))
    smallest = smallest_of(protocol, control.value)
    if one.asked.role == "primary" and smallest is not None and not effect.interaction:
        result["power"] = present(power_of(smallest, found.se, bound=bound))
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


def each_once(measured: Sequence[Measured]) -> list[Measured]:
    """Each KPI once: a guardrail may also be a secondary outcome."""
    return list({one.asked.kpi: one for one in reversed(measured)}.values())[::-1]


def looks(protocol: Protocol, measured: Sequence[Measured]) -> list[Look]:
    """The difference of every outcome as it stood on each day.

    Under alpha spending only the planned looks are shown.
    """
    found: list[Look] = []
    effects = [each for each in protocol.effects() if not each.interaction]
    planned = protocol.past_looks() if protocol.sequential == "alpha_spending" else None
    for one in each_once(measured):
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
