"""What each segment adds to a KPI's change: mix and rate, closing to the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from heedful.experiments import wording
from heedful.findings.parts import parts
from heedful.web import numbers, pictures
from heedful.web.view import NOT_KNOWN, other

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.findings.finding import Segment
    from heedful.kpis.shelf import Series
    from heedful.web.edition import Edition
    from heedful.web.view import View

HOT = 0.6
"""A segment with so much of the change is marked."""
MOST = 8
"""Segments shown of one dimension; the others are one row."""
FACTORS = {"share": 100.0}


@dataclass(frozen=True, slots=True)
class Row:
    """One segment, in words and pictures."""

    name: str
    link: str | None
    share: str
    was: str
    mix: str
    rate: str
    total: str
    bar: Markup
    hot: bool


@dataclass(frozen=True, slots=True)
class Split:
    """A KPI's change over one dimension; its rows add up to the whole."""

    dimension: str
    rows: tuple[Row, ...]
    whole: Row


@dataclass(frozen=True, slots=True)
class Contributions:
    """A KPI's change over all its dimensions.

    Attributes:
        splits: A table each.
        says: What stands out, in a sentence.
        unit: Unit of mix, rate and together.
        change: The whole change.
    """

    splits: tuple[Split, ...]
    says: str
    unit: str
    change: str


def contributions(
    edition: Edition, view: View, kpi: Kpi, at: Series, place: int, stage: str | None
) -> Contributions | None:
    """Split the change of a KPI over its dimensions.

    Args:
        edition: What pages are made from.
        view: What is looked at.
        kpi: The KPI.
        at: The series of the whole.
        place: Where its period stands.
        stage: Only this stage; None: all.

    Returns:
        None where the KPI cannot be split exactly, or there is nothing to compare.
    """
    key = ("contributions", kpi.id, at.grain, str(at.start[place]), view.versus, stage)
    return edition.once(key, lambda: _contributions(edition, view, kpi, at, place, stage))


def _contributions(
    edition: Edition, view: View, kpi: Kpi, at: Series, place: int, stage: str | None
) -> Contributions | None:
    start = at.start[place].item()
    before = at.place(other(at.grain, start, view.versus).start)
    if before is None or at.definition[before] != at.definition[place]:
        return None
    values = at.estimates.value
    if not (np.isfinite(values[before]) and np.isfinite(values[place])):
        return None
    rising = bool(values[place] > values[before])
    days = [at.start[before]], [at.start[place]]
    found = parts(edition.shelf, kpi, at.grain, stage, *days, rising=rising)
    exact = [one for one in (*found.where, *found.who) if one.total is not None]
    if not exact:
        return None
    splits = [
        _split(view, kpi, dimension, list(rows))
        for dimension, rows in groupby(exact, key=lambda one: one.dimension)
    ]
    hot = [one for one in exact if one.stands_out][:3]
    names = [f"{numbers.name(o.segment)} ({numbers.name(o.dimension).lower()})" for o in hot]
    says = (
        f"{wording.listed(names)} changed otherwise than the rest."
        if names
        else "Nothing stands out: the segments changed alike."
    )
    unit = kpi.measure.unit
    change = wording.difference(float(values[place] - values[before]), unit, decimals=1)
    word = "pts" if unit in {"share", "nps", "score"} else unit
    return Contributions(tuple(splits), says, word, change)


def _split(view: View, kpi: Kpi, dimension: str, rows: Sequence[Segment]) -> Split:
    shown, rest = list(rows[:MOST]), list(rows[MOST:])
    factor = FACTORS.get(kpi.measure.unit, 1.0)
    ends = [factor * (one.total or 0.0) for one in rows]
    ends += [factor * part for one in rows for part in (one.mix or 0.0, one.rate or 0.0)]
    domain = min([*ends, 0.0]), max([*ends, 0.0])
    whole = sum(one.total or 0.0 for one in rows)
    found = [_row(view, kpi, one, whole, domain, factor) for one in shown]
    if rest:
        found.append(_together(f"{len(rest)} more", rest, domain, factor))
    return Split(
        numbers.name(dimension), tuple(found), _together("Whole change", rows, None, factor)
    )


def _row(
    view: View,
    kpi: Kpi,
    one: Segment,
    whole: float,
    domain: tuple[float, float],
    factor: float,
) -> Row:
    mix, rate, total = (factor * (part or 0.0) for part in (one.mix, one.rate, one.total))
    good = (total > 0) == (kpi.better == "higher")
    hot = bool(whole) and (one.total or 0.0) / whole >= HOT
    tone = ("good" if good else "bad") if hot else ""
    name = one.segment if one.segment is not None else NOT_KNOWN
    return Row(
        numbers.name(one.segment),
        view.link(f"/kpis/{kpi.id}", segment=f"{one.dimension}:{name}"),
        _percent(one.weight),
        _percent(one.weight_before),
        _signed(mix),
        _signed(rate),
        _signed(total),
        pictures.bars([(mix, "outline"), (rate, tone)], domain),
        hot,
    )


def _together(
    name: str, rows: Sequence[Segment], domain: tuple[float, float] | None, factor: float
) -> Row:
    mix = factor * sum(one.mix or 0.0 for one in rows)
    rate = factor * sum(one.rate or 0.0 for one in rows)
    bar = pictures.bars([(mix, "outline"), (rate, "")], domain) if domain else Markup("")
    share = _percent(sum(one.weight or 0.0 for one in rows)) if domain else ""
    was = _percent(sum(one.weight_before or 0.0 for one in rows)) if domain else ""
    return Row(name, None, share, was, _signed(mix), _signed(rate), _signed(mix + rate), bar, False)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}%"


def _signed(number: float) -> str:
    text = f"{abs(number):.1f}"
    if text == "0.0":
        return text
    return ("−" if number < 0 else "+") + text
