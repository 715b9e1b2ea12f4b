"""Commands that bring data in, bring readings up to date, and look at rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from heedful.cli.findings import looked
from heedful.cli.options import Folder, Output, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, bars, err, out, rows_of
from heedful.cli.privacy import resumed

if TYPE_CHECKING:
    from heedful.project import Project

MANY = 0.1
COUNTS = ("read", "inserted", "updated", "unchanged", "left_out", "rejected")


def import_(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Only these; all without.")
    ] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Read the files of `sources/` into the tables."""
    found = opened(project)
    resumed(found)
    done = imported(found, sources or [])
    rows = [_row(one) for one in done]
    names = ["source", "table", *COUNTS]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, names)
    elif not rows:
        err.print(
            "No sources yet: say where your files are in sources/*.yaml (see sources/README.md)."
        )
    else:
        cells = [[r["source"], r["table"], *(f"{r[n]:,}" for n in COUNTS)] for r in rows]
        heads = [name.replace("_", " ") for name in names]
        as_table(cells, heads, right=range(2, len(heads)))
    _notes(done)
    useless = [r for r in rows if r["rejected"] and r["rejected"] == r["read"]]
    if useless:
        raise typer.Exit(1)


def imported(project: Project, sources: list[str]) -> list[Any]:
    """Import with a progress bar."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as bars:
        tasks: dict[str, Any] = {}

        def tell(source: str, what: str, done: int, all_: int) -> None:
            if source not in tasks:
                tasks[source] = bars.add_task(source, total=None)
            if all_:
                bars.update(tasks[source], total=all_, completed=done)
            bars.update(tasks[source], description=f"{source}: {what}")

        found = []
        for one in project.tables.import_(sources, tell):
            found.append(one)
            if one.source in tasks:
                bars.remove_task(tasks[one.source])
        return found


def _row(one: Any) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in one.__dataclass_fields__}
    row["notes"] = list(row["notes"])
    return row


def _notes(done: list[Any]) -> None:
    for one in done:
        for note in one.notes:
            err.print(f"{one.source}: {note}", markup=False)
        if one.rejected > MANY * one.read:
            share = f"{100 * one.rejected / one.read:.0f}%"
            hint = "is everything under read: right?"
            err.print(f"{one.source}: {share} of its rows were rejected; {hint}", markup=False)
    bad = sum(one.rejected for one in done)
    if bad:
        rows = "row was" if bad == 1 else "rows were"
        err.print(f"{bad:,} {rows} rejected and kept with the reason: heedful rejected")


def rejected(project: Folder = Path(), format_: Output = Format.table) -> None:
    """Show rows that could not be taken over, with file, line and reason."""
    rows, names = rows_of(opened(project).tables.rejected())
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, names)
    elif not rows:
        err.print("No rejected rows.")
    else:
        for row in rows[:200]:
            place = f"{row['file']}:{row['line']}" if row["line"] is not None else row["file"]
            out.print(f"{place}: {row['reason']}", markup=False)
        if len(rows) > 200:
            err.print(f"and {len(rows) - 200:,} more; all of them with --format csv")


def refresh(
    full: Annotated[bool, typer.Option("--full", help="Recompute everything.")] = False,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Recompute what changed since the last refresh."""
    found = opened(project)
    resumed(found)
    done = refreshed(found, full)
    rows = [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in done]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, list(rows[0]) if rows else [])
    elif not rows:
        err.print("No KPIs are switched on: put files into kpis/.")
    else:
        cells = [
            [
                r["fact"],
                r["state"],
                _span(r),
                f"{r['rows']:,}",
                str(r["kpis"]),
                f"{r['readings']:,}",
            ]
            for r in rows
        ]
        as_table(cells, ["fact", "done", "days", "rows", "KPIs", "readings"], right=(3, 4, 5))
        if all(row["state"] == "no data" for row in rows):
            err.print("No table has data yet: heedful import")
    if any(row["state"] != "no data" for row in rows):
        looked(found)


def refreshed(project: Project, full: bool = False) -> list[Any]:
    """Refresh with a progress bar."""
    with bars() as shown:
        task = shown.add_task("refresh", total=None)

        def tell(fact: str, done: int, all_: int) -> None:
            shown.update(task, total=all_, completed=done, description=f"measuring {fact}")

        return project.refresh(full=full, progress=tell)


def _span(row: dict[str, Any]) -> str:
    if row["state"] in {"unchanged", "no data"}:
        return "–"
    if row["since"] is None:
        return "all"
    return f"{row['since']} – {row['until'] or ''}"


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT.")],
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Answer a SELECT over tables, facts.*, readings, rejected_rows and imports; read-only."""
    found = opened(project).sql(query)
    rows, names = rows_of(found)
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, names)
    else:
        import pyarrow as pa

        numeric = [
            n
            for n, field in enumerate(found.schema)
            if pa.types.is_integer(field.type)
            or pa.types.is_floating(field.type)
            or pa.types.is_decimal(field.type)
        ]
        as_table([[_cell(r[n]) for n in names] for r in rows[:500]], names, right=numeric)
        if len(rows) > 500:
            err.print(f"500 of {len(rows):,} rows; all of them with --format csv")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
