"""The overview: one sentence, the score, the journey, KPIs side by side, findings, actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from heedful.scorecard.comparison import Comparison, compare
from heedful.web import chart_series, charts, numbers, pictures, sentences
from heedful.web.cards import Card, card
from heedful.web.guest import Viewer, site_of
from heedful.web.marks import marks
from heedful.web.render import page
from heedful.web.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heedful.definitions.kpi import Kpi
    from heedful.findings.finding import Finding
    from heedful.scorecard.comparison import Part
    from heedful.web.charts import Chart
    from heedful.web.edition import Edition

router = APIRouter(include_in_schema=False)
MOST_FINDINGS = 8
MOST_ACTIONS = 5
LOW_COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the strip."""

    id: str
    name: str
    link: str
    whole: Comparison | None
    ruler: Markup
    weakest: Card | None


@dataclass(frozen=True, slots=True)
class Triad:
    """Three KPIs side by side."""

    title: str
    sign: Markup
    says: Markup
    cards: tuple[Card, Card, Card]


@router.get("/")
def overview(request: Request, who: Viewer) -> Response:
    """The page."""
    edition = site_of(request).edition
    settings = edition.definitions.settings
    view = View.of(request.query_params, edition.shelf, settings.stages)
    whole = compared(edition, view)
    findings = edition.findings()
    strip, domain = strip_of(edition, view)
    return page(
        request,
        "overview.html",
        who,
        title="Overview",
        view=view,
        filters=True,
        whole=whole,
        state=sentences.state(view, whole, findings),
        mismatches=[one for one in findings if one.kind == "mismatch" and not one.better],
        changes=_changes(whole),
        chart=edition.once(
            ("score chart", view.grain, view.segment_key), lambda: score_chart(edition, view, None)
        ),
        strip=strip,
        domain=domain,
        low_coverage=LOW_COVERAGE,
        triads=_triads(edition, view, findings),
        findings=findings[:MOST_FINDINGS],
        all_findings=len(findings),
        tested=edition.once("tested", lambda: edition.project.findings.tested()),
        due=sorted((a for a in edition.actions() if a.state == "open"), key=lambda a: a.due)[
            :MOST_ACTIONS
        ],
        until=edition.until,
        running=[
            row
            for row in edition.project.experiments.portfolio(edition.until).rows
            if row.state != "finished"
        ],
    )


def compared(edition: Edition, view: View, stage: str | None = None) -> Comparison | None:
    """The score of a view against its other period."""
    if view.period is None:
        return None
    now, before = view.period.start, view.against.start if view.against else None
    return edition.once(
        ("compared", view.grain, before, now, stage, view.segment_key),
        lambda: compare(
            edition.definitions,
            edition.shelf,
            view.grain,
            before,
            now,
            stage=stage,
            dimension=view.dimension,
            segment=view.segment,
        ),
    )


def _changes(whole: Comparison | None) -> list[tuple[Part, Markup]]:
    """The dimensions with bars of what each adds to the change, from one zero."""
    if whole is None:
        return []
    sizes = [part.moved.difference or 0.0 for part in whole.parts]
    span = max((abs(size) for size in sizes), default=1.0) or 1.0
    tones = {"better": "good", "worse": "bad"}
    return [
        (
            part,
            pictures.bars([(size, tones.get(part.moved.verdict, ""))], (-span, span), height=14),
        )
        for part, size in zip(whole.parts, sizes, strict=True)
    ]


def score_chart(edition: Edition, view: View, stage: str | None) -> Chart | None:
    """The score over time."""
    scores = [
        one
        for one in edition.scores(view.grain, view.dimension)
        if one.stage == stage
        and one.score is not None
        and (view.dimension is None or one.segment == view.segment)
    ]
    series = chart_series.score_series(scores)
    if series is None:
        return None
    what = f"Score of {numbers.name(stage)}" if stage else "Empathy score"
    happened = marks(edition, stage, scores[0].period_start, scores[-1].period_end)
    return charts.trend(series, title=what, better="higher", marks=happened, height=260)


