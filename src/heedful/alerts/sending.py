"""Sends what waits in the queue: each message by one process, tried again when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from heedful.alerts.failure import DeliveryError
from heedful.alerts.message import Message, message_of
from heedful.alerts.quiet import is_quiet

if TYPE_CHECKING:
    from heedful.definitions.alert import Channel
    from heedful.definitions.project_files import Definitions
    from heedful.ledger.alert import Alert, Alerts


@dataclass(frozen=True)
class Sending:
    """Sends what waits.

    Args:
        queue: The ledger's alerts.
        definitions: The project.
        environment: Environment variables, which hold the secrets.
    """

    queue: Alerts
    definitions: Definitions
    environment: Mapping[str, str]

    def deliver(self, now: datetime) -> int:
        """Send what is due.

        Args:
            now: The present.

        Returns:
            How many messages arrived.
        """
        alerts = self.definitions.alerts
        due = self.queue.waiting(now)
        gone = [each.id for each in due if each.channel not in alerts.channels]
        self.queue.withdraw(gone)
        quiet = is_quiet(alerts.quiet, self.definitions.settings.timezone, now)
        # A message that was tried before goes out as a whole or waits as a whole.
        loud = {each.message for each in due if each.severity in alerts.quiet.but} - {None}
        if quiet:
            due = [e for e in due if e.severity in alerts.quiet.but or e.message in loud]
        arrived = 0
        for name, channel in alerts.channels.items():
            for together in grouped([e for e in due if e.channel == name], alerts.digest.over):
                mine = self.queue.claim(together, now)
                if mine:
                    arrived += self._sent(mine, channel, now)
        return arrived

    def _sent(self, alerts: list[Alert], channel: Channel, now: datetime) -> bool:
        message = message_of(alerts, self.definitions.settings.name, self.definitions.alerts.link)
        try:
            note = self.send(message, channel)
        except DeliveryError as error:
            self.queue.failed(alerts, now, str(error), error.wait)
            return False
        except Exception as error:  # noqa: BLE001 - one channel's fault must not silence the rest
            self.queue.failed(alerts, now, f"a fault of Heedful: {type(error).__name__}")
            return False
        self.queue.sent(alerts, now, note)
        return True

    def send(self, message: Message, channel: Channel) -> str | None:
        """Send one message now.

        Args:
            message: The message.
            channel: Where to.

        Returns:
            What was not quite right.

        Raises:
            DeliveryError: It did not arrive.
        """
        teams = self.definitions.settings.teams
        to = tuple(
            str(teams[one].email) if "@" not in one and one in teams else one for one in channel.to
        )
        module = import_module(f"heedful.alerts.channels.{channel.kind}")
        addressed = channel.model_copy(update={"to": to})
        found: str | None = module.send(message, addressed, dict(self.environment))
        return found


def grouped(alerts: Iterable[Alert], over: int) -> list[list[Alert]]:
    """Alerts of one channel, by the message that is to carry them.

    A message that was tried before goes out again as it was. Of the rest, many become one; what
    waited for the digest always does, and takes with it what else is due.

    Args:
        alerts: What is due.
        over: More than so many become one.
    """
    before: dict[str, list[Alert]] = {}
    fresh: list[Alert] = []
    for each in alerts:
        if each.message:
            before.setdefault(each.message, []).append(each)
        else:
            fresh.append(each)
    found = list(before.values())
    if len(fresh) > over or any(each.payload.get("digest") for each in fresh):
        found.append(fresh)
    else:
        found += [[each] for each in fresh]
    return found
