"""What admins look after: people, the history of who changed what, who was told of what."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from heedful.ledger.person import ROLES
from heedful.ledger.refusal import RefusedError
from heedful.web.guest import Admin, site_of
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from heedful.web.guest import Guest

router = APIRouter(include_in_schema=False)
Line = Annotated[str, Form(max_length=400)]
Text = Annotated[str, Query(max_length=400)]
ENTRIES = 100
ALERTS = 200
LARGEST = 2**31 - 1
EARLIEST, LATEST = 1900, 2200
CRUMBS = (("Account", "/account"),)


@router.get("/account/people")
def people(request: Request, who: Admin) -> Response:
    """Everyone, with what they may."""
    return _people(request, who)


def _people(
    request: Request,
    who: Guest,
    *,
    status: int = 200,
    link: tuple[str, str] | None = None,
    wrong: str = "",
) -> Response:
    """The page, with a link that was just made, or what is wrong with a form."""
    room = site_of(request).edition.project.people
    return page(
        request,
        "account_people.html",
        who,
        title="People",
        crumbs=(*CRUMBS, ("People", None)),
        status=status,
        people=room.all(closed=True),
        roles=ROLES,
        link=link,
        wrong=wrong,
        done=DONE.get(request.query_params.get("done", ""), ""),
    )


DONE = {
    "role": "The role was changed.",
    "closed": "They are shut out: their sessions have ended, their tokens work no more.",
}


@router.post("/account/people")
def invite(request: Request, who: Admin, email: Line = "", role: Line = "viewer") -> Response:
    """Make a one-time link; it stands on this answer and nowhere else."""
    room = site_of(request).edition.project.people
    try:
        secret = room.link(email, role, by=who.email)
    except RefusedError as error:
        return _people(request, who, status=400, wrong=str(error))
    base = str(request.base_url).rstrip("/")
    return _people(request, who, link=(email.strip(), f"{base}/enter/{secret}"))


@router.post("/account/people/role")
def give_role(request: Request, who: Admin, email: Line = "", role: Line = "") -> Response:
    """Give someone another role."""
    room = site_of(request).edition.project.people
    try:
        room.role(email, role, by=who.email)
    except RefusedError as error:
        return _people(request, who, status=400, wrong=str(error))
    return RedirectResponse("/account/people?done=role", 303)


@router.post("/account/people/close")
def close(request: Request, who: Admin, email: Line = "") -> Response:
    """Shut someone out."""
    room = site_of(request).edition.project.people
    try:
        room.close(email, by=who.email)
    except RefusedError as error:
        return _people(request, who, status=400, wrong=str(error))
    return RedirectResponse("/account/people?done=closed", 303)


@router.get("/account/history")
def history(
    request: Request,
    admin: Admin,
    who: Text = "",
    about: Text = "",
    since: Text = "",
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """Who changed what; entries are never changed and never removed."""
    edition = site_of(request).edition
    found = edition.project.audit.all(
        ENTRIES + 1,
        before=before,
        who=who.strip() or None,
        object=about.strip() or None,
        since=_midnight(since, edition.zone) if since.strip() else None,
    )
    query = {name: v for name, v in (("who", who), ("about", about), ("since", since)) if v}
    older = None
    if len(found) > ENTRIES:
        older = "/account/history?" + urlencode({**query, "before": found[ENTRIES - 1].id})
    return page(
        request,
        "account_history.html",
        admin,
        title="History",
        crumbs=(*CRUMBS, ("History", None)),
        entries=found[:ENTRIES],
        asked={"who": who, "about": about, "since": since},
        people=[one.email for one in edition.project.people.all(closed=True)],
        older=older,
        first="/account/history" + (f"?{urlencode(query)}" if query else "") if before else None,
        filtered=bool(query),
        to=lambda **more: "/account/history?" + urlencode({**query, **more}),
    )


def _midnight(text: str, zone: object) -> datetime:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = date.min
    if not EARLIEST <= day.year <= LATEST:
        raise ViewError(f'since "{text}" is no day; allowed: such as 2026-08-01')
    return datetime.combine(day, time(), zone)  # type: ignore[arg-type]


@router.get("/account/alerts")
def alerts(request: Request, who: Admin) -> Response:
    """Who was told of what, and channels to test."""
    return _alerts(request, who)


def _alerts(
    request: Request, who: Guest, *, status: int = 200, tested: str = "", wrong: str = ""
) -> Response:
    edition = site_of(request).edition
    return page(
        request,
        "account_alerts.html",
        who,
        title="Alerts",
        crumbs=(*CRUMBS, ("Alerts", None)),
        status=status,
        alerts=edition.project.alerts.log(ALERTS),
        settings=edition.definitions.alerts,
        tested=tested,
        wrong=wrong,
    )


@router.post("/account/alerts/test")
def try_channel(request: Request, who: Admin, channel: Line = "") -> Response:
    """Send a test to a channel, whatever the hour."""
    from heedful.alerts.failure import DeliveryError

    try:
        note = site_of(request).edition.project.alerts.test(channel, by=who.email)
    except DeliveryError as error:
        said = f"The test to {channel} did not arrive: {error}"
        return _alerts(request, who, status=502, wrong=said)
    said = f"The test to {channel} was sent."
    return _alerts(request, who, tested=f"{said} {note}" if note else said)
