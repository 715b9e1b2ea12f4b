"""One's own account: tokens for programs, sessions, the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from heedful.ledger.person import ROLES, ThrottledError
from heedful.ledger.refusal import RefusedError
from heedful.web.guest import COOKIE, Viewer, site_of
from heedful.web.render import page

if TYPE_CHECKING:
    from heedful.ledger.person import Person
    from heedful.web.guest import Guest

router = APIRouter(include_in_schema=False)
Line = Annotated[str, Form(max_length=400)]


@router.get("/account")
def account(request: Request, who: Viewer) -> Response:
    """The page."""
    return _page(request, who)


def _page(
    request: Request,
    who: Guest,
    *,
    status: int = 200,
    made: tuple[str, str] | None = None,
    wrong: tuple[str, str] | None = None,
    done: str = "",
) -> Response:
    """The page, with what came of a form.

    Args:
        request: What it answers.
        who: Who asks.
        status: HTTP status.
        made: Name and secret of a token that was just made: it is told only now.
        wrong: Which form something is wrong with, and what.
        done: What was done.
    """
    from heedful.ledger.secret import hashed

    people = site_of(request).edition.project.people
    me = _me(request, who)
    secret = request.cookies.get(COOKIE) or ""
    return page(
        request,
        "account.html",
        who,
        title="Account",
        status=status,
        tokens=people.tokens.all(me),
        roles=[role for role in ROLES if me.may(role)],
        logins=people.logins(me),
        here=hashed(secret)[:16] if secret else "",
        made=made,
        wrong=wrong,
        done=done or DONE.get(request.query_params.get("done", ""), ""),
        base=str(request.base_url).rstrip("/"),
    )


DONE = {
    "revoked": "The token works no more.",
    "ended": "The session has ended.",
    "password": "You have a new password; your other sessions have ended.",
}


def _me(request: Request, who: Guest) -> Person:
    return site_of(request).edition.project.people.get(who.email)


@router.post("/account/tokens")
def make_token(request: Request, who: Viewer, name: Line = "", role: Line = "viewer") -> Response:
    """Make a token; its secret stands on this answer and nowhere else."""
    people = site_of(request).edition.project.people
    try:
        token, secret = people.tokens.make(_me(request, who), name, role)
    except RefusedError as error:
        return _page(request, who, status=400, wrong=("token", str(error)))
    return _page(request, who, made=(token.name, secret))


@router.post("/account/tokens/{number}/revoke")
def revoke_token(request: Request, who: Viewer, number: int) -> Response:
    """Take one of one's own tokens back."""
    people = site_of(request).edition.project.people
    try:
        people.tokens.revoke(number, who.email, of=_me(request, who))
    except RefusedError as error:
        return _page(request, who, status=404, wrong=("token", str(error)))
    return RedirectResponse("/account?done=revoked#tokens", 303)


@router.post("/account/sessions/end")
def end_sessions(request: Request, who: Viewer, session: Line = "") -> Response:
    """End one session, or all but this one."""
    people = site_of(request).edition.project.people
    mine = _me(request, who)
    if session:
        if session not in {login.id for login in people.logins(mine)}:
            return _page(request, who, status=404, wrong=("session", "it has ended already"))
        people.end_logins(mine, who.email, id=session)
    else:
        people.end_logins(mine, who.email, but=request.cookies.get(COOKIE))
    return RedirectResponse("/account?done=ended#sessions", 303)


@router.post("/account/password")
def new_password(
    request: Request, who: Viewer, old: Line = "", new: Line = "", again: Line = ""
) -> Response:
    """Choose another password; all other sessions end."""
    people = site_of(request).edition.project.people
    if new != again:
        return _page(request, who, status=400, wrong=("password", "the two new ones differ"))
    try:
        people.new_password(_me(request, who), old, new, keep=request.cookies.get(COOKIE))
    except RefusedError as error:
        return _page(request, who, status=400, wrong=("password", str(error)))
    except ThrottledError as error:
        return _page(request, who, status=429, wrong=("password", str(error)))
    return RedirectResponse("/account?done=password", 303)
