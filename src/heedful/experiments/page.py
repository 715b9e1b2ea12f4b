"""The page of a readout: one HTML file that fetches nothing and runs no script."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from heedful.experiments import audit, breakdowns, charts, panels, summary
from heedful.experiments.drawing import WIDTHS
from heedful.experiments.naming import Names, interval_name
from heedful.experiments.palette import TOKENS
from heedful.experiments.sentences import name_of
from heedful.experiments.summary import long_date

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from heedful.experiments.readout import Look, OutcomeResult, Readout

_UNITS = re.compile(r"\((?:[+−]?[\d.,]+|…) to (?:[+−]?[\d.,]+|…)|p [<=] [\d.]+|\d : \d")
_NARROW = tuple(width for width in WIDTHS if width <= 520)


@dataclass(frozen=True, slots=True)
class Shown:
    """A chart with its words."""

    title: str
    caption: str
    drawings: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Curves of one KPI, with their names, dashes and a few of their values."""

    title: str
    caption: str
    drawings: tuple[Markup, ...]
    names: tuple[str, ...]
    dashes: tuple[str, ...]
    watched: audit.Watched
    shortened: bool


def render(readout: Readout) -> str:
    """A readout as a page of its own.

    Args:
        readout: An analysed experiment.

    Returns:
        HTML in one piece: sheet, pictures and downloads are inside, all names are escaped.
    """
    from markupsafe import Markup

    sheet = styles()
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    return (
        _templates()
        .get_template("page.html")
        .render(
            fingerprint=f"sha256-{digest}",
            # Written by us; what people wrote is escaped in the body.
            sheet=Markup(sheet),  # noqa: S704
            body=Markup(body(readout)),  # noqa: S704
            title=readout.title or readout.name,
            name=readout.name,
            word=breakdowns.DECISIONS[readout.decision],
            as_of=long_date(readout.as_of) if readout.as_of else "",
        )
    )


def body(readout: Readout) -> str:
    """A readout as an element, to stand on a page that has `styles`.

    Args:
        readout: An analysed experiment.
    """
    names = Names.of(readout)
    looks = _looks(readout)
    worth, worth_else = summary.worth(readout)
    return (
        _templates()
        .get_template("body.html")
        .render(
            name=readout.name,
            title=readout.title or readout.name,
            unit=readout.unit,
            units=summary.units(readout),
            facts=summary.facts(readout),
            box=summary.box(readout, names),
            checks=summary.checks(readout),
            warnings=readout.warnings,
            interval=interval_name(readout),
            primary=panels.primary(readout, names),
            guardrails=panels.guardrails(readout, names),
            sides=panels.sides(readout, names),
            interactions=panels.interactions(readout, names),
            worth=worth,
            worth_else=worth_else,
            segments=breakdowns.segments(readout, names),
            other_segments=audit.other_segments(readout, names),
            days=_days(readout, names, looks),
            days_note=_days_note(readout),
            days_file=audit.days_csv(looks, readout.name),
            curves=_curves(readout, names),
            claims=breakdowns.claims(readout),
            notes=readout.notes,
            definitions=audit.definitions(readout),
            figures=audit.figures(readout, names),
            definition=readout.definition,
            sql=readout.sql,
            files=audit.downloads(readout),
        )
    )


@cache
def styles() -> str:
    """The sheet of the page."""
    return _templates().get_template("page.css").render(tokens=TOKENS, widths=WIDTHS)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("heedful.experiments", "templates"),
        autoescape=select_autoescape(disabled_extensions=("css",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = whole
    return environment


def whole(text: str) -> str:
    r"""Text whose intervals and p values never break over two lines.

    >>> whole("up 4.1 points (+2.2 to +6.0), p = 0.02")
    'up 4.1 points (+2.2\xa0to\xa0+6.0), p\xa0=\xa00.02'
    """
    return _UNITS.sub(lambda found: found.group().replace(" ", "\u00a0"), text)


def _primaries(readout: Readout) -> list[OutcomeResult]:
    return [one for one in readout.outcomes if one.role == "primary" and one.control is not None]


def _looks(readout: Readout) -> list[Look]:
    """Looks at the primary outcome that have an interval."""
    kpis = {one.kpi for one in _primaries(readout)}
    return [one for one in readout.looks if one.kpi in kpis and one.low is not None]


def _days(readout: Readout, names: Names, looks: Sequence[Look]) -> list[Shown]:
    """A chart each variant, where there is more than one day to show."""
    shown = []
    for one in _primaries(readout):
        mine = [look for look in looks if look.kpi == one.kpi and look.variant == one.variant]
        if len({look.date for look in mine}) < 2:
            continue
        title = name_of(one)
        if names.several:
            title = f"{title}, {names.variant(one.variant)}"
        sequential = readout.sequential != "none"
        figure = charts.day_by_day(
            mine,
            title=title,
            unit=one.unit,
            currency=readout.currency,
            mark=sequential,
            beside=[look for look in looks if look.kpi == one.kpi],
            widths=_NARROW if names.several else WIDTHS,
        )
        sure = charts.settled_on(mine) if sequential else None
        caption = "" if names.several else f"{title}: the difference at the end of each day."
        if sure:
            caption = f"{caption} A: from {long_date(sure)} on the interval stays clear of zero."
        heading = names.variant(one.variant) if names.several else ""
        shown.append(Shown(heading, caption.strip(), _markup(figure.drawings)))
    return shown


def _days_note(readout: Readout) -> str:
    interval = interval_name(readout)
    if readout.sequential == "confidence_sequence":
        return f"band: {interval}, valid on any day"
    if readout.sequential == "alpha_spending":
        return f"at the planned looks; band: {interval}, as wide as the looks demand"
    return f"band: {interval} of each day by itself, not to decide by when to stop"


def _curves(readout: Readout, names: Names) -> list[Curve]:
    found = []
    titles = {one.kpi: name_of(one) for one in readout.outcomes}
    for kpi in dict.fromkeys(point.kpi for point in readout.curves):
        points = [point for point in readout.curves if point.kpi == kpi]
        there = dict.fromkeys(point.variant for point in points)
        order = sorted(there, key=lambda variant: variant != readout.control)
        called = {variant: names.variant(variant) for variant in order}
        title = titles.get(kpi, kpi)
        figure = charts.curves(points, title=title, names=called)
        low, high, _ = charts.shares_axis(points)
        caption = f"share still there by days since exposure; bands: {interval_name(readout)}s"
        if low > 0:
            caption += f"; axis from {low:g} to {high:g}%"
        found.append(
            Curve(
                title,
                caption,
                _markup(figure.drawings),
                tuple(called.values()),
                tuple(charts.swatch(number) for number in range(len(called))),
                audit.watched(points, called),
                any(charts.shortened(name) != name for name in called.values()),
            )
        )
    return found


def _markup(drawings: Sequence[str]) -> tuple[Any, ...]:
    from markupsafe import Markup

    # Drawn by us; the drawing escapes the names in it.
    return tuple(Markup(drawing) for drawing in drawings)  # noqa: S704
