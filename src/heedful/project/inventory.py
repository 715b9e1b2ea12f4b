"""The audit of the catalogue: what can be measured, how well, and what to instrument next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from heedful.experiments.contract import plain
from heedful.project.stock import Join

State = Literal["measured", "ready", "waiting", "missing", "planned"]
STATES: tuple[State, ...] = ("measured", "ready", "waiting", "missing", "planned")
MEANS: Mapping[str, str] = {
    "measured": "switched on, and has data",
    "ready": "not switched on, and its data is there",
    "waiting": "switched on, and has no data",
    "missing": "not switched on, and has no data",
    "planned": "cannot be measured yet",
}
STALE = 2
"""After so many days without any row at all it is the imports that stopped, not a table."""


@dataclass(frozen=True, slots=True)
class KpiAudit:
    """One KPI of the catalogue or of the project.

    Attributes:
        kpi: Its id.
        title: What people call it.
        layer: Its layer.
        core: Whether it is one of those to begin with.
        stages: Its stages.
        owner: The team that owns it; None while it is not switched on.
        on: Whether it is switched on.
        state: measured, ready, waiting, missing or planned; see `MEANS`.
        fact: The fact it is measured over.
        rows: Rows that count for it; None where its fact was never built.
        newest: Day of the newest row of its fact that counts, else of its table.
        late: Days that a table it needs is behind, beyond that table's rhythm; 0: fresh. None: no
            data, or a past too short to tell.
        complete: Share of the rows of its fact it is asked of in which what it needs is known, 0
            to 1; None where the fact was never built.
        joined: Share of its table's rows that are of a known customer, 0 to 1.
        table: The table that `joined` is about.
        tables: Tables it needs.
        columns: Columns it needs, as `table.column`; of some, one of several is enough.
        filled: Share of the rows of a table in which each of them is filled, 0 to 1. A column
            that says when something happened is rightly empty where it has not.
        events: Lists of rules.yaml of whose events it needs some.
        next: What to do so that it can be measured; empty where nothing is in the way.
        rank: Its place in what to do next, from 1; None where there is nothing to do.
    """

    kpi: str
    title: str
    layer: str
    core: bool
    stages: tuple[str, ...]
    owner: str | None
    on: bool
    state: State
    fact: str | None
    rows: int | None
    newest: date | None
    late: int | None
    complete: float | None
    joined: float | None
    table: str | None
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    filled: Mapping[str, float]
    events: tuple[str, ...]
    next: tuple[str, ...]
    rank: int | None = None

    @property
    def has_data(self) -> bool:
        """Whether there is a row to measure it from."""
        return self.state in {"measured", "ready"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to instrument.

    Attributes:
        does: What to do.
        kpis: KPIs that need it.
        alone: Those of them that need nothing else.
        core: Whether one of them is a core KPI.
        stages: Stages of theirs in which nothing is measured yet.
    """

    does: str
    kpis: tuple[str, ...]
    alone: tuple[str, ...]
    core: bool
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole catalogue.

    Attributes:
        on: The day of the audit, in the project's timezone.
        until: Day of the newest row of all; None without any.
        stopped: Days between the two, where it is the imports that stopped; else 0.
        summary: All of it in a sentence.
        kpis: All KPIs: those with something to do first, by what it would gain.
        steps: What to instrument next, the greatest gain first.
        joins: Tables whose rows should be of known customers.
        empty_stages: Stages in which no KPI is measured.
        began: Day of the first import; None before any.
        measured: Day on which readings were last made; None before any.
    """

    on: date
    until: date | None
    stopped: int
    summary: str
    kpis: tuple[KpiAudit, ...]
    steps: tuple[Step, ...]
    joins: tuple[Join, ...]
    empty_stages: tuple[str, ...]
    began: date | None = None
    measured: date | None = None

    def of(self, *states: State) -> tuple[KpiAudit, ...]:
        """The KPIs in one of these states."""
        return tuple(one for one in self.kpis if one.state in states)


def summed_up(
    found: Sequence[KpiAudit],
    joins: tuple[Join, ...],
    stages: Sequence[str],
    covered: Collection[str],
    until: date | None,
    today: date,
) -> Audit:
    """The audit of all KPIs together.

    Args:
        found: Every KPI, in any order and without ranks.
        joins: Tables whose rows should be of known customers.
        stages: The project's stages.
        covered: Stages that have readings, whatever stages their KPIs name.
        until: Day of the newest row of all.
        today: The day of the audit.
    """
    measured = {stage for one in found if one.state == "measured" for stage in one.stages}
    empty = tuple(stage for stage in stages if stage not in measured | set(covered))
    steps = _steps(found, empty)
    order = {step.does: place for place, step in enumerate(steps)}

    def gain(one: KpiAudit) -> tuple[object, ...]:
        fills = bool(set(one.stages) & set(empty))
        first = min((order[step] for step in one.next if step in order), default=len(order))
        return (not one.core, not fills, not one.on, one.state != "ready", first, one.kpi)

    todo = sorted((one for one in found if one.next), key=gain)
    rest = sorted((one for one in found if not one.next), key=lambda one: one.state == "planned")
    ranked = [replace(one, rank=place + 1) for place, one in enumerate(todo)]
    kpis = (*ranked, *rest)
    behind = (today - until).days if until is not None else 0
    stopped = behind if behind > STALE else 0
    said = _summary(kpis, joins, stopped)
    return Audit(today, until, stopped, said, kpis, steps, joins, empty)


def _steps(found: Iterable[KpiAudit], empty: Sequence[str]) -> tuple[Step, ...]:
    """What to instrument, by what it would gain: core KPIs, empty stages, then how many."""
    needing: dict[str, list[KpiAudit]] = {}
    for one in found:
        if one.state in {"waiting", "missing"}:
            for step in one.next:
                needing.setdefault(step, []).append(one)
    steps = [
        Step(
            does,
            tuple(one.kpi for one in kpis),
            tuple(one.kpi for one in kpis if len(one.next) == 1),
            any(one.core for one in kpis),
            tuple(stage for stage in empty if any(stage in one.stages for one in kpis)),
        )
        for does, kpis in needing.items()
    ]
    waits = {one.kpi for one in found if one.on}
    steps.sort(
        key=lambda step: (
            not step.core,
            not step.stages,
            not waits & set(step.kpis),
            -len(step.alone),
            -len(step.kpis),
            step.does,
        )
    )
    return tuple(steps)


def _summary(kpis: Sequence[KpiAudit], joins: Sequence[Join], stopped: int) -> str:
    """The audit in a sentence.

    Only numbers that were counted stand in it.
    """
    measured = sum(one.state == "measured" for one in kpis)
    ready = sum(one.state == "ready" for one in kpis)
    late = sum(bool(one.late) for one in kpis if one.state == "measured")
    if not measured and not ready:
        on = sum(one.on for one in kpis)
        return f"None of {len(kpis)} KPIs has data; {on} that are switched on wait for it."
    parts = [f"{measured} of {len(kpis)} KPIs have data"]
    parts.append(f"{ready} more {'is' if ready == 1 else 'are'} ready to switch on")
    parts.append(f"{late or 'none'} {'is' if late == 1 else 'are'} stale")
    tickets = next((one for one in joins if one.table == "tickets"), None)
    shown = tickets or min(joins, key=lambda one: one.rate, default=None)
    if shown is not None:
        parts.append(f"{100 * shown.rate:.0f}% of {shown.table} match a known customer")
    said = "; ".join(parts) + "."
    if stopped:
        said += f" No table has a row of the last {stopped} days."
    return said


def as_contract(found: Audit) -> dict[str, Any]:
    """An audit under the names that scripts rely on."""
    told: dict[str, Any] = plain(found)
    for join, one in zip(told["joins"], found.joins, strict=True):
        join["rate"] = one.rate
    return told
