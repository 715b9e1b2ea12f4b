"""Charts as Vega-Lite specifications: drawn in the browser, with the page's own colours.

Specifications are plain dictionaries (building them through Altair takes longer than all the rest
of a page); tests hold them to Altair's schema. Colours are the sheet's tokens, so that one
drawing serves light, dark and print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from heedful.web import numbers
from heedful.web.chart_marks import Mark, mark_layers, rows_of_marks

if TYPE_CHECKING:
    from heedful.kpis.shelf import Series

Spec = dict[str, Any]
FACTORS = {"share": 100.0}
SUFFIXES = {
    "share": "%",
    "hours": "\u00a0h",
    "minutes": "\u00a0min",
    "seconds": "\u00a0s",
    "days": "\u00a0d",
}
HEIGHT = 300


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a page.

    Attributes:
        spec: Its Vega-Lite specification.
        said: What it shows, in a sentence.
        axis: What the axis spans, in words; empty where it starts at zero.
        marks: What its marks are.
    """

    spec: Spec
    said: str
    axis: str
    marks: tuple[Mark, ...] = ()


def config() -> Spec:
    """The Vega-Lite config: ink on nothing, horizontal grid, no titles, tokens for colours."""
    return {
        "background": "transparent",
        "font": "inherit",
        "padding": {"left": 0, "right": 4, "top": 4, "bottom": 0},
        "view": {"stroke": None},
        "axis": {
            "title": None,
            "labelColor": "var(--ink-3)",
            "labelFontSize": 12,
            "labelFont": "inherit",
            "labelPadding": 6,
        },
        "axisX": {
            "grid": False,
            "domainColor": "var(--rule-2)",
            "tickColor": "var(--rule-2)",
            "tickSize": 4,
            "labelFlush": True,
        },
        "axisY": {"domain": False, "ticks": False, "gridColor": "var(--rule)", "minExtent": 32},
        "text": {"font": "inherit"},
    }


def trend(
    series: Series,
    *,
    title: str,
    better: str | None = None,
    target: float | None = None,
    compare: Series | None = None,
    compared: str = "",
    marks: Sequence[Mark] = (),
    currency: str | None = None,
    height: int = HEIGHT,
) -> Chart | None:
    """A KPI over time: band, line, comparison, target, marks; it breaks where the definition did.

    Args:
        series: The readings, in order of time; those that are not complete are left out.
        title: What people call it.
        better: higher or lower; None: neither.
        target: The value to reach.
        compare: Readings of another time, moved to these days.
        compared: What to call them.
        marks: What happened.
        currency: Of money.
        height: In pixels.

    Returns:
        None where there are fewer than two readings.
    """
    factor = FACTORS.get(series.unit or "", 1.0)
    rows = _rows(series, factor)
    if len(rows) < 2:
        return None
    others = _rows(compare, factor) if compare is not None else []
    ends = [row[key] for row in rows for key in ("low", "high", "value") if row[key] is not None]
    ends += [row["value"] for row in others]
    if target is not None:
        ends.append(factor * target)
    low, high = _domain(ends, series.unit)
    last = rows[-1]
    unit = series.unit
    label = numbers.value(last["value"] / factor, unit, currency=currency)
    inside = [mark for mark in marks if rows[0]["at"] <= mark.at.isoformat() <= last["until"]]
    at: Spec = {
        "field": "at",
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"labelExpr": _MONTHS, "tickCount": {"interval": "month", "step": 1}},
    }
    height_of: Spec = {
        "field": "value",
        "type": "quantitative",
        "scale": {
            "domain": [low, high],
            "nice": False,
            "zero": False,
            # Marks stand above the drawing, not on it.
            "range": [{"expr": "height"}, 22 * rows_of_marks(inside, rows)],
        },
        "axis": {"values": _ticks(low, high), "labelExpr": _labels(high, low, unit)},
    }
    both = {"x": at, "y": height_of}
    layers: list[Spec] = [
        _band(rows, both),
        *([_target(factor * target, height_of)] if target is not None else []),
        *([_compare(others, compared, both)] if others else []),
        *(mark_layers(inside, rows, at)),
        _line(rows, both),
        *_end(last, label, both),
        _hover(rows, both),
    ]
    spec: Spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": config(),
        "layer": layers,
    }
    first_day, last_day = (date.fromisoformat(rows[n]["at"]) for n in (0, -1))
    way = {"higher": "higher is better", "lower": "lower is better"}.get(better or "", "")
    said = (
        f"{title} by {series.grain}, {numbers.day(first_day, year=True)} to "
        f"{numbers.day(last_day, year=True)}: {label} at the end"
        + (f", {way}" if way else "")
        + ". The figures are in the table below."
    )
    axis = (
        ""
        if low == 0
        else f"axis from {_plain(low)} to {_plain(high)}{SUFFIXES.get(unit or '', '')}"
    )
    return Chart(spec, said, axis, tuple(inside))


_MONTHS = (
    "utcdate(datum.value) <= 7 ? utcFormat(datum.value, '%b') + "
    "(utcmonth(datum.value) === 0 || datum.index === 0 ? utcFormat(datum.value, ' %Y') : '') : ''"
)


