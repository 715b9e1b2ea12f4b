"""Cohorts: how long those stay who began together, as a triangle and as curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from heedful.project import NotFoundError
from heedful.web import files, numbers
from heedful.web.guest import Viewer, site_of
from heedful.web.pages.cohorts_chart import curves
from heedful.web.pages.cohorts_people import People, people
from heedful.web.pages.cohorts_triangle import (
    HORIZON,
    MONTH,
    SHADES,
    Line,
    Triangle,
    compared,
    line,
    triangle,
)
from heedful.web.render import page
from heedful.web.view import NOT_KNOWN, ViewError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.web.edition import Edition
    from heedful.web.pages.cohorts_people import About
    from heedful.web.pages.cohorts_triangle import Grain

T = TypeVar("T", bound=str)
router = APIRouter(include_in_schema=False)
ABOUT: dict[str, tuple[str, str]] = {
    "stay": ("still customers", "Share still customers"),
    "again": ("who bought again", "Share who bought again"),
}
GRAINS: tuple[Grain, ...] = ("month", "quarter")
MOST_LINES = 6
TABLE = (30, 90, 180, 365, 730)
START = "start"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for.

    Attributes:
        about: stay or again.
        grain: month or quarter.
        dimension: Only customers of one segment: the dimension.
        segment: Its value.
        by: What curves are drawn for.
        key: The segment as addresses have it.
        missing: A dimension that was asked for, and that customers are not broken down by.
    """

    about: About
    grain: Grain
    dimension: str | None
    segment: str | None
    by: str
    key: str
    missing: str


@router.get("/cohorts")
def cohorts(request: Request, who: Viewer) -> Response:
    """The page."""
    edition = site_of(request).edition
    offered = _offered(edition)
    if not offered:
        return page(request, "cohorts_empty.html", who, title="Cohorts", rules=_rules(edition))
    asked = _asked(edition, request, offered)
    found, everyone = _found(edition, asked)
    shown = edition.once(
        ("triangle", asked.about, asked.grain, asked.key), lambda: triangle(found, asked.grain)
    )
    lines = edition.once(
        ("curves", asked.about, asked.key, asked.by), lambda: _lines(found, asked.by)
    )
    return page(
        request,
        "cohorts.html",
        who,
        title="Cohorts",
        asked=asked,
        offered=offered,
        about=ABOUT,
        words=ABOUT[asked.about],
        n=len(found),
        until=edition.once(("cohorts until", asked.about, asked.key), lambda: found.until),
        triangle=shown,
        compared=edition.once(
            ("cohorts compared", asked.about, asked.grain, asked.key),
            lambda: compared(found, asked.grain),
        ),
        horizon=HORIZON,
        at_horizon=next((c for c in shown.whole.cells if c.days == HORIZON), None),
        shades=range(SHADES),
        month=MONTH,
        grains=GRAINS,
        bys=[*everyone.dimensions, START],
        choices=edition.once(("cohort choices", asked.about), lambda: _choices(everyone)),
        lines=lines,
        left=edition.once(
            ("cohort curves left", asked.about, asked.key, asked.by),
            lambda: _left(found, asked.by),
        ),
        chart=edition.once(
            ("curves drawn", asked.about, asked.key, asked.by),
            lambda: curves(lines, ABOUT[asked.about][1]),
        ),
        table=[days for days in TABLE if any(days <= one.days[-1] for one in lines)],
        address=_address,
    )


@router.get("/cohorts.csv")
def download(request: Request, who: Viewer) -> Response:  # noqa: ARG001 - logged in
    """The triangle as a table: one row a cohort and time."""
    edition = site_of(request).edition
    offered = _offered(edition)
    if not offered:
        raise NotFoundError("there are no cohorts yet", "import customers and what they bought")
    asked = _asked(edition, request, offered)
    found, _ = _found(edition, asked)
    shown = edition.once(
        ("triangle", asked.about, asked.grain, asked.key), lambda: triangle(found, asked.grain)
    )
    return files.response(_table(shown), "csv", f"cohorts-{asked.about}-{asked.grain}")


