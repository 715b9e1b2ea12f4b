"""Charts of a finding: its KPIs over time, with when it began and what happened about then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from heedful.kpis import periods
from heedful.web import charts
from heedful.web.chart_marks import Mark

if TYPE_CHECKING:
    from heedful.findings.finding import Candidate, Finding, Leg, Onset
    from heedful.web.chart_marks import MarkKind
    from heedful.web.charts import Chart
    from heedful.web.edition import Edition

MOST_CANDIDATES = 8
_KINDS: dict[str, MarkKind] = {
    "release": "release",
    "experiment": "experiment",
    "definition": "definition",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart of one KPI.

    Attributes:
        leg: The KPI.
        chart: The chart; None with fewer than two readings.
        unit: What stands after a number.
    """

    leg: Leg
    chart: Chart | None
    unit: str


def lettered(finding: Finding) -> list[tuple[str, MarkKind, Candidate]]:
    """The candidates with a letter and a shape each, the likeliest first."""
    pairs = zip(ascii_uppercase, finding.candidates[:MOST_CANDIDATES], strict=False)
    return [(letter, _KINDS.get(one.kind, "note"), one) for letter, one in pairs]


def drawn(edition: Edition, finding: Finding) -> list[Drawn]:
    """The main KPI, and the one that contradicts it or moved beside it."""
    others = [leg for leg in finding.legs[1:] if leg.role == "against"] or list(finding.legs[1:])
    found = []
    for leg in [*finding.legs[:1], *others[:1]]:
        key = ("finding chart", finding.id, finding.seen_at, leg.kpi)
        chart = edition.once(key, lambda leg=leg: _chart(edition, finding, leg))  # type: ignore[misc]
        found.append(Drawn(leg, chart, charts.SUFFIXES.get(leg.unit or "", "")))
    return found


def _chart(edition: Edition, finding: Finding, leg: Leg) -> Chart | None:
    kpi = edition.kpi(leg.kpi)
    kpi = kpi and kpi.at(finding.stage, finding.part)
    stage = finding.stage
    dimension, segment = (finding.part if leg.role == "main" else None) or (None, None)
    series = edition.shelf.series(
        leg.kpi, finding.grain, stage=stage, dimension=dimension, segment=segment
    )
    if series is None:
        series = edition.shelf.series(leg.kpi, finding.grain)
    if series is None:
        return None
    happened = [
        Mark(letter, kind, one.at, one.title)
        for letter, kind, one in lettered(finding)
        if one.fits or one.evidence == "causal"
    ]
    chart = charts.trend(
        series,
        title=leg.title,
        better=kpi.better if kpi else None,
        target=kpi.target if kpi and finding.kind == "threshold" and leg.role == "main" else None,
        marks=happened,
        currency=edition.definitions.settings.currency,
        height=220,
    )
    if chart is None:
        return None
    # Two charts share a row: names of months must not run into each other.
    chart.spec["layer"][0]["encoding"]["x"]["axis"].update(labelOverlap="greedy", labelSeparation=8)
    if finding.onset is None:
        return chart
    # What the marks are is told once, in the list of candidates.
    return replace(with_onset(chart, finding.onset, finding.grain), marks=())


def with_onset(chart: Chart, onset: Onset, grain: str) -> Chart:
    """A chart with a ground under the periods in which it may have begun.

    Args:
        chart: The chart.
        onset: When it began.
        grain: Grain of its periods.
    """
    spec = dict(chart.spec)
    at = dict(spec["layer"][0]["encoding"]["x"])
    end = periods.end(grain, onset.last)  # type: ignore[arg-type]
    ground: dict[str, Any] = {
        "data": {"values": [{"at": onset.first.isoformat(), "until": end.isoformat()}]},
        "mark": {"type": "rect", "color": "var(--care-tint)", "opacity": 1},
        "encoding": {"x": at, "x2": {"field": "until"}},
    }
    line: dict[str, Any] = {
        "data": {"values": [{"at": onset.start.isoformat()}]},
        "mark": {"type": "rule", "color": "var(--ink-2)", "strokeWidth": 1},
        "encoding": {"x": at},
    }
    spec["layer"] = [ground, line, *spec["layer"]] if onset.sure else [ground, *spec["layer"]]
    last = end - timedelta(days=1)
    said = f"{chart.said} It began between {onset.first} and {last}."
    return replace(chart, spec=spec, said=said)
