"""The menu beside every page, and the customers that a page can be narrowed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.web import numbers
from heedful.web.view import NOT_KNOWN

if TYPE_CHECKING:
    from heedful.web.edition import Edition
    from heedful.web.view import View

MOST_SEGMENTS = 12
"""Dimensions with more segments are looked at on a KPI's page, not chosen from a list."""
COMMON = 2
"""So many KPIs at least must be broken down by a dimension that all pages can be narrowed to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu.

    Attributes:
        name: What it says.
        path: Where it leads.
        count: A number beside it; empty for none.
        below: Lines below it.
    """

    name: str
    path: str
    count: str = ""
    below: tuple[Entry, ...] = ()


def menu(edition: Edition) -> tuple[Entry, ...]:
    """The menu."""
    stages = edition.once("menu stages", lambda: _stages(edition))
    definitions = edition.definitions
    running = edition.once("running", lambda: _running(edition))
    findings, actions = edition.counts()
    return (
        Entry("Overview", "/"),
        Entry("Stages", "/stages", below=stages),
        Entry("KPIs", "/kpis", str(len(definitions.kpis))),
        Entry("Findings", "/findings", _some(findings)),
        Entry("Actions", "/actions", _some(actions)),
        Entry("Experiments", "/experiments", _some(running)),
        Entry("Drivers", "/drivers"),
        Entry("Cohorts", "/cohorts"),
        Entry("Data", "/data"),
        Entry("Audit", "/audit"),
        Entry("Reconcile", "/reconcile"),
        Entry("SQL", "/sql"),
        Entry("Definitions", "/definitions"),
    )


def _some(number: int) -> str:
    return str(number) if number else ""


def _stages(edition: Edition) -> tuple[Entry, ...]:
    """The stages with their newest score."""
    newest: dict[str | None, float] = {}
    for one in edition.scores("month"):
        if one.score is not None:
            newest[one.stage] = one.score
    return tuple(
        Entry(
            numbers.name(stage),
            f"/stages/{stage}",
            f"{newest[stage]:.0f}" if stage in newest else "",
        )
        for stage in edition.definitions.settings.stages
    )


def _running(edition: Edition) -> int:
    rows = edition.project.experiments.portfolio(edition.until).rows
    return sum(row.state == "running" for row in rows)


@dataclass(frozen=True, slots=True)
class Choice:
    """Segments of a dimension to choose from.

    Attributes:
        dimension: Its name, as people read it.
        options: Key of a segment, its name, and whether it is chosen.
    """

    dimension: str
    options: tuple[tuple[str, str, bool], ...]


def segments(edition: Edition, view: View) -> tuple[Choice, ...]:
    """The customers that pages can be narrowed to."""
    offered = edition.once(("segments", view.grain), lambda: _offered(edition, view.grain))
    found = []
    for dimension, names in offered:
        options = tuple(
            (key, numbers.name(name), key == view.segment_key)
            for name in names
            for key in (f"{dimension}:{name if name is not None else NOT_KNOWN}",)
        )
        found.append(Choice(numbers.name(dimension), options))
    chosen = view.segment_key
    if chosen and not any(option[2] for choice in found for option in choice.options):
        dimension = numbers.name(view.dimension)
        found.append(Choice(dimension, ((chosen, numbers.name(view.segment), True),)))
    return tuple(found)


def _offered(edition: Edition, grain: str) -> tuple[tuple[str, tuple[str | None, ...]], ...]:
    kpis: dict[str, set[str]] = {}
    names: dict[str, dict[str | None, None]] = {}
    for kpi, each, dimension, stage, segment in edition.shelf.every():
        if each == grain and dimension is not None and stage is None:
            kpis.setdefault(dimension, set()).add(kpi)
            names.setdefault(dimension, {})[segment] = None
    return tuple(
        (dimension, tuple(names[dimension]))
        for dimension in sorted(kpis, key=lambda one: (-len(kpis[one]), one))
        if len(kpis[dimension]) >= COMMON and 1 < len(names[dimension]) <= MOST_SEGMENTS
    )
