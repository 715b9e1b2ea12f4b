"""One query: exact moments of all outcomes over a table of units, by variant, day and segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heedful.stats.moments import Moments

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from heedful.engines.duckdb import DuckDB

    Keys = tuple[str, ...]


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


def moments(
    engine: DuckDB,
    table: str,
    vectors: Sequence[Vector],
    sets: Mapping[Keys, tuple[int, ...]],
) -> dict[Keys, list[Moments]]:
    """Sums and cross products of all outcomes, about their means, from one pass over the units.

    Args:
        engine: Has the table.
        table: A table with a row a unit; what `sets` names are its columns of whole numbers.
        vectors: The outcomes.
        sets: Which cells: columns, and how many values each has (they count from 0).

    Returns:
        For each set and outcome moments of the shape that `sets` gives.
    """
    if not vectors:
        return {keys: [] for keys in sets}
    names = [
        [f"v{i}_{j}" for j in range(len(vector.variables))] for i, vector in enumerate(vectors)
    ]
    items = [
        f"CAST({sql} AS DOUBLE) AS {name}"
        for vector, columns in zip(vectors, names, strict=True)
        for sql, name in zip(vector.variables, columns, strict=True)
    ]
    keys = list(dict.fromkeys(key for columns in sets for key in columns))
    rows = f"SELECT {', '.join([*keys, *items])} FROM {table}"
    shifts = _shifts(engine, rows, names)
    centred = _centred(names, shifts)
    aggregates = [sql for columns in names for sql in _aggregates(columns)]
    grouped = ", ".join(f"({', '.join(columns)})" for columns in sets)
    flags = [f"GROUPING({key}) AS g_{key}" for key in keys]
    found = engine.query(
        f"SELECT {', '.join([*keys, *flags, *aggregates])} FROM "
        f"(SELECT {', '.join([*keys, *centred])} FROM ({rows}) AS plain) AS centred "
        f"GROUP BY GROUPING SETS ({grouped})"
    )
    return {
        columns: _dense(_part(found, keys, columns), columns, shape, names, shifts)
        for columns, shape in sets.items()
    }


def _shifts(engine: DuckDB, rows: str, names: Sequence[Sequence[str]]) -> list[list[float]]:
    """Means of all variables: about them, no digits are lost in sums of squares."""
    means = [
        f"AVG({name}) FILTER (WHERE {columns[0]} IS NOT NULL) AS {name}"
        for columns in names
        for name in columns
    ]
    found = engine.query(f"SELECT {', '.join(means)} FROM ({rows}) AS plain").to_pylist()[0]
    return [
        [float(found[name]) if _finite(found[name]) else 0.0 for name in columns]
        for columns in names
    ]


def _finite(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _centred(names: Sequence[Sequence[str]], shifts: Sequence[Sequence[float]]) -> list[str]:
    items = []
    for columns, centres in zip(names, shifts, strict=True):
        first = columns[0]
        for name, centre in zip(columns, centres, strict=True):
            value = f"{name} - ({centre!r}::DOUBLE)"
            if name != first:
                value = f"CASE WHEN {first} IS NOT NULL THEN COALESCE({value}, 0) END"
            items.append(f"{value} AS {name}")
    return items


def _aggregates(columns: Sequence[str]) -> list[str]:
    first = columns[0]
    items = [f"COUNT({first}) AS n_{first}"]
    items += [f"SUM({name}) AS s_{name}" for name in columns]
    for i, one in enumerate(columns):
        items += [f"SUM({one} * {other}) AS p_{one}_{other}" for other in columns[i:]]
    return items


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
    names: Sequence[Sequence[str]],
    shifts: Sequence[Sequence[float]],
) -> list[Moments]:
    cells = tuple(part[column].to_numpy() for column in columns)

    def placed(name: str) -> NDArray[np.float64]:
        filled = np.zeros(shape)
        filled[cells] = np.nan_to_num(part[name].to_numpy().astype(np.float64))
        return filled

    result = []
    for variables, shift in zip(names, shifts, strict=True):
        k = len(variables)
        sums = np.stack([placed(f"s_{name}") for name in variables], axis=-1)
        products = np.empty((*shape, k, k))
        for i, one in enumerate(variables):
            for j in range(i, k):
                products[..., i, j] = products[..., j, i] = placed(f"p_{one}_{variables[j]}")
        n = placed(f"n_{variables[0]}")
        result.append(Moments(n, sums, products, np.array(shift)))
    return result
