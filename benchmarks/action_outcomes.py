"""Measure how often "better" or "worse" is said of an action after which nothing changed.

Writes the table of docs/actions.md anew.

python benchmarks/action_outcomes.py             1,000 histories a row, written into the page
python benchmarks/action_outcomes.py --runs 100  a quick look, printed only
"""

import argparse
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from heedful import stats
from heedful.actions.effect import outcome
from heedful.definitions.kpi import CatalogueKpi
from heedful.kpis.reported import STORED
from heedful.kpis.shelf import Shelf
from heedful.ledger.action import Action

PAGE = Path(__file__).parents[1] / "docs" / "actions.md"
BEGIN, END = "<!-- simulated -->\n", "<!-- end -->"
RUNS = 1000
WEEKS, DONE, LEVEL = 34, 30, 0.70
FIRST = date(2026, 1, 5)
WEEK = timedelta(days=7)
NOW = datetime(2026, 12, 1, tzinfo=UTC)

KPI = CatalogueKpi.model_validate(
    {
        "id": "csat",
        "title": "Satisfaction",
        "says": "s",
        "layer": "experience",
        "timing": "lagging",
        "better": "higher",
        "fact": "f",
        "measure": {"share": "y"},
        "threshold": {"rule": "change", "by": 0.1},
    },
    strict=False,
)
ACTION = Action(
    id=1,
    title="t",
    owner="cx",
    due=FIRST,
    state="done",
    finding=None,
    kpi="csat",
    stage=None,
    dimension=None,
    segment=None,
    grain="week",
    value=None,
    expected=None,
    pattern=None,
    playbook=None,
    made_by="a",
    made_at=NOW,
    done_on=FIRST + DONE * WEEK,
)


def history(rng: np.random.Generator, between: float, change: float, rows: float) -> list[dict]:
    """Weekly readings of a share that varies by itself, and changes when the action is done."""
    truth = LEVEL + between * rng.standard_normal(WEEKS)
    truth[DONE:] += change
    x = rng.poisson(rows / 64, (WEEKS, 64)) + 1
    y = rng.binomial(x, np.clip(truth, 0.01, 0.99)[:, None])
    found = stats.shares(y, x, x, np.ones_like(x))
    return [
        {
            "kpi": "csat",
            "grain": "week",
            "period_start": FIRST + week * WEEK,
            "period_end": FIRST + (week + 1) * WEEK,
            "complete": True,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "n": int(x[week].sum()),
            "customers": 64,
            "weighted_n": float(x[week].sum()),
            "unit": "share",
            "method": one.method,
            "definition_hash": "a",
            "reported_at": NOW,
            "replicates": one.replicates.tolist(),
        }
        for week, one in enumerate(found)
    ]


def called(rows: list[dict]) -> str | None:
    """The verdict on the action."""
    filled = [{field.name: row.get(field.name) for field in STORED} for row in rows]
    return outcome(Shelf(pa.Table.from_pylist(filled, schema=STORED)), ACTION, KPI).verdict


def table(runs: int) -> str:
    """How often a change is called, by how much weeks vary by themselves."""
    heads = (
        "weeks vary by (SD)",
        "no change, usual variation known",
        "no change, sampling error only",
        "a rise of 6 points is seen",
    )
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|"]
    for between in (0.0, 0.015, 0.03, 0.06):
        rng = np.random.default_rng(7)
        counts = [0, 0, 0]
        for _ in range(runs):
            still = history(rng, between, 0.0, 640)
            counts[0] += called(still) != "unclear"
            counts[1] += called(still[DONE - 4 :]) != "unclear"
            counts[2] += called(history(rng, between, 0.06, 640)) == "better"
        shares = " | ".join(f"{100 * count / runs:.1f}%" for count in counts)
        lines.append(f"| {100 * between:.1f} points | {shares} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int)
    runs = parser.parse_args().runs
    found = table(runs or RUNS)
    print(found)
    if runs is None:
        text = PAGE.read_text("utf-8")
        head, rest = text.split(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}{found}{END}{rest.split(END, 1)[1]}", "utf-8")


if __name__ == "__main__":
    main()
