"""The command that compares two sources of one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from heedful.cli.options import Folder, From, Grain, Output, To, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, out, paragraph

if TYPE_CHECKING:
    from heedful.project import Project
    from heedful.reconciliation.reconciliation import Compared, Reconciliation, Value

SHOWN = 20


def reconcile(
    kpi: Annotated[str, typer.Argument(metavar="KPI")],
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="NAME", help="A source; give it twice."),
    ] = None,
    grain: Grain = "month",
    since: From = None,
    until: To = None,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Take the rows that are stored; read no source again."),
    ] = False,
    match: Annotated[
        str | None,
        typer.Option(help="key or customer; found out where not given.", metavar="HOW"),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Most differences in the table; JSON and CSV have all.")
    ] = SHOWN,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Compare a KPI by two sources that fill the same table."""
    found = opened(project)
    names = source or []
    if len(names) != 2:
        raise typer.BadParameter(_how_many(found, kpi, names))
    if since and until and until <= since:
        raise typer.BadParameter(f"--to {until} is not after --from {since}")
    done = _compared(
        found,
        kpi,
        names,
        grain=grain,
        since=since,
        until=until,
        again=not stored,
        match=match,
        limit=limit if format_ == Format.table else None,
    )
    if format_ == Format.json:
        from heedful.project.reconciling_contract import as_contract

        as_json(as_contract(done, found))
    elif format_ == Format.csv:
        as_csv(done.differences.to_pylist(), done.differences.column_names)
    else:
        _print(found, done)


def _how_many(project: Project, kpi: str, names: list[str]) -> str:
    from heedful.project.reconciling import NOTHING, pairs

    offered = pairs(project, project.kpis.get(kpi))
    hint = "; ".join(f"{table}: {', '.join(them)}" for table, them in offered.items()) or NOTHING
    given = f"only {names[0]} is given" if len(names) == 1 else f"{len(names)} sources are given"
    return f"{given}; name two with --source A --source B; {hint}"


def _compared(project: Project, kpi: str, names: list[str], **given: Any) -> Reconciliation:
    from heedful.project.reconciling import reconcile as compared

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as bars:
        task = bars.add_task("comparing", total=None)

        def tell(source: str, what: str, _done: int, _all: int) -> None:
            bars.update(task, description=f"{source}: {what}")

        return compared(project, kpi, *names, progress=tell, **given)


def _print(project: Project, found: Reconciliation) -> None:
    from heedful.project.reconciling_words import notes, sentences

    kpi = project.kpis.get(found.kpi)
    currency = project.definitions.settings.currency
    for number, sentence in enumerate(sentences(found, kpi, currency)):
        out.print(sentence, markup=False, style="bold" if number == 0 else None)
    for note in notes(found):
        paragraph(note, console=err)
    _periods(found)
    _coverage(found)
    _differences(found)


def _periods(found: Reconciliation) -> None:
    from heedful.experiments.wording import amount, decimals_of, difference, interval_of
    from heedful.kpis import periods

    def cells(one: Compared, title: str) -> list[str]:
        def said(value: Value | None) -> str:
            if value is None:
                return "–"
            ends = interval_of(value.low, value.high, found.unit)
            return f"{amount(value.value, found.unit)} ({ends})"

        places = decimals_of(found.unit, one.difference, one.low, one.high)
        gap = difference(one.difference, found.unit, decimals=places)
        ends = interval_of(one.low, one.high, found.unit, decimals=places)
        counts = [f"{value.n:,}" if value else "–" for value in (one.a, one.b)]
        people = [f"{value.customers:,}" if value else "–" for value in (one.a, one.b)]
        return [
            title + ("" if one.complete else " …"),
            said(one.a),
            said(one.b),
            gap,
            ends if one.difference is not None else one.why or "–",
            " / ".join(counts),
            " / ".join(people),
        ]

    rows = [
        cells(one, periods.shown(found.grain, one.period_start, one.period_end))
        for one in (() if found.grain == "all" else found.periods)
    ]
    rows += [cells(found.whole, "all")] if found.whole else []
    a, b = found.a.source, found.b.source
    heads = [found.grain, a, b, "difference", "95% interval", "n", "customers"]
    out.print()
    as_table(rows, heads, right=(1, 2, 3, 4, 5, 6))


def _coverage(found: Reconciliation) -> None:
    coverage = found.coverage
    rows = [["ids", f"{coverage.both:,}", f"{coverage.a_only:,}", f"{coverage.b_only:,}"]]
    if coverage.customers_both is not None:
        people = (coverage.customers_both, coverage.customers_a_only, coverage.customers_b_only)
        rows.append(["customers", *(f"{count:,}" for count in people)])
    out.print()
    heads = ["coverage", "in both", f"only {found.a.source}", f"only {found.b.source}"]
    as_table(rows, heads, right=(1, 2, 3))


def _differences(found: Reconciliation) -> None:
    from heedful.project.reconciling_words import where

    rows = found.differences.to_pylist()
    if not rows:
        return
    cells = [
        [
            row["id"],
            row["customer"] or "–",
            (row["at"] or "–")[:19],
            where(row, found),
            _short(row["a"]) if row["column"] else "",
            _short(row["b"]) if row["column"] else "",
        ]
        for row in rows
    ]
    out.print()
    heads = ["id", "customer", "at", "differs", found.a.source, found.b.source]
    as_table(cells, heads)
    if found.limited:
        err.print("and more: all of them with --format json or csv, more here with --limit")


def _short(value: str | None, most: int = 40) -> str:
    text = "–" if value is None else value
    return text if len(text) <= most else f"{text[: most - 1]}…"
