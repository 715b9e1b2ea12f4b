"""One fact and its KPIs on DuckDB and on Spark on this machine, over a copy of a project.

    python benchmarks/engine_speed.py DEMO_PROJECT [--engine local[2]] [--fact sessions]

Everything is done twice in one process: the first time has Spark's compiling in it, the second
is what each further fact of that size costs.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

from heedful.engines.opening import running
from heedful.facts.build import build
from heedful.facts.prepared import Prepared
from heedful.kpis.computing import Bench
from heedful.project import Project


def measured(project: Project, name: str, fact: str, folder: Path) -> dict[str, float]:
    """Seconds of each step on one engine."""
    found: dict[str, float] = {}
    moment = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal moment
        found[step] = time.perf_counter() - moment
        moment = time.perf_counter()

    definitions, facts = project.definitions, project.lake("facts")
    with closing(running(name, folder)) as engine:
        lap("start")
        tables = project.lake("tables")
        prepared = Prepared(engine, tables, definitions.settings, definitions.rules)
        bench = Bench(engine, prepared, facts, definitions)
        lap("tables and people")
        kpis = [kpi for kpi in definitions.kpis.values() if kpi.fact == fact]
        for time_ in ("first", "again"):
            build(project.facts[fact], prepared, facts)
            lap(f"build {fact}, {time_}")
            one = bench.measured(project.facts[fact])
            bench.readings(
                one, kpis, [("month", None), ("week", "device")], prepared.until["events"]
            )
            lap(f"{len(kpis)} KPIs by month, and by week and device, {time_}")
    return found


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser()
    options.add_argument("project")
    options.add_argument("--engine", default="local[2]")
    options.add_argument("--fact", default="sessions")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(shutil.copytree(given.project, Path(folder) / "project")))
        names = ("duckdb", given.engine)
        found = {name: measured(project, name, given.fact, Path(folder)) for name in names}
    print(f"| step | DuckDB, s | {given.engine}, s | times |\n|---|---|---|---|")
    for step, seconds in found["duckdb"].items():
        other = found[given.engine][step]
        print(f"| {step} | {seconds:.1f} | {other:.1f} | {other / max(seconds, 0.1):.0f} |")


if __name__ == "__main__":
    main()
