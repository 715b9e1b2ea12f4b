"""How fast the whole street is, from files to readings, beside a ruler.

The ruler is one `GROUP BY customer, day` over all events in DuckDB. Everything is measured in one
run, each step in a process of its own, so that its peak of memory is its own. Beside it stand the
weekly KPIs of sessions and forms as one would write them by hand in Polars.

Run with `python benchmarks/street_speed.py [SHARE]`: 1 is 20 million events, 2 million tickets,
2 million answers and 500,000 customers; 0.05 a twentieth of it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from street_data import DIMENSIONS, Size, draw

FACTS = {
    "sessions",
    "form_attempts",
    "page_steps",
    "first_visits",
    "help_visits",
    "survey_answers",
    "ticket_handling",
    "memberships",
    "lifetimes",
    "first_value",
}


def kpis() -> dict[str, str]:
    """Every KPI of the catalogue that these tables feed, broken down by all dimensions."""
    from ruamel.yaml import YAML

    import heedful

    folder = Path(heedful.__file__).parent / "kpis" / "catalogue"
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        known = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        if known.get("planned") or known.get("fact") not in FACTS:
            continue
        text = f"owner: cx\nplaybook: do\nbreakdowns: [{', '.join(DIMENSIONS)}]\n"
        if known["threshold"]["rule"] == "below_target":
            text += "target: 0.8\n"
        found[path.stem] = text
    return found


def ruler(folder: Path) -> str:
    """Group all events by customer and day, three times; the best counts."""
    import duckdb

    from heedful.store.lake import Lake

    files = Lake(folder / "data" / "tables").files("events")
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        duckdb.execute(
            "SELECT COUNT(*) FROM (SELECT customer_id, CAST(occurred_at AS DATE) AS day, COUNT(*)"
            f" FROM read_parquet({list(files)}, hive_partitioning = false) GROUP BY ALL)"
        ).fetchall()
        best = min(best, time.perf_counter() - begin)
    return f"{best:.2f}"


def imported(folder: Path) -> str:
    """Import every source."""
    import heedful

    rows = sum(done.inserted for done in heedful.open(folder).tables.import_())
    return f"{rows:,} rows"


def refreshed(folder: Path) -> str:
    """Refresh facts and readings."""
    from heedful.definitions.project_files import load
    from heedful.facts.catalogue import facts
    from heedful.kpis.refresh import Refresh
    from heedful.project.project import CATALOGUE
    from heedful.store.lake import Lake

    definitions = load(folder, CATALOGUE).valid()
    data = definitions.data
    lakes = (Lake(data / "tables"), Lake(data / "facts"), Lake(data / "books"))
    done = Refresh(definitions, facts(folder / "facts"), *lakes).run()
    return f"{sum(one.readings for one in done):,} readings"


def by_hand(folder: Path) -> str:
    """Weekly bounce rate, engaged sessions and form abandonment, in Polars, without intervals."""
    import polars as pl

    events = pl.scan_parquet(str(folder / "exports" / "events" / "*.parquet"))
    gap = pl.duration(minutes=30)
    acts = (
        events.select("customer_id", "occurred_at", "event", "page")
        .sort("customer_id", "occurred_at")
        .with_columns(
            (
                (pl.col("customer_id") != pl.col("customer_id").shift())
                | (pl.col("occurred_at") - pl.col("occurred_at").shift() >= gap)
            )
            .fill_null(value=True)
            .cum_sum()
            .alias("session")
        )
    )
    sessions = (
        acts.group_by("session")
        .agg(
            pl.col("occurred_at").min().alias("at"),
            pl.col("occurred_at").max().alias("last"),
            (pl.col("event") == "Page Viewed").sum().alias("pages"),
        )
        .with_columns((pl.col("last") - pl.col("at")).dt.total_seconds().alias("seconds"))
        .group_by(pl.col("at").dt.truncate("1w"))
        .agg(
            ((pl.col("pages") == 1) & (pl.col("seconds") < 10)).mean().alias("bounced"),
            ((pl.col("pages") >= 2) | (pl.col("seconds") >= 10)).mean().alias("engaged"),
        )
    )
    forms = (
        events.filter(pl.col("event").is_in(["Form Started", "Form Submitted"]))
        .select("customer_id", "occurred_at", "event")
        .sort("customer_id", "occurred_at")
        .with_columns(
            (
                (pl.col("event").shift(-1) == "Form Submitted")
                & (pl.col("customer_id").shift(-1) == pl.col("customer_id"))
                & (pl.col("occurred_at").shift(-1) - pl.col("occurred_at") <= gap)
            )
            .fill_null(value=False)
            .alias("submitted")
        )
        .filter(pl.col("event") == "Form Started")
        .group_by(pl.col("occurred_at").dt.truncate("1w"))
        .agg((~pl.col("submitted")).mean().alias("abandoned"))
    )
    weeks = pl.collect_all([sessions, forms])
    return f"{weeks[0].height + weeks[1].height} weeks"


STEPS = {"ruler": ruler, "import": imported, "refresh": refreshed, "by hand": by_hand}


def measured(folder: Path, what: str) -> dict[str, object]:
    """Do one step; how long it took, and the most memory it held."""
    begin, cpu = time.perf_counter(), time.process_time()
    done = STEPS[what](folder)
    return {
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "done": done,
    }


def apart(folder: Path, what: str) -> dict[str, object]:
    """Do one step in a process of its own."""
    out = subprocess.run(
        [sys.executable, __file__, "--step", what, str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return dict(json.loads(out.stdout.splitlines()[-1]))


def shell(folder: Path, *command: str) -> dict[str, object]:
    """A command as it is typed, the best of three."""
    took = []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "heedful", *command, "-p", str(folder)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        took.append(time.perf_counter() - begin)
    return {"seconds": min(took), "cpu": 0.0, "peak": 0, "done": ""}


def show(label: str, found: dict[str, object], ruled: float) -> None:
    """One line of the table."""
    seconds, cpu, peak = (float(str(found[name])) for name in ("seconds", "cpu", "peak"))
    more = f" {cpu:.1f} | {peak:,.0f} |" if peak else " | |"
    print(
        f"| {label} | {seconds:.1f} | {seconds / ruled:.1f} |{more} {found['done']} |", flush=True
    )


def main(share: float) -> None:
    """Draw, and measure step after step."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("HEEDFUL_BENCH")) as place:
        folder = Path(place) / "company"
        draw(folder, Size().shrunk(1 / share), kpis())
        found = apart(folder, "import")
        held = apart(folder, "ruler")
        ruled = float(str(held["done"]))
        print("| what | seconds | rulers | CPU s | peak MB | |\n|---|---|---|---|---|---|")
        show("ruler: GROUP BY customer, day", {**held, "seconds": ruled, "done": ""}, ruled)
        show("import", found, ruled)
        show("full refresh", apart(folder, "refresh"), ruled)
        show("sessions and forms by week, by hand in Polars", apart(folder, "by hand"), ruled)
        for table in ("events", "tickets", "responses"):
            for file in (folder / "more" / table).iterdir():
                shutil.move(file, folder / "exports" / table / file.name)
        show("import of one more day", apart(folder, "import"), ruled)
        show("refresh after one more day", apart(folder, "refresh"), ruled)
        show("heedful readings nps", shell(folder, "readings", "nps"), ruled)
        show("heedful score", shell(folder, "score"), ruled)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(measured(Path(sys.argv[3]), sys.argv[2])))
    else:
        main(float(sys.argv[1]) if sys.argv[1:] else 1.0)
