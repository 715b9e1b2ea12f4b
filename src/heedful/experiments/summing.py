"""One query: exact moments of all outcomes over a table of units, by variant, day and segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from heedful.stats.moments import Moments, near

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from heedful.engines.duckdb import DuckDB

    Keys = tuple[str, ...]

SAMPLED = 4096
"""Rows from which constants near the means are guessed."""
FAR = 10.0
"""Standard deviations a guess may be off: up to here it costs two digits of sixteen."""
SMALL = 4096
"""Cells up to which one cube serves several sets: it still fits into the cache of a core."""


@dataclass(frozen=True, slots=True)
class Vector:
    """What is summed for one outcome: SQL expressions over a table with a row a unit.

    Attributes:
        y: The amount of a unit; where it is null the unit does not count.
        x: What the amount is per, in a ratio of sums.
        covariates: What says beforehand how it will come out; where null, the mean counts.
    """

    y: str
    x: str | None = None
    covariates: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """All of them, in the order of the moments."""
        return (self.y, *((self.x,) if self.x else ()), *self.covariates)


def capped(amount: str, cap: float) -> str:
    """SQL of an amount that counts as `cap` above it; null stays null, which LEAST() would not.

    >>> capped("y0", 99.5)
    'CASE WHEN y0 > 99.5::DOUBLE THEN 99.5::DOUBLE ELSE y0 END'
    """
    return f"CASE WHEN {amount} > {cap!r}::DOUBLE THEN {cap!r}::DOUBLE ELSE {amount} END"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A vector with the numbers that are known of its variables before they are summed.

    Attributes:
        names: Of its variables, in the query.
        shift: What is taken from each before it is multiplied.
        fill: What counts where a variable is null but the amount is not; None: never null.
        whole: Whether no amount is null.
    """

    names: tuple[str, ...]
    shift: tuple[float, ...]
    fill: tuple[float | None, ...]
    whole: bool = False


def moments(
    engine: DuckDB,
    table: str,
    vectors: Sequence[Vector],
    sets: Mapping[Keys, tuple[int, ...]],
) -> dict[Keys, list[Moments]]:
    """Sums and cross products of all outcomes, about numbers near their means, in one pass.

    Args:
        engine: Has the table.
        table: A table with a row a unit; what `sets` names are its columns of whole numbers.
        vectors: The outcomes.
        sets: Which cells: columns, and how many values each has (they count from 0).

    Returns:
        For each set and outcome moments of the shape that `sets` gives.

    >>> from heedful.engines.duckdb import DuckDB
    >>> engine = DuckDB()
    >>> engine.view("units", "SELECT i % 2 AS variant, i AS spent FROM range(4) AS t(i)")
    >>> moments(engine, "units", [Vector("spent")], {("variant",): (2,)})["variant",][0].mean
    array([[1.],
           [2.]])
    """
    if not vectors:
        return {keys: [] for keys in sets}
    sizes = {key: size for keys in sets for key, size in zip(keys, sets[keys], strict=True)}
    names: dict[str, str] = {}
    for vector in vectors:
        for sql in vector.variables:
            names.setdefault(sql, f"v{len(names)}")
    items = [f"CAST({sql} AS DOUBLE) AS {name}" for sql, name in names.items()]
    rows = f"SELECT {', '.join([*sizes, *items])} FROM {table}"
    outcomes = _guessed(engine, rows, vectors, names)
    found = _summed(engine, rows, outcomes, sets, sizes)
    off = _off(found, outcomes)
    if off:
        outcomes = [
            replace(one, shift=off.get(place, one.shift)) for place, one in enumerate(outcomes)
        ]
        found = _summed(engine, rows, outcomes, sets, sizes)
    return found


