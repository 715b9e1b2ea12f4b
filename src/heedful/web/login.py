"""Logging in and out: a one-time link for the first time, then e-mail and password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from heedful.web.guest import COOKIE, Viewer, from_here, posted, site_of, whoever
from heedful.web.render import page

router = APIRouter(include_in_schema=False)
THEMES = ("light", "dark", "auto")
YEAR = 365 * 86_400


def local(path: str | None) -> str:
    """A path of this site, whatever was asked for.

    >>> local("/kpis/nps?grain=week"), local("//elsewhere.example"), local("https://x"), local(None)
    ('/kpis/nps?grain=week', '/', '/', '/')
    """
    if not path or not path.startswith("/") or path[1:2] in {"/", "\\"} or "\n" in path:
        return "/"
    return path


@router.get("/login")
def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in addresses
    """The form; who is logged in already goes on."""
    if whoever(request) is not None:
        return RedirectResponse(local(next), 303)
    return page(request, "login.html", None, title="Log in", next=local(next), email="", wrong="")


@router.post("/login", dependencies=[Depends(from_here)])
def log_in(
    request: Request,
    email: Annotated[str, Form()],
    password: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the name in addresses
) -> Response:
    """A session for the right password; the same answer for whatever is wrong."""
    from heedful.ledger.person import ThrottledError

    people = site_of(request).edition.project.people
    wrong = "That e-mail and password do not go together."
    try:
        secret = people.log_in(email, password)
    except ThrottledError as error:
        secret, wrong = None, str(error)
    if secret is None:
        return page(
            request,
            "login.html",
            None,
            title="Log in",
            status=401,
            next=local(next),
            email=email,
            wrong=wrong,
        )
    return _welcome(request, secret, local(next))


@router.get("/enter/{link}")
def meet(request: Request, link: str) -> Response:
    """The form behind a one-time link."""
    invited = site_of(request).edition.project.people.invited(link)
    return page(
        request,
        "enter.html",
        None,
        title="Welcome",
        status=200 if invited else 404,
        invited=invited,
        link=link,
        name="",
        email=(invited.email or "") if invited else "",
        wrong="",
    )


@router.post("/enter/{link}", dependencies=[Depends(from_here)])
def enter(
    request: Request,
    link: str,
    name: Annotated[str, Form()],
    email: Annotated[str, Form()],
    password: Annotated[str, Form()],
) -> Response:
    """Use up a one-time link: make the person, and log them in."""
    people = site_of(request).edition.project.people
    invited = people.invited(link)
    try:
        secret = people.enter(link, name=name, email=email, password=password)
    except ValueError as error:
        return page(
            request,
            "enter.html",
            None,
            title="Welcome",
            status=400,
            link=link,
            invited=invited,
            name=name,
            email=email,
            wrong=str(error),
        )
    return _welcome(request, secret, "/")


@router.post("/logout", dependencies=[Depends(posted)])
def log_out(request: Request, who: Viewer) -> Response:  # noqa: ARG001 - strangers have nothing to end
    """End this session."""
    secret = request.cookies.get(COOKIE)
    if secret:
        site_of(request).edition.project.people.log_out(secret)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/theme/{name}")
def theme(name: str, back: str = "/") -> Response:
    """Light, dark, or as the device has it; remembered by the browser."""
    answer = RedirectResponse(local(back), 303)
    if name in THEMES[:2]:
        answer.set_cookie("theme", name, max_age=YEAR, samesite="lax", httponly=True)
    else:
        answer.delete_cookie("theme")
    return answer


def _welcome(request: Request, secret: str, path: str) -> Response:
    answer = RedirectResponse(path, 303)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=30 * 86_400,
        httponly=True,
        samesite="lax",
        secure=request.app.state.secure,
    )
    return answer
