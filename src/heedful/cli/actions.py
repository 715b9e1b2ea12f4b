"""Commands about actions: make, close, drop, list."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heedful.cli.options import Folder, Output, a_date, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, paragraph
from heedful.cli.who import whoami

if TYPE_CHECKING:
    from heedful.ledger.action import Action

app = typer.Typer(
    no_args_is_help=True,
    help="Do something about findings, and see what came after it.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)

NAMES = (
    "id",
    "state",
    "title",
    "owner",
    "due",
    "finding",
    "kpi",
    "stage",
    "dimension",
    "segment",
    "grain",
    "value",
    "expected",
    "made_by",
    "made_at",
    "started_at",
    "done_on",
    "closed_at",
    "closed_by",
    "note",
    "outcome",
)
STATES = ("open", "done", "dropped")
Number = Annotated[int, typer.Argument(metavar="ID", help="Its number: heedful action list.")]


def a_value(text: str) -> float:
    """A value given on the command line; a percentage is a fraction."""
    from heedful.definitions.fields import percentage

    try:
        return float(percentage(text if "%" in text else float(text)))
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a value; allowed: such as 70% or 4.5') from None


@app.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help="Only open, done or dropped ones.", metavar="STATE")
    ] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """List actions: the open ones by due date, then what came after the others."""
    from heedful.definitions.problem import one_of
    from heedful.project import NotFoundError

    if state is not None and state not in STATES:
        raise NotFoundError(f'state "{state}" does not exist', one_of(STATES, state))
    room = opened(project).actions
    _show(room.all(state), room.today(), format_)  # type: ignore[arg-type]


@app.command("make")
def make(
    title: Annotated[str, typer.Argument(help="What is to be done.")],
    owner: Annotated[str, typer.Option(help="The team that does it.", metavar="TEAM")],
    due: Annotated[date, typer.Option(parser=a_date, metavar="DATE", help="By when.")],
    finding: Annotated[
        str | None, typer.Option(help="The finding it is about.", metavar="ID")
    ] = None,
    kpi: Annotated[
        str | None, typer.Option(help="The KPI that is to change; else the finding's.")
    ] = None,
    stage: Annotated[str | None, typer.Option(help="The KPI's stage.")] = None,
    where: Annotated[
        str | None, typer.Option(help="The segment that is to change.", metavar="DIM=SEGMENT")
    ] = None,
    expect: Annotated[
        float | None,
        typer.Option(parser=a_value, metavar="VALUE", help="The value to reach, such as 70%."),
    ] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Make an action."""
    dimension, sign, segment = (where or "").partition("=")
    if where is not None and not (dimension and sign and segment):
        raise typer.BadParameter(f'"{where}" is not DIM=SEGMENT', param_hint="--where")
    room = opened(project).actions
    made = room.make(
        title,
        owner,
        due,
        by=whoami(),
        finding=finding,
        kpi=kpi,
        stage=stage,
        dimension=dimension or None,
        segment=segment or None,
        expected=expect,
    )
    _one(made, format_, f"Action {made.id}: {made.title}, {made.owner}, due {made.due}.")


@app.command("start")
def start(id_: Number, project: Folder = Path(), format_: Output = Format.table) -> None:
    """Say that someone has begun with an action."""
    _one(opened(project).actions.start(id_, whoami()), format_, f"Action {id_} is begun.")


@app.command("close")
def close(
    id_: Number,
    done_on: Annotated[
        date | None,
        typer.Option("--on", parser=a_date, metavar="DATE", help="When it was done; today."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="What else there is to say.")] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Say that an action is done; what came after it is measured from readings."""
    found = opened(project).actions.close(id_, whoami(), done_on, note)
    said = found.outcome.says if found.outcome else "It names no KPI, so nothing is measured."
    _one(found, format_, f"Action {id_} was done on {found.done_on}. {said}")


@app.command("drop")
def drop(
    id_: Number,
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """Give an action up."""
    _one(opened(project).actions.drop(id_, whoami(), note), format_, f"Action {id_} is dropped.")


@app.command("reopen")
def reopen(id_: Number, project: Folder = Path(), format_: Output = Format.table) -> None:
    """Take back that an action was done or dropped, as long as nothing was measured."""
    _one(opened(project).actions.reopen(id_, whoami()), format_, f"Action {id_} is open again.")


def row_of(action: Action) -> dict[str, Any]:
    """An action as scripts get it."""
    found = asdict(action)
    return {name: found[name] for name in NAMES}


def _one(action: Action, form: Format, said: str) -> None:
    if form == Format.json:
        as_json(row_of(action))
    elif form == Format.csv:
        as_csv([row_of(action)], NAMES)
    else:
        paragraph(said, console=err)


def _show(actions: list[Action], today: date, form: Format) -> None:
    if form == Format.json:
        as_json([row_of(each) for each in actions])
        return
    if form == Format.csv:
        as_csv([row_of(each) for each in actions], NAMES)
        return
    if not actions:
        err.print("No actions. Make one: heedful action make TITLE --owner TEAM --due DATE")
        return
    cells = [
        [
            str(each.id),
            "overdue" if each.late(today) else each.state,
            str(each.done_on or each.due),
            each.owner,
            each.title,
            each.kpi or "–",
            _came(each),
        ]
        for each in actions
    ]
    as_table(
        cells,
        ["id", "state", "due or done", "owner", "title", "kpi", "after it"],
        right=(0,),
        whole=(1, 2, 3),
    )


def _came(action: Action) -> str:
    outcome = action.outcome
    if outcome is None:
        return "–"
    if outcome.state == "waiting":
        return f"waiting until {outcome.until}"
    if outcome.state == "not_measured":
        return "not measured"
    words = {"better": "better", "worse": "worse", "unclear": "no clear change"}
    met = {"met": ", expectation met", "in_reach": ", in reach", "missed": ", missed"}
    return words[outcome.verdict or "unclear"] + met.get(outcome.met or "", "")
