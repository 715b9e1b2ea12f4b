"""Findings: what stands out, and a page each that answers five questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from heedful.findings.comments import TABLES
from heedful.ledger.refusal import RefusedError
from heedful.web import numbers
from heedful.web.guest import Analyst, Viewer, site_of
from heedful.web.pages import actions_form as forms
from heedful.web.pages import findings_words as words
from heedful.web.pages.definitions_text import rendered
from heedful.web.pages.findings_charts import drawn, lettered
from heedful.web.pages.findings_evidence import parts
from heedful.web.pages.findings_plan import planned
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.actions.action import Action
    from heedful.findings.finding import Comment, Finding
    from heedful.web.edition import Edition
    from heedful.web.guest import Guest

router = APIRouter(include_in_schema=False)
STATES = ("open", "closed")
PAGE = 50


@router.get("/findings")
def findings(request: Request, who: Viewer) -> Response:
    """The open ones by rank, or the closed ones, the newest first."""
    edition = site_of(request).edition
    query = request.query_params
    state = _chosen("state", query.get("state") or "open", STATES)
    settings = edition.definitions.settings
    every = edition.findings() if state == "open" else _closed(edition)
    fields = {
        "kind": tuple(words.KINDS),
        "severity": tuple(words.SEVERITIES),
        "stage": settings.stages,
        "owner": tuple(settings.teams),
    }
    asked = {
        name: _chosen(name, query[name], allowed)
        for name, allowed in fields.items()
        if query.get(name)
    }
    found = [one for one in every if all(getattr(one, k) == v for k, v in asked.items())]
    number = query.get("page") or "1"
    if not number.isdigit() or not 0 < int(number) < 10_000:
        raise ViewError(f'page "{number}" does not exist; allowed: 1 and on')
    first = PAGE * (int(number) - 1)
    return page(
        request,
        "findings.html",
        who,
        title="Findings",
        state=state,
        asked=asked,
        fields=fields,
        kinds=words.KINDS,
        findings=found[first : first + PAGE],
        shown=len(found),
        all=len(every),
        number=int(number),
        pages=-(-len(found) // PAGE),
        closed=len(_closed(edition)),
        tested=edition.once("tested", lambda: edition.project.findings.tested()),
        untested=edition.once("untested", lambda: edition.project.findings.untested()),
        acting={one.finding for one in edition.actions() if one.state == "open"},
    )


def _chosen(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ViewError(f'{name} "{value}" does not exist; allowed: {", ".join(allowed)}')
    return value


def _closed(edition: Edition) -> list[Finding]:
    """The closed ones, those first that ended last."""
    found = [one for one in edition.every_finding() if one.state == "closed"]
    return sorted(found, key=lambda one: one.closed_at or one.seen_at, reverse=True)


def _finding(edition: Edition, name: str) -> Finding:
    """One finding, by its id.

    Raises:
        NotFoundError: There is none.
    """
    for one in (*edition.findings(), *edition.every_finding()):
        if one.id == name:
            return one
    return edition.project.findings.get(name)


@router.get("/findings/{name}.json")
def download(request: Request, who: Viewer, name: str) -> Response:  # noqa: ARG001 - logged in
    """The finding as scripts know it; a file that is kept holds no comment of a customer."""
    edition = site_of(request).edition
    one = _finding(edition, name)
    said = f'attachment; filename="{one.id}.json"'
    return JSONResponse(
        edition.project.findings.as_contract(one), headers={"Content-Disposition": said}
    )


@router.get("/findings/{name}")
def finding(request: Request, who: Viewer, name: str) -> Response:
    """One finding: what, where, who, because of what, what now."""
    edition = site_of(request).edition
    return _shown(request, who, edition, _finding(edition, name))


def _shown(
    request: Request, who: Guest, edition: Edition, one: Finding, sent: forms.Sent | None = None
) -> Response:
    """The page of a finding; with a form that could not be taken, as it was filled in."""
    return page(
        request,
        "finding.html",
        who,
        title=one.title,
        crumbs=(("Findings", "/findings"), (one.id, None)),
        status=400 if sent else 200,
        finding=one,
        words=words,
        sent=sent,
        **_evidence(edition, one),
        **_next(edition, one),
    )


def _evidence(edition: Edition, one: Finding) -> dict[str, Any]:
    kpi = edition.kpi(one.kpi or "")
    kpi = kpi and kpi.at(one.stage, one.part)
    main = one.legs[0] if one.legs else None
    unit = main.unit if main else None
    currency = edition.definitions.settings.currency
    common: dict[str, Any] = {"better": kpi.better if kpi else None, "currency": currency}
    target = kpi.target if kpi and one.kind == "threshold" else None
    where = parts(one, one.where, unit, target=target, **common)
    people = parts(one, one.who, unit, moves=True, **common)
    return {
        "kpi": kpi,
        "main": main,
        "pattern": edition.once("patterns", lambda: edition.project.findings.patterns).get(
            one.pattern or ""
        ),
        "charts": drawn(edition, one),
        "where": where,
        "people": people,
        "where_says": words.where(one, where),
        "people_says": words.who(one, people),
        "because_says": words.because(one),
        "began": words.began(one),
        "seen": words.seen(one),
        "candidates": lettered(one),
        "comments": _comments(edition, one),
    }


def _comments(edition: Edition, one: Finding) -> list[Comment]:
    """What customers wrote; kept no longer than the tables stay as they are.

    Whom an erasure removed is gone from the page with the next request.
    """
    lake = edition.project.lake("tables")
    versions = tuple(lake.version(name) for name in TABLES)
    key = ("finding comments", one.id, one.seen_at)
    kept = edition.kept(key)
    if kept is None or kept[0] != versions:
        edition.forget(key)
        kept = edition.once(key, lambda: (versions, edition.project.findings.comments(one)))
    found: list[Comment] = kept[1]
    return found


def _next(edition: Edition, one: Finding) -> dict[str, Any]:
    definitions = edition.definitions
    playbook = definitions.playbooks.get(one.playbook or "")
    key = ("similar", one.id, one.seen_at)
    mine = [action for action in edition.actions() if action.finding == one.id]
    targets = forms.targets(edition, one)
    similar = edition.fresh(key, lambda: edition.project.actions.similar(one))
    return {
        "playbook": playbook,
        "playbook_html": rendered(playbook.text) if playbook else None,
        "mine": mine,
        "similar": [action for action in similar if action.finding != one.id],
        "targets": targets,
        "chosen": forms.chosen(targets),
        "due": forms.due_on(edition),
        "today": edition.today,
    }


@router.post("/findings/{name}/actions")
def act(
    request: Request,
    who: Analyst,
    name: str,
    title: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    aim: Annotated[str, Form()] = "",
    expected: Annotated[str, Form()] = "",
) -> Response:
    """Make an action from it."""
    edition = site_of(request).edition
    one = _finding(edition, name)
    try:
        made = _made(edition, one, who, title, owner, due, aim, expected)
    except forms.WRONG as error:
        given = {"title": title, "owner": owner, "due": due, "aim": aim, "expected": expected}
        return _shown(request, who, edition, one, forms.sent("act", error, **given))
    edition.forget("actions")
    return RedirectResponse(f"/actions/{made.id}", 303)


def _made(
    edition: Edition,
    one: Finding,
    who: Guest,
    title: str,
    owner: str,
    due: str,
    aim: str,
    expected: str,
) -> Action:
    kpi, dimension, segment = forms.aimed(aim)
    series = forms.read(edition, one, kpi, dimension, segment) if kpi else None
    if kpi and dimension and series is None:
        raise HTTPException(400, f'"{aim}" has no readings; choose what it is to change')
    return edition.project.actions.make(
        title,
        owner,
        forms.day(due, "the due day"),
        by=who.email,
        finding=one,
        kpi=kpi,
        stage=series.stage if series is not None else None,
        dimension=dimension,
        segment=segment,
        grain=one.grain,
        expected=forms.reached(expected, forms.unit_of(edition, kpi)),
        shelf=edition.shelf,
    )


@router.post("/findings/{name}/close")
def close(
    request: Request, who: Analyst, name: str, because: Annotated[str, Form()] = ""
) -> Response:
    """It is no problem, or none any more."""
    edition = site_of(request).edition
    try:
        forms.short(because, "the reason")
        edition.project.findings.close(name, who.email, because)
    except (HTTPException, RefusedError) as error:
        wrong = forms.sent("close", error, because=because)
        return _shown(request, who, edition, _finding(edition, name), wrong)
    edition.forget_findings()
    return RedirectResponse(f"/findings/{name}", 303)


@router.post("/findings/{name}/reopen")
def reopen(request: Request, who: Analyst, name: str) -> Response:
    """It is one after all."""
    edition = site_of(request).edition
    edition.project.findings.reopen(name, who.email)
    edition.forget_findings()
    return RedirectResponse(f"/findings/{name}", 303)


@router.get("/findings/{name}/experiment")
def experiment(request: Request, who: Viewer, name: str) -> Response:
    """An experiment on it, as files to start from."""
    edition = site_of(request).edition
    one = _finding(edition, name)
    files = planned(edition, one)
    return page(
        request,
        "finding_experiment.html",
        who,
        title="Plan an experiment",
        crumbs=(("Findings", "/findings"), (one.id, f"/findings/{one.id}"), ("Experiment", None)),
        finding=one,
        plan=files,
        words=numbers.name,
    )
