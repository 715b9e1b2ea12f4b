"""Who is asking: a person with a session, or a program with a token."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

if TYPE_CHECKING:
    from heedful.web.site import Site

COOKIE = "heedful"
ROLES = ("viewer", "analyst", "admin")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class LoginNeededError(Exception):
    """The page is not for strangers."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who is asking.

    Attributes:
        id: Their number.
        email: Their address, which the audit log names.
        name: What people call them.
        role: viewer, analyst or admin.
        csrf: What their forms must send along.
        program: Whether a token spoke for them.
    """

    id: int
    email: str
    name: str
    role: str
    csrf: str
    program: bool = False

    def may(self, role: str) -> bool:
        """Whether they have at least this role."""
        return ROLES.index(self.role) >= ROLES.index(role)


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    found: Site = request.app.state.site
    return found


def csrf_of(secret: str) -> str:
    """What forms of a session must send along; tells nothing of the session's secret."""
    return sha256(f"csrf:{secret}".encode()).hexdigest()


def whoever(request: Request) -> Guest | None:
    """Who is asking; None for a stranger."""
    people = site_of(request).edition.project.people
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    person = people.session(secret)
    if person is None:
        return None
    return Guest(person.id, person.email, person.name, person.role, csrf_of(secret))


def guest(request: Request) -> Guest:
    """Who is asking, where strangers are sent to the login.

    Raises:
        LoginNeededError: Nobody is logged in.
        HTTPException: A form came from elsewhere.
    """
    found = whoever(request)
    if found is None:
        raise LoginNeededError
    return found


async def posted(request: Request, who: Annotated[Guest, Depends(guest)]) -> None:
    """Refuse what another site made a browser send.

    Raises:
        HTTPException: It did.
    """
    if request.method in SAFE:
        return
    from_here(request)
    form = await request.form()
    given = request.headers.get("x-csrf-token") or form.get("csrf")
    if not isinstance(given, str) or not hmac.compare_digest(given, who.csrf):
        raise HTTPException(403, "This form is too old, or came from elsewhere. Load it again.")


def from_here(request: Request) -> None:
    """Refuse a request that another site's page made.

    Raises:
        HTTPException: It did.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403, "This came from another site.")
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This came from another site.")


def needs(role: str) -> Callable[[Guest], Guest]:
    """A dependency that lets pass who has at least a role."""

    def check(who: Annotated[Guest, Depends(guest)]) -> Guest:
        if not who.may(role):
            raise HTTPException(403, f"This takes the role {role}; you are a {who.role}.")
        return who

    return check


Viewer = Annotated[Guest, Depends(guest)]
Analyst = Annotated[Guest, Depends(needs("analyst"))]
Admin = Annotated[Guest, Depends(needs("admin"))]
