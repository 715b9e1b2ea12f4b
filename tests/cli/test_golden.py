"""What people see, word for word; `HEEDFUL_GOLDEN=write pytest tests/cli` writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
COMMANDS = {
    "help": ["--help"],
    "readings": ["readings"],
    "readings-by-stage": ["readings", "csat", "--by", "stage", "--grain", "quarter"],
    "readings-by-priority": ["readings", "resolution_time", "--by", "priority"],
    "readings-now": ["readings", "reopen_rate", "csat_ai", "--grain", "all"],
    "score": ["score"],
    "score-by-touchpoint": ["score", "--by", "touchpoint", "--grain", "quarter"],
    "scale": ["scale", "--suggest", "--grain", "week"],
    "rejected": ["rejected"],
    "explain": ["explain", "csat"],
    "check": ["check"],
    "sql": [
        "sql",
        "SELECT instrument, count(*) AS n, avg(score) FROM responses GROUP BY 1 ORDER BY 1",
    ],
    "import-again": ["import"],
    "refresh-again": ["refresh"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_is_what_it_was(shop, name):
    done = shop(*COMMANDS[name])
    shown = f"$ heedful {' '.join(COMMANDS[name])}\n{done.stdout}"
    if done.stderr:
        shown += f"--- said beside it\n{done.stderr}"
    lines = "\n".join(line.rstrip() for line in shown.splitlines()) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("HEEDFUL_GOLDEN") == "write":
        path.write_text(lines, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert lines == path.read_text(encoding="utf-8")
