"""The command that audits the catalogue, and plans the first 90 days."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.options import Folder, opened
from heedful.cli.printing import as_csv, as_json, as_table, err, out, paragraph
from heedful.experiments.wording import listed
from heedful.project import checklist

if TYPE_CHECKING:
    from heedful.project.inventory import Audit, KpiAudit
    from heedful.project.rollout import Plan

MOST_STEPS = 12


class Form(StrEnum):
    """How to print an audit."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


def audit(
    plan: Annotated[
        bool, typer.Option("--plan", help="The plan of the first 90 days, as far as it is done.")
    ] = False,
    project: Folder = Path(),
    format_: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.table,
) -> None:
    """What can be measured, how well, and what to instrument next."""
    from heedful.project.auditing import audit as audited

    found = opened(project)
    with err.status("looking at the data"):
        seen = audited(found)
    if plan:
        from heedful.project.rollout import plan as planned

        _plan(planned(found, seen), format_)
        return
    if format_ == Form.json:
        from heedful.project.inventory import as_contract

        as_json(as_contract(seen))
    elif format_ == Form.csv:
        as_csv([_row(one) for one in seen.kpis], list(_row(seen.kpis[0])))
    elif format_ == Form.markdown:
        out.print(checklist.of_audit(seen), markup=False)
    else:
        _audit(seen)


def _row(one: KpiAudit) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _audit(seen: Audit) -> None:
    from heedful.project.inventory import MEANS, STATES

    paragraph(seen.summary)
    out.print()
    counts = [(state, len(seen.of(state)), MEANS[state]) for state in STATES]
    as_table([[s, str(n), means] for s, n, means in counts], ["state", "kpis", ""], right=(1,))
    if seen.empty_stages:
        out.print(f"\nNothing is measured in {listed(seen.empty_stages)}.", markup=False)
    if seen.steps:
        out.print("\n[bold]What to instrument next[/bold]")
        steps = seen.steps[:MOST_STEPS]
        rows = [[str(n + 1), one.does, checklist.gain(one)] for n, one in enumerate(steps)]
        as_table(rows, ["", "do", "for"], right=(0,))
        if len(seen.steps) > len(steps):
            out.print(f"and {len(seen.steps) - len(steps)} more, in --format json")
    out.print("\n[bold]KPIs[/bold]")
    heads = ["kpi", "state", "newest", "fresh", "known", "joined", "next"]
    as_table([_cells(one) for one in seen.kpis], heads, right=(4, 5), whole=(0, 1, 2, 3))
    err.print("\nThe plan of the first 90 days: heedful audit --plan")


def _cells(one: KpiAudit) -> list[str]:
    fresh = "" if one.late is None else f"{one.late} days late" if one.late else "yes"
    more = f" (and {len(one.next) - 1} more)" if len(one.next) > 1 else ""
    then = "switch it on" if one.state == "ready" else f"{one.next[0]}{more}" if one.next else ""
    return [
        one.kpi,
        one.state,
        str(one.newest or ""),
        fresh,
        checklist.percent(one.complete),
        checklist.percent(one.joined),
        then,
    ]


def _plan(found: Plan, format_: Form) -> None:
    from heedful.project.rollout import by_phase

    if format_ == Form.json:
        as_json(found)
        return
    if format_ == Form.csv:
        names = ["phase", "does", "done", "evidence", "next", "owners"]
        as_csv([{name: getattr(one, name) for name in names} for one in found.tasks], names)
        return
    phases = by_phase(found)
    if format_ == Form.markdown:
        out.print(checklist.of_plan(found), markup=False)
        return
    out.print(checklist.progress(found), markup=False)
    for title, tasks in phases.items():
        done = sum(one.done for one in tasks)
        out.print(f"\n[bold]{title}[/bold]  {done} of {len(tasks)}")
        for one in tasks:
            paragraph(f"{'done' if one.done else 'todo'}  {one.does}", "  ", "        ")
            paragraph(one.evidence, "        ", "        ")
            if one.next:
                whom = f" ({listed(one.owners)})" if one.owners else ""
                paragraph(f"next: {one.next}{whom}", "        ", "        ")
