"""Opens the engine that a project names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful.engines.duckdb import DuckDB

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.engines.engine import Engine


def running(name: str, folder: Path) -> Engine:
    """An engine, ready to run.

    Args:
        name: `engine` of `heedful.yaml`.
        folder: Where it may keep things for a while.

    Raises:
        ProjectError: It cannot be started.
    """
    if name == DuckDB.dialect:
        return DuckDB(folder=str(folder))
    from heedful.engines.spark import Spark

    return Spark(name, folder)
