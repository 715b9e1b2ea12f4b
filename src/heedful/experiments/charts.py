"""Charts of a readout: the difference day by day, and curves of who is still there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from heedful.experiments.drawing import HEIGHTS, WIDTHS, Figure, drawn
from heedful.experiments.forest import label, step_of
from heedful.experiments.wording import amount, decimals_of, difference, listed

if TYPE_CHECKING:
    from heedful.experiments.readout import CurvePoint, Look

FEW_LOOKS = 12
"""So few looks are drawn as points on the line."""
LONGEST_NAME = 22
"""Letters of a name that fit beside a line."""
_DASHES = ([1, 0], [8, 3], [2, 2], [9, 3, 2, 3], [14, 4], [4, 4])
_NARROW = 430
"""Up to this width lines are told apart by a list above them, not by names at their ends."""
_MARK = 14
"""Pixels that the lettered disc takes above a chart."""


def day(when: date, *, year: bool = False) -> str:
    """A date as people write it.

    >>> day(date(2026, 9, 7)), day(date(2026, 9, 7), year=True)
    ('7 Sep', '7 Sep 2026')
    """
    return f"{when.day} {when:%b %Y}" if year else f"{when.day} {when:%b}"


def settled_on(looks: Sequence[Look]) -> date | None:
    """The first day from which on the interval stays on one side of zero; None if it does not."""
    sure = None
    for look in sorted(looks, key=lambda look: look.date, reverse=True):
        if look.low is None or look.high is None or look.low <= 0 <= look.high:
            break
        sure = look.date
    return sure


def day_by_day(
    looks: Sequence[Look],
    *,
    title: str,
    unit: str | None,
    currency: str | None = None,
    mark: bool = True,
    beside: Sequence[Look] = (),
    widths: Sequence[int] = WIDTHS,
) -> Figure:
    """The difference as it stood on each day, with its interval; A marks when it left zero.

    Args:
        looks: Of one KPI and variant; those without an interval are not drawn.
        title: What people call the KPI.
        unit: Its unit; shares are drawn in points.
        currency: Of money.
        mark: Whether to mark the day from which on the interval stays clear of zero; not where
            the design allows no looks.
        beside: Looks of charts that stand beside it and have the same axis.
        widths: Pixels at which it is drawn.

    Raises:
        ValueError: No look has an interval.
    """
    shown = sorted(looks, key=lambda look: look.date)
    known = [look for look in shown if look.difference is not None and look.low is not None]
    if not known:
        raise ValueError(f"no look at {title} has an interval")
    first, last = known[0].date, known[-1]
    factor = 100.0 if unit == "share" else 1.0
    rows = _rows(known, first, factor)
    length = max(1, (last.date - first).days)
    places = decimals_of(unit, last.difference, last.low, last.high)
    end = difference(last.difference, unit, decimals=places, currency=currency)
    sure = settled_on(known) if mark else None
    said = f"{title}, difference day by day, {day(first)} to {day(last.date, year=True)}: "
    said += f"{end} at the end"
    said += f"; the interval leaves zero for good on {day(sure)}." if sure else "."
    marked = None if sure is None else (sure - first).days
    ends = _after_first_days([*rows, *_rows(beside, first, factor)], length)
    chart = _differences(rows, ends, unit, end, marked)

    def fit(spec: dict[str, Any], width: int) -> None:
        step = _day_step(length, width, 92)
        places = [float(at) for at in range(0, length + 1, step)]
        room = (width - 130) / max(1, length / step) > 112
        names = {at: day(first + timedelta(days=at), year=room and at == 0) for at in places}
        _axis(spec, names)
        _room(spec, [end])
        # Charts that stand side by side are as high, with a mark or without.
        spec["config"]["padding"]["top"] = 6 + (_MARK if mark and sure is None else 0)

    return Figure(drawn(chart, fit, said, widths), said)


def curves(
    points: Sequence[CurvePoint],
    *,
    title: str,
    names: Mapping[str, str],
    widths: Sequence[int] = WIDTHS,
) -> Figure:
    """Shares of units still there by days since exposure, a line each variant.

    Args:
        points: Of one KPI; at least one.
        title: What people call it.
        names: Variant to what people call it; the control comes first and is dashed.
        widths: Pixels at which it is drawn.
    """
    lines = {
        name: sorted((p for p in points if p.variant == variant), key=lambda point: point.day)
        for variant, name in names.items()
    }
    lines = {name: _steps(line) for name, line in lines.items() if line}
    length = max(1, *(line[-1].day for line in lines.values()))
    ends = {name: amount(line[-1].value, "share") for name, line in lines.items()}
    told = listed([f"{name} {end}" for name, end in ends.items()])
    said = f"{title}, share by days since exposure: {told} after {length} days."
    low, high, step = shares_axis(points)
    chart = _shares(list(lines.values()), low, high, step)

    def fit(spec: dict[str, Any], width: int) -> None:
        places = range(0, length + 1, _day_step(length, width, 64))
        _axis(spec, {float(at): f"day {at}" if at == 0 else str(at) for at in places})
        apart = (high - low) * 17 / (HEIGHTS[width] - 40)
        at = _spread([100 * line[-1].value for line in lines.values()], apart)
        named = zip(map(shortened, ends), ends.values(), strict=True)
        texts = [end if width <= _NARROW else f"{name} {end}" for name, end in named]
        _room(spec, texts)
        spec["datasets"]["ends"] = [
            {"day": line[-1].day, "value": value, "text": text}
            for line, value, text in zip(lines.values(), at, texts, strict=True)
        ]

    return Figure(drawn(chart, fit, said, widths), said)


def shares_axis(points: Sequence[CurvePoint]) -> tuple[float, float, float]:
    """Ends and step, in percent, of the axis on which curves are drawn; it may not start at 0."""
    numbers = [100 * n for p in points for n in (p.value, p.low, p.high) if n is not None]
    low, high, step = _round_ends(min(numbers), max(numbers))
    return max(0.0, low), min(100.0, high), step


def shortened(name: str) -> str:
    """A name as it fits beside a line.

    >>> shortened("control"), shortened("a variant with a very long name")
    ('control', 'a variant with a very…')
    """
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"


def swatch(number: int) -> str:
    """The dashes of a line of `curves`, as SVG has them; 0 is the control."""
    return ",".join(map(str, _dashes(number)))


def _differences(
    rows: list[dict[str, Any]],
    ends: tuple[float, float, float],
    unit: str | None,
    end: str,
    marked: int | None,
) -> Any:
    """A band, a zero line, the line, its last value, and the day from which the sign is sure."""
    import altair as alt

    low, high, step = ends
    ticks = _ticks(low, high, step)
    labels = {tick: label(tick, step) for tick in ticks}
    labels[ticks[-1]] += difference(0.0, unit, decimals=0).removeprefix("0")
    days = alt.Scale(domain=[0, max(1, rows[-1]["day"])], nice=False)
    x = alt.X("day:Q", title=None, scale=days)
    scale = alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("value:Q", title=None, scale=scale)
    drawn_y = y.axis(**_placed(labels))
    base = alt.Chart(_data(rows))
    last = alt.Chart(_data([{**rows[-1], "text": end}]))
    zero = alt.Chart(_data([{"value": 0}]))
    dots = base if len(rows) <= FEW_LOOKS else last
    layers = [
        base.mark_area(color="var(--band)", clip=True).encode(
            x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q")
        ),
        zero.mark_rule(color="var(--ink-2)").encode(drawn_y),
        base.mark_line(color="var(--series)", clip=True).encode(x, y),
        dots.mark_point(filled=True, size=50, color="var(--series)", opacity=1).encode(x, y),
        last.mark_text(align="left", dx=9).encode(x, y, alt.Text("text:N")),
    ]
    if marked is not None:
        at = alt.Chart(_data([{"day": marked}])).encode(x)
        disc = at.mark_point(shape="circle", size=300, fill="var(--ink)", stroke=None, opacity=1)
        letter = at.mark_text(text="A", fill="var(--paper)", fontSize=11, fontWeight=600)
        layers += [
            at.mark_rule(color="var(--ink-3)", strokeDash=[2, 3]),
            disc.encode(y=alt.value(-12)),
            letter.encode(y=alt.value(-12)),
        ]
    return alt.layer(*layers)


def _shares(lines: Sequence[Sequence[CurvePoint]], low: float, high: float, step: float) -> Any:
    """Steps with bands under them; the values at their ends are a dataset of their own."""
    import altair as alt

    ticks = _ticks(low, high, step)
    places = 0 if step >= 1 else 1
    labels = {tick: amount(tick / 100, "share", decimals=places) for tick in ticks}
    length = max(1, *(line[-1].day for line in lines))
    x = alt.X("day:Q", title=None, scale=alt.Scale(domain=[0, length], nice=False))
    scale = alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("value:Q", title=None, scale=scale)
    drawn_y = y.axis(**_placed(labels))
    bands, strokes = [], []
    for number, line in enumerate(lines):
        rows = [
            {
                "day": point.day,
                "value": 100 * point.value,
                "low": _times(100.0, point.low),
                "high": _times(100.0, point.high),
            }
            for point in line
        ]
        base = alt.Chart(_data(rows))
        band = base.mark_area(color="var(--band)", opacity=0.6, interpolate="step-after")
        stroke = base.mark_line(
            color="var(--series)" if number else "var(--compare)",
            strokeDash=_dashes(number),
            interpolate="step-after",
        )
        bands.append(band.encode(x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q")))
        strokes.append(stroke.encode(x, y if number else drawn_y))
    tips = alt.Chart(alt.NamedData("ends")).mark_text(align="left", dx=8)
    return alt.layer(*bands, *strokes, tips.encode(x, y, alt.Text("text:N")))


def _data(rows: Sequence[Mapping[str, Any]]) -> Any:
    import altair as alt

    return alt.InlineData(values=list(rows))


def _steps(line: Sequence[CurvePoint]) -> list[CurvePoint]:
    """The points at which something changes, and the last one: the same line with fewer points."""
    kept: list[CurvePoint] = []
    for point in line[:-1]:
        before = kept[-1] if kept else None
        if before is None or (before.value, before.low, before.high) != (
            point.value,
            point.low,
            point.high,
        ):
            kept.append(point)
    return [*kept, line[-1]]


def _dashes(number: int) -> list[int]:
    return [5, 4] if number == 0 else _DASHES[(number - 1) % len(_DASHES)]


def _rows(looks: Sequence[Look], first: date, factor: float) -> list[dict[str, Any]]:
    return [
        {
            "day": (look.date - first).days,
            "value": _times(factor, look.difference),
            "low": _times(factor, look.low),
            "high": _times(factor, look.high),
        }
        for look in looks
        if look.low is not None
    ]


def _after_first_days(rows: Sequence[dict[str, Any]], length: int) -> tuple[float, float, float]:
    """An axis for all values, and for the intervals of all but the first third of the days.

    At first intervals are so wide that all the rest would be a stroke; there they are cut off.
    """
    numbers = [0.0, *(row["value"] for row in rows)]
    late = [row for row in rows if row["day"] >= length / 3]
    numbers += [end for row in late for end in (row["low"], row["high"]) if end is not None]
    low, high, step = _round_ends(min(numbers), max(numbers))
    # That an interval held zero at first is seen on either side of the line.
    if low == 0 and any(row["low"] is not None and row["low"] < 0 for row in rows):
        low = -step
    if high == 0 and any(row["high"] is not None and row["high"] > 0 for row in rows):
        high = step
    return low, high, step


def _round_ends(low: float, high: float) -> tuple[float, float, float]:
    """Round ends around two numbers, and the step between ticks."""
    if high - low < 1e-9:
        low, high = low - 1, high + 1
    step = step_of(high - low)
    return floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step


def _ticks(low: float, high: float, step: float) -> list[float]:
    """Ticks, of which the last lies at the upper end or just under it."""
    return [round(low + i * step, 9) for i in range(floor((high - low) / step + 1e-9) + 1)]


def _day_step(length: int, width: int, room: int) -> int:
    most = max(3, (width - 130) // room)
    steps = (1, 2, 7, 14, 28, 30, 60, 90, 180, 360, 720)
    return next((step for step in steps if length / step <= most), 1440)


def _axis(spec: dict[str, Any], names: Mapping[float, str]) -> None:
    """Give the x axis its ticks, in the first layer, from which the others take it."""
    spec["layer"][0]["encoding"]["x"]["axis"] = _placed(names)


def _room(spec: dict[str, Any], texts: Sequence[str]) -> None:
    """Room at the sides: the reader's font may be wider than the one that Vega measures."""
    padding = spec["config"]["padding"]
    padding["left"], padding["right"] = 8, 4 + round(1.2 * max(map(len, texts)))


