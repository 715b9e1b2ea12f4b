"""Microsoft Teams: an adaptive card, as its workflows take it from a webhook."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from heedful.alerts.failure import secret
from heedful.alerts.message import MOST
from heedful.alerts.posting import post

if TYPE_CHECKING:
    from heedful.alerts.message import Item, Message
    from heedful.definitions.alert import Channel

CARD = "application/vnd.microsoft.card.adaptive"
BYTES = 27_000
"""Teams takes messages of 28 KB."""
_MARKED = re.compile(r"([\\`*_\[\]])|^([-+#>])|^([0-9]+)(?=\.)")


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
    content = fitted(message)
    headers = {"Content-Type": "application/json; charset=utf-8", "Heedful-Id": message.id}
    post(secret(environment, channel.url_env or ""), content, headers)
    return None


def fitted(message: Message) -> bytes:
    """The message with as many findings as Teams has room for."""
    most = MOST
    while True:
        content = json.dumps(payload(message, most), ensure_ascii=False).encode()
        if len(content) <= BYTES or most == 1:
            return content
        most -= 1


def payload(message: Message, most: int) -> dict[str, Any]:
    """The message as Teams takes it: a card in an envelope.

    Args:
        message: The message.
        most: At most so many findings are named.
    """
    head = _text(message.subject, size="Medium", weight="Bolder")
    body = [head, *(_item(item) for item in message.shown(most))]
    if message.rest(most):
        body.append(_text(message.rest(most), isSubtle=True))
    single = message.items[0].link if len(message.items) == 1 else None
    where = single or message.link
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if where:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open Heedful", "url": where}]
    return {
        "type": "message",
        "attachments": [{"contentType": CARD, "contentUrl": None, "content": card}],
    }


def _item(item: Item) -> dict[str, Any]:
    inside = [_text(f"{item.sign}: {item.title[:500]}", weight="Bolder"), _text(item.says[:1000])]
    if item.facts:
        facts = [{"title": escaped(name), "value": escaped(value)} for name, value in item.facts]
        inside.append({"type": "FactSet", "facts": facts})
    return {"type": "Container", "separator": True, "items": inside}


def _text(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escaped(text), "wrap": True, **style}


def escaped(text: str) -> str:
    r"""Text whose signs mean nothing to the little Markdown that cards know.

    >>> escaped("*[x](http://y)*"), escaped("# 1 - 2")
    ('\\*\\[x\\](http://y)\\*', '\\# 1 - 2')
    """

    def quieted(match: re.Match[str]) -> str:
        sign, first, number = match.groups()
        return f"{number}\\" if number else f"\\{sign or first}"

    return _MARKED.sub(quieted, " ".join(text.split()))
