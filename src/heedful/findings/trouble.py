"""Trouble with the data: late or empty tables, jumps in volume, joins and answers that fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha1
from itertools import pairwise
from math import isfinite, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from heedful.engines.duckdb import literal, quoted
from heedful.experiments import wording
from heedful.findings.finding import Finding, Segment
from heedful.findings.parts import hottest, parts
from heedful.findings.words import name
from heedful.store import schema

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.definitions.project_files import Definitions
    from heedful.kpis.shelf import Shelf

JOINED = ("events", "tickets", "responses", "orders")
PAST = 8
"""Weeks that say how many rows are usual."""
JUMP = log(1.5)
"""Half as much again, or a third less, is the least that is a jump."""
UNUSUAL = 5.0
"""So many robust standard deviations away from usual."""
FALL = 0.05
"""Points by which a join rate must fall."""
RHYTHMS = (1, 2, 3, 7, 14, 31, 92)
FEW_ROWS = 50
SHIFT = 0.01
"""P-value at which segments answer a survey differently than they used to."""
_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with the data.

    Attributes:
        pattern: late, missing, volume, join_rate or response_shift.
        table: The table.
        since: First day of it.
        title: A headline.
        says: A sentence.
        kpi: The KPI that it touches; None: see `says`.
        value: Now.
        previous: What is usual.
        who: Of a response shift: the segments.
    """

    pattern: str
    table: str
    since: date
    title: str
    says: str
    kpi: str | None = None
    value: float | None = None
    previous: float | None = None
    who: tuple[Segment, ...] = ()


def troubles(
    ask: Callable[[str], pa.Table],
    definitions: Definitions,
    shelf: Shelf,
    held: Sequence[str],
    readers: Mapping[str, Sequence[str]],
) -> list[Trouble]:
    """Everything that is wrong with the data as they are now.

    Args:
        ask: Answers a SELECT over the project's tables.
        definitions: The project.
        shelf: All readings.
        held: Tables that exist.
        readers: Table to the KPIs that need it.
    """
    found: list[Trouble] = []
    filled = {source.table for source in definitions.sources.values()}
    days = {table: _days(ask, definitions, table) for table in held}
    rows = {table: sum(n for _, n, _ in of) for table, of in days.items()}
    found += [
        _missing(table, readers[table])
        for table in sorted(filled)
        if not rows.get(table) and readers.get(table)
    ]
    known = {table: of for table, of in days.items() if of and table in readers}
    if not known:
        return found
    end = max(day for of in known.values() for day, _, _ in of)
    for table, of in sorted(known.items()):
        late = _late(table, [day for day, _, _ in of], end, readers[table])
        if late is not None:
            found.append(late)
            continue
        weeks = _weeks(of, end)
        jump = _volume(table, weeks, readers[table])
        found += [jump] if jump is not None else []
        fall = _join_rate(table, weeks) if table in JOINED and "customers" in held else None
        found += [fall] if fall is not None else []
    found += _answers(definitions, shelf)
    return found


def _days(
    ask: Callable[[str], pa.Table], definitions: Definitions, table: str
) -> list[tuple[date, int, int]]:
    """Rows of each day, and how many of them are of a known customer."""
    time = schema.table(table).time
    if time is None:
        return []
    zone = literal(definitions.settings.timezone)
    known = "0"
    if table in JOINED:
        known = "count(*) FILTER (WHERE customer_id IN (SELECT customer_id FROM customers))"
    sql = (
        f"SELECT CAST({quoted(time)} AT TIME ZONE {zone} AS DATE) AS day, count(*) AS n,"
        f" {known} AS known FROM {quoted(table)} WHERE {quoted(time)} <= now()"
        " GROUP BY 1 ORDER BY 1"
    )
    return [(row["day"], row["n"], row["known"]) for row in ask(sql).to_pylist() if row["day"]]


def _missing(table: str, readers: Sequence[str]) -> Trouble:
    said = wording.listed(list(readers)[:4])
    return Trouble(
        "missing",
        table,
        date(1970, 1, 1),
        f"No rows in {table} yet",
        f"A source fills it, and nothing has come. {said} wait for it.",
    )


def rhythm(days: Sequence[date]) -> int | None:
    """Every how many days rows come, by the gaps between days that had some.

    >>> first = date(2026, 3, 2)
    >>> rhythm([first + timedelta(days=7 * n) for n in range(9)])
    7
    """
    gaps = sorted((b - a).days for a, b in pairwise(sorted(set(days))[-180:]))
    if len(gaps) < 4:
        return None
    usual = gaps[min(len(gaps) - 1, int(0.95 * len(gaps)))]
    return next((one for one in RHYTHMS if one >= usual), None)


def _late(table: str, days: Sequence[date], end: date, readers: Sequence[str]) -> Trouble | None:
    every = rhythm(days)
    last = max(days)
    behind = (end - last).days
    if every is None or behind <= max(every, 1):
        return None
    said = wording.listed(list(readers)[:4])
    usual = "every day" if every == 1 else f"every {every} days"
    return Trouble(
        "late",
        table,
        last + timedelta(days=1),
        f"{table[:1].upper()}{table[1:].replace('_', ' ')}: {wording.of_them(behind, 'day')} late",
        f"Rows usually come {usual}; the last one is of {last.day} {last:%b %Y}."
        f" {said} reach no further.",
        value=float(behind),
        previous=float(every),
    )


