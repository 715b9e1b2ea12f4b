"""Commands about what is held on people: give it out, remove it, let old files go."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.options import Folder, Output, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, bars, err
from heedful.cli.who import whoami
from heedful.experiments.contract import plain

if TYPE_CHECKING:
    from heedful.project import Project
    from heedful.project.erasure import Forgotten

SHOWN = 5


def forget(
    customers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CUSTOMER_ID]...", help="Ids of customers or of their devices."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Ids, one a line; - for stdin.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Erase people for good, and keep a re-import from bringing them back."""
    found = opened(project)
    ids = [*(customers or []), *(_lines(file) if file else [])]
    if not ids:
        raise typer.BadParameter("say whom: CUSTOMER_ID, or --file FILE with an id a line")
    done = resumed(found)
    person = found.erasure.person(ids)
    if not yes:
        _ask(person)
    with _bars() as tell:
        done.append(found.erasure.forget(ids, whoami(), tell))
    places: dict[str, int] = {}
    for each in done:
        for one in each.removed:
            places[one.place] = places.get(one.place, 0) + one.rows
    rows: list[dict[str, Any]] = [
        {"place": place, "rows": count} for place, count in places.items()
    ]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, ["place", "rows"])
    elif rows:
        as_table(
            [[r["place"], f"{r['rows']:,}"] for r in rows], ["removed from", "rows"], right=(1,)
        )
    _said(done[-1], bool(rows))


def export_customer(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER_ID")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")
    ] = None,
    project: Folder = Path(),
) -> None:
    """Print everything that is held on one customer, as JSON; nothing in it is masked."""
    import json
    import os

    from heedful.project.missing import NotFoundError

    try:
        found = opened(project).erasure.export(customer)
    except NotFoundError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from None
    if output is None:
        as_json(found)
        return
    text = json.dumps(plain(found), indent=2, ensure_ascii=False) + "\n"
    # It is about one person, and for them.
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    count = sum(
        len(rows) for place in ("tables", "facts", "ledger") for rows in found[place].values()
    )
    err.print(f"{count + len(found['rejected_rows']):,} rows in {output}", markup=False)


def vacuum(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Join small files, and remove files that fell out of the tables a while ago."""
    found = opened(project)
    if not dry_run:
        resumed(found)
    done = found.tables.vacuum(compact=True, dry_run=dry_run)
    rows = [{"table": one.table, "files": one.files, "bytes": one.bytes} for one in done]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, ["table", "files", "bytes"])
    else:
        some = [[one.table, f"{one.files:,}", f"{one.bytes:,}"] for one in done if one.files]
        if some:
            as_table(some, ["table", "files", "bytes"], right=(1, 2))
        freed = sum(one.bytes for one in done)
        err.print(f"{freed / 1e6:,.1f} MB {'would be freed' if dry_run else 'freed'}")


def _lines(file: Path) -> list[str]:
    text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _ask(person: Any) -> None:
    who = ", ".join(person.customers[:SHOWN])
    more = len(person.customers) - SHOWN
    who += f" and {more:,} more" if more > 0 else ""
    other = sorted(set(person.ids) - set(person.customers))
    also = ", ".join(other[:SHOWN]) + (" …" if len(other) > SHOWN else "")
    err.print(f"{who}{f' (also known as {also})' if also else ''}", markup=False)
    if not typer.confirm("Erase all that is held on them? It cannot be undone", err=True):
        err.print("nothing was erased")
        raise typer.Exit(1)


def _said(done: Forgotten, any_: bool) -> None:
    people = "1 customer" if done.customers == 1 else f"{done.customers:,} customers"
    ids = "1 id" if done.ids == 1 else f"{done.ids:,} ids"
    what = "Erased" if any_ else "Nothing was held; suppressed"
    err.print(
        f"{what}: {people}, {ids}. Rows with these ids are left out of every import from now on."
        " Readings stay as they were reported."
    )
    if done.exports:
        err.print("Still named in exports, which are yours to change:")
    for path in done.exports:
        err.print(f"  {path}", markup=False)
    if done.unseen:
        err.print("Not all exports could be looked into; they may name them too.")


def resumed(project: Project) -> list[Forgotten]:
    """Finish erasures that were stopped, and say so."""
    if not project.erasure.pending():
        return []
    err.print("An erasure was stopped before it was done; finishing it first.")
    with _bars() as tell:
        return project.erasure.finish(tell)


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    with bars() as shown:
        task = shown.add_task("", total=None)

        def tell(what: str, done: int, all_: int) -> None:
            shown.update(task, total=all_ or None, completed=done, description=f"erasing: {what}")

        yield tell
