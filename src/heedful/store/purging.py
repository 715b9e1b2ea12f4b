"""What a Delta table keeps of rows that are no longer in it, and how it is let go of."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from heedful.store.lake import Lake

LOG = "_delta_log"


def purge(lake: Lake, name: str) -> int:
    """Remove at once all that a table keeps beside its newest version.

    Older files, files of writes that were never committed, and the lowest and highest words of
    files in the log, go; the log itself stays, so that it can still be said which days changed.
    A reader that holds an older list of files must ask again. Whoever calls holds the table's lock.

    Args:
        lake: Where the table lies.
        name: The table.

    Returns:
        Bytes freed.
    """
    from heedful.store.lake import STATS, speechless

    if not lake.exists(name):
        return 0
    import pyarrow as pa

    root = lake.path(name)
    before = size(root)
    found = lake.open(name)
    wanted = speechless(pa.schema(found.schema().to_arrow()))
    if found.metadata().configuration.get(STATS) is None:
        found.alter.set_table_properties({STATS: wanted})
    live = set(lake.files(name))
    for path in root.resolve().rglob("*.parquet"):
        if LOG not in path.relative_to(root.resolve()).parts and str(path) not in live:
            path.unlink()
    _silence(lake, name)
    return max(0, before - size(root))


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _silence(lake: Lake, name: str) -> None:
    """Take words out of a log: commits are rewritten, checkpoints made anew."""
    log = lake.path(name) / LOG
    for path in (*log.glob("*.tmp"), *log.glob("*.half")):
        path.unlink(missing_ok=True)
    for path in log.glob("[0-9]*.json"):
        _without_words(path)
    old = set(log.glob("*.checkpoint*.parquet"))
    if old:
        found = lake.open(name)
        found.create_checkpoint()
        newest = f"{found.version():020}.checkpoint"
        for path in old:
            if not path.name.startswith(newest):
                path.unlink()


def _without_words(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = [_plain(json.loads(line)) for line in text.splitlines() if line.strip()]
    if not any(changed for changed, _ in lines):
        return
    new = "\n".join(json.dumps(action, ensure_ascii=False) for _, action in lines) + "\n"
    half = path.with_suffix(".json.half")
    with half.open("w", encoding="utf-8") as file:
        file.write(new)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _plain(action: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """An action of a commit without the lowest and highest words of its file."""
    for kind in ("add", "remove"):
        body = action.get(kind)
        if not isinstance(body, dict) or not body.get("stats"):
            continue
        stats = json.loads(body["stats"])
        words = False
        for side in ("minValues", "maxValues"):
            values = stats.get(side) or {}
            kept = {n: v for n, v in values.items() if not isinstance(v, str) or _moment(v)}
            words |= kept != values
            stats[side] = kept
        if words:
            body["stats"] = json.dumps(stats)
            return True, action
    return False, action


def _moment(text: str) -> bool:
    """Whether a text is a day or an instant as Delta Lake writes them."""
    from datetime import datetime

    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    # An id of eight digits is a date to Python; Delta Lake writes hyphens.
    return text[4:5] == "-" and text[7:8] == "-"
