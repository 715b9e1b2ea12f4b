"""An episode: a signal that stays, from the period in which it first fired until it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha1
from typing import TYPE_CHECKING

import numpy as np

from heedful.findings.history import BASELINE
from heedful.findings.probing import LEVEL_WIDTH, trend
from heedful.findings.signals import Signal, listen
from heedful.stats.change_points import change_point

if TYPE_CHECKING:
    from heedful.definitions.pattern import Pattern
    from heedful.findings.history import Contrast, History
    from heedful.findings.past import Past
    from heedful.stats.change_points import ChangePoint

NOW = 4
"""Newest periods that say what it is like."""
SEARCHED = 26
"""Periods in which the onset is looked for."""
CALM = 3
"""Periods in a row without it that end an episode."""
NEW_LEVEL = 8
"""An improvement is news for so many periods."""
LONGEST = 26
"""After so many periods even a change for the worse is how things are."""
RECOVERED, LEVEL_NOW = "recovered", "new level: it has been so for {periods} {grain}s"
WITHIN, JOINED = "within its limit again", "told as part of {id}"
UNKNOWN = "no comparable readings any more"
REDEFINED = "the definition changed"


@dataclass(frozen=True, slots=True)
class Episode:
    """A signal and what became of it; places are those of the grain's periods.

    Attributes:
        id: The same for as long as it stays.
        signal: What fired first.
        opened: Period in which it first fired.
        onset: First period on the new level.
        first: Earliest period that may have been the first.
        last: Latest period that may have been the first.
        sure: Whether a step explains the series clearly better than none.
        seen: Newest period in which it was there.
        closed: Period in which it ended; None while open.
        because: Why it ended.
    """

    id: str
    signal: Signal
    opened: int
    onset: int
    first: int
    last: int
    sure: bool
    seen: int
    closed: int | None = None
    because: str | None = None

    @property
    def level(self) -> bool:
        """Whether it is about a limit, not about a change."""
        return self.signal.rule == "below_target"

    @property
    def slope(self) -> bool:
        """Whether it is about a slope over cohorts."""
        return self.signal.rule == "trend"


def replay(past: Past, patterns: Mapping[str, Pattern]) -> tuple[list[Episode], int]:
    """All episodes of the past, in order of opening, and how many tests the last period had.

    The same readings give the same episodes, however often and from whenever they are replayed.

    Args:
        past: Histories of one grain.
        patterns: All patterns that can be tested.
    """
    open_: dict[str, Episode] = {}
    ended: list[Episode] = []
    tested = 0
    for place in range(len(past.days)):
        heard = listen(past, patterns, place)
        tested = heard.tested or tested
        for key, episode in list(open_.items()):
            kept = _stay(episode, past, place)
            open_[key] = kept
            if kept.closed is not None:
                ended.append(open_.pop(key))
        for signal in heard.signals:
            known = open_.get(signal.key)
            if known is None and not _told(signal, open_) and not _echo(signal, ended, place):
                open_[signal.key] = _opened(signal, past, place)
        for key, episode in list(open_.items()):
            joined = _joined(episode, open_, place)
            if joined is not None:
                ended.append(joined)
                del open_[key]
    found = sorted([*ended, *open_.values()], key=lambda one: (one.opened, one.signal.key))
    return found, tested


def history_of(past: Past, episode: Episode) -> History | None:
    """The history of an episode's main KPI."""
    signal = episode.signal
    return past.history(signal.kpi, signal.stage, signal.part)


def _opened(signal: Signal, past: Past, place: int) -> Episode:
    step = None
    history = past.history(signal.kpi, signal.stage, signal.part)
    if history is not None and signal.across is None and signal.rule not in {"trend"}:
        step = onset(history, place, rising=signal.rising)
    begin = step.place if step else max(0, place - signal.width + 1)
    if signal.rule == "trend":
        begin = max(0, place - signal.width + 1)
    text = f"{signal.key}@{past.days[place].isoformat()}"
    return Episode(
        id="f-" + sha1(text.encode(), usedforsecurity=False).hexdigest()[:6],
        signal=signal,
        opened=place,
        onset=begin,
        first=step.first if step else begin,
        last=step.last if step else begin,
        sure=step is not None and _sure(step),
        seen=place,
    )


def onset(history: History, place: int, *, rising: bool) -> ChangePoint | None:
    """The period in which a KPI most likely stepped, of the last half year.

    Args:
        history: Its past.
        place: The newest period.
        rising: Whether it rose.
    """
    start = max(0, place - SEARCHED + 1)
    usual = history.usual(place + 1)
    if usual is None:
        return None
    span = slice(start, place + 1)
    noise = history.noise[span] + usual.variance
    found = change_point(history.values[span], noise, sign=1 if rising else -1)
    if found is None:
        return None
    return replace(
        found, place=found.place + start, first=found.first + start, last=found.last + start
    )


def compared(episode: Episode, history: History, place: int) -> Contrast | None:
    """How it is at a period against how it was before the episode.

    Args:
        episode: The episode.
        history: Of its KPI, or of another one over the same periods.
        place: The period.
    """
    now = list(range(max(episode.onset, place - NOW + 1), place + 1))
    before = list(range(max(0, episode.onset - BASELINE), episode.onset))
    return history.contrast(before, now, until=episode.onset)


