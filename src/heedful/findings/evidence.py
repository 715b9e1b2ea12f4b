"""From an episode to a finding: legs, onset, where, who, candidates, playbook, owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING

from heedful.findings import words
from heedful.findings.candidates import candidates
from heedful.findings.episode import NOW, Episode, history_of, newest, periods_of
from heedful.findings.finding import Candidate, Finding, Leg, Onset, Segment, Severity, Verdict
from heedful.findings.parts import Parts, hottest, parts
from heedful.findings.probing import COHORTS, shown
from heedful.kpis import periods

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.pattern import Pattern
    from heedful.definitions.project_files import Definitions
    from heedful.experiments.readout import Readout
    from heedful.findings.history import Contrast, History
    from heedful.findings.past import Past
    from heedful.findings.signals import Signal
    from heedful.ledger.annotation import Annotation

BESIDE = 0.01
MOST_BESIDE = 5
GRAVE = 2.0
"""A change of twice the least that matters asks for somebody."""
DAYS = {"week": 7, "month": 31, "quarter": 92}


@dataclass(frozen=True)
class Witness:
    """Everything that evidence is taken from.

    Attributes:
        definitions: The project.
        patterns: All patterns.
        annotations: What happened when.
        readout: Gives the readout of an experiment; None where it has none.
        midnight: Gives the instant at which a day begins.
    """

    definitions: Definitions
    patterns: Mapping[str, Pattern]
    annotations: Sequence[Annotation]
    readout: Callable[[str], Readout | None]
    midnight: Callable[[date], datetime]


def finding(episode: Episode, past: Past, witness: Witness) -> Finding | None:
    """An episode with all its evidence; None where its readings are gone.

    Args:
        episode: The episode.
        past: Histories of its grain.
        witness: What evidence is taken from.
    """
    history = history_of(past, episode)
    if history is None:
        return None
    signal = episode.signal
    place = newest(episode, past)
    legs = _legs(episode, past, place)
    if not legs:
        return None
    main = legs[0]
    grain = past.grain
    start = past.days[place]
    end = periods.end(grain, start)
    onset = _onset(episode, past)
    split = _parts(episode, past, history, place)
    kpi = history.kpi
    every = [*split.where, *split.who]
    several = {one.dimension for one in every if one.weight is not None and one.weight < 1}
    # A place that is the only one there is says where, but not that it stands out of others.
    hot = [one for one in hottest(every) if one.dimension in several]
    spots = [one for one in hottest(every) if one not in hot]
    stages = {leg_stage for _, leg_stage, _ in signal.moved if leg_stage} | set(kpi.stages[:1])
    found = candidates(
        witness.definitions,
        witness.annotations,
        witness.readout,
        onset=onset,
        until=end,
        stages=stages,
        kpis={leg.kpi for leg in legs},
        rising={name: rose for name, _, rose in signal.moved},
        period_days=DAYS[grain],
    )
    pattern = witness.patterns.get(signal.pattern or "")
    dimension, segment = signal.part or (None, None)
    before = periods_of(episode, history, place)[0]
    return Finding(
        id=episode.id,
        key=signal.key,
        kind=signal.kind,
        state="open" if episode.closed is None else "closed",
        severity=_severity(episode, pattern),
        better=signal.better,
        kpi=signal.kpi,
        pattern=signal.pattern,
        rule=signal.rule,
        stage=signal.stage,
        grain=grain,
        period_start=start,
        period_end=end,
        against=past.days[before[0]] if before else None,
        title=_title(episode, pattern, history, legs, found),
        says=_says(episode, pattern, history, legs, hot or spots, onset, witness),
        value=main.now,
        previous=main.before,
        difference=main.difference,
        low=main.difference_low,
        high=main.difference_high,
        relative=main.relative,
        p_value=signal.p,
        p_adjusted=signal.adjusted,
        family=signal.family,
        onset=onset,
        legs=tuple(legs),
        where=split.where,
        who=split.who,
        alike=split.alike,
        candidates=found,
        playbook=(pattern.playbook if pattern else None) or kpi.playbook,
        owner=(pattern.owner if pattern else None) or _owner(past, signal, kpi, hot),
        rank=None,
        opened_at=witness.midnight(periods.end(grain, past.days[episode.opened])),
        seen_at=witness.midnight(periods.end(grain, past.days[episode.seen])),
        closed_at=None
        if episode.closed is None
        else witness.midnight(periods.end(grain, past.days[episode.closed])),
        closed_because=episode.because,
        dimension=dimension,
        segment=segment,
    )


def _owner(past: Past, signal: Signal, kpi: Kpi, hot: Sequence[Segment]) -> str:
    """The team of the stage; or that of the first segment that stands out and has its own."""
    if signal.part is not None:
        return kpi.owner
    base = past.definitions.kpis[kpi.id]
    named = [(one.dimension, one.segment) for one in hot if one.segment is not None]
    owners = [base.at(signal.stage, part).owner for part in named]
    return next((owner for owner in owners if owner != kpi.owner), kpi.owner)


def _onset(episode: Episode, past: Past) -> Onset:
    return Onset(
        past.days[episode.onset],
        past.days[episode.first],
        past.days[episode.last],
        episode.sure,
    )


def _severity(episode: Episode, pattern: Pattern | None) -> Severity:
    signal = episode.signal
    if signal.better or (pattern is not None and pattern.good):
        return "info"
    if signal.rule == "trend":
        # A slope over six cohorts is a family of few tests without a least size.
        return "watch"
    if signal.kind in {"mismatch", "threshold"} or signal.size >= GRAVE:
        return "act"
    return "watch"


def _legs(episode: Episode, past: Past, place: int) -> list[Leg]:
    """The KPIs that moved, the main one first, then what moved beside them."""
    signal = episode.signal
    found: list[Leg] = []
    order = sorted(signal.moved, key=lambda one: one[:2] != (signal.kpi, signal.stage))
    for number, (kpi, stage, _) in enumerate(order):
        history = past.history(kpi, stage, signal.part)
        if history is None:
            continue
        role = "main" if number == 0 else "against" if signal.kind == "mismatch" else "beside"
        leg = _leg(episode, history, place, role)
        if leg is not None:
            found.append(leg)
    if not found or signal.across is not None:
        return found
    return [*found, *_beside(episode, past, place, {leg.kpi for leg in found})]


def _leg(episode: Episode, history: History, place: int, role: str) -> Leg | None:
    before, now = periods_of(episode, history, place)
    if episode.slope:
        # The cohorts that slope, whatever came before them.
        cohorts = [at for at in range(place + 1) if history.usable[at]][-COHORTS:]
        one = history.slope(cohorts) if len(cohorts) == COHORTS else None
    else:
        one = history.contrast(before, now, until=min(now)) if before and now else None
    if one is None:
        return _alone(episode, history, now, role)
    low, high = _interval(history, now)
    return Leg(
        kpi=history.kpi.id,
        title=history.kpi.title,
        unit=history.series.unit,
        role=role,  # type: ignore[arg-type]
        before=one.before,
        now=one.now,
        low=low,
        high=high,
        n=one.n,
        customers=one.customers,
        difference=shown(one.difference, relative=history.relative),
        difference_low=shown(one.low, relative=history.relative),
        difference_high=shown(one.high, relative=history.relative),
        relative=history.relative,
        verdict=_verdict(one, history),
    )


def _alone(episode: Episode, history: History, now: Sequence[int], role: str) -> Leg | None:
    """A KPI that has nothing before it to be compared with: a level from the first day on."""
    kpi = history.kpi
    if not now or not episode.level or kpi.target is None:
        return None
    one = history.against(now[-1], NOW, kpi.target)
    if one is None:
        return None
    low, high = _interval(history, now)
    return Leg(
        kpi.id,
        kpi.title,
        history.series.unit,
        role,  # type: ignore[arg-type]
        None,
        one.now,
        low,
        high,
        one.n,
        one.customers,
        None,
        None,
        None,
        history.relative,
        "worse",
    )


def _interval(history: History, now: Sequence[int]) -> tuple[float | None, float | None]:
    """The 95% interval of some periods together, by sampling."""
    if not now:
        return None, None
    import numpy as np

    from heedful.stats.student import t_quantile

    weight = history.weight[list(now)] / history.weight[list(now)].sum()
    value = float(weight @ history.values[list(now)])
    deviations = weight @ (history.replicates[list(now)] - history.values[list(now)][:, None])
    half = float(np.sqrt(63 / 64 * deviations @ deviations)) * t_quantile(0.95, 63)
    if not isfinite(half):
        return None, None
    ends = (value - half, value + half)
    if history.relative:
        return float(np.exp(ends[0])), float(np.exp(ends[1]))
    if history.series.unit == "share":
        return max(0.0, ends[0]), min(1.0, ends[1])
    return ends


def _verdict(one: Contrast, history: History) -> Verdict:
    if one.low <= 0 <= one.high:
        return "unclear"
    return "better" if (one.difference > 0) == (history.kpi.better == "higher") else "worse"


def _beside(episode: Episode, past: Past, place: int, told: set[str]) -> list[Leg]:
    """Other KPIs of the same stage that moved at the same time, the clearest first."""
    signal = episode.signal
    stages = {stage for _, stage, _ in signal.moved}
    found: list[tuple[float, Leg]] = []
    for (kpi, stage), history in past.histories.items():
        same = stage in stages or (stage is None and set(history.kpi.stages) & stages)
        if kpi in told or not same:
            continue
        before, now = periods_of(episode, history, place)
        one = history.contrast(before, now, until=min(now)) if before and now else None
        if one is None:
            continue
        p = 2 * min(one.p_above(), one.p_below())
        leg = _leg(episode, history, place, "beside") if p < BESIDE else None
        if leg is not None:
            found.append((p, leg))
    found.sort(key=lambda pair: pair[0])
    best: dict[str, Leg] = {}
    for _, leg in found:
        best.setdefault(leg.kpi, leg)
    return list(best.values())[:MOST_BESIDE]


def _parts(episode: Episode, past: Past, history: History, place: int) -> Parts:
    signal = episode.signal
    # Readings are broken down by one dimension at a time: a segment has no parts.
    if signal.across is not None or signal.part is not None or episode.slope:
        return Parts((), (), ())
    before, now = periods_of(episode, history, place)
    if not before or not now:
        return Parts((), (), ())
    return parts(
        past.shelf,
        history.kpi,
        past.grain,
        signal.stage,
        [past.start(at) for at in before],
        [past.start(at) for at in now],
        rising=signal.rising,
    )


def _title(
    episode: Episode,
    pattern: Pattern | None,
    history: History,
    legs: Sequence[Leg],
    found: Sequence[Candidate],
) -> str:
    signal = episode.signal
    if signal.across is not None and pattern is not None:
        return words.slower(pattern, signal.across)
    if pattern is not None:
        better = [leg for leg in legs if leg.verdict == "better" and leg.role != "beside"]
        others = [leg for leg in legs if leg not in better and leg.role != "beside"]
        return words.contradiction(pattern, [*better, *others])
    if episode.level:
        return words.below(history.kpi, legs[0], signal.part)
    if episode.slope:
        return words.sliding(history.kpi, legs[0])
    return words.changed(history.kpi, legs[0], found)


def _says(
    episode: Episode,
    pattern: Pattern | None,
    history: History,
    legs: Sequence[Leg],
    hot: Sequence[Segment],
    onset: Onset,
    witness: Witness,
) -> str:
    if pattern is not None:
        return pattern.says
    begin = None if episode.level and not episode.sure else onset.start
    currency = witness.definitions.settings.currency
    return words.sentence(
        history.kpi, legs[0], hot, onset=begin, currency=currency, part=episode.signal.part
    )


def ranked(found: Sequence[Finding]) -> list[Finding]:
    """Open findings in the order in which somebody should look at them."""
    from dataclasses import replace

    grave = {"act": 0, "watch": 1, "info": 2}
    kinds = {"mismatch": 0, "threshold": 1, "change": 1, "data": 2}

    def order(one: Finding) -> tuple[object, ...]:
        p = one.p_adjusted if one.p_adjusted is not None else 1.0
        return (grave[one.severity], one.better, kinds[one.kind], p, one.id)

    return [replace(one, rank=n + 1) for n, one in enumerate(sorted(found, key=order))]
