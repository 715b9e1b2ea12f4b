"""Rows that could not be taken over: kept beside the good ones, with the reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from heedful.engines.duckdb import DuckDB
from heedful.web import files
from heedful.web.guest import Analyst, site_of
from heedful.web.pages.data_tables import imported
from heedful.web.render import page

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)
AT_A_TIME = 100
MOST = 100_000
# What stands between quotes is what was found: a person's words, or their name.
WHY = "regexp_replace(reason, '\".*\"', '…', 's')"
Text = Annotated[str | None, Query(max_length=1000)]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that were rejected for the same reason.

    Attributes:
        table: Where they were to go.
        source: Where they came from.
        why: The reason, without what was found.
        rows: How many.
        file: The file of the first.
        line: Its line; None where it has none.
        example: What stands in it, in short.
        link: All of them.
    """

    table: str
    source: str
    why: str
    rows: int
    file: str
    line: int | None
    example: str
    link: str


def groups(edition: Edition) -> tuple[Group, ...]:
    """Rejected rows by table and reason, the most first; looked up once an import."""
    return edition.once(("rejected groups", imported(edition)), lambda: _groups(edition))


def _groups(edition: Edition) -> tuple[Group, ...]:
    first = "coalesce(line, 0)"
    found = _asked(
        edition,
        f'SELECT "table", source, {WHY} AS why, count(*) AS n, arg_min(file, {first}) AS file,'
        f' min(line) AS line, arg_min("values", {first}) AS example'
        " FROM rejected_rows GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3",
    )
    if found is None:
        return ()
    return tuple(
        Group(
            row["table"],
            row["source"],
            row["why"],
            row["n"],
            row["file"],
            row["line"],
            short(row["example"]),
            "/data/rejected?"
            + urlencode({"table": row["table"], "source": row["source"], "why": row["why"]}),
        )
        for row in found.to_pylist()
    )


def short(values: str | None, most: int = 90) -> str:
    """The first values of a rejected row that are not empty.

    >>> short('{"id":"t1","opened":"yesterday","by":"-"}')
    'id t1, opened yesterday'
    """
    try:
        given = json.loads(values or "{}")
    except ValueError:
        return (values or "")[:most]
    if not isinstance(given, dict):
        return str(given)[:most]
    told = [f"{name} {value}" for name, value in given.items() if value not in {None, "", "-"}]
    text = ", ".join(told[:4])
    return text if len(text) <= most else text[: most - 1] + "…"


def _asked(edition: Edition, sql: str, parameters: list[object] | None = None) -> pa.Table | None:
    """Ask rejected rows by themselves: quicker than with every table beside them."""
    snapshot = edition.project.books.snapshot("rejected_rows")
    if snapshot is None:
        return None
    engine = DuckDB()
    try:
        engine.attach("rejected_rows", snapshot)
        return engine.query(sql, parameters)
    finally:
        engine.close()


def _rows(
    edition: Edition,
    table: str | None,
    source: str | None,
    why: str | None,
    limit: int,
    skip: int = 0,
) -> pa.Table | None:
    given = [(column, v) for column, v in (('"table"', table), ("source", source), (WHY, why)) if v]
    where = " AND ".join(f"{column} = ?" for column, _ in given) or "true"
    return _asked(
        edition,
        'SELECT source, "table", file, line, reason, "values", rejected_at FROM rejected_rows'
        f" WHERE {where} ORDER BY source, file, line, reason LIMIT {limit:d} OFFSET {skip:d}",
        [value for _, value in given],
    )


@router.get("/data/rejected")
def rejected(
    request: Request,
    who: Analyst,
    table: Text = None,
    source: Text = None,
    why: Text = None,
    page_: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """The rows themselves, which hold what people wrote: for analysts."""
    edition = site_of(request).edition
    # One more than is shown tells whether there is a next page.
    found = _rows(edition, table, source, why, AT_A_TIME + 1, (page_ - 1) * AT_A_TIME)
    given: list[dict[str, Any]] = found.to_pylist() if found is not None else []
    query = {
        name: value for name, value in (("table", table), ("source", source), ("why", why)) if value
    }

    def link(number: int) -> str:
        more = {"page": str(number)} if number > 1 else {}
        return "/data/rejected?" + urlencode({**query, **more})

    return page(
        request,
        "data_rejected.html",
        who,
        title="Rejected rows",
        crumbs=(("Data", "/data"), ("Rejected rows", None)),
        rows=given[:AT_A_TIME],
        first=(page_ - 1) * AT_A_TIME + 1,
        table=table,
        source=source,
        why=why,
        total=_total(edition, table, source, why),
        before=link(page_ - 1) if page_ > 1 else None,
        after=link(page_ + 1) if len(given) > AT_A_TIME else None,
        file="/data/rejected.csv" + (f"?{urlencode(query)}" if query else ""),
        most=MOST,
    )


def _total(edition: Edition, table: str | None, source: str | None, why: str | None) -> int:
    return sum(
        one.rows
        for one in groups(edition)
        if (not table or one.table == table)
        and (not source or one.source == source)
        and (not why or one.why == why)
    )


@router.get("/data/rejected.csv")
def rejected_csv(
    request: Request, who: Analyst, table: Text = None, source: Text = None, why: Text = None
) -> Response:
    """The rows as CSV; who took them is written down."""
    import pyarrow as pa

    edition = site_of(request).edition
    found = _rows(edition, table, source, why, MOST)
    if found is None:
        found = pa.table({"source": pa.array([], pa.string())})
    about = ", ".join(one for one in (table, source, why) if one) or "all"
    edition.project.audit.add(who.email, "downloaded", "rejected rows", about)
    return files.response(found, "csv", f"rejected-{table}" if table else "rejected")
