"""Findings and experiments as JSON."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from heedful.web.guest import site_of
from heedful.web.pages.api_door import (
    CLASH,
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
from heedful.web.pages.api_readings import Day

router = APIRouter(prefix=PREFIX, tags=["Findings and experiments"], route_class=Told)
FOR_PROGRAMS = True


class Open(BaseModel):
    """What may hold more fields than are named here."""

    model_config = ConfigDict(extra="allow")


class Where(Open):
    """A segment of a place, and its share of the change."""

    dimension: str
    segment: str | None
    share_of_change: float | None


class Who(Open):
    """A segment of people: what it adds by having grown, and by having changed."""

    dimension: str
    segment: str | None
    mix: float | None
    rate: float | None
    total: float | None


class Candidate(Open):
    """What may have to do with it; causal only where an experiment says so."""

    kind: str
    name: str
    at: date
    evidence: Literal["causal", "overlap"]


class Comment(Open):
    """What a customer wrote at that place and in that period."""

    text: str
    theme: str | None


class FindingModel(Open):
    """Something that changed, crossed a threshold or contradicts something else."""

    id: str
    kind: Literal["threshold", "change", "mismatch", "data"]
    state: Literal["open", "closed"]
    severity: Literal["info", "watch", "act"]
    kpi: str | None
    pattern: str | None
    stage: str | None
    dimension: str | None = Field(description="Of a segment with a limit of its own.")
    segment: str | None
    period_start: date
    value: float | None
    previous: float | None
    difference: float | None
    low: float | None
    high: float | None
    onset: Any
    where: list[Where]
    who: list[Who]
    candidates: list[Candidate]
    comments: list[Comment] = Field([], description="Only where one finding is asked for.")
    playbook: str | None
    owner: str | None


class FindingsPage(BaseModel):
    """Findings: open ones by rank, closed ones the newest first."""

    findings: list[FindingModel]
    next: str | None


class AskedFindings(Paged):
    """Which findings."""

    state: Literal["open", "closed", "all"] = "open"
    kind: Literal["threshold", "change", "mismatch", "data"] | None = None
    severity: Literal["info", "watch", "act"] | None = None
    kpi: str | None = Field(None, max_length=200)
    stage: str | None = Field(None, max_length=200)


@router.get(
    "/findings",
    response_model=FindingsPage,
    responses={**WRONG, **FILES},
    summary="Findings with their evidence",
    operation_id="findings",
)
def findings(request: Request, _who: Reader, asked: Annotated[AskedFindings, Query()]) -> Response:
    """What deserves attention: what, where, who, because of what, and what now."""
    edition = site_of(request).edition
    room = edition.project.findings
    every = edition.findings() if asked.state == "open" else room.all()
    found = [
        room.as_contract(one)
        for one in every
        if (asked.state == "all" or one.state == asked.state)
        and (asked.kind is None or one.kind == asked.kind)
        and (asked.severity is None or one.severity == asked.severity)
        and (asked.kpi is None or any(leg.kpi == asked.kpi for leg in one.legs))
        and (asked.stage is None or one.stage == asked.stage)
    ]
    return listed(request, found, asked, "findings")


@router.get(
    "/findings/{id}",
    response_model=FindingModel,
    responses=WRONG,
    summary="One finding, with what customers wrote",
    operation_id="finding",
)
def finding(
    request: Request,
    _who: Reader,
    id: Annotated[str, Path(max_length=200)],  # noqa: A002 - its name in addresses
) -> Response:
    """A finding keeps its id for as long as it stays."""
    room = site_of(request).edition.project.findings
    one = room.get(id)
    return answer(room.as_contract(one, comments=True))


class ExperimentLine(BaseModel):
    """An experiment as it stands."""

    stage: str
    experiment: str
    title: str
    state: Literal["planned", "running", "maturing", "finished"]
    days_left: int | None = Field(description="Until the next state.")
    owner: str
    primary: str
    design: str
    after: str | None
    start: date
    closes: date
    matures: date


class ExperimentsPage(BaseModel):
    """Experiments by stage in the order of the journey."""

    experiments: list[ExperimentLine]
    next: str | None


class Srm(Open):
    """Whether units fell on the variants as planned."""

    p_value: float | None
    state: Literal["ok", "caution", "fail"]


class ReadoutModel(Open):
    """An analysed experiment; the fields that scripts may rely on."""

    name: str
    design: str
    decision: Literal["ship", "do_not_ship", "keep_running", "needs_review", "invalid"]
    rule: str
    reasons: list[str]
    warnings: list[str]
    srm: Srm
    variants: list[dict[str, Any]]
    outcomes: list[dict[str, Any]]
    segments: list[dict[str, Any]]
    heterogeneity: list[dict[str, Any]]
    looks: list[dict[str, Any]]


class AskedExperiments(Paged):
    """Which experiments."""

    state: Literal["planned", "running", "maturing", "finished"] | None = None
    on: Day = Field(None, description="As they stand on this day; today without.")


@router.get(
    "/experiments",
    response_model=ExperimentsPage,
    responses={**WRONG, **FILES},
    summary="The portfolio of experiments",
    operation_id="experiments",
)
def experiments(
    request: Request, _who: Reader, asked: Annotated[AskedExperiments, Query()]
) -> Response:
    """All experiments by stage, how far each is, and how long it goes on."""
    rows = site_of(request).edition.project.experiments.portfolio(asked.on).rows
    found = [one for one in rows if asked.state is None or one.state == asked.state]
    return listed(request, found, asked, "experiments")


class AskedReadout(Asked):
    """Which readout."""

    as_of: Day = Field(None, description="As it stood at the end of this day.")


@router.get(
    "/experiments/{name}/readout",
    response_model=ReadoutModel,
    responses={**WRONG, **CLASH},
    summary="What came out of an experiment, and what to do",
    operation_id="readout",
)
def readout(
    request: Request,
    _who: Reader,
    name: Annotated[str, Path(max_length=200)],
    asked: Annotated[AskedReadout, Query()],
) -> Response:
    """The same as `heedful experiment readout`; signatures and rules stay side by side."""
    from heedful.experiments.contract import as_contract

    edition = site_of(request).edition
    one = edition.project.experiments[name]
    if asked.as_of is not None:
        return answer(as_contract(one.readout(as_of=asked.as_of)))
    return answer(edition.once(("api readout", name), lambda: as_contract(one.readout())))
