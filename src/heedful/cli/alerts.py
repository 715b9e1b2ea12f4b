"""Commands about alerts: try a channel, send what is due, see what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heedful.cli.options import Folder, Output, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err
from heedful.cli.who import whoami

app = typer.Typer(
    no_args_is_help=True,
    help="Tell people of findings: by e-mail, Slack, Teams or webhook.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
NAMES = (
    "id",
    "made_at",
    "channel",
    "event",
    "finding",
    "title",
    "state",
    "attempts",
    "due_at",
    "sent_at",
    "error",
    "message",
)


@app.command("test")
def try_out(
    channel: Annotated[str, typer.Argument(help="Its id in alerts.yaml.")],
    project: Folder = Path(),
) -> None:
    """Send a test to a channel, whatever the hour."""
    note = opened(project).alerts.test(channel, whoami())
    err.print(f"Sent to {channel}{f'; {note}' if note else ''}.", markup=False)


@app.command("send")
def send(project: Folder = Path()) -> None:
    """Send what is due: findings that are new or worse, digests, what failed before."""
    project_of = opened(project)
    if not project_of.definitions.alerts.channels:
        err.print("alerts.yaml names no channel, so nobody is told (docs/alerts.md).")
        return
    count = project_of.alerts.send()
    err.print(f"{count} message{'' if count == 1 else 's'} sent.")


@app.command("log")
def log(
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """List what was sent, what waits and what failed, the newest first."""
    rows = [
        {
            **{name: getattr(each, name) for name in NAMES if name != "title"},
            "title": each.payload.get("title"),
        }
        for each in opened(project).alerts.log(limit)
    ]
    rows = [{name: row[name] for name in NAMES} for row in rows]
    if format_ == Format.json:
        as_json(rows)
    elif format_ == Format.csv:
        as_csv(rows, NAMES)
    elif rows:
        shown = ("made_at", "channel", "event", "state", "attempts", "title", "error")
        cells = [
            [
                "–" if row[n] is None else str(row[n])[: 16 if n == "made_at" else None]
                for n in shown
            ]
            for row in rows
        ]
        as_table(cells, [name.replace("_", " ") for name in shown], right=(4,), whole=range(4))
    else:
        err.print("Nothing was told yet.")
