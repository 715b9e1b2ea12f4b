"""Slack, and what understands its incoming webhooks, such as Mattermost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heedful.alerts.failure import secret
from heedful.alerts.posting import post

if TYPE_CHECKING:
    from heedful.alerts.message import Item, Message
    from heedful.definitions.alert import Channel

TITLE, SECTION = 150, 2900
"""Characters that Slack takes: 150 of a header, 3,000 of a section."""


def send(message: Message, channel: Channel, environment: dict[str, str]) -> str | None:
    """Send a message.

    Args:
        message: The message.
        channel: Where to.
        environment: Environment variables, which hold the secrets.

    Returns:
        What was not quite right.

    Raises:
        DeliveryError: It did not arrive.
    """
    content = json.dumps(payload(message), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Heedful-Id": message.id}
    post(secret(environment, channel.url_env or ""), content, headers)
    return None


def payload(message: Message) -> dict[str, Any]:
    """The message as Slack takes it: blocks, and a text for notifications."""
    header = {"type": "plain_text", "text": _cut(message.subject, TITLE), "emoji": False}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    for item in message.shown():
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": _section(item)}})
        if item.facts:
            said = " · ".join(f"{escaped(name)}: {escaped(value)}" for name, value in item.facts)
            element = {"type": "mrkdwn", "text": _cut(said, SECTION)}
            blocks.append({"type": "context", "elements": [element]})
    if message.rest():
        rest = f"{message.rest()}: <{message.link}|see all>" if message.link else message.rest()
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": rest}]})
    return {"text": escaped(message.subject), "blocks": blocks}


def escaped(text: str) -> str:
    """Text that neither links nor calls anyone.

    >>> escaped("<!channel> 5 < 6 & more")
    '&lt;!channel&gt; 5 &lt; 6 &amp; more'
    """
    plain = " ".join(text.split())
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(item: Item) -> str:
    title = escaped(_cut(item.title, 500))
    # A bar would end the address, and a star the bold type.
    shown = title.replace("|", "¦").replace("*", "∗")
    linked = f"<{item.link}|{shown}>" if item.link else shown
    return f"*{item.sign}: {linked}*\n{escaped(_cut(item.says, 1800))}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
