"""Tables of a readout's page as plain rows: cells in words, and places of what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from heedful.experiments.forest import MOST_STEPS, Axis, Picture, Span, axis
from heedful.experiments.wording import difference

POINTS = frozenset({"share", "nps", "score"})
"""Units whose differences are points, and so may share an axis."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: The number or word.
        small: What stands behind it, muted: an interval, how many.
        below: What stands under it, muted.
        label: What stands before it where the table becomes a list.
        tone: good, bad, care, flat or nothing.
        strong: Whether it is what the row says.
    """

    text: str
    small: str = ""
    below: str = ""
    label: str = ""
    tone: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        name: What it is about.
        note: A few words under the name.
        before: Cells in front of the picture.
        after: Cells behind the picture.
        picture: What is drawn; None where there is nothing to draw.
        why: Why there is nothing to draw.
    """

    name: str
    note: str = ""
    before: tuple[Cell, ...] = ()
    after: tuple[Cell, ...] = ()
    picture: Picture | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows under one head; the last block of a scale carries its axis."""

    name: str
    note: str
    rows: tuple[Row, ...]
    axis: Axis | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A section with a forest table.

    Attributes:
        key: Its id on the page.
        title: Its heading.
        note: How to read it, beside the heading.
        blocks: Its rows.
        heads: Heads of the name and of the cells before the picture.
        picture_head: Head of the picture.
        after_heads: Heads of the cells behind the picture.
        foot: A sentence under it.
        empty: What to say where there are no rows.
        side: Whether it stands beside another, and so has no heads.
    """

    key: str
    title: str
    note: str = ""
    blocks: tuple[Block, ...] = ()
    heads: tuple[str, ...] = ()
    picture_head: str = ""
    after_heads: tuple[str, ...] = ()
    foot: str = ""
    empty: str = ""
    side: bool = False

    @property
    def columns(self) -> int:
        """How many columns it has."""
        return len(self.heads) + 1 + len(self.after_heads)


class Scale(NamedTuple):
    """What numbers of an axis are.

    Attributes:
        key: Rows with the same key share an axis.
        unit: "relative", or a KPI's unit.
        factor: What numbers are multiplied with: 100 for shares.
        suffix: What stands behind the axis labels.
    """

    key: str
    unit: str | None
    factor: float
    suffix: str

    def times(self, number: float | None) -> float | None:
        """A number as the axis has it."""
        return None if number is None else self.factor * number


RELATIVE = Scale("relative", "relative", 100.0, "%")


def scale_of(unit: str | None, kpi: str) -> Scale:
    r"""The scale of differences in a KPI's unit.

    >>> scale_of("share", "csat") == scale_of("share", "ease"), scale_of("hours", "wait").suffix
    (True, '\xa0h')
    """
    if unit in POINTS:
        return Scale("points", unit, 100.0 if unit == "share" else 1.0, "")
    suffix = difference(0.0, unit, decimals=0).removeprefix("0")
    return Scale(unit or kpi, unit, 1.0, suffix)


@dataclass(frozen=True, slots=True)
class Draft:
    """A row before its axis is known."""

    row: Row
    scale: Scale
    span: Span | None
    block: str = ""
    block_note: str = ""


@dataclass(slots=True)
class _Heap:
    name: str
    note: str
    scale: str
    drafts: list[Draft] = field(default_factory=list)


def blocks(drafts: Sequence[Draft], most: int = MOST_STEPS) -> tuple[Block, ...]:
    """Rows with their pictures: those of one scale stand together and share an axis.

    Args:
        drafts: Rows in the order in which they are wanted.
        most: Steps that an axis may have.
    """
    heaps: dict[tuple[str, str], _Heap] = {}
    drawn = next((draft.scale.key for draft in drafts if draft.span), "")
    for draft in drafts:
        # Where there is nothing to draw, any scale will do.
        scale = draft.scale.key if draft.span else drawn
        key = (scale, draft.block)
        heap = heaps.setdefault(key, _Heap(draft.block, draft.block_note, scale))
        heap.drafts.append(draft)
    scales = list(dict.fromkeys(heap.scale for heap in heaps.values()))
    made = []
    for scale in scales:
        mine = [heap for heap in heaps.values() if heap.scale == scale]
        known = [draft for heap in mine for draft in heap.drafts if draft.span]
        shared = axis(
            [draft.span for draft in known if draft.span],
            known[0].scale.suffix if known else "",
            most,
        )
        for heap in mine:
            rows = tuple(_drawn(draft, shared) for draft in heap.drafts)
            made.append(Block(heap.name, heap.note, rows, shared if heap is mine[-1] else None))
    return tuple(made)


def _drawn(draft: Draft, shared: Axis | None) -> Row:
    if draft.span is None or shared is None or not draft.span.ends():
        return draft.row
    return replace(draft.row, picture=shared.draw(draft.span))
