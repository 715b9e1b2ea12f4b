"""Commands about people: who may look, work, let others in; tokens; who changed what."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from heedful.cli.options import Folder, Output, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err
from heedful.cli.who import whoami

SETTINGS: dict[str, Any] = {
    "no_args_is_help": True,
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "rich_markup_mode": "rich",
}
person = typer.Typer(help="Who may look, who may work, who may let others in.", **SETTINGS)
token = typer.Typer(help="Tokens, with which programs read the API.", **SETTINGS)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Their e-mail address.")]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="viewer, analyst or admin.")]
Base = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Where the dashboard is; else link of alerts.yaml."),
]
PEOPLE = ("email", "name", "role", "made_at", "closed_at")
TOKENS = ("id", "email", "name", "role", "made_at", "seen_at", "revoked_at")
ENTRIES = ("id", "at", "who", "verb", "object", "detail")


@person.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also those who were shut out.")] = False,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """List who can log in."""
    found = opened(project).people.all(closed=every)
    _table([asdict(each) for each in found], PEOPLE, format_)
    if not found:
        err.print("Nobody yet. heedful serve prints a link for the first one.")


@person.command("invite")
def invite(
    email: Email,
    role: Annotated[str, typer.Option(help="viewer, analyst or admin.")] = "viewer",
    url: Base = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Print a link that lets one person in, once; also for a forgotten password."""
    from heedful.ledger.link import INVITATION

    project_of = opened(project)
    path = f"/enter/{project_of.people.link(email, role, whoami())}"
    base = (url or project_of.definitions.alerts.link or "").rstrip("/")
    link = f"{base}{path}"
    if format_ == Format.table:
        sys.stdout.write(f"{link}\n")
        hours = int(INVITATION.total_seconds() // 3600)
        err.print(f"Works once, for {hours} hours. Give it to {email} only.", markup=False)
        return
    row = {"email": email, "path": path, "url": link if base else None}
    _table([row], ("email", "path", "url"), format_)


@person.command("role")
def role(email: Email, role: RoleArgument, project: Folder = Path()) -> None:
    """Give someone a role."""
    found = opened(project).people.role(email, role, whoami())
    err.print(f"{found.email} is {found.role}.", markup=False)


@person.command("close")
def close(email: Email, project: Folder = Path()) -> None:
    """Shut someone out: their sessions end, their tokens work no more."""
    found = opened(project).people.close(email, whoami())
    err.print(f"{found.email} is shut out.", markup=False)


@token.command("make")
def make(
    email: Annotated[str, typer.Option("--of", metavar="EMAIL", help="On whose behalf it asks.")],
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[
        str | None, typer.Option(help="What it may at most; else what the person may.")
    ] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Make a token and print it: it is told only here."""
    people = opened(project).people
    made, secret = people.tokens.make(people.get(email), name, role, by=whoami())
    if format_ == Format.table:
        sys.stdout.write(f"{secret}\n")
        err.print(
            f"Token {made.id}: {made.name}, {made.role}. It is shown only this once.", markup=False
        )
        return
    _table([{**asdict(made), "token": secret}], (*TOKENS, "token"), format_)


@token.command("list")
def tokens(
    every: Annotated[bool, typer.Option("--all", help="Also those taken back.")] = False,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """List tokens, and when each was last used."""
    found = opened(project).people.tokens.all(revoked=every)
    _table([asdict(each) for each in found], TOKENS, format_)


@token.command("revoke")
def revoke(
    id_: Annotated[int, typer.Argument(metavar="ID", help="Its number: heedful token list.")],
    project: Folder = Path(),
) -> None:
    """Take a token back."""
    found = opened(project).people.tokens.revoke(id_, whoami())
    err.print(f"Token {found.id} ({found.name}) works no more.", markup=False)


def history(
    who: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    about: Annotated[
        str | None, typer.Option(help='Only about this, such as "action 12".', metavar="OBJECT")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Say who changed what, the newest first."""
    found = opened(project).audit.all(limit, who=who, object=about)
    _table([asdict(each) for each in found], ENTRIES, format_)


def _table(rows: list[dict[str, Any]], names: tuple[str, ...], form: Format) -> None:
    rows = [{name: row[name] for name in names} for row in rows]
    if form == Format.json:
        as_json(rows)
    elif form == Format.csv:
        as_csv(rows, names)
    elif rows:
        heads = [name.replace("_", " ") for name in names]
        cells = [[_cell(row[name]) for name in names] for row in rows]
        as_table(cells, heads, whole=range(min(3, len(names))))


def _cell(value: object) -> str:
    from datetime import datetime

    if value is None:
        return "–"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
