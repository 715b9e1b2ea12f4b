"""What a plan says: its sentence, and what to read with care."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment
    from heedful.experiments.history import Traffic
    from heedful.experiments.planning import PlannedOutcome

LEAST_DAYS = 28
LEAST_HISTORY = 200


def warnings(
    experiment: Experiment, rows: Sequence[PlannedOutcome], traffic: Traffic, expected: int
) -> tuple[str, ...]:
    """What to read with care.

    Args:
        experiment: The experiment.
        rows: Its outcomes, the primary one first.
        traffic: Who comes.
        expected: Units by the planned end.
    """
    length = (experiment.end - experiment.start).days
    said = list(traffic.notes)
    if traffic.days < LEAST_DAYS:
        said.append(
            f"Only {traffic.days} days of history could be used: traffic and spread may be "
            "quite different."
        )
    if traffic.units < LEAST_HISTORY:
        said.append(f"Only {traffic.units:,} units in history: numbers below are rough.")
    if length > traffic.days:
        said.append(
            f"The plan runs for {length} days, history covers {traffic.days}; beyond, the pace of "
            "its last days is taken to go on."
        )
    if rows[0].target is None:
        said.append(
            "The definition has no smallest_effect, so no number of units can be given; below is "
            "what the planned duration can see."
            if experiment.smallest_effect is None and experiment.smallest_effect_absolute is None
            else "History has no value that smallest_effect could be relative to, so no number "
            "of units can be given; write smallest_effect_absolute."
        )
    said += [
        f"{row.title or row.kpi}: {row.why}." for row in rows if row.baseline is None and row.why
    ]
    said += [
        f"{row.title or row.kpi}: its margin needs {row.units:,} units, {expected:,} are expected; "
        "it will most likely stay inconclusive, and the experiment cannot ship."
        for row in rows
        if row.role == "guardrail" and row.units is not None and row.units > expected
    ]
    if experiment.units is not None and expected and experiment.units > 1.1 * expected:
        said.append(f"{experiment.units:,} units are planned, {expected:,} are expected.")
    return tuple(said)


def sentence(experiment: Experiment, primary: PlannedOutcome, expected: int, state: str) -> str:
    """What a person would say.

    Args:
        experiment: The experiment.
        primary: Its primary outcome.
        expected: Units by the planned end.
        state: enough, too_short or unknown.
    """
    from heedful.experiments.wording import difference, relative

    length = (experiment.end - experiment.start).days
    name = primary.title or primary.kpi
    if primary.detectable is None:
        return f"History says too little about {name} to plan with."
    seen = difference(primary.detectable, primary.unit)
    if primary.detectable_relative is not None:
        seen += f" ({relative(primary.detectable_relative)})"
    if state == "unknown" or primary.units is None:
        return f"{length} days bring about {expected:,} units and can see {seen} in {name}."
    wanted = difference(primary.target, primary.unit)
    power = 0.0 if primary.power is None else primary.power
    begin = (
        f"To see {wanted} in {name} with {experiment.power:.0%} power, {primary.units:,} units are "
        f"needed; {length} days bring about {expected:,}"
    )
    if state == "enough":
        return f"{begin}. That is enough: the power is {power:.0%}."
    late = f"; enough by {primary.enough_on}" if primary.enough_on else ""
    return f"{begin}. That is too few: they can see {seen}, and the power is {power:.0%}{late}."
