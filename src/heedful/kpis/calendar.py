"""Time cut into the pieces that weeks, months and quarters have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from heedful.kpis import periods
from heedful.kpis.cells import ALL
from heedful.kpis.kept import small

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heedful.kpis.periods import Grain

    Codes = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days cut into pieces that every grain is made of.

    Attributes:
        count: How many pieces there are.
        place: By grain, the period that each piece lies in, ascending, shape (count,).
        begin: By grain, the first day of each period, `ALL` for the grain all.
    """

    count: int
    place: Mapping[Grain, Codes]
    begin: Mapping[Grain, NDArray[np.object_]]


def cut(days: NDArray[np.int32], grains: tuple[Grain, ...]) -> tuple[Calendar, Codes]:
    """The pieces of time that some grains have in common, and the one that each row lies in."""
    if not len(days):
        empty = np.zeros(0, np.intp)
        none = Calendar(0, dict.fromkeys(grains, empty), dict.fromkeys(grains, np.zeros(0, object)))
        return none, np.zeros(0, np.uint8)
    first, last = int(days.min()), int(days.max())
    begin = date(1970, 1, 1) + timedelta(days=first)
    every = [begin + timedelta(days=n) for n in range(last - first + 1)]
    starts = {
        grain: [ALL] * len(every)
        if grain == "all"
        else [periods.start(grain, day) for day in every]
        for grain in grains
    }
    place: dict[tuple[date, ...], int] = {}
    for key in zip(*starts.values(), strict=True):
        place.setdefault(key, len(place))
    of_day = [place[key] for key in zip(*starts.values(), strict=True)]
    periods_of, begins = {}, {}
    for nth, grain in enumerate(grains):
        distinct = list(dict.fromkeys(key[nth] for key in place))
        number = {day: n for n, day in enumerate(distinct)}
        periods_of[grain] = np.array([number[key[nth]] for key in place], small(len(distinct)))
        begins[grain] = objects(distinct)
    codes = np.array(of_day, small(len(place)))
    return Calendar(len(place), periods_of, begins), codes[days - first]


def objects(values: Sequence[Any]) -> NDArray[np.object_]:
    """Values of any kind, None among them, as an array."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
