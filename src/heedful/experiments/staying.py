"""How long units stay, from their exposure on: Kaplan-Meier at a time, and the mean time kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from heedful.experiments.clock import closing, last_day, moment
from heedful.experiments.distributions import ROWS, Spread, equal
from heedful.experiments.exposed import UNITS
from heedful.experiments.measured import Measured
from heedful.experiments.readout import CurvePoint
from heedful.experiments.wording import of_them
from heedful.stats.groups import Group

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from heedful.definitions.measure import Retention
    from heedful.experiments.collecting import Collector, Question

    Lives = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]
    """Times, whether units were lost then, and how many."""

DECIMALS = 3
"""Decimals of a day to which times are rounded: 86 seconds."""
STEPS = 10**DECIMALS
"""Halves go up, by arithmetic that every engine shares; ROUND does not everywhere."""


class Staying:
    """Measures one retention.

    Who was a customer before is watched from the exposure on; who becomes one within the horizon,
    from the beginning. Units whose horizon has not passed count for as long as they were watched.

    Args:
        collector: The fact and the units.
        question: What is asked.
        measure: The measure of its KPI.
    """

    def __init__(self, collector: Collector, question: Question, measure: Retention) -> None:
        self.collector = collector
        self.engine = collector.engine
        self.exposed = collector.exposed
        self.question = question
        self.measure = measure
        self.after = float(measure.after)

    def measured(self) -> Spread:
        """The share still there (or lost), and the mean days kept."""
        sql = self._rows_sql()
        self.engine.run(f"CREATE OR REPLACE TABLE {ROWS} AS {sql}")
        until = self.collector.until
        total = self._groups("TRUE", until)
        segments = {
            name: {
                label: self._groups(f"{self.collector.segment(name)} = {place}", until)
                for place, label in enumerate(labels)
            }
            for name, labels in self.exposed.segments.items()
        }
        days = int(self.after)
        asked = self.question.asked
        unknown = any(isnan(one.value) for one, _ in total)
        what = "lost" if self.measure.complement else "still there"
        spread = "clustered by unit" if self._clustered else "Greenwood"
        first = Measured(
            asked=asked,
            groups=[one for one, _ in total],
            method=f"difference of shares {what}, Kaplan-Meier at {days} days from the exposure, "
            + spread,
            counts=[int(one.n) for one, _ in total],
            waiting=self._waiting(),
            segments={
                name: {label: [one for one, _ in pair] for label, pair in each.items()}
                for name, each in segments.items()
            },
            looks=self._looks() if asked.role == "primary" else (),
            why=f"nobody was watched for {days} days yet" if unknown else None,
            curves=self._curves(until),
        )
        second = replace(
            first,
            asked=replace(
                asked,
                kpi=f"{asked.kpi}_days",
                role="secondary",
                title=f"{asked.title or asked.kpi}: days kept of {days}",
                unit="days",
                better="higher",
                margin=None,
            ),
            groups=[two for _, two in total],
            method=f"difference of restricted mean survival times to {days} days, {spread}",
            segments={},
            looks=(),
            curves=(),
        )
        return Spread([first, second], sql, self._notes())

    @property
    def _clustered(self) -> bool:
        """Whether a unit may have several rows."""
        return self.collector.experiment.unit != "customer"

    # --- rows ---

    def _rows_sql(self) -> str:
        """A row a customer: since when it is watched, and how long it stays from then on."""
        taken = self.collector.columns(self.question.kpi)
        items = [
            f"CAST({taken.value} AS DOUBLE) AS amount",
            f"CASE WHEN {taken.event} THEN TRUE ELSE FALSE END AS lost",
            f"{taken.counts} AS counts",
        ]
        until = moment(self.collector.until)
        return (
            f"SELECT {self.collector.carried}, r.bucket, r.happened > u.exposed AS later, r.lost, "
            "GREATEST(u.exposed, r.happened) AS since, r.amount - "
            f"GREATEST({_days('r.happened', 'u.exposed')}, 0) AS days "
            f"FROM {UNITS} AS u JOIN ({self.collector.rows(items)}) AS r ON r.unit = u.unit "
            f"AND r.happened < u.exposed + INTERVAL {int(self.after)} DAY "
            f"WHERE r.counts AND ISFINITE(r.amount) AND GREATEST(u.exposed, r.happened) < {until}"
        )

    def _waiting(self) -> int:
        """Units that could not yet be watched to the horizon."""
        found = self.engine.query(
            f"SELECT COUNT(*) AS n FROM {UNITS} "
            f"WHERE exposed + INTERVAL {int(self.after)} DAY > {moment(self.collector.until)}"
        )
        return int(found["n"][0].as_py())

    def _lives(self, where: str, until: datetime) -> list[dict[int | None, Lives]]:
        """Of each variant how long units were watched by a moment: by bucket, or all at once."""
        seen = _days("since", moment(until))
        bucket = "bucket" if self._clustered else "CAST(NULL AS INTEGER)"
        watched = f"FLOOR(LEAST(days, {seen}) * {STEPS} + 0.5) / {STEPS}"
        found = self.engine.query(
            f"SELECT variant, {bucket} AS bucket, {watched} AS days, "
            f"lost AND days <= {seen} AS lost, COUNT(*) AS n FROM {ROWS} "
            f"WHERE {where} AND days > 0 AND since < {moment(until)} GROUP BY 1, 2, 3, 4"
        )
        lives: list[dict[int | None, Lives]] = []
        for variant in range(len(self.exposed.variants)):
            mine = found.filter(equal(found["variant"], variant))
            held = mine["bucket"].to_pylist()
            columns = (
                mine["days"].to_numpy(),
                mine["lost"].to_numpy().astype(bool),
                mine["n"].to_numpy().astype(float),
            )
            places = np.array([-1 if one is None else one for one in held], dtype=int)
            lives.append(
                {
                    None if one < 0 else one: (
                        columns[0][places == one],
                        columns[1][places == one],
                        columns[2][places == one],
                    )
                    for one in sorted(set(places.tolist()))
                }
            )
        return lives

    # --- numbers ---

    def _groups(self, where: str, until: datetime) -> list[tuple[Group, Group]]:
        from heedful.stats.lifetime_groups import restricted_mean, surviving

        def stayed(one: Lives) -> Group:
            return surviving(*one, at=self.after, complement=self.measure.complement)

        def kept(one: Lives) -> Group:
            return restricted_mean(*one, horizon=self.after)

        found = self._lives(where, until)
        if not self._clustered:
            whole = [together(one) for one in found]
            return [(stayed(one), kept(one)) for one in whole]
        return [(jackknifed(one, stayed), jackknifed(one, kept)) for one in found]

    def _looks(self) -> list[tuple[date, Sequence[Group]]]:
        """The share as it stood at the end of each day from which on it is known."""
        zone, until = self.collector.zone, self.collector.until
        day = self.exposed.first + timedelta(days=int(self.after) - 1)
        # Later nothing changes any more.
        last = min(last_day(until, zone), day + timedelta(days=self.exposed.days + 1))
        found: list[tuple[date, Sequence[Group]]] = []
        while day <= last:
            groups = [one for one, _ in self._groups("TRUE", min(until, closing(day, zone)))]
            if not any(isnan(one.value) for one in groups):
                found.append((day, groups))
            day += timedelta(days=1)
        return found

    def _curves(self, until: datetime) -> list[CurvePoint]:
        from heedful.stats.lifetime_groups import curve

        points: list[CurvePoint] = []
        lives = self._lives("TRUE", until)
        for name, one in zip(self.exposed.variants, map(together, lives), strict=True):
            shown = curve(*one, at=np.arange(0, int(self.after) + 1))
            points += [
                CurvePoint(
                    self.question.asked.kpi,
                    name,
                    int(day),
                    float(shown.survival[i]),
                    # Greenwood's limits are for units with one row.
                    None if self._clustered else _end(shown.low[i]),
                    None if self._clustered else _end(shown.high[i]),
                    int(shown.at_risk[i]),
                )
                for i, day in enumerate(shown.time)
                if not np.isnan(shown.survival[i])
            ]
        return points

    def _notes(self) -> tuple[str, ...]:
        found = self.engine.query(
            "SELECT COUNT(*) FILTER (WHERE later) AS later, COUNT(*) FILTER (WHERE gone) AS gone, "
            f"(SELECT COUNT(*) FROM {UNITS} WHERE exposed < {moment(self.collector.until)}) "
            "- COUNT(*) AS never FROM (SELECT unit, BOOL_OR(later) AS later, "
            f"BOOL_AND(days <= 0) AS gone FROM {ROWS} GROUP BY unit) AS u"
        ).to_pylist()[0]
        name = self.question.asked.title or self.question.asked.kpi
        said = []
        if found["later"]:
            said.append(
                f"{name}: {of_them(found['later'], 'unit')} began after the exposure, watched from "
                "then on; where the variants win different customers, their staying cannot be "
                "compared"
            )
        if found["gone"]:
            left = of_them(found["gone"], "unit")
            said.append(f"{name}: left out: {left} that had left before the exposure")
        if found["never"]:
            never = of_them(found["never"], "unit")
            said.append(f"{name}: left out: {never} not known as a customer")
        return tuple(said)


def together(lives: dict[int | None, Lives]) -> Lives:
    """All buckets as one."""
    if not lives:
        return np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0)
    times, lost, count = zip(*lives.values(), strict=True)
    return np.concatenate(times), np.concatenate(lost), np.concatenate(count)


def jackknifed(lives: dict[int | None, Lives], estimate: Callable[[Lives], Group]) -> Group:
    """A number of units with several rows: its variance from leaving out one bucket at a time.

    Args:
        lives: By bucket.
        estimate: What is computed of all rows together.

    Returns:
        Degrees of freedom are those of the buckets. No variance with fewer than 2 buckets, or
        where a bucket cannot be done without.
    """
    whole = estimate(together(lives))
    held = len(lives)
    if held < 2:
        return Group(whole.value, nan, nan, whole.n)
    without = [
        estimate(together({b: rows for b, rows in lives.items() if b != out})).value
        for out in lives
    ]
    deviations = np.array(without) - whole.value
    variance = float((held - 1) / held * (deviations**2).sum())
    return Group(whole.value, variance, held - 1.0, whole.n)


def _days(begin: str, end: str) -> str:
    """SQL: days between two moments."""
    return f"CAST(DATE_DIFF('microsecond', {begin}, {end}) AS DOUBLE) / 86400e6"


def _end(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
