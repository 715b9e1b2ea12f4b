"""Audit: what can be measured, what to instrument next, and the plan of the first 90 days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from heedful.definitions.problem import one_of
from heedful.project import checklist
from heedful.project.auditing import audit as audited
from heedful.project.inventory import MEANS, STATES
from heedful.project.rollout import PHASES, plan
from heedful.web import numbers
from heedful.web.guest import Viewer, site_of
from heedful.web.pages.data_tables import imported
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from heedful.project.inventory import Audit
    from heedful.project.rollout import Plan, Task
    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)
MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the plan.

    Attributes:
        title: What it is called.
        days: Its first and last day.
        now: Whether today is in it.
        tasks: Its steps.
        done: How many are done.
    """

    title: str
    days: tuple[int, int]
    now: bool
    tasks: tuple[Task, ...]
    done: int


def inventory(edition: Edition) -> Audit:
    """The audit of an edition; made once an import and day, for its tables are read."""
    key = ("audit", imported(edition), edition.today)
    return edition.once(key, lambda: audited(edition.project))


def rollout(edition: Edition) -> Plan:
    """The plan as it stands; people change what it is made from."""
    seen = inventory(edition)
    scores = edition.scores("month")
    return edition.fresh("rollout", lambda: plan(edition.project, seen, scores))


@router.get("/audit")
def audit(request: Request, who: Viewer) -> Response:
    """The page."""
    edition = site_of(request).edition
    seen, ahead = inventory(edition), rollout(edition)
    state = request.query_params.get("state") or ""
    if state and state not in STATES:
        raise ViewError(f'state "{state}" does not exist; {one_of(STATES, state)}')
    every = request.query_params.get("steps") == "all"
    teams = edition.definitions.settings.teams
    titles = {one.kpi: one.title for one in seen.kpis}
    return page(
        request,
        "audit.html",
        who,
        title="Audit",
        seen=seen,
        steps=seen.steps if every else seen.steps[:MOST_STEPS],
        more_steps=0 if every else max(0, len(seen.steps) - MOST_STEPS),
        gain=lambda step: checklist.gain(step, titles),
        percent=checklist.percent,
        states=[(name, len(seen.of(name)), MEANS[name]) for name in STATES],
        state=state,
        kpis=seen.of(*([state] if state else [one for one in STATES if one != "planned"])),
        planned=() if state else seen.of("planned"),
        plan=ahead,
        progress=_progress(ahead),
        phases=[
            Phase(
                title,
                (first, last),
                ahead.phase == name,
                ahead.of(name),
                sum(one.done for one in ahead.of(name)),
            )
            for name, title, first, last in PHASES
        ],
        named=lambda owner: teams[owner].name if owner in teams else owner,
        markdown=checklist.of_plan(ahead),
    )


def _progress(ahead: Plan) -> str:
    """How far the plan is, with the day as pages write days."""
    if ahead.day is None or ahead.began is None:
        return checklist.progress(ahead)
    began = numbers.day(ahead.began, year=True)
    return f"{ahead.done} of {len(ahead.tasks)} steps done; day {ahead.day}, first import {began}"
