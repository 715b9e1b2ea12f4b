"""Which findings are told: those that opened, got worse or ended since a channel is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heedful.alerts.quiet import next_digest
from heedful.alerts.routing import channels_of
from heedful.alerts.telling import told
from heedful.kpis.periods import midnight
from heedful.ledger.alert import CHANNEL_ON

if TYPE_CHECKING:
    from heedful.definitions.project_files import Definitions
    from heedful.findings.finding import Finding
    from heedful.ledger.alert import Alert, Alerts

Ends = Mapping[str, Mapping[str, date]]
"""The end of the newest completed period, by grain and KPI; that of any KPI under `ANY`."""
ANY = ""
SEVERITIES = ("info", "watch", "act")
SLACK = timedelta(days=1)
"""A period ends at midnight of some timezone; findings of the newest one are never lost by that."""
STEP = 0.25
"""A value is clearly worse only if it also went a quarter as far again as it had gone."""


@dataclass
class Watch:
    """Compares findings with what each channel was told, and writes down what is new.

    Args:
        queue: The ledger's alerts.
        definitions: The project.
        contract: Gives a finding as outside tools know it.
        newest: Gives the ends of the newest completed periods; asked only when a channel is new.
    """

    queue: Alerts
    definitions: Definitions
    contract: Callable[[Finding], Mapping[str, Any]]
    newest: Callable[[], Ends]
    _contracts: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def look(
        self,
        open_: Iterable[Finding],
        closed: Callable[[str], Finding | None],
        now: datetime,
    ) -> int:
        """Write down what is to be told.

        Args:
            open_: Findings that are open.
            closed: Gives a finding that is not open any more; None where it is gone.
            now: The present.

        Returns:
            How many things are to be told.
        """
        findings = list(open_)
        going = {finding.id: channels_of(self.definitions.alerts, finding) for finding in findings}
        added = 0
        for channel in self.definitions.alerts.channels:
            since = self._since(channel, findings, now)
            known = self.queue.of(channel)
            latest = _latest(known)
            for finding in findings:
                digest = going[finding.id].get(channel)
                if digest is not None:
                    last = latest.get(finding.id)
                    added += self._told(channel, finding, last, since, now, digest=digest)
            present = {finding.id for finding in findings}
            added += self._ended(channel, known, present, closed, now)
        return added

    def _since(self, channel: str, findings: list[Finding], now: datetime) -> Ends:
        """The newest periods when the channel was switched on."""
        first = self.queue.on(channel)
        if first is None:
            payload = {"since": self.newest()}
            self.queue.add("", CHANNEL_ON, channel, payload, state="seen", now=now)
            first = self.queue.on(channel)
        if first is None:
            raise AssertionError(f"{channel} was just switched on")
        given: Mapping[str, Mapping[str, str]] = first.payload["since"]
        since = {
            grain: {kpi: date.fromisoformat(end) for kpi, end in ends.items()}
            for grain, ends in given.items()
        }
        # What was there before is known from now on, also where no route is for it yet: if it
        # gets worse, that is news.
        if first.made_at == now:
            for finding in findings:
                if self._old(finding, since):
                    self._add(channel, finding, "open", now, digest=False, seen=True)
        return since

    def _told(
        self,
        channel: str,
        finding: Finding,
        last: Alert | None,
        since: Ends,
        now: datetime,
        *,
        digest: bool,
    ) -> int:
        if last is None:
            old = self._old(finding, since)
            return self._add(channel, finding, "open", now, digest=digest, seen=old)
        if worse(finding, last):
            event = f"worse {finding.period_start}"
            return self._add(channel, finding, event, now, digest=digest)
        return 0

    def _old(self, finding: Finding, since: Ends) -> bool:
        """Whether it was there before the channel was.

        A finding opens at the end of its period, which is known in full only when the windows of
        its KPIs are over, weeks later for some: what was newest is asked KPI by KPI.
        """
        ends = since.get(finding.grain, {})
        known = [ends[leg.kpi] for leg in finding.legs if leg.kpi in ends]
        end = min(known, default=ends.get(ANY))
        if end is None:
            return False
        zone = self.definitions.settings.timezone
        return finding.opened_at < midnight(end, zone) - SLACK

    def _ended(
        self,
        channel: str,
        known: list[Alert],
        present: set[str],
        closed: Callable[[str], Finding | None],
        now: datetime,
    ) -> int:
        over = {each.finding for each in known if each.event == "closed"}
        gone = {each.finding for each in known if each.finding} - present - over
        added = 0
        for name in sorted(gone):
            mine = [each for each in known if each.finding == name]
            finding = closed(name)
            if finding is None or finding.state != "closed":
                continue
            # What was never told need not be told to have ended.
            self.queue.withdraw(each.id for each in mine if each.state == "waiting")
            if any(each.state in {"sent", "sending"} for each in mine):
                added += self._add(channel, finding, "closed", now, digest=True)
        return added

    def _add(
        self,
        channel: str,
        finding: Finding,
        event: str,
        now: datetime,
        *,
        digest: bool,
        seen: bool = False,
    ) -> int:
        if finding.id not in self._contracts:
            self._contracts[finding.id] = self.contract(finding)
        settings = self.definitions.settings
        at = self.definitions.alerts.digest
        added = self.queue.add(
            finding.id,
            event,
            channel,
            told(finding, self._contracts[finding.id], settings, digest=digest),
            state="seen" if seen else "waiting",
            now=now,
            due=next_digest(at, settings.timezone, now) if digest else now,
            severity=finding.severity,
            value=finding.value,
        )
        return int(added and not seen)


def _latest(known: list[Alert]) -> dict[str, Alert]:
    """What was last told of each finding while it was open."""
    return {
        each.finding: each
        for each in known
        if each.event == "open" or each.event.startswith("worse ")
    }


def worse(finding: Finding, last: Alert) -> bool:
    """Whether a finding is worse than when it was last told.

    Either it is graver, or its value went on in the bad direction, clearly: what was told then
    lies outside today's interval, and the step is not small beside the finding itself.

    Args:
        finding: The finding now.
        last: What was last told of it.
    """
    if last.severity in SEVERITIES and SEVERITIES.index(finding.severity) > SEVERITIES.index(
        last.severity
    ):
        return True
    main = next((leg for leg in finding.legs if leg.role == "main"), None)
    if main is None or main.verdict != "worse" or main.now is None or last.value is None:
        return False
    if main.before is None or main.low is None or main.high is None:
        return False
    upward = main.now > main.before
    step = main.now - last.value if upward else last.value - main.now
    far = STEP * abs(last.value - main.before)
    clear = main.low > last.value if upward else main.high < last.value
    return clear and step > far
