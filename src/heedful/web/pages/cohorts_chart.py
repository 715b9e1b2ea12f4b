"""Survival curves as a chart: steps with bands, told apart by dashes and names, not by colour."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite
from typing import TYPE_CHECKING, Any

from heedful.web import numbers
from heedful.web.charts import Chart, config

if TYPE_CHECKING:
    from heedful.web.pages.cohorts_triangle import Line

DASHES: tuple[list[int], ...] = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [1, 4])
BANDS = 3
"""With more curves than this, bands would hide each other."""
HEIGHT = 320


def curves(lines: Sequence[Line], what: str) -> Chart | None:
    """Curves of several groups; None without any.

    Args:
        lines: The curves.
        what: What is drawn, such as "Share still customers".
    """
    if not lines:
        return None
    rows: list[dict[str, Any]] = [
        {
            "days": days,
            "value": round(100 * value, 2),
            "low": round(100 * low, 2) if isfinite(low) else None,
            "high": round(100 * high, 2) if isfinite(high) else None,
            "name": line.name,
            "words": f"{line.name}, day {days}: {100 * value:.1f}%"
            + (f" ({100 * low:.1f}–{100 * high:.1f})" if isfinite(low) and isfinite(high) else ""),
        }
        for line in lines
        for days, value, low, high in zip(line.days, line.value, line.low, line.high, strict=True)
    ]
    ends: list[float] = [
        row[k] for row in rows for k in ("value", "low", "high") if row[k] is not None
    ]
    bottom = 10.0 * floor(min(ends) / 10) if min(ends) > 30 else 0.0
    top = min(100.0, 10.0 * -floor(-max(ends) / 10))
    names = [line.name for line in lines]
    dash = {
        "field": "name",
        "type": "nominal",
        "scale": {"domain": names, "range": list(DASHES[: len(names)])},
        "legend": {
            "title": None,
            "orient": "top",
            "labelColor": "var(--ink-2)",
            "labelFontSize": 12,
            "labelFont": "inherit",
            "symbolType": "stroke",
            "symbolSize": 500,
            "symbolStrokeColor": "var(--series)",
            "columns": 3,
        }
        if len(names) > 1
        else None,
    }
    x: dict[str, Any] = {
        "field": "days",
        "type": "quantitative",
        "scale": {"nice": False},
        "axis": {"tickMinStep": 30},
    }
    y: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [bottom, top], "nice": False, "zero": False},
        "axis": {"tickCount": 5, "labelExpr": f"datum.label + (datum.value === {top} ? '%' : '')"},
    }
    layers: list[dict[str, Any]] = []
    if len(lines) <= BANDS:
        layers.append(
            {
                "transform": [{"filter": "datum.low !== null && datum.high !== null"}],
                "mark": {
                    "type": "area",
                    "interpolate": "step-after",
                    "color": "var(--band)",
                    "opacity": 0.8,
                },
                "encoding": {
                    "x": x,
                    "y": {**y, "field": "low"},
                    "y2": {"field": "high"},
                    "detail": {"field": "name"},
                },
            }
        )
    layers += [
        {
            "mark": {
                "type": "line",
                "interpolate": "step-after",
                "color": "var(--series)",
                "strokeWidth": 2,
            },
            "encoding": {"x": x, "y": y, "strokeDash": dash},
        },
        {
            "mark": {"type": "point", "size": 200, "opacity": 0, "tooltip": {"content": "data"}},
            "encoding": {"x": x, "y": y},
        },
    ]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": HEIGHT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": config(),
        "data": {"values": rows},
        "layer": layers,
    }
    told = "; ".join(
        f"{line.name}: {numbers.value(line.value[-1], 'share')} on day {line.days[-1]}"
        for line in lines
    )
    said = f"{what} by days since they began. {told}. The figures are in the table below."
    return Chart(spec, said, f"axis from {bottom:g} to {top:g}%" if bottom else "")
