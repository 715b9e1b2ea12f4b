"""Processes that die, that write at the same time, and that read meanwhile."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

IMPORT = """
import sys
from pathlib import Path
from heedful.definitions.source import Source
from heedful.store.importing import Importer
from heedful.store.lake import Lake

root, name, path, rounds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
importer = Importer(root, Lake(root / "data/tables"), Lake(root / "data/books"),
                    root / "data/staging", "UTC", {})
last = ""
def tell(what, done, all_):
    global last
    if what != last:
        print(what, flush=True)
        last = what
for turn in range(rounds):
    file = path.format(turn)
    importer.run(Source(name=name, table="tickets", path=file), tell)
print("done", flush=True)
"""
ROWS = 20_000


def start(root: Path, name: str = "s", path: str = "in.csv", rounds: int = 1) -> subprocess.Popen:
    arguments = [sys.executable, "-c", IMPORT, str(root), name, path, str(rounds)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def export(count: int, word: str, prefix: str = "") -> str:
    rows = (
        f"{prefix}{n},2024-{1 + n % 12:02}-{1 + n % 28:02},{word if n % 2 else 'same'}"
        for n in range(count)
    )
    return "\n".join(["ticket_id,opened_at,topic", *rows]) + "\n"


def state(project) -> list[tuple]:
    return project.sql(
        "SELECT topic, count(*), sum(ticket_id::INT)::INT FROM t GROUP BY 1 ORDER BY 1"
    )


def kill_at(process: subprocess.Popen, stage: str, delay: float) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == stage:
            break
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_an_import_that_is_killed_has_done_everything_or_nothing(project, new_project):
    project.timezone = "UTC"
    old, new = export(ROWS // 2, "old"), export(ROWS, "new")
    clean = new_project("UTC")
    clean.columns = project.columns = {}
    clean.put("in.csv", old)
    clean.run()
    before = state(clean)
    clean.put("in.csv", new)
    clean.run()
    after = state(clean)

    luck = random.Random(7)
    stages = ["mapping", "comparing", "writing", "writing"]
    seen = set()
    for allowed, content in (([[], before], old), ([before, after], new)):
        project.put("in.csv", content)
        for stage in stages:
            kill_at(start(project.root), stage, luck.uniform(0, 0.25))
            found = state(project)
            assert found in allowed
            seen.add(allowed.index(found))
        # What the killed ones have left in the staging folder is cleared away.
        assert project.run().rejected == 0
        assert state(project) == allowed[1]
    assert 0 in seen
    whole = "SELECT * REPLACE (epoch_us(opened_at) AS opened_at) FROM t ORDER BY ticket_id"
    assert project.sql(whole) == clean.sql(whole)


def test_what_a_killed_import_has_staged_is_cleared_away(project):
    project.columns = {}
    project.put("in.csv", export(3, "x"))
    project.put("data/staging/s.import/file-0/raw.parquet", "half")
    project.put("data/staging/s.import/mapped-000000.parquet", "half")
    assert project.run().inserted == 3


def test_a_table_whose_first_commit_was_never_finished_is_no_table(project):
    project.put("data/tables/tickets/_delta_log/_commit_1234.json.tmp", "{")
    project.put("data/tables/tickets/_month=2024-01/part-0.parquet", "half")
    assert not project.tables.exists("tickets")
    assert project.tables.names() == []
    assert project.tables.snapshot("tickets") is None
    project.columns = {}
    project.put("in.csv", export(3, "x"))
    assert project.run().inserted == 3
    assert project.sql("SELECT count(*) FROM t") == [(3,)]


@pytest.mark.slow
def test_two_writers_and_a_reader_of_one_table(project):
    """Every import adds or changes a thousand rows; no snapshot ever shows a part of one."""
    rounds, step = 5, 1_000
    for name in "ab":
        for turn in range(rounds):
            content = export(step * (turn + 1), f"v{turn}", prefix=name)
            project.put(f"{name}{turn}.csv", content)
    writers = [start(project.root, name, name + "{}.csv", rounds) for name in "ab"]
    last, looks = {"a": 0, "b": 0}, 0
    while any(writer.poll() is None for writer in writers):
        found = project.sql(
            "SELECT left(ticket_id, 1), count(*), count(DISTINCT ticket_id),"
            " count(DISTINCT topic) FILTER (topic <> 'same') FROM t GROUP BY 1"
        )
        for name, count, distinct, versions in found:
            assert count % step == 0
            assert (count, versions) == (distinct, 1)
            assert count >= last[name]
            last[name] = count
        looks += 1
        time.sleep(0.05)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert looks > 3
    assert project.sql("SELECT count(*), count(DISTINCT ticket_id) FROM t") == [
        (2 * rounds * step, 2 * rounds * step)
    ]
