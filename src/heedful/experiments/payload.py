"""What GrowthBook's SDKs read: every experiment as a feature whose value is the variant.

The shape is that of the public features endpoint, as the SDKs fetch it; the fields of a rule are
those of https://docs.growthbook.io/lib/build-your-own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zlib import crc32

from heedful.definitions.experiment import Experiment
from heedful.experiments.assigning import Filter, Rule, rule
from heedful.experiments.population import Population, condition

_MICROSECONDS = 1_000_000


def payload(
    experiments: Mapping[str, Experiment], on: date, *, every: bool = False
) -> dict[str, Any]:
    """Return what the SDKs are to read on a day.

    Every experiment is a feature of its id. Its value is the name of the variant, and the control
    for all who do not take part, on days before its start, and from the day on which it closes.

    `dateUpdated` is that day; its fraction of a second tells contents apart, because the
    JavaScript SDK takes nothing new under a `dateUpdated` that it knows.

    Args:
        experiments: Id to experiment, as the project has them.
        on: The day, in the project's timezone.
        every: Assign also in experiments that do not run on that day, to try them.

    Returns:
        What `json.dumps` takes, the same for the same definitions and day.

    Raises:
        ProjectError: The holdout of an experiment cannot be one.
    """
    features = {
        name: _feature(rule(experiment, experiments), every or runs(experiment, on))
        for name, experiment in sorted(experiments.items())
    }
    mark = crc32(json.dumps(features, sort_keys=True).encode()) % _MICROSECONDS
    updated = f"{on.isoformat()}T00:00:00.{mark:06d}Z"
    return {"status": 200, "features": features, "dateUpdated": updated}


def runs(experiment: Experiment, on: date) -> bool:
    """Return whether units enter an experiment on a day."""
    return experiment.start <= on < experiment.closes


def _feature(by: Rule, active: bool) -> dict[str, Any]:
    feature: dict[str, Any] = {"defaultValue": by.experiment.controlled}
    if active:
        feature["rules"] = [_rule(by, branch) for branch in _branches(by)]
    return feature


@dataclass(frozen=True, slots=True)
class _Branch:
    """One part of the population and the filters put to it."""

    inside: tuple[Population, ...]
    outside: tuple[Population, ...]
    filters: tuple[Filter, ...]


def _branches(by: Rule) -> Iterator[_Branch]:
    """Split the population where a filter is only put to some: a rule has no other way to say so.

    The parts do not overlap, so that a unit comes to one rule only.
    """
    population = (by.experiment.population,)
    always = tuple(one for one in by.filters if not one.population)
    some = [one for one in by.filters if one.population]
    if not some:
        yield _Branch(population, (), always)
        return
    (holdout,) = some  # a group has no population
    yield _Branch((*population, holdout.population), (), (holdout, *always))
    yield _Branch(population, (holdout.population,), always)


def _rule(by: Rule, branch: _Branch) -> dict[str, Any]:
    experiment = by.experiment
    made: dict[str, Any] = {
        "key": experiment.id,
        "name": experiment.title,
        "phase": "0",
        "seed": experiment.id,
        "hashAttribute": by.attribute,
        "hashVersion": 2,
        # What an app stored of earlier days would win over groups, holdouts and this payload.
        "disableStickyBucketing": True,
        "variations": [variant.name for variant in experiment.variants],
        "meta": [
            {"key": variant.name, "name": variant.title or variant.name}
            for variant in experiment.variants
        ],
        "weights": list(experiment.weights.values()),
        "coverage": experiment.share,
    }
    asked = _condition(branch)
    if asked:
        made["condition"] = asked
    if branch.filters:
        made["filters"] = [
            {
                "seed": one.seed,
                "attribute": one.attribute,
                "hashVersion": 2,
                "ranges": [list(ends) for ends in one.ranges],
            }
            for one in branch.filters
        ]
    return made


def _condition(branch: _Branch) -> dict[str, Any]:
    parts = [condition(one) for one in branch.inside if one]
    parts += [{"$not": condition(one)} for one in branch.outside]
    return parts[0] if len(parts) == 1 else {"$and": parts} if parts else {}


__all__ = ["payload", "runs"]
