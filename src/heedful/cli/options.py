"""Options that several commands share."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.printing import Format

if TYPE_CHECKING:
    from heedful.project import Project


def a_date(text: str) -> date:
    """A day given on the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a date; allowed: such as 2026-09-01') from None


def a_moment(text: str) -> datetime:
    """A time given on the command line; without a timezone it is the project's."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        allowed = "allowed: such as 2026-09-01 or 2026-09-01T14:30"
        raise typer.BadParameter(f'"{text}" is not a time; {allowed}') from None


Folder = Annotated[
    Path, typer.Option("-p", "--project", help="The project, or a folder below it.", metavar="DIR")
]
Output = Annotated[Format, typer.Option("--format", help="How to print data.")]
By = Annotated[
    str | None, typer.Option(help="Break down by a dimension, or by stage.", metavar="DIM")
]
Grain = Annotated[str, typer.Option(help="day, week, month, quarter or all.", metavar="GRAIN")]
Stage = Annotated[str | None, typer.Option(help="Only this stage.", metavar="STAGE")]
From = Annotated[
    date | None,
    typer.Option("--from", parser=a_date, metavar="DATE", help="Periods that end after this day."),
]
To = Annotated[
    date | None,
    typer.Option("--to", parser=a_date, metavar="DATE", help="Periods that begin before this day."),
]
AsOf = Annotated[
    date | None,
    typer.Option(
        parser=a_date, metavar="DATE", help="As it had been reported at the end of that day."
    ),
]


def opened(folder: Path) -> Project:
    """The project a command works on."""
    from heedful.project import open as open_project

    return open_project(folder)
