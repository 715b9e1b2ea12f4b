"""Altair charts drawn to SVG that is part of a page: no script, no fixed colour, no font.

Colours are the names of the sheet's tokens, such as `var(--series)`, so that one drawing serves
light, dark and print. The sheet shows the drawing that fits its column; text is never squeezed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET
from zlib import crc32

WIDTHS = (340, 430, 520, 640, 840, 1080)
"""Pixels at which a chart is drawn; the sheet shows the widest that fits."""
HEIGHTS = {340: 210, 430: 215, 520: 220, 640: 230, 840: 250, 1080: 270}
_SVG = "http://www.w3.org/2000/svg"
_NOISE = re.compile(r"aria-.*|role|class|pointer-events|font-family")
_STROKE = re.compile(r"([ML])(-?[\d.]+),(-?[\d.]+)")
_DECIMALS = re.compile(r"-?\d+\.\d+")

Patch = Callable[[dict[str, Any], int], None]
"""Fits a specification to a width."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart at every width.

    Attributes:
        drawings: SVG elements, narrow to wide.
        label: What it shows, in a sentence.
    """

    drawings: tuple[str, ...]
    label: str


def theme() -> dict[str, Any]:
    """The Vega-Lite config: ink on nothing, horizontal grid, no titles, tokens for colours."""
    text = {"labelFont": "sans-serif", "labelFontSize": 12, "labelColor": "var(--ink-3)"}
    return {
        "background": "transparent",
        "padding": {"left": 1, "right": 2, "top": 6, "bottom": 2},
        "view": {"stroke": None},
        "axis": {**text, "title": None, "labelPadding": 6},
        "axisX": {
            "grid": False,
            "domainColor": "var(--rule-2)",
            "tickColor": "var(--rule-2)",
            "tickSize": 5,
            "labelFlush": True,
        },
        "axisY": {"domain": False, "ticks": False, "gridColor": "var(--rule)", "minExtent": 40},
        "line": {"strokeWidth": 2, "strokeJoin": "round"},
        "text": {"font": "sans-serif", "fontSize": 13, "fontWeight": 600, "fill": "var(--ink)"},
    }


def drawn(chart: Any, fit: Patch, said: str, widths: Sequence[int]) -> tuple[str, ...]:
    """A chart as SVG elements that take colours and font from the page.

    Args:
        chart: An Altair chart.
        fit: Fits its specification to a width.
        said: What it shows, in a sentence.
        widths: Pixels at which it is drawn, narrow to wide.
    """
    import vl_convert

    # Tests validate the charts; here it would take as long as all the rest.
    spec = chart.to_dict(validate=False)
    spec |= {"config": theme(), "autosize": {"type": "fit", "contains": "padding"}}
    spec.setdefault("datasets", {})
    drawings = []
    for width in widths:
        spec |= {"width": width, "height": HEIGHTS[width]}
        fit(spec, width)
        # What is parsed is the SVG just drawn, not a document from elsewhere.
        root = ET.fromstring(vl_convert.vegalite_to_svg(spec))  # noqa: S314
        drawings.append(_inline(root, said, width))
    return tuple(drawings)


def _inline(root: ET.Element, said: str, width: int) -> str:
    """An SVG as a part of a page: no ids that another has, nothing that only Vega needs."""
    box = root.get("viewBox", "")
    mine = f"c{crc32(f'{said} {width}'.encode()):x}"
    paths = [path.get("id", "") for path in root.iter(f"{{{_SVG}}}clipPath")]
    # Vega numbers on from drawing to drawing; a page is the same however often it is made.
    _clean(root, {name: f"{mine}-{number}" for number, name in enumerate(paths)})
    root.attrib = {"class": f"chart w{width}", "viewBox": box, "role": "img", "aria-label": said}
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode").replace(f' xmlns="{_SVG}"', "", 1)


def _clean(element: ET.Element, ids: Mapping[str, str]) -> None:
    for name, value in list(element.attrib.items()):
        if _NOISE.fullmatch(name):
            del element.attrib[name]
        elif name == "clip-path":
            element.set(name, f"url(#{ids[value[5:-1]]})")
        elif name == "id":
            element.set(name, ids[value])
        else:
            short = _DECIMALS.sub(_one_decimal, value)
            element.set(name, _straightened(short) if name == "d" else short)
    for child in list(element):
        _clean(child, ids)
        painted = child.get("fill") or child.get("stroke") or child.get("d") is None
        if child.tag == f"{{{_SVG}}}path" and not (painted and child.get("d")):
            element.remove(child)


def _straightened(path: str) -> str:
    """A path whose level and upright strokes name one number only.

    >>> _straightened("M0,5L4,5L4,9L6,9Z")
    'M0,5H4V9H6Z'
    """
    x = y = ""

    def shorter(stroke: re.Match[str]) -> str:
        nonlocal x, y
        kind, right, down = stroke.groups()
        level, upright = kind == "L" and down == y, kind == "L" and right == x
        x, y = right, down
        return f"H{right}" if level else f"V{down}" if upright else stroke.group()

    return _STROKE.sub(shorter, path)


def _one_decimal(number: re.Match[str]) -> str:
    return f"{float(number.group()):.1f}".removesuffix(".0")
