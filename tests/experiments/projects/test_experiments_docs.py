"""docs/experiments.md shows notes as readouts say them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text("utf-8")


def plain(line: str) -> str:
    """A note without its numbers, days and names."""
    return re.sub(r'\d{4}-\d\d-\d\d|\d[\d,]*|"[^"]*"', "#", line)


def test_notes_are_those_of_readouts(berlin):
    (shown,) = re.findall(r"```console\n(.*?)```", DOCS, re.DOTALL)
    said = {
        plain(note)
        for name, day in (
            ("kinds", None),
            ("adjusted", None),
            ("held", None),
            ("spent", "2024-04-10"),
        )
        for note in berlin.readout(name, day).notes
    }
    lines = shown.splitlines()
    assert len(lines) == 6
    for line in lines:
        assert plain(line) in said, line
