"""One of two sources, as if the compared table held nothing but its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from heedful.engines.duckdb import DuckDB, literal, quoted
from heedful.facts.build import build
from heedful.facts.prepared import Prepared
from heedful.kpis import periods
from heedful.kpis.computing import Bench
from heedful.kpis.reported import STORED
from heedful.store import schema
from heedful.store.importing import Importer
from heedful.store.lake import Lake, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from heedful.definitions.kpi import CatalogueKpi
    from heedful.definitions.project_files import Definitions
    from heedful.definitions.source import Source
    from heedful.facts.model import Fact
    from heedful.kpis.periods import Grain
    from heedful.store.importing import Imported

    Tell = Callable[[str, int, int], None]

BATCH = 50_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared.

    Attributes:
        definitions: The project.
        root: Its folder.
        tables: Its canonical tables; they are only read.
        kpi: The KPI.
        fact: Its fact.
        table: The table that both sources fill.
        grain: day, week, month, quarter or all.
        since: First day; None: from the beginning.
        until: Day after the last; None: to the end.
        again: Whether the sources are read again, or the rows taken that are stored.
        now: The present.
    """

    definitions: Definitions
    root: Path
    tables: Lake
    kpi: CatalogueKpi
    fact: Fact
    table: schema.Table
    grain: Grain
    since: date | None
    until: date | None
    again: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Side:
    """What there is of one source.

    Attributes:
        source: Its name.
        rows: A Parquet file of its rows as facts see them, with `customer` where the table names
            customers.
        columns: SQL type by column of these rows.
        readings: The KPI's readings by the grain, and over all time, with replicates.
        kept: Rows of it that the project's table holds.
        read: Rows read again; None where they were not.
        rejected: Of these, rows that could not be taken over; None where nothing was read.
        gone: Stored rows that the source no longer gives; they count; None where nothing was read.
    """

    source: str
    rows: Path
    columns: dict[str, str]
    readings: pa.Table
    kept: int
    read: int | None
    rejected: int | None
    gone: int | None


class _Overlay(Lake):
    """The project's tables, one of them from elsewhere."""

    def __init__(self, tables: Lake, name: str, instead: Lake) -> None:
        super().__init__(tables.root)
        self.name, self.instead = name, instead

    def snapshot(self, name: str) -> Snapshot | None:
        """The newest version's files and columns."""
        return self.instead.snapshot(name) if name == self.name else super().snapshot(name)


def side(asked: Asked, source: Source, folder: Path, tell: Tell) -> Side:
    """Compute a KPI from one source, without touching what is stored.

    What the table holds of the source is copied, and its files (or its database) are imported
    over that, by the same importer and the same rules as ever. So a row is there that a later
    import of another source has overwritten in the project's own table, and so is a row that an
    older export brought.

    Args:
        asked: What is compared.
        source: The source.
        folder: Where everything is written; must not exist.
        tell: Called with what is being done, bytes done, bytes in all.

    Raises:
        SourceError: The source cannot be read again.
    """
    folder.mkdir(parents=True)
    scratch = Lake(folder / "tables")
    kept = _copy(asked, source, scratch)
    done = None
    if asked.again:
        definitions = asked.definitions
        done = Importer(
            asked.root,
            scratch,
            Lake(folder / "books"),
            folder / "staging",
            definitions.settings.timezone,
            definitions.rules.parameters(),
            definitions.instruments,
            definitions.data,
        ).run(source, tell)
    tell("measuring", 0, 0)
    engine = DuckDB(folder=str(folder / "spill"))
    try:
        prepared = Prepared(
            engine,
            _Overlay(asked.tables, asked.table.name, scratch),
            asked.definitions.settings,
            asked.definitions.rules,
            now=asked.now,
            observed=_observed(asked, source),
            instruments=asked.definitions.instruments,
        )
        readings = _readings(asked, prepared, engine, Lake(folder / "facts"))
        rows = folder / "rows.parquet"
        columns = _rows(asked, prepared, engine, rows)
    finally:
        engine.close()
    return Side(
        source.name,
        rows,
        columns,
        readings,
        kept,
        done.read if done else None,
        done.rejected if done else None,
        _gone(kept, done) if done else None,
    )


