"""A DuckDB connection for as long as an import takes, with bounds on what it may use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = "768MB"
THREADS = 4
CELLS = 1_000_000


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open a connection that spills into a folder where memory does not suffice.

    Each thread holds rows of its own, so that few of them are part of the bound.
    """
    connection = duckdb.connect(
        config={
            "temp_directory": str(folder / "spill"),
            "memory_limit": MEMORY,
            "threads": min(THREADS, os.cpu_count() or 1),
            # Order is in the rows; to keep it in files as well takes memory.
            "preserve_insertion_order": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def group_size(columns: int) -> int:
    """How many rows of so many columns a writer should hold at once.

    >>> group_size(20), group_size(500)
    (50000, 2048)
    """
    return max(2_048, CELLS // max(columns, 1))
