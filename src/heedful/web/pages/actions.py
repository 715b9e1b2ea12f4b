"""Actions: what is due, what waits for its effect, and what came of what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Request
from fastapi.responses import RedirectResponse, Response

from heedful.actions.windows import windows
from heedful.kpis.reading import window
from heedful.web import charts, numbers
from heedful.web.chart_marks import Mark
from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages import actions_form as forms
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.actions.action import Action
    from heedful.kpis.shelf import Series
    from heedful.web.chart_marks import MarkKind
    from heedful.web.charts import Chart
    from heedful.web.edition import Edition
    from heedful.web.guest import Guest

router = APIRouter(include_in_schema=False)
SECTIONS = {
    "open": ("Open", "overdue ones first"),
    "waiting": ("Waiting for their effect", "done; the weeks after are not complete yet"),
    "measured": ("Done and measured", "what came after them, from readings"),
    "done": ("Done, not measured", "they name no KPI, or it could not be measured"),
    "dropped": ("Dropped", ""),
}
MOST = 100
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""An action's number, as ledgers hold it."""


@dataclass(frozen=True, slots=True)
class Section:
    """Actions under one heading."""

    state: str
    title: str
    note: str
    actions: tuple[Action, ...]
    left: int


@router.get("/actions")
def actions(request: Request, who: Viewer) -> Response:
    """All actions by how far they are."""
    edition = site_of(request).edition
    settings = edition.definitions.settings
    allowed: dict[str, Sequence[str]] = {
        "state": tuple(SECTIONS),
        "owner": tuple(settings.teams),
        "stage": settings.stages,
    }
    asked: dict[str, str] = {}
    for name, known in allowed.items():
        value = request.query_params.get(name)
        if value and value not in known:
            raise ViewError(f'{name} "{value}" does not exist; allowed: {", ".join(known)}')
        if value:
            asked[name] = value
    every = edition.actions()
    found = [
        one
        for one in every
        if all(getattr(one, name) == asked[name] for name in ("owner", "stage") if name in asked)
    ]
    today = edition.today
    return page(
        request,
        "actions.html",
        who,
        title="Actions",
        sections=_sections(found, asked.get("state"), today),
        asked=asked,
        allowed=allowed,
        states=SECTIONS,
        total=len(every),
        late=sum(one.late(today) for one in every),
        today=today,
    )


def far(one: Action) -> str:
    """How far an action is: a key of the sections."""
    if one.state != "done":
        return one.state
    if one.outcome is None or one.kpi is None or one.outcome.state == "not_measured":
        return "done"
    return "measured" if one.outcome.state == "measured" else "waiting"


def _sections(found: Sequence[Action], only: str | None, today: date) -> list[Section]:
    sections = []
    for state, (title, note) in SECTIONS.items():
        mine = [one for one in found if far(one) == state]
        if state == "open":
            mine.sort(key=lambda one: one.due)
        if mine and (only is None or only == state):
            late = sum(one.late(today) for one in mine)
            words = f"{late} overdue" if state == "open" and late else note
            left = max(0, len(mine) - MOST)
            sections.append(Section(state, title, words, tuple(mine[:MOST]), left))
    return sections


# Without `:int` the page that makes one, /actions/new, would be taken for an action.
@router.get("/actions/{number:int}")
def action(request: Request, who: Viewer, number: Number) -> Response:
    """One action."""
    edition = site_of(request).edition
    return _shown(request, who, edition, edition.project.actions.get(number))


def _shown(
    request: Request, who: Guest, edition: Edition, one: Action, sent: forms.Sent | None = None
) -> Response:
    """The page of an action; with a form that could not be taken, as it was filled in."""
    kpi = edition.kpi(one.kpi or "")
    unit = forms.unit_of(edition, one.kpi)
    series = _series(edition, one)
    return page(
        request,
        "action.html",
        who,
        title=one.title,
        crumbs=(("Actions", "/actions"), (f"Action {one.id}", None)),
        status=400 if sent else 200,
        sent=sent,
        action=one,
        far=far(one),
        kpi=kpi,
        kpi_title=kpi.title if kpi else one.kpi,
        unit=unit,
        suffix=charts.SUFFIXES.get(unit or "", ""),
        finding=_finding(edition, one),
        chart=_chart(edition, one, series) if series is not None else None,
        grain=series.grain if series is not None else one.grain,
        known=_known(edition, one),
        expected=numbers.value(one.expected, unit, currency=edition.definitions.settings.currency)
        if one.expected is not None
        else "",
        today=edition.today,
    )


def _finding(edition: Edition, one: Action) -> Any:
    if one.finding is None:
        return None
    every = (*edition.findings(), *edition.every_finding())
    return next((each for each in every if each.id == one.finding), None)


