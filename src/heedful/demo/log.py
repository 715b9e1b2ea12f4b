"""An event log under construction: blocks of rows, sorted and numbered at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heedful.demo.calendar import Floats, Ints
from heedful.demo.world import Words

Frame = dict[str, NDArray[np.generic]]
Cell = Words | str | None
Number = Floats | Ints | float

_WORDS: Final = ("event", "page", "touchpoint", "form", "topic")
_NUMBERS: Final = ("step", "steps", "depth", "seconds")


class Log:
    """Collects events; `frame` gives them in order of time."""

    def __init__(self) -> None:
        self._blocks: list[Frame] = []

    def add(self, person: Ints, at: Ints, event: Cell, **columns: Cell | Number) -> None:
        """Append one event a row.

        Args:
            person: Who.
            at: UTC seconds.
            event: Name, one for all or one a row.
            **columns: `page`, `touchpoint`, `form`, `topic` (text) and `step`, `steps`, `depth`,
                `seconds` (numbers), one for all or one a row.
        """
        given: Mapping[str, Cell | Number] = {"event": event, **columns}
        block: Frame = {"person": person, "at": np.asarray(at, dtype=np.int64)}
        for name in _WORDS:
            block[name] = _spread(given.get(name), len(person), np.dtype(object))
        for name in _NUMBERS:
            block[name] = _spread(given.get(name, np.nan), len(person), np.dtype(np.float64))
        self._blocks.append(block)

    def frame(self) -> Frame:
        """All events by time; rows of one moment in the order they were added."""
        whole = {name: np.concatenate([b[name] for b in self._blocks]) for name in self._blocks[0]}
        order = np.argsort(whole["at"], kind="stable")
        return {name: column[order] for name, column in whole.items()}


def _spread(value: Cell | Number, n: int, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    if isinstance(value, np.ndarray):
        return value.astype(dtype, copy=False)
    return np.full(n, value, dtype=dtype)
