"""Checks what `alerts.yaml` says against the rest of the project and the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heedful.definitions.alert import AlertsDefinition, Quiet, clock
from heedful.definitions.entry import Entry, not_a_name, unnamed
from heedful.definitions.problem import Problem, did_you_mean, one_of
from heedful.definitions.references import Draft, stage_problem

FILE = "alerts.yaml"


def alert_problems(draft: Draft) -> Iterator[Problem]:
    """Yield each name in `alerts.yaml` that leads nowhere."""
    entry = draft.alerts
    if entry is None:
        return
    alerts = entry.value
    for name in unnamed(alerts.channels):
        line = entry.document.line(("channels", name))
        yield not_a_name(FILE, line, "channel", name)
    if "channels" not in entry.broken:
        yield from _recipients(draft, entry)
    if "routes" not in entry.broken:
        yield from _routes(draft, entry)


def _recipients(draft: Draft, entry: Entry[AlertsDefinition]) -> Iterator[Problem]:
    teams = draft.settings.value.teams
    for name, channel in entry.value.channels.items():
        if channel.sender is not None and not _address(channel.sender):
            found = f'"{channel.sender}" is no e-mail address'
            yield entry.problem(("channels", name, "from"), found, "allowed: such as a@b.example")
        for index, to in enumerate(channel.to):
            place = ("channels", name, "to", index)
            if "@" in to:
                if not _address(to):
                    yield entry.problem(place, f'"{to}" is no e-mail address')
            elif draft.teams is not None and to not in draft.teams:
                hint = f"allowed: an address, or a team{did_you_mean(to, draft.teams)}"
                yield entry.problem(place, f'"{to}" is neither an address nor a team', hint)
            elif to in teams and not teams[to].email:
                yield entry.problem(
                    place, f'team "{to}" has no email', "add it under teams in heedful.yaml"
                )


def _address(text: str) -> bool:
    name, sign, host = text.rpartition("@")
    plain = text.isprintable() and not any(c.isspace() or c in '<>",;:()[]\\' for c in text)
    return bool(name and sign and host and plain)


def _routes(draft: Draft, entry: Entry[AlertsDefinition]) -> Iterator[Problem]:
    known = entry.value.channels
    teams = draft.teams
    for index, route in enumerate(entry.value.routes):
        for number, name in enumerate(route.channels):
            if "channels" not in entry.broken and name not in known:
                allowed = one_of(known, name) if known else "add it under channels"
                place = ("routes", index, "channels", number)
                yield entry.problem(place, f'channel "{name}" does not exist', allowed)
        for number, owner in enumerate(route.owners):
            if teams is not None and owner not in teams:
                place = ("routes", index, "owners", number)
                yield entry.problem(place, f'owner "{owner}" is not a team', one_of(teams, owner))
        for number, stage in enumerate(route.stages):
            yield from stage_problem(draft, entry, ("routes", index, "stages", number), stage)


def alert_warnings(draft: Draft, environment: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is allowed in `alerts.yaml` and yet will not work, or not as someone hopes.

    Args:
        draft: The project's files.
        environment: Environment variables.
    """
    entry = draft.alerts
    if entry is None:
        return
    alerts = entry.value
    if "channels" not in entry.broken:
        for name, channel in alerts.channels.items():
            for field in ("url_env", "secret_env", "password_env"):
                variable = getattr(channel, field)
                if variable and not environment.get(variable):
                    place = ("channels", name, field)
                    found = f"{variable} is not set here"
                    yield entry.problem(place, found, f"nothing can be sent to {name} without it")
        if alerts.routes and "routes" not in entry.broken:
            yield from _unused(entry)
    if not alerts.link and alerts.channels and "link" not in entry.broken:
        yield entry.problem((), "link is missing", "messages cannot link to the dashboard")
    if not entry.broken & {"quiet", "digest"} and _inside(alerts.digest.at, alerts.quiet):
        yield entry.problem(
            ("digest", "at"),
            f"the digest of {alerts.digest.at} falls into quiet hours",
            f"it is sent at {alerts.quiet.until}, when they end",
        )


def _unused(entry: Entry[AlertsDefinition]) -> Iterator[Problem]:
    used = {name for route in entry.value.routes for name in route.channels}
    if any(not route.channels for route in entry.value.routes):
        return
    for name in entry.value.channels:
        if name not in used:
            yield entry.problem(("channels", name), f'no route leads to "{name}"', "add it to one")


def _inside(at: str, quiet: Quiet) -> bool:
    if quiet.start is None or quiet.until is None:
        return False
    start, until, moment = clock(quiet.start), clock(quiet.until), clock(at)
    return start <= moment < until if start < until else moment >= start or moment < until
