"""Patterns: every kind of problem is said in full, and those built in are right.

`patterns.txt` holds the cases: a project's pattern, and what is said about it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.definitions.document import read
from heedful.definitions.pattern_files import built_in
from heedful.definitions.project_files import Loaded
from heedful.definitions.schema import schemas
from heedful.project.findings import BUILT_IN

Say = Callable[[dict[str, str | bytes | None]], list[str]]
Load = Callable[[dict[str, str | bytes | None]], Loaded]
RUSH = (
    "title: Rush\nsays: Faster, and worse.\n"
    "legs: [{kpi: resolution_time, moves: better}, {kpi: csat, moves: worse}]\n"
)


def cases() -> Iterator[object]:
    text = Path(__file__).with_name("patterns.txt").read_text("utf-8")
    for case in text.removeprefix("## ").split("\n## "):
        name, _, rest = case.partition("\n")
        parts = (part.partition("\n") for part in rest.removeprefix("--- ").split("\n--- "))
        files = {file: f"{content}\n" for file, _, content in parts}
        says = files.pop("says").split("\n")
        yield pytest.param(files, [line for line in says if line], id=name)


@pytest.mark.parametrize(("files", "says"), list(cases()))
def test_what_is_wrong_is_said(files: dict[str, str], says: list[str], problems: Say) -> None:
    assert problems({**files}) == says


def test_a_kpi_that_is_not_switched_on_is_no_problem(loaded: Load) -> None:
    result = loaded({"patterns/rush.yaml": RUSH})
    assert result.problems == ()
    assert "resolution_time" not in result.valid().kpis
    legs = result.valid().patterns["rush"].legs
    assert [(leg.kpi, leg.moves) for leg in legs] == [
        (("resolution_time",), "better"),
        (("csat",), "worse"),
    ]


def test_all_built_in_ones_name_kpis_of_the_catalogue(loaded: Load) -> None:
    catalogue = loaded({}).valid().catalogue
    patterns = built_in(BUILT_IN)
    assert len(patterns) == len(list(BUILT_IN.glob("*.yaml"))) >= 14
    for pattern in patterns.values():
        for leg in pattern.legs:
            assert set(leg.kpi) <= set(catalogue), pattern.id
        assert len({leg.moves for leg in pattern.legs}) > 1, pattern.id


def test_two_built_in_ones_never_say_the_same(loaded: Load) -> None:
    seen: dict[Any, str] = {}
    for pattern in built_in(BUILT_IN).values():
        shape = (pattern.across, pattern.legs)
        assert shape not in seen, (pattern.id, seen[shape])
        seen[shape] = pattern.id


def test_editors_are_told_what_the_files_hold() -> None:
    leg = schemas()["pattern"]["$defs"]["PatternLeg"]["properties"]["kpi"]
    kinds = {each.get("type") for each in leg["anyOf"]}
    assert kinds == {"string", "array"}
    known = set(schemas()["pattern"]["properties"])
    for path in BUILT_IN.glob("*.yaml"):
        assert set(read(path, path.name).data) <= known, path.name
