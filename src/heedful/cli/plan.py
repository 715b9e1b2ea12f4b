"""A plan in the terminal: the sentence first, then what each outcome needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heedful.cli.printing import as_table, err, out
from heedful.experiments.wording import NOTHING, amount, difference, percent, relative

if TYPE_CHECKING:
    from heedful.experiments.planning import ExperimentPlan, PlannedOutcome

BAR = 20
LEAST_GAIN = 0.005
"""Less than this of the variance is not worth a figure."""


def print_plan(plan: ExperimentPlan) -> None:
    """Print a plan.

    Args:
        plan: The plan.
    """
    words = {"enough": "Enough", "too_short": "Too short", "unknown": "Not decided"}
    out.print(f"[bold]{words[plan.state]}.[/bold] {plan.sentence}\n")
    days = (plan.end - plan.start).days
    out.print(
        f"  runs      {plan.start} to {plan.end}, {days} days; all windows passed {plan.known_on}",
        markup=False,
    )
    out.print(
        f"  traffic   {plan.traffic_units:,} units in {plan.traffic_days} days from "
        f"{plan.traffic_from}: {plan.traffic_said}",
        markup=False,
    )
    out.print(f"  expected  {plan.expected_units:,} units by the planned end", markup=False)
    looks = "" if plan.sequential == "none" else f", {plan.inflation:.2f} times the units"
    out.print(
        f"  error     alpha {plan.alpha:.1%} over {plan.comparisons} comparisons, power "
        f"{plan.power:.0%}, looks: {plan.sequential.replace('_', ' ')}{looks}\n",
        markup=False,
    )
    heads = [
        "outcome",
        "role",
        "now",
        "to see",
        "units needed",
        "by",
        "power",
        "can see",
        "covariates",
        "window",
    ]
    as_table([_row(row) for row in plan.outcomes], heads, right=(2, 3, 4, 6, 7, 8, 9))
    if plan.power_curve:
        out.print("\n[bold]Power at the planned duration[/bold], for effects of the primary KPI")
        unit = plan.outcomes[0].unit
        as_table(
            [
                [
                    difference(point.difference, unit),
                    NOTHING if point.relative is None else relative(point.relative),
                    percent(point.power),
                    "█" * round(BAR * point.power),
                ]
                for point in plan.power_curve
            ],
            ["effect", "relative", "power", ""],
            right=(0, 1, 2),
        )
    if plan.duration_curve:
        out.print("\n[bold]What so many weeks can see[/bold]")
        unit = plan.outcomes[0].unit
        as_table(
            [
                [
                    str(point.weeks),
                    f"{point.units:,}",
                    difference(point.detectable, unit),
                    NOTHING if point.relative is None else relative(point.relative),
                    str(point.known_on),
                ]
                for point in plan.duration_curve
            ],
            ["weeks", "units", "can see", "relative", "known on"],
            right=(0, 1, 2, 3),
        )
    for warning in plan.warnings:
        err.print(f"! {warning}", markup=False)


def _row(row: PlannedOutcome) -> list[str]:
    gain = row.variance_reduction
    return [
        row.title or row.kpi,
        row.role,
        amount(row.baseline, row.unit),
        difference(row.target, row.unit),
        NOTHING if row.units is None else f"{row.units:,}",
        NOTHING if row.enough_on is None else str(row.enough_on),
        NOTHING if row.power is None else percent(row.power),
        difference(row.detectable, row.unit),
        NOTHING if gain is None or gain < LEAST_GAIN else f"−{100 * gain:.0f}%",
        f"{row.window_days} d",
    ]
