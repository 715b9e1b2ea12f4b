"""Experiments: the portfolio, and a readout or a plan each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from markupsafe import Markup

from heedful.definitions.problem import one_of
from heedful.experiments.breakdowns import DECISIONS
from heedful.experiments.contract import as_contract, plain
from heedful.ledger.signature import VERDICTS
from heedful.project import NotFoundError
from heedful.web import numbers
from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages.experiments_plan import Planned, planned
from heedful.web.pages.experiments_work import PATIENCE, work
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from heedful.experiments.planning import ExperimentPlan
    from heedful.experiments.portfolio import PortfolioRow
    from heedful.experiments.readout import Readout
    from heedful.web.edition import Edition
    from heedful.web.pages.experiments_work import Work

router = APIRouter(include_in_schema=False)
RECENT = timedelta(days=365)
"""Experiments that ended longer ago are read out when someone asks for them."""
LONGEST = 60.0
"""Seconds that a program waits for a readout."""
STATES = {
    "running": "units enter",
    "maturing": "no unit enters any more; outcomes are still open",
    "planned": "not started",
    "finished": "everything it will ever say is in",
}


@dataclass(frozen=True, slots=True)
class Line:
    """An experiment of the portfolio.

    Attributes:
        row: It on the day.
        question: What it asks.
        left: Days left, in words.
        last: Last day on which units enter.
        decision: What the readout decided, as far as that is known.
    """

    row: PortfolioRow
    question: str
    left: str
    last: date
    decision: str


@router.get("/experiments")
def experiments(request: Request, who: Viewer) -> Response:
    """The portfolio."""
    edition = site_of(request).edition
    wanted = request.query_params.get("state") or ""
    if wanted and wanted not in STATES:
        raise ViewError(f'state "{wanted}" does not exist; allowed: {", ".join(STATES)}')
    found = edition.project.experiments.portfolio(edition.until)
    counts = {state: sum(row.state == state for row in found.rows) for state in STATES}
    lines = [
        Line(
            row,
            edition.definitions.experiments[row.experiment].question,
            _left(row),
            row.closes - timedelta(days=1),
            _decision(edition, row),
        )
        for row in found.rows
        if not wanted or row.state == wanted
    ]
    stages = edition.definitions.settings.stages
    groups = [(stage, [one for one in lines if one.row.stage == stage]) for stage in stages]
    return page(
        request,
        "experiments.html",
        who,
        title="Experiments",
        groups=[(stage, mine) for stage, mine in groups if mine],
        total=len(found.rows),
        without=found.without,
        on=found.on,
        wanted=wanted,
        states=STATES,
        counts=counts,
    )


def _left(row: PortfolioRow) -> str:
    if row.days_left is None:
        return ""
    what = {"planned": "until it starts", "running": "left", "maturing": "until all is known"}
    days = "1 day" if row.days_left == 1 else f"{row.days_left} days"
    return f"{days} {what[row.state]}"


def _decision(edition: Edition, row: PortfolioRow) -> str:
    """The decision, as soon as it is known: the list does not wait for readouts, it begins them."""
    recent = row.matures > edition.until - RECENT
    if row.state in {"planned", "running"} or not recent:
        kept = edition.kept(("readout", row.experiment))
    else:
        kept = _readout(edition, row.experiment, patience=0)
    found = kept.found if kept is not None else None
    return DECISIONS[found.decision] if found is not None else ""


@router.get("/experiments/{name}")
def experiment(request: Request, who: Viewer, name: str) -> Response:
    """One experiment: its readout, or its plan before it starts."""
    edition = site_of(request).edition
    row = _row(edition, name)
    definition = edition.definitions.experiments[name]
    about: dict[str, Any] = {
        "title": definition.title,
        "crumbs": (
            ("Experiments", "/experiments"),
            (numbers.name(row.stage), f"/stages/{row.stage}"),
            (definition.title, None),
        ),
        "row": row,
        "experiment": definition,
        "left": _left(row),
        "last": row.closes - timedelta(days=1),
        "hypothesis": edition.definitions.hypotheses.get(definition.hypothesis),
    }
    if row.state == "planned":
        plan = _plan(edition, name)
        shown: Planned | None = None
        if plan.found is not None:
            shown = planned(plan.found, definition, edition.definitions)
        return page(
            request, "experiment_plan.html", who, work=plan, plan=plan.found, shown=shown, **about
        )
    readout = _readout(edition, name)
    if readout.found is None:
        return page(request, "experiment_wait.html", who, work=readout, **about)
    found = readout.found
    return page(
        request,
        "experiment.html",
        who,
        body=edition.once(("readout body", name, found.signatures), lambda: _body(found)),
        readout=found,
        verdicts=VERDICTS,
        may_sign=who.may("analyst"),
        **about,
    )


@router.get("/experiments/{name}/progress")
def progress(request: Request, who: Viewer, name: str) -> Response:  # noqa: ARG001 - logged in
    """Whether it is still being read out."""
    edition = site_of(request).edition
    row = _row(edition, name)
    found: Work[ExperimentPlan] | Work[Readout]
    found = _plan(edition, name) if row.state == "planned" else _readout(edition, name)
    says = "planning from history" if row.state == "planned" else "reading out"
    return JSONResponse({"running": not found.done.is_set(), "says": says, "done": 0, "all": 0})


@router.get("/experiments/{name}/readout.json")
def download(request: Request, who: Viewer, name: str) -> Response:  # noqa: ARG001 - logged in
    """The readout, or the plan before it starts, as JSON."""
    edition = site_of(request).edition
    row = _row(edition, name)
    found: Work[ExperimentPlan] | Work[Readout]
    found = _plan(edition, name) if row.state == "planned" else _readout(edition, name)
    found.done.wait(LONGEST)
    if found.found is None:
        said = "; ".join(str(one) for one in found.problems) or "it could not be read out"
        raise HTTPException(409, said)
    given = plain(found.found) if row.state == "planned" else as_contract(found.found)  # type: ignore[arg-type]
    kind = "plan" if row.state == "planned" else "readout"
    said = f'attachment; filename="{name}-{kind}.json"'
    return JSONResponse(given, headers={"Content-Disposition": said})


@router.post("/experiments/{name}/sign")
def sign(
    request: Request,
    who: Analyst,
    name: str,
    verdict: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take on a trade-off, for the team that approves."""
    edition = site_of(request).edition
    row = _row(edition, name)
    if row.state == "planned":
        raise HTTPException(400, "It has not started, so there is nothing to sign")
    approver = edition.definitions.experiments[name].approver
    said = f"{reason.strip()} ({who.name})" if reason.strip() else ""
    edition.project.experiments[name].sign(approver, verdict, said)
    edition.project.audit.add(who.email, "signed for", f"experiment {name}", f"as {approver}")
    edition.forget(("readout", name))
    return RedirectResponse(f"/experiments/{name}#decision", 303)


def _row(edition: Edition, name: str) -> PortfolioRow:
    known = edition.definitions.experiments
    if name not in known:
        raise NotFoundError(f'experiment "{name}" does not exist', one_of(known, name))
    rows = edition.project.experiments.portfolio(edition.until).rows
    return next(row for row in rows if row.experiment == name)


def _readout(edition: Edition, name: str, patience: float = PATIENCE) -> Work[Readout]:
    # As the data stand, so that an experiment is not called over where imports stopped.
    one = edition.project.experiments[name]
    return work(edition, ("readout", name), lambda: one.readout(as_of=edition.last_day), patience)


def _plan(edition: Edition, name: str) -> Work[ExperimentPlan]:
    return work(edition, ("plan", name), edition.project.experiments[name].plan)


def _body(readout: Readout) -> Markup:
    from heedful.experiments.page import body

    # Written by our own templates, which escape what people wrote.
    return Markup(body(readout))  # noqa: S704
