"""A KPI by segment: values, changes and their place on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

from heedful.kpis.change import Change, change
from heedful.web import numbers, pictures
from heedful.web.view import NOT_KNOWN, other

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.kpis.shelf import Series
    from heedful.web.edition import Edition
    from heedful.web.numbers import Delta
    from heedful.web.view import View

Sort = Literal["value", "change", "n"]
SORTS: tuple[Sort, ...] = ("change", "value", "n")
MOST = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One segment of one dimension.

    Attributes:
        dimension: The dimension.
        segment: Its value, None where it is not known.
        name: What people read.
        link: The page narrowed to it.
        value: Its value.
        low: Lower end of the interval.
        high: Upper end.
        before: Value before.
        n: Rows.
        shown: The value as text.
        interval: The interval as text.
        change: Change against the other period.
        delta: The same in words.
        ruler: The same as a picture.
        few: Whether too few customers are there to compare.
    """

    dimension: str
    segment: str | None
    name: str
    link: str
    value: float | None
    low: float | None
    high: float | None
    before: float | None
    n: int
    shown: str
    interval: str
    change: Change | None
    delta: Delta
    ruler: Markup
    few: bool


@dataclass(frozen=True, slots=True)
class Board:
    """Segments of a KPI, sorted.

    Attributes:
        rows: The segments.
        dimensions: How many dimensions they come from.
        domain: What all rulers span, in words.
        sort: What they are sorted by.
        left: Segments that are not shown, because there are too many.
    """

    rows: tuple[Row, ...]
    dimensions: int
    domain: str
    sort: Sort
    left: int


def board(
    edition: Edition, view: View, kpi: Kpi, at: Series, place: int, sort: Sort, stage: str | None
) -> Board:
    """A KPI by all its dimensions.

    Args:
        edition: What pages are made from.
        view: What is looked at.
        kpi: The KPI.
        at: The series of the whole.
        place: Where its period stands.
        sort: What to sort by.
        stage: Only this stage; None: all.
    """
    key = ("board", kpi.id, at.grain, str(at.start[place]), view.versus, sort, stage)
    return edition.once(
        (*key, view.query().get("segment")),
        lambda: _board(edition, view, kpi, at, place, sort, stage),
    )


def _board(
    edition: Edition, view: View, kpi: Kpi, at: Series, place: int, sort: Sort, stage: str | None
) -> Board:
    start = at.start[place].item()
    before = other(at.grain, start, view.versus).start
    raw: list[tuple[str, str | None, Series, int, Change | None, bool]] = []
    dimensions = edition.shelf.dimensions(kpi.id, at.grain)
    for dimension in dimensions:
        for segment, series in edition.shelf.segments(kpi.id, at.grain, dimension, stage).items():
            here = series.place(start)
            if here is None or not series.complete[here]:
                continue
            there = series.place(before)
            few = (
                there is None
                or min(int(series.customers[here]), int(series.customers[there]))
                < kpi.min_customers
            )
            moved = None if few else change(series, before, start, kpi.better)
            raw.append((dimension, segment, series, here, moved, few))
    shown = sorted(raw, key=lambda one: _order(one[2], one[3], one[4], sort))[:MOST]
    kpis = [kpi.at(stage, None if one[1] is None else (one[0], one[1])) for one in shown]
    targets = [each.target for each in kpis if each.target is not None]
    domain = _domain(kpi, targets, [(one[2], one[3], one[4]) for one in shown])
    currency = edition.definitions.settings.currency
    rows = tuple(
        _row(view, each, *one, domain=domain, currency=currency)
        for each, one in zip(kpis, shown, strict=True)
    )
    words = " to ".join(numbers.value(end, kpi.measure.unit) for end in domain)
    return Board(rows, len(dimensions), words, sort, len(raw) - len(shown))


def _order(series: Series, place: int, moved: Change | None, sort: Sort) -> tuple[bool, float]:
    if sort == "n":
        return (False, -float(series.n[place]))
    if sort == "value":
        value = series.estimates[place].value
        return (value is None, value or 0.0)
    difference = moved.difference if moved else None
    return (difference is None, difference or 0.0)


def _domain(
    kpi: Kpi, targets: Sequence[float], rows: Sequence[tuple[Series, int, Change | None]]
) -> tuple[float, float]:
    """What all rulers span: targets, values and what was before; wild intervals are cut."""
    ends = list(targets)
    for series, place, moved in rows:
        one = series.estimates[place]
        ends += [end for end in (one.value, moved.before if moved else None) if end is not None]
        if series.customers[place] >= kpi.min_customers:
            ends += [end for end in (one.low, one.high) if end is not None]
    if not ends:
        return (0.0, 1.0)
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
    least, most = low - room, high + room
    if kpi.measure.unit != "nps" and low >= 0:
        least = max(least, 0.0)
    if kpi.measure.unit == "share":
        most = min(most, 1.0)
    return least, most


def _row(
    view: View,
    kpi: Kpi,
    dimension: str,
    segment: str | None,
    series: Series,
    place: int,
    moved: Change | None,
    few: bool,
    *,
    domain: tuple[float, float],
    currency: str,
) -> Row:
    unit = kpi.measure.unit
    value, low, high = numbers.reading(series, place)
    n = int(series.n[place])
    why = f"fewer than {kpi.min_customers} {kpi.units}" if few else None
    tone = {"better": "good", "worse": "bad"}.get(moved.verdict, "") if moved else ""
    before = moved.before if moved else None
    key = f"{dimension}:{segment if segment is not None else NOT_KNOWN}"
    return Row(
        dimension,
        segment,
        numbers.name(segment),
        view.link(f"/kpis/{kpi.id}", segment=key),
        value,
        low,
        high,
        before,
        n,
        numbers.value(value, unit, n, currency),
        numbers.interval(value, low, high, unit, n),
        moved,
        numbers.delta(moved, unit, why),
        pictures.ruler(value, low, high, domain, before=before, target=kpi.target, tone=tone),
        few,
    )
