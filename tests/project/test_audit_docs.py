"""`docs/audit.md` names every field, state and step as the code has them."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from heedful.project.inventory import MEANS, Audit, Join, KpiAudit, Step
from heedful.project.rollout import PHASES, Plan, Task

DOCS = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")


def rows(head: str) -> set[str]:
    """Names in the first column of a table."""
    table = re.search(rf"\| {head} \|[^\n]*\n\|[-| ]+\|\n((?:\|[^\n]*\n)+)", DOCS)
    assert table, head
    cells = [line.split("|")[1] for line in table[1].splitlines()]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(
    ("head", "model", "more"),
    [
        ("field of the whole", Audit, set()),
        ("field of a KPI", KpiAudit, set()),
        ("field of a step", Step, set()),
        ("field of a join", Join, {"rate"}),
    ],
)
def test_every_field_is_told(head: str, model: type, more: set[str]) -> None:
    assert rows(head) == {one.name for one in fields(model)} | more


def test_the_shapes_are_those_of_the_results() -> None:
    for model in (Audit, Plan, Task):
        assert f"{{{', '.join(one.name for one in fields(model))}}}" in DOCS


def test_every_state_is_told() -> None:
    for state, means in MEANS.items():
        assert f"| `{state}` | {means} |" in DOCS


def test_every_phase_is_told() -> None:
    for name, _, first, until in PHASES:
        assert f"| `{name}`, days {first} to {until} |" in DOCS
