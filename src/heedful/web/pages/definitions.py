"""Definitions: the catalogue as this project uses it, facts with their SQL, playbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from heedful.definitions.problem import one_of
from heedful.project import NotFoundError
from heedful.scorecard.score import without_scale
from heedful.web import numbers
from heedful.web.guest import Viewer, site_of
from heedful.web.pages.definitions_lines import (
    SAID,
    KpiLine,
    fact_lines,
    kpi_lines,
    part_lines,
    rule_lines,
)
from heedful.web.pages.definitions_text import coded, rendered
from heedful.web.render import page
from heedful.web.view import ViewError

if TYPE_CHECKING:
    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)
GROUPS = ("layer", "owner", "fact")
WORDS = {"on": "switched on", "off": "available", "planned": "planned", "all": "all"}
STATES = tuple(WORDS)
LAYERS = ("experience", "engagement", "operational", "commercial", "governance", "qualitative")


@router.get("/definitions")
def definitions(
    request: Request,
    who: Viewer,
    by: str = "layer",
    state: str = "on",
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The catalogue and all that goes with it."""
    edition = site_of(request).edition
    for name, value, allowed in (("by", by, GROUPS), ("state", state, STATES)):
        if value not in allowed:
            raise ViewError(f'{name} "{value}" does not exist; allowed: {", ".join(allowed)}')
    every = kpi_lines(edition)
    found = [line for line in every if not q.strip() or line.holds(q.strip())]
    counts = {each: sum(line.state == each for line in found) for each in STATES[:3]}
    counts["all"] = len(found)
    wanted = [line for line in found if state in {"all", line.state}]
    card = part_lines(edition)

    def link(**changes: str) -> str:
        query = {"by": by, "state": state, "q": q, **changes}
        usual = {"by": "layer", "state": "on", "q": ""}
        text = urlencode({name: v for name, v in query.items() if v != usual[name]})
        return "/definitions" + (f"?{text}" if text else "")

    return page(
        request,
        "definitions.html",
        who,
        title="Definitions",
        groups=_groups(edition, wanted, by),
        by=by,
        offered=GROUPS,
        state=state,
        states=[
            ("on", "switched on"),
            ("off", "available"),
            ("planned", "planned"),
            ("all", "all"),
        ],
        counts=counts,
        said=SAID,
        q=q,
        link=link,
        shown=len(wanted),
        on=sum(line.state == "on" for line in every),
        total=len(every),
        rules=rule_lines(edition),
        own_rules=(edition.definitions.root / "rules.yaml").is_file(),
        card=card,
        heaviest=max((kpi[2] for part in card for kpi in part.kpis), default=1.0) or 1.0,
        least=edition.definitions.scorecard.min_coverage,
        unscaled=[edition.definitions.kpis[name] for name in without_scale(edition.definitions)],
        facts=fact_lines(edition),
        playbooks=_playbooks(edition),
        dimensions=edition.definitions.segments,
        coded=coded,
    )


def _groups(edition: Edition, wanted: list[KpiLine], by: str) -> list[tuple[str, list[KpiLine]]]:
    groups: dict[str, list[KpiLine]] = {}
    for line in wanted:
        if by == "owner":
            name = line.owner or "Nobody yet"
        elif by == "fact":
            name = line.kpi.fact or "No fact yet"
        else:
            name = numbers.name(line.kpi.layer)
        groups.setdefault(name, []).append(line)
    if by == "layer":
        order = [numbers.name(layer) for layer in LAYERS]
    elif by == "owner":
        order = [team.name for team in edition.definitions.settings.teams.values()]
    else:
        order = sorted(groups)
    places = {name: place for place, name in enumerate(order)}
    return sorted(groups.items(), key=lambda pair: places.get(pair[0], len(places)))


def _playbooks(edition: Edition) -> list[tuple[str, str, list[str]]]:
    using: dict[str, list[str]] = {}
    for kpi in edition.definitions.kpis.values():
        using.setdefault(kpi.playbook, []).append(kpi.id)
    return [
        (one.id, one.title, using.get(one.id, []))
        for one in sorted(edition.definitions.playbooks.values(), key=lambda one: one.title)
    ]


@router.get("/definitions/facts/{name}")
def fact(request: Request, who: Viewer, name: str) -> Response:
    """One fact: what a row is, what its columns mean, and the SQL that makes it."""
    edition = site_of(request).edition
    one = edition.project.facts.get(name)
    if one is None:
        raise NotFoundError(
            f'fact "{name}" does not exist', one_of(sorted(edition.project.facts), name)
        )
    mine = [kpi for kpi in edition.definitions.kpis.values() if kpi.fact == name]
    return page(
        request,
        "fact.html",
        who,
        title=f"facts.{name}",
        crumbs=(("Definitions", "/definitions"), ("Facts", "/definitions#facts"), (name, None)),
        fact=one,
        kpis=mine,
        built=edition.project.lake("facts").exists(name),
        coded=coded,
    )


@router.get("/definitions/playbooks/{name}")
def playbook(request: Request, who: Viewer, name: str) -> Response:
    """One playbook."""
    edition = site_of(request).edition
    known = edition.definitions.playbooks
    one = known.get(name)
    if one is None:
        raise NotFoundError(f'playbook "{name}" does not exist', one_of(sorted(known), name))
    mine = [kpi for kpi in edition.definitions.kpis.values() if kpi.playbook == name]
    return page(
        request,
        "playbook.html",
        who,
        title=one.title,
        crumbs=(
            ("Definitions", "/definitions"),
            ("Playbooks", "/definitions#playbooks"),
            (one.title, None),
        ),
        playbook=one,
        text=edition.once(("playbook", name), lambda: rendered(one.text)),
        kpis=mine,
        findings=[each for each in edition.findings() if each.playbook == name],
    )
