"""The evidence of a finding as its page shows it: what moved, where and for whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from heedful.experiments import wording
from heedful.web import numbers, pictures
from heedful.web.numbers import Delta, Step

if TYPE_CHECKING:
    from heedful.findings.finding import Alike, Finding, Segment

Domain = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One segment.

    Attributes:
        name: What people read.
        key: `dimension:segment`, as addresses have it; empty where it is not known.
        hot: Whether it stands out.
        share: Share of all rows now.
        share_before: Share of all rows before.
        now: Value now.
        interval: Its interval.
        n: Rows now.
        ruler: Before and now on a scale.
        delta: Its own change.
        mix: What it adds by having grown or shrunk.
        rate: What it adds by having changed.
        bars: The two as bars from one zero.
        together: Their sum.
        part: Its part of the whole change; empty where that is not known.
        tone: good or bad, where it stands out.
    """

    name: str
    key: str
    hot: bool
    share: str
    share_before: str
    now: str
    interval: str
    n: int
    ruler: Markup
    delta: Delta
    mix: str
    rate: str
    bars: Markup
    together: str
    part: str
    tone: str


@dataclass(frozen=True, slots=True)
class Group:
    """The segments of one dimension.

    Attributes:
        dimension: Its name.
        rows: Its segments, those that add most first.
        split: Whether the change is split exactly, so that all rows add up to it.
        whole: Sums of mix, rate and both.
        alike: Why nothing stands out; empty where something does.
        hot: Whether something does.
    """

    dimension: str
    rows: tuple[Row, ...]
    split: bool
    whole: tuple[str, str, str]
    alike: str
    hot: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """Where, or for whom.

    Attributes:
        groups: Dimensions, those where something stands out first.
        only: Dimensions of which there is but one segment, in words.
        domain: What all rulers span, in words.
        n: Rows that are split.
    """

    groups: tuple[Group, ...]
    only: str
    domain: str
    n: int


def parts(
    finding: Finding,
    segments: Sequence[Segment],
    unit: str | None,
    better: str | None,
    *,
    target: float | None = None,
    currency: str | None = None,
    moves: bool = False,
) -> Parts:
    """The segments of some dimensions as tables.

    Args:
        finding: The finding.
        segments: Its `where` or its `who`.
        unit: Unit of its KPI.
        better: higher or lower.
        target: The KPI's target.
        currency: Of money.
        moves: Whether to split what grew from what changed, where that is exact.
    """
    by_dimension = [
        (dimension, list(found))
        for dimension, found in groupby(segments, key=lambda one: one.dimension)
    ]
    several = [(name, found) for name, found in by_dimension if len(found) > 1]
    single = [found[0] for _, found in by_dimension if len(found) == 1]
    shown = [one for _, found in several for one in found]
    domain = _domain(shown, unit, target)
    span = max((abs(x) for one in shown for x in (one.mix, one.rate) if x is not None), default=1.0)
    alike = {one.dimension: one for one in finding.alike}
    relative = any(leg.relative for leg in finding.legs[:1])
    groups = []
    for dimension, found in several:
        split = all(one.mix is not None for one in found) and (moves or _mostly_mix(found))
        rows = tuple(
            _row(one, unit, better, domain, span or 1.0, target, currency, relative=relative)
            for one in found
        )
        hot = any(one.stands_out for one in found)
        groups.append(
            Group(
                numbers.name(dimension),
                rows,
                split,
                _whole(found, unit, currency) if split else ("", "", ""),
                "" if hot else _alike(alike.get(dimension)),
                hot,
            )
        )
    ends = " to ".join(numbers.value(end, unit, currency=currency) for end in domain)
    # That all who finished a form left after its last step is no news.
    known = [one for one in single if one.segment is not None and one.dimension != "last_step"]
    return Parts(
        tuple(sorted(groups, key=lambda one: not one.hot)),
        wording.listed([f"{numbers.name(one.dimension).lower()} {name(one)}" for one in known]),
        ends,
        max((sum(one.n for one in found) for _, found in by_dimension), default=0),
    )


