"""Marks on charts: lettered shapes above the drawing, with dotted uprights through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Spec = dict[str, Any]
MarkKind = Literal["release", "experiment", "definition", "note"]
SHAPES: dict[str, str] = {
    "release": "M-1,-1.1H1V0.4L0,1.2L-1,0.4Z",
    "experiment": "M0,-1.3L1.3,0L0,1.3L-1.3,0Z",
    "definition": "M-1,-1H1V1H-1Z",
    "note": "M1.1,0A1.1,1.1,0,1,1,-1.1,0A1.1,1.1,0,1,1,1.1,0Z",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, to be marked on a chart and told in the list below it.

    Attributes:
        letter: What stands on the mark; A for the first.
        kind: Decides the shape.
        at: When.
        text: What it was.
        link: Where to read on.
    """

    letter: str
    kind: MarkKind
    at: date
    text: str
    link: str | None = None


def _in_rows(marks: Sequence[Mark], rows: Sequence[Spec]) -> list[tuple[Mark, int]]:
    """Marks in order, each with its row: neighbours step down."""
    days = (date.fromisoformat(rows[-1]["at"]) - date.fromisoformat(rows[0]["at"])).days or 1
    found: list[tuple[Mark, int]] = []
    for mark in sorted(marks, key=lambda one: one.at):
        before = found[-1] if found else None
        near = before is not None and (mark.at - before[0].at).days < 0.04 * days
        found.append((mark, (before[1] + 1) % 3 if near and before else 0))
    return found


def rows_of_marks(marks: Sequence[Mark], rows: Sequence[Spec]) -> int:
    """How many rows of marks stand above a chart."""
    return max((row + 1 for _, row in _in_rows(marks, rows)), default=0)


def mark_layers(marks: Sequence[Mark], rows: Sequence[Spec], at: Spec) -> list[Spec]:
    """Dotted uprights with lettered shapes on top; neighbours step down a row."""
    if not marks:
        return []
    data = [
        {"at": mark.at.isoformat(), "letter": mark.letter, "kind": mark.kind, "row": row}
        for mark, row in _in_rows(marks, rows)
    ]
    kinds = list(dict.fromkeys(mark.kind for mark in marks))
    layers: list[Spec] = [
        {
            "mark": {
                "type": "rule",
                "color": "var(--ink-3)",
                "strokeDash": [2, 3],
                "y": 0,
                "y2": "height",
            },
            "encoding": {"x": at},
        }
    ]
    for number in range(3):
        mine = {"filter": f"datum.row === {number}"}
        if not any(one["row"] == number for one in data):
            continue
        y = {"value": 10 + 22 * number}
        shape = {
            "field": "kind",
            "scale": {"domain": kinds, "range": [SHAPES[kind] for kind in kinds]},
            "legend": None,
        }
        layers.append(
            {
                "transform": [mine],
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 110,
                    "color": "var(--ink)",
                    "opacity": 1,
                },
                "encoding": {"x": at, "y": y, "shape": shape},
            }
        )
        layers.append(
            {
                "transform": [mine],
                "mark": {"type": "text", "fontSize": 10, "fontWeight": 600, "fill": "var(--paper)"},
                "encoding": {"x": at, "y": y, "text": {"field": "letter"}},
            }
        )
    return [{"data": {"values": data}, "layer": layers}]
