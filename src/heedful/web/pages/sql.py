"""SQL: a console that reads the project's data, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from heedful.engines.duckdb import QueryError
from heedful.experiments.wording import NOTHING
from heedful.ledger.refusal import RefusedError
from heedful.web import files
from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages.definitions_text import coded
from heedful.web.pages.sql_console import (
    LONGEST,
    MOST_ROWS,
    SECONDS,
    BusyError,
    Result,
    ask,
    line_of,
)
from heedful.web.pages.sql_schema import examples, relations
from heedful.web.render import page

if TYPE_CHECKING:
    import pyarrow as pa

router = APIRouter(include_in_schema=False)
LIMITS = (100, 500, 2000)
LONG_CELL = 400
"""Longer texts are cut on the page; files have them whole."""
_EXCERPT = re.compile(r"\n\s*LINE \d+:.*", re.DOTALL)
Asked = Annotated[str, Query(max_length=LONGEST)]


@dataclass(frozen=True, slots=True)
class Head:
    """A column of the answer."""

    name: str
    kind: str
    right: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of the answer."""

    text: str
    right: bool
    none: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """A query that failed.

    Attributes:
        says: What is wrong.
        lines: The query's lines.
        line: The one it is about, counted from 1; None where nobody knows.
    """

    says: str
    lines: tuple[str, ...]
    line: int | None


@router.get("/sql")
def sql(
    request: Request, who: Viewer, q: Asked = "", limit: Annotated[int, Query(ge=1)] = LIMITS[0]
) -> Response:
    """The console; who follows a link to a query sees its answer."""
    edition = site_of(request).edition
    q = q.replace("\r\n", "\n")
    limit = min(limit, LIMITS[-1])
    allowed = who.may("analyst")
    foreign = _foreign(request)
    result: Result | None = None
    wrong: Wrong | None = None
    if q.strip() and allowed and not foreign:
        try:
            result = ask(edition, who, q, limit=limit)
        except QueryError as error:
            says = _EXCERPT.sub("", str(error)).strip()
            wrong = Wrong(says, tuple(q.splitlines()), line_of(error, q))
        except (RefusedError, BusyError) as error:
            wrong = Wrong(str(error), (), None)
    heads, rows = shown(result.table) if result else ([], [])
    query = urlencode({"q": q})
    return page(
        request,
        "sql.html",
        who,
        title="SQL",
        status=400 if wrong else 200,
        q=q,
        limit=limit,
        limits=LIMITS if limit in LIMITS else tuple(sorted({*LIMITS, limit})),
        allowed=allowed,
        foreign=foreign and bool(q.strip()) and allowed,
        result=result,
        wrong=wrong,
        heads=heads,
        rows=rows,
        files=[(name, f"/sql/rows.{form}?{query}") for name, form in FORMS],
        relations=relations(edition),
        coded=coded,
        examples=[
            (one.title, "/sql?" + urlencode({"q": one.query}), one.query)
            for one in examples(edition)
        ],
        seconds=SECONDS,
        most=MOST_ROWS,
    )


FORMS: tuple[tuple[str, Literal["csv", "parquet", "json"]], ...] = (
    ("CSV", "csv"),
    ("Parquet", "parquet"),
    ("JSON", "json"),
)


@router.get("/sql/rows.{form}")
def rows(
    request: Request,
    who: Analyst,
    form: Literal["csv", "parquet", "json"],
    q: Asked,
) -> Response:
    """The answer as a file, with many more rows than the page shows."""
    if _foreign(request):
        raise HTTPException(403, "This came from another site; ask on the page for SQL.")
    try:
        found = ask(site_of(request).edition, who, q, limit=MOST_ROWS)
    except (QueryError, RefusedError) as error:
        raise HTTPException(400, str(error)) from None
    except BusyError as error:
        raise HTTPException(429, str(error)) from None
    if form == "json":
        name = {"Content-Disposition": 'attachment; filename="query.json"'}
        return JSONResponse(files.rows(found.table), headers=name)
    return files.response(found.table, form, "query")


def _foreign(request: Request) -> bool:
    """Whether another site led here: its queries are read by a person before they run."""
    return request.headers.get("sec-fetch-site") == "cross-site"


def shown(table: pa.Table) -> tuple[list[Head], list[list[Cell]]]:
    """Heads and cells of an answer: numbers to the right, a dash for what is missing."""
    import pyarrow as pa

    heads, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        kind = field.type
        right = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        heads.append(Head(field.name, str(kind), right))
        columns.append([_cell(value, right=right) for value in files.values(column)])
    return heads, [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any, *, right: bool) -> Cell:
    if value is None:
        return Cell(NOTHING, right, none=True)
    if isinstance(value, float):
        text = f"{value:.6g}" if abs(value) < 1e6 else f"{value:.2f}".rstrip("0").rstrip(".")
        return Cell(text.replace("-", "−"), right)
    if right:
        return Cell(str(value).replace("-", "−"), right)
    text = str(value)
    return Cell(text if len(text) <= LONG_CELL else text[: LONG_CELL - 1] + "…", right)
