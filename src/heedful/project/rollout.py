"""The plan of the first 90 days, filled from what the project's files, tables and ledger hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Literal

from heedful.experiments.wording import listed, of_them

if TYPE_CHECKING:
    from heedful.definitions.kpi import Kpi
    from heedful.project.inventory import Audit
    from heedful.project.project import Project
    from heedful.scorecard.score import Score

Name = Literal["define", "instrument", "operate"]
PHASES: tuple[tuple[Name, str, int, int], ...] = (
    ("define", "Define and audit", 1, 30),
    ("instrument", "Instrument and test", 31, 60),
    ("operate", "Operationalise and improve", 61, 90),
)
FEWEST = 5
"""So many KPIs are the least to begin with."""
JOINED = 0.8
"""Tickets, answers and orders should be of known customers at least so often."""
WEEK = 7
MOST = 4


@dataclass(frozen=True, slots=True)
class Task:
    """One step of the plan.

    Attributes:
        phase: define, instrument or operate.
        does: What it is.
        done: Whether it is done.
        evidence: What says so: counts, files, days.
        next: What to do next; empty where it is done.
        owners: Teams that have to do with what is left; empty where it is nobody's yet.
    """

    phase: Name
    does: str
    done: bool
    evidence: str
    next: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan as it stands.

    Attributes:
        on: The day.
        began: Day of the first import; None before any.
        day: Days since then, the first being 1; None before any import.
        phase: The phase that this day is in; None before any import.
        tasks: The steps, by phase.
    """

    on: date
    began: date | None
    day: int | None
    phase: Name | None
    tasks: tuple[Task, ...]

    def of(self, phase: str) -> tuple[Task, ...]:
        """The steps of a phase."""
        return tuple(one for one in self.tasks if one.phase == phase)

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(one.done for one in self.tasks)


def plan(project: Project, audit: Audit, scores: Sequence[Score] | None = None) -> Plan:
    """The plan of the first 90 days, as far as the project is.

    Args:
        project: The project.
        audit: The audit of its catalogue.
        scores: Its scores by month, where somebody has them already.
    """
    if scores is None:
        scores = project.scorecard.scores(grain="month") if audit.measured else ()
    began = audit.began
    day = (audit.on - began).days + 1 if began else None
    phase = next((name for name, _, _, until in PHASES if day and day <= until), None)
    tasks = (
        *_define(project, audit),
        *_instrument(project, audit, scores),
        *_operate(project, audit),
    )
    # What is done leaves nothing to do, and nobody to do it.
    told = tuple(replace(one, next="", owners=()) if one.done else one for one in tasks)
    return Plan(audit.on, began, day, phase or ("operate" if day else None), told)


def _define(project: Project, audit: Audit) -> Iterator[Task]:
    definitions = project.definitions
    kpis, settings = definitions.kpis, definitions.settings
    core = [one for one in audit.kpis if one.core and one.state != "planned"]
    on = [one.kpi for one in core if one.on]
    off = [one.kpi for one in core if not one.on]
    yield Task(
        "define",
        f"Choose {FEWEST} to 8 KPIs for the journeys of highest value",
        len(kpis) >= FEWEST,
        f"{of_them(len(kpis), 'KPI')} in kpis/, {len(on)} of {len(core)} of the core set",
        f"switch on {_some(off)}" if off else "switch on more: heedful audit",
        (),
    )
    teams = {kpi.owner for kpi in kpis.values()}
    yield Task(
        "define",
        "Give every KPI an owner, a threshold and a playbook",
        bool(kpis),
        f"{of_them(len(kpis), 'KPI')} owned by {of_them(len(teams), 'team')};"
        f" {of_them(len(definitions.playbooks), 'playbook')} in playbooks/",
        "name teams in heedful.yaml and owners in kpis/*.yaml",
        (),
    )
    bare = [kpi for kpi in kpis.values() if kpi.target is None and kpi.timing == "leading"]
    aimed = sum(kpi.target is not None for kpi in kpis.values())
    yield _of_kpis(
        "define",
        "Set a target for every leading KPI",
        bare,
        bool(kpis),
        f"{aimed} of {of_them(len(kpis), 'KPI')} have a target",
        "write target: in kpis/{}.yaml",
    )
    ai = [name for name, one in settings.touchpoints.items() if one.ai]
    placed = sum(one.stage is not None for one in settings.touchpoints.values())
    yield Task(
        "define",
        "Place touchpoints in stages, and mark the automated ones",
        bool(ai) and placed == len(settings.touchpoints),
        f"{of_them(len(settings.touchpoints), 'touchpoint')} in heedful.yaml, {placed} with a"
        f" stage, {len(ai)} automated{f': {_some(ai)}' if ai else ''}",
        "list them under touchpoints in heedful.yaml, with stage, and ai: true",
        (),
    )
    tried = {one.stage for one in definitions.hypotheses.values()}
    without = [stage for stage in settings.stages if stage not in tried]
    yield Task(
        "define",
        "Write a hypothesis for every stage",
        not without,
        f"{of_them(len(definitions.hypotheses), 'hypothesis', 'hypotheses')} in hypotheses.yaml,"
        f" for {len(settings.stages) - len(without)} of {len(settings.stages)} stages",
        f"write one for {_some(without)}",
        (),
    )
    yield Task(
        "define",
        "Bring the data in",
        audit.until is not None,
        f"{of_them(len(definitions.sources), 'source')} in sources/"
        + (f"; newest row {audit.until}" if audit.until else "; no row yet"),
        "write sources/*.yaml, then: heedful import",
        (),
    )


