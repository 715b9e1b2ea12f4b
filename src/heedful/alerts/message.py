"""A message: one finding, or many in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from heedful.ledger.alert import Alert

MOST = 20
"""Findings that one message names; more would not be read."""

_WORDS = {"act": "Act", "watch": "Watch", "info": "Know"}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a message tells.

    Attributes:
        event: open, worse or closed.
        finding: Id of the finding.
        title: Its headline.
        says: One or two sentences.
        severity: info, watch or act.
        facts: What else there is: name and value.
        link: Where to read on; None where nobody said where the dashboard is.
        contract: The finding as outside tools know it.
    """

    event: str
    finding: str
    title: str
    says: str
    severity: str
    facts: tuple[tuple[str, str], ...]
    link: str | None
    contract: Mapping[str, Any]

    @property
    def sign(self) -> str:
        """A word for what it is."""
        if self.event == "closed":
            return "Ended"
        return "Worse" if self.event == "worse" else _WORDS.get(self.severity, "Know")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Attributes:
        id: The same at every try, so that who receives it twice can tell.
        project: What the project calls itself.
        items: What it tells, the gravest first.
        made_at: When it was written down; the same at every try.
        link: Where to see all; None where nobody said where the dashboard is.
        test: Whether it only tries out a channel.
    """

    id: str
    project: str
    items: tuple[Item, ...]
    made_at: datetime
    link: str | None = None
    test: bool = False

    def shown(self, most: int = MOST) -> tuple[Item, ...]:
        """Those that are named.

        Args:
            most: At most so many.
        """
        return self.items[:most]

    def rest(self, most: int = MOST) -> str:
        """What is said of those that are not; empty without any.

        Args:
            most: How many are named.
        """
        more = len(self.items) - most
        return f"and {more} more" if more > 0 else ""

    @property
    def subject(self) -> str:
        """One line that says it."""
        if self.test:
            return f"{self.project}: a test of this channel"
        if len(self.items) == 1:
            return f"{self.project}: {self.items[0].sign}: {self.items[0].title}"
        counts = [
            (sum(one.event == "open" for one in self.items), "new"),
            (sum(one.event == "worse" for one in self.items), "worse"),
            (sum(one.event == "closed" for one in self.items), "ended"),
        ]
        parts = ", ".join(f"{count} {word}" for count, word in counts if count)
        return f"{self.project}: {len(self.items)} findings: {parts}"


def message_of(alerts: Sequence[Alert], project: str, link: str | None) -> Message:
    """The message that carries some alerts.

    Args:
        alerts: What it carries; they know the message's id.
        project: What the project calls itself.
        link: Where people reach the dashboard.
    """
    order = {"act": 0, "watch": 1, "info": 2}
    items = sorted(
        (_item(each, link) for each in alerts),
        key=lambda one: (
            one.event == "closed",
            order.get(one.severity, 3),
            one.contract.get("rank") or inf,
            one.finding,
        ),
    )
    made = max(each.made_at for each in alerts)
    where = f"{link}/findings" if link else None
    return Message(alerts[0].message or "", project, tuple(items), made, where)


def _item(alert: Alert, link: str | None) -> Item:
    told = alert.payload
    return Item(
        event=alert.event.split(" ")[0],
        finding=alert.finding,
        title=str(told["title"]),
        says=str(told["says"]),
        severity=str(told["severity"]),
        facts=tuple((str(name), str(value)) for name, value in told["facts"]),
        link=f"{link}/findings/{quote(alert.finding, safe='')}" if link else None,
        contract=told["contract"],
    )


def example(project: str, id: str, now: datetime, link: str | None) -> Message:  # noqa: A002 - its name
    """A message that tries out a channel.

    Args:
        project: What the project calls itself.
        id: The message's id.
        now: The present.
        link: Where people reach the dashboard.
    """
    item = Item(
        event="open",
        finding="test",
        title="This is a test",
        says="Findings of this project will be told here.",
        severity="info",
        facts=(),
        link=link,
        contract={"id": "test", "kind": "data", "state": "closed", "severity": "info"},
    )
    return Message(id, project, (item,), now, link, test=True)
