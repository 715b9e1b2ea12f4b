"""Readings and scores as JSON, CSV and Parquet."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from heedful.definitions.problem import one_of
from heedful.kpis.reported import SHOWN
from heedful.project import NotFoundError
from heedful.project.kpis import only
from heedful.scorecard.comparison import Comparison, compare
from heedful.scorecard.score import Score
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
    table,
)
from heedful.web.view import View, other

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.web.edition import Edition

router = APIRouter(prefix=PREFIX, tags=["Figures"], route_class=Told, responses=WRONG)
FOR_PROGRAMS = True

Grain = Literal["day", "week", "month", "quarter", "all"]
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
Day = Annotated[date | None, Field(ge=EARLIEST, le=LATEST)]


class Reading(BaseModel):
    """One value of one KPI for a period, a stage and a segment."""

    kpi: str = Field(examples=["csat"])
    grain: Grain
    period_start: date
    period_end: date = Field(description="The day after the last.")
    complete: bool = Field(description="Whether the period was over and everything of it known.")
    stage: str | None = Field(description="Null: all stages.")
    dimension: str | None = Field(description="Null: not broken down.")
    segment: str | None = Field(description="Value of the dimension; null also where not known.")
    value: float | None = Field(
        description="Shares are fractions, NPS is −100 to 100, durations are in hours or seconds"
        " as `unit` says, money is in the project's currency."
    )
    low: float | None = Field(description="Lower end of the 95% interval; null comes with `why`.")
    high: float | None
    n: int = Field(description="Rows that count.")
    customers: int
    weighted_n: float | None
    unit: str | None = Field(examples=["share"])
    why: str | None = Field(description="Why a number is missing.")
    method: str | None = Field(description="How the interval was made.")
    definition_hash: str | None
    table_versions: str | None = Field(description="JSON: version by table.")
    reported_at: str | None = Field(description="When it was measured.")


class ReadingsPage(BaseModel):
    """Readings in order of KPI, period, stage and segment."""

    readings: list[Reading]
    next: str | None = Field(description="Cursor of the rest; null: that was all.")
    notes: list[str] = Field(description="What a reader should know.")


class ScoresPage(BaseModel):
    """Empathy scores in order of period, stage and segment."""

    scores: list[Score]
    next: str | None


class AskedReadings(Paged):
    """Which readings."""

    kpi: list[str] = Field([], max_length=200, description="KPIs; all that are on without any.")
    by: str | None = Field(None, max_length=200, description="A dimension, or `stage`.")
    grain: Grain = "month"
    stage: str | None = Field(None, max_length=200, description="Only this stage.")
    since: Day = Field(None, alias="from", description="Periods that end after this day.")
    until: Day = Field(None, alias="to", description="Periods that begin before this day.")
    as_of: Day = Field(None, description="As they had been reported at the end of this day.")


@router.get(
    "/readings",
    response_model=ReadingsPage,
    responses={**FILES, **CLASH},
    summary="KPIs with their intervals",
    operation_id="readings",
)
def readings(request: Request, _who: Reader, asked: Annotated[AskedReadings, Query()]) -> Response:
    """The same as `heedful readings`: every value with its interval, its n and its period."""
    _in_order(asked.since, asked.until)
    edition = site_of(request).edition
    notes: list[str] = []
    if asked.as_of is not None:
        found = edition.project.kpis.readings(
            *asked.kpi,
            by=asked.by,
            grain=asked.grain,
            stage=asked.stage,
            since=asked.since,
            until=asked.until,
            as_of=asked.as_of,
        )
        return table(request, found, asked, "readings", notes=notes)
    found = _found(edition, asked, notes)
    return table(request, found, asked, "readings", edition.shelf.version, notes=notes)


def _found(edition: Edition, asked: AskedReadings, notes: list[str]) -> pa.Table:
    """Readings from the shelf; what no refresh has measured is computed once an edition."""
    definitions = edition.definitions
    wanted = [edition.project.kpis.get(name) for name in dict.fromkeys(asked.kpi)]
    _known("stage", asked.stage, definitions.settings.stages)
    kpis = wanted or list(definitions.kpis.values())
    staged = asked.by == "stage"
    dimension = None if staged else asked.by
    ids = pa.array([kpi.id for kpi in kpis], pa.string())
    key = ("api readings", asked.grain, dimension)
    found = edition.once(
        key,
        lambda: edition.shelf.rows({"grain": asked.grain, "dimension": dimension}).select(
            SHOWN.names
        ),
    )
    found = found.filter(pc.is_in(found["kpi"], ids))
    held = set(found["kpi"].unique().to_pylist())
    missing = [kpi for kpi in kpis if kpi.id not in held]
    if missing and (wanted or dimension):
        fresh = _computed(edition, missing, dimension, asked.grain, notes)
        found = pa.concat_tables([found, fresh])
    if staged:
        found = found.filter(pc.is_valid(found["stage"]))
    elif asked.stage is None:
        found = found.filter(pc.is_null(found["stage"]))
    found = only(found, asked.stage, asked.since, asked.until)
    keys = [(name, "ascending", "at_start") for name in ("kpi", "period_start", "stage")]
    return found.sort_by([*keys, ("segment", "ascending", "at_end")])


def _computed(
    edition: Edition,
    kpis: list[CatalogueKpi],
    dimension: str | None,
    grain: str,
    notes: list[str],
) -> pa.Table:
    def make() -> tuple[pa.Table, list[str]]:
        said: list[str] = []
        fresh = edition.project.kpis.computed(kpis, dimension, grain, said.append)
        return fresh.select(SHOWN.names), said

    key = ("api computed", tuple(kpi.id for kpi in kpis), dimension, grain)
    found, said = edition.once(key, make)
    notes += said
    return found


class AskedScores(Paged):
    """Which scores."""

    by: str | None = Field(None, max_length=200, description="A dimension.")
    grain: Grain = "month"
    stage: str | None = Field(None, max_length=200, description="Only this stage.")
    since: Day = Field(None, alias="from", description="Periods that end after this day.")
    until: Day = Field(None, alias="to", description="Periods that begin before this day.")
    as_of: Day = Field(None, description="From what had been reported at the end of this day.")


@router.get(
    "/score",
    response_model=ScoresPage,
    responses={**FILES, **CLASH},
    summary="The empathy score and what it is made of",
    operation_id="score",
)
def score(request: Request, _who: Reader, asked: Annotated[AskedScores, Query()]) -> Response:
    """The same as `heedful score`; the contributions of a score add up to it."""
    _in_order(asked.since, asked.until)
    edition = site_of(request).edition
    _known("stage", asked.stage, edition.definitions.settings.stages)
    by = None if asked.by == "stage" else asked.by
    if asked.as_of is not None:
        scores = edition.project.scorecard.scores(by=by, grain=asked.grain, as_of=asked.as_of)
    elif by is None:
        scores = edition.scores(asked.grain)
    else:
        scores = edition.once(
            ("api scores", asked.grain, by),
            lambda: edition.project.scorecard.scores(by=by, grain=asked.grain),
        )
    found = [
        one
        for one in scores
        if (asked.stage is None or one.stage == asked.stage)
        and (asked.since is None or one.period_end > asked.since)
        and (asked.until is None or one.period_start < asked.until)
    ]
    return listed(request, found, asked, "scores")


class AskedComparison(Asked):
    """Which periods are compared."""

    grain: Literal["week", "month", "quarter"] = "month"
    period: Day = Field(None, description="Any day in it; the newest complete one without.")
    against: Literal["previous", "year"] = "previous"
    stage: str | None = Field(None, max_length=200)
    segment: str | None = Field(
        None, max_length=400, description="Only some customers: `dimension:segment`."
    )


class Compared(BaseModel):
    """A score against an earlier one."""

    grain: str
    period_start: date | None
    against_start: date | None
    stage: str | None
    dimension: str | None
    segment: str | None
    comparison: Comparison | None = Field(description="Null where nothing has data.")


@router.get(
    "/score/comparison",
    response_model=Compared,
    summary="How the score moved, and which parts moved it",
    operation_id="score_comparison",
)
def comparison(
    request: Request, _who: Reader, asked: Annotated[AskedComparison, Query()]
) -> Response:
    """On the KPIs that both periods have; the parts of the change add up to it."""
    edition = site_of(request).edition
    query = {name: str(value) for name, value in asked.model_dump().items() if value is not None}
    view = View.of(query, edition.shelf, edition.definitions.settings.stages)
    period = view.period
    against = other(view.grain, period.start, asked.against) if period else None
    found = None
    if period is not None and against is not None:
        found = compare(
            edition.definitions,
            edition.shelf,
            view.grain,
            against.start,
            period.start,
            stage=view.stage,
            dimension=view.dimension,
            segment=view.segment,
        )
    return answer(
        {
            "grain": view.grain,
            "period_start": period.start if period else None,
            "against_start": against.start if against else None,
            "stage": view.stage,
            "dimension": view.dimension,
            "segment": view.segment,
            "comparison": found,
        }
    )


def _known(what: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise NotFoundError(f'{what} "{value}" does not exist', one_of(known, value))


def _in_order(since: date | None, until: date | None) -> None:
    from heedful.web.view import ViewError

    if since and until and until <= since:
        raise ViewError(f"to={until} is not after from={since}; swap them")