def _instrument(project: Project, audit: Audit, scores: Sequence[Score]) -> Iterator[Task]:
    definitions = project.definitions
    on = [one for one in audit.kpis if one.on]
    waiting = [one for one in on if one.state == "waiting"]
    step = next((one.next[0] for one in waiting if one.next), "")
    yield Task(
        "instrument",
        "Have data for every KPI that is switched on",
        bool(on) and not waiting,
        f"{len(on) - len(waiting)} of {of_them(len(on), 'KPI')} have data",
        f"{step} (for {_some([one.kpi for one in waiting])})" if step else "heedful refresh",
        _owners(one.owner for one in waiting),
    )
    yield Task(
        "instrument",
        "Measure something in every stage",
        not audit.empty_stages,
        f"{len(definitions.settings.stages) - len(audit.empty_stages)} of"
        f" {len(definitions.settings.stages)} stages have readings",
        f"nothing is measured in {_some(audit.empty_stages)}: heedful audit says what is missing",
        (),
    )
    joins = [one for one in audit.joins if one.table in {"tickets", "responses", "orders"}]
    loose = [one for one in joins if one.rate < JOINED]
    yield Task(
        "instrument",
        f"Match {100 * JOINED:.0f}% of tickets, answers and orders to known customers",
        bool(joins) and not loose,
        ", ".join(f"{one.table} {100 * one.rate:.0f}%" for one in joins) or "none is there yet",
        f"fill identities, or map customer_id in the source of {_some(o.table for o in loose)}"
        if loose
        else "import tickets, responses or orders, and customers",
        (),
    )
    unscaled = [kpi for kpi in definitions.kpis.values() if kpi.scored and kpi.scale is None]
    scaled = sum(kpi.scale is not None for kpi in definitions.kpis.values())
    yield _of_kpis(
        "instrument",
        "Accept a scale for every KPI that is scored",
        unscaled,
        bool(scaled),
        f"{of_them(scaled, 'KPI')} have a scale, {len(unscaled)} that are scored have none",
        "heedful scale --suggest, then write scale: in kpis/{}.yaml",
    )
    newest = _score(scores)
    yield Task(
        "instrument",
        "See the first empathy score",
        newest is not None,
        newest or "no score yet",
        "accept scales, then: heedful refresh, heedful score",
        (),
    )
    planned = definitions.experiments
    owners = _owners(one.owner for one in planned.values())
    yield Task(
        "instrument",
        "Plan a test in one or two areas of high impact",
        bool(planned),
        f"{of_them(len(planned), 'experiment')} in experiments/"
        + (f": {_some(planned)}" if planned else ""),
        "plan one on the dashboard, or write experiments/NAME.yaml",
        (),
    )
    rows = project.experiments.portfolio(audit.on).rows
    over = [row.experiment for row in rows if row.state == "finished"]
    begun = [row.experiment for row in rows if row.state != "planned"]
    yield Task(
        "instrument",
        "Run a test to its end, and read it out",
        bool(over),
        f"{of_them(len(begun), 'experiment has', 'experiments have')} begun,"
        f" {len(over)} finished{f': {_some(over)}' if over else ''}",
        f"heedful experiment readout {begun[0]}" if begun else "start one",
        owners,
    )


