"""What to read with care, whatever was decided: each caveat is a sentence with its figures."""

from __future__ import annotations

from collections.abc import Iterator

from heedful.experiments.evidence import Case, Evidence
from heedful.experiments.readout import OutcomeResult
from heedful.experiments.sentences import inner, known, moves, names, side_of
from heedful.experiments.wording import (
    counted,
    difference,
    listed,
    of_them,
    p_equals,
    percent,
    relative,
)

FEW_UNITS = 100
"""Fewer units on a side and intervals of skewed amounts miss more often than they say."""
MANY_CROSSOVERS = 0.01
"""The share of units that met several variants from which on they are worth a warning."""
UNEVEN, ENOUGH_UNEVEN = 0.28, 1000
"""A smaller side of less than this share has this many units before intervals can be believed."""
FAR_FEWER = 0.8
"""A variant with less than this share of its planned units has far fewer."""
SHORT_OF_POWER = 0.01
"""Power may fall this short of the plan before it is worth a warning."""


def caveats(case: Case) -> tuple[str, ...]:
    """What to read with care about one variant: first how it went, then its effects.

    Args:
        case: The variant the decision is about, with all evidence.
    """
    evidence = case.evidence
    about = (
        *_ratio(evidence),
        *_crossed(evidence),
        *_peeked(evidence),
        *_waiting(evidence, case),
        *_answered(evidence),
        *_fewer(evidence),
    )
    # Where units are lost, no effect is believed, and none is worth a caveat.
    if evidence.srm.state == "fail":
        return about
    return (
        *about,
        *_paid(case),
        *_power(case),
        *_small(case),
        *_few(case),
        *_uneven(case),
        *_trend(case),
        *_several(evidence, case),
        *_interacting(evidence),
    )


def _ratio(evidence: Evidence) -> Iterator[str]:
    if evidence.srm.state == "caution":
        yield (
            f"Sample ratio doubtful ({p_equals(evidence.srm.p_value)}): look for what keeps "
            f"{evidence.unit}s of one variant from being counted."
        )


def _crossed(evidence: Evidence) -> Iterator[str]:
    everyone = evidence.units + evidence.crossovers
    if evidence.crossovers > MANY_CROSSOVERS * everyone:
        share = percent(evidence.crossovers / everyone, 1)
        yield (
            f"Crossovers: {of_them(evidence.crossovers, evidence.unit)} ({share}) met several "
            "variants and were left out."
        )


def _peeked(evidence: Evidence) -> Iterator[str]:
    if not evidence.units:
        return
    if evidence.fixed and (evidence.looks or evidence.running or evidence.stopped):
        times = f" {of_them(evidence.looks, 'time')}" if evidence.looks else ""
        yield (
            f"Peeked without a sequential design: looked at{times} before its planned end. "
            "Intervals and p values of a test of fixed length hold for one look, at the end."
        )
    elif evidence.planned_looks is not None and evidence.looks > evidence.planned_looks:
        yield (
            f"More looks than planned: {counted(evidence.looks)} instead of "
            f"{counted(evidence.planned_looks)}; alpha was spent for the planned ones only."
        )


def _paid(case: Case) -> Iterator[str]:
    if not case.better or not case.paid:
        return
    bought = all(side_of(one) == "commercial" for one in case.paid)
    worse = "; ".join(moves(one, case.evidence.currency) for one in case.paid)
    yield f"A better number beside {'a worse one' if bought else 'worse quality'}: {worse}."


def _waiting(evidence: Evidence, case: Case) -> Iterator[str]:
    decisive = [one for one in (case.primary, *case.guardrails) if one is not None and one.waiting]
    if not decisive:
        return
    parts = []
    for one in decisive:
        share = f", {percent(one.waiting / evidence.units)}" if evidence.units else ""
        parts.append(f"{inner(one)} ({of_them(one.waiting, evidence.unit)}{share})")
    yield f"Windows still open: not everyone counts yet for {listed(parts)}."


def _answered(evidence: Evidence) -> Iterator[str]:
    for one in evidence.answered:
        if one.state == "ok":
            continue
        rates = listed([f"{percent(share, 1)} ({name})" for name, share in one.shares])
        told = f": {rates}" if rates else ""
        what = "is void" if one.state == "fail" else "is to be read with care"
        yield (
            f"Response rates differ{told}, {p_equals(one.p_value)}; {one.title or one.kpi} {what}: "
            "those who answer are not the same people."
        )


