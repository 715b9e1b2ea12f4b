"""Audits and plans in words: for the terminal, for pages, and as Markdown to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful.experiments.wording import listed, of_them

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heedful.project.inventory import Audit, Step
    from heedful.project.rollout import Plan, Task

MOST_NAMED = 3
_SIGNS = "\\*_[]<`|"


def gain(step: Step, titles: Mapping[str, str] | None = None) -> str:
    """What a step would give: KPIs, and whether they are core or the first of a stage.

    Args:
        step: The step.
        titles: What people call KPIs; without it their ids are named.
    """
    more = len(step.kpis) - MOST_NAMED
    known = titles or {}
    named = [
        *(known.get(one, one) for one in step.kpis[:MOST_NAMED]),
        *([f"{more} more"] if more > 0 else []),
    ]
    marks = ["core"] if step.core else []
    marks += [f"the first of {listed(step.stages)}"] if step.stages else []
    return f"{listed(named)}{f' ({listed(marks)})' if marks else ''}"


def percent(share: float | None) -> str:
    """A share, of which neither nearly all is all nor hardly any none.

    >>> percent(1.0), percent(0.9996), percent(0.996), percent(0.0), percent(0.0003), percent(None)
    ('100%', '99.9%', '99.6%', '0%', '<1%', '')
    """
    if share is None:
        return ""
    if 0.995 <= share < 1:
        return f"{min(99.9, 100 * share):.1f}%"
    return "<1%" if 0 < share < 0.005 else f"{100 * share:.0f}%"


def progress(found: Plan) -> str:
    """How far a plan is, in a sentence."""
    said = f"{found.done} of {of_them(len(found.tasks), 'step')} done"
    if found.day is not None:
        said += f"; day {found.day} since the first import on {found.began}"
    return f"{said}."


def of_audit(seen: Audit) -> str:
    """What to do next, as Markdown to paste into a ticket or a page."""
    lines = [f"# Audit, {seen.on}", "", seen.summary, "", "## What to instrument next", ""]
    lines += [f"- [ ] {escaped(one.does)}: {escaped(gain(one))}" for one in seen.steps]
    lines += [] if seen.steps else ["Nothing is missing."]
    ready = seen.of("ready")
    lines += ["", "## Ready to switch on", ""] if ready else []
    lines += [f"- [ ] {escaped(one.title)} (`{one.kpi}`)" for one in ready]
    return "\n".join(lines)


def of_plan(found: Plan) -> str:
    """The plan as Markdown."""
    from heedful.project.rollout import by_phase

    lines = [f"# The first 90 days, {found.on}", "", progress(found)]
    for title, tasks in by_phase(found).items():
        lines += ["", f"## {title}", "", *(_line(one) for one in tasks)]
    return "\n".join(lines)


def _line(one: Task) -> str:
    """One step as a line of a checklist."""
    line = f"- [{'x' if one.done else ' '}] **{escaped(one.does)}**: {escaped(one.evidence)}"
    if one.next:
        whom = f" ({escaped(listed(one.owners))})" if one.owners else ""
        line += f". Next: {escaped(one.next)}{whom}"
    return line


def escaped(text: str) -> str:
    r"""Text in which nothing is taken for Markdown.

    >>> print(escaped("map resolved_at in kpis/*.yaml"))
    map resolved\_at in kpis/\*.yaml
    """
    for sign in _SIGNS:
        text = text.replace(sign, f"\\{sign}")
    return text
