"""Which findings go to which channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful.definitions.alert import Route

if TYPE_CHECKING:
    from heedful.definitions.alert import AlertsDefinition
    from heedful.findings.finding import Finding

EVERYWHERE = (Route(),)


def channels_of(alerts: AlertsDefinition, finding: Finding) -> dict[str, bool]:
    """The channels that a finding goes to, and whether it waits there for the digest.

    Where several routes lead to a channel, one that sends at once wins.

    Args:
        alerts: `alerts.yaml`.
        finding: The finding.
    """
    found: dict[str, bool] = {}
    for route in alerts.routes or EVERYWHERE:
        if fits(route, finding):
            for name in route.channels or alerts.channels:
                if name in alerts.channels:
                    found[name] = found.get(name, True) and route.send == "digest"
    return found


def fits(route: Route, finding: Finding) -> bool:
    """Whether a route is for a finding."""
    return (
        finding.severity in route.severities
        and (not route.kinds or finding.kind in route.kinds)
        and (not route.owners or finding.owner in route.owners)
        and (not route.stages or finding.stage is None or finding.stage in route.stages)
    )
