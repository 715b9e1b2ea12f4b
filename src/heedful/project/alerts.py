"""Who is told of findings, and where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from heedful.definitions.problem import one_of
from heedful.project.missing import NotFoundError

if TYPE_CHECKING:
    from heedful.alerts.sending import Sending
    from heedful.findings.finding import Finding
    from heedful.ledger.alert import Alert
    from heedful.ledger.alert import Alerts as Rows
    from heedful.project.project import Project


@dataclass(frozen=True)
class Alerts:
    """The alerts of a project."""

    project: Project

    @cached_property
    def _rows(self) -> Rows:
        from heedful.ledger.alert import Alerts as Rows

        return Rows(self.project.ledger)

    @property
    def _sending(self) -> Sending:
        from heedful.alerts.sending import Sending

        return Sending(self._rows, self.project.definitions, os.environ)

    def send(self, now: datetime | None = None) -> int:
        """Write down what is to be told of findings, and send what is due; after each refresh.

        Args:
            now: The present.

        Returns:
            How many messages arrived.
        """
        from heedful.alerts.watching import Watch

        if not self.project.definitions.alerts.channels:
            return 0
        now = now or datetime.now(UTC)
        findings = self.project.findings
        watch = Watch(self._rows, self.project.definitions, findings.as_contract, self._newest)
        watch.look(findings.open(), self._closed, now)
        return self._sending.deliver(now)

    def deliver(self, now: datetime | None = None) -> int:
        """Send what is due: retries, digests, what waited for the end of quiet hours.

        Cheap where nothing is due; to be called every minute or so.

        Args:
            now: The present.

        Returns:
            How many messages arrived.
        """
        if not self.project.definitions.alerts.channels:
            return 0
        return self._sending.deliver(now or datetime.now(UTC))

    def test(self, channel: str, by: str) -> str | None:
        """Send a test to a channel, whatever the hour.

        Args:
            channel: Its id.
            by: Who tests.

        Returns:
            What was not quite right; None where all was.

        Raises:
            NotFoundError: There is no such channel.
            DeliveryError: It did not arrive.
        """
        from heedful.alerts.message import example

        known = self.project.definitions.alerts.channels
        if channel not in known:
            hint = one_of(known, channel) if known else "add it to alerts.yaml"
            raise NotFoundError(f'channel "{channel}" does not exist', hint)
        self.project.audit.add(by, "tested", f"channel {channel}")
        link = self.project.definitions.alerts.link
        message = example(self.project.name, uuid4().hex, datetime.now(UTC), link)
        return self._sending.send(message, known[channel])

    def log(self, limit: int = 200) -> list[Alert]:
        """What was told or is to be told, the newest first; errors hold no secret.

        Args:
            limit: At most so many.
        """
        return self._rows.log(limit)

    def _closed(self, id: str) -> Finding | None:  # noqa: A002 - its name
        try:
            return self.project.findings.get(id)
        except NotFoundError:
            return None

    def _newest(self) -> dict[str, dict[str, date]]:
        """The end of the newest completed period, by grain and KPI, and of any KPI."""
        from heedful.alerts.watching import ANY
        from heedful.kpis.periods import GRAINS

        shelf = self.project.kpis.shelf()
        found: dict[str, dict[str, date]] = {}
        for grain in GRAINS:
            ends: dict[str, date] = {}
            for kpi in shelf.kpis:
                series = shelf.series(kpi, grain)
                place = series.last() if series is not None else None
                if series is not None and place is not None:
                    ends[kpi] = series.end[place].item()
            if ends:
                found[grain] = {**ends, ANY: max(ends.values())}
        return found
