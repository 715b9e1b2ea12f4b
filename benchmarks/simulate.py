"""Measure how well every interval holds, and publish it in docs/statistics.md and docs/findings.md.

python benchmarks/simulate.py                     all tables, written into the page
python benchmarks/simulate.py --part experiments  those of experiments, written into the page
python benchmarks/simulate.py --only shares       one table, printed only
python benchmarks/simulate.py --runs 200          a quick look, printed only
"""

import argparse
import time
from collections.abc import Callable, Iterable
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from simulation import adjusting, drivers, experiments, findings, looks, verdicts
from simulation.changes import changes_table, scores_table
from simulation.draw import POOR, Table
from simulation.levels import (
    cells_table,
    lifetimes_table,
    means_table,
    nps_table,
    products_table,
    quantiles_table,
    shares_table,
    sums_table,
    weights_table,
)

DOCS = Path(__file__).parents[1] / "docs"
RUNS = 2000
READINGS, EXPERIMENTS, FINDINGS, DRIVERS = "readings", "experiments", "findings", "drivers"
PAGES = {
    READINGS: DOCS / "statistics.md",
    EXPERIMENTS: DOCS / "statistics.md",
    FINDINGS: DOCS / "findings.md",
    DRIVERS: DOCS / "statistics.md",
}


