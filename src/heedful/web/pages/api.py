"""The API's description: OpenAPI for programs, and the same as a page for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, RedirectResponse, Response

from heedful.web.guest import whoever
from heedful.web.pages.api_door import LIMIT, MOST, PREFIX
from heedful.web.render import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

router = APIRouter(prefix=PREFIX, include_in_schema=False)
FOR_PROGRAMS = True
_FIELD = re.compile(r"^ *(\w+): ((?:(?!^ *\w+: ).*\n?)+)", re.MULTILINE)
METHODS = ("get", "post", "patch", "put", "delete")
SAYS = f"""\
The figures of the pages as JSON, CSV and Parquet, under the same names as the command line gives
them.

Send a token of yours with every request: `Authorization: Bearer heedful_...`. It is made on
`/account` and may at most what you may. Errors are JSON: `{{"error": "found; allowed"}}`.

At most {LIMIT:,} rows come at a time unless `limit` says otherwise (up to {MOST:,}); `next` is the
`cursor` that leads to the rest. What is missing, or no finite number, is null. In CSV, text that a
spreadsheet would run as a formula begins with an apostrophe; JSON and Parquet hold it as it is.
"""


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 of an application; made once."""
    kept: dict[str, Any] | None = getattr(app.state, "openapi", None)
    if kept is None:
        kept = get_openapi(
            title="Heedful",
            version=app.version,
            summary=app.summary,
            description=SAYS,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        kept["paths"] = {
            path: one for path, one in kept["paths"].items() if path.startswith(f"{PREFIX}/")
        }
        for schema in kept["components"]["schemas"].values():
            _said(schema)
        app.state.openapi = kept
    return kept


def _said(schema: dict[str, Any]) -> None:
    r"""Give fields of results the words that their docstrings have for them.

    >>> text = "A.\n\nAttributes:\n    a: B\n        c.\n"
    >>> one = {"description": text, "properties": {"a": {}}}
    >>> _said(one)
    >>> one
    {'description': 'A.', 'properties': {'a': {'description': 'B c.'}}}
    """
    head, sign, rest = schema.get("description", "").partition("\n\nAttributes:\n")
    if not sign:
        return
    schema["description"] = head
    for name, says in _FIELD.findall(rest):
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", " ".join(says.split()))


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The description for programs; it holds nothing of any company."""
    return JSONResponse(described(request.app))


@router.get("")
@router.get("/")
def read(request: Request) -> Response:
    """The description for people."""
    who = whoever(request)
    if who is None:
        return RedirectResponse(f"/login?next={PREFIX}/", 303)
    found = described(request.app)
    return page(
        request,
        "api.html",
        who,
        title="API",
        crumbs=(("API", None),),
        groups=_groups(found),
        models=sorted(found["components"]["schemas"].items()),
        base=str(request.base_url).rstrip("/"),
        typed=typed,
        limit=LIMIT,
        most=MOST,
    )


def _groups(found: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in found["paths"].items():
        for method in METHODS:
            if method in operations:
                one = operations[method]
                tag = (one.get("tags") or ["Other"])[0]
                groups.setdefault(tag, []).append({"method": method, "path": path, **one})
    return list(groups.items())


def typed(schema: Mapping[str, Any] | None) -> str:
    """What a schema allows, in a few words.

    >>> typed({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]})
    'date or null'
    >>> typed({"type": "array", "items": {"$ref": "#/components/schemas/Reading"}})
    'list of Reading'
    """
    if not schema:
        return "anything"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(typed(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " | ".join(str(one) for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {typed(schema.get('items'))}"
    return str(schema.get("format") or schema.get("type") or "anything")


def every(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Methods and paths of a description."""
    for path, operations in found["paths"].items():
        yield from ((method, path) for method in METHODS if method in operations)