def _weeks(of: Sequence[tuple[date, int, int]], end: date) -> list[tuple[date, int, int]]:
    """Whole weeks up to the newest one that is over, each with rows and known ones."""
    monday = end - timedelta(days=end.weekday())
    last = monday if end == monday + timedelta(days=6) else monday - timedelta(days=7)
    sums: dict[date, list[int]] = {}
    for day, n, known in of:
        at = sums.setdefault(day - timedelta(days=day.weekday()), [0, 0])
        at[0] += n
        at[1] += known
    first = min(sums)
    found = []
    while first <= last:
        n, known = sums.get(first, [0, 0])
        found.append((first, n, known))
        first += timedelta(days=7)
    return found[-(2 * PAST + 1) :]


def _spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, _MAD * float(np.median(np.abs(values - middle)))


def _volume(
    table: str, weeks: Sequence[tuple[date, int, int]], readers: Sequence[str]
) -> Trouble | None:
    if len(weeks) <= PAST:
        return None
    start, now, _ = weeks[-1]
    past = np.array([n for _, n, _ in weeks[-PAST - 1 : -1]], dtype=np.float64)
    if past.min() < FEW_ROWS:
        return None
    middle, spread = _spread(np.log(past))
    # Counts vary of themselves, by their root.
    spread = max(spread, sqrt(1 / np.exp(middle)))
    jump = log(max(now, 0.5)) - middle
    if abs(jump) < JUMP or abs(jump) < UNUSUAL * spread:
        return None
    usual = float(np.exp(middle))
    way = "Only" if jump < 0 else "As many as"
    said = wording.listed(list(readers)[:4])
    return Trouble(
        "volume",
        table,
        start,
        f"{way} {now:,} rows in {table} last week, {usual:,.0f} are usual",
        f"Something was lost, doubled or really changed; read {said} with care.",
        value=float(now),
        previous=usual,
    )


def _join_rate(table: str, weeks: Sequence[tuple[date, int, int]]) -> Trouble | None:
    if len(weeks) <= PAST:
        return None
    start, now, known = weeks[-1]
    past = np.array([k / n for _, n, k in weeks[-PAST - 1 : -1] if n], dtype=np.float64)
    if len(past) < PAST or now < FEW_ROWS:
        return None
    middle, spread = _spread(past)
    rate = known / now
    spread = max(spread, sqrt(max(middle * (1 - middle), 1e-4) / now))
    if middle - rate < FALL or middle - rate < UNUSUAL * spread:
        return None
    return Trouble(
        "join_rate",
        table,
        start,
        f"Fewer {table} match a known customer: {100 * rate:.0f}% of {100 * middle:.0f}%",
        "Segments and everything by customer rest on fewer rows than they seem to.",
        value=rate,
        previous=middle,
    )


def _answers(definitions: Definitions, shelf: Shelf) -> list[Trouble]:
    """Surveys that some segments answer otherwise than they used to."""
    kpi = definitions.kpis.get("response_rate")
    series = shelf.series("response_rate", "week")
    if kpi is None or series is None:
        return []
    done = np.flatnonzero(series.complete)
    if len(done) < PAST + 4:
        return []
    now, before = series.start[done[-4:]], series.start[done[-PAST - 4 : -4]]
    value = series.estimates.value
    rising = float(value[done[-4:]].mean()) > float(value[done[-PAST - 4 : -4]].mean())
    found = []
    for way in (rising, not rising):
        split = parts(shelf, kpi, "week", None, list(before), list(now), rising=way)
        hot = [
            one
            for one in hottest([*split.where, *split.who])
            if one.p_value is not None
            and one.p_value < SHIFT
            and one.before
            and one.difference is not None
            and abs(one.difference) / one.before >= 0.15
        ]
        if hot:
            first = hot[0]
            verb = "More" if way else "Fewer"
            told = f"{100 * (first.before or 0):.0f}% to {100 * (first.now or 0):.0f}%"
            found.append(
                Trouble(
                    "response_shift",
                    "responses",
                    now[0].item(),
                    f"{verb} answer surveys {name(first)}: {told}",
                    "Who answers has changed, so answers before and now are of different people:"
                    f" read them by {first.dimension.replace('_', ' ')}.",
                    kpi="response_rate",
                    value=first.now,
                    previous=first.before,
                    who=tuple(hot),
                )
            )
            break
    return found


def as_finding(
    one: Trouble,
    definitions: Definitions,
    midnight: Callable[[date], datetime],
    seen: datetime,
    day: date,
) -> Finding:
    """Data trouble as a finding.

    Args:
        one: The trouble.
        definitions: The project.
        midnight: Gives the instant at which a day begins.
        seen: When it was looked for.
        day: The last day that data reach to.
    """
    key = f"data:{one.pattern}:{one.table}"
    since = one.since if one.since.year > 1970 else day
    text = f"{key}@{one.since.isoformat()}"
    kpi = definitions.kpis.get(one.kpi or "")
    known = [v for v in (one.value, one.previous) if v is not None and isfinite(v)]
    difference = known[0] - known[1] if len(known) == 2 else None
    return Finding(
        id="f-" + sha1(text.encode(), usedforsecurity=False).hexdigest()[:6],
        key=key,
        kind="data",
        state="open",
        severity="watch",
        better=False,
        kpi=one.kpi,
        pattern=one.pattern,
        rule=None,
        stage=None,
        grain="week",
        period_start=since,
        period_end=day + timedelta(days=1),
        against=None,
        title=one.title,
        says=one.says,
        value=one.value,
        previous=one.previous,
        difference=difference,
        low=None,
        high=None,
        relative=False,
        p_value=None,
        p_adjusted=None,
        family=None,
        onset=None,
        legs=(),
        where=(),
        who=one.who,
        alike=(),
        candidates=(),
        playbook=kpi.playbook if kpi else None,
        owner=kpi.owner if kpi else None,
        rank=None,
        opened_at=midnight(min(since, day)),
        seen_at=seen,
    )
