"""Freshness of data, SQL, and who one is, as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from heedful.web import files
from heedful.web.guest import site_of
from heedful.web.pages.api_door import (
    CLASH,
    FILES,
    LIMIT,
    MOST,
    NOT_ALLOWED,
    PREFIX,
    WRONG,
    Form,
    Reader,
    Said,
    Told,
    Worker,
    answer,
)
from heedful.web.pages.data_tables import tables
from heedful.web.pages.sql_console import LONGEST, SECONDS, BusyError, ask

router = APIRouter(prefix=PREFIX, tags=["Data"], route_class=Told, responses=WRONG)
FOR_PROGRAMS = True


class TableModel(BaseModel):
    """A table as it stands."""

    table: str
    says: str
    state: Literal["fresh", "late", "empty", "idle"] = Field(
        description="idle: behind, and nothing that is measured waits for it."
    )
    rows: int
    newest: datetime | None
    expected_every_days: int | None = Field(description="By its own past; null: too short.")
    late_days: int = Field(description="Behind the table that reaches furthest.")
    rejected: int
    waiting: list[str] = Field(description="KPIs and experiments that need it.")
    sources: list[str]
    days: list[int] = Field(description="Rows of each of the last 28 days.")


class JoinModel(BaseModel):
    """How many rows of a table are of a known customer."""

    table: str
    rows: int
    named: int
    known: int


class JobModel(BaseModel):
    """A refresh."""

    running: bool
    began_at: datetime
    says: str
    done: int
    all: int
    failed: bool


class DataModel(BaseModel):
    """How fresh and how whole the data is."""

    measured_at: datetime | None
    until: datetime | None = Field(description="The newest row of all.")
    stale_days: int = Field(description="Since then, where imports stopped; else 0.")
    last_complete_day: date
    tables: list[TableModel]
    joins: list[JoinModel]
    job: JobModel | None


class Question(BaseModel):
    """One SELECT."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "SELECT kpi, count(*) FROM readings GROUP BY 1"}]
        },
    )

    query: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    limit: Annotated[int, Field(ge=1, le=MOST)] = LIMIT
    seconds: Annotated[float, Field(gt=0, le=SECONDS, allow_inf_nan=False)] = SECONDS
    format: Form = "json"


class ColumnModel(BaseModel):
    """A column of an answer."""

    name: str
    type: str


class RowsModel(BaseModel):
    """What came of a query."""

    columns: list[ColumnModel]
    rows: list[dict[str, Any]]
    cut: bool = Field(description="Whether there are more rows than `limit`.")
    seconds: float


class MeModel(BaseModel):
    """Who asks."""

    email: str
    name: str
    role: Literal["viewer", "analyst", "admin"]
    program: bool = Field(description="Whether a token spoke.")
    project: str


@router.get("/data", response_model=DataModel, summary="How fresh the data is", operation_id="data")
def data(request: Request, _who: Reader) -> Response:
    """Each table with its newest row, how often it is expected, and rows that were rejected."""
    site = site_of(request)
    edition = site.edition
    found = tables(edition)
    job = site.job
    return answer(
        {
            "measured_at": edition.measured_at,
            "until": found.until,
            "stale_days": found.stale,
            "last_complete_day": edition.last_day,
            "tables": [
                {
                    "table": one.name,
                    "says": one.says,
                    "state": one.state,
                    "rows": one.rows,
                    "newest": one.newest,
                    "expected_every_days": one.every,
                    "late_days": one.late,
                    "rejected": one.rejected,
                    "waiting": one.waiting,
                    "sources": one.sources,
                    "days": one.days,
                }
                for one in found.states
            ],
            "joins": found.joins,
            "job": job
            and {
                "running": job.running,
                "began_at": job.began_at,
                "says": job.says,
                "done": job.done,
                "all": job.all,
                "failed": job.failed,
            },
        }
    )


@router.post(
    "/sql",
    response_model=RowsModel,
    responses={
        **NOT_ALLOWED,
        **CLASH,
        **FILES,
        429: {"model": Said, "description": "Too many queries run already."},
    },
    summary="Answer a SELECT",
    operation_id="sql",
)
def sql(request: Request, who: Worker, given: Question) -> Response:
    """Read-only, over tables, `facts.<fact>`, `readings`, `rejected_rows` and `imports`.

    Rows hold personal data, so it takes the role analyst; every query is written down.
    """
    try:
        found = ask(
            site_of(request).edition, who, given.query, limit=given.limit, seconds=given.seconds
        )
    except BusyError as error:
        raise HTTPException(429, str(error), {"Retry-After": "5"}) from None
    if given.format != "json":
        return files.response(found.table, given.format, "query")
    columns = [{"name": field.name, "type": str(field.type)} for field in found.table.schema]
    return JSONResponse(
        {
            "columns": columns,
            "rows": files.rows(found.table),
            "cut": found.cut,
            "seconds": round(found.seconds, 3),
        }
    )


@router.get("/me", response_model=MeModel, summary="Who one is", operation_id="me")
def me(request: Request, who: Reader) -> Response:
    """Whom the token or the session speaks for, with the role it has."""
    return answer(
        {
            "email": who.email,
            "name": who.name,
            "role": who.role,
            "program": who.program,
            "project": site_of(request).edition.project.name,
        }
    )