def _series(edition: Edition, one: Action) -> Series | None:
    """The KPI that is to change, by week where it is measured by week."""
    if one.kpi is None:
        return None
    for grain in dict.fromkeys(("week", one.grain, "month")):
        series = edition.shelf.series(
            one.kpi, grain, stage=one.stage, dimension=one.dimension, segment=one.segment
        )
        if series is not None:
            return series
    return None


def _chart(edition: Edition, one: Action, series: Series) -> Chart | None:
    kpi = edition.kpi(one.kpi or "")
    zone = edition.zone
    days: list[tuple[date, MarkKind, str]] = [
        (one.made_at.astimezone(zone).date(), "note", "The action was made")
    ]
    if one.done_on is not None:
        days.append((one.done_on, "release", "It was done"))
    known = series.start[0].item(), series.end[-1].item()
    inside = sorted(day for day in days if known[0] <= day[0] <= known[1])
    happened = [
        Mark(letter, kind, at, text) for letter, (at, kind, text) in zip("AB", inside, strict=False)
    ]
    return charts.trend(
        series,
        title=kpi.title if kpi else one.kpi or "",
        better=kpi.better if kpi else None,
        target=one.expected,
        marks=happened,
        currency=edition.definitions.settings.currency,
        height=260,
    )


def _known(edition: Edition, one: Action) -> date | None:
    """About when the effect of an open action would be known, were it done today."""
    kpi = edition.kpi(one.kpi or "")
    if kpi is None or one.state != "open":
        return None
    series = _series(edition, one)
    grain = "month" if series is not None and series.grain == "month" else "week"
    found = windows(edition.today, grain)  # type: ignore[arg-type]
    late = edition.definitions.rules.late_data_days
    return found.after_end + timedelta(days=late) + timedelta(days=window(kpi))


@router.post("/actions/{number}/edit")
def edit(
    request: Request,
    who: Analyst,
    number: Number,
    title: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    expected: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Change an open action."""
    edition = site_of(request).edition
    one = edition.project.actions.get(number)
    given = {"title": title, "owner": owner, "due": due, "expected": expected, "note": note}
    try:
        forms.short(note, "the note")
        changes: dict[str, Any] = {
            "title": title,
            "owner": owner,
            "due": forms.day(due, "the due day"),
            "note": note.strip() or None,
        }
        if one.kpi is not None:
            unit = forms.unit_of(edition, one.kpi)
            asked = forms.reached(expected, unit)
            currency = edition.definitions.settings.currency
            # What was shown rounded and sent back as it was is no change.
            shown = numbers.value(one.expected, unit, currency=currency)
            if one.expected is None or expected.strip() != shown:
                changes["expected"] = asked
        edition.project.actions.edit(number, who.email, **changes)
    except forms.WRONG as error:
        return _again(request, who, edition, number, forms.sent("edit", error, **given))
    return _back(edition, number)


@router.post("/actions/{number}/start")
def start(request: Request, who: Analyst, number: Number) -> Response:
    """Say that someone has begun with it."""
    edition = site_of(request).edition
    edition.project.actions.start(number, who.email)
    return _back(edition, number)


@router.post("/actions/{number}/close")
def close(
    request: Request,
    who: Analyst,
    number: Number,
    done_on: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Say that it is done."""
    edition = site_of(request).edition
    doors = edition.project.actions
    doors.get(number)
    try:
        forms.short(note, "the note")
        day = forms.day(done_on, "the day it was done")
        doors.close(number, who.email, day, note.strip() or None, shelf=edition.shelf)
    except forms.WRONG as error:
        wrong = forms.sent("close", error, done_on=done_on, note=note)
        return _again(request, who, edition, number, wrong)
    return _back(edition, number)


@router.post("/actions/{number}/drop")
def drop(
    request: Request, who: Analyst, number: Number, note: Annotated[str, Form()] = ""
) -> Response:
    """Give it up."""
    edition = site_of(request).edition
    edition.project.actions.get(number)
    try:
        _reasoned(note)
        edition.project.actions.drop(number, who.email, note.strip())
    except forms.WRONG as error:
        return _again(request, who, edition, number, forms.sent("drop", error, note=note))
    return _back(edition, number)


def _reasoned(note: str) -> None:
    if not note.strip():
        raise HTTPException(400, "say why: the reason is kept with the action")
    forms.short(note, "the reason")


@router.post("/actions/{number}/reopen")
def reopen(request: Request, who: Analyst, number: Number) -> Response:
    """It is not done after all, or not given up."""
    edition = site_of(request).edition
    edition.project.actions.reopen(number, who.email)
    return _back(edition, number)


def _again(
    request: Request, who: Guest, edition: Edition, number: int, sent: forms.Sent
) -> Response:
    return _shown(request, who, edition, edition.project.actions.get(number), sent)


def _back(edition: Edition, number: int) -> Response:
    edition.forget("actions")
    return RedirectResponse(f"/actions/{number}", 303)
