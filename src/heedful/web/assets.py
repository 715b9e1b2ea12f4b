"""Sheet, script and the chart library: served from here, named by their content, kept for long."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources

from fastapi import APIRouter, Request
from fastapi.responses import Response

from heedful.web.readout_sheet import readout_sheet
from heedful.web.sheet import sheet

router = APIRouter(include_in_schema=False)
FOREVER = "public, max-age=31536000, immutable"
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-3 -6 32 32"><g fill="none" stroke="#00608a"'
    ' stroke-width="3" stroke-linecap="round"><path d="M6 2C2.4 6.6 2.4 13.4 6 18M20 2c3.6 4.6 3.6'
    ' 11.4 0 16"/></g><circle cx="13" cy="10" r="4" fill="#00608a"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages use.

    Attributes:
        name: Its name, which holds a hash of its content.
        kind: Its media type.
        plain: Its bytes.
        packed: The same, gzipped.
    """

    name: str
    kind: str
    plain: bytes
    packed: bytes


@cache
def asset(name: str) -> Asset:
    """One of `heedful.css`, `readout.css`, `heedful.js`, `charts.js` and `icon.svg`.

    Raises:
        KeyError: There is no other.
    """
    texts: dict[str, tuple[str, Callable[[], str]]] = {
        "heedful.css": ("text/css", sheet),
        "readout.css": ("text/css", readout_sheet),
        "heedful.js": ("text/javascript", _script),
        "charts.js": ("text/javascript", _charts),
        "icon.svg": ("image/svg+xml", lambda: ICON),
    }
    kind, text = texts[name]
    plain = text().encode()
    stem, _, end = name.rpartition(".")
    named = f"{stem}-{sha256(plain).hexdigest()[:12]}.{end}"
    return Asset(named, kind, plain, gzip.compress(plain, 6, mtime=0))


def _script() -> str:
    return (resources.files("heedful.web") / "static" / "heedful.js").read_text(encoding="utf-8")


def _charts() -> str:
    import vl_convert

    # The library's own stub asks for a snippet; without one it gives everything, vegaEmbed first.
    return str(vl_convert.javascript_bundle(None))  # type: ignore[arg-type]


def address(name: str) -> str:
    """Where an asset is found."""
    return f"/static/{asset(name).name}"


@router.get("/static/{name}")
def serve(name: str, request: Request) -> Response:
    """One asset."""
    stem, _, rest = name.rpartition("-")
    try:
        found = asset(f"{stem}.{rest.partition('.')[2]}")
    except KeyError:
        return Response("no such file", 404)
    if found.name != name:
        return Response("no such file", 404)
    headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            found.packed, media_type=found.kind, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(found.plain, media_type=found.kind, headers=headers)


@router.get("/favicon.ico")
def icon() -> Response:
    """The icon, for browsers that look only here."""
    return Response(asset("icon.svg").plain, media_type="image/svg+xml")
