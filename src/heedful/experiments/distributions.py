"""Outcomes that are no sums: quantiles, durations, and how long units stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from heedful.definitions.measure import Duration, Quantile, Retention
from heedful.experiments.clock import moment
from heedful.experiments.collecting import inside
from heedful.experiments.exposed import UNITS
from heedful.experiments.measured import Measured, no_groups
from heedful.experiments.readout import CurvePoint
from heedful.stats.groups import Group

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from heedful.experiments.collecting import Collector, Question

ROWS = "experiment_rows"
DAYS = 3
"""Decimals of a day to which times of loss are rounded: 86 seconds."""


Lives = tuple["NDArray[np.float64]", "NDArray[np.bool_]", "NDArray[np.float64]"]
"""Times, whether units were lost then, and how many."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What was measured of one outcome: one number, or a share and the mean time behind it."""

    measured: list[Measured]
    sql: str
    notes: tuple[str, ...] = ()


class Distributions:
    """Measures outcomes that are no sums, one at a time.

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
            question: Its KPI is a quantile, a duration or a retention.
        """
        if isinstance(question.kpi.measure, Retention):
            return self._retention(question, question.kpi.measure)
        sql = self._rows_sql(question)
        self.engine.run(f"CREATE OR REPLACE TABLE {ROWS} AS {sql}")
        total = self._groups(question, "TRUE")
        segments = {
            name: {
                label: self._groups(question, f"segment_{self.collector.place(name)} = {place}")
                for place, label in enumerate(labels)
            }
            for name, labels in self.exposed.segments.items()
        }
        looks = []
        if question.asked.role == "primary":
            looks = [
                (day, self._groups(question, f"day <= {place}"))
                for place, day in self._days(question.horizon)
            ]
        counts, waiting = self._counts(question.horizon)
        words = "difference of quantiles" if isinstance(question.kpi.measure, Quantile) else ""
        one = Measured(
            asked=question.asked,
            groups=total,
            method=(words or "difference of Kaplan-Meier quantiles") + ", clustered by unit",
            counts=counts,
            waiting=waiting,
            segments=segments,
            looks=looks,
            answered=self._answered(counts),
        )
        return Spread([one], sql)

    # --- rows ---

    def _carried(self) -> str:
        places = [f"u.segment_{i}" for i in range(self.collector.dimensions)]
        return ", ".join(["u.unit", "u.variant", "u.day", *places])

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
            f"SELECT {self._carried()}, r.amount, r.happens, r.bucket FROM {UNITS} AS u "
            f"JOIN ({self.collector.rows(items)}) AS r ON r.unit = u.unit "
            f"AND {inside(question)} WHERE r.counts AND {self._mature(question.horizon)}"
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
        last = self.collector.until.date()
        days = [
            (place, self.exposed.first + timedelta(days=place + horizon))
            for place in range(self.exposed.days)
        ]
        return [(place, day) for place, day in days if day <= last]

    # --- numbers ---

    def _groups(self, question: Question, where: str) -> list[Group]:
        measure = question.kpi.measure
        if isinstance(measure, Quantile):
            return self._quantiles(measure.q, where)
        if not isinstance(measure, Duration):
            raise TypeError(f"{question.kpi.id} is no distribution")
        return self._durations(measure.q, where)

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

    def _durations(self, q: float, where: str) -> list[Group]:
        """Kaplan-Meier quantiles, clustered by the 64 buckets of units."""
        from heedful import stats

        found = self.engine.query(
            "SELECT variant, bucket, amount, happens, COUNT(*) AS n, COUNT(DISTINCT unit) AS units "
            f"FROM {ROWS} WHERE {where} GROUP BY variant, bucket, amount, happens"
        )
        people = self.engine.query(
            f"SELECT variant, COUNT(DISTINCT unit) AS n FROM {ROWS} WHERE {where} GROUP BY variant"
        ).to_pylist()
        units = {row["variant"]: float(row["n"]) for row in people}
        groups = no_groups(len(self.exposed.variants))
        for variant, count in units.items():
            mine = found.filter(_equal(found["variant"], variant))
            estimate = stats.duration(
                mine["amount"].to_numpy(),
                mine["happens"].to_numpy().astype(bool),
                mine["n"].to_numpy(),
                mine["bucket"].to_numpy(),
                count,
                q,
            )
            groups[variant] = _of_estimate(estimate, count)
        return groups

    # --- staying ---

    def _retention(self, question: Question, measure: Retention) -> Spread:
        from heedful.stats.lifetime_groups import curve, restricted_mean, surviving

        taken = self.collector.columns(question.kpi)
        items = [
            f"CAST({taken.value} AS DOUBLE) AS amount",
            f"CASE WHEN {taken.event} THEN TRUE ELSE FALSE END AS happens",
            f"{taken.counts} AS counts",
        ]
        end = moment(self.collector.until)
        # Who was a customer before is watched from the exposure on; who becomes one within the
        # horizon, from the beginning.
        sql = (
            f"SELECT {self._carried()}, r.happened > u.exposed AS later, r.happens, "
            "LEAST(r.amount - GREATEST(DATE_DIFF('second', r.happened, u.exposed), 0) / 86400.0, "
            f"DATE_DIFF('second', GREATEST(u.exposed, r.happened), {end}) / 86400.0) AS days, "
            "r.amount - GREATEST(DATE_DIFF('second', r.happened, u.exposed), 0) / 86400.0 AS whole "
            f"FROM {UNITS} AS u JOIN ({self.collector.rows(items)}) AS r ON r.unit = u.unit "
            f"AND r.happened < u.exposed + INTERVAL {int(measure.after)} DAY "
            f"AND r.happened < {end} WHERE r.counts"
        )
        self.engine.run(
            f"CREATE OR REPLACE TABLE {ROWS} AS SELECT *, happens AND whole <= days AS lost "
            f"FROM ({sql}) AS s WHERE whole > 0 AND days >= 0"
        )
        after = float(measure.after)

        def groups(where: str) -> list[tuple[Group, Group]]:
            found = self._lives(where)
            return [
                (
                    surviving(*one, at=after, complement=measure.complement),
                    restricted_mean(*one, horizon=after),
                )
                for one in found
            ]

        total = groups("TRUE")
        segments = {
            name: {
                label: groups(f"segment_{self.collector.place(name)} = {place}")
                for place, label in enumerate(labels)
            }
            for name, labels in self.exposed.segments.items()
        }
        points: list[CurvePoint] = []
        for name, one in zip(self.exposed.variants, self._lives("TRUE"), strict=True):
            shown = curve(*one, at=np.arange(0, int(after) + 1))
            points += [
                CurvePoint(
                    question.asked.kpi,
                    name,
                    int(day),
                    float(shown.survival[i]),
                    _end(shown.low[i]),
                    _end(shown.high[i]),
                    int(shown.at_risk[i]),
                )
                for i, day in enumerate(shown.time)
                if not np.isnan(shown.survival[i])
            ]
        counts = [int(one.n) for one, _ in total]
        unknown = any(isnan(one.value) for one, _ in total)
        why = f"nobody was watched for {int(after)} days yet" if unknown else None
        words = f"Kaplan-Meier at {int(after)} days from the exposure, Greenwood"
        first = Measured(
            asked=question.asked,
            groups=[one for one, _ in total],
            method=f"difference of shares still there, {words}"
            if not measure.complement
            else f"difference of shares lost, {words}",
            counts=counts,
            segments={
                name: {label: [one for one, _ in pair] for label, pair in each.items()}
                for name, each in segments.items()
            },
            why=why,
            curves=points,
        )
        second = replace(
            first,
            asked=replace(
                question.asked,
                kpi=f"{question.asked.kpi}_days",
                role="secondary",
                title=f"{question.asked.title or question.asked.kpi}: days kept of {int(after)}",
                unit="days",
                better="higher",
                margin=None,
            ),
            groups=[two for _, two in total],
            method=f"difference of restricted mean survival times to {int(after)} days",
            segments={},
            curves=(),
        )
        return Spread([first, second], sql, self._joined_later())

    def _lives(self, where: str) -> list[Lives]:
        found = self.engine.query(
            f"SELECT variant, ROUND(days, {DAYS}) AS days, lost, COUNT(*) AS n FROM {ROWS} "
            f"WHERE {where} GROUP BY 1, 2, 3"
        )
        lives: list[Lives] = []
        for variant in range(len(self.exposed.variants)):
            mine = found.filter(_equal(found["variant"], variant))
            lives.append(
                (
                    mine["days"].to_numpy(),
                    mine["lost"].to_numpy().astype(bool),
                    mine["n"].to_numpy(),
                )
            )
        return lives

    def _joined_later(self) -> tuple[str, ...]:
        later = self.engine.query(
            f"SELECT COUNT(DISTINCT unit) AS n FROM {ROWS} WHERE later"
        ).to_pylist()[0]["n"]
        if not later:
            return ()
        said = (
            f"{later:,} units became customers after the exposure and are watched from then on; "
            "where the variants win different customers, their staying cannot be compared"
        )
        return (said,)


def _equal(column: pa.ChunkedArray, value: int) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.equal(column, value)


def _end(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


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
