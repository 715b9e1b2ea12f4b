"""Experiments that say why: one that moved an experience and measured what followed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from heedful.drivers.driver import Proof
from heedful.experiments.portfolio import portfolio

if TYPE_CHECKING:
    from heedful.definitions.project_files import Definitions
    from heedful.drivers.outcome import Outcome
    from heedful.experiments.readout import OutcomeResult, Readout


def proofs(
    definitions: Definitions,
    outcome: Outcome,
    on: date,
    readout: Callable[[str], Readout | None],
) -> dict[str, Proof]:
    """Concluded experiments by the KPI of the experience that they moved.

    Only experiments of which everything is in, that are valid, and that measured both: a clear
    effect on the experience's KPI, and any estimate of a KPI that is the outcome. Of several the
    one with the shortest interval counts.

    Args:
        definitions: The project.
        outcome: What followed.
        on: The day.
        readout: Gives the readout of an experiment; None where it has none.
    """
    found: dict[str, Proof] = {}
    for row in portfolio(definitions, on).rows:
        if row.state != "finished":
            continue
        names = {one.kpi for one in definitions.experiments[row.experiment].outcomes}
        about = {
            name
            for name in names
            if name in definitions.kpis and outcome.measured_by(definitions.kpis[name])
        }
        if not about or names <= about:
            continue
        read = readout(row.experiment)
        if read is None or read.decision == "invalid":
            continue
        for one in _of(read, row.experiment, row.title, about):
            kpi, proof = one
            before = found.get(kpi)
            if before is None or proof.high - proof.low < before.high - before.low:
                found[kpi] = proof
    return found


def _of(read: Readout, name: str, title: str, about: set[str]) -> list[tuple[str, Proof]]:
    found = []
    for end in read.outcomes:
        if end.kpi not in about or not _whole(end) or end.verdict == "void":
            continue
        for one in read.outcomes:
            moved = _whole(one) and one.verdict != "void" and one.variant == end.variant
            if one.kpi in about or not moved or one.low <= 0 <= one.high:  # type: ignore[operator]
                continue
            found.append(
                (
                    one.kpi,
                    Proof(
                        experiment=name,
                        title=title,
                        variant=end.variant,
                        moved=one.difference or 0.0,
                        moved_low=one.low or 0.0,
                        moved_high=one.high or 0.0,
                        kpi=end.kpi,
                        kpi_title=end.title or end.kpi,
                        unit=end.unit,
                        difference=end.difference or 0.0,
                        low=end.low or 0.0,
                        high=end.high or 0.0,
                        decision=read.decision,
                    ),
                )
            )
    return found


def _whole(one: OutcomeResult) -> bool:
    return None not in (one.difference, one.low, one.high, one.control)
