"""The command that shows which exports of other products are known: `heedful formats`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.options import Output
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, out, paragraph

if TYPE_CHECKING:
    from heedful.definitions.format import Format as Known

LISTED = ("format", "vendor", "table", "export")


def formats(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[FORMAT]", help="Only this one, with all that it reads."),
    ] = None,
    format_: Output = Format.table,
) -> None:
    """Show which exports of other products are known, and what becomes of their columns."""
    from heedful.definitions.problem import one_of
    from heedful.project import NotFoundError
    from heedful.store import format as known

    if name is None:
        _all([known.known(each) for each in known.names()], format_)
        return
    if name not in known.names():
        raise NotFoundError(f'format "{name}" does not exist', one_of(known.names(), name))
    _one(known.known(name), format_)


def _all(found: list[Known], format_: Format) -> None:
    from heedful.store.format_reference import short

    rows = [
        {"format": one.name, "vendor": one.vendor, "table": one.table, "export": one.export}
        for one in found
    ]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, LISTED)
    else:
        cells = [[one.name, one.vendor, one.table, short(one)] for one in found]
        as_table(cells, ["format", "vendor", "table", "what to export"], whole=(0, 1, 2))
        err.print("\nWhat one needs, and a source to paste: heedful formats zendesk_tickets")


def _one(one: Known, format_: Format) -> None:
    from heedful.store.format_reference import becomes, source

    needs = [
        {
            "column": name,
            "type": need.type,
            "required": need.required,
            "also": list(need.also),
            "says": need.says,
        }
        for name, need in one.needs.items()
    ]
    if format_ == Format.json:
        as_json(
            {
                "format": one.name,
                "vendor": one.vendor,
                "table": one.table,
                "export": one.export,
                "documented": list(one.documented),
                "notes": list(one.notes),
                "needs": needs,
                "becomes": dict(becomes(one)),
                "where": one.where,
                "source": source(one),
            }
        )
        return
    if format_ == Format.csv:
        as_csv(needs, ["column", "type", "required", "also", "says"])
        return
    out.print(f"[bold]{one.name}[/bold]: {one.vendor}, fills {one.table}\n")
    paragraph(one.export)
    for url in one.documented:
        out.print(url, markup=False)
    out.print("\n[bold]Reads[/bold]")
    as_table([_need(each) for each in needs], ["column", "", "type", "what it is"], whole=(0, 1, 2))
    out.print(f"\n[bold]Becomes[/bold], in {one.table}")
    as_table([[name, said] for name, said in becomes(one)], ["column", "is made of"])
    if one.where:
        out.print()
        paragraph(f"Only rows: {one.where}")
    if one.notes:
        out.print("\n[bold]Know[/bold]")
        for note in one.notes:
            paragraph(note, "- ", "  ")
    out.print(f"\n[bold]sources/{one.name}.yaml[/bold]")
    out.print(source(one).rstrip(), markup=False)


def _need(need: dict[str, Any]) -> list[str]:
    also = f" Also: {', '.join(need['also'])}." if need["also"] else ""
    mark = "required" if need["required"] else ""
    return [need["column"], mark, need["type"], f"{need['says']}{also}"]
