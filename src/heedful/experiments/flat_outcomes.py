"""The outcomes of a table that is analysed without a project: summed by variant, and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from heedful.experiments.flat_error import FlatError
from heedful.experiments.measured import Asked, Measured, Summed
from heedful.experiments.summing import Vector, capped, moments

if TYPE_CHECKING:
    from heedful.engines.duckdb import DuckDB
    from heedful.experiments.flat_question import FlatQuestion
    from heedful.experiments.flat_rows import Rows
    from heedful.experiments.flat_units import Units
    from heedful.experiments.readout import Role
    from heedful.stats.moments import Moments

BY_DAY = ("variant", "stratum", "day")


@dataclass(frozen=True, slots=True)
class _Found:
    """What was summed of one column.

    Attributes:
        column: Its name.
        days: Moments by variant, stratum and day.
        segments: By column: labels, and moments by variant and label.
        held: Units that have a value, by variant.
        binary: Whether every row holds 0 or 1.
    """

    column: str
    days: Moments
    segments: Mapping[str, tuple[Sequence[str | None], Moments]]
    held: Sequence[int]
    binary: bool


@dataclass(frozen=True, slots=True)
class Outcomes:
    """All outcomes of a table.

    Attributes:
        measured: In the order primary, guardrails, secondary.
        finite: Whether all sums are numbers.
        notes: What a reader should know.
    """

    measured: Sequence[Measured]
    finite: bool
    notes: Sequence[str]


def outcomes(engine: DuckDB, rows: Rows, found: Units, question: FlatQuestion) -> Outcomes:
    """Measure all outcomes.

    Args:
        engine: Has rows and units.
        rows: The rows.
        found: The units.
        question: What is asked.
    """
    summed = {one.column: one for one in _summed(engine, rows, found, question)}
    for column, margin in question.guardrails.items():
        if summed[column].binary and not margin.relative and margin.amount >= 1:
            raise FlatError(
                f"guardrail {column}: {margin.amount:g} of a share is {100 * margin.amount:,.0f} "
                "points",
                "allowed: under 1, where 0.01abs is a point",
                usage=True,
            )
    first, *others = question.metrics
    roles: list[tuple[str, Role]] = [(first, "primary")]
    roles += [(column, "guardrail") for column in question.guardrails]
    roles += [(column, "secondary") for column in others]
    missing = {column: sum(found.counts) - sum(summed[column].held) for column in question.outcomes}
    return Outcomes(
        measured=[_measured(summed[column], role, found, question) for column, role in roles],
        finite=all(bool(np.isfinite(one.days.products).all()) for one in summed.values()),
        notes=[
            f"{column}: {many:,} units have no value and do not count for it."
            for column, many in missing.items()
            if many
        ],
    )


def _summed(engine: DuckDB, rows: Rows, found: Units, question: FlatQuestion) -> list[_Found]:
    vectors = [_vector(engine, i, found, question) for i in range(len(question.outcomes))]
    place = {column: f"segment_{i}" for i, column in enumerate(question.dimensions)}
    sets: dict[tuple[str, ...], tuple[int, ...]] = {BY_DAY: found.shape}
    for column in question.segments:
        sets["variant", place[column]] = (len(found.variants), len(found.labels[column]))
    sums = moments(engine, found.view, vectors, sets)
    held = _held(engine, found, question, sums[BY_DAY])
    binary = _binary(engine, rows, question, sums[BY_DAY], found.clustered)
    return [
        _Found(
            column=column,
            days=sums[BY_DAY][i],
            segments={
                name: (found.labels[name], sums["variant", place[name]][i])
                for name in question.segments
            },
            held=held[i],
            binary=binary[i],
        )
        for i, column in enumerate(question.outcomes)
    ]


def _vector(engine: DuckDB, i: int, found: Units, question: FlatQuestion) -> Vector:
    y = f"y{i}"
    cap = None if question.capping is None else _quantile(engine, found.view, y, question.capping)
    if cap is not None:
        y = capped(f"y{i}", cap)
    covariates = tuple(f"z{j}" for j in range(len(question.covariates)))
    if not found.clustered:
        return Vector(y, None, covariates)
    # A unit without any answer is a unit all the same; it adds nothing to either sum.
    return Vector(f"COALESCE({y}, 0)", f"x{i}", covariates)


def _quantile(engine: DuckDB, view: str, y: str, share: float) -> float | None:
    """The quantile of all units, between ranks as in R-7.

    From the top of a sorted list: the engine holds no more than what lies above it.
    """
    n = int(engine.query(f"SELECT COUNT({y}) AS n FROM {view}").to_pylist()[0]["n"])
    if not n:
        return None
    rank = (n - 1) * share
    below = int(rank)
    found = engine.query(
        f"SELECT {y} AS y FROM {view} WHERE {y} IS NOT NULL "
        f"ORDER BY y DESC LIMIT {2 if below + 1 < n else 1} OFFSET {max(n - 2 - below, 0)}"
    )["y"].to_pylist()
    low, high = float(found[-1]), float(found[0])
    return low + (rank - below) * (high - low)


def _held(
    engine: DuckDB, found: Units, question: FlatQuestion, sums: Sequence[Moments]
) -> list[list[int]]:
    """Units that have a value, by variant."""
    if not found.clustered:
        return [[int(n) for n in one.n.sum(axis=(1, 2))] for one in sums]
    counted = range(len(question.outcomes))
    items = ", ".join(f"COUNT(y{i}) AS n{i}" for i in counted)
    rows = engine.query(f"SELECT variant, {items} FROM {found.view} GROUP BY variant").to_pylist()
    by_variant = {row["variant"]: row for row in rows}
    return [
        [int(by_variant.get(v, {}).get(f"n{i}", 0)) for v in range(len(found.variants))]
        for i in counted
    ]


def _binary(
    engine: DuckDB, rows: Rows, question: FlatQuestion, sums: Sequence[Moments], clustered: bool
) -> list[bool]:
    """Whether columns hold only 0 and 1: those whose sums leave it open are looked through."""
    result = [False] * len(sums)
    asked = []
    for i, column in enumerate(question.outcomes):
        if clustered or question.capping is not None:
            asked.append(i)
        elif _may(sums[i]):
            # Of whole numbers only 0 and 1 are their own squares; of others sums may agree.
            result[i] = column in rows.whole
            asked += [] if result[i] else [i]
    if asked:
        items = ", ".join(f"COUNT(*) FILTER (y{i} <> 0 AND y{i} <> 1) AS b{i}" for i in asked)
        found = engine.query(f"SELECT {items} FROM {rows.view}").to_pylist()[0]
        for i in asked:
            result[i] = found[f"b{i}"] == 0
    return [one and sums[i].n.sum() > 0 for i, one in enumerate(result)]


def _may(one: Moments) -> bool:
    """Of 0 and 1 the sum of squares is the sum."""
    total = one.select([0]).sum()
    n, shift = float(total.n), float(total.shift[0])
    first, second = float(total.sums[0]), float(total.products[0, 0])
    squares = second + 2 * shift * first + n * shift * shift
    return bool(np.isclose(squares, first + n * shift, rtol=1e-9, atol=1e-9))


def _measured(one: _Found, role: Role, found: Units, question: FlatQuestion) -> Measured:
    margin = question.guardrails[one.column] if role == "guardrail" else None
    answered = None
    if sum(one.held) < sum(found.counts):
        answered = [(yes, all_ - yes) for yes, all_ in zip(one.held, found.counts, strict=True)]
    asked = Asked(
        kpi=one.column,
        role=role,
        unit="share" if one.binary else None,
        better="lower" if one.column in question.lower else "higher",
        margin=margin.amount if margin else None,
        relative=margin.relative if margin else True,
        per_unit=not found.clustered,
        survey=answered is not None,
    )
    ready = Summed(
        ratio=found.clustered,
        scale=1.0,
        days=one.days,
        dates=list(found.days) or [date.min],
        segments=one.segments,
    )
    return ready.measured(
        asked,
        _method(one, found, question),
        list(found.variants).index(found.control),
        answered=answered,
        by_day=bool(found.days),
    )


def _method(one: _Found, found: Units, question: FlatQuestion) -> str:
    words = "difference of shares" if one.binary else "difference of means"
    if found.clustered:
        words += ", delta method over units"
    if question.covariates:
        words += f", adjusted for {', '.join(question.covariates)}"
    if question.strata:
        words += f", post-stratified by {', '.join(question.strata)}"
    if question.capping is not None:
        words += f", capped at the {100 * question.capping:g}% quantile of all units"
    return words
