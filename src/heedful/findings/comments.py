"""What customers wrote at the touchpoints and in the period of a finding; looked up, never kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.engines.duckdb import literal
from heedful.findings.finding import Comment
from heedful.kpis.periods import midnight
from heedful.store.personal import masked
from heedful.surveys.scales import scaled

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.definitions.instrument import Instrument

LONGEST = 600
"""Longer comments are cut."""
TABLES = ("responses", "feedback")
"""Where comments lie."""
_ANSWERED = (
    *("comment", "answered_at", "touchpoint", "device", "instrument"),
    *("score", "scale_min", "scale_max", "scale_reversed"),
)
_LOW = "COALESCE(scale_min, 0)"
_SHARE = f"(score - {_LOW}) / NULLIF(COALESCE(scale_max, 10) - {_LOW}, 0)"
_TABLES = (
    ("responses", "comment", "answered_at", _SHARE, "score"),
    ("feedback", "text", "said_at", "rating / 5.0", "rating"),
)


def comments(
    ask: Callable[[str], pa.Table],
    held: Collection[str],
    timezone: str,
    instruments: Mapping[str, Instrument],
    *,
    touchpoints: Collection[str],
    since: date,
    until: date,
    worst_first: bool,
    device: str | None = None,
    limit: int = 6,
) -> list[Comment]:
    """The most telling comments of a place and time.

    Args:
        ask: Answers a SELECT over the project's tables.
        held: Tables that exist.
        timezone: The project's timezone.
        instruments: The project's, by id: some ask so that a low number is good.
        touchpoints: Where; empty: anywhere.
        since: First day.
        until: Day after the last.
        worst_first: Whether the lowest scores come first, or the highest.
        device: Only from there, if comments say where they come from.
        limit: How many.

    Returns:
        Each wording once, the most telling score first, longer ones before short ones.
    """
    first, last = (literal(midnight(day, timezone).isoformat()) for day in (since, until))
    answers = scaled(f"SELECT {', '.join(_ANSWERED)} FROM responses", _ANSWERED, instruments)
    rows = {"responses": f"({answers}) AS answers", "feedback": "feedback"}
    parts = []
    for table, text, at, share, score in _TABLES:
        if table not in held:
            continue
        where = [
            f"length(trim({text})) > 3",
            f"{at} >= TIMESTAMPTZ {first}",
            f"{at} < TIMESTAMPTZ {last}",
        ]
        if touchpoints:
            where.append(f"touchpoint IN ({', '.join(map(literal, sorted(touchpoints)))})")
        if device is not None:
            where.append(f"(device IS NULL OR device = {literal(device)})")
        parts.append(
            f"SELECT trim({text}) AS text, {at} AS moment, touchpoint, device,"
            f" CAST({score} AS DOUBLE) AS score, CAST({share} AS DOUBLE) AS share"
            f" FROM {rows[table]} WHERE {' AND '.join(where)}"
        )
    if not parts:
        return []
    way = "ASC" if worst_first else "DESC"
    sql = (
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY lower(text)"
        f" ORDER BY moment DESC) AS nth FROM ({' UNION ALL '.join(parts)})) WHERE nth = 1"
        f" ORDER BY share {way} NULLS LAST, least(length(text), 200) DESC, moment DESC, text"
        f" LIMIT {int(limit)}"
    )
    zone = ZoneInfo(timezone)
    return [
        Comment(
            text=masked(row["text"])[:LONGEST],
            theme=None,
            on=row["moment"].astimezone(zone).date(),
            touchpoint=row["touchpoint"],
            score=row["score"],
            about=(("device", row["device"]),) if row["device"] else (),
        )
        for row in ask(sql).to_pylist()
    ]
