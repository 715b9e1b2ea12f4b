"""Checks what an experiment says about itself: variants, weights, factors, days and looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from heedful.definitions.entry import Entry
from heedful.definitions.experiment import Experiment, Variant
from heedful.definitions.problem import Problem, one_of

_LISTS = ("segments", "strata", "covariates", "over")


def design_problems(entry: Entry[Experiment]) -> Iterator[Problem]:
    """Yield what does not fit together within one experiment."""
    if "variants" not in entry.broken:
        yield from _names(entry)
        yield from _weights(entry)
        if "design" not in entry.broken:
            yield from _design(entry)
    yield from _days(entry)
    yield from _looks(entry)
    yield from _belongings(entry)
    yield from _once(entry)


def _names(entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    names = experiment.variant_names
    for index, name in enumerate(names):
        if name in names[:index]:
            found = f'variants: "{name}" is there twice'
            yield entry.problem(("variants", index, "name"), found, "give each its own name")
    if experiment.control is not None and experiment.control not in names:
        found = f'control "{experiment.control}" is not a variant'
        options = one_of(dict.fromkeys(names), experiment.control)
        yield entry.problem(("control",), found, options)


def _weights(entry: Entry[Experiment]) -> Iterator[Problem]:
    variants = entry.value.variants
    missing = [index for index, variant in enumerate(variants) if variant.weight is None]
    if len(missing) == len(variants):
        return
    if missing:
        first = variants[missing[0]]
        yield entry.problem(
            ("variants", missing[0]),
            f'variant "{first.name}" has no weight, and others have one',
            "give a weight to every variant, or to none: then all get the same",
        )
        return
    total = sum(variant.weight or 0.0 for variant in variants)
    if abs(total - 1) > 1e-9:
        found = f"the weights of the variants add up to {100 * total:.6g}%"
        yield entry.problem(("variants",), found, "make them add up to 100%")


def _design(entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    if experiment.design == "factorial":
        yield from _factorial(entry)
        return
    for index, variant in enumerate(experiment.variants):
        if variant.levels:
            found = f'variant "{variant.name}" has levels, but the design is {experiment.design}'
            hint = "leave them out, or write design: factorial"
            yield entry.problem(("variants", index, "levels"), found, hint)
    if experiment.design == "holdout" and len(experiment.variants) != 2:
        found = f"a holdout has {len(experiment.variants)} variants"
        yield entry.problem(("variants",), found, "allowed: 2, those with it and those without")


def _factorial(entry: Entry[Experiment]) -> Iterator[Problem]:
    variants = entry.value.variants
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    uneven = False
    for index, variant in enumerate(variants):
        missing = [factor for factor in factors if factor not in variant.levels]
        if missing or not factors:
            uneven = True
            lacks = f"no level of {_listed(missing)}" if missing else "no levels"
            found = f'variant "{variant.name}" of a factorial design has {lacks}'
            hint = f"add it: levels: {{{missing[0] if missing else 'tone'}: ...}}"
            yield entry.problem(("variants", index), found, hint)
    if uneven:
        return
    if len(factors) < 2:
        found = f"a factorial design has only the factor {factors[0]}"
        hint = "name at least 2 under levels, or write design: ab"
        yield entry.problem(("variants",), found, hint)
    levels = {
        factor: list(dict.fromkeys(variant.levels[factor] for variant in variants))
        for factor in factors
    }
    single = [factor for factor, known in levels.items() if len(known) < 2]
    for factor in single:
        found = f'factor {factor} has only the level "{levels[factor][0]}"'
        yield entry.problem(("variants",), found, "give each factor at least 2 levels")
    if not single:
        yield from _combinations(entry, factors, levels)


def _combinations(
    entry: Entry[Experiment], factors: Sequence[str], levels: dict[str, list[str]]
) -> Iterator[Problem]:
    """Say which combinations of levels are there twice, and which are not there."""
    seen: dict[tuple[str, ...], Variant] = {}
    for index, variant in enumerate(entry.value.variants):
        here = tuple(variant.levels[factor] for factor in factors)
        if here in seen:
            found = f'variants "{seen[here].name}" and "{variant.name}" have the same levels'
            yield entry.problem(("variants", index), found, "each combination stands once")
        seen.setdefault(here, variant)
    missing = [c for c in product(*(levels[factor] for factor in factors)) if c not in seen]
    if missing:
        one = ", ".join(
            f"{factor}: {level}" for factor, level in zip(factors, missing[0], strict=True)
        )
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        found = f"no variant has the levels {{{one}}}{more}"
        hint = "a factorial design has a variant for each combination"
        yield entry.problem(("variants",), found, hint)


def _days(entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    if not {"start", "end"} & entry.broken and experiment.end <= experiment.start:
        found = f"end {experiment.end} is not after start {experiment.start}"
        hint = "the end is the first day on which none enter any more"
        yield entry.problem(("end",), found, hint)
        return
    stopped = experiment.stopped
    if stopped is None or "stopped" in entry.broken:
        return
    if "start" not in entry.broken and stopped < experiment.start:
        found = f"stopped {stopped} is before start {experiment.start}"
        yield entry.problem(("stopped",), found, "allowed: a day from start to end")
    if "end" not in entry.broken and stopped > experiment.end:
        found = f"stopped {stopped} is after end {experiment.end}"
        hint = "leave it out: it ended as planned; what came later does not count"
        yield entry.problem(("stopped",), found, hint)


def _looks(entry: Entry[Experiment]) -> Iterator[Problem]:
    experiment = entry.value
    if "looks" not in experiment.model_fields_set:
        return
    if experiment.sequential != "alpha_spending" and "sequential" not in entry.broken:
        found = f"looks are planned, but sequential is {experiment.sequential}"
        hint = "leave them out, or write sequential: alpha_spending"
        yield entry.problem(("looks",), found, hint)
    if isinstance(experiment.looks, int):
        return
    for index, (one, other) in enumerate(pairwise(experiment.looks), 1):
        if other <= one:
            found = f"looks: {other} is not after {one}"
            yield entry.problem(("looks", index), found, "write each day once, in order")


def _belongings(entry: Entry[Experiment]) -> Iterator[Problem]:
    """Say which fields mean nothing without another, or beside another."""
    experiment = entry.value
    alone = experiment.group is None and "group" not in entry.broken
    if experiment.group_range is not None and alone:
        hint = "name the group that it is a part of, or leave it out"
        yield entry.problem(("group_range",), "group_range stands without group", hint)
    if experiment.over and experiment.design != "holdout" and "design" not in entry.broken:
        found = f"over stands in an experiment of design {experiment.design}"
        yield entry.problem(("over",), found, "leave it out, or write design: holdout")
    if None not in (experiment.smallest_effect, experiment.smallest_effect_absolute):
        found = "smallest_effect and smallest_effect_absolute are both there"
        yield entry.problem(("smallest_effect_absolute",), found, "keep one of them")


def _once(entry: Entry[Experiment]) -> Iterator[Problem]:
    for name in _LISTS:
        listed = getattr(entry.value, name)
        for index, one in enumerate(listed):
            if one in listed[:index]:
                yield entry.problem((name, index), f'{name}: "{one}" is there twice', "keep one")


def _listed(words: Sequence[str]) -> str:
    return " and ".join(words)
