"""Who was erased, as salted hashes, so that an export read again does not bring them back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from typing import TYPE_CHECKING

from filelock import FileLock

from heedful.ledger.mentions import leaves, short
from heedful.store import schema
from heedful.store.quoting import literal, quoted
from heedful.store.raw import Bad, BadRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import duckdb

    from heedful.store.schema import Table

FOLDER = "erased"
PART = re.compile(r"[^\s,;|\"'<>()\[\]{}]+")
WHO = re.compile(r"id\b|_id|^id|customer|user|client|member|requester|cookie|device|mail", re.I)
PRIVATE = 0o600


class Suppression:
    """Hashes of the ids of people who were erased.

    The salt is drawn once a project and never leaves its data folder. Who has both the salt and
    an id can tell that the person was erased; nobody can tell from the hashes who was.

    Args:
        data: The project's data folder.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER
        self.salt_file = self.folder / "salt"
        self.file = self.folder / "suppressed.txt"

    def salt(self) -> str:
        """The project's salt, drawn when it is first asked for."""
        if not self.salt_file.exists():
            with self._lock():
                if not self.salt_file.exists():
                    written(self.salt_file, secrets.token_hex(32))
        return self.salt_file.read_text("ascii").strip()

    def hash(self, name: str) -> str:
        """The salted hash of an id."""
        return hashlib.sha256((self.salt() + name).encode("utf-8", "surrogatepass")).hexdigest()

    def add(self, names: Iterable[str]) -> int:
        """Suppress ids for good; it is durable once this returns.

        Returns:
            How many were not suppressed before.
        """
        salt = self.salt()
        wanted = {
            hashlib.sha256((salt + name).encode("utf-8", "surrogatepass")).hexdigest()
            for name in names
        }
        with self._lock():
            known = self.hashes()
            if wanted - known:
                written(self.file, "\n".join(sorted(wanted | known)) + "\n")
        return len(wanted - known)

    def hashes(self) -> frozenset[str]:
        """All of them."""
        with contextlib.suppress(FileNotFoundError):
            return frozenset(self.file.read_text("ascii").split())
        return frozenset()

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        private(self.folder)
        with FileLock(str(self.folder / "lock")):
            yield


