"""What a finding says: a headline that one would say aloud, and a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from heedful.experiments import wording

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.pattern import Pattern
    from heedful.findings.finding import Candidate, Leg, Segment

PREPOSITIONS = {
    "device": "on",
    "touchpoint": "at the",
    "form": "in the form",
    "page": "on",
    "landing_page": "landing on",
    "country": "in",
    "plan": "on the plan",
    "topic": "about",
}
"""How segments of a dimension stand in a sentence."""


def day(when: date, *, year: bool = False) -> str:
    """A date as people write it."""
    return f"{when.day} {when:%b %Y}" if year else f"{when.day} {when:%b}"


def moved(leg: Leg, *, sign: bool = True) -> str:
    r"""How far a KPI moved, as part of a headline.

    >>> from heedful.findings.finding import Leg
    >>> leg = Leg("k", "Reopened", "share", "main", .11, .17, None, None, 9, 9, .061, .04, .08,
    ...     False, "worse")
    >>> moved(leg), moved(leg, sign=False)
    ('up 6.1\xa0points', '6.1\xa0points')
    """
    if leg.difference is None:
        return "changed"
    kind = "relative" if leg.relative else leg.unit
    size = abs(leg.difference)
    if kind == "relative":
        text = f"{100 * size:.0f}%" if size >= 0.095 else f"{100 * size:.1f}%"
    else:
        text = wording.difference(size, kind, decimals=1).lstrip("+").replace("pts", "points")
    if not sign:
        return text
    return f"{'up' if leg.difference > 0 else 'down'} {text}"


def since(candidates: Sequence[Candidate]) -> str:
    """The release or experiment that a headline may name; empty where none fits."""
    for one in candidates:
        if one.evidence == "causal":
            return f" since the experiment “{one.title}”"
        if one.fits and one.kind in {"release", "incident", "campaign"}:
            return f" since the {one.kind} of {day(one.at)}"
        return ""
    return ""


def _of(dimension: str, segment: str) -> str:
    """Of which customers a number is, after its title."""
    place = placed(dimension, segment)
    return f"for {place}" if place.startswith(dimension.replace("_", " ")) else place


def changed(kpi: Kpi, leg: Leg, candidates: Sequence[Candidate]) -> str:
    """The headline of a change."""
    return f"{kpi.title} {moved(leg)}{since(candidates)}"


def below(kpi: Kpi, leg: Leg, part: tuple[str, str] | None = None) -> str:
    """The headline of a missed target, of all customers or of one segment."""
    title = f"{kpi.title} {_of(*part)}" if part else kpi.title
    if kpi.target is None or leg.now is None or not kpi.target:
        return f"{title} misses its target"
    share = abs(leg.now / kpi.target - 1)
    way = "below" if leg.now < kpi.target else "above"
    return f"{title} is {100 * share:.0f}% {way} its target"


def sliding(kpi: Kpi, leg: Leg) -> str:
    """The headline of a slope over cohorts."""
    now = wording.amount(leg.now, leg.unit)
    before = wording.amount(leg.before, leg.unit)
    return f"{kpi.title} slides from cohort to cohort: {before} to {now} in six months"


def contradiction(pattern: Pattern, legs: Sequence[Leg]) -> str:
    """The headline of a contradiction."""
    parts: list[str] = []
    for leg in [leg for leg in legs if leg.role != "beside"][:3]:
        title = inside(leg.title) if parts else leg.title
        if leg.verdict == "better" and leg.unit in {"hours", "minutes", "seconds", "days"}:
            parts.append(f"{title} {moved(leg, sign=False)} shorter")
        elif leg.verdict in {"flat", "unclear"}:
            parts.append(f"{title} unchanged")
        else:
            parts.append(f"{title} {moved(leg)}")
    first, *rest = parts
    told = f"{first}, but {' and '.join(rest)}" if rest and not pattern.good else ", ".join(parts)
    return f"{told}: {pattern.title[:1].lower()}{pattern.title[1:]}"


def inside(title: str) -> str:
    """A title inside a sentence; abbreviations keep their capitals.

    >>> inside("Reopen rate"), inside("NPS by plan")
    ('reopen rate', 'NPS by plan')
    """
    first = title.split(" ", 1)[0]
    return title[:1].lower() + title[1:] if first[1:] == first[1:].lower() else title


def slower(pattern: Pattern, across: tuple[str, str, str]) -> str:
    """The headline of a pattern across segments."""
    dimension, one, other = (part.replace("_", " ") for part in across)
    return f"{pattern.title}: {dimension} {one} beats {other}"


def sentence(
    kpi: Kpi,
    leg: Leg,
    hot: Sequence[Segment],
    *,
    onset: date | None,
    currency: str | None,
    part: tuple[str, str] | None = None,
) -> str:
    """From, to, since when, and for whom, in a sentence or two."""
    before = wording.amount(leg.before, leg.unit, currency=currency)
    now = wording.amount(leg.now, leg.unit, currency=currency)
    title = f"{kpi.title} {_of(*part)}" if part else kpi.title
    text = f"{title} went from {before} to {now}"
    if onset is not None:
        text += f" since {day(onset, year=True)}"
    if part:
        return f"{text}. This segment has a limit of its own."
    names = [name(one) for one in hot[:2]]
    if names:
        # What is everything cannot be most of it.
        only = all(one.weight is not None and one.weight >= 1 for one in hot)
        return f"{text}, {'all' if only else 'most of all'} {wording.listed(names)}."
    return f"{text}. Nothing stands out by segment."


def name(segment: Segment) -> str:
    """A segment as part of a sentence.

    >>> from heedful.findings.finding import Segment
    >>> def made(dimension, value):
    ...     return Segment(dimension, value, *[None] * 6, 0, *[None] * 8, True)
    >>> name(made("last_step", "2")), name(made("device", "mobile"))
    ('after step 2', 'on mobile')
    """
    if segment.segment is None:
        return f"where the {segment.dimension.replace('_', ' ')} is not known"
    return placed(segment.dimension, segment.segment)


def placed(dimension: str, segment: str) -> str:
    """A value of a dimension as part of a sentence.

    >>> placed("device", "mobile"), placed("account_value", "enterprise")
    ('on mobile', 'account value enterprise')
    """
    value = segment.replace("_", " ")
    if dimension == "last_step":
        return "before the first step" if value == "0" else f"after step {value}"
    if dimension == "handled_by":
        return f"handled by {'AI' if value == 'ai' else value}"
    before = PREPOSITIONS.get(dimension)
    return f"{before} {value}" if before else f"{dimension.replace('_', ' ')} {value}"
