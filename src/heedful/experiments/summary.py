"""What a leader reads first: facts of an experiment, the decision, whether to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from heedful.experiments.breakdowns import DECISIONS
from heedful.experiments.decision import in_words
from heedful.experiments.naming import Names
from heedful.experiments.sentences import inner
from heedful.experiments.wording import (
    counted,
    decimals_of,
    difference,
    listed,
    of_them,
    p_equals,
    percent,
)

if TYPE_CHECKING:
    from heedful.experiments.readout import OutcomeResult, Readout, Worth

_SHORT_OF_POWER = 0.01
_MOST_COUNTS = 3
_MOST_WORTH = 4
SHAPES = {
    "ship": "tick",
    "do_not_ship": "cross",
    "keep_running": "half",
    "needs_review": "diamond",
    "invalid": "barred",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what it is."""

    term: str
    text: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Whether one thing that a decision rests on is as it should be.

    Attributes:
        state: ok, care, fail, or plain where there is nothing to judge.
        title: The finding in a few words.
        text: The figures.
    """

    state: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Signed:
    """Who took a trade-off on."""

    verdict: str
    by: str
    on: str
    reason: str
    then: str


@dataclass(frozen=True, slots=True)
class Box:
    """The decision.

    Attributes:
        kind: As the contract names it.
        shape: The shape beside the word.
        word: The decision as people read it.
        about: The variant it is about, where there are several.
        rule: The rule that decided.
        lead: The reason that decided.
        reasons: What else was seen.
        trade_offs: What got better at the price of what.
        signed: Signatures.
    """

    kind: str
    shape: str
    word: str
    about: str
    rule: str
    lead: str
    reasons: tuple[str, ...]
    trade_offs: tuple[str, ...]
    signed: tuple[Signed, ...]


def box(readout: Readout, names: Names) -> Box:
    """The decision with its reasons."""
    about = ""
    if readout.candidate and names.several and readout.decision != "invalid":
        about = names.variant(readout.candidate)
    return Box(
        kind=readout.decision,
        shape=SHAPES[readout.decision],
        word=DECISIONS[readout.decision],
        about=about,
        rule=in_words(readout.rule),
        lead=readout.reasons[0] if readout.reasons else "",
        reasons=readout.reasons[1:],
        trade_offs=readout.trade_offs,
        signed=tuple(
            Signed(
                verdict=one.verdict,
                by=one.by,
                on=long_date(one.at.date()),
                reason=one.reason,
                then=DECISIONS[one.decision].lower() if one.decision != readout.decision else "",
            )
            for one in readout.signatures
        ),
    )


def facts(readout: Readout) -> tuple[Fact, ...]:
    """Question, stage, time, units, who answers for it; what is not known is left out."""
    given = [
        Fact("Question", readout.question or ""),
        Fact("Hypothesis", readout.hypothesis or ""),
        Fact("Stage", readout.stage or ""),
        _ran(readout),
        _units(readout),
        Fact("Design", "" if readout.design == "ab" else readout.design),
        Fact("Owner", readout.owner or ""),
        Fact("Approver", readout.approver or ""),
    ]
    return tuple(one for one in given if one.text)


def shares(readout: Readout) -> str:
    """Planned shares of the variants.

    Returns:
        Such as `50 : 50`, that never breaks.
    """
    whole = all(round(100 * one.weight, 6).is_integer() for one in readout.variants)
    places = 0 if whole else 1
    return "\u00a0:\u00a0".join(percent(one.weight, places).rstrip("%") for one in readout.variants)


def checks(readout: Readout) -> tuple[Check, ...]:
    """What the decision rests on."""
    return (
        _ratio(readout),
        *_answered(readout),
        *_enough(readout),
        _looks(readout),
        *_windows(readout),
        *_crossed(readout),
    )


def units(readout: Readout) -> int:
    """Units of all variants."""
    return sum(one.units for one in readout.variants)


def long_date(when: date) -> str:
    """A date with its weekday.

    >>> long_date(date(2026, 9, 7))
    'Mon 7 Sep 2026'
    """
    return f"{when:%a} {when.day} {when:%b %Y}"


def period(first: date, last: date) -> str:
    """A period, both days inside.

    >>> period(date(2026, 7, 13), date(2026, 8, 23)), period(date(2025, 12, 1), date(2026, 1, 4))
    ('13 Jul – 23 Aug 2026', '1 Dec 2025 – 4 Jan 2026')
    >>> period(date(2026, 3, 2), date(2026, 3, 15))
    '2 – 15 Mar 2026'
    """
    if first == last:
        return f"{first.day} {first:%b %Y}"
    month = f" {first:%b}" if (first.year, first.month) != (last.year, last.month) else ""
    year = f" {first:%Y}" if first.year != last.year else ""
    return f"{first.day}{month}{year} – {last.day} {last:%b %Y}"


def worth(readout: Readout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What effects are worth: what is said at once, and what else there is.

    First comes the variant that the decision is about, its primary outcome, then money.
    """
    main = {one.kpi for one in readout.outcomes if one.role == "primary"}

    def rank(one: Worth) -> tuple[bool, bool, bool]:
        return one.variant != readout.candidate, one.kpi not in main, not one.money

    said = list(dict.fromkeys(one.words for one in sorted(readout.worth, key=rank)))
    about = {one.words for one in readout.worth if one.variant == readout.candidate}
    first = [words for words in said if words in about or not about][:_MOST_WORTH]
    return tuple(first), tuple(words for words in said if words not in first)


