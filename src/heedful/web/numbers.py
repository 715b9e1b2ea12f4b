"""Numbers and dates as pages write them: value, interval, n; then change and its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import floor, log10
from typing import TYPE_CHECKING, Literal, Protocol

from markupsafe import Markup

from heedful.experiments import wording
from heedful.experiments.wording import NOTHING

if TYPE_CHECKING:
    from heedful.findings.finding import Leg
    from heedful.kpis.shelf import Series

Tone = Literal["good", "bad", "flat"]
UP, DOWN = "▲", "▼"
_LARGE = {
    "nps": 20.0,
    "hours": 20.0,
    "minutes": 20.0,
    "seconds": 20.0,
    "days": 20.0,
    "money": 1000.0,
}
POINTS = "\u00a0pts"


class Difference(Protocol):
    """What a change between periods must tell."""

    @property
    def difference(self) -> float | None: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def high(self) -> float | None: ...  # noqa: D102
    @property
    def relative(self) -> bool: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102


def places(unit: str | None, value: float | None, n: int = 0) -> int:
    """Decimals of a value: shares 1 (2 under 5% of many), NPS and hours over 20 none.

    >>> places("share", 0.71), places("share", 0.0384, 118004), places("hours", 41.2)
    (1, 2, 0)
    """
    if value is None:
        return 1
    if unit == "share":
        return 2 if value < 0.05 and n > 50_000 else 1
    if unit in _LARGE and abs(value) >= _LARGE[unit]:
        return 0
    if unit == "nps":
        return 0
    if unit == "money":
        return 2
    if unit in {"count", None}:
        return 0 if abs(value) >= 100 else 2
    # Two digits that say something: a twentieth of an hour is not none.
    return 1 if abs(value) >= 1 or value == 0 else min(6, 1 - floor(log10(abs(value))))


def value(number: float | None, unit: str | None, n: int = 0, currency: str | None = None) -> str:
    r"""A value of a KPI.

    >>> value(0.713, "share"), value(33.8, "nps"), value(41.2, "hours"), value(None, "share")
    ('71.3%', '34', '41\xa0h', '–')
    """
    return wording.amount(number, unit, decimals=places(unit, number, n), currency=currency)


def interval(
    number: float | None, low: float | None, high: float | None, unit: str | None, n: int = 0
) -> str:
    """An interval in brackets, without the unit; it has as many decimals as its value.

    >>> interval(0.713, 0.698, 0.727, "share"), interval(1.2, -2.2, 6.0, "score")
    ('(69.8–72.7)', '(−2.2 to +6.0)')
    >>> interval(0.7, None, 0.8, "share"), interval(0.7, None, None, "share")
    ('(…–80.0)', '')
    """
    if low is None and high is None:
        return ""
    decimals = places(unit, number, n)
    factor = 100.0 if unit == "share" else 1.0
    below = low is not None and low < 0
    ends = []
    for end in (low, high):
        if end is None:
            ends.append("…")
        elif below:
            ends.append(_signed(factor * end, decimals))
        else:
            ends.append(f"{factor * end:,.{decimals}f}")
    return f"({ends[0]} to {ends[1]})" if below else f"({ends[0]}–{ends[1]})"


def _signed(number: float, decimals: int) -> str:
    text = f"{abs(number):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return ("−" if number < 0 else "+") + text


def count(number: float | None) -> str:
    """A whole number; a dash where there is none.

    >>> count(48190), count(None)
    ('48,190', '–')
    """
    return NOTHING if number is None else f"{number:,.0f}"


@dataclass(frozen=True, slots=True)
class Delta:
    """A change, in the words of a page.

    Attributes:
        tone: good, bad or flat.
        arrow: Direction of the number; empty where it is not clear.
        size: How much, without sign: `6.4 pts`.
        signed: How much, with sign: `−6.4`.
        word: better, worse or no clear change.
        interval: `(−8.4 to −4.4)`; empty where there is none.
        why: Why there is no change to tell.
    """

    tone: Tone
    arrow: str
    size: str
    signed: str
    word: str
    interval: str
    why: str | None = None

    def __html__(self) -> Markup:
        """The change as one line."""
        if self.why:
            return Markup('<span class="delta flat">no comparison: {}</span>').format(self.why)
        if self.tone == "flat":
            text = "no clear change" + (f", {self.signed}" if self.signed else "")
            return Markup('<span class="delta flat">{}</span> <span class="iv">{}</span>').format(
                text, self.interval
            )
        return Markup(
            '<span class="delta {}"><span class="arrow" aria-hidden="true">{}</span> {} {}</span>'
            ' <span class="iv">{}</span>'
        ).format(self.tone, self.arrow, self.size, self.word, self.interval)

    @property
    def brief(self) -> Markup:
        """The change as one line without its interval."""
        if self.why:
            return Markup('<span class="delta flat">no comparison</span>')
        if self.tone == "flat":
            return Markup('<span class="delta flat">no clear change, {}</span>').format(self.signed)
        return Markup(
            '<span class="delta {}"><span class="arrow" aria-hidden="true">{}</span> {} {}</span>'
        ).format(self.tone, self.arrow, self.size, self.word)

    @property
    def bare(self) -> Markup:
        """The change as a cell that has no room for its interval: arrow and signed number."""
        if self.why:
            return Markup('<span class="flat">–</span>')
        arrow = Markup('<span class="arrow">{}</span> ').format(self.arrow) if self.arrow else ""
        number = self.signed.removesuffix(POINTS)
        return Markup('<span class="delta {}">{}{}</span>').format(self.tone, arrow, number)

    @property
    def short(self) -> Markup:
        """The change as a cell of a table: arrow and signed number, then the interval."""
        if self.why:
            return Markup('<span class="flat" title="{}">–</span>').format(self.why)
        arrow = Markup('<span class="arrow">{}</span> ').format(self.arrow) if self.arrow else ""
        return Markup('<span class="delta {}">{}{}</span> <span class="iv">{}</span>').format(
            self.tone, arrow, self.signed, self.interval
        )


def delta(change: Difference | None, unit: str | None, why: str | None = None) -> Delta:
    r"""A change in words.

    Args:
        change: The change; None where one of the periods has no reading.
        unit: The KPI's unit.
        why: Why there is none.

    >>> from heedful.kpis.change import Change
    >>> fell = Change(0.78, 0.71, -0.064, -0.084, -0.044, False, 0.001, "worse", None)
    >>> delta(fell, "share").size, delta(fell, "share").word, delta(fell, "share").interval
    ('6.4\xa0pts', 'worse', '(−8.4 to −4.4)')
    """
    if change is None or change.difference is None:
        reason = why or getattr(change, "why", None) or "one of the two periods has no reading"
        return Delta("flat", "", "", "", "", "", reason)
    kind = "relative" if change.relative else unit
    low, high = change.low, change.high
    decimals = _places_of(kind, change.difference, low, high)
    signed = wording.difference(change.difference, kind, decimals=decimals)
    ends = wording.differences(low, high, kind, decimals=decimals)
    shown = f"({ends})" if ends != NOTHING else ""
    if change.verdict not in {"better", "worse"}:
        return Delta("flat", "", signed.lstrip("+−"), signed, "no clear change", shown)
    tone: Tone = "good" if change.verdict == "better" else "bad"
    arrow = UP if change.difference > 0 else DOWN
    return Delta(tone, arrow, signed.lstrip("+−"), signed, change.verdict, shown)


@dataclass(frozen=True, slots=True)
class Step:
    """A change as findings tell it, in the words of a change between periods."""

    difference: float | None
    low: float | None
    high: float | None
    relative: bool
    verdict: str
    why: str | None = None


def of_leg(leg: Leg) -> Step:
    """The change of one leg of a finding."""
    ends = leg.difference_low, leg.difference_high
    return Step(leg.difference, *ends, relative=leg.relative, verdict=leg.verdict)


def _places_of(kind: str | None, difference: float, low: float | None, high: float | None) -> int:
    """One decimal, none for relative changes of 10% or more; as many as show that it is not 0."""
    if kind == "relative":
        return 0 if abs(difference) >= 0.1 else 1
    factor = 100.0 if kind == "share" else 1.0
    ends = [abs(factor * end) for end in (low, high) if end is not None]
    # What is clear must not round to zero.
    small = min([abs(factor * difference), *[end for end in ends if end > 0]], default=1.0)
    return 2 if small < 0.05 else 1


def day(when: date, *, year: bool = False, weekday: bool = False) -> str:
    """A date as tables have it.

    >>> day(date(2026, 9, 7)), day(date(2026, 9, 7), year=True, weekday=True)
    ('7 Sep', 'Mon 7 Sep 2026')
    """
    text = f"{when.day} {when:%b}"
    text = f"{text} {when.year}" if year else text
    return f"{when:%a} {text}" if weekday else text


def moment(when: datetime) -> str:
    """A time as pages have it; give it in the project's timezone.

    >>> moment(datetime(2026, 9, 7, 6, 10))
    'Mon 7 Sep 2026, 06:10'
    """
    return f"{day(when.date(), year=True, weekday=True)}, {when:%H:%M}"


def name(text: str | None) -> str:
    """An id as people read it.

    >>> name("plan_finder"), name("ai"), name(None)
    ('Plan finder', 'AI', 'Not known')
    """
    if text is None:
        return "Not known"
    if text in CAPITALS:
        return text.upper()
    spaced = text.replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:] if spaced else "(empty)"


CAPITALS = frozenset({"ai", "csat", "nps", "ces", "cx", "b2b", "b2c"})
"""Ids that are abbreviations."""
NOUNS: Mapping[str, tuple[str, str]] = {
    "survey_answers": ("answer", "answers"),
    "survey_invitations": ("invitation", "invitations"),
    "sessions": ("visit", "visits"),
    "form_attempts": ("form begun", "forms begun"),
    "checkouts": ("checkout", "checkouts"),
    "ticket_handling": ("ticket", "tickets"),
    "ai_answers": ("AI output", "AI outputs"),
    "first_value": ("sign-up", "sign-ups"),
    "first_visits": ("visitor", "visitors"),
    "first_purchases": ("buyer", "buyers"),
    "lifetimes": ("customer", "customers"),
    "memberships": ("customer", "customers"),
    "purchases": ("order", "orders"),
    "leads_won": ("lead", "leads"),
    "pipeline": ("deal", "deals"),
    "renewals": ("renewal due", "renewals due"),
    "ai_conversations": ("conversation", "conversations"),
    "help_visits": ("help visit", "help visits"),
    "page_steps": ("page view", "page views"),
}
"""What a row of a built-in fact is called, one and several."""


def of_rows(n: int, fact: str | None) -> str:
    """How many rows of a fact.

    >>> of_rows(4812, "survey_answers"), of_rows(1, "sessions"), of_rows(3, "parcels_sent")
    ('4,812 answers', '1 visit', '3 rows')
    """
    one, many = NOUNS.get(fact or "", ("row", "rows"))
    return f"{count(n)} {one if n == 1 else many}"


def reading(series: Series, place: int) -> tuple[float | None, float | None, float | None]:
    """Value, low and high of one reading, None for what is missing."""
    one = series.estimates[place]
    return one.value, one.low, one.high
