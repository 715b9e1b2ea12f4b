"""Cards: one KPI in one view, with all that a number must bring along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np
from markupsafe import Markup

from heedful.kpis.change import Change, change
from heedful.kpis.periods import shown
from heedful.web import numbers, pictures

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.kpis.shelf import Series
    from heedful.web.edition import Edition
    from heedful.web.numbers import Delta
    from heedful.web.view import View

Met = Literal["met", "missed", "in reach", ""]


@dataclass(frozen=True, slots=True)
class Card:
    """One KPI in one view.

    Attributes:
        kpi: The KPI's id.
        title: What people call it.
        link: Its page.
        value: Value in the period; None for no data.
        shown: The same as text.
        interval: Its interval as text.
        rows: How many rows of what.
        customers: Distinct customers.
        change: Change against the other period; None where there is none.
        delta: The same in words.
        spark: The last 26 weeks.
        target: The target as text; empty without.
        met: Whether it was met.
        owner: Who owns it.
        why: Why the value or its interval is missing.
        late: The period it really is of, where that is not the one asked for.
        start: First day of the period it is of.
        series: The readings it is from.
        place: Where its reading stands there.
    """

    kpi: str
    title: str
    link: str
    value: float | None
    shown: str
    interval: str
    rows: str
    customers: int
    change: Change | None
    delta: Delta
    spark: Markup
    target: str
    met: Met
    owner: str
    why: str | None
    late: str
    start: date | None
    series: Series | None
    place: int | None


def card(edition: Edition, view: View, kpi: Kpi, stage: str | None = None) -> Card:
    """A KPI as it stands in a view.

    Where the period is not complete yet, the last complete one before it is shown, and named.

    Args:
        edition: What pages are made from.
        view: What is looked at.
        kpi: The KPI.
        stage: Only this stage; None: all.
    """
    key = ("card", kpi.id, stage, view.grain, view.period, view.against, view.segment_key)
    return edition.once(key, lambda: _card(edition, view, kpi, stage))


def found(edition: Edition, view: View, kpi: Kpi, stage: str | None) -> Series | None:
    """The series of a KPI in a view; facts that know only months give those."""
    for grain in dict.fromkeys((view.grain, "month", "quarter")):
        series = edition.shelf.series(
            kpi.id, grain, stage=stage, dimension=view.dimension, segment=view.segment
        )
        if series is not None:
            return series
    return None


def place_of(series: Series, view: View) -> int | None:
    """Where the view's period stands in a series, or the last complete one before it."""
    if view.period is None:
        return series.last()
    done = np.flatnonzero(series.complete & (series.end <= np.datetime64(view.period.end)))
    return int(done[-1]) if len(done) else None


def _card(edition: Edition, view: View, kpi: Kpi, stage: str | None) -> Card:
    link = view.link(f"/kpis/{kpi.id}", **({"stage": stage} if stage else {}))
    kpi = kpi.at(stage, view.part)
    teams = edition.definitions.settings.teams
    owner = teams[kpi.owner].name if kpi.owner in teams else kpi.owner
    unit = kpi.measure.unit
    currency = edition.definitions.settings.currency
    target = "" if kpi.target is None else numbers.value(kpi.target, unit, currency=currency)
    series = found(edition, view, kpi, stage)
    place = None if series is None else place_of(series, view)
    if series is None or place is None:
        return Card(
            kpi.id,
            kpi.title,
            link,
            None,
            "no data",
            "",
            "",
            0,
            None,
            numbers.delta(None, unit),
            Markup(""),
            target,
            "",
            owner,
            _why_none(edition, view, kpi),
            "",
            None,
            series,
            None,
        )
    value, low, high = numbers.reading(series, place)
    n = int(series.n[place])
    start = series.start[place].item()
    moved, why = _change(view, kpi, series, place)
    late = ""
    if view.period is None or series.grain != view.grain or start != view.period.start:
        late = shown(series.grain, start, series.end[place].item())
    return Card(
        kpi.id,
        kpi.title,
        link,
        value,
        numbers.value(value, unit, n, currency) if value is not None else "no value",
        numbers.interval(value, low, high, unit, n),
        numbers.of_rows(n, kpi.fact),
        int(series.customers[place]),
        moved,
        numbers.delta(moved, unit, why),
        _spark(edition, view, kpi, stage, series.end[place]),
        target,
        met(kpi, value, low, high),
        owner,
        series.why[place],
        late,
        start,
        series,
        place,
    )


def _change(view: View, kpi: Kpi, series: Series, place: int) -> tuple[Change | None, str | None]:
    """The change to this place, and why there is none."""
    from heedful.web.view import other

    start = series.start[place].item()
    before = other(series.grain, start, view.versus)
    at = series.place(before.start)
    if at is None:
        return None, f"no reading of {before.title}"
    if not series.complete[at]:
        return None, f"{before.title} was not complete"
    few = min(int(series.customers[at]), int(series.customers[place])) < kpi.min_customers
    if few:
        return None, f"fewer than {kpi.min_customers} {kpi.units} in one of the periods"
    return change(series, before.start, start, kpi.better), None


def _why_none(edition: Edition, view: View, kpi: Kpi) -> str:
    if view.dimension and view.dimension not in edition.shelf.dimensions(kpi.id, view.grain):
        return f"not broken down by {numbers.name(view.dimension).lower()}"
    if view.dimension:
        return f"no reading of these {kpi.units}"
    if kpi.id not in edition.shelf.kpis:
        return "its tables have no data yet"
    return "no completed period yet"


def met(kpi: Kpi, value: float | None, low: float | None, high: float | None) -> Met:
    """Whether a target was met, missed, or lies inside the interval."""
    if kpi.target is None or value is None:
        return ""
    below, above = (value if end is None else end for end in (low, high))
    if below <= kpi.target <= above:
        return "in reach"
    good = value >= kpi.target if kpi.better == "higher" else value <= kpi.target
    return "met" if good else "missed"


def _spark(
    edition: Edition, view: View, kpi: Kpi, stage: str | None, until: np.datetime64
) -> Markup:
    grain = "week"
    series = edition.shelf.series(
        kpi.id, grain, stage=stage, dimension=view.dimension, segment=view.segment
    )
    if series is None:
        grain = "month"
        series = found(edition, view, kpi, stage)
    if series is None:
        return Markup("")
    done = np.flatnonzero(series.complete & (series.end <= until))
    if not len(done):
        return Markup("")
    onsets = [
        one.onset.start
        for one in edition.findings()
        if one.onset and any(leg.kpi == kpi.id for leg in one.legs)
    ]
    marks = [int(np.searchsorted(series.start, np.datetime64(day), "right")) - 1 for day in onsets]
    said = f"{kpi.title}, {grain} by {grain}"
    return pictures.spark(series, int(done[-1]), said, marks)
