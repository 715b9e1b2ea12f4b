"""Commands about experiments: plan, assign, read out, decide."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from heedful.cli.analyse import Listed, analyse
from heedful.cli.options import Folder, Output, a_date, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, out
from heedful.cli.showing import Form, Page, show

app = typer.Typer(
    no_args_is_help=True,
    help="Plan experiments, assign units, read out what came of them.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


Name = Annotated[str, typer.Argument(metavar="NAME", help="An experiment: the name of its file.")]
Day = Annotated[
    date | None,
    typer.Option("--as-of", parser=a_date, metavar="DATE", help="As it stood at the end of a day."),
]
On = Annotated[
    date | None,
    typer.Option("--on", parser=a_date, metavar="DATE", help="The day; today without."),
]


@app.command("list")
def list_(on: On = None, project: Folder = Path(), format_: Output = Format.table) -> None:
    """List all experiments by stage, and stages without any."""
    project_of = opened(project)
    found = project_of.experiments.portfolio(on)
    rows = [
        {
            "stage": row.stage,
            "experiment": row.experiment,
            "title": row.title,
            "state": row.state,
            "days_left": row.days_left,
            "owner": row.owner,
            "primary": row.primary,
            "design": row.design,
            "after": row.after,
        }
        for row in found.rows
    ]
    if format_ == Format.json:
        as_json({"experiments": rows, "stages_without": list(found.without)})
        return
    if format_ == Format.csv:
        as_csv(rows, list(rows[0]) if rows else ["stage", "experiment"])
        return
    shown = ("stage", "experiment", "state", "days_left", "primary", "owner", "title")
    cells = [["–" if row[n] is None else str(row[n]) for n in shown] for row in rows]
    cells += [[stage, "none", "–", "–", "–", "–", ""] for stage in found.without]
    stages = project_of.definitions.settings.stages
    cells.sort(key=lambda cell: stages.index(cell[0]))
    heads = ["stage", "experiment", "state", "days left", "primary", "owner", "title"]
    as_table(cells, heads, right=(3,), whole=(0, 1))
    if not rows:
        err.print("No experiment yet. Write one: experiments/<name>.yaml (docs/experiments.md)")


@app.command("plan")
def plan(name: Name, project: Folder = Path(), format_: Output = Format.table) -> None:
    """Say how many units an experiment needs, how long that takes, and what it could see."""
    from heedful.cli.plan import print_plan

    found = opened(project).experiments[name].plan()
    if format_ == Format.json:
        as_json(found)
    elif format_ == Format.csv:
        from dataclasses import asdict

        rows = [asdict(row) for row in found.outcomes]
        as_csv(rows, list(rows[0]))
    else:
        print_plan(found)


@app.command("assign")
def assign(
    name: Name,
    unit: Annotated[str, typer.Argument(metavar="ID", help="A customer's or account's id.")],
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="What is known of the unit."),
    ] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Say which variant a unit gets."""
    known = dict(_pair(text, "--attribute") for text in attribute or ())
    project_of = opened(project)
    found = project_of.experiments[name].assign(unit, known)
    if format_ != Format.table:
        as_json(found)
        return
    from heedful.experiments.assigning import WORDS

    if found.variant is None:
        err.print(f"{unit} does not take part: {WORDS[found.why] if found.why else 'unknown'}")
    else:
        out.print(found.variant, markup=False)
        today = project_of.experiments.today()
        if not found.opens <= today < found.closes:
            err.print(
                f"{name} runs from {found.opens} to {found.closes}: on other days the payload "
                "gives everyone the control",
                markup=False,
            )


@app.command("payload")
def payload(
    on: On = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also experiments that do not run on that day.")
    ] = False,
    project: Folder = Path(),
) -> None:
    """Print what GrowthBook's SDKs read, as JSON."""
    found = opened(project).experiments.payload(on, every=every)
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


@app.command("readout")
def readout(
    name: Name, as_of: Day = None, project: Folder = Path(), format_: Form = Page.table
) -> None:
    """Say what came of an experiment, and what to do."""
    show(opened(project).experiments[name].readout(as_of), format_)


@app.command("sign")
def sign(
    name: Name,
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help='Such as "ship anyway".')],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="The experiment's approver.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    project: Folder = Path(),
) -> None:
    """Take on a trade-off: it is kept beside the decision of the rules, which stays."""
    found = opened(project).experiments[name].sign(by, verdict, reason)
    err.print(
        f"Signed: {by} decides to {verdict}. The rules say {found.decision}; both are kept.",
        markup=False,
    )


app.command("analyse", cls=Listed)(analyse)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.rpartition("=")
    if not sign or not name or not value:
        raise typer.BadParameter(f'"{text}" is not NAME=VALUE', param_hint=option)
    return name, value
