"""Commands about experiments: plan, assign, read out, decide."""

from __future__ import annotations

import json
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from heedful.cli.options import Folder, Output, a_date, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, out

if TYPE_CHECKING:
    from heedful.experiments.flat import Margin
    from heedful.experiments.readout import Readout

app = typer.Typer(
    no_args_is_help=True,
    help="Plan experiments, assign units, read out what came of them.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)


class Page(StrEnum):
    """How to give a readout."""

    table = "table"
    json = "json"
    html = "html"


Name = Annotated[str, typer.Argument(metavar="NAME", help="An experiment: the name of its file.")]
Form = Annotated[Page, typer.Option("--format", help="table, json or html: one page for people.")]
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
    as_table(cells, heads, right=(3,))
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
    found = opened(project).experiments[name].assign(unit, known)
    if format_ != Format.table:
        as_json(found)
        return
    from heedful.experiments.assigning import WORDS

    if found.variant is None:
        err.print(f"{unit} does not take part: {WORDS[found.why] if found.why else 'unknown'}")
    else:
        out.print(found.variant, markup=False)


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


LISTS = ("--metric", "--covariate", "--guardrail", "--weights", "--segment", "--stratum", "--lower")


class _Listed(TyperCommand):
    """Options that may be followed by several values, once FILE is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write `--metric a b` as `--metric a --metric b`."""
        given: list[str] = []
        option: str | None = None
        seen = False
        for word in args:
            if word.startswith("-"):
                option = word if word in LISTS and seen else None
                fresh = True
            elif option is not None and not fresh:
                given.append(option)
            else:
                seen = seen or not given or not given[-1].startswith("-")
                fresh = False
            given.append(word)
        return super().parse_args(ctx, given)


@app.command("analyse", cls=_Listed)
def analyse(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, Parquet, Excel or JSON lines.")
    ],
    variant: Annotated[str, typer.Option(metavar="COL", help="Which variant a row got.")],
    metric: Annotated[
        list[str], typer.Option(metavar="COL", help="What is compared; the first is primary.")
    ],
    unit: Annotated[
        str | None, typer.Option(metavar="COL", help="Which unit a row belongs to.")
    ] = None,
    covariate: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="A number known beforehand.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(metavar="NAME", help='Without: "control", or the first by name.')
    ] = None,
    guardrail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL:MARGIN",
            help="May not get worse by more than a share of the control: spend:2% or spend:0.02; "
            "in its own unit: visit:0.01abs.",
        ),
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option(metavar="NAME=W", help="Planned shares; equal without.")
    ] = None,
    segment: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Look at the effect within.")
    ] = None,
    stratum: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Post-stratify by.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="COL", help="Day of entry: day by day results.")
    ] = None,
    lower: Annotated[
        list[str] | None, typer.Option(metavar="COL", help="Of this column lower is better.")
    ] = None,
    capping: Annotated[
        str | None,
        typer.Option(metavar="QUANTILE", help="Amounts above count as it: 99.9%."),
    ] = None,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.49, metavar="SHARE")] = 0.05,
    smallest: Annotated[
        str | None,
        typer.Option(
            "--smallest-effect", metavar="SHARE", help="Smallest relative effect that matters: 5%."
        ),
    ] = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Intervals that may be looked at every day.")
    ] = False,
    planned: Annotated[
        int | None, typer.Option("--units", min=1, metavar="N", help="Units planned in all.")
    ] = None,
    format_: Form = Page.table,
) -> None:
    """Analyse a file: a row a unit, or several rows a unit with --unit. No project is needed."""
    from heedful.experiments.flat import FlatQuestion
    from heedful.experiments.flat import analyse as analysed

    question = FlatQuestion(
        variant=variant,
        metrics=_columns(metric),
        unit=unit,
        covariates=_columns(covariate),
        control=control,
        guardrails=dict(_guardrail(text) for text in guardrail or ()),
        weights={name: _weight(name, text) for name, text in _pairs(weights)},
        segments=_columns(segment),
        strata=_columns(stratum),
        day=day,
        lower=_columns(lower),
        alpha=alpha,
        smallest=None if smallest is None else _share(smallest, "--smallest-effect"),
        capping=None if capping is None else _share(capping, "--capping"),
        sequential="confidence_sequence" if sequential else "none",
        planned=planned,
    )
    show(analysed(file, question, name=file.name), format_)


def show(found: Readout, form: Page) -> None:
    """Print a readout."""
    if form == Page.json:
        from heedful.experiments.contract import as_contract

        as_json(as_contract(found))
    elif form == Page.html:
        from heedful.experiments.page import render

        sys.stdout.write(render(found))
    else:
        from heedful.cli.readout import print_readout

        print_readout(found)


def _columns(given: list[str] | None) -> list[str]:
    return list(dict.fromkeys(given or ()))


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.rpartition("=")
    if not sign or not name or not value:
        raise typer.BadParameter(f'"{text}" is not NAME=VALUE', param_hint=option)
    return name, value


def _pairs(given: list[str] | None) -> list[tuple[str, str]]:
    return [_pair(text, "--weights") for text in given or ()]


def _weight(name: str, text: str) -> float:
    weight = _number(text)
    if weight is None or weight <= 0:
        raise typer.BadParameter(
            f'weight "{text}" of {name} is not a number above 0; allowed: such as 0.5 or 50%',
            param_hint="--weights",
        )
    return weight


def _share(text: str, option: str) -> float:
    found = _number(text)
    if found is None or not 0 < found < 1:
        raise typer.BadParameter(
            f'"{text}" is not a share; allowed: such as 5% or 0.05', param_hint=option
        )
    return found


def _guardrail(text: str) -> tuple[str, Margin]:
    """`COL:MARGIN`, where MARGIN is a share of the control, or a number with `abs` behind it.

    >>> _guardrail("spend:2%")
    ('spend', Margin(amount=0.02, relative=True))
    >>> _guardrail("visit:0.01abs")
    ('visit', Margin(amount=0.01, relative=False))
    """
    from heedful.experiments.flat import Margin

    column, sign, given = text.rpartition(":")
    absolute = given.strip().removesuffix("abs")
    relative = absolute == given.strip()
    amount = _number(absolute.strip())
    if not sign or not column or amount is None or amount <= 0 or (relative and amount >= 1):
        raise typer.BadParameter(
            f'"{text}" is not COL:MARGIN; allowed: how much worse is tolerated, as a share of the '
            "control such as spend:2% or spend:0.02, or in the column's own unit: spend:0.5abs",
            param_hint="--guardrail",
        )
    return column, Margin(amount, relative)


def _number(text: str) -> float | None:
    """A number, or a percentage.

    >>> _number("2%"), _number("0.02"), _number("two")
    (0.02, 0.02, None)
    """
    percent = text.strip().endswith("%")
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    if value != value or value in {float("inf"), float("-inf")}:
        return None
    return value / 100 if percent else value