def _power(case: Case) -> Iterator[str]:
    evidence, primary = case.evidence, case.primary
    # What is shown was seen, however unlikely that was.
    if primary is None or primary.power is None or evidence.running or case.better or case.worse:
        return
    if primary.power < evidence.power - SHORT_OF_POWER:
        seen = ""
        if primary.detectable is not None:
            could = difference(abs(primary.detectable), primary.unit, currency=evidence.currency)
            seen = f"; it could have seen {could.removeprefix('+')}"
        yield (
            f"Under-powered: {percent(primary.power)} instead of {percent(evidence.power)} to see "
            f"the smallest effect that matters{seen}."
        )


def _small(case: Case) -> Iterator[str]:
    evidence, primary = case.evidence, case.primary
    if not case.better or primary is None or evidence.smallest_effect is None:
        return
    in_percent = evidence.smallest_kind == "relative"
    found = primary.relative if in_percent else primary.difference
    if found is None or abs(found) >= evidence.smallest_effect:
        return
    if in_percent:
        shown, least = relative(found), relative(evidence.smallest_effect)
    else:
        shown = difference(found, primary.unit, currency=evidence.currency)
        least = difference(evidence.smallest_effect, primary.unit, currency=evidence.currency)
    yield (
        f"Smaller than planned: {shown}, where {least.removeprefix('+')} was said to be the "
        "smallest effect that matters."
    )


def _few(case: Case) -> Iterator[str]:
    decisive = (case.primary, *case.guardrails)
    few = [one for one in decisive if known(one) and one is not None and _least(one) < FEW_UNITS]
    if few:
        least = min(map(_least, few))
        yield (
            f"Few {case.evidence.unit}s: no more than {counted(least)} on a side count for "
            f"{names(few)}; intervals are rough."
        )


def _uneven(case: Case) -> Iterator[str]:
    """Skewness cancels between even groups only; see the error rates in docs/statistics.md."""
    if not case.evidence.fixed and case.evidence.planned_looks is None:
        return  # A confidence sequence waits until both groups are large enough.
    decisive = (case.primary, *case.guardrails)
    thin = [
        one
        for one in decisive
        if one is not None
        and known(one)
        and _least(one) < UNEVEN * (one.n + one.control_n)
        and FEW_UNITS <= _least(one) < ENOUGH_UNEVEN
    ]
    if thin:
        least = min(map(_least, thin))
        yield (
            f"Uneven groups: {counted(least)} on the smaller side for {names(thin)}. Where amounts "
            "are skewed, intervals of so few beside so many are too short; capping helps."
        )


def _least(outcome: OutcomeResult) -> int:
    return min(outcome.n, outcome.control_n)


def _fewer(evidence: Evidence) -> Iterator[str]:
    if evidence.planned_units is None or evidence.running:
        return
    short = [
        f"{one.name} has {counted(one.units)} of {counted(one.weight * evidence.planned_units)}"
        for one in evidence.variants
        if one.units < FAR_FEWER * one.weight * evidence.planned_units
    ]
    if short:
        yield f"Far fewer {evidence.unit}s than planned: {listed(short)}."


def _trend(case: Case) -> Iterator[str]:
    for one in case.evidence.trends:
        if one.variant != case.variant or one.p_value >= case.evidence.alpha:
            continue
        early, late = one.early, one.late
        if early is None or late is None:
            yield (
                f"Novelty: the effect shrinks with time ({p_equals(one.p_value)}); what stays may "
                "be smaller than what is shown."
            )
        elif abs(late) < abs(early) or early * late < 0:
            unit = case.primary.unit if case.primary else None
            yield (
                f"Novelty: the effect shrinks with time, from {difference(early, unit)} to "
                f"{difference(late, unit)} ({p_equals(one.p_value)}); what stays may be smaller "
                "than what is shown."
            )


def _several(evidence: Evidence, case: Case) -> Iterator[str]:
    effects = evidence.candidates or {
        one.variant for one in evidence.outcomes if one.role == "primary" and one.control
    }
    if case.better and len(effects) > 1:
        yield (
            f"The best of several: {counted(len(effects))} effects on the primary KPI were tested. "
            "Their p values are adjusted for that, but the best one looks better than it is."
        )


def _interacting(evidence: Evidence) -> Iterator[str]:
    for one in evidence.outcomes:
        if one.role == "primary" and not one.control and one.verdict in ("better", "worse"):
            yield (
                f"Factors interact: the effect on {inner(one)} is not the sum of its parts "
                f"({one.variant}, {p_equals(one.p_adjusted or one.p_value)}); look at the cells."
            )
