"""The audit of the catalogue and the plan of the first 90 days as JSON."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from heedful.project.inventory import as_contract
from heedful.web.guest import site_of
from heedful.web.pages.api_door import PREFIX, WRONG, Reader, Told, answer
from heedful.web.pages.audit import inventory, rollout

router = APIRouter(prefix=PREFIX, tags=["Data"], route_class=Told, responses=WRONG)
FOR_PROGRAMS = True


class KpiAuditModel(BaseModel):
    """What is there for a KPI, and what is missing."""

    kpi: str
    title: str
    layer: str
    core: bool
    stages: list[str]
    owner: str | None
    on: bool
    state: Literal["measured", "ready", "waiting", "missing", "planned"]
    fact: str | None
    rows: int | None = Field(description="Rows that count; null: its fact was never built.")
    newest: date | None
    late: int | None = Field(description="Days behind, beyond the rhythm of its tables.")
    complete: float | None = Field(description="Share of rows in which what it needs is known.")
    joined: float | None = Field(description="Share of rows that are of a known customer.")
    table: str | None
    tables: list[str]
    columns: list[str]
    filled: dict[str, float]
    events: list[str]
    next: list[str]
    rank: int | None


class StepModel(BaseModel):
    """One thing to instrument."""

    does: str
    kpis: list[str]
    alone: list[str] = Field(description="Those that need nothing else.")
    core: bool
    stages: list[str] = Field(description="Stages in which nothing is measured yet.")


class JoinRateModel(BaseModel):
    """How many rows of a table are of a known customer."""

    table: str
    rows: int
    named: int
    known: int
    rate: float


class AuditModel(BaseModel):
    """What can be measured, how well, and what to instrument next."""

    on: date
    until: date | None
    stopped: int
    summary: str
    kpis: list[KpiAuditModel]
    steps: list[StepModel]
    joins: list[JoinRateModel]
    empty_stages: list[str]
    began: date | None
    measured: date | None


class TaskModel(BaseModel):
    """One step of the plan."""

    phase: Literal["define", "instrument", "operate"]
    does: str
    done: bool
    evidence: str
    next: str
    owners: list[str]


class PlanModel(BaseModel):
    """The plan of the first 90 days, as far as it is done."""

    on: date
    began: date | None
    day: int | None
    phase: Literal["define", "instrument", "operate"] | None
    tasks: list[TaskModel]


@router.get(
    "/audit",
    response_model=AuditModel,
    summary="What can be measured, and what to instrument next",
    operation_id="audit",
)
def audit(request: Request, _who: Reader) -> Response:
    """The same as `heedful audit`."""
    return answer(as_contract(inventory(site_of(request).edition)))


@router.get(
    "/plan", response_model=PlanModel, summary="The plan of the first 90 days", operation_id="plan"
)
def plan(request: Request, _who: Reader) -> Response:
    """The same as `heedful audit --plan`."""
    return answer(rollout(site_of(request).edition))
