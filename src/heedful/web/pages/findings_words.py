"""What the page of a finding answers, each question in a sentence or two."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from heedful.experiments.wording import listed, percent
from heedful.kpis.periods import shown
from heedful.web import numbers
from heedful.web.pages.findings_evidence import hottest, name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.findings.finding import Finding, Segment
    from heedful.web.pages.findings_evidence import Parts

KINDS = {
    "mismatch": "Mismatch",
    "threshold": "Threshold",
    "change": "Change",
    "data": "Data",
}
SEVERITIES = {
    "act": "someone must do something",
    "watch": "look again",
    "info": "know it",
}
MOST = 3


def began(finding: Finding) -> str:
    """When it began, and how well that is known."""
    onset = finding.onset
    if onset is None:
        return ""
    grain = finding.grain
    first, last = numbers.day(onset.first, year=True), numbers.day(onset.last, year=True)
    if not onset.sure:
        return (
            f"It does not show one clear step: it may have begun in any {grain} "
            f"from {first} to {last}."
        )
    when = f"The step lies in the {grain} of {numbers.day(onset.start, year=True)}"
    if onset.first == onset.last:
        return f"{when}, and hardly in any other (change-point, 95%)."
    return f"{when}; the 95% set reaches from the {grain} of {first} to that of {last}."


def where(finding: Finding, found: Parts) -> str:
    """Where it happened."""
    return _most(hottest(finding.where), found, "Nowhere in particular: all places changed alike.")


def who(finding: Finding, found: Parts) -> str:
    """For whom."""
    return _most(hottest(finding.who), found, "For everyone alike: nothing stands out.")


def _most(hot: Sequence[Segment], found: Parts, none: str) -> str:
    if not hot and not found.groups:
        return "It is not broken down any further."
    several = [one for one in hot if (one.weight or 0.0) < 1.0]
    if not several:
        only = [_told(one) for one in hot]
        if not only:
            return none
        said = f"All of it lies in {listed(only)}."
        return f"{said} Within that, nothing stands out." if found.groups else said
    parts = []
    for one in several[:MOST]:
        part = one.share_of_change
        told = _told(one)
        parts.append(told if part is None else f"{told}, with {percent(part)} of the change")
    return f"Most of all {'; '.join(parts)}."


def _told(one: Segment) -> str:
    if one.dimension == "last_step":
        return name(one).lower()
    return f"{name(one)} ({numbers.name(one.dimension).lower()})"


def because(finding: Finding) -> str:
    """What may have to do with it."""
    causal = [one for one in finding.candidates if one.evidence == "causal"]
    if causal:
        return f"An experiment measured it: “{causal[0].title}”."
    fitting = [one for one in finding.candidates if one.fits]
    if fitting:
        first = fitting[0]
        return (
            f"The {first.kind} of {numbers.day(first.at, year=True)}, “{first.title}”, begins "
            "when this began; no experiment has tested it."
        )
    if finding.candidates:
        return "Nothing that is written down begins when this began. What came near it in time:"
    return "Nothing that is written down came near it in time."


def seen(finding: Finding) -> str:
    """The period it was last seen in."""
    return shown(finding.grain, finding.period_start, finding.period_end)


def linked(text: str) -> Markup:
    """A reason with links to the findings that it names.

    >>> print(linked("told as part of f-9b7eaf <b>"))
    told as part of <a href="/findings/f-9b7eaf">f-9b7eaf</a> &lt;b&gt;
    """
    link = Markup('<a href="/findings/{0}">{0}</a>')
    parts = re.split(r"\b(f-[0-9a-f]{6})\b", text)
    return Markup("").join(
        link.format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