def holds(episode: Episode, past: Past, place: int) -> bool | None:
    """Whether an episode is still there in a period; None where that cannot be said."""
    history = history_of(past, episode)
    if history is None or not history.usable[place]:
        return None
    signal = episode.signal
    if episode.level:
        kpi = history.kpi
        if kpi.target is None:
            return None
        by = kpi.threshold.amount
        limit = kpi.target * (1 - by if kpi.better == "higher" else 1 + by)
        one = history.against(place, LEVEL_WIDTH, limit)
        return None if one is None else (one.now < limit) == (kpi.better == "higher")
    one = compared(episode, history, place)
    if one is None:
        return None
    if (one.difference > 0) != signal.rising:
        return False
    p = one.p_above() if signal.rising else one.p_below()
    from heedful.findings.probing import size_of

    size = size_of(history.kpi, one, relative=history.relative, better=signal.better)
    return p < 0.2 or size >= 0.5


def _stay(episode: Episode, past: Past, place: int) -> Episode:
    """The episode after one more period."""
    if episode.signal.across is not None or episode.slope:
        age = place - episode.opened
        longest = NEW_LEVEL if past.grain == "week" else 3
        if episode.slope and slides(episode, past, place) is False:
            return _ended(episode, place, RECOVERED)
        if age >= longest:
            return _ended(episode, place, _level_now(age, past))
        return replace(episode, seen=place)
    history = history_of(past, episode)
    if history is None:
        return _ended(episode, place, UNKNOWN)
    age = place - episode.opened
    definitions = [d for d in history.definition[episode.onset : place + 1] if d is not None]
    if len(set(definitions)) > 1:
        return _ended(episode, place, REDEFINED)
    episode = _clearer(episode, history, place)
    state = holds(episode, past, place)
    if state is None:
        silent = not history.usable[max(0, place - NEW_LEVEL + 1) : place + 1].any()
        return _ended(episode, place, UNKNOWN) if silent and age >= NEW_LEVEL else episode
    if state:
        episode = replace(episode, seen=place)
    elif age >= CALM - 1 and _calm(episode, past, place):
        return _ended(episode, place, WITHIN if episode.level else RECOVERED)
    longest = NEW_LEVEL if episode.signal.better else LONGEST
    if age >= longest and not episode.level:
        return _ended(episode, place, _level_now(place - episode.onset, past))
    return episode


def slides(episode: Episode, past: Past, place: int) -> bool | None:
    """Whether its last six cohorts still slope the way they did; None where there are too few."""
    history = history_of(past, episode)
    found = history and trend(history, place, episode.signal.stage)
    if not found:
        return None
    return (found.contrast.difference > 0) == episode.signal.rising


def _clearer(episode: Episode, history: History, place: int) -> Episode:
    """The episode with its onset as the weeks since show it, where it was not clear at first."""
    if episode.sure or place - episode.opened > NEW_LEVEL:
        return episode
    step = onset(history, place, rising=episode.signal.rising)
    if step is None or step.place > episode.opened or not _sure(step):
        return episode
    return replace(episode, onset=step.place, first=step.first, last=step.last, sure=True)


def _sure(step: ChangePoint) -> bool:
    return step.factor >= 3 and step.last - step.first <= NEW_LEVEL


def _calm(episode: Episode, past: Past, place: int) -> bool:
    """Whether it was gone for several periods in a row: one quiet week does not end it."""
    return all(holds(episode, past, at) is False for at in range(place - CALM + 1, place + 1))


def _level_now(periods: int, past: Past) -> str:
    return LEVEL_NOW.format(periods=periods, grain=past.grain)


def _ended(episode: Episode, place: int, because: str) -> Episode:
    return replace(episode, closed=place, because=because)


def _told(signal: Signal, open_: Mapping[str, Episode]) -> bool:
    """Whether an open episode tells of a change already."""
    if signal.kind == "mismatch" or signal.rule == "below_target":
        return False
    return any(_covers(other, signal) for other in open_.values())


def _echo(signal: Signal, ended: list[Episode], place: int) -> bool:
    """Whether a signal only repeats what ended a moment ago."""
    return any(
        one.signal.key == signal.key and one.closed is not None and place - one.closed < NOW
        for one in ended
    )


def _joined(episode: Episode, open_: Mapping[str, Episode], place: int) -> Episode | None:
    """A change that a contradiction came to tell of ends as part of it."""
    signal = episode.signal
    if signal.kind == "mismatch" or episode.level:
        return None
    for other in open_.values():
        if other is not episode and _covers(other, signal):
            return _ended(episode, place, JOINED.format(id=other.id))
    return None


def _covers(other: Episode, signal: Signal) -> bool:
    """Whether an episode tells of a change already: a contradiction, or a target missed by it."""
    if other.signal.kind == "mismatch":
        return set(signal.moved) <= set(other.signal.moved)
    one = other.signal
    same = (one.kpi, one.stage, one.part) == (signal.kpi, signal.stage, signal.part)
    return same and other.level and other.sure and not signal.better


def periods_of(episode: Episode, history: History, place: int) -> tuple[list[int], list[int]]:
    """Usable periods before an episode and of it, that evidence compares.

    Args:
        episode: The episode.
        history: Of its KPI.
        place: The newest period to look at.
    """
    if episode.level and not episode.sure:
        now = range(max(0, place - NOW + 1), place + 1)
        before = range(max(0, place - NOW - BASELINE + 1), max(0, place - NOW + 1))
    else:
        now = range(max(episode.onset, place - BASELINE + 1), place + 1)
        before = range(max(0, episode.onset - BASELINE), episode.onset)
    usable = history.usable
    return [at for at in before if usable[at]], [at for at in now if usable[at]]


def newest(episode: Episode, past: Past) -> int:
    """The period that an episode's evidence is of: the newest one in which it was there."""
    if episode.closed is None:
        history = history_of(past, episode)
        if history is None:
            return episode.seen
        usable = np.flatnonzero(history.usable)
        return int(usable[-1]) if len(usable) else episode.seen
    return episode.seen
