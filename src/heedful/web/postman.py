"""Sends alerts that become due while a site is served: retries, digests, after quiet hours."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.web.site import Site

SECONDS = 60.0
logger = logging.getLogger(__name__)


class Postman:
    """Looks every minute for what is due, in a thread of its own.

    Args:
        site: Whose alerts.
        seconds: How long to wait between two looks.
    """

    def __init__(self, site: Site, seconds: float = SECONDS) -> None:
        self.site = site
        self.seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a message that is being sent is sent."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self.seconds):
            try:
                self.site.edition.project.alerts.deliver()
            except Exception as error:  # noqa: BLE001 - the next look may do better
                # Its name only: what it says may hold an address that is a secret.
                logger.warning("alerts could not be sent: %s", type(error).__name__)
