"""What customers wrote somewhere in a period: the most telling ones of both ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from heedful.findings.comments import TABLES, comments
from heedful.surveys.catalogue import instruments

if TYPE_CHECKING:
    from heedful.findings.finding import Comment
    from heedful.web.edition import Edition
    from heedful.web.view import View

EACH = 2


def voices(edition: Edition, view: View, touchpoints: Collection[str]) -> list[Comment]:
    """A few comments with the lowest scores, and a few with the highest.

    Args:
        edition: What pages are made from.
        view: What is looked at.
        touchpoints: Where; without any, nothing.
    """
    if view.period is None or not touchpoints:
        return []
    key = ("voices", view.period, tuple(sorted(touchpoints)), view.segment_key)
    return edition.once(key, lambda: _voices(edition, view, touchpoints))


def _voices(edition: Edition, view: View, touchpoints: Collection[str]) -> list[Comment]:
    project, period = edition.project, view.period
    if period is None:
        return []
    held = [name for name in TABLES if project.lake("tables").exists(name)]
    device = view.segment if view.dimension == "device" else None
    found: dict[str, Comment] = {}
    with project.answering(only=TABLES) as ask:
        for worst in (True, False):
            for one in comments(
                ask,
                held,
                edition.definitions.settings.timezone,
                instruments(edition.definitions.instruments),
                touchpoints=touchpoints,
                since=period.start,
                until=period.end,
                worst_first=worst,
                device=device,
                limit=EACH,
            ):
                found.setdefault(one.text, one)
    return list(found.values())
