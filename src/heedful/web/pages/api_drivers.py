"""Drivers as JSON: associations, and the experiments that say more."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from heedful.web.guest import site_of
from heedful.web.pages.api_door import CLASH, PREFIX, WRONG, Asked, Reader, Told, answer
from heedful.web.pages.drivers import waited

router = APIRouter(prefix=PREFIX, tags=["Drivers"], route_class=Told)
FOR_PROGRAMS = True


class Open(BaseModel):
    """What may hold more fields than are named here."""

    model_config = ConfigDict(extra="allow")


class DriverModel(Open):
    """One experience: an association, unless an experiment takes precedence."""

    kpi: str
    title: str
    dimension: str | None
    segment: str | None
    better: str
    worse: str
    evidence: Literal["association", "experiment"]
    difference: float | None = Field(
        description="Outcome after the better experience less after the worse, adjusted."
    )
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    rank: int | None
    unadjusted: float | None
    better_customers: int
    worse_customers: int
    overlap: float | None
    e_value: float | None
    e_value_low: float | None
    why: str | None = Field(description="Why there is no number.")
    money: dict[str, Any] | None
    experiment: dict[str, Any] | None


class DriversModel(Open):
    """What goes with an outcome; associations are no causes."""

    outcome: Literal["retention", "repeat_purchase", "revenue"]
    says: str
    days: int
    unit: Literal["share", "money"]
    currency: str | None
    first: date | None
    last: date | None
    landmarks: int
    customers: int
    mean: float | None
    waiting: int
    adjusted_for: list[str]
    drivers: list[DriverModel]
    why: str | None


class AskedDrivers(Asked):
    """Which drivers."""

    outcome: Literal["retention", "repeat_purchase", "revenue"]
    by: str | None = Field(
        None, max_length=200, description="A dimension: within each segment of customers."
    )


@router.get(
    "/drivers",
    response_model=DriversModel,
    responses={**WRONG, **CLASH},
    summary="Which experiences go with who stays, buys again and pays",
    operation_id="drivers",
)
def drivers(request: Request, _who: Reader, asked: Annotated[AskedDrivers, Query()]) -> Response:
    """The same as `heedful drivers`, for the days that are usual; made once after each refresh."""
    return answer(waited(site_of(request).edition, asked.outcome, asked.by or ""))
