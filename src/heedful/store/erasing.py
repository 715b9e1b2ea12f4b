"""Takes the rows of some people out of the tables, and every trace of them in older files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heedful.ledger.mentions import ERASED, short
from heedful.store import schema
from heedful.store.books import REJECTED
from heedful.store.lake import NOTHING
from heedful.store.purging import purge
from heedful.store.quoting import literal, quoted
from heedful.store.scratch import connect
from heedful.store.suppression import candidates, links, owner

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from heedful.ledger.mentions import Mentions
    from heedful.store.lake import Lake

BATCH = 20_000
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Belongings:
    """What the tables hold of some people.

    Attributes:
        where: SQL of which rows are theirs, by table, over `struck(id)` and `keys_<table>`.
        keys: Keys of their rows that rows of nobody may name, as suppression knows them.
        quotes: What they wrote.
    """

    where: Mapping[str, str]
    keys: tuple[str, ...] = ()
    quotes: tuple[str, ...] = field(default=(), repr=False)


class Erasing:
    """Erases people from canonical tables, facts and rejected rows.

    A row is theirs if its customer, or without one its device, is; and if it is nobody's but
    names a ticket, order or the like that is theirs. A row of somebody else stays, without the
    names of the erased in it.

    Args:
        tables: The canonical tables.
        folder: Where DuckDB may spill; removed by whoever calls.
        mentions: Whom.
    """

    def __init__(self, tables: Lake, folder: Path, mentions: Mentions) -> None:
        import pyarrow as pa

        self.tables = tables
        self.mentions = mentions
        folder.mkdir(parents=True, exist_ok=True)
        self.connection = connect(folder)
        names = sorted(mentions.ids | mentions.emails)
        self.connection.register("given", pa.table({"id": pa.array(names, pa.string())}))
        self.connection.execute("CREATE TEMP TABLE struck AS SELECT id FROM given")
        self.connection.unregister("given")

    def close(self) -> None:
        """Let go of the connection."""
        self.connection.close()

    # --- what is theirs ---

    def belongings(self) -> Belongings:
        """Find out what is theirs, the tables that others point to first."""
        where: dict[str, str] = {}
        keys: list[str] = []
        quotes: list[str] = []
        for name in order():
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE keys_{name} (k VARCHAR)")
            present = self._attach(self.tables, name, f"table_{name}")
            table = schema.table(name)
            condition = self._theirs(table, present)
            if condition is None:
                continue
            where[name] = condition
            if table.key in present:
                self.connection.execute(
                    f"INSERT INTO keys_{name} SELECT {quoted(table.key)} FROM table_{name}"
                    f" WHERE {condition}"
                )
            if any(name in links(schema.table(other)).values() for other in schema.names()):
                found = self.connection.execute(f"FROM keys_{name}").fetchall()
                keys += [f"{name}.{table.key}:{row[0]}" for row in found]
            for column in ("comment", "text"):
                if column in table.columns and column in present:
                    found = self.connection.execute(
                        f"SELECT DISTINCT {column} FROM table_{name}"
                        f" WHERE {condition} AND {column} IS NOT NULL"
                    ).fetchall()
                    quotes += [row[0] for row in found]
        return Belongings(where, tuple(keys), tuple(quotes))

    def _theirs(self, table: schema.Table, present: Mapping[str, str]) -> str | None:
        if not present:
            return None
        if table.name == "identities":
            return " OR ".join(theirs(c) for c in ("alias_id", "customer_id") if c in present)
        whose = owner(table, present)
        if whose is None:
            return None
        parts = [theirs(whose)]
        parts += [
            f"({whose} IS NULL AND coalesce({column} IN (SELECT k FROM keys_{parent}), false))"
            for column, parent in links(table).items()
            if column in present
        ]
        return f"({' OR '.join(parts)})"

    def _attach(
        self, lake: Lake, name: str, view: str, months: list[str] | None = None
    ) -> dict[str, str]:
        """A view of a table, or of some months of it, with its partition; types by column."""
        snapshot = lake.snapshot(name)
        files = () if snapshot is None else lake.files(name, months)
        if snapshot is None or not files:
            return {}
        listed = ", ".join(map(literal, files))
        source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false,"
        source += " filename = '_path')"
        rows = self.connection.execute(f"DESCRIBE FROM {source}").fetchall()
        held = {row[0] for row in rows}
        items = [
            f"CAST({quoted(c) if c in held else 'NULL'} AS {kind}) AS {quoted(c)}"
            for c, kind in snapshot.columns.items()
        ]
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT {', '.join(items)}, {_MONTH} AS _month"
            f" FROM {source}"
        )
        return dict(snapshot.columns)

    # --- erase ---

    def erase(self, name: str, where: str | None) -> int:
        """Take their rows out of a canonical table, and their names out of the rows of others.

        Args:
            name: The table.
            where: Which rows are theirs, as `belongings` says.

        Returns:
            Rows removed.
        """
        with self.tables.lock(name):
            present = self._attach(self.tables, name, "erasing")
            removed = 0
            if present:
                put = self._blanked(schema.table(name), present)
                removed = self._rewrite(self.tables, name, where or "false", put)
            purge(self.tables, name)
        return removed

    def erase_fact(self, facts: Lake, name: str, own: Collection[str] = ()) -> int:
        """Take their rows out of a fact, and their names out of attributes in rows of others.

        Args:
            facts: Where it lies.
            name: The fact.
            own: Columns that are no attributes.

        Returns:
            Rows removed.
        """
        with facts.lock(name):
            present = self._attach(facts, name, "erasing")
            removed = 0
            if "customer" in present:
                known = {*own, "customer", "day", "bucket"}
                put = self._silenced(
                    sorted(c for c in {*present} - known if present[c] == "VARCHAR")
                )
                removed = self._rewrite(facts, name, theirs("customer"), put)
            purge(facts, name)
        return removed

    def _blanked(
        self, table: schema.Table, present: Mapping[str, str]
    ) -> dict[str, tuple[str, str]]:
        """What becomes of columns in the rows of others, and where something does."""
        put: dict[str, tuple[str, str]] = {}
        if "anonymous_id" in table.columns and "anonymous_id" in present:
            hit = theirs("anonymous_id")
            put["anonymous_id"] = (f"CASE WHEN NOT {hit} THEN anonymous_id END", hit)
        free = [c.name for c in table.columns.values() if c.free and c.name in present]
        added = sorted(present.keys() - {*table.columns, *schema.BOOKKEEPING})
        return put | self._silenced([*free, *added])

    def _silenced(self, words: Sequence[str]) -> dict[str, tuple[str, str]]:
        names = sorted(
            {each for each in self.mentions.ids if not short(each)} | self.mentions.emails
        )
        put: dict[str, tuple[str, str]] = {}
        for column in words if names else ():
            text, hits = quoted(column), []
            for start in range(0, len(names), AT_ONCE):
                listed = "|".join(re.escape(one) for one in names[start : start + AT_ONCE])
                pattern = literal(rf"(?i)(^|[^\w@.+-])(?:{listed})($|[^\w@+-])")
                hits.append(f"coalesce(regexp_matches({quoted(column)}, {pattern}), false)")
                # What stands between two names ends one match, and cannot begin the next.
                for _ in range(2):
                    text = f"regexp_replace({text}, {pattern}, '\\1{ERASED}\\2', 'g')"
            put[column] = (text, f"({' OR '.join(hits)})")
        return put

    def _rewrite(
        self, lake: Lake, name: str, where: str, put: Mapping[str, tuple[str, str]]
    ) -> int:
        """Write the partitions anew that hold something of them, in one commit."""
        hit = " OR ".join([where, *(change for _, change in put.values())])
        found = self.connection.execute(
            f"SELECT _month, count(*) FILTER ({where}) FROM erasing WHERE {hit} GROUP BY 1"
        ).fetchall()
        if not found:
            return 0
        import pyarrow as pa

        stored = lake.open(name)
        months = None
        if stored.metadata().partition_columns:
            months = [row[0] for row in found]
        kept = f"SELECT * FROM erasing WHERE NOT ({where})"
        if months is not None:
            # Only the files of these months need be read.
            self._attach(lake, name, "erasing_some", months)
            kept = f"SELECT * FROM erasing_some WHERE NOT ({where})"
        if put:
            items = ", ".join(f"{text} AS {quoted(c)}" for c, (text, _) in put.items())
            kept = kept.replace("SELECT *", f"SELECT * REPLACE ({items})", 1)
        wanted = pa.schema(stored.schema().to_arrow())
        data = self._data(kept, wanted)
        condition = None if months is None else f"_month IN ({', '.join(map(literal, months))})"
        lake.replace(name, data, where=condition, touched=NOTHING)
        return int(sum(row[1] for row in found))

    def _data(self, sql: str, wanted: pa.Schema) -> pa.RecordBatchReader:
        import pyarrow as pa

        names = ", ".join(map(quoted, wanted.names))
        rows = self.connection.sql(f"SELECT {names} FROM ({sql})").to_arrow_reader(BATCH)

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                yield batch.cast(wanted)

        return pa.RecordBatchReader.from_batches(wanted, batches())

    def erase_rejected(self, books: Lake) -> int:
        """Take rejected rows that name them out of the books, and say how many."""
        import pyarrow as pa

        name = "rejected_rows"
        if not books.exists(name):
            return 0
        with books.lock(name):
            self._attach(books, name, "erasing")
            removed = 0
            batches = []
            if books.files(name):
                reader = self.connection.sql("SELECT * EXCLUDE _month FROM erasing")
                for batch in reader.to_arrow_reader(BATCH):
                    columns = (batch.column(c).to_pylist() for c in ("values", "reason"))
                    keep = [not self.rejected(*row) for row in zip(*columns, strict=True)]
                    removed += keep.count(False)
                    kept = pa.Table.from_batches([batch]).filter(pa.array(keep))
                    batches.append(kept.select(REJECTED.names).cast(REJECTED))
            if removed:
                books.replace(name, pa.concat_tables(batches), touched=NOTHING)
            purge(books, name)
        return removed

    def rejected(self, values: str, reason: str) -> bool:
        """Whether a rejected row names one of them."""
        names = self.mentions
        if any(names.exact(one) for one in candidates(values, reason)):
            return True
        return names.within(reason) or names.struck_json(values) != values


_MONTH = (
    "CASE WHEN _path LIKE '%/_month=%' THEN replace(replace("
    "regexp_extract(_path, '/_month=([^/]*)/[^/]*$', 1),"
    " '__HIVE_DEFAULT_PARTITION__', ''), '%2D', '-') END"
)


def order() -> list[str]:
    """The tables with rows of somebody, those first that others point to.

    >>> found = order()
    >>> found.index("tickets") < found.index("invitations") < found.index("responses")
    True
    """
    left = {
        name: set(links(schema.table(name)).values())
        for name in schema.names()
        if "customer_id" in schema.table(name).columns
    }
    found: list[str] = []
    while left:
        free = sorted(name for name, needs in left.items() if not needs & left.keys())
        # Tables that point at each other in a circle have no first.
        for name in free or sorted(left):
            found.append(name)
            del left[name]
    return found


def theirs(text: str) -> str:
    """SQL of whether an id is one of theirs."""
    return f"coalesce({text} IN (SELECT id FROM struck), false)"
