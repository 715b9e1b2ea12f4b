from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from heedful.experiments import drawing
from heedful.experiments.drawing import HEIGHTS, WIDTHS
from heedful.experiments.page import styles


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=12))
def test_shorter_paths_go_the_same_way(points):
    path = "M" + "L".join(f"{x},{y}" for x, y in points)
    short = drawing._straightened(path)
    assert len(short) <= len(path)
    x = y = ""
    seen = []
    for kind, numbers in re.findall(r"([MLHV])([\d.,-]+)", short):
        if kind in "ML":
            x, y = numbers.split(",")
        elif kind == "H":
            x = numbers
        else:
            y = numbers
        seen.append((int(x), int(y)))
    assert seen == points


def test_the_sheet_shows_each_width_once():
    shown = re.findall(r"@container figure ([^{]*)\{ \.w(\d+)", styles())
    assert [int(width) for _, width in shown] == list(WIDTHS) == sorted(HEIGHTS)
    for size in (*range(200, 1400, 7), *WIDTHS, *(width - 1 for width in WIDTHS)):
        fitting = [
            width
            for rule, width in shown
            if all(size >= float(least) for least in re.findall(r"min-width: ([\d.]+)", rule))
            and all(size <= float(most) for most in re.findall(r"max-width: ([\d.]+)", rule))
        ]
        wanted = max([width for width in WIDTHS if width <= size], default=WIDTHS[0])
        assert fitting == [str(wanted)]
