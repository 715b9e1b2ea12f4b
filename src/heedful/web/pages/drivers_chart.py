"""Associations as a forest plot: adjusted with intervals, and what they were before."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from heedful.drivers.words import clear, sentence
from heedful.experiments.forest import Span, axis
from heedful.web import numbers
from heedful.web.charts import Chart, config

if TYPE_CHECKING:
    from heedful.drivers.driver import Driver, Drivers

MOST = 20
"""Rows that a drawing holds; all of them are in the table."""
ROW = 26
WIDEST = 165
"""Pixels of a name; longer ones end in dots, and stand whole in the table."""


def forest(found: Drivers, shown: list[Driver]) -> Chart | None:
    """The drawing; None where nothing has a number.

    Args:
        found: What goes with an outcome.
        shown: Its drivers with a number, in the order of the page.
    """
    factor = 100.0 if found.unit == "share" else 1.0
    rows = [_row(one, found, factor) for one in shown[:MOST]]
    if not rows:
        return None
    spans = [Span(row["value"], row["low"], row["high"], before=row["before"]) for row in rows]
    scale = axis(spans)
    if scale is None:
        return None
    suffix = "\u00a0pts" if found.unit == "share" else f"\u00a0{found.currency or ''}"
    for row in rows:
        row["left"], row["right"] = max(row["low"], scale.low), min(row["high"], scale.high)
    x: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [scale.low, scale.high], "nice": False, "zero": False},
        "axis": {
            "values": [tick * scale.step for tick in _steps(scale.low, scale.high, scale.step)],
            "grid": True,
            "gridColor": "var(--rule)",
            "labelExpr": "(datum.value > 0 ? '+' : '') + replace(format(datum.value, ',~r'), "
            "'-', '−')",
            "domain": False,
        },
    }
    y: dict[str, Any] = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "axis": {
            "labelLimit": WIDEST,
            "labelColor": "var(--ink)",
            "grid": False,
            "labelPadding": 8,
        },
    }
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": ROW * len(rows),
        "autosize": {"type": "fit-x", "contains": "padding"},
        # Names are wider in the page's font than in the one by which they are measured.
        "padding": {"left": 20, "right": 4, "top": 4, "bottom": 0},
        "config": config(),
        "data": {"values": rows},
        "layer": [
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "color": "var(--ink-3)", "strokeWidth": 1},
                "encoding": {"x": {**x, "field": "zero"}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": "var(--series)"},
                "encoding": {
                    "x": {**x, "field": "left"},
                    "x2": {"field": "right"},
                    "y": y,
                    "opacity": {"condition": {"test": "datum.clear", "value": 1}, "value": 0.45},
                },
            },
            {
                "mark": {"type": "tick", "thickness": 2, "size": 12, "color": "var(--compare)"},
                "encoding": {"x": {**x, "field": "before"}, "y": y},
            },
            {
                "mark": {
                    "type": "point",
                    "size": 70,
                    "filled": True,
                    "opacity": 1,
                    "stroke": "var(--series)",
                    "strokeWidth": 2,
                },
                "encoding": {
                    "x": x,
                    "y": y,
                    "fill": {
                        "condition": {"test": "datum.clear", "value": "var(--series)"},
                        "value": "var(--paper)",
                    },
                    "shape": {
                        "condition": {"test": "datum.proved", "value": "diamond"},
                        "value": "circle",
                    },
                },
            },
            {
                "mark": {"type": "bar", "opacity": 0, "tooltip": {"content": "data"}},
                "encoding": {
                    "x": {**x, "field": "left"},
                    "x2": {"field": "right"},
                    "y": y,
                },
            },
        ],
    }
    first = shown[0]
    said = (
        f"{len(rows)} associations by size, adjusted, with 95% intervals. The first: "
        f"{sentence(first, found)} The figures are in the table below."
    )
    return Chart(spec, said, f"in{suffix}, better less worse experience")


def _steps(low: float, high: float, step: float) -> range:
    return range(round(low / step + 0.499), round(high / step - 0.499) + 1)


def _row(one: Driver, found: Drivers, factor: float) -> dict[str, Any]:
    name = one.title
    if found.dimension:
        name = f"{numbers.name(one.segment)}: {name}"
    return {
        "name": name,
        "value": _scaled(one.difference, factor),
        "low": _scaled(one.low, factor),
        "high": _scaled(one.high, factor),
        "before": _scaled(one.unadjusted, factor),
        "clear": clear(one),
        "proved": one.experiment is not None,
        "words": sentence(one, found),
    }


def _scaled(number: float | None, factor: float) -> float:
    return round(factor * number, 5) if number is not None and isfinite(number) else 0.0
