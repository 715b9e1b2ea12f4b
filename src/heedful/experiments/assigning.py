"""Which variant a unit gets: the same for the same id, always, without anything being stored.

What decides is the id of the unit and, of the experiment, its id (the seed of its draw), the
order and weights of its variants, its share, population, group and holdout. Days do not: see
`Assigned.opens`. Nor does `after`: a staged test says what was known before it and so only orders
experiments; to build on a variant, restrict the population to those who have it.

The experiment's own draw gives each unit a number of 0 up to 1. Variant i gets the range that
starts where the weights before it end, and is share times its weight long. A share that is raised
therefore never moves a unit that was in, whatever the weights.

A group has a draw of its own, and each of its experiments a range of it. A standing holdout is an
experiment: those its own draw puts on its control, the part that is held out, are in no
experiment that names it, on any day. Ranges, draws and conditions are GrowthBook's:
https://docs.growthbook.io/lib/build-your-own
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heedful.definitions.experiment import Experiment
from heedful.definitions.problem import Problem, ProjectError
from heedful.experiments.hashing import BUCKETS, bucket, buckets
from heedful.experiments.population import Population, fits, value_fits

Why = Literal["no_id", "outside_population", "held_out", "outside_group", "outside_share"]
Range = tuple[float, float]
"""From, and up to but without."""

ATTRIBUTES = {"customer": "id", "account": "account_id"}
"""Kind of unit to the attribute that holds its id."""

WORDS: dict[Why, str] = {
    "no_id": "it has no id to draw by: a text, or a whole number other than 0",
    "outside_population": "it does not belong to the population",
    "held_out": "the standing holdout holds it out",
    "outside_group": "another part of the group has it",
    "outside_share": "it is outside the share that takes part",
}
"""Why a unit gets no variant, for people."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a unit gets.

    Attributes:
        experiment: The experiment.
        variant: Its variant; None if the unit does not take part.
        why: Why it does not; the first reason of those in `WORDS`.
        bucket: What the experiment's draw gave, 0 to 0.9999; None without an id.
        opens: The first day on which this counts.
        closes: The first day on which it does not any more.
    """

    experiment: str
    variant: str | None
    why: Why | None
    bucket: float | None
    opens: date
    closes: date


@dataclass(frozen=True, slots=True)
class Assignments:
    """What many units get, each array of shape (n,).

    Attributes:
        variants: The name of the variant, or None.
        why: None, or why there is no variant.
    """

    variants: NDArray[np.object_]
    why: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Filter:
    """A draw that comes before the experiment's own and lets only some through.

    Attributes:
        seed: Of the draw.
        attribute: The attribute that holds the id to draw by.
        ranges: Who gets through.
        why: What is said of the others.
        population: Whom it is put to; all others get through.
    """

    seed: str
    attribute: str
    ranges: tuple[Range, ...]
    why: Why
    population: Population


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything that decides what a unit gets.

    Attributes:
        experiment: The experiment.
        attribute: The attribute that holds the id to draw by.
        ranges: The range of each variant, in their order.
        filters: What comes first.
    """

    experiment: Experiment
    attribute: str
    ranges: tuple[Range, ...]
    filters: tuple[Filter, ...]


def bucket_ranges(weights: Sequence[float], share: float = 1.0) -> tuple[Range, ...]:
    """Return the range of buckets of each variant.

    Args:
        weights: Of the variants, in their order; together 1.
        share: Of the units that take part.

    Raises:
        ValueError: The weights are more than 0.01 off 1. SDKs would silently take equal ones.

    Examples:
        >>> bucket_ranges([0.4, 0.6], 0.5)
        ((0, 0.2), (0.4, 0.7))
    """
    # Added from the left, as the SDKs do, or an end could differ in its last digit.
    *starts, total = accumulate(weights, initial=0)
    if not 0.99 <= total <= 1.01:
        raise ValueError(f"the weights of the variants add up to {total:g}; they must add up to 1")
    return tuple(
        (start, start + share * weight) for start, weight in zip(starts, weights, strict=True)
    )


