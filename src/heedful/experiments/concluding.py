"""From measured outcomes to the readout: what came out, what it is worth, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from heedful.experiments.analysing import looks, outcomes, pooled, present, sample_ratio
from heedful.experiments.decision import decide
from heedful.experiments.evidence import Answered, Evidence
from heedful.experiments.measured import no_groups
from heedful.experiments.novelty import trends
from heedful.experiments.readout import Readout
from heedful.experiments.tradeoffs import trade_offs
from heedful.experiments.within import segments
from heedful.experiments.worth import worth

if TYPE_CHECKING:
    from heedful.experiments.measured import Measured
    from heedful.experiments.protocol import Protocol
    from heedful.experiments.readout import OutcomeResult, SampleRatio


def conclude(
    protocol: Protocol,
    measured: Sequence[Measured],
    *,
    unit: str = "unit",
    currency: str | None = None,
    a_month: float | None = None,
) -> Readout:
    """Make a readout.

    Args:
        protocol: How the experiment is to be read.
        measured: Its outcomes, the primary one first.
        unit: What a unit is called, in the singular.
        currency: Of money.
        a_month: Units that enter in a month.
    """
    measured = [_waiting_for_look(protocol, one) for one in measured]
    results = outcomes(protocol, measured)
    within, differing = segments(protocol, measured)
    srm = sample_ratio(protocol)
    seen = looks(protocol, measured)
    known = evidence(protocol, measured, results, srm, unit, currency)
    decided = decide(known)
    # Effects among units that did not fall as planned are worth nothing.
    invalid = decided.decision == "invalid"
    asked = [one.asked for one in measured]
    priced = worth(results, asked, unit, currency=currency, a_month=a_month)
    return Readout(
        name=protocol.name,
        design=protocol.design,
        decision=decided.decision,
        rule=decided.rule,
        reasons=decided.reasons,
        warnings=decided.warnings,
        candidate=decided.candidate,
        srm=srm,
        variants=tuple(protocol.variants),
        outcomes=tuple(results),
        pooled=tuple(pooled(protocol, measured)),
        segments=tuple(within),
        heterogeneity=tuple(differing),
        looks=tuple(seen),
        trade_offs=() if invalid else trade_offs(results, currency),
        unit=unit,
        control=protocol.control,
        as_of=protocol.as_of,
        ended=protocol.ended,
        alpha=protocol.alpha,
        sequential=protocol.sequential,
        currency=currency,
        crossovers=protocol.crossovers,
        planned_units=protocol.planned,
        power=protocol.power,
        answered=known.answered,
        curves=tuple(point for one in measured for point in one.curves),
        worth=() if invalid else tuple(priced),
    )


def _waiting_for_look(protocol: Protocol, one: Measured) -> Measured:
    """Before its first planned look, a design that spends alpha shows nothing."""
    if protocol.sequential != "alpha_spending" or protocol.past_looks() or one.why:
        return one
    return replace(
        one,
        groups=no_groups(len(one.groups)),
        segments={},
        looks=(),
        daily=(),
        pooled=None,
        curves=(),
        why=f"the first planned look is on {protocol.looks[0]}",
    )


def evidence(
    protocol: Protocol,
    measured: Sequence[Measured],
    results: Sequence[OutcomeResult],
    srm: SampleRatio,
    unit: str,
    currency: str | None,
) -> Evidence:
    """All that the decision may look at."""
    return Evidence(
        outcomes=tuple(results),
        srm=srm,
        variants=tuple(protocol.variants),
        candidates=tuple(each.name for each in protocol.effects() if not each.interaction),
        ended=protocol.ended,
        stopped=protocol.stopped,
        sequential=protocol.sequential,
        looks=0 if protocol.ended else 1,
        planned_looks=len(protocol.looks) or None,
        alpha=protocol.alpha,
        power=protocol.power,
        smallest_effect=protocol.smallest,
        smallest_kind="relative" if protocol.relative else "absolute",
        planned_units=protocol.planned,
        crossovers=protocol.crossovers,
        trends=tuple(trends(protocol, measured)),
        answered=tuple(_answered(protocol, one) for one in measured if _asks(one)),
        unit=unit,
        currency=currency,
    )


def _asks(one: Measured) -> bool:
    return one.asked.survey and one.answered is not None and all(y + n for y, n in one.answered)


def _answered(protocol: Protocol, one: Measured) -> Answered:
    from heedful.stats.sample_ratio import answered

    pairs = one.answered or ()
    found = answered([yes for yes, _ in pairs], [no for _, no in pairs])
    return Answered(
        kpi=one.asked.kpi,
        p_value=present(found.p_value),
        state=found.state,
        shares=tuple(
            (name, yes / (yes + no)) for name, (yes, no) in zip(protocol.names, pairs, strict=True)
        ),
        title=one.asked.title,
    )
