"""Asking SQL from the browser or by the API: sealed, limited, and written down."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heedful.engines.duckdb import QueryError
from heedful.ledger.refusal import RefusedError

if TYPE_CHECKING:
    import pyarrow as pa

    from heedful.web.edition import Edition
    from heedful.web.guest import Guest

LONGEST = 20_000
"""Characters of a query."""
SECONDS = 30.0
MOST_ROWS = 100_000
MOST_BYTES = 256 * 2**20
MEMORY = "1GB"
"""Most memory of a query; more is spilt to disk."""
AT_ONCE = 2
"""So many queries run at a time: pages must stay quick meanwhile."""
PATIENCE = 2.0
"""Seconds that a query waits for its turn."""
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_NAMED = re.compile(r'"[^"]+"|(?<=with name )\S+')
_gate = threading.Semaphore(AT_ONCE)


class BusyError(Exception):
    """Too many queries run already."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a query.

    Attributes:
        table: The rows.
        cut: Whether there are more than these.
        seconds: How long it took.
    """

    table: pa.Table
    cut: bool
    seconds: float


def ask(
    edition: Edition, who: Guest, query: str, *, limit: int, seconds: float = SECONDS
) -> Result:
    """Answer a query that a person wrote, and write down that they asked.

    Args:
        edition: What is asked.
        who: Who asks.
        query: One SELECT.
        limit: Most rows to give.
        seconds: Longest time it may take.

    Raises:
        QueryError: It is no single SELECT, fails, takes too long or gives too much.
        RefusedError: It is empty or too long.
        BusyError: Too many queries run already.
    """
    if not query.strip() or "\0" in query:
        raise RefusedError("the query is empty; write one SELECT")
    if len(query) > LONGEST:
        raise RefusedError(f"the query has {len(query):,} characters; {LONGEST:,} are allowed")
    if not _gate.acquire(timeout=PATIENCE):
        raise BusyError(f"{AT_ONCE} queries run already; ask again when one is done")
    # It is written down before it runs: who asked for too much asked too.
    edition.project.audit.add(who.email, "asked", "sql", query)
    begun = time.monotonic()
    try:
        table = edition.project.sql(query, limit=limit + 1, seconds=seconds, memory=MEMORY)
    finally:
        _gate.release()
    if table.nbytes > MOST_BYTES:
        size = table.nbytes / 2**20
        raise QueryError(
            f"the rows have {size:,.0f} MB; {MOST_BYTES // 2**20} are allowed: choose columns"
        )
    return Result(table.slice(0, limit), table.num_rows > limit, time.monotonic() - begun)


def line_of(error: QueryError, query: str) -> int | None:
    r"""The line of a query that an error is about, counted from 1; None where nobody can tell.

    Args:
        error: The error; it names a line, or something that stands in the query.
        query: The query.

    >>> line_of(QueryError('syntax error at or near "="\n\nLINE 2:  where x ='), "")
    2
    >>> line_of(QueryError('Referenced column "nope" not found'), "SELECT 1,\n  nope\nFROM t")
    2
    """
    found = _LINE.search(str(error))
    if found:
        return int(found.group(1))
    named = _NAMED.search(str(error))
    if named is None:
        return None
    name = re.escape(named.group(0).strip('"'))
    word = re.compile(rf"(?<!\w){name}(?!\w)", re.IGNORECASE)
    lines = [number for number, line in enumerate(query.splitlines(), 1) if word.search(line)]
    return lines[0] if len(lines) == 1 else None
