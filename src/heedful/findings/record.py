"""Findings as JSON: as the ledger keeps them, and as scripts rely on them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from heedful.experiments.contract import plain
from heedful.findings.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import TypeAdapter

    from heedful.findings.finding import Comment


@cache
def _adapter() -> TypeAdapter[Finding]:
    from pydantic import TypeAdapter

    return TypeAdapter(Finding)


def dumped(finding: Finding) -> str:
    """A finding as JSON text."""
    return _adapter().dump_json(finding).decode()


def loaded(text: str) -> Finding:
    """A finding from JSON text.

    Raises:
        ValueError: It is none.
    """
    return _adapter().validate_json(text)


def as_contract(finding: Finding, comments: Sequence[Comment] = ()) -> dict[str, Any]:
    """A finding under the names that scripts rely on, with the comments beside it.

    Args:
        finding: The finding.
        comments: What customers wrote there, looked up now.
    """
    found: dict[str, Any] = plain(finding)
    found["onset"] = finding.onset.start.isoformat() if finding.onset else None
    if finding.onset:
        found["onset_set"] = [finding.onset.first.isoformat(), finding.onset.last.isoformat()]
    found["comments"] = [plain(one) for one in comments]
    return found
