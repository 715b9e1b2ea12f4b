"""From staged rows to one commit: what is new, what has changed, what is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from heedful.store import schema
from heedful.store.quoting import literal, quoted
from heedful.store.scratch import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from heedful.definitions.source import Source
    from heedful.store.lake import Lake, Snapshot
    from heedful.store.schema import Table
    from heedful.store.staging import Staged

BATCH = 20_000
SHOWN_FILES = 3
UPDATED = "updated_at"
# Eight bytes of a hash tell a row from its own older version, and fit in memory.
SHORT = "CAST('0x' || left(_hash, 16) AS UBIGINT)"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a commit did; all but the notes are numbers of rows, as in `Imported`."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    deleted: int = 0
    notes: tuple[str, ...] = ()


class Committing:
    """Takes staged rows over into their table; whoever calls holds the table's lock.

    Args:
        source: Where the rows come from.
        table: The table.
        lake: Where it lies.
        staged: The rows.
        folder: Where to spill.
        tell: Called with what is being done.
    """

    def __init__(
        self,
        source: Source,
        table: Table,
        lake: Lake,
        staged: Staged,
        folder: Path,
        tell: Callable[[str, int, int], None],
    ) -> None:
        self.source = source
        self.table = table
        self.lake = lake
        self.staged = staged
        self.tell = tell
        self.generated = source.key == "generated"
        self.snapshot: Snapshot | None = lake.snapshot(table.name)
        stored = self.snapshot.columns if self.snapshot else {}
        extra = [name for name in stored if name not in table.columns and name[0] != "_"]
        self.attributes = tuple(dict.fromkeys([*extra, *source.attributes]))
        self.columns = (*table.columns, *self.attributes)
        self.connection = connect(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def run(self) -> Counts:
        """Classify the rows, and write what differs in one commit."""
        if not self.staged.mapped:
            return Counts()
        self.tell("comparing", 0, 0)
        self._good()
        total = self._number("SELECT count(*) FROM good")
        superseded = self._superseded()
        self._known()
        inserted, updated, deleted = self._changes()
        notes = tuple(self._notes(superseded))
        if updated or deleted:
            self._rewrite()
        elif inserted:
            self._append()
        return Counts(
            inserted=inserted,
            updated=updated,
            unchanged=total - inserted - updated,
            superseded=superseded,
            deleted=deleted,
            notes=notes,
        )

    # --- what there is ---

    def _good(self) -> None:
        """`good`: the rows that can be taken over; `rows`: their keys, hashes and times."""
        files = ", ".join(literal(str(path)) for path in self.staged.mapped)
        self.connection.execute(
            "CREATE TEMP VIEW mapped AS SELECT * FROM"
            f" read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
            " WHERE _kept AND _reason IS NULL"
        )
        present = self._names("mapped")
        key, time = self.table.key, self.table.time
        items = []
        for name in self.columns:
            kind = schema.SQL_TYPES[self.table.kind(name)]
            if name not in present or (name == key and self.generated):
                items.append(f"CAST(NULL AS {kind}) AS {quoted(name)}")
            else:
                items.append(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}")
        at = quoted(time) if time else "CAST(NULL AS TIMESTAMPTZ)"
        items += [f"{literal(self.source.name)} AS _source", f"{_month(at)} AS _month"]
        self.connection.execute(
            f"CREATE TEMP VIEW good AS SELECT {', '.join(items)}, _file, _hash, _content, _no, _row"
            " FROM mapped"
        )
        updated = UPDATED if UPDATED in self.columns else "CAST(NULL AS TIMESTAMPTZ)"
        rest = f"{SHORT} AS _hash, {at} AS _at, {updated} AS _updated"
        of = self._numbered() if self.generated else quoted(key)
        again = "LEFT JOIN again USING (_no, _row)" if self.generated else ""
        self.connection.execute(
            f"CREATE TEMP TABLE rows AS SELECT _no, _row, {of} AS _key, {rest} FROM good {again}"
        )

    def _numbered(self) -> str:
        """SQL of the key of a row that has none: its content, and which of its like it is."""
        whole = self.source.replace == "all"
        within = "_content" if whole else "_no, _content"
        self.connection.execute(
            "CREATE TEMP TABLE again AS SELECT _no, _row,"
            f" row_number() OVER (PARTITION BY {within} ORDER BY _no, _row) AS n FROM mapped"
            f" SEMI JOIN (SELECT {within} FROM mapped GROUP BY ALL HAVING count(*) > 1)"
            f" USING ({within})"
        )
        parts = [literal(self.source.name)]
        if self.source.replace == "file":
            parts.append("_file")
        parts += ["_content", "coalesce(n, 1)"]
        return f"md5(concat_ws(chr(31), {', '.join(parts)}))"

    def _superseded(self) -> int:
        """Of rows with one key leave the newest in `rows`; the last in order where none is."""
        self.connection.execute(
            "CREATE TEMP TABLE losers AS SELECT _no, _row FROM (SELECT _no, _row, row_number() OVER"
            " (PARTITION BY _key ORDER BY _updated DESC NULLS LAST, _no DESC, _row DESC) AS rank"
            " FROM rows SEMI JOIN (SELECT _key FROM rows GROUP BY _key HAVING count(*) > 1)"
            " USING (_key)) WHERE rank > 1"
        )
        count = self._number("SELECT count(*) FROM losers")
        if count:
            self.connection.execute("DELETE FROM rows WHERE (_no, _row) IN (FROM losers)")
        return count

    def _known(self) -> None:
        """`stored`: what the table holds; `known`: of that, the keys that come again."""
        files = self.snapshot.files if self.snapshot else ()
        self._stored("stored", files)
        self.connection.execute(
            f"CREATE TEMP TABLE known AS SELECT _key, {SHORT} AS _hash, _at, _updated FROM stored"
            " SEMI JOIN rows ON rows._key = stored._key"
        )

    def _stored(self, view: str, files: Sequence[str]) -> None:
        names = [*self.columns, "_source", "_file", "_hash"]
        if not files:
            kinds = {name: schema.SQL_TYPES[self.table.kind(name)] for name in names}
            items = [f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in kinds.items()]
            source, where = "(SELECT 1)", "false"
        else:
            listed = ", ".join(map(literal, files))
            source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
            where = "true"
            present = self._names(source)
            items = [
                quoted(name)
                if name in present
                else f"CAST(NULL AS {schema.SQL_TYPES[self.table.kind(name)]}) AS {quoted(name)}"
                for name in names
            ]
        time, key = self.table.time, self.table.key
        at = quoted(time) if time else "CAST(NULL AS TIMESTAMPTZ)"
        updated = UPDATED if UPDATED in self.columns else "CAST(NULL AS TIMESTAMPTZ)"
        self.connection.execute(
            f"CREATE TEMP VIEW {view} AS SELECT *, {quoted(key)} AS _key, {at} AS _at,"
            f" {updated} AS _updated FROM (SELECT {', '.join(items)} FROM {source} WHERE {where})"
        )

    # --- what differs ---

    def _changes(self) -> tuple[int, int, int]:
        """`changes`: rows to write; `stale`: rows older than what is stored; `gone`: keys."""
        differs = "k._key IS NOT NULL AND k._hash <> r._hash"
        old = "coalesce(k._updated > r._updated, false)"
        joined = "FROM rows AS r LEFT JOIN known AS k ON k._key = r._key"
        self.connection.execute(
            f"CREATE TEMP TABLE changes AS SELECT r._no, r._row, r._key, r._at,"
            f" k._key IS NULL AS new, k._at AS was {joined}"
            f" WHERE k._key IS NULL OR ({differs} AND NOT {old})"
        )
        self.connection.execute(
            f"CREATE TEMP VIEW stale AS SELECT r._key {joined} WHERE {differs} AND {old}"
        )
        self.connection.execute(
            f"CREATE TEMP TABLE gone AS SELECT _key, _at FROM stored ANTI JOIN rows"
            f" ON rows._key = stored._key WHERE {self._replaced()}"
        )
        inserted, updated = self.connection.execute(
            "SELECT count(*) FILTER (new), count(*) FILTER (NOT new) FROM changes"
        ).fetchall()[0]
        return inserted, updated, self._number("SELECT count(*) FROM gone")

    def _replaced(self) -> str:
        """SQL condition: stored rows whose place the files now read have taken."""
        if not self.generated:
            return "false"
        mine = f"_source = {literal(self.source.name)}"
        if self.source.replace == "all":
            return mine
        if self.source.replace == "period":
            span = "BETWEEN (SELECT min(_at) FROM rows) AND (SELECT max(_at) FROM rows)"
            return f"{mine} AND _at {span}"
        files = ", ".join(map(literal, self.staged.headed)) or "NULL"
        return f"{mine} AND _file IN ({files})"

    # --- what is written ---

    def _wanted(self) -> pa.Schema:
        return self.table.arrow(self.attributes)

    def _changed(self) -> str:
        """SQL of the rows of `changes` with every column that is stored."""
        items = [
            "changes._key" if name == self.table.key else f"good.{quoted(name)}"
            for name in self._wanted().names
        ]
        named = zip(items, self._wanted().names, strict=True)
        listed = ", ".join(f"{item} AS {quoted(name)}" for item, name in named)
        return f"SELECT {listed} FROM good JOIN changes USING (_no, _row)"

    def _append(self) -> None:
        self.tell("writing", 0, 0)
        partition = ("_month",) if self.table.partitioned else ()
        touched = self._touched()
        data = self._data(self._changed())
        self.lake.append(self.table.name, data, partition_by=partition, touched=touched)

    def _rewrite(self) -> None:
        """Write the partitions anew that hold old or new versions of the rows."""
        self.tell("writing", 0, 0)
        spans = (
            f"SELECT {_month('_at')} FROM changes UNION SELECT {_month('was')} FROM changes"
            f" WHERE NOT new UNION SELECT {_month('_at')} FROM gone"
        )
        where, months = None, None
        if self.table.partitioned:
            months = [row[0] for row in self.connection.execute(spans).fetchall()]
            where = f"_month IN ({', '.join(map(literal, months))})"
        self._stored("kept", self.lake.files(self.table.name, months))
        columns = [quoted(name) for name in self._wanted().names if name != "_month"]
        kept = (
            f"SELECT {', '.join(columns)}, {_month('_at')} AS _month FROM kept"
            " ANTI JOIN (SELECT _key FROM changes UNION ALL SELECT _key FROM gone) AS out"
            " ON out._key = kept._key"
        )
        touched = self._touched()
        data = self._data(f"{kept} UNION ALL BY NAME {self._changed()}")
        self.lake.replace(self.table.name, data, where=where, touched=touched)

    def _touched(self) -> tuple[str, str] | None:
        """First and last time of rows that come, go or change; None: nobody can say."""
        if self.table.time is None:
            return None
        first, last, unknown = self.connection.execute(
            "SELECT min(t)::VARCHAR, max(t)::VARCHAR, count(*) FILTER (t IS NULL)"
            " FROM (SELECT _at AS t FROM changes UNION ALL SELECT was FROM changes WHERE NOT new"
            " UNION ALL SELECT _at FROM gone)"
        ).fetchall()[0]
        return None if unknown or first is None else (first, last)

    def _data(self, sql: str) -> pa.RecordBatchReader:
        wanted = self._wanted()
        names = ", ".join(map(quoted, wanted.names))
        rows = self.connection.sql(f"SELECT {names} FROM ({sql})").to_arrow_reader(BATCH)

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                yield batch.cast(wanted)

        return pa.RecordBatchReader.from_batches(wanted, batches())

    # --- what to tell ---

    def _notes(self, superseded: int) -> Iterator[str]:
        key = self.table.key
        if superseded:
            yield f"{_rows(superseded)} with a {key} that comes again; the last one counts"
        stale = self._number("SELECT count(*) FROM stale")
        if stale:
            yield f"{_rows(stale)} older, by updated_at, than what is stored; that stays"
        read = ", ".join(map(literal, self.staged.files))
        gone = self.connection.execute(
            "SELECT _file, count(*) FROM stored ANTI JOIN rows ON rows._key = stored._key"
            " ANTI JOIN gone ON gone._key = stored._key"
            f" WHERE _source = {literal(self.source.name)} AND _file NOT IN ({read})"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
        for file, count in gone[:SHOWN_FILES]:
            yield f"{_rows(count)} of {file} stay, though the file is no longer read"
        if len(gone) > SHOWN_FILES:
            more = sum(count for _, count in gone[SHOWN_FILES:])
            yield f"and {_rows(more)} of {len(gone) - SHOWN_FILES:,} more such files"

    def _names(self, source: str) -> set[str]:
        return {row[0] for row in self.connection.execute(f"DESCRIBE FROM {source}").fetchall()}

    def _number(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchall()[0][0])


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _month(time: str) -> str:
    """SQL of the month of a time in UTC."""
    return f"strftime(make_timestamp(epoch_us({time})), '%Y-%m')"
