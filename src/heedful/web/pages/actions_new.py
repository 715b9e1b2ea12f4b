"""An action that comes from no finding: the KPI is chosen first, then what will be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from heedful.web import numbers
from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages import actions_form as forms
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.web.edition import Edition
    from heedful.web.guest import Guest
    from heedful.web.pages.actions_form import Target

router = APIRouter(include_in_schema=False)
MOST_SEGMENTS = 12
"""Dimensions with more segments are no choice from a list."""


@dataclass(frozen=True, slots=True)
class Group:
    """Segments to choose from.

    Attributes:
        dimension: What they are, as people read it.
        targets: The segments.
    """

    dimension: str
    targets: tuple[Target, ...]


@router.get("/actions/new")
def new(request: Request, who: Viewer) -> Response:
    """The form; the address says which KPI, and of which stage."""
    edition = site_of(request).edition
    kpi, stage = _asked(
        edition, request.query_params.get("kpi") or "", request.query_params.get("stage") or ""
    )
    return _shown(request, who, edition, kpi, stage)


def _asked(edition: Edition, kpi: str, stage: str) -> tuple[Kpi | None, str | None]:
    """The KPI and the stage that were asked for.

    Raises:
        ViewError: There is no such KPI, no such stage, or it is not measured there.
    """
    one = edition.kpi(kpi)
    if kpi and one is None:
        raise ViewError(f'the KPI "{kpi}" is not switched on; allowed: those of /kpis')
    if not stage:
        return one, None
    if one is None:
        raise ViewError(f'the stage "{stage}" is given without a KPI; choose the KPI first')
    known = _stages(edition, one)
    if stage not in known:
        allowed = ", ".join(known) or "none: it is measured for all stages only"
        raise ViewError(f'{one.title} is not measured in the stage "{stage}"; allowed: {allowed}')
    return one, stage


def _stages(edition: Edition, kpi: Kpi) -> list[str]:
    found = {stage for grain in ("week", "month") for stage in edition.shelf.stages(kpi.id, grain)}
    return [stage for stage in edition.definitions.settings.stages if stage in found]


def _shown(
    request: Request,
    who: Guest,
    edition: Edition,
    kpi: Kpi | None,
    stage: str | None,
    sent: forms.Sent | None = None,
) -> Response:
    owner = kpi.at(stage).owner if kpi else next(iter(edition.definitions.settings.teams), "")
    return page(
        request,
        "action_new.html",
        who,
        title="Make an action",
        crumbs=(("Actions", "/actions"), ("New", None)),
        status=400 if sent else 200,
        sent=sent,
        kpi=kpi,
        stage=stage,
        stages=_stages(edition, kpi) if kpi else [],
        kpis=[one for one in edition.definitions.kpis.values() if one.id in edition.shelf.kpis],
        whole=forms.of_kpi(edition, kpi.id, stage) if kpi else None,
        groups=_groups(edition, kpi, stage) if kpi else (),
        owner=owner,
        due=forms.due_on(edition),
    )


def _groups(edition: Edition, kpi: Kpi, stage: str | None) -> tuple[Group, ...]:
    """The segments that a KPI is measured by."""
    found = []
    grain = "week" if edition.shelf.dimensions(kpi.id, "week") else "month"
    for dimension in edition.shelf.dimensions(kpi.id, grain):
        known = edition.shelf.segments(kpi.id, grain, dimension, stage)
        names = [one for one in known if one is not None]
        if dimension in forms.UNREAL or not 1 < len(names) <= MOST_SEGMENTS:
            continue
        targets = tuple(forms.of_kpi(edition, kpi.id, stage, dimension, one) for one in names)
        found.append(Group(numbers.name(dimension), targets))
    return tuple(found)


@router.post("/actions")
def make(
    request: Request,
    who: Analyst,
    title: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    kpi: Annotated[str, Form()] = "",
    stage: Annotated[str, Form()] = "",
    aim: Annotated[str, Form()] = "",
    expected: Annotated[str, Form()] = "",
) -> Response:
    """Make it."""
    edition = site_of(request).edition
    one, place = _asked(edition, kpi, stage)
    try:
        _, dimension, segment = forms.aimed(aim)
        if one is not None:
            _known(edition, one, place, aim, dimension, segment)
        made = edition.project.actions.make(
            title,
            owner,
            forms.day(due, "the due day"),
            by=who.email,
            kpi=one.id if one else None,
            stage=place,
            dimension=dimension if one else None,
            segment=segment if one else None,
            expected=forms.reached(expected, forms.unit_of(edition, one.id if one else None)),
            shelf=edition.shelf,
        )
    except forms.WRONG as error:
        given = {"title": title, "owner": owner, "due": due, "aim": aim, "expected": expected}
        return _shown(request, who, edition, one, place, forms.sent("new", error, **given))
    edition.forget("actions")
    return RedirectResponse(f"/actions/{made.id}", 303)


def _known(
    edition: Edition,
    kpi: Kpi,
    stage: str | None,
    aim: str,
    dimension: str | None,
    segment: str | None,
) -> None:
    if dimension is None:
        return
    for grain in ("week", "month"):
        if edition.shelf.series(kpi.id, grain, stage=stage, dimension=dimension, segment=segment):
            return
    raise HTTPException(400, f'"{aim}" has no readings; choose for whom it is to change')
