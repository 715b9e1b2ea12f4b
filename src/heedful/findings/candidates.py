"""What overlaps a finding in time and population: releases, campaigns, incidents, experiments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.findings.finding import Candidate

if TYPE_CHECKING:
    from heedful.definitions.project_files import Definitions
    from heedful.experiments.readout import Readout
    from heedful.findings.finding import Onset
    from heedful.ledger.annotation import Annotation

SLACK = timedelta(days=7)
"""What begins so long before the onset may still be its cause."""
NEAR = timedelta(days=28)
"""What lies further from the onset than this is not told at all."""
MOST = 6


def candidates(
    definitions: Definitions,
    annotations: Sequence[Annotation],
    readout: Callable[[str], Readout | None],
    *,
    onset: Onset,
    until: date,
    stages: Collection[str],
    kpis: Collection[str],
    rising: dict[str, bool],
    period_days: int,
) -> tuple[Candidate, ...]:
    """What may have to do with a finding, the likeliest first.

    Only an experiment that measured a clear effect on one of its KPIs, in its direction and while
    it ran, is called causal. Everything else is a coincidence.

    Args:
        definitions: The project.
        annotations: What happened when.
        readout: Gives the readout of an experiment; None where it has none.
        onset: When it began.
        until: Day after the newest period.
        stages: Stages of its KPIs.
        kpis: Its KPIs.
        rising: Whether each of them rose.
        period_days: Length of a period.
    """
    zone = ZoneInfo(definitions.settings.timezone)
    found: list[Candidate] = []
    for one in annotations:
        day = one.at.astimezone(zone).date()
        if one.stage is not None and stages and one.stage not in stages:
            continue
        if not onset.first - NEAR <= day <= onset.last + NEAR:
            continue
        found.append(_annotation(one, day, onset, period_days))
    for each in definitions.experiments.values():
        measured = {outcome.kpi for outcome in each.outcomes} & set(kpis)
        if not measured or each.start >= until or each.closes <= onset.first - NEAR:
            continue
        if each.start > onset.last + timedelta(days=period_days) or each.closes <= onset.first:
            continue
        clear = _measured(readout(each.id), rising)
        fits = _fits(each.start, onset, period_days)
        says = (
            f"It measured an effect on {clear} that points the same way."
            if clear
            else "It ran at the time; what it measured does not explain it."
        )
        found.append(
            Candidate(
                kind="experiment",
                name=each.id,
                title=each.title,
                at=each.start,
                until=each.closes - timedelta(days=1),
                evidence="causal" if clear else "overlap",
                fits=fits or clear is not None,
                overlap=None,
                says=says,
            )
        )
    found.sort(key=lambda one: (one.evidence != "causal", not one.fits, _distance(one.at, onset)))
    return tuple(found[:MOST])


def _annotation(one: Annotation, day: date, onset: Onset, period_days: int) -> Candidate:
    fits = _fits(day, onset, period_days)
    if not onset.sure:
        says = "It lies in the time in which this may have begun; when that was is not clear."
    elif fits:
        says = "It begins when this began. A coincidence in time and place, not proof."
    elif day < onset.first:
        says = f"It came {(onset.first - day).days} days before this began."
    else:
        says = f"It came {(day - onset.start).days} days after this began: unlikely."
    return Candidate(
        kind=one.kind,
        name=one.text,
        title=one.text,
        at=day,
        until=None,
        evidence="overlap",
        fits=fits,
        overlap=1.0 if one.stage is not None else None,
        says=says,
    )


def _fits(day: date, onset: Onset, period_days: int) -> bool:
    """Whether something can have begun it: on a day of the set, or shortly before.

    Where nobody can say when it began, everything would fit, so nothing does.
    """
    return onset.sure and onset.first - SLACK <= day < onset.last + timedelta(days=period_days)


def _distance(day: date, onset: Onset) -> int:
    return abs((day - onset.start).days)


def _measured(found: Readout | None, rising: dict[str, bool]) -> str | None:
    """The KPI on which an experiment measured a clear effect in the finding's direction."""
    if found is None or found.decision == "invalid":
        return None
    for one in found.outcomes:
        if one.kpi in rising and one.control is not None and one.difference is not None:
            clear = one.low is not None and one.high is not None and not one.low <= 0 <= one.high
            if clear and (one.difference > 0) == rising[one.kpi]:
                return one.title or one.kpi
    return None
