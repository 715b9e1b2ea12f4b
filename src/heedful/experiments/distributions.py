"""Outcomes that are no sums: quantiles of amounts, and of times until something happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from heedful.definitions.measure import Duration, Quantile
from heedful.experiments.clock import closing, last_day, moment
from heedful.experiments.collecting import inside
from heedful.experiments.exposed import UNITS
from heedful.experiments.measured import Measured, no_groups
from heedful.stats.groups import Group

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.experiments.collecting import Collector, Question

ROWS = "experiment_rows"
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


@dataclass(frozen=True, slots=True)
class Spread:
    """What was measured of one outcome: one number, or a share and the mean time behind it."""

    measured: list[Measured]
    sql: str
    notes: tuple[str, ...] = ()


class Distributions:
    """Measures quantiles and durations, one outcome at a time.

    Args:
        collector: The fact and the units.
    """

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.engine = collector.engine
        self.exposed = collector.exposed

    def measured(self, question: Question) -> Spread:
        """Measure one outcome.

        Args:
            question: Its KPI is a quantile or a duration.
        """
        sql = self._rows_sql(question)
        self.engine.run(f"CREATE OR REPLACE TABLE {ROWS} AS {sql}")
        until = self.collector.until
        looks = []
        if question.asked.role == "primary":
            zone = self.collector.zone
            looks = [
                (day, self._groups(question, f"day <= {place}", min(until, closing(day, zone))))
                for place, day in self._days(question.horizon)
            ]
        counts, waiting = self._counts(question.horizon)
        words = "difference of quantiles"
        if isinstance(question.kpi.measure, Duration):
            words = "difference of Kaplan-Meier quantiles"
        one = Measured(
            asked=question.asked,
            groups=self._groups(question, "TRUE", until),
            method=f"{words}, clustered by unit",
            counts=counts,
            waiting=waiting,
            segments={
                name: {
                    label: self._groups(
                        question, f"{self.collector.segment(name)} = {place}", until
                    )
                    for place, label in enumerate(labels)
                }
                for name, labels in self.exposed.segments.items()
            },
            looks=looks,
            answered=self._answered(counts),
        )
        return Spread([one], sql)

    # --- rows ---

    def _mature(self, horizon: int) -> str:
        return f"u.exposed + INTERVAL {horizon} DAY <= {moment(self.collector.until)}"

    def _rows_sql(self, question: Question) -> str:
        taken = self.collector.columns(question.kpi)
        items = [
            f"CAST({taken.value} AS DOUBLE) AS amount",
            f"CASE WHEN {taken.event or 'TRUE'} THEN TRUE ELSE FALSE END AS happens",
            f"{taken.counts} AS counts",
        ]
        return (
            f"SELECT {self.collector.carried}, {self.collector.day(question.horizon)} AS day, "
            f"r.happened, r.amount, r.happens, r.bucket FROM {UNITS} AS u "
            f"JOIN ({self.collector.rows(items)}) AS r ON r.unit = u.unit AND {inside(question)} "
            f"WHERE r.counts AND ISFINITE(r.amount) AND {self._mature(question.horizon)}"
        )

    def _counts(self, horizon: int) -> tuple[list[int], int]:
        found = self.engine.query(
            f"SELECT variant, COUNT(*) AS n FROM {UNITS} AS u WHERE {self._mature(horizon)} "
            "GROUP BY variant"
        ).to_pylist()
        by_variant = {row["variant"]: row["n"] for row in found}
        counts = [int(by_variant.get(v, 0)) for v in range(len(self.exposed.variants))]
        return counts, self.exposed.units - sum(counts)

    def _answered(self, counts: Sequence[int]) -> list[tuple[int, int]]:
        found = self.engine.query(
            f"SELECT variant, COUNT(DISTINCT unit) AS n FROM {ROWS} GROUP BY variant"
        ).to_pylist()
        by_variant = {row["variant"]: row["n"] for row in found}
        return [
            (int(by_variant.get(v, 0)), count - int(by_variant.get(v, 0)))
            for v, count in enumerate(counts)
        ]

    def _days(self, horizon: int) -> list[tuple[int, date]]:
        """Days, from the first on which a unit counts, until when rows are known."""
        last = last_day(self.collector.until, self.collector.zone)
        found = self.engine.query(
            f"SELECT MIN({self.collector.day(horizon)}) AS first FROM {UNITS} AS u "
            f"WHERE {self._mature(horizon)}"
        ).to_pylist()[0]["first"]
        days = enumerate(self.collector.dates(horizon))
        return [
            (place, day)
            for place, day in days
            if found is not None and place >= found and day <= last
        ]

    # --- numbers ---

    def _groups(self, question: Question, where: str, until: datetime) -> list[Group]:
        measure = question.kpi.measure
        if isinstance(measure, Quantile):
            return self._quantiles(measure.q, where)
        if not isinstance(measure, Duration):
            raise TypeError(f"{question.kpi.id} is no distribution")
        return self._durations(measure, where, until)

    def _quantiles(self, q: float, where: str) -> list[Group]:
        """The quantile of each variant; the engine never hands out rows."""
        from heedful.stats.quantile_groups import quantile_group, ranks

        rows = f"(SELECT * FROM {ROWS} WHERE {where}) AS r"
        found = self.engine.query(
            f"SELECT variant, QUANTILE_CONT(amount, {q!r}) AS q FROM {rows} GROUP BY variant"
        ).to_pylist()
        result = no_groups(len(self.exposed.variants))
        for row in found:
            variant, middle = row["variant"], float(row["q"])
            share = self._share(rows, variant, f"amount <= {middle!r}")
            below = self._share(rows, variant, f"amount < {middle!r}")
            reached = ranks(share, q, below=below)
            if isnan(reached.lower):
                result[variant] = Group(middle, nan, share.df, share.n)
                continue
            ends = self.engine.query(
                f"SELECT QUANTILE_CONT(amount, {reached.lower!r}) AS lower, "
                f"QUANTILE_CONT(amount, {reached.upper!r}) AS upper FROM {rows} "
                f"WHERE variant = {variant}"
            ).to_pylist()[0]
            result[variant] = quantile_group(
                middle, share, ends["lower"], ends["upper"], q, below=below
            )
        return result

    def _share(self, rows: str, variant: int, condition: str) -> Group:
        """The share of a variant's rows that fulfil a condition, clustered by unit."""
        from heedful.stats.groups import groups
        from heedful.stats.moments import Moments

        sums = self.engine.query(
            "SELECT COUNT(*) AS n, SUM(y) AS y, SUM(x) AS x, SUM(y * y) AS yy, SUM(x * y) AS xy, "
            f"SUM(x * x) AS xx FROM (SELECT CAST(COUNT(*) FILTER (WHERE {condition}) AS DOUBLE) "
            f"AS y, CAST(COUNT(*) AS DOUBLE) AS x FROM {rows} WHERE variant = {variant} "
            "GROUP BY unit) AS s"
        ).to_pylist()[0]
        # Counts of rows are small whole numbers: their squares lose no digits.
        moments = Moments(
            np.array([float(sums["n"])]),
            np.array([[sums["y"], sums["x"]]], dtype=float),
            np.array([[[sums["yy"], sums["xy"]], [sums["xy"], sums["xx"]]]], dtype=float),
            np.zeros(2),
        )
        return groups(moments, ratio=True)[0]

    def _durations(self, measure: Duration, where: str, until: datetime) -> list[Group]:
        """Kaplan-Meier quantiles, clustered by the 64 buckets of units.

        Facts know how things went on until the data ends; what happened after `until` had not
        happened then.
        """
        from heedful import stats

        seen = (
            f"CAST(DATE_DIFF('microsecond', happened, {moment(until)}) AS DOUBLE)"
            f" / {SECONDS[measure.unit]}e6"
        )
        rows = (
            f"(SELECT variant, unit, bucket, LEAST(amount, {seen}) AS amount, "
            f"happens AND amount <= {seen} AS happens FROM {ROWS} WHERE {where}) AS r"
        )
        found = self.engine.query(
            f"SELECT variant, bucket, amount, happens, COUNT(*) AS n FROM {rows} "
            "GROUP BY variant, bucket, amount, happens"
        )
        people = self.engine.query(
            f"SELECT variant, COUNT(DISTINCT unit) AS n FROM {rows} GROUP BY variant"
        ).to_pylist()
        groups = no_groups(len(self.exposed.variants))
        for row in people:
            mine = found.filter(equal(found["variant"], row["variant"]))
            estimate = stats.duration(
                mine["amount"].to_numpy(),
                mine["happens"].to_numpy().astype(bool),
                mine["n"].to_numpy(),
                mine["bucket"].to_numpy(),
                float(row["n"]),
                measure.q,
            )
            groups[row["variant"]] = _of_estimate(estimate, float(row["n"]))
        return groups


def equal(column: pa.ChunkedArray, value: int) -> pa.ChunkedArray:
    """Where a column has a value."""
    import pyarrow.compute as pc

    return pc.equal(column, value)


def _of_estimate(estimate: object, units: float) -> Group:
    from heedful.stats import BUCKETS, Estimate

    if not isinstance(estimate, Estimate) or estimate.value is None:
        return Group(nan, nan, nan, units)
    deviations = np.asarray(estimate.replicates, dtype=float) - estimate.value
    known = deviations[~np.isnan(deviations)]
    if len(known) < 2 or estimate.low is None or estimate.high is None:
        return Group(float(estimate.value), nan, nan, units)
    variance = float((len(known) - 1) / len(known) * (known**2).sum())
    return Group(float(estimate.value), variance, min(len(known), BUCKETS) - 1.0, units)