def _operate(project: Project, audit: Audit) -> Iterator[Task]:
    definitions = project.definitions
    last = audit.measured
    recent = last is not None and (audit.on - last).days <= WEEK
    yield Task(
        "operate",
        "Look at findings every week",
        recent,
        f"last measured {last}" if last else "nothing was ever measured",
        "run heedful refresh every day, and open heedful findings in the weekly review",
        (),
    )
    routes, channels = definitions.alerts.routes, definitions.alerts.channels
    told = {owner for route in routes for owner in route.owners}
    unheard = sorted({kpi.owner for kpi in definitions.kpis.values()} - told)
    everyone = any(not route.owners for route in routes)
    yield Task(
        "operate",
        "Tell owners of what they own",
        bool(routes) and (everyone or not unheard),
        f"{of_them(len(channels), 'channel')} and {of_them(len(routes), 'route')} in alerts.yaml",
        f"add a route in alerts.yaml for {_some(unheard)}" if routes else "write alerts.yaml",
        () if everyone else tuple(unheard),
    )
    actions = project.actions.all()
    open_ = [one for one in actions if one.state == "open"]
    late = [one for one in open_ if one.late(audit.on)]
    findings = project.findings.open()
    taken = {one.finding for one in actions}
    loose = [one for one in findings if one.severity == "act" and one.id not in taken]
    yield Task(
        "operate",
        "Have an action with an owner for every finding that asks for one",
        bool(actions) and not loose,
        f"{of_them(len(findings), 'open finding')}, {len(loose)} to act on without an action;"
        f" {of_them(len(open_), 'open action')}, {len(late)} late",
        f'heedful action make "..." --finding {loose[0].id} --owner TEAM --due DATE'
        if loose
        else "make one when a finding asks for it: heedful findings",
        _owners(one.owner for one in loose),
    )
    done = [one for one in actions if one.state == "done"]
    measured = [one for one in done if one.outcome and one.outcome.state == "measured"]
    yield Task(
        "operate",
        "See what came of an action",
        bool(measured),
        f"{of_them(len(done), 'action')} done, {len(measured)} with a measured outcome",
        "close actions that name a KPI; their outcome is measured weeks later",
        _owners(one.owner for one in open_),
    )
    people, tokens = project.people.all(), project.people.tokens.all()
    yield Task(
        "operate",
        "Let people and programs in",
        len(people) > 1,
        f"{of_them(len(people), 'person', 'people')}, {of_them(len(tokens), 'token')}",
        "heedful person invite EMAIL",
        (),
    )
    triads = definitions.scorecard.triads
    yield Task(
        "operate",
        "Show executives empathy, business and diagnosis side by side",
        bool(triads),
        f"{of_them(len(triads), 'triad')} in scorecard.yaml",
        "write triads: in scorecard.yaml",
        (),
    )


def _of_kpis(
    phase: Name, does: str, lacking: Iterable[Kpi], begun: bool, evidence: str, then: str
) -> Task:
    """A step that is done when no KPI lacks something."""
    kpis = list(lacking)
    name = kpis[0].id if kpis else "KPI"
    rest = f", and {len(kpis) - 1} more" if len(kpis) > 1 else ""
    owners = _owners(kpi.owner for kpi in kpis)
    return Task(phase, does, begun and not kpis, evidence, then.format(name) + rest, owners)


def _score(scores: Sequence[Score]) -> str | None:
    """The newest score with its interval, in words."""
    from heedful.experiments.wording import amount, interval_of
    from heedful.kpis.periods import shown

    whole = [one for one in scores if one.score is not None and one.stage is one.dimension is None]
    if not whole:
        return None
    one = max(whole, key=lambda each: each.period_start)
    period = shown(one.grain, one.period_start, one.period_end)
    interval = interval_of(one.low, one.high, "score")
    return f"{amount(one.score, 'score')} ({interval}) in {period}"


def _owners(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _some(names: Iterable[str]) -> str:
    """A few names, and how many more there are."""
    every = list(names)
    more = [f"{len(every) - MOST} more"] if len(every) > MOST else []
    return listed([*every[:MOST], *more])


def by_phase(found: Plan) -> Mapping[str, tuple[Task, ...]]:
    """The steps by title of their phase, with its days."""
    return {
        f"{title} (days {first} to {until})": found.of(name) for name, title, first, until in PHASES
    }
