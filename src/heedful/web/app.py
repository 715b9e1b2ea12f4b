"""The application: pages and API of one project."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from heedful.ledger.refusal import RefusedError
from heedful.project import NotFoundError
from heedful.web import assets, login, pages
from heedful.web.guest import LoginNeededError, posted, whoever
from heedful.web.render import page
from heedful.web.security import Headers
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heedful.web.site import Site

API = "/api/"
TITLES = {
    400: "That cannot be asked",
    403: "Not allowed",
    404: "Not found",
    405: "Not allowed",
    422: "That cannot be asked",
    429: "Too often",
    500: "Something broke",
}


def create_app(site: Site, *, secure: bool = False) -> FastAPI:
    """The application of a site.

    Args:
        site: What is served.
        secure: Whether browsers reach it by HTTPS only.
    """
    from heedful import __version__

    app = FastAPI(
        title="Heedful",
        version=__version__,
        summary="KPIs with intervals, the empathy score, findings, experiments and actions.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.site = site
    app.state.secure = secure
    app.include_router(assets.router)
    app.include_router(login.router)
    for found in sorted(pkgutil.iter_modules(pages.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{pages.__name__}.{found.name}")
        router = getattr(module, "router", None)
        if router is not None:
            # What pages change, forms of this site must have sent; programs have their own doors.
            guarded = [] if getattr(module, "FOR_PROGRAMS", False) else [Depends(posted)]
            app.include_router(router, dependencies=guarded)
    app.add_middleware(Headers, secure=secure)
    _errors(app)
    return app


def _errors(app: FastAPI) -> None:
    @app.exception_handler(LoginNeededError)
    def stranger(request: Request, _error: LoginNeededError) -> Response:
        if request.url.path.startswith(API):
            said = "log in, or send a token: Authorization: Bearer ..."
            headers = {"WWW-Authenticate": "Bearer"}
            return JSONResponse({"error": said}, 401, headers=headers)
        asked = request.url.path
        if request.method != "GET":
            return RedirectResponse("/login", 303)
        asked += f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/login?next={quote(asked, safe='')}", 303)

    @app.exception_handler(NotFoundError)
    def missing(request: Request, error: NotFoundError) -> Response:
        return _wrong(request, 404, error.found, error.allowed)

    @app.exception_handler(RefusedError)
    def not_allowed(request: Request, error: RefusedError) -> Response:
        return _wrong(request, 400, str(error), "")

    @app.exception_handler(ViewError)
    def odd(request: Request, error: ViewError) -> Response:
        found, _, allowed = str(error).partition("; ")
        return _wrong(request, 400, found, allowed)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return _wrong(request, 422, f"{place}: {first['msg']}", "")

    @app.exception_handler(StarletteHTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        said = str(error.detail)
        if error.status_code == 404 and said == "Not Found":
            said = f"There is no page {request.url.path}"
        return _wrong(request, error.status_code, said, "", error.headers)

    @app.exception_handler(Exception)
    def broken(request: Request, _error: Exception) -> Response:
        # The log of the server has the traceback; who reads the page is not the one to read it.
        said = "This page failed. Nothing was changed by it; the server's log says more"
        return _wrong(request, 500, said, "")


def _wrong(
    request: Request,
    status: int,
    found: str,
    allowed: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What went wrong, as a page or as JSON."""
    if request.url.path.startswith(API):
        said = f"{found}; {allowed}" if allowed else found
        return JSONResponse({"error": said}, status, headers=dict(headers or {}))
    who = None if status == 500 else whoever(request)
    answer: Response = page(
        request,
        "wrong.html",
        who,
        title=TITLES.get(status, "That did not work"),
        status=status,
        found=found,
        allowed=allowed,
    )
    return answer
