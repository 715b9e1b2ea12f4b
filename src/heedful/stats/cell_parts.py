"""Cells in parts small enough that what is made of their rows stays near the processor."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def cell_parts(weight: NDArray[np.intp], most: int) -> Iterator[slice]:
    """Cells one after the other, in parts of about the same weight.

    Args:
        weight: what each cell weighs, such as its number of rows, shape (cells,).
        most: what a part may weigh; a cell that weighs more is a part of its own.

    Yields:
        At least one part, which is empty where there are no cells.

    >>> import numpy as np
    >>> list(cell_parts(np.array([3, 4, 20, 1, 1]), 8))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 5, None)]
    """
    ahead = np.cumsum(weight)
    begin, cells, done = 0, len(weight), 0
    while begin < cells or begin == 0:
        end = int(np.searchsorted(ahead, done + most, side="right"))
        end = min(max(end, begin + 1), cells)
        yield slice(begin, end)
        begin, done = end or 1, int(ahead[end - 1]) if end else 0