def _gone(kept: int, done: Imported) -> int:
    """Of stored rows, those that the source no longer gives: neither as they are nor changed."""
    return kept - done.deleted - done.updated - (done.unchanged - done.superseded)


def _copy(asked: Asked, source: Source, scratch: Lake) -> int:
    """Copy the stored rows of a source."""
    import pyarrow as pa

    table = asked.table
    snapshot = asked.tables.snapshot(table.name)
    if snapshot is None or not snapshot.files:
        return 0
    attributes = tuple(c for c in snapshot.columns if c not in table.columns and c[0] != "_")
    wanted = table.arrow(attributes)
    engine = DuckDB()
    try:
        bookkeeping = {name: "VARCHAR" for name in schema.BOOKKEEPING if name != "_month"}
        known = {c.name: c.sql_type for c in table.columns.values()} | bookkeeping
        engine.attach("stored", snapshot, known)
        at = f"make_timestamp(epoch_us({quoted(table.time)}))" if table.time else "NULL"
        month = f"CAST(strftime({at}, '%Y-%m') AS VARCHAR)" if table.time else "NULL::VARCHAR"
        items = {"_month": f"{month} AS _month"}
        names = ", ".join(items.get(name, quoted(name)) for name in wanted.names)
        where = f"FROM stored WHERE _source = {literal(source.name)}"
        count = int(engine.query(f"SELECT count(*) AS n {where}")["n"][0].as_py())
        if count:
            found = engine.connection.sql(f"SELECT {names} {where}").to_arrow_reader(BATCH)

            def batches() -> Iterator[pa.RecordBatch]:
                for batch in found:
                    yield batch.cast(wanted)

            scratch.append(
                table.name,
                pa.RecordBatchReader.from_batches(wanted, batches()),
                partition_by=("_month",) if table.partitioned else (),
            )
        return count
    finally:
        engine.close()


def _observed(asked: Asked, source: Source) -> dict[str, datetime]:
    """Until when tables are complete as sources say; of the compared one only this source says."""
    found: dict[str, datetime] = {}
    for one in asked.definitions.sources.values():
        if one.observed_until is None or (
            one.table == asked.table.name and one.name != source.name
        ):
            continue
        moment = periods.midnight(one.observed_until, asked.definitions.settings.timezone)
        found[one.table] = max(found.get(one.table, moment), moment)
    return found


def _readings(asked: Asked, prepared: Prepared, engine: DuckDB, facts: Lake) -> pa.Table:
    fact = asked.fact
    if not set(fact.reads) & set(prepared.versions):
        return STORED.empty_table()
    build(fact, prepared, facts)
    bench = Bench(engine, prepared, facts, asked.definitions)
    measured = bench.measured(fact)
    if measured is None:
        return STORED.empty_table()
    sets: list[tuple[Grain, str | None]] = [(asked.grain, None), ("all", None)]
    return bench.readings(
        measured, [asked.kpi], sets, asked.now, since=asked.since, until=asked.until
    )


def _rows(asked: Asked, prepared: Prepared, engine: DuckDB, path: Path) -> dict[str, str]:
    """Write the rows of the table as facts see them, those of the days that are compared."""
    table = asked.table
    prepared.views((table.name,))
    where = []
    if table.time is not None:
        zone = asked.definitions.settings.timezone
        for sign, day in ((">=", asked.since), ("<", asked.until)):
            if day is not None:
                moment = literal(periods.midnight(day, zone).isoformat())
                where.append(f"{quoted(table.time)} {sign} CAST({moment} AS TIMESTAMPTZ)")
    sql = f"SELECT * FROM {quoted(table.name)} WHERE {' AND '.join(where) or 'true'}"
    columns = engine.columns(sql)
    engine.run(f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet)")
    return columns