def _labels(high: float, low: float, unit: str | None) -> str:
    """Labels of the upright axis; the unit stands on the top one only."""
    top = max(_ticks(low, high))
    suffix = SUFFIXES.get(unit or "", "")
    text = "replace(format(datum.value, ','), '-', '−')"
    return f"{text} + (datum.value === {top!r} ? '{suffix}' : '')"


def _rows(series: Series, factor: float) -> list[dict[str, Any]]:
    rows = []
    piece = 0
    before = None
    of = series.estimates
    for place in range(len(series)):
        value = float(of.value[place])
        if not series.complete[place] or not isfinite(value):
            continue
        definition = series.definition[place]
        if before is not None and definition != before:
            piece += 1
        before = definition
        low, high = float(of.low[place]), float(of.high[place])
        rows.append(
            {
                "at": series.start[place].item().isoformat(),
                "until": (series.end[place].item() - timedelta(days=1)).isoformat(),
                "value": _round(factor * value),
                "low": _round(factor * low) if isfinite(low) else None,
                "high": _round(factor * high) if isfinite(high) else None,
                "n": int(series.n[place]),
                "piece": piece,
            }
        )
    return rows


def _round(number: float) -> float:
    if number == 0:
        return 0.0
    return round(number, max(0, 4 - floor(log10(abs(number)))))


def _domain(ends: Sequence[float], unit: str | None) -> tuple[float, float]:
    """A span that holds everything, on round numbers; zero where it is near."""
    low, high = min(ends), max(ends)
    step = _step(high - low or abs(high) or 1.0)
    bottom, top = floor(low / step) * step, -floor(-high / step) * step
    if unit not in {"nps", None} and 0 < bottom < 0.35 * (top - bottom):
        bottom = 0.0
    if unit == "share":
        bottom, top = max(bottom, 0.0), min(top, 100.0)
    if top == bottom:
        top = bottom + step
    return round(bottom, 10), round(top, 10)


def _step(span: float) -> float:
    rough = span / 4
    size = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    return float(next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= rough * 0.999))


def _ticks(low: float, high: float) -> list[float]:
    step = _step(high - low)
    first = -floor(-low / step + 1e-9)
    count = floor((high - low) / step + 1e-9) + 2
    found = [round((first + n) * step, 10) for n in range(count)]
    return [tick for tick in found if low - 1e-9 <= tick <= high + 1e-9]


def _plain(number: float) -> str:
    return f"{number:g}".replace("-", "−")


def _band(rows: Sequence[Spec], both: Spec) -> Spec:
    known = [row for row in rows if row["low"] is not None and row["high"] is not None]
    return {
        "data": {"values": known},
        "mark": {"type": "area", "color": "var(--band)", "opacity": 1, "clip": True},
        "encoding": {
            "x": both["x"],
            "y": {**both["y"], "field": "low"},
            "y2": {"field": "high"},
            "detail": {"field": "piece"},
        },
    }


def _line(rows: Sequence[Spec], both: Spec) -> Spec:
    return {
        "data": {"values": list(rows)},
        "mark": {
            "type": "line",
            "color": "var(--series)",
            "strokeWidth": 2,
            "strokeJoin": "round",
        },
        "encoding": {**both, "detail": {"field": "piece"}},
    }


def _compare(rows: Sequence[Spec], name: str, both: Spec) -> Spec:
    return {
        "data": {"values": list(rows)},
        "mark": {
            "type": "line",
            "color": "var(--compare)",
            "strokeWidth": 1.5,
            "strokeDash": [5, 4],
            "description": name,
        },
        "encoding": both,
    }


def _target(at: float, height: Spec) -> Spec:
    line = {
        "mark": {
            "type": "rule",
            "color": "var(--ink-3)",
            "strokeDash": [1, 3],
            "strokeWidth": 1.5,
            "strokeCap": "round",
        },
        "encoding": {"y": height},
    }
    word = {
        "mark": {
            "type": "text",
            "text": "target",
            "align": "right",
            "baseline": "bottom",
            "dy": -3,
            "fontSize": 12,
            "fill": "var(--ink-3)",
        },
        "encoding": {"x": {"value": "width"}, "y": height},
    }
    return {"data": {"values": [{"value": at}]}, "layer": [line, word]}


def _end(last: Spec, label: str, both: Spec) -> list[Spec]:
    data = {"values": [last]}
    return [
        {
            "data": data,
            "mark": {"type": "point", "filled": True, "size": 45, "color": "var(--series)"},
            "encoding": both,
        },
        {
            "data": data,
            "mark": {
                "type": "text",
                "text": label,
                "align": "right",
                "baseline": "bottom",
                "dx": 3,
                "dy": -8,
                "fontSize": 13,
                "fontWeight": 600,
                "fill": "var(--ink)",
            },
            "encoding": both,
        },
    ]


def _hover(rows: Sequence[Spec], both: Spec) -> Spec:
    """Invisible points that carry the words of a reading, for who points at it."""
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "point", "size": 300, "opacity": 0, "tooltip": {"content": "data"}},
        "encoding": both,
    }
