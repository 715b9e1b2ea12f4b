"""What is told of a finding, kept in the ledger until it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from heedful.experiments.contract import plain

if TYPE_CHECKING:
    from heedful.definitions.settings import Settings
    from heedful.findings.finding import Finding

LONGEST = 300
"""Characters of a fact."""


def told(
    finding: Finding, contract: Mapping[str, Any], settings: Settings, *, digest: bool
) -> dict[str, Any]:
    """What is told of a finding.

    Comments are left out: they are a customer's words, and who is erased must be erased
    everywhere, also where we cannot reach any more.

    Args:
        finding: The finding.
        contract: The finding as outside tools know it.
        settings: `heedful.yaml`.
        digest: Whether it waits for the digest.
    """
    owner = settings.teams.get(finding.owner or "")
    facts = [
        ("Stage", finding.stage),
        ("Since", _since(finding)),
        ("Where", _standing_out(finding)),
        ("Owner", owner.name if owner else finding.owner),
        ("Ended because", finding.closed_because if finding.state == "closed" else None),
    ]
    return {
        "digest": digest,
        "title": finding.title,
        "says": finding.says,
        "severity": finding.severity,
        "facts": [[name, value[:LONGEST]] for name, value in facts if value],
        "contract": plain({**contract, "comments": []}),
    }


def _since(finding: Finding) -> str | None:
    begun = finding.onset.start if finding.onset else None
    return f"{begun.day} {begun:%b %Y}" if begun else None


def _standing_out(finding: Finding) -> str | None:
    """The segments that stand out, at most three."""
    found = [
        f"{part.dimension} {part.segment}".replace("_", " ")
        for part in (*finding.where, *finding.who)
        if part.stands_out and part.segment is not None
    ]
    return ", ".join(found[:3]) or None
