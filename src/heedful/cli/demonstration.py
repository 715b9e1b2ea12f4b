"""What `heedful demo` does: simulate, import, measure, and show."""

from __future__ import annotations

import csv
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from heedful.cli.data import imported, refreshed
from heedful.cli.findings import looked
from heedful.cli.measure import contribution_table, score_table
from heedful.cli.printing import bars, err, out

if TYPE_CHECKING:
    from heedful.project import Project
    from heedful.scorecard.score import Score


def demonstrate(directory: Path, customers: int, seed: int) -> None:
    """Make a demo project and print its scorecard."""
    from heedful.demo import simulate
    from heedful.project import open as open_project

    began = time.monotonic()
    with bars() as shown:
        shown.add_task(f"simulating a year of {customers:,} customers", total=None)
        simulate(directory, customers=customers, seed=seed)
    project = open_project(directory)
    done = imported(project, [])
    annotate(project)
    readings = sum(one.readings for one in refreshed(project))
    run = looked(project)
    rows = sum(one.inserted for one in done)
    rejected = sum(one.rejected for one in done)
    out.print(f"\n[bold]{project.name}[/bold]: every number below is simulated.\n")
    show_scores(project)
    _show_findings(project)
    err.print(
        f"\n{rows:,} rows imported ({rejected} rejected), {readings:,} readings,"
        f" {run.open} findings, "
        f"{time.monotonic() - began:.0f} s, in {directory}/",
        markup=False,
    )
    err.print("\nLook around:")
    for command in (
        f"cd {directory}",
        "heedful serve",
        "heedful findings",
        "heedful readings csat_ai reopen_rate resolution_time",
        "heedful readings form_abandonment --by device",
        "heedful explain reopen_rate",
        'heedful sql "SELECT kpi, count(*) FROM readings GROUP BY ALL"',
        "heedful rejected",
    ):
        err.print(f"  {command}", markup=False)


def _show_findings(project: Project) -> None:
    """Print what stands out, a line each."""
    found = project.findings.open()
    if found:
        out.print("\n[bold]What stands out[/bold]")
    for one in found:
        out.print(f"{one.rank}. {one.title}", markup=False)


def annotate(project: Project) -> None:
    """Write down what the simulated company did."""
    path = project.root / "annotations.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            moment = datetime.fromisoformat(row["at"])
            project.annotations.add(row["text"], moment, row["kind"], row["stage"] or None)  # type: ignore[arg-type]


def show_scores(project: Project) -> None:
    """Print the score by month, by stage, and what it is made of."""
    scores: list[Score] = project.scorecard.scores(grain="month")
    totals = [one for one in scores if one.stage is None and one.score is not None][-9:]
    if not totals:
        err.print("No score: too little data. Try more customers.")
        return
    last = totals[-1]
    out.print("[bold]Empathy score by month[/bold]")
    score_table(totals)
    out.print("\n[bold]Latest month by stage of the journey[/bold]")
    order = project.definitions.settings.stages
    stages = [one for one in scores if one.stage and one.period_start == last.period_start]
    score_table(sorted(stages, key=lambda one: order.index(one.stage or "")))
    contribution_table(last)
