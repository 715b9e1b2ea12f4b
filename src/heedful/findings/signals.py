"""What the tests of one period say together: one family, false discoveries held at 10%."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from heedful.findings.contradicting import Contradiction, across_segments, over_time
from heedful.findings.probing import Probe, below_target, change, trend
from heedful.stats.families import benjamini_hochberg

if TYPE_CHECKING:
    from heedful.definitions.pattern import Pattern
    from heedful.findings.past import Past

    Changes = Mapping[tuple[str, str | None], Probe]

Tested = TypeVar("Tested", Probe, Contradiction)
RATE = 0.10
"""Share of false alarms among alarms that is tolerated."""
Kind = Literal["threshold", "change", "mismatch"]


@dataclass(frozen=True, slots=True)
class Signal:
    """A test that fired.

    Attributes:
        key: What it is about, whenever it happens.
        kind: threshold, change or mismatch.
        kpi: The KPI; of a mismatch that of the leg that is worse, or the first.
        stage: Its stage.
        rule: The threshold's rule; None for changes and mismatches.
        pattern: Of a mismatch: its id.
        better: Whether it is good news.
        rising: Whether the KPI rose.
        p: P-value.
        adjusted: Within its family.
        family: Tests in the family.
        size: In units of the least that matters.
        width: Periods on each side.
        moved: KPIs, stages and whether they rose, of all legs that moved.
        across: For segments: dimension, the slower one, the other one.
        part: Dimension and value of a segment with a limit of its own; None: all customers.
        asked: Whether its stage or segment has an override: somebody wants to hear of it apart.
    """

    key: str
    kind: Kind
    kpi: str
    stage: str | None
    rule: str | None
    pattern: str | None
    better: bool
    rising: bool
    p: float
    adjusted: float
    family: int
    size: float
    width: int
    moved: tuple[tuple[str, str | None, bool], ...]
    across: tuple[str, str, str] | None = None
    part: tuple[str, str] | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """All tests of one period.

    Attributes:
        signals: Those that fired, the clearest first.
        tested: How many tests there were.
    """

    signals: tuple[Signal, ...]
    tested: int


def listen(past: Past, patterns: Mapping[str, Pattern], place: int) -> Heard:
    """Run all tests at the end of one period.

    Changes and contradictions are one family: their null is that nothing changed. Levels are
    another, so that a KPI that has missed its target all year does not buy others false alarms;
    so are slopes over cohorts. A segment for which a project sets a limit is one more level: it
    was chosen before anybody looked, so it counts like any other test.

    Args:
        past: Histories of one grain.
        patterns: All patterns that can be tested.
        place: The period.
    """
    changes, levels, slopes = _probes(past, place)
    mismatches = _mismatches(past, patterns, changes, place)
    found: list[Signal] = []
    for probe, q, size in _fired(list(changes.values()), mismatches):
        found.append(_changed(probe, past, q, size))
    for one, q, size in _fired(mismatches, list(changes.values())):
        found.append(_mismatch(one, past, patterns, changes, q, size))
    for some in (levels, slopes):
        found += [_changed(probe, past, q, size) for probe, q, size in _fired(some, [])]
    found.sort(key=lambda signal: (signal.adjusted, -signal.size))
    tested = len(changes) + len(mismatches) + len(levels) + len(slopes)
    return Heard(tuple(_most_specific(found)), tested)


def _fired(
    some: Sequence[Tested], others: Sequence[Probe | Contradiction]
) -> list[tuple[Tested, float, int]]:
    """Those that survive in one family with others, and are large enough; with their new p."""
    family = [min(1.0, one.p) for one in (*some, *others)]
    if not family:
        return []
    adjusted = benjamini_hochberg(family)[: len(some)]
    return [
        (one, float(q), len(family))
        for one, q in zip(some, adjusted, strict=True)
        if q <= RATE and one.size >= 1
    ]


def _probes(past: Past, place: int) -> tuple[Changes, list[Probe], list[Probe]]:
    """Tests of change, of level and of slope."""
    changes: dict[tuple[str, str | None], Probe] = {}
    levels: list[Probe] = []
    slopes: list[Probe] = []
    for (kpi, stage), history in past.histories.items():
        rule = history.kpi.threshold.rule
        # Months of a KPI that has weeks are there for its slope only.
        if past.grain != "month" or past.shelf.series(kpi, "week") is None:
            one = change(history, place, stage)
            if one is not None:
                changes[kpi, stage] = one
        if past.grain == "week" and rule == "below_target":
            one = below_target(history, place, stage)
            levels += [one] if one is not None else []
        if past.grain == "month" and rule == "trend":
            one = trend(history, place, stage)
            slopes += [one] if one is not None else []
    for (_, stage, part), history in past.watched.items():
        one = below_target(history, place, stage, part)
        levels += [one] if one is not None else []
    return changes, levels, slopes


def _mismatches(
    past: Past, patterns: Mapping[str, Pattern], changes: Changes, place: int
) -> list[Contradiction]:
    found: list[Contradiction] = []
    for pattern in patterns.values():
        if pattern.across == "segments":
            if past.grain == "month":
                kpis = past.definitions.kpis
                start = past.start(place)
                found += across_segments(pattern, kpis, past.shelf, past.grain, start)
        elif past.grain == "week":
            one = over_time(pattern, past.histories, changes, place)
            found += [one] if one is not None else []
    return found


def _changed(one: Probe, past: Past, adjusted: float, family: int) -> Signal:
    history = past.history(one.kpi, one.stage, one.part)
    base = past.definitions.kpis[one.kpi]
    here = base if history is None else history.kpi
    rule = here.threshold.rule
    threshold = not one.better and (one.kind != "change" or rule not in {"change", "below_target"})
    rising = one.contrast.difference > 0
    way = "better" if one.better else "worse"
    what = one.kind if one.kind != "change" else way
    part = f":{'='.join(one.part)}" if one.part else ""
    return Signal(
        key=f"{past.grain}:{one.kpi}:{one.stage or '*'}:{what}{part}",
        kind="threshold" if threshold else "change",
        kpi=one.kpi,
        stage=one.stage,
        rule=rule if threshold else None,
        pattern=None,
        better=one.better,
        rising=rising,
        p=one.p,
        adjusted=adjusted,
        family=family,
        size=one.size,
        width=one.width,
        moved=((one.kpi, one.stage, rising),),
        part=one.part,
        asked=here != base,
    )


def _mismatch(
    one: Contradiction,
    past: Past,
    patterns: Mapping[str, Pattern],
    changes: Changes,
    adjusted: float,
    family: int,
) -> Signal:
    pattern = patterns[one.pattern]
    worse = [side for side in one.sides if side.moves == "worse"]
    main = worse[0] if worse and not pattern.good else one.sides[0]
    moved = []
    for side in (*one.sides, *one.also):
        if side.moves in {"better", "worse"}:
            higher = past.definitions.kpis[side.kpi].better == "higher"
            moved.append((side.kpi, side.stage, higher == (side.moves == "better")))
    place = "" if one.across is None else ":" + ":".join(one.across)
    mine = changes.get((main.kpi, main.stage))
    return Signal(
        key=f"{past.grain}:{one.pattern}:{one.stage or '*'}{place}",
        kind="mismatch",
        kpi=main.kpi,
        stage=main.stage,
        rule=None,
        pattern=one.pattern,
        better=pattern.good,
        rising=bool(mine and mine.contrast.difference > 0),
        p=one.p,
        adjusted=adjusted,
        family=family,
        size=one.size,
        width=main.width,
        moved=tuple(moved),
        across=one.across,
    )


def _most_specific(found: list[Signal]) -> list[Signal]:
    """One signal a KPI and direction: the stage that moved, or the whole where several did.

    A stage with a limit or an owner of its own is told beside the whole, and so is a segment.
    """
    groups: dict[tuple[object, ...], list[Signal]] = {}
    kept: list[Signal] = []
    for one in found:
        if one.part is not None or (one.asked and one.rule == "below_target"):
            kept.append(one)
            continue
        what = one.pattern or one.key.rsplit(":", 1)[1]
        who = one.pattern if one.kind == "mismatch" else one.kpi
        groups.setdefault((one.kind == "mismatch", who, what, one.across), []).append(one)
    for group in groups.values():
        staged = [one for one in group if one.stage is not None]
        whole = [one for one in group if one.stage is None]
        if whole and len(staged) > 1:
            kept += [*whole, *(one for one in staged if one.asked)]
        else:
            kept += staged or group
    return sorted(kept, key=lambda signal: (signal.adjusted, -signal.size))
