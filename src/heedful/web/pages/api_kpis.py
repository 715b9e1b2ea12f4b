"""The catalogue of KPIs as JSON, and one KPI with all that makes its number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from heedful.web.guest import site_of
from heedful.web.pages.api_door import (
    FILES,
    PREFIX,
    WRONG,
    Asked,
    Paged,
    Reader,
    Told,
    answer,
    listed,
)

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.web.edition import Edition

router = APIRouter(prefix=PREFIX, tags=["Definitions"], route_class=Told, responses=WRONG)
FOR_PROGRAMS = True


class KpiLine(BaseModel):
    """A KPI of the catalogue."""

    kpi: str = Field(examples=["csat"])
    title: str
    state: str = Field(description="on, off or planned")
    layer: str
    timing: str = Field(description="leading, lagging or diagnostic")
    better: str = Field(description="higher or lower")
    fact: str | None
    owner: str | None = Field(description="A team's id.")
    target: float | None
    unit: str | None
    says: str


class KpisPage(BaseModel):
    """KPIs: those that are on, then the rest of the catalogue."""

    kpis: list[KpiLine]
    next: str | None


class KpiWhole(BaseModel):
    """A KPI with all that makes its number."""

    kpi: str
    title: str
    says: str
    state: str
    layer: str
    timing: str
    better: str
    stages: list[str]
    fact: str | None
    fact_says: str | None
    measure: dict[str, Any] | None
    measured: str = Field(description="The measure and its interval in words.")
    where: str | None
    weighted: bool
    unit: str = Field(description="What is clustered: customer or account.")
    window_days: int
    threshold: dict[str, Any] | None
    target: float | None
    scale: dict[str, Any] | None
    owner: str | None
    team: str | None
    overrides: list[dict[str, Any]] = Field(
        description="Other targets, thresholds and owners, by stage and segment."
    )
    playbook: str | None
    definition_hash: str | None
    table_versions: dict[str, int] = Field(description="Versions behind the newest readings.")
    columns: dict[str, str] = Field(description="What the columns of the fact mean.")
    fact_sql: str | None
    sql: str | None = Field(description="What its totals come from; null without data.")


class AskedKpis(Paged):
    """Which KPIs."""

    state: str | None = Field(None, pattern="^(on|off|planned)$", description="Only these.")


class AskedKpi(Asked):
    """How the SQL of a KPI is laid out."""

    grain: str = Field(
        "month", pattern="^(day|week|month|quarter|all)$", description="Grain of the SQL."
    )


def state_of(edition: Edition, kpi: CatalogueKpi) -> str:
    """Whether a KPI is on, off or only planned."""
    if kpi.id in edition.definitions.kpis:
        return "on"
    return "planned" if kpi.planned else "off"


@router.get(
    "/kpis",
    response_model=KpisPage,
    responses=FILES,
    summary="The catalogue as this project uses it",
    operation_id="kpis",
)
def kpis(request: Request, _who: Reader, asked: Annotated[AskedKpis, Query()]) -> Response:
    """The same as `heedful kpis`."""
    edition = site_of(request).edition
    found = [
        {
            "kpi": kpi.id,
            "title": kpi.title,
            "state": state_of(edition, kpi),
            "layer": kpi.layer,
            "timing": kpi.timing,
            "better": kpi.better,
            "fact": kpi.fact,
            "owner": kpi.owner,
            "target": kpi.target,
            "unit": kpi.measure.unit if kpi.measure else None,
            "says": kpi.says,
        }
        for kpi in edition.project.kpis.all()
        if asked.state is None or state_of(edition, kpi) == asked.state
    ]
    return listed(request, found, asked, "kpis")


@router.get(
    "/kpis/{id}",
    response_model=KpiWhole,
    summary="One KPI: definition, owner, SQL, table versions",
    operation_id="kpi",
)
def kpi(
    request: Request,
    _who: Reader,
    id: Annotated[str, Path(max_length=200)],  # noqa: A002 - its name in addresses
    asked: Annotated[AskedKpi, Query()],
) -> Response:
    """The same as `heedful explain`."""
    edition = site_of(request).edition
    one = edition.project.kpis.get(id)
    grain = asked.grain
    return answer(edition.once(("api kpi", id, grain), lambda: _whole(edition, one, grain)))


def _whole(edition: Edition, one: CatalogueKpi, grain: str) -> dict[str, Any]:
    from heedful.web.measuring import measured

    project = edition.project
    fact = project.facts[str(one.fact)]
    teams = edition.definitions.settings.teams
    allowed = grain in fact.grains
    return {
        "kpi": one.id,
        "title": one.title,
        "says": one.says,
        "state": state_of(edition, one),
        "layer": one.layer,
        "timing": one.timing,
        "better": one.better,
        "stages": one.stages,
        "fact": one.fact,
        "fact_says": fact.says,
        "measure": one.measure.model_dump(mode="json", by_alias=True) if one.measure else None,
        "measured": measured(one),
        "where": one.where,
        "weighted": one.weighted,
        "unit": one.unit,
        "window_days": one.window_days,
        "threshold": one.threshold.model_dump(mode="json") if one.threshold else None,
        "target": one.target,
        "scale": one.scale.model_dump(mode="json") if one.scale else None,
        "owner": one.owner,
        "team": teams[one.owner].name if one.owner in teams else None,
        "overrides": one.told(),
        "playbook": one.playbook,
        "definition_hash": project.kpis.definition_hash(one.id),
        "table_versions": versions(edition, one.id),
        "columns": dict(fact.columns),
        "fact_sql": fact.sql,
        "sql": (project.kpis.sql(one.id, grain) or None) if allowed else None,
    }


def versions(edition: Edition, kpi: str) -> dict[str, int]:
    """Versions of the tables behind the newest readings of a KPI."""
    import pyarrow.compute as pc

    rows = edition.shelf.rows({"kpi": kpi})
    if not rows.num_rows:
        return {}
    newest = pc.index(rows["reported_at"], pc.max(rows["reported_at"])).as_py()
    found: dict[str, int] = json.loads(rows["table_versions"][newest].as_py())
    return found