def _guessed(
    engine: DuckDB, rows: str, vectors: Sequence[Vector], names: Mapping[str, str]
) -> list[_Outcome]:
    """Constants near the means, from some rows; what nulls count as, from all of them."""
    some = engine.query(f"{rows} LIMIT {SAMPLED}")
    middles = {name: _middle(_numbers(some, name)) for name in names.values()}
    nulls = _nulls(engine, rows, vectors, names)
    means = _means(engine, rows, vectors, names, nulls)
    found = []
    for vector in vectors:
        columns = tuple(names[sql] for sql in vector.variables)
        amounts = len(columns) - len(vector.covariates)
        shift = tuple(middles[name] for name in columns)
        fill: list[float | None] = [None, *shift[1:amounts]]
        fill += [means.get((columns[0], name)) for name in columns[amounts:]]
        found.append(_Outcome(columns, shift, tuple(fill), whole=nulls.get(columns[0]) == 0))
    return found


def _nulls(
    engine: DuckDB, rows: str, vectors: Sequence[Vector], names: Mapping[str, str]
) -> Mapping[str, int]:
    """How often covariates, and the amounts that have some, are null."""
    adjusted = [vector for vector in vectors if vector.covariates]
    asked = dict.fromkeys(names[sql] for one in adjusted for sql in (one.y, *one.covariates))
    if not asked:
        return {}
    items = ", ".join(f"COUNT(*) - COUNT({name}) AS {name}" for name in asked)
    found: Mapping[str, int] = engine.query(f"SELECT {items} FROM ({rows}) AS plain").to_pylist()[0]
    return found


def _means(
    engine: DuckDB,
    rows: str,
    vectors: Sequence[Vector],
    names: Mapping[str, str],
    nulls: Mapping[str, int],
) -> dict[tuple[str, str], float]:
    """Means of covariates that are sometimes null, over all units that have the amount."""
    pairs = [
        (names[vector.y], names[sql])
        for vector in vectors
        for sql in vector.covariates
        if nulls[names[sql]]
    ]
    if not pairs:
        return {}
    items = ", ".join(
        f"AVG({name}) FILTER ({first} IS NOT NULL) AS {first}_{name}"
        for first, name in dict.fromkeys(pairs)
    )
    found = engine.query(f"SELECT {items} FROM ({rows}) AS plain").to_pylist()[0]
    means = {(first, name): found[f"{first}_{name}"] for first, name in pairs}
    return {pair: float(mean) for pair, mean in means.items() if mean is not None}


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(), dtype=np.float64)