def _offered(edition: Edition) -> list[About]:
    """What there are customers for."""
    kinds: tuple[About, ...] = ("stay", "again")
    return [about for about in kinds if _people(edition, about) is not None]


def _people(edition: Edition, about: About) -> People | None:
    return edition.once(
        ("cohort people", about), lambda: people(edition.project.lake("facts"), about)
    )


def _rules(edition: Edition) -> int | None:
    return edition.definitions.rules.lapsed_after_days


def _asked(edition: Edition, request: Request, offered: Sequence[About]) -> Asked:
    query = request.query_params
    about: About = _one("of", query.get("of") or offered[0], offered)
    grain: Grain = _one("cohorts", query.get("cohorts") or "month", GRAINS)
    found = _people(edition, about)
    dimensions = found.dimensions if found else {}
    dimension, _, value = (query.get("segment") or "").partition(":")
    missing = dimension if dimension and dimension not in dimensions else ""
    kept = dimension if dimension and not missing else None
    segment = None if value == NOT_KNOWN else value or None
    usual = next((name for name in ("plan", *dimensions) if name in dimensions), START)
    by = _one("by", query.get("by") or usual, [*dimensions, START])
    key = f"{kept}:{segment if segment is not None else NOT_KNOWN}" if kept else ""
    return Asked(about, grain, kept, segment if kept else None, by, key, missing)


def _one(name: str, value: str, allowed: Sequence[T]) -> T:
    for one in allowed:
        if one == value:
            return one
    raise ViewError(f'{name} "{value}" does not exist; allowed: {", ".join(allowed)}')


def _found(edition: Edition, asked: Asked) -> tuple[People, People]:
    """Those who are looked at, and everyone."""
    everyone = _people(edition, asked.about)
    if everyone is None:
        raise NotFoundError("there are no cohorts yet", "import customers and what they bought")
    if asked.dimension is None:
        return everyone, everyone
    dimension, segment = asked.dimension, asked.segment
    found = edition.once(
        ("cohort people", asked.about, asked.key), lambda: everyone.of(dimension, segment)
    )
    return found, everyone


def _choices(everyone: People) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            numbers.name(dimension),
            [
                (
                    f"{dimension}:{name if name is not None else NOT_KNOWN}",
                    numbers.name(name),
                )
                for name in everyone.segments(dimension)
            ],
        )
        for dimension in everyone.dimensions
    ]


def _lines(found: People, by: str) -> list[Line]:
    """The curves: of the largest segments, or by the year in which they began."""
    if by == START:
        years = found.day.astype("datetime64[Y]")
        newest = np.unique(years)[-MOST_LINES:]
        groups = [(f"began in {year}", found.where(years == year)) for year in newest]
    else:
        names = found.segments(by)[:MOST_LINES]
        groups = [(numbers.name(name), found.of(by, name)) for name in names]
    lines = [line(mine, name, TABLE) for name, mine in groups]
    return [one for one in lines if one is not None]


def _left(found: People, by: str) -> int:
    return 0 if by == START else max(0, len(found.segments(by)) - MOST_LINES)


def _address(asked: Asked, path: str = "/cohorts", **more: str) -> str:
    """An address that keeps what was asked for."""
    from urllib.parse import urlencode

    query = {
        "of": asked.about if asked.about != "stay" else "",
        "cohorts": asked.grain if asked.grain != "month" else "",
        "segment": asked.key,
        "by": asked.by,
        **more,
    }
    text = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{text}" if text else path


def _table(shown: Triangle) -> pa.Table:
    rows = [
        {
            "cohort": one.start,
            "customers": one.n,
            "days": cell.days,
            "share": cell.value,
            "low": cell.low,
            "high": cell.high,
            "watched": cell.at_risk,
            "reached": cell.reach,
        }
        for one in (*shown.cohorts, shown.whole)
        for cell in one.cells
        if cell.value is not None
    ]
    fields = [
        ("cohort", pa.date32()),
        ("customers", pa.int64()),
        ("days", pa.int64()),
        ("share", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("watched", pa.int64()),
        ("reached", pa.string()),
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))