def name(one: Segment) -> str:
    """A segment as people read it.

    >>> from heedful.findings.finding import Segment
    >>> name(Segment("last_step", "2", *[None] * 6, 0, *[None] * 8, True))
    'After step 2'
    """
    if one.dimension == "last_step" and (one.segment or "").isdigit():
        return "Before the first step" if one.segment == "0" else f"After step {one.segment}"
    return numbers.name(one.segment)


def key(one: Segment) -> str:
    """A segment as forms and addresses have it; empty where it is not known."""
    return f"{one.dimension}:{one.segment}" if one.segment is not None else ""


def hottest(segments: Iterable[Segment]) -> list[Segment]:
    """Those that stand out, the largest part of the change first."""
    hot = [one for one in segments if one.stands_out]
    return sorted(hot, key=lambda one: -abs(one.share_of_change or 0.0))


def _mostly_mix(found: Sequence[Segment]) -> bool:
    """Whether segments differ in how many there are, not in their values: steps of a form."""
    mix = sum(abs(one.mix or 0.0) for one in found)
    return mix > 4 * sum(abs(one.rate or 0.0) for one in found)


def _alike(one: Alike | None) -> str:
    if one is None or one.p_value is None:
        return "nothing stands out"
    return f"nothing stands out (test of equal change, {wording.p_equals(one.p_value)})"


def _domain(rows: Sequence[Segment], unit: str | None, target: float | None) -> Domain:
    ends = [] if target is None else [target]
    for one in rows:
        ends += [x for x in (one.before, one.now, one.low, one.high) if x is not None]
    if not ends:
        return (0.0, 1.0)
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
    least, most = low - room, high + room
    if low >= 0 and unit != "nps":
        least = max(least, 0.0)
    return (least, min(most, 1.0)) if unit == "share" else (least, most)


def _row(
    one: Segment,
    unit: str | None,
    better: str | None,
    domain: Domain,
    span: float,
    target: float | None,
    currency: str | None,
    *,
    relative: bool,
) -> Row:
    verdict = _verdict(one, better)
    tone = {"better": "good", "worse": "bad"}.get(verdict, "")
    few = "too few to tell" if one.difference is None else None
    step = Step(one.difference, one.difference_low, one.difference_high, relative, verdict)
    # In parts of a change the sign of all of it decides what is bad, not that of the part.
    added = tone if one.stands_out else ""
    pieces = [(one.mix or 0.0, "outline"), (one.rate or 0.0, added)]
    return Row(
        name=name(one),
        key=key(one),
        hot=one.stands_out,
        share=_share(one.weight),
        share_before=_share(one.weight_before),
        now=numbers.value(one.now, unit, one.n, currency),
        interval=numbers.interval(one.now, one.low, one.high, unit, one.n),
        n=one.n,
        ruler=pictures.ruler(
            one.now, one.low, one.high, domain, before=one.before, target=target, tone=tone
        ),
        delta=numbers.delta(step, unit, few),
        mix=_added(one.mix, unit, currency),
        rate=_added(one.rate, unit, currency),
        bars=pictures.bars(pieces, (-span, span)) if one.mix is not None else Markup(""),
        together=_added(one.total, unit, currency),
        part="" if one.share_of_change is None else wording.percent(one.share_of_change),
        tone=added,
    )


def _verdict(one: Segment, better: str | None) -> str:
    low, high = one.difference_low, one.difference_high
    if one.difference is None or low is None or high is None or low <= 0 <= high:
        return "unclear"
    return "better" if (one.difference > 0) == (better == "higher") else "worse"


def _share(weight: float | None) -> str:
    return wording.NOTHING if weight is None else wording.percent(weight)


def _added(number: float | None, unit: str | None, currency: str | None) -> str:
    """A part of a change, with its sign; what is nothing at this precision is 0 without one."""
    if number is None:
        return wording.NOTHING
    text = wording.difference(number, unit, decimals=1, currency=currency)
    return text.removesuffix(numbers.POINTS)


def _whole(
    found: Sequence[Segment], unit: str | None, currency: str | None
) -> tuple[str, str, str]:
    sums = (
        sum(one.mix or 0.0 for one in found),
        sum(one.rate or 0.0 for one in found),
        sum(one.total or 0.0 for one in found),
    )
    a, b, c = (_added(one, unit, currency) for one in sums)
    return a, b, c
