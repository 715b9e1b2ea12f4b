"""What came after an action, in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from heedful.experiments.wording import amount, decimals_of, effect, interval_of

if TYPE_CHECKING:
    from heedful.actions.windows import Windows
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.ledger.outcome import Outcome

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}


def day(when: date) -> str:
    """A day as people write it.

    >>> day(date(2026, 9, 7))
    '7 Sep 2026'
    """
    return f"{when.day} {when:%b %Y}"


def span(start: date, end: date) -> str:
    """Days from the first to the one before `end`.

    >>> span(date(2026, 8, 10), date(2026, 9, 7)), span(date(2025, 12, 8), date(2026, 1, 5))
    ('10 Aug – 6 Sep 2026', '8 Dec 2025 – 4 Jan 2026')
    """
    last = end - timedelta(days=1)
    first = f"{start.day} {start:%b}" if start.year == last.year else day(start)
    return f"{first} – {day(last)}"


def waiting_says(found: Windows, title: str, until: date) -> str:
    """What is said while periods are missing."""
    what = span(found.after_start, found.after_end)
    return f"Waiting until {day(until)}: {title} of {what} is not known in full before."


def measured_says(of: Outcome, found: Windows, kpi: CatalogueKpi, currency: str | None) -> str:
    """What came after an action; never that it came because of it."""
    places = decimals_of(of.unit, of.before, of.before_low, of.before_high)
    values = []
    for value, low, high in (
        (of.before, of.before_low, of.before_high),
        (of.after, of.after_low, of.after_high),
    ):
        ends = interval_of(low, high, of.unit, decimals=places)
        shown = amount(value, of.unit, decimals=places, currency=currency)
        values.append(f"{shown} ({ends})" if low is not None or high is not None else shown)
    weeks = f"{NUMBERS[found.count]} {found.grain}s"
    first = (
        f"{kpi.title} was {values[0]} in the {weeks} before and {values[1]} in the {weeks} after: "
        f"{_change(of, currency)}."
    )
    said = [first, _expected(of, kpi, currency), _care(of, found)]
    said.append("This is what came after the action, not proof that it came because of it.")
    return " ".join(each for each in said if each)


def _change(of: Outcome, currency: str | None) -> str:
    if of.difference is None or of.low is None or of.high is None:
        return f"no interval can be given, {of.why}" if of.why else "no interval can be given"
    unit = "relative" if of.relative else of.unit
    shown = effect(of.difference, of.low, of.high, unit, currency=currency)
    words = {"better": "better", "worse": "worse", "unclear": "no clear change"}[
        of.verdict or "unclear"
    ]
    return f"{words}, {shown}"


def _expected(of: Outcome, kpi: CatalogueKpi, currency: str | None) -> str:
    if of.expected is None or of.met is None:
        return ""
    wanted = amount(of.expected, of.unit, currency=currency)
    bound = "or more" if kpi.better == "higher" else "or less"
    return {
        "met": f"Expected was {wanted} {bound}: reached.",
        "in_reach": f"Expected was {wanted} {bound}: not reached, but the interval holds it.",
        "missed": f"Expected was {wanted} {bound}: missed.",
    }[of.met]


def _care(of: Outcome, found: Windows) -> str:
    said = []
    if of.basis == "sampling":
        said.append(
            f"Too few earlier {found.grain}s tell how much it varies by itself: "
            "the interval holds sampling error only."
        )
    sides = ((of.weeks_before, "before"), (of.weeks_after, "after"))
    said += [
        f"Only {count} of the {found.count} {found.grain}s {name} have a reading."
        for count, name in sides
        if count < found.count
    ]
    return " ".join(said)
