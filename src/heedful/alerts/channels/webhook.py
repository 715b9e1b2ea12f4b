"""A program of your own: JSON, signed."""

from __future__ import annotations

import hmac
import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING

from heedful.alerts.failure import secret
from heedful.alerts.posting import post

if TYPE_CHECKING:
    from heedful.alerts.message import Message
    from heedful.definitions.alert import Channel

SIGNATURE, ID = "Heedful-Signature", "Heedful-Id"


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
    url = secret(environment, channel.url_env or "")
    key = secret(environment, channel.secret_env or "")
    content = body(message)
    headers = {
        "Content-Type": "application/json",
        ID: message.id,
        SIGNATURE: signature(key, content, int(time.time())),
    }
    post(url, content, headers)
    return None


def body(message: Message) -> bytes:
    """The message as JSON; the same at every try."""
    found = {
        "id": message.id,
        "project": message.project,
        "made_at": message.made_at.isoformat(),
        "test": message.test,
        "events": [
            {"event": item.event, "finding": dict(item.contract), "link": item.link}
            for item in message.items
        ],
    }
    return json.dumps(found, ensure_ascii=False, default=str, allow_nan=False).encode()


def signature(key: str, content: bytes, at: int) -> str:
    """The header that proves who sent a body, and when.

    Args:
        key: What both sides know.
        content: The body.
        at: Seconds since 1970.

    >>> signature("key", b"{}", 1)[:20]
    't=1,v1=1ba6b8171186e'
    """
    code = hmac.new(key.encode(), f"{at}.".encode() + content, sha256).hexdigest()
    return f"t={at},v1={code}"
