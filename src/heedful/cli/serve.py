"""`heedful serve`: the dashboard and the API of a project."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.options import Folder, opened
from heedful.cli.printing import err, out

if TYPE_CHECKING:
    from heedful.project import Project

PORT = 8700
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def a_time(text: str) -> time:
    """A time of the day given on the command line."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is no time; allowed: such as 06:00') from None


def a_span(text: str) -> timedelta:
    """A stretch of time given on the command line.

    >>> a_span("90m"), a_span("6h")
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=21600))
    """
    units = {"m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in units or int(number) == 0:
        raise typer.BadParameter(f'"{text}" is no time span; allowed: such as 30m, 6h or 1d')
    return timedelta(**{units[unit]: int(number)})


def serve(
    project: Folder = Path(),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = PORT,
    at: Annotated[
        time | None,
        typer.Option("--refresh-at", parser=a_time, metavar="HH:MM", help="Refresh daily then."),
    ] = None,
    every: Annotated[
        timedelta | None,
        typer.Option("--refresh-every", parser=a_span, metavar="SPAN", help="Such as 30m or 6h."),
    ] = None,
    https: Annotated[
        bool,
        typer.Option("--https", help="Browsers reach it by HTTPS, through a proxy that you run."),
    ] = False,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="URL", help="How others reach it; for printed links."),
    ] = None,
) -> None:
    """Open the dashboard: pages for people, JSON under /api/v1/ for programs."""
    from heedful.web.serving import Schedule, serve, taken
    from heedful.web.site import Site

    if at and every:
        raise typer.BadParameter("give --refresh-at or --refresh-every, not both")
    found = opened(project)
    if port and taken(host, port):
        err.print(
            f"Port {port} on {host} is in use. Another heedful serve? Choose one: --port {port + 1}"
        )
        raise typer.Exit(1)
    err.print(f"Reading {found.name} ...")
    site = Site(found.root)
    base = (address or f"{'https' if https else 'http'}://{_shown(host)}:{port}").rstrip("/")

    def ready() -> None:
        _welcome(found, site.edition.shelf.kpis, base)
        if host not in LOOPBACK and not https:
            err.print(
                "Passwords travel in the clear: put a proxy with HTTPS before it, and say --https."
            )

    serve(
        site,
        host=host,
        port=port,
        schedule=Schedule(every, at),
        secure=https,
        ready=ready,
    )


def _shown(host: str) -> str:
    """A host as browsers on this machine reach it."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _welcome(project: Project, measured: frozenset[str], base: str) -> None:
    """Say where it is, and how to come in the first time."""
    out.print(f"\n[bold]{project.name}[/bold] is served on {base}")
    link = project.people.first_link()
    if link is not None:
        out.print(f"First login, works once, for 24 hours:\n  {base}/enter/{link}", markup=False)
    if not measured:
        err.print("Nothing is measured yet: heedful import, then heedful refresh.")
    err.print("Ctrl-C stops it.")