def chosen(at: float, ranges: Sequence[Range]) -> int | None:
    """Return which range holds a bucket; None if none does.

    Examples:
        >>> chosen(0.25, [(0, 0.25), (0.5, 0.75)]), chosen(0.5, [(0, 0.25), (0.5, 0.75)])
        (None, 1)
    """
    return next((i for i, (low, high) in enumerate(ranges) if low <= at < high), None)


def rule(experiment: Experiment, experiments: Mapping[str, Experiment]) -> Rule:
    """Return all that decides what a unit gets in an experiment.

    Args:
        experiment: The experiment.
        experiments: Id to experiment; its holdout must be there.

    Raises:
        ProjectError: Its holdout cannot be one.
        ValueError: The weights do not add up to 1; `heedful check` says so beforehand.
    """
    attribute = ATTRIBUTES[experiment.unit]
    filters = []
    if experiment.holdout is not None:
        filters.append(_held_out(experiment, experiments.get(experiment.holdout)))
    if experiment.group is not None and experiment.group_range is not None:
        # Prefixed: an experiment named like the group would otherwise have the same draw, and the
        # group's range would decide the variant.
        seed = f"group:{experiment.group}"
        filters.append(Filter(seed, attribute, (experiment.group_range,), "outside_group", {}))
    return Rule(experiment, attribute, _ranges(experiment), tuple(filters))


def assign(
    experiment: Experiment,
    experiments: Mapping[str, Experiment],
    id: str | int,  # noqa: A002 - what everything else calls it
    attributes: Mapping[str, object] | None = None,
) -> Assigned:
    """Return which variant a unit gets, or why none; see above for what decides.

    Args:
        experiment: The experiment.
        experiments: Id to experiment, as the project has them.
        id: The unit: a customer's id, or an account's where accounts are assigned.
        attributes: What is known of the unit; must hold what the population asks for and, for
            customers under a holdout of accounts, `account_id`.

    Raises:
        ProjectError: Its holdout cannot be one.
    """
    by = rule(experiment, experiments)
    known = {**(attributes or {}), by.attribute: id}
    text = _text(id)
    at = bucket(experiment.id, text) if text else None
    index = None if at is None else chosen(at, by.ranges)
    why = _why_not(by, known) or (None if index is not None else "outside_share")
    return Assigned(
        experiment=experiment.id,
        variant=None if why or index is None else experiment.variants[index].name,
        why=why,
        bucket=at,
        opens=experiment.start,
        closes=experiment.closes,
    )


def assign_all(
    experiment: Experiment,
    experiments: Mapping[str, Experiment],
    ids: Sequence[str | int] | NDArray[np.str_],
    attributes: Mapping[str, Sequence[object]] | None = None,
) -> Assignments:
    """Return what `assign` returns, for many units at once: a million in about a second.

    Args:
        experiment: The experiment.
        experiments: Id to experiment, as the project has them.
        ids: The units, shape (n,).
        attributes: Attribute to its value for each unit, shape (n,).

    Raises:
        ProjectError: Its holdout cannot be one.
    """
    by = rule(experiment, experiments)
    columns = {**(attributes or {}), by.attribute: ids}
    texts = _texts(ids)
    none = [""] * len(texts)
    reasons = tuple(WORDS)
    placed = _placed(buckets(experiment.id, texts), by.ranges)
    code = np.full(len(texts), -1, np.int8)

    def refuse(units: NDArray[np.bool_], why: Why) -> None:
        code[units & (code < 0)] = reasons.index(why)

    refuse(_empty(texts), "no_id")
    refuse(~_all_fit(experiment.population, columns, len(texts)), "outside_population")
    for one in by.filters:
        asked = _all_fit(one.population, columns, len(texts))
        others = _texts(columns.get(one.attribute, none))
        refuse(asked & _empty(others), "no_id")
        refuse(asked & (_placed(buckets(one.seed, others), one.ranges) < 0), one.why)
    refuse(placed < 0, "outside_share")
    names = np.array([*(variant.name for variant in experiment.variants), None], object)
    words = np.array([*reasons, None], object)
    return Assignments(names[np.where(code < 0, placed, -1)], words[code])


