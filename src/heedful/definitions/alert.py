"""`alerts.yaml`: who is told of findings, where, and when not."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from heedful.definitions.fields import Model, Text, wrong

ChannelKind = Literal["email", "slack", "teams", "webhook"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEEDED: dict[str, tuple[str, ...]] = {
    "email": ("host", "sender", "to"),
    "slack": ("url_env",),
    "teams": ("url_env",),
    "webhook": ("url_env", "secret_env"),
}
_ALLOWED: dict[str, tuple[str, ...]] = {
    "email": ("host", "port", "security", "user", "password_env", "sender", "to"),
    "slack": ("url_env",),
    "teams": ("url_env",),
    "webhook": ("url_env", "secret_env"),
}
_WRITTEN = {"sender": "from"}


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise wrong("{name} {value} is not a time of day", 'allowed: such as "08:00"')
    return text


def _variable(name: str) -> str:
    # What stands here by mistake may be the secret itself: it is not shown.
    if not _VARIABLE.fullmatch(name):
        raise wrong(
            "{name} is not the name of an environment variable",
            "put the secret into a variable such as HEEDFUL_SLACK_URL and its name here",
        )
    return name


def clock(text: str) -> time:
    """A time of day.

    >>> clock("08:30")
    datetime.time(8, 30)
    """
    return time.fromisoformat(text)


Clock = Annotated[
    str, Field(json_schema_extra={"pattern": f"^({_CLOCK.pattern})$"}), AfterValidator(_clock)
]
Variable = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^{_VARIABLE.pattern}$"}),
    AfterValidator(_variable),
]


class Channel(Model):
    """A place where people are told."""

    kind: ChannelKind
    """email, slack, teams or webhook."""
    url_env: Variable | None = None
    """slack, teams, webhook: the environment variable that holds the address."""
    secret_env: Variable | None = None
    """webhook: the environment variable that holds the key it is signed with."""
    host: Text | None = None
    """email: the SMTP server."""
    port: Annotated[int | None, Field(gt=0, le=65535)] = None
    """email: its port; 587, with ssl 465, with none 25."""
    security: Literal["starttls", "ssl", "none"] = "starttls"
    """email: how the connection is encrypted; none is for a server on this machine."""
    user: Text | None = None
    """email: who logs in; nobody does without it."""
    password_env: Variable | None = None
    """email: the environment variable that holds the password."""
    sender: Annotated[Text | None, Field(alias="from")] = None
    """email: the address it comes from."""
    to: tuple[Text, ...] = ()
    """email: addresses, or teams that have one."""

    @model_validator(mode="after")
    def _whole(self) -> Channel:
        for name in _NEEDED[self.kind]:
            if not getattr(self, name):
                written = _WRITTEN.get(name, name)
                raise wrong(f"{written} is missing", f"{self.kind} needs it", at=(written,))
        for name in sorted(self.model_fields_set - {"kind"} - set(_ALLOWED[self.kind])):
            written = _WRITTEN.get(name, name)
            raise wrong(f"{written} is not for {self.kind}", "leave it out", at=(written,))
        if (self.user is None) != (self.password_env is None):
            given, missing = ("user", "password_env")[:: 1 if self.user else -1]
            raise wrong(f"{given} is given without {missing}", f"add {missing}", at=(given,))
        if self.security == "none" and self.user:
            raise wrong(
                "the password would cross the network unencrypted",
                "choose security starttls or ssl, or leave out user",
                at=("security",),
            )
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """The environment variables that it needs."""
        named = (self.url_env, self.secret_env, self.password_env)
        return tuple(name for name in named if name)


class Route(Model):
    """Which findings go where. What is not said does not matter."""

    channels: tuple[Text, ...] = ()
    """Where they go; all channels without."""
    severities: Annotated[tuple[Literal["info", "watch", "act"], ...], Field(min_length=1)] = (
        "watch",
        "act",
    )
    """How grave they are."""
    kinds: tuple[Literal["threshold", "change", "mismatch", "data"], ...] = ()
    """What sort they are of."""
    owners: tuple[Text, ...] = ()
    """The teams that own them."""
    stages: tuple[Text, ...] = ()
    """Their stages; a finding about all stages fits any."""
    send: Literal["at_once", "digest"] = "at_once"
    """Whether at once, or with the next digest."""


class Digest(Model):
    """Many things in one message."""

    at: Clock = "08:00"
    """When it is sent, in the project's timezone: what waits for it, and what has ended."""
    over: Annotated[int, Field(gt=0)] = 3
    """More than so many at once become one message."""


class Quiet(Model):
    """When nobody is told."""

    start: Annotated[Clock | None, Field(alias="from")] = None
    """When it begins, in the project's timezone."""
    until: Clock | None = None
    """When it ends."""
    days: tuple[Weekday, ...] = ()
    """Days that are quiet from midnight to midnight."""
    but: tuple[Literal["info", "watch", "act"], ...] = ()
    """Severities that are sent nevertheless."""

    @model_validator(mode="after")
    def _whole(self) -> Quiet:
        if (self.start is None) != (self.until is None):
            given, missing = ("from", "until")[:: 1 if self.start else -1]
            raise wrong(f"{given} is given without {missing}", f"add {missing}", at=(given,))
        if self.start is not None and self.start == self.until:
            raise wrong("from and until are the same time", "say when it ends", at=("until",))
        return self


class AlertsDefinition(Model):
    """`alerts.yaml`."""

    link: Text | None = None
    """Where people reach the dashboard, for links: such as https://heedful.acme.example."""
    channels: dict[str, Channel] = Field(default={})
    """Where people are told, by id."""
    routes: tuple[Route, ...] = ()
    """Which findings go where; without any, those to watch or act on go everywhere at once."""
    digest: Digest = Digest()
    """Many things in one message."""
    quiet: Quiet = Quiet()
    """When nobody is told."""

    @field_validator("link")
    @classmethod
    def _address(cls, link: str | None) -> str | None:
        if link is not None and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", link):
            allowed = "allowed: such as https://heedful.acme.example"
            raise wrong("{name} {value} is not an address", allowed)
        return link.rstrip("/") if link else link
