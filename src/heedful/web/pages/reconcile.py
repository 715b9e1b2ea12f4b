"""Reconcile: the same KPI by two sources of one table, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from heedful.definitions.problem import one_of
from heedful.experiments.wording import NOTHING, decimals_of, difference, interval_of
from heedful.project import NotFoundError
from heedful.project.reconciling import comparable, pairs
from heedful.project.reconciling_words import notes, sentences, where
from heedful.reconciliation.rows import labels
from heedful.store import schema
from heedful.web import files, numbers
from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages.reconcile_work import MOST, Comparison, Question, comparison
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.reconciliation.reconciliation import Compared, Reconciliation, Value
    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)
GRAINS = ("week", "month", "quarter", "all")
SHOWN = 20
"""Rows of each kind of difference on the page."""
Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Line:
    """A period of the table.

    Attributes:
        title: The period.
        complete: Whether it is complete by both.
        a: The value by the first source and its interval.
        b: By the second.
        difference: How much more the second is.
        interval: Its interval, or why there is none.
        clear: Whether the interval leaves out zero.
        n: Rows of both.
        customers: Customers of both.
    """

    title: str
    complete: bool
    a: tuple[str, str]
    b: tuple[str, str]
    difference: str
    interval: str
    clear: bool
    n: tuple[str, str]
    customers: tuple[str, str]


@router.get("/reconcile")
def reconcile(request: Request, who: Viewer) -> Response:
    """Choose a KPI and two sources; what came of comparing them."""
    edition = site_of(request).edition
    offered = _offered(edition)
    query = request.query_params
    chosen = _chosen(edition, query, offered)
    about: dict[str, Any] = {
        "title": "Reconcile",
        "kpis": [kpi for kpi, _ in offered],
        "sources": _names(offered, chosen),
        "chosen": chosen,
        "grains": GRAINS,
        "asked": False,
        "refused": "",
    }
    given = bool(query.get("kpi") and query.get("a") and query.get("b"))
    if chosen is None or not given:
        return page(request, "reconcile.html", who, work=None, found=None, **about)
    try:
        comparable(edition.project, edition.project.kpis.get(chosen.kpi), chosen.a, chosen.b)
    except NotFoundError as error:
        about["refused"] = f"{error.found}; {error.allowed}"
        return page(request, "reconcile.html", who, work=None, found=None, **about)
    about["asked"] = True
    if not who.may("analyst") and edition.kept(("reconcile", chosen)) is None:
        return page(request, "reconcile.html", who, work=None, found=None, **about)
    work = comparison(edition, chosen)
    if work.done.is_set() and work.found is None:
        # Who has mended it reloads the page.
        edition.forget(("reconcile", chosen))
    shown = _shown(edition, work.found) if work.found is not None else {}
    return page(
        request,
        "reconcile.html",
        who,
        work=work,
        found=work.found,
        progress=f"/reconcile/progress?{_query(chosen)}",
        file=f"/reconcile.csv?{_query(chosen)}",
        most=MOST,
        command=_command(chosen),
        **shown,
        **about,
    )


@router.get("/reconcile/progress")
def progress(request: Request, who: Viewer) -> Response:
    """Whether it is still being compared."""
    edition = site_of(request).edition
    chosen = _chosen(edition, request.query_params, _offered(edition))
    kept = edition.kept(("reconcile", chosen)) if chosen is not None else None
    running = isinstance(kept, Comparison) and not kept.done.is_set()
    says = kept.says if isinstance(kept, Comparison) and who.email else ""
    return JSONResponse({"running": running, "says": says, "done": 0, "all": 0})


@router.get("/reconcile.csv")
def download(request: Request, who: Analyst) -> Response:
    """The ids that differ, as CSV; who took them is written down."""
    edition = site_of(request).edition
    chosen = _chosen(edition, request.query_params, _offered(edition))
    kept = edition.kept(("reconcile", chosen)) if chosen is not None else None
    if chosen is None or not isinstance(kept, Comparison) or kept.found is None:
        raise HTTPException(409, "These sources have not been compared yet; open the page first")
    about = f"{chosen.kpi}: {chosen.a} and {chosen.b}"
    edition.project.audit.add(who.email, "downloaded", "differences of sources", about)
    name = f"reconcile-{chosen.kpi}-{chosen.a}-{chosen.b}"
    return files.response(kept.found.differences, "csv", name)


# --- what is asked ---


def _offered(edition: Edition) -> list[tuple[CatalogueKpi, Mapping[str, tuple[str, ...]]]]:
    """KPIs that are on, and the sources by which each can be compared."""

    def make() -> list[tuple[CatalogueKpi, Mapping[str, tuple[str, ...]]]]:
        project = edition.project
        found = [
            (kpi, pairs(project, kpi))
            for kpi in edition.definitions.kpis.values()
            if not kpi.planned
        ]
        return sorted((one for one in found if one[1]), key=lambda one: one[0].title)

    return edition.once("reconcile offered", make)


def _names(
    offered: list[tuple[CatalogueKpi, Mapping[str, tuple[str, ...]]]], chosen: Question | None
) -> list[str]:
    """Sources to choose from."""
    names = {name for _, them in offered for many in them.values() for name in many}
    return sorted(names | ({chosen.a, chosen.b} if chosen else set()))


def _chosen(
    edition: Edition,
    query: Mapping[str, str],
    offered: list[tuple[CatalogueKpi, Mapping[str, tuple[str, ...]]]],
) -> Question | None:
    """What the address asks for; what it leaves out is what can be compared first."""
    if not offered:
        return None
    known = {kpi.id: them for kpi, them in offered}
    name = query.get("kpi") or offered[0][0].id
    if name not in known and name not in edition.definitions.kpis:
        raise ViewError(f'KPI "{name}" does not exist; {one_of(sorted(known), name)}')
    first = next(iter(known.get(name, offered[0][1]).values()))
    for side in ("a", "b"):
        source = query.get(side)
        if source and source not in edition.definitions.sources:
            allowed = one_of(sorted(edition.definitions.sources), source)
            raise ViewError(f'source "{source}" does not exist; {allowed}')
    grain = query.get("grain") or "month"
    if grain not in GRAINS:
        raise ViewError(f'grain "{grain}" does not exist; allowed: {", ".join(GRAINS)}')
    since, until = _day(query.get("from")), _day(query.get("to"))
    if since and until and until <= since:
        raise ViewError(f"to {until} is not after from {since}; choose a later day")
    return Question(
        kpi=name,
        a=query.get("a") or first[0],
        b=query.get("b") or first[1],
        grain=grain,
        since=since,
        until=until,
        again=query.get("rows") != "stored",
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ViewError(f'"{text}" is no day; allowed: such as 2026-08-01') from None


def _query(chosen: Question) -> str:
    given = {
        "kpi": chosen.kpi,
        "a": chosen.a,
        "b": chosen.b,
        "grain": chosen.grain if chosen.grain != "month" else "",
        "from": chosen.since.isoformat() if chosen.since else "",
        "to": chosen.until.isoformat() if chosen.until else "",
        "rows": "" if chosen.again else "stored",
    }
    return urlencode({name: value for name, value in given.items() if value})


def _command(chosen: Question) -> str:
    parts = ["heedful reconcile", chosen.kpi, f"--source {chosen.a} --source {chosen.b}"]
    parts += [f"--grain {chosen.grain}"] if chosen.grain != "month" else []
    parts += [f"--from {chosen.since}"] if chosen.since else []
    parts += [f"--to {chosen.until}"] if chosen.until else []
    parts += [] if chosen.again else ["--stored"]
    return " ".join(parts)


# --- what is shown ---


def _shown(edition: Edition, found: Reconciliation) -> dict[str, Any]:
    from heedful.kpis import periods

    kpi = edition.project.kpis.get(found.kpi)
    currency = edition.definitions.settings.currency
    lines = [
        _line(one, periods.shown(found.grain, one.period_start, one.period_end), found.unit)
        for one in (() if found.grain == "all" else reversed(found.periods))
    ]
    differences = [
        row for kind in ("a_only", "b_only", "differs") for row in _first(found.differences, kind)
    ]
    return {
        "kpi": kpi,
        "said": sentences(found, kpi, currency),
        "notes": notes(found),
        "lines": lines,
        "whole": _line(found.whole, "All of it", found.unit) if found.whole else None,
        "what": labels(schema.table(found.table)) if found.match == "key" else "customers",
        "differences": [row | {"where": where(row, found)} for row in differences],
        "total": found.differences.num_rows,
    }


def _first(differences: pa.Table, kind: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    rows = differences.filter(pc.equal(differences["difference"], kind))
    found: list[dict[str, Any]] = rows.slice(0, SHOWN).to_pylist()
    return found


def _line(one: Compared, title: str, unit: str | None) -> Line:
    def value(given: Value | None) -> tuple[str, str]:
        if given is None or given.value is None:
            return NOTHING, (given.why if given and given.why else "")
        ends = numbers.interval(given.value, given.low, given.high, unit, given.n)
        return numbers.value(given.value, unit, given.n), ends

    places = decimals_of(unit, one.difference, one.low, one.high)
    known = one.low is not None and one.high is not None
    ends = f"({interval_of(one.low, one.high, unit, decimals=places)})" if known else one.why or ""
    return Line(
        title=title,
        complete=one.complete,
        a=value(one.a),
        b=value(one.b),
        difference=difference(one.difference, unit, decimals=places),
        interval="" if one.difference == one.low == one.high == 0 else ends,
        clear=known and not cast("float", one.low) <= 0 <= cast("float", one.high),
        n=(_count(one.a, "n"), _count(one.b, "n")),
        customers=(_count(one.a, "customers"), _count(one.b, "customers")),
    )


def _count(value: Value | None, name: str) -> str:
    return numbers.count(getattr(value, name) if value is not None else None)
