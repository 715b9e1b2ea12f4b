"""Actions as JSON: what people do about findings, made and changed by programs too."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from heedful.web.guest import site_of
from heedful.web.pages.api_door import (
    CLASH,
    FILES,
    NOT_ALLOWED,
    PREFIX,
    WRONG,
    Paged,
    Reader,
    Told,
    Worker,
    answer,
    listed,
)
from heedful.web.pages.api_readings import EARLIEST, LATEST, Day

router = APIRouter(prefix=PREFIX, tags=["Actions"], route_class=Told, responses=WRONG)
FOR_PROGRAMS = True

Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The action's number.")]
Text = Annotated[str, Field(max_length=500)]
Value = Annotated[float | None, Field(allow_inf_nan=False)]


class ActionModel(BaseModel):
    """What someone does about a finding, and what came of it."""

    model_config = ConfigDict(extra="allow")

    id: int
    title: str
    owner: str = Field(description="A team's id.")
    due: date
    state: Literal["open", "done", "dropped"]
    finding: str | None
    kpi: str | None
    stage: str | None
    dimension: str | None
    segment: str | None
    grain: str
    value: float | None = Field(description="The KPI when the action was made.")
    expected: float | None = Field(description="The value that is to be reached.")
    made_by: str
    made_at: datetime
    started_at: datetime | None
    done_on: date | None
    closed_at: datetime | None
    closed_by: str | None
    note: str | None
    outcome: dict[str, Any] | None = Field(
        description="The KPI after it beside the KPI before it; not that it was because of it."
    )


class ActionsPage(BaseModel):
    """Actions: open ones by due date, then the others, the newest first."""

    actions: list[ActionModel]
    next: str | None


class NewAction(BaseModel):
    """An action to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"title": "Call back within a day", "owner": "cx", "due": "2026-10-01"},
            ]
        },
    )

    title: Annotated[str, Field(min_length=1, max_length=500)]
    owner: Text = Field(description="A team's id.")
    due: date = Field(ge=EARLIEST, le=LATEST)
    finding: Text | None = Field(None, description="KPI, stage and value are taken from it.")
    kpi: Text | None = None
    stage: Text | None = None
    dimension: Text | None = None
    segment: Text | None = None
    grain: Literal["week", "month", "quarter"] = "week"
    expected: Value = None


class ChangedAction(BaseModel):
    """What is to change; what is not named stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"state": "done", "note": "All agents were told."}]},
    )

    title: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    owner: Text | None = None
    due: date | None = Field(None, ge=EARLIEST, le=LATEST)
    expected: Value = None
    note: Annotated[str, Field(max_length=10_000)] | None = None
    state: Literal["started", "done", "dropped"] | None = None
    done_on: date | None = Field(None, ge=EARLIEST, le=LATEST, description="With state done.")


class AskedActions(Paged):
    """Which actions."""

    state: Literal["open", "done", "dropped"] | None = None
    owner: str | None = Field(None, max_length=200)
    due: Day = Field(None, description="Open ones that are due on this day, or were before it.")


@router.get(
    "/actions",
    response_model=ActionsPage,
    responses=FILES,
    summary="Actions and what came of them",
    operation_id="actions",
)
def actions(request: Request, _who: Reader, asked: Annotated[AskedActions, Query()]) -> Response:
    """All actions, or some of them."""
    found = [
        one
        for one in site_of(request).edition.project.actions.all(asked.state)
        if (asked.owner is None or one.owner == asked.owner)
        and (asked.due is None or (one.state == "open" and one.due <= asked.due))
    ]
    return listed(request, found, asked, "actions")


@router.get(
    "/actions/{number}",
    response_model=ActionModel,
    summary="One action",
    operation_id="action",
)
def action(request: Request, _who: Reader, number: Number) -> Response:
    """With its outcome, where it is done and a KPI is named."""
    return answer(site_of(request).edition.project.actions.get(number))


@router.post(
    "/actions",
    status_code=201,
    response_model=ActionModel,
    responses={**NOT_ALLOWED, **CLASH},
    summary="Make an action",
    operation_id="make_action",
)
def make(request: Request, who: Worker, given: NewAction) -> Response:
    """An analyst makes an action, most often from a finding."""
    edition = site_of(request).edition
    made = edition.project.actions.make(
        given.title,
        given.owner,
        given.due,
        by=who.email,
        finding=given.finding,
        kpi=given.kpi,
        stage=given.stage,
        dimension=given.dimension,
        segment=given.segment,
        grain=given.grain,
        expected=given.expected,
        shelf=edition.shelf,
    )
    edition.forget("actions")
    return answer(made, 201, {"Location": f"{PREFIX}/actions/{made.id}"})


@router.patch(
    "/actions/{number}",
    response_model=ActionModel,
    responses={**NOT_ALLOWED, **CLASH},
    summary="Change, close or drop an action",
    operation_id="change_action",
)
def change(request: Request, who: Worker, number: Number, given: ChangedAction) -> Response:
    """Only open actions change; closing one measures its effect as soon as readings allow."""
    edition = site_of(request).edition
    room = edition.project.actions
    changes = given.model_dump(exclude_unset=True)
    state, done_on = changes.pop("state", None), changes.pop("done_on", None)
    for name in ("title", "owner", "due"):
        if name in changes and changes[name] is None:
            raise HTTPException(422, f"{name}: it cannot be taken away; leave it out, or name one")
    if done_on is not None and state != "done":
        raise HTTPException(422, "done_on: it comes with state done only")
    note = changes.get("note") if state in {"done", "dropped"} else None
    if note is not None:
        del changes["note"]
    one = room.edit(number, who.email, **changes) if changes else room.get(number)
    if state == "started":
        one = room.start(number, who.email)
    elif state == "done":
        one = room.close(number, who.email, done_on, note, shelf=edition.shelf)
    elif state == "dropped":
        one = room.drop(number, who.email, note)
    edition.forget("actions")
    return answer(one)
