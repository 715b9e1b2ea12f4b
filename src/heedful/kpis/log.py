"""The log of readings: what was reported stays reported."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from heedful.engines.duckdb import DuckDB, literal
from heedful.kpis import periods
from heedful.kpis.reported import NO_LONGER, SHOWN, STORED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from heedful.store.lake import Lake

NAME = "readings"
# The reading of "all" periods is one and the same however far back the data comes to reach.
KEY = (
    "kpi",
    "grain",
    "CASE WHEN grain = 'all' THEN DATE '1970-01-01' ELSE period_start END",
    "COALESCE(stage, chr(0))",
    "COALESCE(dimension, chr(0))",
    "COALESCE(segment, chr(0))",
)
SAME = (
    "value",
    "low",
    "high",
    "n",
    "customers",
    "weighted_n",
    "complete",
    "period_end",
    "why",
    "definition_hash",
    "period_start",
)


class ReadingLog:
    """Readings of a project, each with the time at which it was reported.

    Args:
        lake: Where the log lies.
        timezone: The project's timezone: a date means the end of that day there.
    """

    def __init__(self, lake: Lake, timezone: str) -> None:
        self.lake = lake
        self.timezone = timezone

    def append(
        self,
        engine: DuckDB,
        found: pa.Table,
        kpis: Collection[str],
        sets: Iterable[tuple[str, str | None]],
        now: datetime,
        since: date | None = None,
        until: date | None = None,
    ) -> int:
        """Log the readings that differ from what was last reported.

        A reading that was reported for these KPIs and days but is not among the new ones is
        logged as gone, so that it is not shown for ever.

        Args:
            engine: Where to compare.
            found: New readings, all of one fact.
            kpis: The KPIs that were computed.
            sets: The grains and dimensions that were computed.
            now: When they were computed.
            since: First day of the periods that were computed; None: all.
            until: Day after the last.

        Returns:
            How many rows were appended.
        """
        with self.lake.lock(NAME):
            engine.attach("reported", self.lake.snapshot(NAME), _types())
            engine.connection.register("fresh", found)
            try:
                changed = engine.query(_changes(kpis, sets, now, since, until))
            finally:
                engine.connection.unregister("fresh")
            if changed.num_rows:
                self.lake.append(NAME, changed.cast(STORED))
        return int(changed.num_rows)

    def read(
        self,
        kpis: Iterable[str] | None = None,
        *,
        grain: str | None = None,
        dimension: str | None = None,
        totals: bool = True,
        stage: str | None = None,
        stages: bool = True,
        since: date | None = None,
        until: date | None = None,
        as_of: date | datetime | None = None,
        replicates: bool = False,
    ) -> pa.Table:
        """Readings as they stand, or stood.

        Args:
            kpis: Only these.
            grain: Only this one.
            dimension: Only this one; None: whatever `totals` says.
            totals: Where no dimension is given: only readings that are not broken down.
            stage: Only this stage.
            stages: Without `stage`: also readings of single stages.
            since: Periods that end after this day.
            until: Periods that begin before this day.
            as_of: As reported until then; a date means the end of that day.
            replicates: Whether to give the replicates too.

        Returns:
            Readings in order of KPI, period, stage and segment, without those that are gone.
        """
        engine = DuckDB()
        try:
            engine.attach("reported", self.lake.snapshot(NAME), _types())
            where = ["true"]
            if kpis is not None:
                where.append(f"kpi IN ({', '.join(map(literal, kpis)) or 'NULL'})")
            if grain is not None:
                where.append(f"grain = {literal(grain)}")
            if dimension is not None:
                where.append(f"dimension = {literal(dimension)}")
            elif totals:
                where.append("dimension IS NULL")
            if stage is not None:
                where.append(f"stage = {literal(stage)}")
            elif not stages:
                where.append("stage IS NULL")
            if since is not None:
                where.append(f"period_end > DATE '{since}'")
            if until is not None:
                where.append(f"period_start < DATE '{until}'")
            if as_of is not None:
                where.append(f"reported_at < TIMESTAMPTZ {literal(self._moment(as_of))}")
            columns = (STORED if replicates else SHOWN).names
            found = engine.query(
                f"SELECT {', '.join(columns)} FROM ("
                f"{_latest(' AND '.join(where))}) AS latest WHERE n > 0"
                " ORDER BY kpi, period_start, stage NULLS FIRST, segment NULLS LAST"
            )
            return found.cast(STORED if replicates else SHOWN)
        finally:
            engine.close()

    def reports(self, as_of: date | datetime | None = None) -> pa.Table:
        """Every report there ever was, also those that a newer one has replaced.

        Args:
            as_of: Only those until then; a date means the end of that day.
        """
        engine = DuckDB()
        try:
            engine.attach("reported", self.lake.snapshot(NAME), _types())
            until = (
                f" WHERE reported_at < TIMESTAMPTZ {literal(self._moment(as_of))}" if as_of else ""
            )
            return engine.query(f"SELECT {', '.join(STORED.names)} FROM reported{until}").cast(
                STORED
            )
        finally:
            engine.close()

    def _moment(self, as_of: date | datetime) -> str:
        if isinstance(as_of, datetime):
            return as_of.isoformat()
        return periods.midnight(as_of + timedelta(days=1), self.timezone).isoformat()


def _types() -> dict[str, str]:
    kinds = {
        pa.string(): "VARCHAR",
        pa.date32(): "DATE",
        pa.bool_(): "BOOLEAN",
        pa.float64(): "DOUBLE",
        pa.int64(): "BIGINT",
        pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
    }
    return {field.name: kinds.get(field.type, "FLOAT[]") for field in STORED}


def _latest(where: str) -> str:
    return (
        f"SELECT * EXCLUDE (_nth) FROM (SELECT *, row_number() OVER (PARTITION BY {', '.join(KEY)}"
        f" ORDER BY reported_at DESC) AS _nth FROM reported WHERE {where}) WHERE _nth = 1"
    )


def _changes(
    kpis: Collection[str],
    sets: Iterable[tuple[str, str | None]],
    now: datetime,
    since: date | None,
    until: date | None,
) -> str:
    listed = ", ".join(map(literal, kpis)) or "NULL"
    keys = " AND ".join(f"{_of('f', key)} = {_of('r', key)}" for key in KEY)
    same = " AND ".join(f"f.{name} IS NOT DISTINCT FROM r.{name}" for name in SAME)
    inside = ["n > 0"]
    if since is not None:
        inside.append(f"(grain = 'all' OR period_start >= DATE '{since}')")
    if until is not None:
        inside.append(f"(grain = 'all' OR period_end <= DATE '{until}')")
    latest = _latest(f"kpi IN ({listed})")
    blank = {
        "value": "NULL",
        "low": "NULL",
        "high": "NULL",
        "n": "0",
        "customers": "0",
        "weighted_n": "0",
        "why": literal(NO_LONGER),
        "method": "'none'",
        "reported_at": f"TIMESTAMPTZ {literal(now.isoformat())}",
        "replicates": "NULL",
    }
    gone = ", ".join(f"{blank.get(name, 'r.' + name)} AS {name}" for name in STORED.names)
    rows = ", ".join(
        f"({literal(grain)}, {literal(name) if name else 'NULL'})" for grain, name in sets
    )
    offered = f"(SELECT * FROM (VALUES {rows}) AS t(grain, dimension))"
    return (
        f"WITH last AS MATERIALIZED ({latest})"
        f" SELECT {', '.join(f'f.{name}' for name in STORED.names)} FROM fresh AS f"
        f" LEFT JOIN last AS r ON {keys} WHERE r.kpi IS NULL OR NOT ({same})"
        f" UNION ALL SELECT {gone} FROM (SELECT * FROM last WHERE {' AND '.join(inside)}) AS r"
        f" SEMI JOIN {offered} AS o"
        " ON o.grain = r.grain AND o.dimension IS NOT DISTINCT FROM r.dimension"
        f" ANTI JOIN fresh AS f ON {keys}"
    )


def _of(alias: str, key: str) -> str:
    for name in ("period_start", "grain", "stage", "dimension", "segment", "kpi"):
        key = key.replace(name, f"{alias}.{name}")
    return key
