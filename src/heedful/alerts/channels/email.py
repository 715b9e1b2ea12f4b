"""E-mail, by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from typing import TYPE_CHECKING

from heedful.alerts.failure import DeliveryError, secret
from heedful.ledger.line import one_line

if TYPE_CHECKING:
    from heedful.alerts.message import Item, Message
    from heedful.definitions.alert import Channel

SECONDS = 15.0
PORTS = {"starttls": 587, "ssl": 465, "none": 25}
SUBJECT = 200


def send(message: Message, channel: Channel, environment: dict[str, str]) -> str | None:
    """Send a message.

    Args:
        message: The message.
        channel: Where to; teams were turned into addresses.
        environment: Environment variables, which hold the secrets.

    Returns:
        What was not quite right: addresses that the server did not take.

    Raises:
        DeliveryError: It did not arrive.
    """
    password = secret(environment, channel.password_env) if channel.password_env else None
    letter = written(message, channel)
    try:
        with _connected(channel, letter) as server:
            if channel.user and password is not None:
                server.login(channel.user, password)
            refused = server.send_message(letter)
    except smtplib.SMTPAuthenticationError as error:
        raise DeliveryError(f"the server refused to log in, {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise DeliveryError(f"the server refused every address, {codes[0]}") from None
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"the server answered {error.smtp_code}") from None
    except ssl.SSLError:
        raise DeliveryError("no encrypted connection: the server's certificate or TLS") from None
    except TimeoutError:
        raise DeliveryError(f"no answer within {SECONDS:.0f} seconds") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(f"no connection: {type(error).__name__}") from None
    if not refused:
        return None
    count = len(channel.to)
    return f"the server refused {len(refused)} of {count} addresses"


def _connected(channel: Channel, letter: EmailMessage) -> smtplib.SMTP:
    host = channel.host or ""
    port = channel.port or PORTS[channel.security]
    # What smtplib would find out by itself may take as long as a name server takes to give up.
    name = parseaddr(str(letter["From"]))[1].rpartition("@")[2] or "localhost"
    context = ssl.create_default_context()
    if channel.security == "ssl":
        return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=SECONDS, context=context)
    server = smtplib.SMTP(host, port, local_hostname=name, timeout=SECONDS)
    if channel.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def written(message: Message, channel: Channel) -> EmailMessage:
    """The message as a letter: plain text, and HTML that says the same."""
    sender = one_line(channel.sender or "")
    letter = EmailMessage()
    letter["Subject"] = one_line(message.subject)[:SUBJECT]
    letter["From"] = sender
    letter["To"] = ", ".join(one_line(to) for to in channel.to)
    letter["Date"] = format_datetime(message.made_at)
    letter["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2].strip('>') or 'heedful'}>"
    letter["Heedful-Id"] = message.id
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(_text(message))
    letter.add_alternative(_html(message), subtype="html")
    return letter


def _text(message: Message) -> str:
    parts = [message.subject, ""]
    for item in message.shown():
        parts += [f"{item.sign}: {one_line(item.title)}", one_line(item.says)]
        parts += [f"  {name}: {one_line(value)}" for name, value in item.facts]
        parts += [f"  {item.link}"] if item.link else []
        parts.append("")
    if message.rest():
        parts.append(f"{message.rest()}: {message.link}" if message.link else message.rest())
    return "\n".join(parts)


def _html(message: Message) -> str:
    items = "".join(_item(item) for item in message.shown())
    rest = escape(message.rest())
    if rest and message.link:
        rest = f'<a href="{escape(message.link)}">{rest}</a>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(message.subject)}</title></head>"
        '<body style="font-family: sans-serif; max-width: 40em; color: #222">'
        f"<h1 style='font-size: 1.2em'>{escape(message.subject)}</h1>"
        f"{items}{f'<p>{rest}</p>' if rest else ''}</body></html>"
    )


def _item(item: Item) -> str:
    title = escape(f"{item.sign}: {item.title}")
    if item.link:
        title = f'<a href="{escape(item.link)}">{title}</a>'
    facts = "".join(f"<li>{escape(name)}: {escape(value)}</li>" for name, value in item.facts)
    facts = f"<ul>{facts}</ul>" if facts else ""
    return f"<h2 style='font-size: 1em'>{title}</h2><p>{escape(item.says)}</p>{facts}"
