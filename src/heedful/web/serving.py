"""Serving a project: the server, and the refresh that runs beside it on a schedule."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.web.site import Site

SCHEDULE = "schedule"
TICK = 20.0
"""Seconds between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to refresh.

    Attributes:
        every: So long after the last one began.
        at: At this time of the day, in the project's timezone.
    """

    every: timedelta | None = None
    at: time | None = None

    def next(self, now: datetime) -> datetime | None:
        """When the next refresh is due; None for never.

        Args:
            now: The present, in the project's timezone.

        >>> from zoneinfo import ZoneInfo
        >>> berlin = ZoneInfo("Europe/Berlin")
        >>> now = datetime(2026, 9, 7, 6, 10, tzinfo=berlin)
        >>> Schedule(at=time(6)).next(now).isoformat(), Schedule().next(now)
        ('2026-09-08T06:00:00+02:00', None)
        """
        if self.every is not None:
            return now + self.every
        if self.at is None:
            return None
        today = now.replace(hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)


class Clock:
    """Refreshes a site on a schedule, in a thread of its own.

    Args:
        site: What is refreshed.
        schedule: When.
    """

    def __init__(self, site: Site, schedule: Schedule) -> None:
        self.site = site
        self.schedule = schedule
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def stop(self) -> None:
        """Wait no more; a refresh that runs goes on."""
        self._stop.set()

    def _run(self) -> None:
        due = self.schedule.next(datetime.now(self.site.edition.zone))
        while not self._stop.wait(TICK):
            now = datetime.now(self.site.edition.zone)
            running = self.site.job is not None and self.site.job.running
            if due is not None and now >= due and not running:
                self.site.refresh(SCHEDULE)
                due = self.schedule.next(now)


def taken(host: str, port: int) -> bool:
    """Whether somebody listens there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError:
            return True
    return False


def serve(
    site: Site,
    *,
    host: str,
    port: int,
    schedule: Schedule,
    secure: bool,
    ready: Callable[[], None],
) -> None:
    """Serve until somebody stops it.

    Args:
        site: What is served.
        host: Address to listen on.
        port: Port to listen on.
        schedule: When to refresh.
        secure: Whether browsers reach it by HTTPS only.
        ready: Called once pages can be loaded.
    """
    import uvicorn

    from heedful.web.app import create_app
    from heedful.web.postman import Postman

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    # Addresses hold one-time links: they are not written to a log.
    config = uvicorn.Config(
        create_app(site, secure=secure),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=secure,
        timeout_graceful_shutdown=3,
    )
    clock, postman = Clock(site, schedule), Postman(site)
    clock.start()
    postman.start()
    try:
        Server(config).run()
    finally:
        clock.stop()
        postman.stop()