def domain_of(scores: Sequence[Comparison | None]) -> tuple[float, float]:
    """A scale that holds all intervals of some scores, on steps of 5."""
    ends = [
        end
        for one in scores
        if one
        for end in (one.score, one.low, one.high, one.before)
        if end is not None
    ]
    if not ends:
        return (0.0, 100.0)
    return (max(0.0, 5.0 * (min(ends) // 5)), min(100.0, 5.0 * (max(ends) // 5 + 1)))


def strip_of(edition: Edition, view: View) -> tuple[list[Stage], tuple[float, float]]:
    """The stages with their scores, and what all their scales span."""
    wholes = {
        stage: compared(edition, view, stage) for stage in edition.definitions.settings.stages
    }
    domain = domain_of(list(wholes.values()))
    found = []
    for stage, whole in wholes.items():
        drawn = Markup("")
        if whole and whole.score is not None:
            tone = {"better": "good", "worse": "bad"}.get(whole.moved.verdict, "")
            drawn = pictures.ruler(
                whole.score, whole.low, whole.high, domain, before=whole.before, tone=tone
            )
        found.append(
            Stage(
                stage,
                numbers.name(stage),
                view.link(f"/stages/{stage}"),
                whole,
                drawn,
                _weakest(edition, view, stage, whole),
            )
        )
    return found, domain


def _weakest(edition: Edition, view: View, stage: str, whole: Comparison | None) -> Card | None:
    kpis = [one for part in whole.parts for one in part.kpis] if whole else []
    known = [one for one in kpis if one.score is not None]
    if not known:
        return None
    name = min(known, key=lambda one: one.score or 0.0).name
    return card(edition, view, edition.definitions.kpis[name], stage)


def _triads(edition: Edition, view: View, findings: Sequence[Finding]) -> list[Triad]:
    kpis = edition.definitions.kpis
    wanted = [
        (one.title, (one.empathy, one.business, one.diagnostic))
        for one in edition.definitions.scorecard.triads
    ] or _usual(edition)
    found = []
    for title, names in wanted:
        if not all(name in kpis for name in names):
            continue
        a, b, c = (card(edition, view, kpis[name]) for name in names)
        cards = (a, b, c)
        found.append(Triad(title, _sign(cards, findings), sentences.triad(cards), cards))
    return found


def _usual(edition: Edition) -> list[tuple[str, tuple[str, str, str]]]:
    """Three KPIs of each stage, where a project names none."""
    measured = [k for k in edition.definitions.kpis.values() if k.id in edition.shelf.kpis]
    found: list[tuple[str, tuple[str, str, str]]] = []
    used: set[str] = set()
    for stage in edition.definitions.settings.stages:
        here = [k for k in measured if (stage in k.stages or not k.stages) and k.id not in used]
        kinds = (("experience",), ("commercial",), ("diagnostic", "operational"))
        names = [_first(here, kind) for kind in kinds]
        a, b, c = names
        if a and b and c:
            used |= {a, b, c}
            found.append((numbers.name(stage), (a, b, c)))
    return found


def _first(kpis: Sequence[Kpi], kinds: Sequence[str]) -> str | None:
    """The first KPI of a layer or timing."""
    fitting = (k.id for kind in kinds for k in kpis if kind in {k.layer, k.timing})
    return next(fitting, None)


def _sign(cards: tuple[Card, Card, Card], findings: Sequence[Finding]) -> Markup:
    names = {one.kpi for one in cards}
    for finding in findings:
        touched = {leg.kpi for leg in finding.legs} & names
        if finding.kind == "mismatch" and len(touched) > 1:
            return pictures.sign("mismatch", "Mismatch")
    verdicts = {one.change.verdict for one in cards if one.change}
    if {"better", "worse"} <= verdicts:
        return pictures.sign("plain", "Moving apart")
    if "worse" in verdicts:
        return pictures.sign("worse", "Worse")
    if "better" in verdicts:
        return pictures.sign("better", "Improved")
    return pictures.sign("plain", "Nothing stands out")