class Section(NamedTuple):
    """A table with its title and what was drawn."""

    title: str
    says: str
    make: Callable[[int], Table]
    part: str = READINGS


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
    "cells": Section(
        "Kaplan-Meier of many cells at once",
        "As above, with the jackknife at 48 event times of each sample, however many there are: "
        "this is what a refresh computes. Half as many samples.",
        cells_table,
    ),
    "weights": Section(
        "Weights",
        "Lognormal weights of customers, correlated by 0.5 with the answer: what counts is the "
        "population that they stand for.",
        weights_table,
    ),
    "products": Section(
        "Products",
        "Open deals x share won x mean deal / mean days, each from its own rows of the same "
        "accounts; the total of open deals is random too.",
        products_table,
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
    "differences": Section(
        "Differences and relative differences",
        "The treated are 10% higher. `CV`: lognormal amounts, one number a unit. Half as many "
        "samples for the largest groups.",
        experiments.means_table,
        EXPERIMENTS,
    ),
    "ratios": Section(
        "Ratios whose units have several rows",
        "Clicks per visit: 5 visits a unit, heavy visitors clicking more. Amounts: 3 orders a "
        "unit, half of the variance of the logarithm is the unit's; `CV` of an order.",
        experiments.ratios_table,
        EXPERIMENTS,
    ),
    "differing quantiles": Section(
        "Differences of quantiles",
        "Lognormal rows, the treated 10% higher; and whole numbers without any effect, with a step "
        "right at the median. Half as many samples.",
        experiments.quantiles_table,
        EXPERIMENTS,
    ),
    "staying": Section(
        "Differences of Kaplan-Meier and restricted means",
        "Exponential times; the hazard of the treated is 20% lower. `stay`: share of the control "
        "that is left at the time asked for. Half as many samples for 5,000 units.",
        experiments.lifetimes_table,
        EXPERIMENTS,
    ),
    "looks": Section(
        "False alarms by looks",
        "Percent of experiments without any effect in which any look shows one; **bold** above 7. "
        "60 looks are evenly spread over the planned units, 10 are every sixth of them. "
        "`sequence`: confidence sequence; `from 100 units` leaves out the minimum in the smaller "
        "group. `spending`: alpha spending.",
        looks.looks_table,
        EXPERIMENTS,
    ),
    "seeing": Section(
        "What looking costs",
        "Percent of experiments in which any look shows the effect: 4,000 planned units, half of "
        "them treated, CV 1. Half as many samples. The fixed horizon with 10 and 60 looks shows "
        "effects that are not there: see the first line.",
        looks.power_table,
        EXPERIMENTS,
    ),
    "covariates": Section(
        "Covariates",
        "The same KPI before the exposure, and ten covariates that say nothing. Units gained: "
        "variance of plain over that of adjusted differences; expected: 1 / (1 - correlation²). "
        "Power: plain / adjusted.",
        adjusting.covariates_table,
        EXPERIMENTS,
    ),
    "strata": Section(
        "Post-stratification",
        "Five strata with means 0 to 2; within each the standard deviation is 0.7. Expected: all "
        "variance over that within strata.",
        adjusting.strata_table,
        EXPERIMENTS,
    ),
    "margins": Section(
        "Guardrails",
        "Percent called not inferior though they are worse by exactly the margin of 5% (2.5 would "
        "be ideal), and where nothing is worse.",
        verdicts.margins_table,
        EXPERIMENTS,
    ),
    "families": Section(
        "Families",
        "Ten metrics, alike by 0.5 within a unit, in five segments of 200 units a group; true "
        "effects are 0.2 standard deviations. Percent.",
        verdicts.families_table,
        EXPERIMENTS,
    ),
    "capping": Section(
        "Capping",
        "Lognormal amounts cut at a quantile of both groups together; the treated are 10% higher.",
        adjusting.capping_table,
        EXPERIMENTS,
    ),
    "winners": Section(
        "Winners",
        "Experiments with a standard error of 1, of which those that show a positive effect at 5% "
        "are taken; shrunk together with all others.",
        verdicts.winners_table,
        EXPERIMENTS,
    ),
    "calm": Section(
        "Projects in which nothing happens",
        "How much weeks vary is said in standard deviations of sampling; they are autocorrelated "
        "by 0.3 but in the first two; 400 customers a week and series on average.",
        findings.calm_table,
        FINDINGS,
    ),
    "steps": Section(
        "Projects in which four KPIs step",
        "Steps in week 30 to 35 in 4 of 40 series, half of them up, half down, in projects whose "
        "weeks vary as much as sampling and are autocorrelated by 0.3.",
        findings.power_table,
        FINDINGS,
    ),
    "drivers": Section(
        "Associations of experiences",
        "In percent. Tenure, segment and use "
        "go with both the experience and the outcome; nothing does in truth, but for the columns "
        "of an effect (5 points, or 3 on a mean of about 15). `seen`: the interval lies above 0. "
        "The hidden confounder is as strong as one of the three.",
        drivers.drivers_table,
        DRIVERS,
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


def publish(part: str, text: str) -> None:
    begin, end = (f"<!-- simulated {part}: {edge} -->" for edge in ("begin", "end"))
    page = PAGES[part].read_text(encoding="utf-8")
    before, rest = page.split(begin)
    after = rest.split(end)[1]
    PAGES[part].write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def says(part: str, runs: int) -> str:
    text = (
        f"{runs:,} samples a number: Monte Carlo standard error {error(runs):.1f} points near 95% "
        f"(half as many samples, {error(runs // 2):.1f} points, "
    )
    text += (
        "for medians and staying under changes, and for 5,000 customers under Kaplan-Meier). "
        if part == READINGS
        else "where the text says so). "
    )
    if part == DRIVERS:
        return (
            f"{runs // 4:,} samples a number: Monte Carlo standard error {error(runs // 4):.1f} "
            f"points near 95%; {runs // 8:,} for 5,000 customers: {error(runs // 8):.1f}."
        )
    return text + (
        "Coverage in percent, in brackets truth below / above the interval; "
        f"**bold** under {POOR:.0f}%."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(SECTIONS), help="one table, printed only")
    parser.add_argument("--part", choices=list(PAGES), help="the tables of one part")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"samples a number ({RUNS})")
    options = parser.parse_args()
    runs = options.runs
    for part in PAGES:
        lines = [] if part == FINDINGS else [says(part, runs)]
        for name, section in SECTIONS.items():
            if section.part != part or options.part not in (None, part):
                continue
            if options.only not in (None, name):
                continue
            start = time.perf_counter()
            table = section.make(runs)
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
            lines += ["", f"### {section.title}", "", section.says, "", *markdown(table)]
        if len(lines) > 1:
            print("\n".join(lines))
            if options.only is None and runs == RUNS:
                publish(part, "\n".join(lines))


if __name__ == "__main__":
    main()
