"""The API's door: who may ask, how errors are told, how much is given at a time."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, HTTPException, Request, Security
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from heedful.definitions.problem import ProjectError
from heedful.engines.duckdb import QueryError
from heedful.ledger.refusal import RefusedError
from heedful.web import files
from heedful.web.guest import COOKIE, Guest, LoginNeededError, site_of, whoever

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "/api/v1"
LIMIT, MOST = 10_000, 100_000
Form = Literal["json", "csv", "parquet"]


class Said(BaseModel):
    """What is wrong: what was found; then what is allowed."""

    error: str = Field(
        examples=['KPI "csta" does not exist; allowed: csat, nps (did you mean "csat"?)']
    )


class Asked(BaseModel):
    """Parameters; one that does not exist is refused, so that a typing error is noticed."""

    model_config = ConfigDict(extra="forbid")


class Paged(Asked):
    """Parameters of what may be long."""

    limit: int = Field(
        LIMIT, ge=1, le=MOST, description="At most so many; `next` leads to the rest."
    )
    cursor: str | None = Field(None, max_length=400, description="`next` of the answer before.")
    format: Form = Field(
        "json",
        description="json, csv or parquet. A file has no envelope: the header `Link` leads on. In"
        " CSV, text that a spreadsheet would run as a formula begins with an apostrophe.",
    )


_TOKEN = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of a person, made on /account. It may at most what its person may.",
)
_SESSION = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description="The cookie of a browser that is logged in; for GET only.",
)


def by_token(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(_TOKEN)]
) -> Guest:
    """Whom a token speaks for.

    Raises:
        HTTPException: There is no token, or it does not work.
    """
    person = None
    if given is not None:
        person = site_of(request).edition.project.people.tokens.person(given.credentials)
    if person is None:
        said = "no token came along" if given is None else "this token does not work"
        raise HTTPException(
            401,
            f"{said}; send one made on /account: Authorization: Bearer heedful_...",
            {"WWW-Authenticate": "Bearer"},
        )
    return Guest(person.id, person.email, person.name, person.role, csrf="", program=True)


def by_either(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_TOKEN)],
    _cookie: Annotated[str | None, Security(_SESSION)],
) -> Guest:
    """Whom a token speaks for, or who is logged in.

    Raises:
        HTTPException: A token came that does not work.
        LoginNeededError: Nobody is logged in.
    """
    if request.headers.get("authorization"):
        return by_token(request, given)
    who = whoever(request)
    if who is None:
        raise LoginNeededError
    return who


def _analyst(who: Annotated[Guest, Depends(by_token)]) -> Guest:
    if not who.may("analyst"):
        raise HTTPException(403, f"this takes the role analyst; this token is of a {who.role}")
    return who


Reader = Annotated[Guest, Depends(by_either)]
Worker = Annotated[Guest, Depends(_analyst)]

WRONG: dict[int | str, dict[str, Any]] = {
    400: {"model": Said, "description": "That cannot be asked."},
    401: {"model": Said, "description": "Nobody is logged in, or the token does not work."},
    404: {"model": Said, "description": "Something that was asked for is not there."},
    422: {"model": Said, "description": "A parameter is not what it must be."},
}
NOT_ALLOWED: dict[int | str, dict[str, Any]] = {
    403: {"model": Said, "description": "The role is not enough."}
}
CLASH: dict[int | str, dict[str, Any]] = {
    409: {"model": Said, "description": "It does not go as things stand."}
}
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


class Told(APIRoute):
    """A route whose errors are told as JSON, with the status they deserve."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Handle, and translate what rooms raise."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except QueryError as error:
                raise HTTPException(400, str(error)) from None
            except RefusedError as error:
                raise HTTPException(409, str(error)) from None
            except ProjectError as error:
                said = "; ".join(str(problem) for problem in error.problems[:3])
                raise HTTPException(409, said) from None

        return told


def answer(given: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON: dates are ISO, what is no finite number is null."""
    return JSONResponse(files.plain(given), status, headers=dict(headers or {}))


def table(
    request: Request,
    found: pa.Table,
    asked: Paged,
    name: str,
    version: int | None = None,
    **more: Any,
) -> Response:
    """A page of a table.

    Args:
        request: What it answers.
        found: The whole table.
        asked: How much of it, and in which form.
        name: What its rows are called.
        version: What the table was made from; a cursor of another version is refused.
        more: More fields beside the rows.
    """
    start = _start(request, asked.cursor, version)
    shown = found.slice(start, asked.limit)
    onward = None
    if start + asked.limit < found.num_rows:
        onward = _cursor(request, start + asked.limit, version)
    headers = _link(request, onward)
    if asked.format != "json":
        return files.response(shown, asked.format, name, headers)
    body = {name: files.rows(shown), "next": onward, **more}
    return JSONResponse(body, headers=headers)


def listed(request: Request, found: Sequence[Any], asked: Paged, name: str) -> Response:
    """A page of a list of things that are not flat.

    Args:
        request: What it answers.
        found: All of them.
        asked: How many of them, and in which form; in a file nested values are JSON.
        name: What they are called.
    """
    import pyarrow as pa

    start = _start(request, asked.cursor, None)
    shown = [files.plain(one) for one in found[start : start + asked.limit]]
    rest = start + asked.limit < len(found)
    onward = _cursor(request, start + asked.limit, None) if rest else None
    headers = _link(request, onward)
    if asked.format == "json":
        return JSONResponse({name: shown, "next": onward}, headers=headers)
    names = list(dict.fromkeys(key for one in shown for key in one)) or ["nothing"]
    columns = [_column([one.get(key) for one in shown]) for key in names]
    return files.response(pa.table(columns, names=names), asked.format, name, headers)


def _column(given: list[Any]) -> pa.Array:
    """A column of plain values; nested ones and mixtures as JSON."""
    import pyarrow as pa

    if any(isinstance(one, (dict, list)) for one in given):
        given = [None if one is None else json.dumps(one, ensure_ascii=False) for one in given]
    return pa.array(given)


def _link(request: Request, onward: str | None) -> dict[str, str]:
    if onward is None:
        return {}
    address = request.url.include_query_params(cursor=onward)
    return {"Link": f'<{address.path}?{address.query}>; rel="next"'}


def _about(request: Request) -> str:
    """What a cursor belongs to: the same question."""
    pairs = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in {"cursor", "limit", "format"}
    )
    return sha256(json.dumps([request.url.path, pairs]).encode()).hexdigest()[:12]


def _cursor(request: Request, start: int, version: int | None) -> str:
    text = json.dumps([start, version, _about(request)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _start(request: Request, cursor: str | None, version: int | None) -> int:
    if cursor is None:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        start, of, about = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError):
        start, of, about = None, None, None
    if about != _about(request) or not isinstance(start, int) or not 0 <= start < 2**40:
        raise HTTPException(400, "this cursor is of another question; send `next` as it came")
    if of != version:
        raise HTTPException(
            409, "there was a refresh since this cursor was given; begin without a cursor"
        )
    return start