class Gate:
    """What keeps suppressed rows out of one import.

    Args:
        suppression: The project's.
        table: The table that is filled.
    """

    def __init__(self, suppression: Suppression, table: Table) -> None:
        self.table = table
        self.hashes = suppression.hashes()
        self.salt = suppression.salt() if self.hashes else ""
        self.rows = 0

    def mapped(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Mark the rows of erased people in a file of mapped rows as left out.

        A row of somebody else that names one of their devices stays without that name.
        """
        if not self.hashes:
            return
        source = f"read_parquet({literal(str(path))})"
        present = {row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
        conditions = self._conditions(connection, source, present)
        if not conditions:
            return
        out, blank = conditions
        count, blanked = connection.execute(
            f"SELECT count(*) FILTER (_kept AND {out}), count(*) FILTER ({blank}) FROM {source}"
        ).fetchall()[0]
        if not count and not blanked:
            return
        self.rows += count
        put = [f"(_kept AND NOT ({out})) AS _kept"]
        if "anonymous_id" in present:
            put.append(f"CASE WHEN NOT ({blank}) THEN anonymous_id END AS anonymous_id")
        half = path.with_suffix(".half")
        connection.execute(
            f"COPY (SELECT * REPLACE ({', '.join(put)}) FROM {source})"
            f" TO {literal(str(half))} (FORMAT parquet)"
        )
        half.replace(path)

    def _conditions(
        self, connection: duckdb.DuckDBPyConnection, source: str, present: set[str]
    ) -> tuple[str, str] | None:
        import pyarrow as pa

        whose = owner(self.table, present)
        if whose is None:
            return None
        connection.register("suppressed", pa.table({"hash": sorted(self.hashes)}))
        names: list[str] = [c for c in ("customer_id", "anonymous_id", "alias_id") if c in present]
        found: dict[str, tuple[str, str]] = {c: (c, f"{quoted(c)} IS NOT NULL") for c in names}
        for column, parent in links(self.table).items():
            if column in present:
                found[column] = (f"{parent}.{column}", f"{whose} IS NULL")
        known = []
        for column, (kind, where) in found.items():
            text = quoted(column)
            name = text if column in names else f"{literal(kind + ':')} || {text}"
            known.append(
                f"SELECT {literal(column)} AS kind, v FROM (SELECT DISTINCT {text} AS v,"
                f" {name} AS name FROM {source} WHERE {where}) WHERE v IS NOT NULL AND"
                f" sha256({literal(self.salt)} || name) IN (SELECT hash FROM suppressed)"
            )
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE struck AS {' UNION ALL '.join(known) or 'SELECT 1'}"
        )
        connection.unregister("suppressed")

        def hit(column: str, text: str) -> str:
            return (
                f"coalesce({text} IN (SELECT v FROM struck WHERE kind = {literal(column)}), false)"
            )

        out = " OR ".join(hit(c, whose) for c in names)
        if self.table.name == "identities":
            out = " OR ".join(hit(c, quoted(c)) for c in names)
        for column in found.keys() - set(names):
            out += f" OR ({whose} IS NULL AND {hit(column, quoted(column))})"
        blank = "false"
        if "anonymous_id" in present and "customer_id" in present:
            blank = f"(customer_id IS NOT NULL AND {hit('anonymous_id', 'anonymous_id')})"
        return f"({out})", blank

    def bad(self, found: BadRows) -> BadRows:
        """The bad rows that name nobody who was erased."""
        if not self.hashes or not len(found):
            return found
        kept = BadRows(found.path.with_name("kept.parquet"))
        for row in found:
            if self._names(row):
                self.rows += 1
            else:
                kept.add(row)
        kept.close()
        return kept

    def _names(self, row: Bad) -> bool:
        return any(
            hashlib.sha256((self.salt + name).encode("utf-8", "surrogatepass")).hexdigest()
            in self.hashes
            for name in candidates(row.values, row.reason)
        )

    def notes(self) -> list[str]:
        """What to tell about it."""
        if not self.rows:
            return []
        return [f"{self.rows:,} {'row' if self.rows == 1 else 'rows'} of erased people left out"]


def candidates(values: str, reason: str) -> set[str]:
    """What in a rejected row may be somebody's id or address.

    A short one, such as 17, counts only as a whole value, in a column that seems to hold ids.

    >>> sorted(candidates('{"customer_id": "17", "score": "18"}', "bad"))
    ['17']
    """
    try:
        given = json.loads(values)
    except ValueError:
        given = [values]
    columns = given.items() if isinstance(given, dict) else [("id", given)]
    found = {text for key, one in columns if WHO.search(key) for text in leaves(one)}
    for text in (*leaves(given), reason):
        parts = {part for whole in PART.findall(text) for part in (whole, whole.strip(".:!?"))}
        found |= {part for part in (text, *parts) if not short(part)}
    return found | {text.casefold() for text in found if "@" in text}


def owner(table: Table, present: Iterable[str]) -> str | None:
    """SQL of whose a row is; None for tables whose rows are nobody's.

    >>> owner(schema.table("events"), ["customer_id", "anonymous_id"])
    'coalesce(customer_id, anonymous_id)'
    """
    names = [c for c in ("customer_id", "anonymous_id") if c in table.columns]
    if not names:
        return None
    there = set(present)
    found = [c if c in there else "CAST(NULL AS VARCHAR)" for c in names]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]


def links(table: Table) -> Mapping[str, str]:
    """Columns that name a row of another table that is somebody's, and that table.

    >>> links(schema.table("feedback"))
    {'order_id': 'orders', 'ticket_id': 'tickets'}
    """
    if "customer_id" not in table.columns or table.name in {"customers", "identities"}:
        return {}
    others = [schema.table(name) for name in schema.names() if name != table.name]
    return {
        other.key: other.name
        for other in others
        if other.key in table.columns
        and other.key != "customer_id"
        and "customer_id" in other.columns
    }


def private(folder: Path) -> None:
    """Make a folder that only its owner can look into."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def written(path: Path, text: str) -> None:
    """Write a file as a whole, durably, readable for its owner only."""
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
