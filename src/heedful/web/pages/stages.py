"""Stages: all of them, and a page each with leading, lagging and diagnostic KPIs and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from heedful.definitions.problem import one_of
from heedful.kpis.change import Change
from heedful.kpis.funnel import Funnel, funnels
from heedful.project import NotFoundError
from heedful.web import numbers, pictures, sentences
from heedful.web.cards import Card, card
from heedful.web.guest import Viewer, site_of
from heedful.web.pages.overview import LOW_COVERAGE, compared, score_chart, strip_of
from heedful.web.render import page
from heedful.web.segments import Board, board
from heedful.web.view import View
from heedful.web.voices import voices

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.kpis.funnel import Step
    from heedful.web.edition import Edition
    from heedful.web.numbers import Delta

router = APIRouter(include_in_schema=False)
TIMINGS = (("leading", "moves first"), ("lagging", "confirms later"), ("diagnostic", "explains"))
HOT = 0.33
"""A step that loses more of all that is lost than this is marked."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step of a funnel, in words and pictures."""

    step: Step
    bar: Markup
    loss: str
    interval: str
    delta: Delta | None
    hot: bool


@router.get("/stages")
def stages(request: Request, who: Viewer) -> Response:
    """All stages."""
    edition = site_of(request).edition
    view = View.of(request.query_params, edition.shelf, edition.definitions.settings.stages)
    strip, domain = strip_of(edition, view)
    findings = edition.findings()
    experiments = edition.definitions.experiments.values()
    return page(
        request,
        "stages.html",
        who,
        title="Stages",
        view=view,
        filters=True,
        strip=strip,
        domain=domain,
        low_coverage=LOW_COVERAGE,
        counts={
            name: (
                sum(one.stage == name for one in findings),
                sum(one.stage == name for one in experiments),
                len(_kpis(edition, name, view.grain)),
            )
            for name in edition.definitions.settings.stages
        },
    )


@router.get("/stages/{name}")
def stage(request: Request, who: Viewer, name: str) -> Response:
    """One stage."""
    edition = site_of(request).edition
    settings = edition.definitions.settings
    if name not in settings.stages:
        raise NotFoundError(f'stage "{name}" does not exist', one_of(settings.stages, name))
    view = View.of(request.query_params, edition.shelf, settings.stages)
    whole = compared(edition, view, name)
    findings = [one for one in edition.findings() if one.stage == name]
    kpis = _kpis(edition, name, view.grain)
    columns = [
        (timing, says, [card(edition, view, kpi, name) for kpi in kpis if kpi.timing == timing])
        for timing, says in TIMINGS
    ]
    touchpoints = [t for t, each in settings.touchpoints.items() if each.stage == name]
    looked = _worth_a_look(edition, view, name, kpis)
    rows = edition.project.experiments.portfolio(edition.until).rows
    return page(
        request,
        "stage.html",
        who,
        title=numbers.name(name),
        crumbs=(("Stages", view.link("/stages")), (numbers.name(name), None)),
        view=view,
        filters=True,
        name=name,
        whole=whole,
        low_coverage=LOW_COVERAGE,
        state=sentences.stage(view, f"The score of {numbers.name(name).lower()}", whole, findings),
        columns=columns,
        chart=edition.once(
            ("score chart", view.grain, view.segment_key, name),
            lambda: score_chart(edition, view, name),
        ),
        funnels=_funnels(edition, view, name),
        looked=looked,
        findings=findings,
        experiments=[row for row in rows if row.stage == name],
        touchpoints=touchpoints,
        comments=voices(edition, view, touchpoints),
    )


def _kpis(edition: Edition, stage: str, grain: str) -> list[Kpi]:
    """KPIs that have to do with a stage, those that name it first."""
    known = list(edition.definitions.kpis.values())
    named = [kpi for kpi in known if stage in kpi.stages]
    return named + [
        kpi for kpi in known if kpi not in named and _varies(edition, kpi, stage, grain)
    ]


def _varies(edition: Edition, kpi: Kpi, stage: str, grain: str) -> bool:
    """Whether readings of a stage say anything: a bounce rate of 0 by construction does not."""
    series = edition.shelf.series(kpi.id, grain, stage=stage)
    if series is None:
        return False
    values = series.estimates.value[np.isfinite(series.estimates.value)]
    return len(values) > 0 and (not kpi.stages or bool(np.ptp(values) > 1e-9))


def _worth_a_look(
    edition: Edition, view: View, stage: str, kpis: list[Kpi]
) -> tuple[Kpi, Board] | None:
    """The KPI that moved most clearly, by segment."""
    if view.filtered:
        return None

    def clear(one: Card) -> float:
        p = one.change.p_value if one.change else None
        return 1.0 if p is None else p

    cards = [(kpi, card(edition, view, kpi, stage)) for kpi in kpis]
    known = [(kpi, one) for kpi, one in cards if one.series is not None and one.place is not None]
    for kpi, one in sorted(known, key=lambda pair: clear(pair[1])):
        if one.series is not None and one.place is not None:
            found = board(edition, view, kpi, one.series, one.place, "change", stage)
            if len(found.rows) > 1:
                return kpi, found
    return None


def _funnels(edition: Edition, view: View, stage: str) -> list[tuple[Funnel, list[Row]]]:
    if view.period is None:
        return []
    now = (view.period.start, view.period.end)
    before = (view.against.start, view.against.end) if view.against else None
    where = {view.dimension: view.segment} if view.dimension else None
    key = ("funnels", stage, now, before, view.segment_key)
    found = edition.once(
        key, lambda: funnels(edition.project.lake("facts"), stage, now, before, where)
    )
    return [(one, _rows(one)) for one in found]


def _rows(funnel: Funnel) -> list[Row]:
    rows = []
    lost = sum(step.lost or 0 for step in funnel.steps)
    before = 1.0
    for step in funnel.steps:
        loss = step.loss
        delta = None
        if step.change is not None:
            one = step.change
            verdict = "unclear"
            if one.low is not None and one.high is not None and not one.low <= 0 <= one.high:
                verdict = "worse" if one.low > 0 else "better"
            change = Change(None, None, one.value, one.low, one.high, False, None, verdict, one.why)  # type: ignore[arg-type]
            delta = numbers.delta(change, "share")
        rows.append(
            Row(
                step,
                pictures.step(step.share, before),
                numbers.value(loss.value, "share") if loss else "",
                numbers.interval(loss.value, loss.low, loss.high, "share") if loss else "",
                delta,
                bool(step.lost and lost and step.lost / lost > HOT),
            )
        )
        before = step.share
    return rows
