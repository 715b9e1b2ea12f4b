"""Data: how fresh each table is, what can be measured, what was rejected, what runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from markupsafe import Markup, escape

from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages.data_coverage import LAYERS, coverage
from heedful.web.pages.data_rejected import groups
from heedful.web.pages.data_tables import DAYS, imported, tables
from heedful.web.render import page

if TYPE_CHECKING:
    from heedful.web.edition import Edition
    from heedful.web.pages.data_coverage import Coverage
    from heedful.web.pages.data_tables import Tables, TableState
    from heedful.web.site import Site

router = APIRouter(include_in_schema=False)
MOST_IMPORTS = 15
ALL_IMPORTS = 300
MOST_RUNS = 8
MOST_NAMED = 4
_PLACE = re.compile(r"(?P<file>[\w./ -]+\.\w+):(?P<line>\d+): (?P<rest>.*)", re.DOTALL)
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that failed, taken apart for people.

    Attributes:
        file: The file it is about; empty where it is about none.
        line: Its line.
        found: What stands there.
        allowed: What may stand there, or what to do.
    """

    file: str
    line: int
    found: str
    allowed: str


def taken_apart(text: str) -> Wrong:
    """What failed, from one line of text.

    >>> taken_apart('sources/a.yaml:3: column "x" is not there; allowed: y')
    Wrong(file='sources/a.yaml', line=3, found='column "x" is not there', allowed='allowed: y')
    """
    place = _PLACE.match(text.strip())
    rest = place["rest"] if place else text.strip()
    found, _, allowed = rest.partition("; ")
    return Wrong(place["file"] if place else "", int(place["line"]) if place else 0, found, allowed)


@router.get("/data")
def data(request: Request, who: Viewer) -> Response:
    """The page."""
    site = site_of(request)
    edition = site.edition
    found, measurable = tables(edition), coverage(edition)
    runs = edition.project.runs.all(MOST_RUNS)
    every = request.query_params.get("imports") == "all"
    history = imports(edition)
    reasons = groups(edition)
    failed = next((run for run in runs if run.state != "running"), None)
    failed = failed if failed and failed.state == "failed" else None
    return page(
        request,
        "data.html",
        who,
        title="Data",
        says=sentence(found, measurable),
        tables=found,
        findings=[one for one in edition.findings() if one.kind == "data"],
        days=DAYS,
        until=found.until.astimezone(edition.zone).date() if found.until else None,
        layers=LAYERS,
        coverage=measurable,
        most_named=MOST_NAMED,
        groups=reasons,
        rejected=sum(one.rows for one in reasons),
        imports=history if every else history[:MOST_IMPORTS],
        more_imports=0 if every else max(0, len(history) - MOST_IMPORTS),
        runs=runs,
        failed=failed,
        wrong=taken_apart(failed.detail or "it said nothing") if failed else None,
        day=timedelta(days=1),
        waiting=[one for one in found.states if one.state == "empty"],
    )


def sentence(found: Tables, measurable: Coverage) -> Markup:
    """The state of the data in words."""
    parts = []
    if measurable.share is not None:
        share = f"{100 * measurable.share:.0f}% of the scorecard’s weight has data."
        parts.append(escape(share))
    trouble = found.trouble
    if found.empty:
        return Markup("No table has a row yet.")
    if found.stale:
        parts.append(escape(f"No table has a row of the last {found.stale} days."))
    if not trouble and not found.stale:
        parts.append(escape("Every table that something waits for is fresh."))
    if trouble:
        many = len(trouble)
        number = NUMBERS[many] if many < len(NUMBERS) else str(many)
        verb = "needs" if many == 1 else "need"
        told = [_trouble(one) for one in trouble[:3]]
        rest = many - len(told)
        if rest:
            told.append(escape(f"and {rest} more"))
        parts.append(
            Markup("{} of {} tables {} someone: {}.").format(
                number, len(found.states), verb, Markup(", ").join(told)
            )
        )
    return Markup(" ").join(parts)


def _trouble(one: TableState) -> Markup:
    if one.state == "empty":
        said = f"{one.name} has no row"
    else:
        days = "a day" if one.late == 1 else f"{one.late} days"
        said = f"{one.name} is {days} late"
    return Markup('<a href="#table-{}">{}</a>').format(one.name, said)


def imports(edition: Edition) -> list[dict[str, Any]]:
    """The history of imports, the newest first; looked up once an import."""

    def make() -> list[dict[str, Any]]:
        if not edition.project.books.exists("imports"):
            return []
        sql = f"SELECT * FROM imports ORDER BY imported_at DESC, source LIMIT {ALL_IMPORTS}"
        found: list[dict[str, Any]] = edition.project.sql(sql).to_pylist()
        return found

    return edition.once(("imports", imported(edition)), make)


@router.post("/data/refresh")
def refresh(request: Request, who: Analyst) -> Response:
    """Import and measure anew, unless that is being done."""
    site = site_of(request)
    if site.refresh(who.email):
        site.edition.project.audit.add(who.email, "started", "refresh")
    return RedirectResponse("/data#refresh", 303)


@router.get("/data/job")
def job(request: Request, _who: Viewer) -> Response:
    """How far a refresh is, for pages that wait for it."""
    return JSONResponse(state_of(site_of(request)))


def state_of(site: Site) -> dict[str, Any]:
    """A refresh as JSON."""
    one = site.job
    if one is None:
        return {"running": False, "done": 0, "all": 0, "says": "", "failed": False}
    return {
        "running": one.running,
        "done": one.done,
        "all": one.all,
        "says": one.says,
        "failed": one.failed,
    }
