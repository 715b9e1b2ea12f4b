"""How often findings are told that are not there, and how often those that are there are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit, logit

from heedful.definitions.kpi import Kpi
from heedful.definitions.pattern import Pattern
from heedful.findings.episode import Episode, replay
from heedful.findings.past import Past
from heedful.findings.signals import listen
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf
from heedful.stats import BUCKETS, Estimates, ratios, shares
from heedful.stats.families import benjamini_hochberg
from simulation.draw import Floats, Table, lognormal

FIRST = date(2025, 1, 6)
RULES = (
    {"rule": "change", "by": 0.10},
    {"rule": "decline"},
    {"rule": "rise", "by": 0.15},
    {"rule": "change", "by": 0.10},
)
STAGES = ("onboarding", "retention")


@dataclass(frozen=True)
class World:
    """A project whose truth is known.

    Attributes:
        customers: A week and series, on average; a factor of up to 3 less or more by series.
        between: Standard deviation between weeks, in those of sampling.
        alike: Autocorrelation of weeks.
        wave: How many more customers come in the busiest weeks: 1 is twice as many.
        season: Amplitude of a yearly wave in the values themselves, in standard deviations of
            sampling.
        weeks: How many.
        steps: By place of a series: the week of its step and its size, as a share of the value.
    """

    customers: int = 400
    between: float = 1.0
    alike: float = 0.3
    wave: float = 0.0
    season: float = 0.0
    weeks: int = 52
    steps: Mapping[int, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """A KPI in a stage."""

    kpi: str
    stage: str
    share: float | None
    customers: float


def series(customers: int, *, kpis: int = 30, both: int = 5) -> list[Series]:
    """KPIs of one stage, and some of two, of which the whole is tested too: 40 in all."""
    made: list[Series] = []
    levels = (0.06, 0.15, 0.3, 0.5, 0.75, 0.9)
    for n in range(kpis):
        share = None if n % 4 == 3 else levels[n % len(levels)]
        size = customers * 3.0 ** np.cos(n * 2.4)
        stages = STAGES if n < both else (STAGES[n % 2],)
        made += [Series(f"kpi{n:02d}", stage, share, size) for stage in stages]
    return made


def definitions(all_: list[Series]) -> Any:
    """A project of these KPIs."""
    found = {}
    for n, name in enumerate(dict.fromkeys(one.kpi for one in all_)):
        one = next(each for each in all_ if each.kpi == name)
        measure = {"mean": "amount"} if one.share is None else {"share": "x"}
        found[name] = Kpi.model_validate(
            {
                "id": name,
                "title": name,
                "says": name,
                "layer": "experience",
                "timing": "leading",
                "better": "lower" if n % 3 == 0 else "higher",
                "fact": "f",
                "measure": measure | ({"in": "money"} if one.share is None else {}),
                "owner": "a",
                "playbook": "p",
                "threshold": dict(RULES[n % len(RULES)]),
            }
        )
    return SimpleNamespace(kpis=found)


def patterns(kpis: Mapping[str, Any], many: int = 8) -> dict[str, Pattern]:
    """Contradictions between neighbours; the last one has three alternatives."""
    names = list(kpis)
    found = {}
    for n in range(many):
        others = tuple(names[2 * n + 1 : 2 * n + 2 + 2 * (n % 2)])
        legs = ({"kpi": names[2 * n], "moves": "better"}, {"kpi": others, "moves": "worse"})
        found[f"p{n}"] = Pattern.model_validate(
            {"id": f"p{n}", "title": f"P{n}", "says": "They contradict.", "legs": legs}
        )
    return found


def shelf(rng: np.random.Generator, world: World, all_: list[Series]) -> Shelf:
    """The readings of a project."""
    tables = []
    sums: dict[str, list[tuple[Floats, Floats, Floats]]] = {}
    for place, one in enumerate(all_):
        drawn = _draw(rng, world, one, world.steps.get(place))
        sums.setdefault(one.kpi, []).append(drawn)
        tables.append(_readings(one, one.stage, *drawn))
    for name, each in sums.items():
        one = next(each for each in all_ if each.kpi == name)
        y, x, people = (sum(column[1:], start=column[0]) for column in zip(*each, strict=True))
        tables.append(_readings(one, None, y, x, people))
    return Shelf(pa.concat_tables(tables))


def _draw(
    rng: np.random.Generator, world: World, one: Series, step: tuple[int, float] | None
) -> tuple[Floats, Floats, Floats]:
    """Bucket sums by week: of what counts, of rows, of customers."""
    weeks = np.arange(world.weeks)
    busy = 1 + world.wave * np.exp(-(((weeks - 0.7 * world.weeks) / 4) ** 2))
    count = rng.poisson(one.customers / BUCKETS * busy[:, None], (world.weeks, BUCKETS))
    usual = _weather(rng, world) + world.season * np.sin(2 * np.pi * weeks / 52 + rng.uniform(0, 6))
    jump = np.zeros(world.weeks)
    if step is not None:
        jump[step[0] :] = step[1]
    size = one.customers**-0.5
    if one.share is not None:
        sampling = np.sqrt(one.share * (1 - one.share)) * size
        # Customers of one bucket are the same from week to week, and each has its own mind.
        own = rng.normal(0, 0.15, BUCKETS)
        logits = logit(np.clip(one.share * (1 + jump), 0.01, 0.99))
        slope = one.share * (1 - one.share)
        p = expit((logits + usual * sampling / slope)[:, None] + own)
        y = rng.binomial(count, p).astype(float)
    else:
        level = np.log1p(jump) + usual * size
        most = int(count.max())
        amounts = lognormal(rng.standard_normal((world.weeks, BUCKETS, most)), 1.0)
        there = np.arange(most) < count[:, :, None]
        y = np.exp(level)[:, None] * 40 * (amounts * there).sum(axis=2)
    rows = count.astype(float)
    return y, rows, rows


def _weather(rng: np.random.Generator, world: World) -> Floats:
    """What a week does to a KPI: an autoregressive series."""
    fresh = rng.standard_normal(world.weeks)
    found = np.empty(world.weeks)
    found[0] = fresh[0]
    for week in range(1, world.weeks):
        left = np.sqrt(1 - world.alike**2)
        found[week] = world.alike * found[week - 1] + left * fresh[week]
    return world.between * found


def _readings(one: Series, stage: str | None, y: Floats, x: Floats, people: Floats) -> pa.Table:
    made: Estimates = (shares if one.share is not None else ratios)(y, x, x, people)
    weeks = len(made)
    starts = [FIRST + timedelta(days=7 * n) for n in range(weeks)]
    flat = pa.array(made.replicates.astype(np.float32).ravel())
    columns: dict[str, Any] = {
        "kpi": [one.kpi] * weeks,
        "grain": ["week"] * weeks,
        "period_start": starts,
        "period_end": [day + timedelta(days=7) for day in starts],
        "complete": [True] * weeks,
        "stage": [stage] * weeks,
        "value": made.value,
        "low": made.low,
        "high": made.high,
        "n": x.sum(axis=1).astype(int),
        "customers": people.sum(axis=1).astype(int),
        "weighted_n": x.sum(axis=1),
        "unit": ["share" if one.share is not None else "money"] * weeks,
        "method": ["jackknife"] * weeks,
        "definition_hash": ["a"] * weeks,
        "reported_at": [datetime(2026, 6, 1, tzinfo=UTC)] * weeks,
        "replicates": pa.FixedSizeListArray.from_arrays(flat, BUCKETS).cast(pa.list_(pa.float32())),
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(weeks, f.type)
        for f in STORED
    ]
    return pa.Table.from_arrays(arrays, schema=STORED)


@dataclass
class Told:
    """What was told of many projects."""

    projects: int = 0
    families: int = 0
    alarmed: int = 0
    signalled: int = 0
    opened: int = 0
    false: int = 0
    steps: int = 0
    found: int = 0
    weeks: list[int] = field(default_factory=list)

    @property
    def alarms(self) -> float:
        """Percent of families with a test that survives Benjamini-Hochberg."""
        return 100 * self.alarmed / self.families

    @property
    def signals(self) -> float:
        """Percent of families with a test that survives and is large enough."""
        return 100 * self.signalled / self.families

    @property
    def a_year(self) -> float:
        """Findings opened a project and year, those that are not there."""
        return self.false / self.projects


def tell(told: Told, rng: np.random.Generator, world: World, *, families: bool = True) -> None:
    """Draw a project, look at each of its weeks, and add what was told."""
    all_ = series(world.customers)
    known = definitions(all_)
    shapes = patterns(known.kpis)
    past = Past(known, shelf(rng, world, all_), "week")
    told.projects += 1
    if families:
        for place in range(world.weeks):
            heard = listen(past, shapes, place)
            told.families += heard.tested > 0
            told.alarmed += _alarmed(past, shapes, place)
            told.signalled += bool(heard.signals)
    episodes, _ = replay(past, shapes)
    true: dict[tuple[str, str | None], int] = {
        (all_[at].kpi, all_[at].stage): week for at, (week, _) in world.steps.items()
    }
    whole: dict[tuple[str, str | None], int] = {
        (kpi, None): week for (kpi, _), week in true.items()
    }
    first: dict[str, int] = {}
    for episode in episodes:
        told.opened += 1
        week = _due(episode, true | whole)
        if week is None:
            told.false += 1
            continue
        for kpi, stage, _ in episode.signal.moved:
            if (kpi, stage) in true or (kpi, stage) in whole:
                first.setdefault(kpi, episode.opened)
    told.steps += len(true)
    for (kpi, _), week in true.items():
        if kpi in first:
            told.found += 1
            told.weeks.append(first[kpi] - week + 1)


def _due(episode: Episode, true: Mapping[tuple[str, str | None], int]) -> int | None:
    """The week of the step that an episode tells of; None where there is none."""
    due = [true[kpi, stage] for kpi, stage, _ in episode.signal.moved if (kpi, stage) in true]
    # What opens half a year later is no longer about that step.
    return due[0] if due and due[0] <= episode.opened <= due[0] + 20 else None


def _alarmed(past: Past, shapes: Mapping[str, Pattern], place: int) -> bool:
    """Whether any test of the family of changes survives, of whatever size."""
    from heedful.findings.signals import RATE, _mismatches, _probes

    changes, _, _ = _probes(past, place)
    found = _mismatches(past, shapes, changes, place)
    p = [min(1.0, one.p) for one in changes.values()] + [min(1.0, one.p) for one in found]
    return bool(p) and bool((benjamini_hochberg(p) <= RATE).any())


CALM = (
    ("sampling only", World(between=0.0)),
    ("weeks vary as much as sampling", World(alike=0.0)),
    ("and are autocorrelated by 0.3", World()),
    ("and twice as much", World(between=2.0)),
    ("few customers", World(customers=80)),
    ("many customers, weeks vary four times as much", World(customers=4000, between=4.0)),
    ("twice the customers in the busiest weeks", World(wave=1.0)),
    ("the values themselves swing once a year", World(season=1.5)),
)


def calm_table(runs: int) -> Table:
    """Projects in which nothing ever happens."""
    table = [
        ["what weeks do", "projects", "weeks with an alarm", "and large enough", "findings a year"]
    ]
    for n, (name, world) in enumerate(CALM):
        told = Told()
        for run in range(max(1, runs // 20)):
            tell(told, np.random.default_rng([11, n, run]), world)
        table.append(
            [
                name,
                str(told.projects),
                f"{told.alarms:.1f}%",
                f"{told.signals:.1f}%",
                f"{told.a_year:.2f}",
            ]
        )
    return table


def power_table(runs: int) -> Table:
    """Projects in which four KPIs step in week 30 or later."""
    table = [["step", "projects", "found", "weeks until then, median", "of what opened: not there"]]
    for size in (0.1, 0.15, 0.2, 0.3, 0.5):
        told = Told()
        for run in range(max(1, runs // 20)):
            rng = np.random.default_rng([12, round(100 * size), run])
            places = rng.choice(np.arange(10, 35), 4, replace=False)
            steps = {
                int(at): (int(rng.integers(30, 36)), size * (1 if n % 2 else -1))
                for n, at in enumerate(places)
            }
            tell(told, rng, replace(World(), steps=steps), families=False)
        table.append(
            [
                f"{100 * size:.0f}%",
                str(told.projects),
                f"{100 * told.found / told.steps:.0f}%",
                f"{np.median(told.weeks):.0f}" if told.weeks else "–",
                f"{100 * told.false / max(1, told.opened):.0f}%",
            ]
        )
    return table
