"""Measure how well every interval holds, and publish it in docs/statistics.md.

python benchmarks/simulate.py                  all tables, written into the page
python benchmarks/simulate.py --only shares    one table, printed only
python benchmarks/simulate.py --runs 200       a quick look, printed only
"""

import argparse
import time
from collections.abc import Callable, Iterable
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from simulation.changes import changes_table, scores_table
from simulation.draw import POOR, Table
from simulation.levels import (
    lifetimes_table,
    means_table,
    nps_table,
    quantiles_table,
    shares_table,
    sums_table,
)

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- simulated: begin -->", "<!-- simulated: end -->"
RUNS = 2000


class Section(NamedTuple):
    """A table with its title and what was drawn."""

    title: str
    says: str
    make: Callable[[int], Table]


SECTIONS = {
    "shares": Section(
        "Shares",
        "`alike`: correlation of two rows of a customer (beta-binomial). 5 rows is the mean of a "
        "geometric number. 20 customers show the small-sample method.",
        shares_table,
    ),
    "nps": Section(
        "Net Promoter Score",
        "Columns: promoters / detractors. `alike`: chance that an answer repeats the customer's "
        "own.",
        nps_table,
    ),
    "means": Section(
        "Means",
        "Lognormal amounts by coefficient of variation (CV) of a row; with 5 rows each, half of "
        "the variance of the logarithm is the customer's. Last column: share of samples marked "
        "`skewed`, in the order of the CVs.",
        means_table,
    ),
    "sums": Section(
        "Ratios, rates and totals",
        "Ratio: clicks per visit, visits geometric with mean 5, heavy visitors clicking more. "
        "Rate: 0.3 events a month over 0.1 to 1 month, customers' rates exponential. Totals: a "
        "Poisson number of customers.",
        sums_table,
    ),
    "quantiles": Section(
        "Quantiles",
        "Normal values (any continuous distribution gives the same), and answers from 1 to 5 of "
        "which 35% are the median. Correlation of a customer's rows: `alike`.",
        quantiles_table,
    ),
    "lifetimes": Section(
        "Kaplan-Meier",
        "Exponential times with random censoring; `stay`: true share surviving to the time asked "
        "for.",
        lifetimes_table,
    ),
    "changes": Section(
        "Changes where there is none",
        "False alarms in percent at the 95% level, in brackets called fallen / called risen. Two "
        "rows a customer on average, correlated by 0.5 within a customer, and across the periods "
        "where the customers are the same.",
        changes_table,
    ),
    "scores": Section(
        "Score",
        "Share 0.85, NPS 10, mean with CV 1, median wait and 90% staying, of the same customers "
        "(two rows each on average, correlated by 0.5 across KPIs and periods), each on a scale.",
        scores_table,
    ),
}


def markdown(table: Table) -> Iterable[str]:
    head, *rows = table
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def error(runs: int) -> float:
    """Monte Carlo standard error of a coverage near 95%, in percent."""
    return 100 * sqrt(0.95 * 0.05 / runs)


def publish(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(SECTIONS), help="one table, printed only")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"samples a number ({RUNS})")
    options = parser.parse_args()
    runs = options.runs
    lines = [
        (
            f"{runs:,} samples a number: Monte Carlo standard error {error(runs):.1f} points near "
            f"95% (half as many samples, {error(runs // 2):.1f} points, for medians and staying "
            "under changes, and for 5,000 customers under Kaplan-Meier). Coverage in percent, in "
            f"brackets truth below / above the interval; **bold** under {POOR:.0f}%."
        )
    ]
    for name, section in SECTIONS.items():
        if options.only not in (None, name):
            continue
        start = time.perf_counter()
        table = section.make(runs)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        lines += ["", f"### {section.title}", "", section.says, "", *markdown(table)]
    print("\n".join(lines))
    if options.only is None and runs == RUNS:
        publish("\n".join(lines))


if __name__ == "__main__":
    main()
