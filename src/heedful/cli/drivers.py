"""The command about drivers: which experiences go with who stays, buys again and pays."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.options import Folder, Output, a_date, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, out, paragraph

if TYPE_CHECKING:
    from heedful.drivers.driver import Driver, Drivers

Sort = Annotated[str, typer.Option(help="effect or money.", metavar="effect|money")]
From = Annotated[
    date | None,
    typer.Option("--from", parser=a_date, metavar="DATE", help="Landmarks from this day on."),
]
To = Annotated[
    date | None,
    typer.Option("--to", parser=a_date, metavar="DATE", help="Landmarks up to this day."),
]


def drivers(
    outcome: Annotated[
        str, typer.Argument(metavar="OUTCOME", help="retention, repeat_purchase or revenue.")
    ],
    by: Annotated[
        str | None, typer.Option(help="Within each segment of customers.", metavar="DIM")
    ] = None,
    days: Annotated[int, typer.Option(help="Days after a landmark that count.")] = 90,
    from_: From = None,
    to: To = None,
    sort: Sort = "effect",
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Relate experiences to who stays, buys again and pays afterwards: associations, no causes."""
    from heedful.drivers.words import SORTS, sorted_by

    if sort not in SORTS:
        raise typer.BadParameter(f'sort "{sort}" does not exist; allowed: {", ".join(SORTS)}')
    from rich.progress import Progress

    opened_ = opened(project)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("Experiences", total=None)
        found = opened_.drivers.of(
            outcome,
            by=by,
            days=days,
            since=from_,
            until=to,
            progress=lambda name, done, every: bar.update(
                task, description=name or "relating", completed=done, total=every
            ),
        )
    found = sorted_by(found, sort)
    if format_ == Format.json:
        as_json(found)
    elif format_ == Format.csv:
        _csv(found)
    else:
        _tell(found)


def _csv(found: Drivers) -> None:
    from heedful.drivers.words import flat

    rows = flat(found)
    as_csv(rows, list(rows[0]) if rows else ["outcome"])


def _tell(found: Drivers) -> None:
    from heedful.drivers import words

    out.print(words.head(found), style="bold", markup=False)
    paragraph(words.headline(found))
    if found.why is None:
        told = [one for one in found.drivers if one.rank is not None]
        rest = [one for one in found.drivers if one.rank is None]
        if told:
            out.print()
            _table(found, told)
        for one in told:
            if one.experiment is not None:
                out.print()
                paragraph(words.proved(one, found.currency))
        if rest:
            out.print()
            heads = ["no number for", *([found.dimension] if found.dimension else []), "why"]
            where = [[one.title, *_segment(found, one), one.why or ""] for one in rest]
            as_table(where, heads)
    err.print()
    for text in words.notes(found):
        paragraph(text, console=err)


def _table(found: Drivers, told: list[Driver]) -> None:
    from heedful.drivers import words

    broken = [found.dimension] if found.dimension else []
    money = any(one.money for one in told)
    heads = ["", "experience", *broken, "rather than", "association (95%)", "unadjusted"]
    heads += ["p adjusted", "customers", "E-value"]
    heads += ["money: one in ten of those concerned"] if money else []
    cells = [
        [
            str(one.rank),
            f"{one.title}: {one.better}",
            *_segment(found, one),
            one.worse,
            words.effect_of(one, found),
            words.unadjusted(one, found),
            words.p_of(one),
            f"{one.better_customers:,} / {one.worse_customers:,}",
            words.e_of(one),
            *([words.tenth(one, found.currency)] if money else []),
        ]
        for one in told
    ]
    first = 3 + len(broken)
    as_table(cells, heads, right=(0, *range(first + 1, first + 5)), whole=(0, *range(2, first + 1)))


def _segment(found: Drivers, one: Driver) -> list[str]:
    if not found.dimension:
        return []
    return [one.segment if one.segment is not None else "(not known)"]
