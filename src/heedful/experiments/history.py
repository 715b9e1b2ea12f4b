"""Who would have entered an experiment in the past: the traffic that planning counts on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.engines.duckdb import literal
from heedful.experiments.clock import moment
from heedful.experiments.exposed import UNITS, tabled
from heedful.experiments.meeting import Met, unit_of

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.experiments.collecting import Question
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
    """

    first: date
    daily: Sequence[int]
    said: str

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
    primary: Question,
    until: datetime,
    horizons: Sequence[int],
) -> tuple[Exposed, Traffic]:
    """Units that met the exposure rule in the newest days whose outcomes are known.

    Without a rule those count who had an event at a touchpoint of the experiment's stage; where
    there are none, those with any event; where there are no events, those with a row of the
    primary outcome's fact.

    Args:
        bench: The project's tables on an engine.
        experiment: The experiment, with one variant that stands for history.
        primary: Its primary outcome.
        until: Until then the primary outcome's rows are known.
        horizons: Days until each outcome is known, the primary one's first. Where history is too
            short for the longest, only the primary one's counts.
    """
    engine = bench.engine
    bench.prepared.views(("events", "exposures"))
    zone = ZoneInfo(bench.definitions.settings.timezone)
    rows, said = _entering(bench, experiment, primary)
    oldest = engine.query(f"SELECT MIN(happened) AS first FROM ({rows}) AS e").to_pylist()[0][
        "first"
    ]
    length = min(MOST_DAYS, max((experiment.end - experiment.start).days, LEAST_DAYS))
    last = until - timedelta(days=max(horizons))
    if oldest is None or (last - oldest).days < length:
        last = until - timedelta(days=max(horizons[0], 1))
    if oldest is not None:
        length = max(min(length, (last - oldest).days), 1)
    begin = last - timedelta(days=length)
    unit = unit_of(experiment, "e.customer", "w.account")
    variant = literal(experiment.variants[0].name)
    engine.run(
        f"CREATE OR REPLACE TABLE experiment_entries AS SELECT {unit} AS unit, "
        f"e.customer AS who, {variant} AS variant, MIN(e.happened) AS exposed "
        f"FROM ({rows}) AS e LEFT JOIN who AS w ON w.customer = e.customer "
        f"WHERE e.happened >= {moment(begin)} AND e.happened < {moment(last)} AND e.customer IS NOT NULL "
        "GROUP BY 1, 2, 3"
    )
    met = (
        "SELECT unit, MIN(exposed) AS exposed, MIN(variant) AS variant, FALSE AS crossed "
        "FROM experiment_entries GROUP BY unit"
    )
    exposed = tabled(bench, experiment, Met(met, met))
    first = begin.astimezone(zone).date()
    counted = engine.query(
        f"SELECT entered, COUNT(*) AS n FROM {UNITS} GROUP BY entered"
    ).to_pylist()
    by_day = {row["entered"]: row["n"] for row in counted}
    daily = [by_day.get(first + timedelta(days=day), 0) for day in range(length)]
    return exposed, Traffic(first, daily, said)


def _entering(bench: Bench, experiment: Experiment, primary: Question) -> tuple[str, str]:
    """Query of `customer` and `at`, and who that is in words."""
    rule, engine = experiment.exposure, bench.engine
    events = "SELECT customer, occurred_at AS happened FROM events"
    conditions = []
    said = []
    if rule.events:
        listed = ", ".join(literal(one) for one in rule.events)
        conditions.append(f"event IN ({listed})")
        said.append(f"the event {' or '.join(rule.events)}")
    if rule.touchpoint is not None:
        conditions.append(f"touchpoint = {literal(rule.touchpoint)}")
        said.append(f"at {rule.touchpoint}" if said else f"an event at {rule.touchpoint}")
    if conditions:
        return f"{events} WHERE {' AND '.join(conditions)}", f"those with {' '.join(said)}"
    if "events" in bench.prepared.versions:
        staged = f"{events} WHERE stage = {literal(experiment.stage)}"
        if engine.query(f"SELECT 1 FROM ({staged}) AS e LIMIT 1").num_rows:
            return staged, f"those with an event at a touchpoint of the stage {experiment.stage}"
        if engine.query("SELECT 1 FROM events LIMIT 1").num_rows:
            return events, "those with any event"
    fact = primary.kpi.fact
    return (
        f'SELECT customer, "at" AS happened FROM facts."{fact}"',
        f"those with a row of facts.{fact}",
    )
