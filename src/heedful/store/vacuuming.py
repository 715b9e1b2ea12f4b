"""Lets go of files that no longer belong to the newest version of a table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.store.lake import Lake

GRACE_HOURS = 24
"""A file stays for at least so long after it fell out of a table: who began to read may still."""
DEFAULT_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What was let go of, or would be.

    Attributes:
        table: The table, as `tables.orders`.
        files: How many files.
        bytes: Their size.
    """

    table: str
    files: int
    bytes: int


def hours(history_days: int | None) -> int:
    """How long files are kept after they fell out of a table.

    >>> hours(None), hours(1), hours(30)
    (168, 24, 720)
    """
    return DEFAULT_HOURS if history_days is None else max(GRACE_HOURS, history_days * 24)


def vacuum(lake: Lake, name: str, keep: int, *, dry_run: bool = False) -> tuple[int, int]:
    """Remove files that fell out of a table a while ago, and those of writes that died.

    The table's log is not touched, so that its version stays, and what a refresh knows of it.

    Args:
        lake: Where the table lies.
        name: The table.
        keep: For how many hours a file is kept after it fell out.
        dry_run: Only look.

    Returns:
        How many files, and their bytes.
    """
    if not lake.exists(name):
        return 0, 0
    with lake.lock(name):
        doomed = _doomed(lake, name, keep)
        size = sum(path.stat().st_size for path in doomed)
        if not dry_run:
            for path in doomed:
                path.unlink(missing_ok=True)
    return len(doomed), size


def _doomed(lake: Lake, name: str, keep: int) -> list[Path]:
    root = lake.path(name).resolve()
    found = lake.open(name)
    live = set(lake.files(name))

    def fallen(after: int) -> set[str]:
        paths = found.vacuum(after, dry_run=True, enforce_retention_duration=False)
        return {str(root / unquote(path)) for path in paths}

    old, all_fallen = fallen(keep), fallen(0)
    limit = time.time() - keep * 3600
    doomed = []
    for path in sorted(root.rglob("*.parquet")):
        if "_delta_log" in path.relative_to(root).parts or str(path) in live:
            continue
        # What the log does not know was never committed, or fell out before the log begins.
        strange = str(path) not in all_fallen and path.stat().st_mtime < limit
        if str(path) in old or strange:
            doomed.append(path)
    return doomed
