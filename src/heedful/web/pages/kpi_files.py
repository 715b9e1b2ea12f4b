"""What belongs to a KPI's page and takes longer: its SQL, and its readings as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pyarrow.compute as pc
from fastapi import APIRouter, Request
from fastapi.responses import Response

from heedful.definitions.problem import one_of
from heedful.kpis.reported import SHOWN
from heedful.project import NotFoundError
from heedful.web import files
from heedful.web.guest import Viewer, site_of
from heedful.web.render import page
from heedful.web.view import View

if TYPE_CHECKING:
    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)


@router.get("/kpis/{name}/sql")
def sql(request: Request, who: Viewer, name: str) -> Response:
    """The SQL that a KPI's totals come from, and the versions of the tables behind it."""
    edition = site_of(request).edition
    view = View.of(request.query_params, edition.shelf, edition.definitions.settings.stages)
    kpi = edition.definitions.kpis.get(name)
    if kpi is None:
        raise _missing(edition, name)
    text = edition.once(
        ("sql", name, view.grain), lambda: edition.project.kpis.sql(name, view.grain)
    )
    newest = edition.shelf.series(name, view.grain)
    return page(
        request,
        "kpi_sql.html",
        who,
        title=f"SQL of {kpi.title}",
        crumbs=(("KPIs", "/kpis"), (kpi.title, f"/kpis/{name}"), ("SQL", None)),
        kpi=kpi,
        sql=_laid_out(text),
        versions=_versions(edition, name),
        definition=newest.definition[-1] if newest is not None and len(newest) else None,
        grain=view.grain,
    )


def _laid_out(text: str) -> str:
    """SQL on lines, as people read it."""
    import sqlglot

    return (
        sqlglot.parse_one(text, dialect="duckdb").sql(dialect="duckdb", pretty=True) if text else ""
    )


def _versions(edition: Edition, name: str) -> list[tuple[str, int]]:
    import json

    rows = edition.shelf.rows({"kpi": name})
    if not rows.num_rows:
        return []
    newest = pc.index(rows["reported_at"], pc.max(rows["reported_at"])).as_py()
    return sorted(json.loads(rows["table_versions"][newest].as_py()).items())


@router.get("/kpis/{name}/readings.{form}")
def readings(
    request: Request,
    who: Viewer,  # noqa: ARG001 - strangers get nothing
    name: str,
    form: Literal["csv", "parquet"],
) -> Response:
    """The readings of a KPI by the grain of the view, with all segments, as a file."""
    edition = site_of(request).edition
    view = View.of(request.query_params, edition.shelf, edition.definitions.settings.stages)
    if name not in edition.definitions.kpis:
        raise _missing(edition, name)
    wanted: dict[str, object] = {"kpi": name, "grain": view.grain}
    if view.stage is not None:
        wanted["stage"] = view.stage
    if view.dimension is not None:
        wanted |= {"dimension": view.dimension, "segment": view.segment}
    found = edition.shelf.rows(wanted).select(SHOWN.names)
    return files.response(found, form, f"{name}-{view.grain}")


def _missing(edition: Edition, name: str) -> NotFoundError:
    return NotFoundError(f'KPI "{name}" is not switched on', one_of(edition.definitions.kpis, name))
