"""The command that audits the catalogue, and plans the first 90 days."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.options import Folder, opened
from heedful.cli.printing import as_csv, as_json, as_table, err, out, paragraph
from heedful.experiments.wording import listed, of_them

if TYPE_CHECKING:
    from heedful.project.inventory import Audit, KpiAudit, Step
    from heedful.project.rollout import Plan, Task

MOST_STEPS = 12
MOST_NAMED = 3


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
        out.print("\n".join(_markdown(seen)), markup=False)
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
        rows = [[str(n + 1), one.does, _for(one)] for n, one in enumerate(steps)]
        as_table(rows, ["", "do", "for"], right=(0,))
        if len(seen.steps) > len(steps):
            out.print(f"and {len(seen.steps) - len(steps)} more, in --format json")
    out.print("\n[bold]KPIs[/bold]")
    heads = ["kpi", "state", "newest", "fresh", "known", "joined", "next"]
    as_table([_cells(one) for one in seen.kpis], heads, right=(4, 5), whole=(0, 1, 2, 3))
    err.print("\nThe plan of the first 90 days: heedful audit --plan")


def _for(step: Step) -> str:
    """What a step would give."""
    more = len(step.kpis) - MOST_NAMED
    named = [*step.kpis[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
    marks = ["core"] if step.core else []
    marks += [f"first of {listed(step.stages)}"] if step.stages else []
    return f"{listed(named)}{f' ({listed(marks)})' if marks else ''}"


def _cells(one: KpiAudit) -> list[str]:
    fresh = "" if one.late is None else f"{one.late} days late" if one.late else "yes"
    more = f" (and {len(one.next) - 1} more)" if len(one.next) > 1 else ""
    then = "switch it on" if one.state == "ready" else f"{one.next[0]}{more}" if one.next else ""
    return [
        one.kpi,
        one.state,
        str(one.newest or ""),
        fresh,
        _percent(one.complete),
        _percent(one.joined),
        then,
    ]


def _percent(share: float | None) -> str:
    """A share, of which neither nearly all is all nor hardly any none.

    >>> _percent(1.0), _percent(0.9996), _percent(0.0), _percent(0.0003), _percent(None)
    ('100%', '99.9%', '0%', '<1%', '')
    """
    if share is None:
        return ""
    if 0.995 <= share < 1:
        return "99.9%" if share >= 0.9985 else f"{100 * share:.1f}%"
    return "<1%" if 0 < share < 0.005 else f"{100 * share:.0f}%"


def _markdown(seen: Audit) -> list[str]:
    """What to do next, to paste into a ticket or a page."""
    lines = [f"# Audit, {seen.on}", "", seen.summary, "", "## What to instrument next", ""]
    lines += [f"- [ ] {_escaped(one.does)}: {_escaped(_for(one))}" for one in seen.steps]
    lines += [] if seen.steps else ["Nothing is missing."]
    ready = seen.of("ready")
    lines += ["", "## Ready to switch on", ""] if ready else []
    lines += [f"- [ ] {_escaped(one.title)} (`{one.kpi}`)" for one in ready]
    return lines


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
    head = f"{found.done} of {of_them(len(found.tasks), 'step')} done"
    if found.day is not None:
        head += f"; day {found.day} since the first import on {found.began}"
    if format_ == Form.markdown:
        lines = [f"# The first 90 days, {found.on}", "", f"{head}."]
        for title, tasks in phases.items():
            lines += ["", f"## {title}", "", *(_line(one) for one in tasks)]
        out.print("\n".join(lines), markup=False)
        return
    out.print(f"{head}.", markup=False)
    for title, tasks in phases.items():
        done = sum(one.done for one in tasks)
        out.print(f"\n[bold]{title}[/bold]  {done} of {len(tasks)}")
        for one in tasks:
            paragraph(f"{'done' if one.done else 'todo'}  {one.does}", "  ", "        ")
            paragraph(one.evidence, "        ", "        ")
            if one.next:
                whom = f" ({listed(one.owners)})" if one.owners else ""
                paragraph(f"next: {one.next}{whom}", "        ", "        ")


def _line(one: Task) -> str:
    """One step as a line of a checklist."""
    line = f"- [{'x' if one.done else ' '}] **{_escaped(one.does)}**: {_escaped(one.evidence)}"
    if one.next:
        whom = f" ({listed(one.owners)})" if one.owners else ""
        line += f". Next: {_escaped(one.next)}{whom}"
    return line


def _escaped(text: str) -> str:
    r"""Text in which nothing is taken for Markdown.

    >>> _escaped("map resolved_at in kpis/*.yaml")
    'map resolved\\_at in kpis/\\*.yaml'
    """
    for sign in "\\*_[]<`|":
        text = text.replace(sign, f"\\{sign}")
    return text
