"""Who would have entered an experiment in the past: the traffic that planning counts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.engines.duckdb import literal, quoted
from heedful.experiments.clock import moment, opening
from heedful.experiments.exposed import UNITS, tabled
from heedful.experiments.meeting import Met, unit_of

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.engines.duckdb import DuckDB
    from heedful.experiments.exposed import Exposed
    from heedful.kpis.computing import Bench

MOST_DAYS = 84
LEAST_DAYS = 28
LAST_DAYS = 14


@dataclass(frozen=True, slots=True)
class Traffic:
    """Units that entered, by day.

    Attributes:
        first: First day of the history that was used.
        daily: Units that entered for the first time on each day.
        said: Who counts as entering.
        notes: What a reader should know.
    """

    first: date
    daily: Sequence[int]
    said: str
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """How many days there are."""
        return len(self.daily)

    @property
    def units(self) -> int:
        """All units."""
        return sum(self.daily)

    @property
    def pace(self) -> float:
        """Units a day in the last two weeks: later on, most of those who come were there before."""
        last = self.daily[-LAST_DAYS:]
        return sum(last) / len(last) if last else 0.0

    def units_in(self, days: int) -> float:
        """Units that enter within so many days.

        >>> Traffic(date(2026, 1, 5), [40, 30, 20, 10], "").units_in(3)
        90.0
        """
        known = float(sum(self.daily[:days]))
        return known + max(days - self.days, 0) * self.pace

    def days_for(self, units: float) -> int | None:
        """Days until so many units have entered; None where they never come.

        >>> Traffic(date(2026, 1, 5), [40, 30, 20, 10], "").days_for(80)
        3
        """
        total = 0.0
        for day, count in enumerate(self.daily, 1):
            total += count
            if total >= units:
                return day
        if self.pace <= 0:
            return None
        return self.days + ceil((units - total) / self.pace)


def remembered(
    bench: Bench,
    experiment: Experiment,
    fact: str | None,
    until: datetime,
    horizons: Sequence[int],
) -> tuple[Exposed, Traffic]:
    """Units that met the exposure rule in the past: those whose outcomes are known, and how many.

    Without a rule those count who had an event at a touchpoint of the experiment's stage; where
    there are none, those with any event; where there are no events, those with a row of the
    primary outcome's fact. Of a population that history cannot tell, everyone counts. How many
    come is counted in the newest days, what they do in the newest days whose windows have passed.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment, with one variant that stands for history.
        fact: The fact of its primary outcome; None where that has no data.
        until: Until then the primary outcome's rows are known.
        horizons: Days until each outcome is known, the primary one's first. Where history is too
            short for the longest, only the primary one's counts.
    """
    engine = bench.engine
    bench.prepared.views(("events",))
    zone = ZoneInfo(bench.definitions.settings.timezone)
    source = _entering(bench, experiment, fact)
    oldest = engine.query(f"SELECT MIN(happened) AS first FROM ({source.rows()}) AS e")[
        "first"
    ].to_pylist()[0]
    experiment, labels, notes = _population(bench, experiment, source)

    def entered(first: date, length: int) -> Exposed:
        met = _met(experiment, source, labels, first, length, zone)
        return tabled(bench, experiment, Met(met, met, labels))

    first, length = _days(experiment, oldest, until, (0, 0), zone)
    entered(first, length)
    counted = engine.query(
        f"SELECT entered, COUNT(*) AS n FROM {UNITS} GROUP BY entered"
    ).to_pylist()
    by_day = {row["entered"]: row["n"] for row in counted}
    daily = [by_day.get(first + timedelta(days=day), 0) for day in range(length)]
    begin, days = _days(experiment, oldest, until, horizons, zone)
    if begin + timedelta(days=days) > experiment.start:
        notes += ("There is too little history before the start: days of the experiment count.",)
    return entered(begin, days), Traffic(first, daily, source.said, notes)


def _met(
    experiment: Experiment,
    source: _Source,
    labels: Mapping[str, str],
    first: date,
    length: int,
    zone: ZoneInfo,
) -> str:
    """A row a unit that comes within some days."""
    carried = "".join(
        f", ARG_MIN({column}, ROW(happened, {column})) AS {column}" for column in labels.values()
    )
    unit = unit_of(experiment, "e.customer", "w.account")
    rows = (
        f"SELECT {unit} AS unit, e.* FROM ({source.rows(labels)}) AS e "
        "LEFT JOIN who AS w ON w.customer = e.customer WHERE e.customer IS NOT NULL "
        f"AND e.happened >= {moment(opening(first, zone))} "
        f"AND e.happened < {moment(opening(first + timedelta(days=length), zone))}"
    )
    variant = literal(experiment.variants[0].name)
    return (
        f"SELECT unit, MIN(happened) AS exposed, {variant} AS variant, FALSE AS crossed{carried} "
        f"FROM ({rows}) AS e GROUP BY unit"
    )


def _days(
    experiment: Experiment,
    oldest: datetime | None,
    until: datetime,
    horizons: Sequence[int],
    zone: ZoneInfo,
) -> tuple[date, int]:
    """The first day of the history that is used, and how many whole days there are.

    Windows of all of them have passed when the experiment starts; where there is too little
    before, history may go on until now.
    """
    length = min(MOST_DAYS, max((experiment.end - experiment.start).days, LEAST_DAYS))
    known = until.astimezone(zone).date()
    before = min(known, experiment.start)
    if oldest is None:
        return before, 0
    begun = oldest.astimezone(zone).date()
    ends = [last - timedelta(days=days) for last in (before, known) for days in _both(horizons)]
    wanted = [length, LEAST_DAYS, length, 0]
    for end, least in zip(ends, wanted, strict=True):
        found = (end - begun).days
        if found >= least:
            return end - timedelta(days=min(length, found)), min(length, found)
    return ends[-1], 0


def _both(horizons: Sequence[int]) -> tuple[int, int]:
    """Days until all is known, and until the primary outcome is."""
    return max(horizons), horizons[0]


@dataclass(frozen=True, slots=True)
class _Source:
    """Who comes: rows of a table.

    Attributes:
        table: SQL of the table.
        time: Its column of time.
        where: Condition.
        said: Who that is, in words.
        columns: Labels that a row carries.
    """

    table: str
    time: str
    where: str
    said: str
    columns: tuple[str, ...]

    def rows(self, labels: Mapping[str, str] | None = None) -> str:
        """Query of `customer`, `happened` and labels."""
        carried = "".join(f", {quoted(n)} AS {c}" for n, c in (labels or {}).items())
        return (
            f"SELECT customer, {self.time} AS happened{carried} FROM {self.table} "
            f"WHERE {self.where}"
        )


def _entering(bench: Bench, experiment: Experiment, fact: str | None) -> _Source:
    """Who counts as entering."""
    rule, engine = experiment.exposure, bench.engine
    conditions = []
    said = []
    if rule.events:
        listed = ", ".join(literal(one) for one in rule.events)
        conditions.append(f"event IN ({listed})")
        said.append(f"the event {' or '.join(rule.events)}")
    if rule.touchpoint is not None:
        conditions.append(f"touchpoint = {literal(rule.touchpoint)}")
        said.append(f"at {rule.touchpoint}" if said else f"an event at {rule.touchpoint}")

    def of_events(where: str, words: str) -> _Source:
        return _Source("events", "occurred_at", where, words, _labels(engine, "events"))

    if conditions:
        return of_events(" AND ".join(conditions), f"those with {' '.join(said)}")
    stage = f"stage = {literal(experiment.stage)}"
    if engine.query(f"SELECT 1 FROM events WHERE {stage} LIMIT 1").num_rows:
        words = f"those with an event at a touchpoint of the stage {experiment.stage}"
        return of_events(stage, words)
    if fact is None or engine.query("SELECT 1 FROM events LIMIT 1").num_rows:
        return of_events("TRUE", "those with any event")
    table = f'facts."{fact}"'
    return _Source(
        table, '"at"', "TRUE", f"those with a row of facts.{fact}", _labels(engine, table)
    )


def _labels(engine: DuckDB, table: str) -> tuple[str, ...]:
    columns = engine.columns(f"FROM {table}")
    return tuple(name for name, kind in columns.items() if kind == "VARCHAR" and name != "customer")


def _population(
    bench: Bench, experiment: Experiment, source: _Source
) -> tuple[Experiment, dict[str, str], tuple[str, ...]]:
    """The experiment as far as history can tell who takes part, labels for that, and the rest."""
    asked = experiment.population
    carried = [name for name in source.columns if name in asked]
    known = {name: one for name, one in asked.items() if name in {*bench.who, *carried}}
    notes = tuple(
        f"History does not know {name}, which the population asks for: everyone counts, and fewer "
        "will come."
        for name in asked
        if name not in known
    )
    labels = {name: f"label_{i}" for i, name in enumerate(carried)}
    return experiment.model_copy(update={"population": known}), labels, notes