def _middle(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return 0.0
    with np.errstate(over="ignore"):
        middle = float(near(finite.mean(), finite.std()))
    return middle if np.isfinite(middle) else 0.0


def _off(
    found: Mapping[Keys, Sequence[Moments]], outcomes: Sequence[_Outcome]
) -> dict[int, tuple[float, ...]]:
    """Better constants for outcomes of which some rows said little about the others."""
    all_of_one = next(iter(found.values()))
    better = {}
    for place, (one, summed) in enumerate(zip(outcomes, all_of_one, strict=True)):
        total = summed.sum()
        with np.errstate(all="ignore"):
            deviation = np.sqrt(np.diagonal(total.covariance))
            far = np.abs(total.mean - total.shift) > FAR * deviation
        centre = near(total.mean, deviation)
        far &= np.isfinite(centre) & (centre != total.shift)
        if far.any():
            better[place] = tuple(np.where(far, centre, one.shift).tolist())
    return better


def _summed(
    engine: DuckDB,
    rows: str,
    outcomes: Sequence[_Outcome],
    sets: Mapping[Keys, tuple[int, ...]],
    sizes: Mapping[str, int],
) -> dict[Keys, list[Moments]]:
    cubes = _cubes(sets, sizes)
    aggregates: dict[str, str] = {}
    for one in outcomes:
        for sql in _aggregates(one).values():
            aggregates.setdefault(sql, f"a{len(aggregates)}")
    flags = [f"GROUPING({key}) AS g_{key}" for key in sizes]
    items = [*sizes, *flags, *(f"{sql} AS {name}" for sql, name in aggregates.items())]
    grouped = ", ".join(f"({', '.join(cube)})" for cube in cubes)
    found = engine.query(
        f"SELECT {', '.join(items)} FROM ({rows}) AS plain GROUP BY GROUPING SETS ({grouped})"
    )
    result: dict[Keys, list[Moments]] = {}
    for cube, served in cubes.items():
        shape = tuple(sizes[key] for key in cube)
        dense = _dense(_part(found, list(sizes), cube), cube, shape, outcomes, aggregates)
        result |= {keys: [_rolled(one, cube, keys) for one in dense] for keys in served}
    return {keys: result[keys] for keys in sets}


def _cubes(
    sets: Mapping[Keys, tuple[int, ...]], sizes: Mapping[str, int]
) -> dict[Keys, list[Keys]]:
    """Sets that are cheaper to sum together, cell by cell, than one by one.

    >>> sizes = {"v": 2, "day": 28, "s": 10, "t": 900}
    >>> _cubes({("v", "day"): (2, 28), ("v", "s"): (2, 10), ("v", "t"): (2, 900)}, sizes)
    {('v', 't'): [('v', 't')], ('v', 'day', 's'): [('v', 'day'), ('v', 's')]}
    """
    found: dict[Keys, list[Keys]] = {}
    for keys in sorted(sets, key=lambda each: -prod(sets[each])):
        for cube in found:
            both = tuple(dict.fromkeys((*cube, *keys)))
            if prod(sizes[key] for key in both) <= SMALL:
                found[both] = [*found.pop(cube), keys]
                break
        else:
            found[keys] = [keys]
    return found


def _aggregates(one: _Outcome) -> dict[tuple[int, ...], str]:
    """SQL of the number, the sums (by place) and the sums of products (by both places)."""
    first = one.names[0]
    items = []
    for name, shift, fill in zip(one.names, one.shift, one.fill, strict=True):
        value = name if fill is None else f"COALESCE({name}, {fill!r}::DOUBLE)"
        value = f"({value} - ({shift!r}::DOUBLE))"
        # Of outcomes without nulls the sums of covariates are the same: they are summed once.
        if name != first and not one.whole:
            value = f"CASE WHEN {first} IS NOT NULL THEN {value} END"
        items.append(value)
    result: dict[tuple[int, ...], str] = {(): f"COUNT({first})"}
    for i, item in enumerate(items):
        result[(i,)] = f"SUM({item})"
        for j in range(i, len(items)):
            result[i, j] = f"SUM({item} * {items[j]})"
    return result


def _part(found: pa.Table, keys: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """The rows of one grouping set."""
    import pyarrow.compute as pc

    for key in keys:
        rolled = 0 if key in columns else 1
        found = found.filter(pc.equal(found[f"g_{key}"], rolled))
    return found


def _dense(
    part: pa.Table,
    columns: Sequence[str],
    shape: tuple[int, ...],
    outcomes: Sequence[_Outcome],
    names: Mapping[str, str],
) -> list[Moments]:
    cells = tuple(part[column].to_numpy() for column in columns)

    def placed(sql: str) -> NDArray[np.float64]:
        filled = np.zeros(shape)
        filled[cells] = np.asarray(part[names[sql]].fill_null(0).to_numpy(), dtype=np.float64)
        return filled

    result = []
    for one in outcomes:
        k = len(one.names)
        found = {place: placed(sql) for place, sql in _aggregates(one).items()}
        sums = np.stack([found[i,] for i in range(k)], axis=-1)
        products = np.empty((*shape, k, k))
        for i in range(k):
            for j in range(i, k):
                products[..., i, j] = products[..., j, i] = found[i, j]
        result.append(Moments(found[()], sums, products, np.array(one.shift)))
    return result


def _rolled(whole: Moments, cube: Keys, keys: Keys) -> Moments:
    """The cells of a set, from those of a cube that holds it."""
    rest = tuple(place for place, key in enumerate(cube) if key not in keys)
    some = whole.sum(axis=rest) if rest else whole
    left = [key for key in cube if key in keys]
    order = [left.index(key) for key in keys]
    dimensions = len(order)
    return Moments(
        some.n.transpose(order),
        some.sums.transpose([*order, dimensions]),
        some.products.transpose([*order, dimensions, dimensions + 1]),
        some.shift,
    )
