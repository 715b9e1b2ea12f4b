"""KPIs: the list, and a page each with series, segments and definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from heedful.definitions.measure import Retention
from heedful.definitions.problem import one_of
from heedful.kpis.periods import shown
from heedful.project import NotFoundError
from heedful.web import chart_series, charts, numbers
from heedful.web.cards import Card, card, found
from heedful.web.contributions import contributions
from heedful.web.guest import Viewer, site_of
from heedful.web.marks import marks
from heedful.web.measuring import measured
from heedful.web.render import page
from heedful.web.segments import SORTS, board
from heedful.web.view import View, ViewError
from heedful.web.voices import voices

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.definitions.override import Override
    from heedful.kpis.shelf import Series
    from heedful.web.charts import Chart
    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)
GROUPS = ("layer", "stage", "timing", "owner")
LAYERS = ("experience", "engagement", "operational", "commercial", "governance", "qualitative")
TIMINGS = ("leading", "lagging", "diagnostic")


@dataclass(frozen=True, slots=True)
class Group:
    """KPIs under one heading."""

    name: str
    cards: tuple[tuple[Kpi, Card], ...]


@router.get("/kpis")
def kpis(request: Request, who: Viewer) -> Response:
    """All KPIs that are switched on."""
    edition = site_of(request).edition
    settings = edition.definitions.settings
    view = View.of(request.query_params, edition.shelf, settings.stages)
    group = request.query_params.get("group") or "layer"
    if group not in GROUPS:
        raise ViewError(f'group "{group}" does not exist; allowed: {", ".join(GROUPS)}')
    dimension = request.query_params.get("dimension")
    wanted = _of_dimension(edition, dimension)
    return page(
        request,
        "kpis.html",
        who,
        title="KPIs",
        view=view,
        filters=True,
        groups=_groups(edition, view, wanted, group),
        group=group,
        dimension=dimension,
        offered=GROUPS,
        shown=len(wanted),
    )


def _of_dimension(edition: Edition, dimension: str | None) -> list[Kpi]:
    kpis = list(edition.definitions.kpis.values())
    if not dimension:
        return kpis
    known = edition.definitions.scorecard.dimensions
    if dimension not in known:
        raise NotFoundError(f'dimension "{dimension}" does not exist', one_of(known, dimension))
    one = known[dimension]
    return [kpi for kpi in kpis if kpi.id in one.kpis or kpi.layer in one.layers]


def _groups(edition: Edition, view: View, wanted: list[Kpi], group: str) -> list[Group]:
    settings = edition.definitions.settings
    teams = {name: team.name for name, team in settings.teams.items()}

    def heads(kpi: Kpi) -> list[str]:
        if group == "stage":
            return [*kpi.stages] or ["all stages"]
        return [str(getattr(kpi, group))]

    order = {"layer": LAYERS, "timing": TIMINGS, "stage": (*settings.stages, "all stages")}
    names = order.get(group) or tuple(dict.fromkeys(kpi.owner for kpi in wanted))
    groups = []
    for name in names:
        mine = tuple(
            (kpi, card(edition, view, kpi, name if name in settings.stages else None))
            for kpi in wanted
            if name in heads(kpi)
        )
        if mine:
            groups.append(Group(teams.get(name) or numbers.name(name), mine))
    return groups


@router.get("/kpis/{name}")
def kpi(request: Request, who: Viewer, name: str) -> Response:
    """One KPI."""
    edition = site_of(request).edition
    definitions = edition.definitions
    view = View.of(request.query_params, edition.shelf, definitions.settings.stages)
    one = definitions.kpis.get(name)
    if one is None:
        hint = one_of(definitions.kpis, name)
        if name in definitions.catalogue:
            hint = f"switch it on with a file kpis/{name}.yaml, or see /definitions"
        raise NotFoundError(f'KPI "{name}" is not switched on', hint)
    sort = request.query_params.get("sort") or "change"
    if sort not in SORTS:
        raise ViewError(f'sort "{sort}" does not exist; allowed: {", ".join(SORTS)}')
    mine = card(edition, view, one, view.stage)
    at = mine.series
    stages = edition.shelf.stages(name, at.grain) if at else []
    segments = (
        board(edition, view, one, at, mine.place, sort, view.stage)
        if at is not None and mine.place is not None and not view.filtered
        else None
    )
    here = one.at(view.stage, view.part)
    return page(
        request,
        "kpi.html",
        who,
        title=one.title,
        crumbs=(
            ("KPIs", view.link("/kpis")),
            (numbers.name(one.layer), view.link("/kpis")),
            (one.title, None),
        ),
        view=view,
        filters=True,
        kpi=here,
        card=mine,
        chart=edition.once(
            ("chart", name, view.stage, view.grain, view.segment_key),
            lambda: _chart(edition, view, here),
        ),
        unit=charts.SUFFIXES.get(one.measure.unit, ""),
        stages=stages if len(stages) > 1 else [],
        board=segments,
        contributions=(
            contributions(edition, view, one, at, mine.place, view.stage)
            if at is not None and mine.place is not None and not view.filtered
            else None
        ),
        comments=voices(edition, view, _touchpoints(edition, one, view.stage)),
        sort=sort,
        findings=[each for each in edition.findings() if any(leg.kpi == name for leg in each.legs)],
        experiments=[
            each
            for each in definitions.experiments.values()
            if any(outcome.kpi == name for outcome in each.outcomes)
        ],
        playbook=definitions.playbooks.get(one.playbook),
        team=definitions.settings.teams.get(here.owner),
        measure=measured(one),
        rule=_rule(here),
        overrides=[_override(edition, one, each) for each in one.overrides],
        definition=at.definition[mine.place] if at is not None and mine.place is not None else None,
        readings=_readings(edition, one, at),
        cohorts=isinstance(one.measure, Retention),
    )


def _touchpoints(edition: Edition, one: Kpi, stage: str | None) -> list[str]:
    """Where customers meet what a KPI measures, for comments from there."""
    stages = {stage} if stage else set(one.stages or edition.shelf.stages(one.id, "month"))
    machines = one.layer == "governance" or one.id.endswith("_ai")
    return [
        name
        for name, each in edition.definitions.settings.touchpoints.items()
        if each.stage in stages and (each.ai or not machines)
    ]


def _chart(edition: Edition, view: View, one: Kpi) -> Chart | None:
    series = found(edition, view, one, view.stage)
    if series is None:
        return None
    done = [place for place in range(len(series)) if series.complete[place]]
    if not done:
        return None
    first, until = series.start[done[0]].item(), series.end[done[-1]].item()
    happened = marks(
        edition,
        view.stage,
        first,
        until,
        stages=one.stages,
        series=series,
        kpi=one.id,
    )
    return charts.trend(
        series,
        title=one.title,
        better=one.better,
        target=one.target,
        compare=chart_series.year_before(series),
        compared="a year before",
        marks=happened,
        currency=edition.definitions.settings.currency,
    )


def _readings(edition: Edition, one: Kpi, at: Series | None) -> list[dict[str, object]]:
    """The readings behind the chart, the newest first."""
    if at is None:
        return []
    currency = edition.definitions.settings.currency
    unit = one.measure.unit
    rows = []
    for place in range(len(at) - 1, -1, -1):
        value, low, high = numbers.reading(at, place)
        n = int(at.n[place])
        rows.append(
            {
                "period": shown(at.grain, at.start[place].item(), at.end[place].item()),
                "value": numbers.value(value, unit, n, currency),
                "interval": numbers.interval(value, low, high, unit, n),
                "n": n,
                "customers": int(at.customers[place]),
                "remark": _remark(bool(at.complete[place]), at.why[place]),
            }
        )
    return rows


def _remark(complete: bool, why: str | None) -> str:
    return "; ".join(part for part in ("" if complete else "not complete", why or "") if part)


def _override(edition: Edition, one: Kpi, override: Override) -> tuple[str, str]:
    """Where an override holds, and what counts there instead, in words."""
    settings = edition.definitions.settings
    parts = [numbers.name(override.stage)] if override.stage else []
    if override.part:
        dimension, segment = override.part
        parts.append(f"{numbers.name(dimension).lower()} {numbers.name(segment)}")
    told = []
    if override.target is not None:
        target = numbers.value(override.target, one.measure.unit, currency=settings.currency)
        told.append(f"target {target}")
    if override.threshold is not None:
        told.append(_rule(one.at(override.stage, override.part)))
    if override.owner is not None:
        team = settings.teams.get(override.owner)
        told.append(f"owner {team.name if team else override.owner}")
    return ", ".join(parts), "; ".join(told)


def _rule(one: Kpi) -> str:
    """The threshold in words."""
    by = one.threshold.amount
    share = f"{100 * by:g}%"
    words = {
        "below_target": f"{share} or more worse than its target" if by else "worse than its target",
        "drop_points": f"falls by {by:g} points or more against the quarter before",
        "rise": f"rises by {share} or more",
        "change": f"a significant change for the worse of {share} or more",
        "decline": "any significant decline",
        "trend": "each cohort worse than the one before, significant over six",
    }
    least = f"at least {one.min_customers} {one.units} in both periods"
    return f"{words[one.threshold.rule]}, with {least}"