def _placed(labels: Mapping[float, str]) -> dict[str, Any]:
    """An axis with just these ticks and labels."""
    words, keys = json.dumps(list(labels.values())), json.dumps(list(labels))
    return {
        "values": list(labels),
        # Without a count as high, Vega drops ticks that it thinks too many.
        "tickCount": len(labels) + 1,
        "labelExpr": f"{words}[indexof({keys}, datum.value)]",
        "labelOverlap": False,
    }


def _spread(places: Sequence[float], apart: float) -> list[float]:
    """The same places, moved as far as they must be to be so far apart, in the same order.

    >>> _spread([1.0, 1.5, 9.0], 2.0)
    [0.25, 2.25, 9.0]
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    heaps: list[tuple[float, int]] = []
    for i in order:
        heaps.append((places[i], 1))
        while len(heaps) > 1:
            (one, n), (other, m) = heaps[-2:]
            if other - one >= apart * (n + m) / 2:
                break
            heaps[-2:] = [((one * n + other * m) / (n + m), n + m)]
    moved = [centre + (k - (n - 1) / 2) * apart for centre, n in heaps for k in range(n)]
    placed = [0.0] * len(places)
    for i, at in zip(order, moved, strict=True):
        placed[i] = at
    return placed


def _times(factor: float, number: float | None) -> float | None:
    return None if number is None else factor * number
