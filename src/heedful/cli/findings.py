"""Commands about findings: list them, answer the five questions, close them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.options import Folder, Output, opened
from heedful.cli.printing import Format, as_csv, as_json, as_table, err, out, paragraph
from heedful.cli.who import whoami

if TYPE_CHECKING:
    from heedful.findings.finding import Finding, Leg, Segment
    from heedful.project import Project
    from heedful.project.findings import FindingsRun

app = typer.Typer(
    no_args_is_help=True,
    help="Close a finding that is no problem, or take that back.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id: heedful findings.")]
MOST_SEGMENTS = 12


def findings(
    id_: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One finding, with all its evidence.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    project: Folder = Path(),
    format_: Output = Format.table,
) -> None:
    """List what changed, crossed a threshold, contradicts something else, or is wrong with data."""
    found = opened(project)
    if id_ is not None:
        one = found.findings.get(id_)
        if format_ == Format.json:
            as_json(found.findings.as_contract(one, comments=True))
        elif format_ == Format.csv:
            _csv(found, [one])
        else:
            _tell(found, one)
        return
    rows = found.findings.all() if every else found.findings.open()
    if format_ == Format.json:
        as_json([found.findings.as_contract(one, comments=True) for one in rows])
    elif format_ == Format.csv:
        _csv(found, rows)
    else:
        _list(found, rows, every=every)


def _csv(project: Project, rows: list[Finding]) -> None:
    plain = [project.findings.as_contract(one) for one in rows]
    names = list(plain[0]) if plain else ["id"]
    as_csv(plain, names)


def _list(project: Project, rows: list[Finding], *, every: bool) -> None:
    if not rows:
        if project.findings.tested() or not project.kpis.log.lake.exists("readings"):
            err.print("Nothing stands out. That is an answer, if there is data: heedful refresh")
        else:
            err.print("Nobody has looked yet: heedful refresh")
        return
    cells = [
        [
            one.id,
            _sign(one),
            one.severity,
            one.title,
            one.stage or "all",
            f"{one.onset.start}" if one.onset else f"{one.period_start}",
            *([one.state if one.state == "open" else (one.closed_because or "")] if every else []),
        ]
        for one in rows
    ]
    heads = ["id", "kind", "severity", "what", "stage", "since", *(["state"] if every else [])]
    as_table(cells, heads)
    open_ = sum(one.state == "open" for one in rows)
    tested = project.findings.tested()
    err.print(
        f"{open_} open{f' of {tested} tests' if tested else ''}; of a week's alarms at most"
        " one in ten is expected to be chance. More on one: heedful findings ID"
    )


def _sign(one: Finding) -> str:
    return "improved" if one.better and one.kind != "mismatch" else one.kind


def _tell(project: Project, one: Finding) -> None:
    """The five questions, as text."""
    settings = project.definitions.settings
    currency = settings.currency
    out.print(one.title, style="bold", markup=False)
    state = "open" if one.state == "open" else f"closed: {one.closed_because}"
    out.print(f"{_sign(one)}, {one.severity}, {one.id}, {state}\n", markup=False)
    out.print("[bold]What changed?[/bold]")
    paragraph(one.says)
    if one.legs:
        as_table(
            [_leg(leg, currency) for leg in one.legs],
            ["kpi", "before", "now", "95% interval", "n", "change", ""],
            right=(1, 2, 3, 4, 5),
        )
    if one.onset:
        sure = "" if one.onset.sure else ", not sure"
        paragraph(
            f"It most likely began in the {one.grain} of {one.onset.start} (the 95% set goes from"
            f" {one.onset.first} to {one.onset.last}{sure})."
        )
    for title, segments in (("Where?", one.where), ("Who?", one.who)):
        _segments(title, segments, one, currency)
    out.print("\n[bold]Because of what?[/bold]")
    for each in one.candidates:
        mark = "measured" if each.evidence == "causal" else "overlaps" if each.fits else "unlikely"
        paragraph(f"{each.at} {each.kind}: {each.title}. {each.says} ({mark})", "  ", "    ")
    if not one.candidates:
        said = "Nothing that is known overlaps it. Releases: heedful annotate TEXT --at DATE"
        paragraph(said, "  ", "  ")
    for comment in project.findings.comments(one, 4):
        paragraph(f"“{comment.text}” {comment.touchpoint or ''}, {comment.on}", "  ", "    ")
    out.print("\n[bold]What now?[/bold]")
    team = settings.teams.get(one.owner or "")
    playbook = project.definitions.playbooks.get(one.playbook or "")
    owner = team.name if team else one.owner or "nobody"
    paragraph(f"{owner} owns it. Playbook: {playbook.title if playbook else 'none'}.", "  ", "  ")
    for action in project.actions.similar(one)[:3]:
        paragraph(f"Before: {action.title} ({action.state})", "  ", "    ")
    err.print(f'heedful action make "..." --finding {one.id}', markup=False)


def _leg(leg: Leg, currency: str) -> list[str]:
    from heedful.experiments.wording import amount, effect, interval_of

    kind = "relative" if leg.relative else leg.unit
    change = effect(leg.difference, leg.difference_low, leg.difference_high, kind)
    return [
        leg.title,
        amount(leg.before, leg.unit, currency=currency),
        amount(leg.now, leg.unit, currency=currency),
        interval_of(leg.low, leg.high, leg.unit),
        f"{leg.n:,}",
        change,
        leg.verdict,
    ]


def _segments(title: str, segments: tuple[Segment, ...], one: Finding, currency: str) -> None:
    from heedful.experiments.wording import amount, effect, percent

    out.print(f"\n[bold]{title}[/bold]")
    hot = [each for each in segments if each.stands_out]
    names = {each.dimension for each in segments}
    quiet = [
        f"{each.dimension} (p = {each.p_value:.2f})" if each.p_value is not None else each.dimension
        for each in one.alike
        if each.dimension in names
    ]
    if hot:
        unit = one.legs[0].unit if one.legs else None
        rows = [
            [
                each.dimension,
                each.segment if each.segment is not None else "(not known)",
                amount(each.before, unit, currency=currency),
                amount(each.now, unit, currency=currency),
                effect(
                    each.difference,
                    each.difference_low,
                    each.difference_high,
                    "relative" if one.relative else unit,
                ),
                percent(each.share_of_change) if each.share_of_change is not None else "–",
            ]
            for each in hot[:MOST_SEGMENTS]
        ]
        heads = ["dimension", "segment", "before", "now", "its change", "of the change"]
        as_table(rows, heads, right=(2, 3, 4, 5), whole=(0, 1))
    if quiet:
        paragraph(f"Nothing stands out by {', '.join(quiet)}.", "  ", "  ")
    if not hot and not quiet:
        paragraph("It is not broken down so.", "  ", "  ")


@app.command("close")
def close(
    id_: Id,
    because: Annotated[str, typer.Option(help="Why; it is kept with the finding.", metavar="TEXT")],
    project: Folder = Path(),
) -> None:
    """Close a finding: it is no problem, or none any more."""
    one = opened(project).findings.close(id_, whoami(), because)
    err.print(f"Closed: {one.title}", markup=False)


@app.command("reopen")
def reopen(id_: Id, project: Folder = Path()) -> None:
    """Take a closing back; the next refresh decides whether it is still there."""
    one = opened(project).findings.reopen(id_, whoami())
    err.print(f"Open again: {one.title}", markup=False)


def looked(project: Project) -> FindingsRun:
    """Look for findings after a refresh, and say in a line what opened and ended."""
    from heedful.experiments.wording import of_them

    with err.status("looking for findings"):
        run = project.findings.refresh()
        project.actions.measure()
        sent = project.alerts.send()
    new, ended = len(run.opened), len(run.closed)
    open_ = of_them(run.open, "finding")
    err.print(f"{open_} open, {new} new, {ended} ended: heedful findings", markup=False)
    if sent:
        err.print(f"{sent} alerts sent", markup=False)
    return run