def _units(readout: Readout) -> Fact:
    if not readout.variants:
        return Fact("Unit", readout.unit)
    if readout.unit == "unit":
        return Fact("Planned shares", shares(readout))
    return Fact("Unit", f"{readout.unit}, {shares(readout)}")


def _ran(readout: Readout) -> Fact:
    if readout.start is None:
        return Fact("Ran", "")
    if readout.end is None:
        return Fact("Runs since", long_date(readout.start))
    # The end is the first day on which no unit enters any more.
    last = max(readout.start, readout.end - timedelta(days=1))
    length = of_them((last - readout.start).days + 1, "day")
    return Fact("Ran" if readout.ended else "Runs", period(readout.start, last), length)


def _ratio(readout: Readout) -> Check:
    if readout.srm.p_value is None:
        return Check("plain", "Sample ratio", "no units to judge it by")
    states = {
        "ok": ("ok", "Sample ratio holds"),
        "caution": ("care", "Sample ratio doubtful"),
        "fail": ("fail", "Sample ratio broken"),
    }
    state, title = states[readout.srm.state]
    if len(readout.variants) <= _MOST_COUNTS:
        counts = listed([counted(one.units) for one in readout.variants])
    else:
        counts = f"{counted(units(readout))} in {len(readout.variants)} variants"
    text = f"{counts}, planned {shares(readout)}, {p_equals(readout.srm.p_value)}"
    return Check(state, title, text)


def _answered(readout: Readout) -> Iterator[Check]:
    tested = [one for one in readout.answered if one.p_value is not None]
    if not tested:
        return
    worst = min(tested, key=lambda one: one.p_value if one.p_value is not None else 1.0)
    rates = listed([percent(share, 1) for _, share in worst.shares])
    text = f"{rates} answered, {p_equals(worst.p_value)}"
    if len(tested) > 1 or worst.state != "ok":
        text = f"{worst.title or worst.kpi}: {text}"
    states = {
        "ok": ("ok", "Surveys answered alike"),
        "caution": ("care", "Surveys answered unlike"),
        "fail": ("fail", "Surveys answered unlike"),
    }
    yield Check(*states[worst.state], text)


def _enough(readout: Readout) -> Iterator[Check]:
    one = _decisive(readout)
    total = units(readout)
    if not total or one is None:
        return
    said = []
    if readout.planned_units:
        came = total >= readout.planned_units
        planned = counted(readout.planned_units)
        said.append("all planned units came" if came else f"{counted(total)} of {planned} planned")
    if one.detectable is not None:
        places = decimals_of(one.unit, one.detectable)
        seen = difference(abs(one.detectable), one.unit, decimals=places, currency=readout.currency)
        said.append(f"could see {seen}".replace("+", "±"))
    if one.power is None:
        if said:
            yield Check("plain", "How much it could see", "; ".join(said))
        return
    shown = one.verdict in {"better", "worse"}
    enough = shown or one.power >= readout.power - _SHORT_OF_POWER
    said.append(f"power {percent(one.power)}")
    state = "ok" if enough else "care" if readout.ended else "plain"
    title = "Enough people" if enough else "Too few people" if readout.ended else "Not enough yet"
    yield Check(state, title, "; ".join(said))


def _looks(readout: Readout) -> Check:
    if readout.sequential == "confidence_sequence":
        return Check("ok", "Looks allowed for", "confidence sequence: valid on any day")
    if readout.sequential == "alpha_spending":
        days = len({one.date for one in readout.looks})
        taken = f", {of_them(days, 'look')} so far" if days else ""
        return Check("ok", "Looks allowed for", f"alpha spent over planned looks{taken}")
    text = "intervals hold for one look, at the end"
    return Check("plain" if readout.ended else "care", "Fixed length", text)


def _windows(readout: Readout) -> Iterator[Check]:
    total = units(readout)
    compared = [one for one in readout.outcomes if one.control is not None]
    if not total or all(one.window_days is None for one in compared):
        return
    longest = max(compared, key=lambda one: one.waiting)
    if not longest.waiting:
        yield Check("ok", "Windows closed", "every unit counts for every outcome")
        return
    share = percent(longest.waiting / total)
    text = f"{of_them(longest.waiting, readout.unit)} ({share}) wait for {inner(longest)}"
    yield Check("care", "Windows still open", text)


def _crossed(readout: Readout) -> Iterator[Check]:
    if readout.crossovers:
        met = of_them(readout.crossovers, readout.unit)
        yield Check("care", "Crossovers", f"{met} met several variants and were left out")


def _decisive(readout: Readout) -> OutcomeResult | None:
    mine = [one for one in readout.outcomes if one.role == "primary" and one.control is not None]
    about = [one for one in mine if one.variant == readout.candidate]
    return next(iter(about or mine), None)
