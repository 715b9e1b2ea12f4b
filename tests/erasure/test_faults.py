"""An erasure that is killed at any point is finished later; an import beside it changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from heedful.project import Project

WHO = "cust-erase-77"
NEEDLES = (WHO, "cookie-erase-1", "old-erase-5", "Robin.Erase@mail.example", "lavender parcel")
FORGET = """
import sys
import heedful
def tell(what, done, all_):
    print(what, flush=True)
heedful.open(sys.argv[1]).erasure.forget([sys.argv[2]], progress=tell)
print("done", flush=True)
"""
IMPORT = """
import sys
import heedful
for turn in range(2):
    list(heedful.open(sys.argv[1]).tables.import_(["orders", "answers", "voices"]))
"""
STAGES = ["waiting for imports", "orders", "facts.purchases", "ledger"]


def start(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_an_erasure_that_is_killed_is_finished_by_the_next_write(project, traces):
    for number, stage in enumerate(STAGES):
        process = start(FORGET, str(project.root), WHO)
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == stage:
                break
        time.sleep(0.03 * number)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = Project(project.root)
        if not found.erasure.pending():
            break
        # Whatever is half done, every table can be read.
        assert found.sql("SELECT count(*) AS n FROM orders").to_pylist()[0]["n"] > 100
        assert found.sql("SELECT count(*) AS n FROM facts.purchases").to_pylist()[0]["n"] > 100
    (done,) = Project(project.root).erasure.finish()
    assert done.resumed
    assert traces(project.definitions.data, NEEDLES) == {}
    assert not list((project.definitions.data / "staging").iterdir())
    assert {one.state for one in Project(project.root).refresh()} == {"unchanged"}


@pytest.mark.slow
def test_imports_beside_an_erasure_do_not_bring_the_person_back(project, traces):
    importing = start(IMPORT, str(project.root))
    forgetting = start(FORGET, str(project.root), WHO)
    assert (forgetting.wait(), importing.wait()) == (0, 0)
    assert traces(project.definitions.data, NEEDLES) == {}
    assert project.sql("SELECT count(*) AS n FROM customers").to_pylist() == [{"n": 20}]
