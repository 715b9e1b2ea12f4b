"""Drivers: which experiences go with who stays, buys again and pays; associations, no causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from heedful.drivers import words
from heedful.drivers.outcome import OUTCOMES
from heedful.web import files
from heedful.web.guest import Viewer, site_of
from heedful.web.pages.drivers_chart import MOST, forest
from heedful.web.pages.experiments_work import PATIENCE, Work, work
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heedful.drivers.driver import Drivers
    from heedful.experiments.readout import Readout
    from heedful.web.edition import Edition

T = TypeVar("T", bound=str)
router = APIRouter(include_in_schema=False)
LONGEST = 120.0
"""Seconds that a program waits."""


@router.get("/drivers")
def drivers(
    request: Request,
    who: Viewer,
    outcome: Annotated[str, Query()] = "",
    by: Annotated[str, Query()] = "",
    sort: Annotated[str, Query()] = "",
) -> Response:
    """The page."""
    edition = site_of(request).edition
    asked = _one("outcome", outcome or next(iter(OUTCOMES)), OUTCOMES)
    order = _one("sort", sort or words.SORTS[0], words.SORTS)
    ready = _work(edition, by)
    about: dict[str, Any] = {
        "asked": asked,
        "order": order,
        "by": by,
        "outcomes": OUTCOMES,
        "address": _address,
    }
    if ready.found is None:
        return page(request, "drivers_wait.html", who, title="Drivers", work=ready, **about)
    found = words.sorted_by(ready.found[asked], order)
    told = [one for one in found.drivers if one.rank is not None]
    return page(
        request,
        "drivers.html",
        who,
        title="Drivers",
        found=found,
        told=told,
        rest=[one for one in found.drivers if one.rank is None],
        most=MOST,
        words=words,
        money=any(one.money and one.money.tenth is not None for one in told),
        chart=edition.once(("drivers drawn", asked, by, order), lambda: forest(found, told)),
        **about,
    )


@router.get("/drivers/progress")
def progress(request: Request, who: Viewer, by: Annotated[str, Query()] = "") -> Response:  # noqa: ARG001 - logged in
    """Whether it is still being worked on."""
    ready = _work(site_of(request).edition, by)
    says = "relating experiences to what followed"
    return JSONResponse({"running": not ready.done.is_set(), "says": says, "done": 0, "all": 0})


@router.get("/drivers.csv")
def download(
    request: Request,
    who: Viewer,  # noqa: ARG001 - logged in
    outcome: Annotated[str, Query()] = "",
    by: Annotated[str, Query()] = "",
) -> Response:
    """The table with everything there is."""
    import pyarrow as pa

    asked = _one("outcome", outcome or next(iter(OUTCOMES)), OUTCOMES)
    found = waited(site_of(request).edition, asked, by)
    rows = words.flat(found)
    table = pa.Table.from_pylist(rows) if rows else pa.table({"outcome": pa.array([], pa.string())})
    return files.response(table, "csv", f"drivers-{asked}")


def waited(edition: Edition, outcome: str, by: str) -> Drivers:
    """What goes with an outcome, for a program that waits.

    Raises:
        HTTPException: It could not be made.
    """
    ready = _work(edition, by, LONGEST)
    if ready.found is None:
        said = "; ".join(str(one) for one in ready.problems) or "it is not ready; ask again"
        raise HTTPException(409, said)
    return ready.found[outcome]


def _work(edition: Edition, by: str, patience: float = PATIENCE) -> Work[dict[str, Drivers]]:
    """All outcomes at once: they share one look at the data. Once per edition."""
    if by:
        known = edition.once("dimensions of customers", lambda: _dimensions(edition))
        _one("by", by, known)
    door = edition.project.drivers
    return work(
        edition,
        ("drivers", by),
        lambda: door.every(by=by or None, readout=lambda name: _readout(edition, name)),
        patience,
    )


def _dimensions(edition: Edition) -> tuple[str, ...]:
    """What customers can be broken down by, and the project does."""
    with edition.project.bench() as bench:
        from heedful.drivers.panel import dimensions_of

        return dimensions_of(edition.definitions, bench.who)


def _readout(edition: Edition, name: str) -> Readout | None:
    """The readout that pages show, where it is made already; else made here."""
    kept = edition.kept(("readout", name))
    if kept is not None and kept.found is not None:
        found: Readout = kept.found
        return found
    from heedful.definitions.problem import ProjectError

    try:
        return edition.project.experiments[name].readout(as_of=edition.last_day)
    except ProjectError:
        return None


def _one(name: str, value: str, allowed: Iterable[T]) -> T:
    known = list(allowed)
    for one in known:
        if one == value:
            return one
    raise ViewError(f'{name} "{value}" does not exist; allowed: {", ".join(known)}')


def _address(path: str = "/drivers", **query: str) -> str:
    """An address; what is usual is left out."""
    from urllib.parse import urlencode

    usual = {"outcome": next(iter(OUTCOMES)), "by": "", "sort": words.SORTS[0]}
    text = urlencode({name: one for name, one in query.items() if one != usual.get(name)})
    return f"{path}?{text}" if text else path
