"""Commands that begin and check a project."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from heedful.cli.options import Folder, Output, a_moment, opened
from heedful.cli.printing import Format, as_csv, as_json, err, out
from heedful.cli.who import whoami


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    template: Annotated[
        str, typer.Option(help="blank, saas or ecommerce.", metavar="NAME")
    ] = "blank",
) -> None:
    """Make a commented project that passes `check`."""
    from heedful.definitions import template as templates
    from heedful.definitions.problem import one_of
    from heedful.project import NotFoundError

    if template not in templates.TEMPLATES:
        allowed = one_of(templates.TEMPLATES, template)
        raise NotFoundError(f'template "{template}" does not exist', allowed)
    files = templates.create(directory, template)
    err.print(f"Made {directory} with {len(files)} files (template {template}).\n")
    err.print("Next:")
    err.print(f"  cd {directory}", markup=False)
    err.print("  heedful check                 what is missing")
    err.print("  edit sources/*.yaml           say where your files are (see sources/README.md)")
    err.print("  heedful import                read them")
    err.print("  heedful refresh               measure")
    err.print("  heedful readings, heedful score")


def check(
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Say every problem of a project's files as file:line: found; allowed."""
    from heedful.definitions.project_files import find_root
    from heedful.project import check as checked

    root = find_root(project) or project
    found = checked(root)
    said = [("problem", each) for each in found.problems]
    said += [("warning", each) for each in found.warnings]
    if format_ == Format.table:
        for severity, each in said:
            out.print(str(each) if severity == "problem" else each.warning, markup=False)
    else:
        rows = [{"severity": severity, **asdict(each)} for severity, each in said]
        if format_ == Format.json:
            as_json(rows)
        else:
            as_csv(rows, ("severity", "file", "line", "found", "allowed"))
    warned = _counted(len(found.warnings), "warning")
    if found.problems:
        number = _counted(len(found.problems), "problem")
        err.print(f"{number}, {warned}" if found.warnings else number)
        raise typer.Exit(1)
    definitions = found.valid()
    there = (
        _counted(len(definitions.kpis), "KPI"),
        _counted(len(definitions.sources), "source"),
        _counted(len(definitions.hypotheses), "hypothesis", "hypotheses"),
        _counted(len(definitions.experiments), "experiment"),
    )
    err.print(f"No problems{f', {warned}' if found.warnings else ''}: {', '.join(there)}.")


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or f'{one}s'}"


def schema(
    name: Annotated[
        str | None, typer.Argument(help="Which file's schema; without it, which there are.")
    ] = None,
) -> None:
    """Print the JSON Schema of a project file, for editors."""
    from heedful.definitions.problem import one_of
    from heedful.definitions.schema import schemas
    from heedful.project import NotFoundError
    from heedful.store import format as formats

    known = schemas(formats.names())
    if name is None:
        for each in known:
            out.print(each, markup=False)
        return
    if name not in known:
        raise NotFoundError(f'schema "{name}" does not exist', one_of(known, name))
    as_json(known[name])


def annotate(
    text: Annotated[str, typer.Argument(help="What people call it.")],
    at: Annotated[
        str, typer.Option(metavar="TIME", help="When, such as 2026-03-02 or 2026-03-02T09:00.")
    ],
    kind: Annotated[
        str, typer.Option(help="release, campaign, incident or definition.")
    ] = "release",
    stage: Annotated[str | None, typer.Option(help="The stage it touches; all without.")] = None,
    project: Folder = Path(),
) -> None:
    """Mark what happened when, for charts and findings."""
    from heedful.definitions.problem import one_of
    from heedful.ledger.annotation import KINDS
    from heedful.project import NotFoundError

    moment = a_moment(at)
    found = opened(project)
    if kind not in KINDS:
        raise NotFoundError(f'kind "{kind}" does not exist', one_of(KINDS, kind))
    stages = found.definitions.settings.stages
    if stage is not None and stage not in stages:
        raise NotFoundError(f'stage "{stage}" does not exist', one_of(stages, stage))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(found.definitions.settings.timezone))
    found.annotations.add(text, moment, kind, stage)
    found.audit.add(whoami(), "annotated", f"{kind} {moment:%Y-%m-%d}", text)
    err.print(
        f"{kind}: {text}, {moment:%a %-d %b %Y %H:%M} ({moment.astimezone(UTC):%H:%M} UTC)",
        markup=False,
    )


def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")] = Path(
        "demo"
    ),
    customers: Annotated[
        int, typer.Option(help="How many customers to simulate.", min=200)
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same company.")] = 7,
) -> None:
    """Simulate a company for a year, import its files, and print its scorecard."""
    from heedful.cli.demonstration import demonstrate

    demonstrate(directory, customers, seed)
