"""`docs/actions.md` says what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from typer.main import get_command

from heedful.actions.effect import LEAST_PERIODS
from heedful.actions.variation import LEAST, MOST
from heedful.actions.windows import COUNTS
from heedful.cli.main import app
from heedful.project.actions import Actions

DOCS = (Path(__file__).parents[2] / "docs" / "actions.md").read_text("utf-8")


def test_every_command_is_shown_with_options_that_it_has():
    group = get_command(app).commands["action"]
    shown = re.findall(r"^\| `heedful action (\w+)([^`]*)` \|(.*)\|$", DOCS, re.MULTILINE)
    assert {name for name, *_ in shown} == set(group.commands)
    for name, head, rest in shown:
        known = {option for each in group.commands[name].params for option in each.opts}
        named = set(re.findall(r"--\w+", head + rest))
        assert named <= known, (name, named - known)
    block = re.search(r"```console\n(.*?)```", DOCS, re.DOTALL)
    assert block
    known = {option for each in group.commands.values() for p in each.params for option in p.opts}
    assert set(re.findall(r"--\w+", block[1])) <= known


def test_its_numbers_are_those_of_the_code():
    assert COUNTS == {"week": 4, "month": 2}
    assert "The 4 whole weeks before" in DOCS
    assert "compared by 2 months a side" in DOCS
    assert f"up to {MOST} earlier weeks" in DOCS
    assert f"fewer than {LEAST} earlier weeks" in DOCS
    assert f"fewer than {LEAST_PERIODS} of the weeks" in DOCS


def test_its_python_calls_what_there_is():
    block = re.search(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert block
    calls = [
        node.func.attr
        for node in ast.walk(ast.parse(block[1]))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "actions"
    ]
    assert calls == ["make", "close", "measure"]
    assert all(hasattr(Actions, name) for name in calls)


def test_the_simulated_rates_are_there_and_hold():
    table = DOCS.split("<!-- simulated -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"\| ([\d.]+) points \| ([\d.]+)% \| ([\d.]+)% \| ([\d.]+)% \|", table)
    assert [float(row[0]) for row in rows] == [0.0, 1.5, 3.0, 6.0]
    assert all(float(row[1]) <= 7.0 for row in rows)