def bucket_counts(experiment: Experiment) -> dict[str, int]:
    """Return how many of the 10,000 buckets each variant really has.

    Where share times weight is no whole number of buckets, variants get up to one more or less
    than planned: at a share of 0.1%, 4, 3 and 3 of equal thirds. Units then fall as these counts
    are to each other, and a test of the sample ratio has to know it.
    """
    placed = _placed(np.arange(BUCKETS) / BUCKETS, _ranges(experiment))
    return {
        variant.name: int(np.count_nonzero(placed == i))
        for i, variant in enumerate(experiment.variants)
    }


def _ranges(experiment: Experiment) -> tuple[Range, ...]:
    return bucket_ranges(list(experiment.weights.values()), experiment.share)


def _held_out(experiment: Experiment, holdout: Experiment | None) -> Filter:
    file = f"experiments/{experiment.id}.yaml"
    named = f'holdout "{experiment.holdout}"'
    if holdout is None or holdout.id == experiment.id or holdout.design != "holdout":
        allowed = "allowed: another experiment, of design holdout"
        raise ProjectError([Problem(file, 1, f"{named} is no standing holdout", allowed)])
    if holdout.holdout is not None or holdout.group is not None:
        found = f"{named} itself has a {'group' if holdout.group else 'holdout'}"
        raise ProjectError([Problem(file, 1, found, "take it away there, or name another")])
    index = [variant.name for variant in holdout.variants].index(holdout.controlled)
    low, high = _ranges(holdout)[index]
    through = tuple((a, b) for a, b in ((0.0, low), (high, 1.0)) if a < b)
    return Filter(holdout.id, ATTRIBUTES[holdout.unit], through, "held_out", holdout.population)


def _why_not(by: Rule, known: Mapping[str, object]) -> Why | None:
    if not _text(known[by.attribute]):
        return "no_id"
    if not fits(by.experiment.population, known):
        return "outside_population"
    for one in by.filters:
        if not fits(one.population, known):
            continue
        other = _text(known.get(one.attribute))
        if not other:
            return "no_id"
        if chosen(bucket(one.seed, other), one.ranges) is None:
            return one.why
    return None


def _text(value: object) -> str:
    """An id as the SDKs hash it, or nothing: to JavaScript 77.0 is 77, and 0 is no id."""
    if isinstance(value, str):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        return str(int(number)) if number.is_integer() and 0 < abs(number) < 2**53 else ""
    return ""


def _texts(values: Sequence[object] | NDArray[np.str_]) -> list[str]:
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    return [value if type(value) is str else _text(value) for value in listed]


def _empty(texts: list[str]) -> NDArray[np.bool_]:
    return np.fromiter((not text for text in texts), bool, len(texts))


def _all_fit(
    population: Population, columns: Mapping[str, Sequence[object] | NDArray[np.str_]], count: int
) -> NDArray[np.bool_]:
    good = np.ones(count, bool)
    for name, values in population.items():
        column = name.split(".")[0]
        if column not in columns:
            return np.zeros(count, bool)
        # A column has few different texts; what is no text may not even be hashable.
        texts = {one for one in columns[column] if type(one) is str}
        fitting = {one: value_fits(name, values, {column: one}) for one in texts}
        good &= np.fromiter(
            (
                fitting[one] if type(one) is str else value_fits(name, values, {column: one})
                for one in columns[column]
            ),
            bool,
            count,
        )
    return good


def _placed(at: NDArray[np.float64], ranges: Sequence[Range]) -> NDArray[np.intp]:
    placed = np.full(at.shape, -1, np.intp)
    for i, (low, high) in enumerate(ranges):
        placed[(placed < 0) & (low <= at) & (at < high)] = i
    return placed


__all__ = [
    "ATTRIBUTES",
    "WORDS",
    "Assigned",
    "Assignments",
    "Filter",
    "Rule",
    "Why",
    "assign",
    "assign_all",
    "bucket_counts",
    "bucket_ranges",
    "chosen",
    "rule",
]
