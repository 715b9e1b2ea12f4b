"""What forms about actions send, read as days, numbers and KPIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from fastapi import HTTPException

from heedful.ledger.refusal import RefusedError
from heedful.project import NotFoundError
from heedful.stats.estimate import number
from heedful.web import charts, numbers
from heedful.web.pages.findings_evidence import hottest, key, name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.findings.finding import Finding
    from heedful.kpis.shelf import Series
    from heedful.web.edition import Edition

DAYS = 14
"""An action made from a finding is due after so many days, unless somebody says otherwise."""
MOST_TARGETS = 8
LONGEST = 500
UNREAL = frozenset({"last_step"})
"""Dimensions that are no population: nobody can act on those who left after a step."""
WRONG = (HTTPException, NotFoundError, RefusedError)
"""What forms that cannot be taken raise."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that could not be taken: it is shown again as it was filled in.

    Attributes:
        form: Which one of the page.
        says: What is wrong with it.
        fields: What was filled in.
    """

    form: str
    says: str
    fields: Mapping[str, str]


def sent(form: str, error: Exception, **fields: str) -> Sent:
    """A form that could not be taken.

    Args:
        form: Which one of the page.
        error: Why not.
        fields: What was filled in.
    """
    if isinstance(error, NotFoundError):
        says = f"{error.found}; {error.allowed}"
    else:
        says = str(error.detail) if isinstance(error, HTTPException) else str(error)
    return Sent(form, says, fields)


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
        if finding.part is not None and main is not None and leg.kpi == main.kpi:
            dimension, segment = finding.part
            narrow = f"{leg.kpi}|{dimension}:{segment}"
            found.append(Target(narrow, f"{leg.title}, {numbers.name(segment)}", now))
            continue
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
            if one.dimension not in UNREAL
            and read(edition, finding, leg.kpi, one.dimension, one.segment) is not None
        ]
        found += narrower
    if not finding.legs and (kpi := edition.kpi(finding.kpi or "")) is not None:
        found.append(of_kpi(edition, kpi.id, finding.stage))
    return found[:MOST_TARGETS]


def of_kpi(
    edition: Edition,
    kpi: str,
    stage: str | None,
    dimension: str | None = None,
    segment: str | None = None,
) -> Target:
    """A KPI, or one of its segments, with its newest completed reading by week or month.

    Args:
        edition: What pages are made from.
        kpi: The KPI; it is switched on.
        stage: One stage; None for all.
        dimension: What it is broken down by; None for all customers.
        segment: Value of the dimension.
    """
    title = edition.definitions.kpis[kpi].title
    narrow = f"|{dimension}:{segment}" if dimension else ""
    now = ""
    for grain in ("week", "month"):
        series = edition.shelf.series(kpi, grain, stage=stage, dimension=dimension, segment=segment)
        place = series.last() if series is not None else None
        if series is not None and place is not None:
            currency = edition.definitions.settings.currency
            value = number(series.estimates.value[place])
            now = numbers.value(value, series.unit, int(series.n[place]), currency)
            break
    return Target(
        f"{kpi}{narrow}", f"{title}, {numbers.name(segment)}" if dimension else title, now
    )


def read(
    edition: Edition, finding: Finding, kpi: str, dimension: str | None, segment: str | None
) -> Series | None:
    """A KPI's readings as a finding means it: in its stage, where it is measured there.

    Args:
        edition: What pages are made from.
        finding: The finding.
        kpi: The KPI.
        dimension: What it is broken down by; None for all customers.
        segment: Value of the dimension.
    """
    for stage in dict.fromkeys((finding.stage, None)):
        series = edition.shelf.series(
            kpi, finding.grain, stage=stage, dimension=dimension, segment=segment
        )
        if series is not None:
            return series
    return None


def chosen(found: Sequence[Target]) -> str:
    """The key that is offered first: the segment that stands out most, else the KPI as a whole."""
    narrow = [one.key for one in found if "|" in one.key]
    return next(iter(narrow or [one.key for one in found]), "")


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


def short(text: str, what: str) -> None:
    """Refuse a text that is too long to be kept.

    Raises:
        HTTPException: It is.
    """
    if len(text) > LONGEST:
        raise HTTPException(400, f"{what} is over {LONGEST} characters; say it shorter")


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
