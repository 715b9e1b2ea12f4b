"""Effects within segments, and claims of earlier experiments, as panels."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import TYPE_CHECKING

from heedful.experiments.forest import Span
from heedful.experiments.naming import Names
from heedful.experiments.panels import ADJUSTED, UNCLEAR, effect_cell, side_of
from heedful.experiments.sentences import inner, name_of
from heedful.experiments.tables import Cell, Draft, Panel, Row, blocks, scale_of
from heedful.experiments.wording import (
    amount,
    counted,
    decimals_of,
    difference,
    effect,
    listed,
    p_equals,
    percent,
)

if TYPE_CHECKING:
    from heedful.experiments.readout import (
        Claim,
        Heterogeneity,
        OutcomeResult,
        Readout,
        SegmentResult,
    )

DECISIONS = {
    "ship": "Ship",
    "do_not_ship": "Do not ship",
    "keep_running": "Keep running",
    "needs_review": "Needs review",
    "invalid": "Invalid",
}


def segments(readout: Readout, names: Names) -> tuple[Panel, ...]:
    """Effects on the primary KPI within segments; those on others stand in a sheet.

    Args:
        readout: An analysed experiment.
        names: What its variants are called.
    """
    mains = {
        one.kpi: one
        for one in readout.outcomes
        if one.role == "primary" and one.control is not None
    }
    found = []
    for kpi, outcome in mains.items():
        mine = [one for one in readout.segments if one.kpi == kpi]
        if mine:
            found.append(_segments_of(readout, names, outcome, mine))
    return tuple(found)


def _segments_of(
    readout: Readout,
    names: Names,
    outcome: OutcomeResult,
    found: Sequence[SegmentResult],
) -> Panel:
    unit = outcome.unit
    scale = scale_of(unit, outcome.kpi)
    tests = [one for one in readout.heterogeneity if one.kpi == outcome.kpi]
    drafts = []
    for one in found:
        word, tone = segment_verdict(one, readout.alpha, outcome.better)
        p = one.p_value if one.p_adjusted is None else one.p_adjusted
        places = decimals_of(unit, one.difference, one.low, one.high)
        before = [
            Cell(
                amount(value, unit, decimals=places, currency=readout.currency),
                below=f"n {counted(n)}",
                label=label,
            )
            for value, n, label in (
                (one.control_value, one.control_n, names.base),
                (one.value, one.n, names.variant(one.variant)),
            )
        ]
        row = Row(
            name="not known" if one.segment is None else one.segment,
            before=tuple(before),
            after=(
                effect_cell(one.difference, one.low, one.high, unit, readout.currency),
                Cell(word, below="" if p is None else p_equals(p), tone=tone or "flat"),
            ),
            why="" if one.low is not None else "too few units for an interval",
        )
        span = Span(
            scale.times(one.difference),
            scale.times(one.low),
            scale.times(one.high),
            dotted=readout.sequential == "confidence_sequence",
            tone=tone,
        )
        title, note = _dimension(one, tests, names)
        drafts.append(Draft(row, scale, span if one.difference is not None else None, title, note))
    return Panel(
        key="segments",
        title=name_of(outcome),
        note="verdicts adjusted for all segments (Benjamini-Hochberg)",
        blocks=blocks(drafts),
        heads=("Segment", names.base, names.treated),
        picture_head=f"{name_of(outcome)}, effect",
        after_heads=("Effect", "Verdict"),
        foot=_hint(tests, readout.alpha),
    )


def segment_verdict(one: SegmentResult, alpha: float, better: str) -> tuple[str, str]:
    """Verdict and tone of an effect within a segment, after adjusting for all segments."""
    if one.p_adjusted is None or one.difference is None or one.p_adjusted >= alpha:
        return ADJUSTED if side_of(one.low, one.high) else UNCLEAR, ""
    good = (one.difference > 0) == (better == "higher")
    return ("better", "good") if good else ("worse", "bad")


def _dimension(one: SegmentResult, tests: Sequence[Heterogeneity], names: Names) -> tuple[str, str]:
    """Head of a block: the dimension, and whether the effect differs within it."""
    title = _spoken(one.dimension)
    if names.several:
        title = f"{title} · {names.variant(one.variant)}"
    test = next(
        (
            each
            for each in tests
            if each.dimension == one.dimension and each.variant in (None, one.variant)
        ),
        None,
    )
    if test is None or test.p_value is None:
        return title, ""
    note = f"difference between segments {p_equals(test.p_value)}"
    if test.p_adjusted is not None:
        note += f", adjusted {p_equals(test.p_adjusted).removeprefix('p = ').removeprefix('p ')}"
    return title, note


def _hint(tests: Sequence[Heterogeneity], alpha: float) -> str:
    """What to make of differences between segments."""
    tested = [one for one in tests if one.p_value is not None]
    if not tested:
        return ""

    def called(some: Sequence[Heterogeneity]) -> str:
        return listed(list(dict.fromkeys(f"“{one.dimension}”" for one in some)))

    sure = [one for one in tested if one.p_adjusted is not None and one.p_adjusted < alpha]
    hint = [one for one in tested if one.p_value is not None and one.p_value < alpha]
    if sure:
        return f"The effect differs by {called(sure)}: find out why before it goes to everyone."
    if hint:
        return (
            f"The effect may differ by {called(hint)}. After adjusting for "
            f"{counted(len(tested))} tests this is a hint, not a finding: plan a test of it, do "
            "not target by it."
        )
    return "Nothing says that the effect differs between these segments."


def _spoken(dimension: str) -> str:
    text = dimension.replace("_", " ")
    return text[:1].upper() + text[1:]


def claims(readout: Readout) -> Panel:
    """What experiments claimed, and what is left once luck is taken out."""
    units = {one.kpi: one for one in readout.outcomes if one.control is not None}
    several = len({one.kpi for one in readout.claims}) > 1
    drafts = []
    for one in readout.claims:
        outcome = units.get(one.kpi)
        unit = outcome.unit if outcome else None
        scale = scale_of(unit, one.kpi)
        places = decimals_of(unit, one.difference, one.low, one.high)
        claimed = effect_cell(one.difference, one.low, one.high, unit, readout.currency)
        text = difference(one.shrunk, unit, decimals=places, currency=readout.currency)
        left = Cell(text, below=_kept(one), strong=True)
        row = Row(
            name=one.experiment,
            note=DECISIONS[one.decision].lower(),
            before=(Cell(claimed.text, claimed.small, label="claimed"),),
            after=(left,),
        )
        span = Span(
            scale.times(one.shrunk),
            scale.times(one.low),
            scale.times(one.high),
            before=scale.times(one.difference),
        )
        name = name_of(outcome) if outcome else one.kpi
        drafts.append(Draft(row, scale, span, name if several else ""))
    return Panel(
        key="claims",
        title="What earlier tests claimed",
        note="hollow: claimed, with its interval; filled: what is left once luck is taken out",
        blocks=blocks(drafts),
        heads=("Experiment", "Claimed"),
        picture_head="← worse | better →",
        after_heads=("Left",),
        foot=_together(readout, units),
    )


def _kept(one: Claim) -> str:
    if one.difference == 0:
        return ""
    share = one.shrunk / one.difference
    return f"{percent(share)} of the claim" if 0 <= share <= 1 else ""


def _together(readout: Readout, outcomes: dict[str, OutcomeResult]) -> str:
    """Sum of the claims beside what was measured, where all are about one KPI."""
    kpis = {one.kpi for one in readout.claims}
    if len(kpis) != 1:
        return ""
    outcome = outcomes.get(next(iter(kpis)))
    if outcome is None:
        return ""
    given = readout.claims
    total = sum(one.difference for one in given)
    # Experiments on different units are independent: half-widths add up as squares do.
    half = hypot(*((one.high - one.low) / 2 for one in given))
    left = sum(one.shrunk for one in given)
    unit, currency = outcome.unit, readout.currency
    said = (
        f"Together they claim {effect(total, total - half, total + half, unit, currency=currency)}"
    )
    said += f"; with luck taken out {effect(left, None, None, unit, currency=currency)} is left"
    if outcome.difference is None:
        return said + "."
    measured = effect(outcome.difference, outcome.low, outcome.high, unit, currency=currency)
    return f"{said}. Measured in {inner(outcome)}, against those who got none: {measured}."
