"""Posts a message to an address that holds a secret; nothing of it is ever said."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from heedful.alerts.failure import DeliveryError

CONNECT_SECONDS, SECONDS = 5.0, 15.0
_WORD = re.compile(r"[a-z]{2,20}(_[a-z]{2,20}){1,4}")
_WAITS = frozenset({429, 503})


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post a body; an answer of 200 to 299 means that it arrived.

    Redirects are not followed: they would carry the message to an address that nobody wrote down.
    Link-local addresses, where clouds keep their machines' credentials, are refused: no one is
    told of anything there, and a mistyped or planted name must not reach them. Private addresses
    are fine: many chats live there.

    Args:
        url: Where to.
        body: What to send.
        headers: Headers beside the usual ones.

    Raises:
        DeliveryError: It did not arrive; it never tells the address or what was answered.
    """
    import httpx

    # At INFO httpx logs whole addresses, and a webhook's address is its password.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    _allowed(url)
    timeout = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            answer = client.post(url, content=body, headers={"User-Agent": "Heedful", **headers})
    except httpx.TimeoutException:
        raise DeliveryError(f"no answer within {SECONDS:.0f} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise DeliveryError(f"no connection: {type(error).__name__}") from None
    if answer.is_success:
        return
    if answer.is_redirect:
        raise DeliveryError(f"answered {answer.status_code}, a redirect; give the final address")
    # Slack answers in words such as no_service; anything else might hold what we sent.
    said = answer.text.strip() if len(answer.content) <= 100 else ""
    word = f" {said}" if _WORD.fullmatch(said) and said not in url else ""
    wait = answer.headers.get("retry-after", "") if answer.status_code in _WAITS else ""
    seconds = timedelta(seconds=int(wait)) if wait.isdecimal() and len(wait) < 7 else None
    raise DeliveryError(f"answered {answer.status_code}{word}", seconds)


def _allowed(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise DeliveryError("the address is none") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise DeliveryError("the address is none; it begins with https://")
    try:
        found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return  # A proxy may know the name; if nobody does, connecting fails and says so.
    for *_, address in found:
        ip = ip_address(str(address[0]).split("%")[0])
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified:
            raise DeliveryError("the address is link-local, where no chat or program listens")
        if str(mapped) == "fd00:ec2::254":
            raise DeliveryError("the address is that of a cloud's metadata")
