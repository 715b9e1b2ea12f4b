"""What forms about actions send, read as days, numbers and KPIs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from fastapi import HTTPException

from heedful.web import charts, numbers
from heedful.web.pages.findings_evidence import hottest, key, name

if TYPE_CHECKING:
    from heedful.findings.finding import Finding
    from heedful.web.edition import Edition

DAYS = 14
"""An action made from a finding is due after so many days, unless somebody says otherwise."""
MOST_TARGETS = 8
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Target:
    """A KPI that an action may be meant to change.

    Attributes:
        key: As the form sends it: KPI, and `dimension:segment` where it is one.
        title: What people read.
        now: Its value now, as text.
    """

    key: str
    title: str
    now: str


def targets(edition: Edition, finding: Finding) -> list[Target]:
    """What an action from a finding may be meant to change; what got worse comes first."""
    currency = edition.definitions.settings.currency
    legs = sorted(finding.legs, key=lambda leg: leg.verdict != "worse")
    main = finding.legs[0] if finding.legs else None
    found = []
    for leg in legs:
        now = numbers.value(leg.now, leg.unit, leg.n, currency)
        found.append(Target(leg.kpi, leg.title, now))
        if main is None or leg.kpi != main.kpi:
            continue
        narrower = [
            Target(
                f"{leg.kpi}|{key(one)}",
                f"{leg.title}, {name(one)}",
                numbers.value(one.now, leg.unit, one.n, currency),
            )
            for one in hottest([*finding.where, *finding.who])
            if one.segment is not None and (one.weight or 0.0) < 1.0
            # Steps of a form are no population whose KPI could change.
            if one.dimension != "last_step"
        ]
        found += narrower
    return found[:MOST_TARGETS]


def aimed(text: str) -> tuple[str | None, str | None, str | None]:
    """KPI, dimension and segment of what a form sent.

    >>> aimed("csat|device:mobile"), aimed("csat"), aimed("")
    (('csat', 'device', 'mobile'), ('csat', None, None), (None, None, None))
    """
    kpi, _, segment = text.partition("|")
    dimension, _, value = segment.partition(":")
    return kpi or None, dimension or None, (value or None) if dimension else None


def due_on(edition: Edition) -> date:
    """The day that is offered as due."""
    return edition.today + timedelta(days=DAYS)


def day(text: str, what: str) -> date:
    """A day that a form sent.

    Raises:
        HTTPException: It is none.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise HTTPException(400, f'{what} "{text}" is no day; such as 2026-09-18') from None


def reached(text: str, unit: str | None) -> float | None:
    """A value to reach, as people write it, in the KPI's own unit; None for an empty field.

    Args:
        text: Such as `12%`, `5.9 h`, `-4` or `1,200`.
        unit: The KPI's unit; a share is given in percent.

    Raises:
        HTTPException: It is no number.

    >>> reached("12%", "share"), reached("5.9 h", "hours"), reached("", "share")
    (0.12, 5.9, None)
    """
    plain = text.strip()
    if not plain:
        return None
    for end in ("%", charts.SUFFIXES.get(unit or "", "").strip()):
        plain = plain.removesuffix(end).strip() if end else plain
    plain = plain.replace("−", "-").replace(",", "").replace("\u00a0", "")
    try:
        number = float(plain)
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e15:
        said = "such as 12%" if unit == "share" else "such as 5.9"
        raise HTTPException(400, f'the value to reach "{text.strip()}" is no number; {said}')
    number = number / 100 if unit == "share" else number
    if unit == "share" and not 0 <= number <= 1:
        raise HTTPException(400, f'the value to reach "{text.strip()}" is not from 0 to 100%')
    return number


def unit_of(edition: Edition, kpi: str | None) -> str | None:
    """The unit of a KPI that is or was switched on."""
    definitions = edition.definitions
    one = definitions.kpis.get(kpi or "") or definitions.catalogue.get(kpi or "")
    return one.measure.unit if one is not None and one.measure is not None else None
