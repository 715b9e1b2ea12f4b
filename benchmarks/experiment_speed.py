"""How fast an experiment is analysed, beside tea-tasting and spotify-confidence on the same data.

A million units in two variants, 20 KPIs (8 shares, 6 means, 6 skewed amounts), a dimension of 10
segments, 28 days of entry. Everyone gives the difference and its 95% interval of every KPI in
total, within each segment, and as it stood on each day: 20 x (1 + 10 + 28) comparisons.

Each measurement runs in a process of its own, so that its peak of memory is its own. The clock
starts once data frames are in memory and 20,000 units were analysed, so that imports do not count.
Run with `python benchmarks/experiment_speed.py [UNITS]`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

UNITS = 1_000_000
KPIS = [f"kpi_{i}" for i in range(20)]
SEGMENTS = [f"segment {i}" for i in range(10)]
DAYS = 28
TIMES, LONG = 5, 10.0
SMALL = 20_000

Found = dict[str, tuple[float, float, float]]
"""Difference and both ends of its interval, by `scope kpi`."""

UNIFORM = "(hash(i * 31 + {seed}) / 18446744073709551615.0)"


def expression(place: int) -> str:
    """SQL of one KPI of unit `i`: a share, a mean or a skewed amount; every third has an effect."""
    one, other = UNIFORM.format(seed=place), UNIFORM.format(seed=place + 1000)
    lift = f"(1 + {0.01 * (place % 3)} * (hash(i + 7) % 2))"
    normal = f"sqrt(-2 * ln({one} + 1e-12)) * cos(6.283185307 * {other})"
    if place < 8:
        return f"CAST({one} < {0.02 + 0.1 * place} * {lift} AS TINYINT)"
    if place < 14:
        return f"{10 * place} + {place} * {normal} * {lift}"
    return f"CASE WHEN {other} < 0.3 THEN exp(2 + 1.5 * {normal}) * {lift} ELSE 0 END"


def write(path: Path, units: int) -> None:
    """Write the units as Parquet."""
    kpis = ", ".join(f"{expression(place)} AS {name}" for place, name in enumerate(KPIS))
    duckdb.execute(
        f"COPY (SELECT i AS unit, "
        f"CASE WHEN hash(i + 7) % 2 = 0 THEN 'control' ELSE 'treatment' END AS variant, "
        f"'segment ' || (hash(i + 8) % {len(SEGMENTS)}) AS segment, "
        f"DATE '2026-01-01' + CAST(hash(i + 9) % {DAYS} AS INTEGER) AS day, {kpis} "
        f"FROM range({units}) AS t(i)) TO '{path}' (FORMAT parquet)"
    )


# --- Heedful ---


def heedful(data: Any) -> Found:
    """One call; it also tests the sample ratio, families, heterogeneity and trends, and decides."""
    from heedful.experiments.flat import FlatQuestion, analyse

    asked = FlatQuestion("variant", KPIS, segments=["segment"], day="day")
    readout = analyse(data, asked)
    found = {f"total {one.kpi}": (one.difference, one.low, one.high) for one in readout.outcomes}
    for one in readout.segments:
        found[f"{one.segment} {one.kpi}"] = (one.difference, one.low, one.high)
    for one in readout.looks:
        found[f"{one.date} {one.kpi}"] = (one.difference, one.low, one.high)
    return found


# --- tea-tasting ---


def teas(scope: object, result: Any) -> Found:
    """What it found, with its intervals of the absolute difference."""
    return {
        f"{scope} {kpi}": (one.effect_size, one.effect_size_ci_lower, one.effect_size_ci_upper)
        for kpi, one in result.items()
    }


def tea_asked(data: Any, filtered: Callable[[str, object], Any]) -> Found:
    """As its guide has it: an experiment of 20 means is analysed for each part of the data."""
    import tea_tasting as tt

    experiment = tt.Experiment({kpi: tt.Mean(kpi) for kpi in KPIS}, variant="variant")
    found = teas("total", experiment.analyze(data, "control"))
    for segment in SEGMENTS:
        found |= teas(segment, experiment.analyze(filtered("segment", segment), "control"))
    for day in dates():
        found |= teas(day, experiment.analyze(filtered("day", day), "control"))
    return found


def tea_frame(data: Any) -> Found:
    """Parts of a data frame are picked by masks."""
    return tea_asked(
        data, lambda by, at: data[data[by] == at] if by == "segment" else data[data[by] <= at]
    )


def tea_duckdb(data: Any) -> Found:
    """Parts of a table of DuckDB, through Ibis, are filters."""
    return tea_asked(
        data,
        lambda by, at: data.filter(data[by] == at if by == "segment" else data[by] <= at),
    )


def tea_once(aggregates: dict[tuple[str, str, object], Any]) -> Found:
    """Not in its guide, but its parts allow it: aggregates of all cells are read once, added up."""
    import tea_tasting as tt

    experiment = tt.Experiment({kpi: tt.Mean(kpi) for kpi in KPIS}, variant="variant")
    found: Found = {}

    def compare(scope: object, chosen: dict[str, list[Any]]) -> None:
        summed = {variant: reduce(add, some) for variant, some in chosen.items()}
        found.update(teas(scope, experiment.analyze(summed, "control")))

    def by(place: int, value: object) -> dict[str, list[Any]]:
        chosen: dict[str, list[Any]] = {"control": [], "treatment": []}
        for cell, one in aggregates.items():
            if place == 0 or cell[place] == value:
                chosen[cell[0]].append(one)
        return chosen

    compare("total", by(0, None))
    for segment in SEGMENTS:
        compare(segment, by(1, segment))
    running: dict[str, list[Any]] = {"control": [], "treatment": []}
    for day in dates():
        for variant, some in by(2, day).items():
            running[variant] = [reduce(add, [*running[variant], *some])]
        compare(day, running)
    return found


def tea_frame_once(data: Any) -> Found:
    """Cells of a data frame, numbered by pandas."""
    from tea_tasting.aggr import read_aggregates

    grouped = data.groupby(["variant", "segment", "day"], sort=False)
    cells = data.assign(cell=grouped.ngroup())
    names = list(grouped.size().index)
    read = read_aggregates(
        cells, "cell", has_count=True, mean_cols=KPIS, var_cols=KPIS, cov_cols=[]
    )
    return tea_once({names[cell]: one for cell, one in read.items()})


def tea_duckdb_once(data: Any) -> Found:
    """Cells of a table of DuckDB."""
    import datetime as dt

    from tea_tasting.aggr import read_aggregates

    cells = data.mutate(cell=data.variant + "|" + data.segment + "|" + data.day.cast("string"))
    read = read_aggregates(
        cells, "cell", has_count=True, mean_cols=KPIS, var_cols=KPIS, cov_cols=[]
    )
    split = {cell: cell.split("|") for cell in read}
    return tea_once(
        {
            (variant, segment, dt.date.fromisoformat(day)): read[cell]
            for cell, (variant, segment, day) in split.items()
        }
    )


# --- spotify-confidence ---


def spotify(data: Any) -> Found:
    """It takes sums that others made: pandas makes them, once by cell, and rolls them up."""
    import pandas as pd
    from spotify_confidence import StudentsTTest

    keys = ["variant", "segment", "day"]
    values = data[KPIS].astype("float64")
    parts = pd.concat(
        {"sum": values, "squares": values**2, "count": values.notna().astype("int64")}, axis=1
    )
    cells = parts.groupby([data[key] for key in keys]).sum().stack(level=1, future_stack=True)
    cells.index.names = [*keys, "kpi"]
    cells = cells.reset_index()
    found: Found = {}
    sums = ["sum", "squares", "count"]
    by_day = cells.groupby(["variant", "kpi", "day"])[sums].sum()
    running = by_day.groupby(["variant", "kpi"]).cumsum().reset_index()
    for table, by in (
        (cells.groupby(["variant", "kpi"])[sums].sum().reset_index().assign(all="total"), "all"),
        (cells.groupby(["variant", "kpi", "segment"])[sums].sum().reset_index(), "segment"),
        (running.assign(day=running["day"].astype(str)), "day"),
    ):
        test = StudentsTTest(
            table,
            numerator_column="sum",
            numerator_sum_squares_column="squares",
            denominator_column="count",
            categorical_group_columns=["variant", "kpi", by],
        )
        result = test.difference("control", "treatment", groupby=["kpi", by])
        listed = zip(
            *(result[name] for name in (by, "kpi", "difference", "ci_lower", "ci_upper")),
            strict=True,
        )
        found |= {f"{at} {kpi}": (d, low, high) for at, kpi, d, low, high in listed}
    return found


# --- measuring ---


def dates() -> list[Any]:
    import datetime as dt

    return [dt.date(2026, 1, 1) + dt.timedelta(days=day) for day in range(DAYS)]


def frame(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


def ibis_table(path: Path) -> Any:
    import ibis

    return ibis.duckdb.connect().read_parquet(path)


WAYS: dict[str, tuple[Callable[[Any], Found], Callable[[Path], Any]]] = {
    "heedful, data frame": (heedful, frame),
    "tea-tasting, data frame": (tea_frame, frame),
    "tea-tasting, data frame, read once": (tea_frame_once, frame),
    "spotify-confidence, data frame": (spotify, frame),
    "heedful, Parquet": (heedful, Path),
    "tea-tasting, DuckDB": (tea_duckdb, ibis_table),
    "tea-tasting, DuckDB, read once": (tea_duckdb_once, ibis_table),
}
FIRST = "tea-tasting, data frame"


def measured(folder: Path, way: str, units: int) -> dict[str, Any]:
    """Analyse in one way; how long it took at best, the most memory it held, what it found."""
    warnings.simplefilter("ignore")
    work, opened = WAYS[way]
    work(opened(folder / f"{SMALL}.parquet"))
    data = opened(folder / f"{units}.parquet")
    took, worked = [], []
    # What takes long is measured once: on a busy machine that errs little.
    while len(took) < TIMES and sum(took) < LONG:
        begin, busy = time.perf_counter(), time.process_time()
        found = work(data)
        took.append(time.perf_counter() - begin)
        worked.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": min(took), "cpu": min(worked), "peak": peak, "found": found}


def run(folder: Path, way: str, units: int) -> dict[str, Any]:
    command = [sys.executable, __file__, str(folder), way, str(units)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{way}: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def apart(found: Found, first: Found) -> tuple[float, float]:
    """Largest deviation of differences and of ends, as shares of the width of the interval."""
    if set(found) != set(first):
        sys.exit(f"other comparisons: {sorted(set(found) ^ set(first))[:5]}")
    both = np.array([[found[key], first[key]] for key in first])
    width = (both[:, 1, 2] - both[:, 1, 1])[:, None]
    off = np.abs(both[:, 0] - both[:, 1]) / width
    return float(off[:, 0].max()), float(off[:, 1:].max())


def figures(one: dict[str, Any]) -> str:
    return f"{one['seconds']:>8.2f}{one['cpu']:>8.2f}{one['peak']:>9,}"


def main() -> None:
    if len(sys.argv) > 2:
        print(json.dumps(measured(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
        return
    units = int(sys.argv[1]) if len(sys.argv) > 1 else UNITS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes: Iterable[int] = sorted({SMALL, units // 4, units, 4 * units})
        for size in sizes:
            write(folder / f"{size}.parquet", size)
        cells = 1 + len(SEGMENTS) + DAYS
        print(f"{units:,} units, {len(KPIS)} KPIs x {cells} comparisons\n")
        head = f"{'':<36}{'seconds':>8}{'CPU s':>8}{'peak MB':>9}{'off by: difference, ends':>26}"
        print(head, flush=True)
        results = {way: run(folder, way, units) for way in WAYS}
        for way, one in results.items():
            off = apart(one["found"], results[FIRST]["found"])
            shown = "" if way == FIRST else f"{off[0]:>18.0e}{off[1]:>8.0e}"
            print(f"{way:<36}{figures(one)}{shown}", flush=True)
        print("\nmemory by units: heedful, Parquet")
        for size in (units // 4, units, 4 * units):
            one = run(folder, "heedful, Parquet", size)
            print(f"{size:>36,}{figures(one)}", flush=True)


if __name__ == "__main__":
    main()
