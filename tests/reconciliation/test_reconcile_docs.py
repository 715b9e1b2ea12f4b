"""What docs/reconcile.md shows is what the command says, field by field and word for word."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heedful.cli.main import app
from heedful.reconciliation.reconciliation import Compared, Given, Value
from heedful.reconciliation.rows import Column, Coverage
from heedful.web.pages.reconcile_work import LONGEST

PAGE = (Path(__file__).parents[2] / "docs" / "reconcile.md").read_text("utf-8")
ASKED = ["reconcile", "order_value", "--source", "shop", "--source", "warehouse"]


@pytest.fixture(scope="module")
def said(shop):
    """Run the command; standard output."""

    def run(*arguments):
        done = CliRunner().invoke(app, [*arguments, "-p", str(shop.root)])
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_sentences_are_as_shown(said):
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1]
    out = said(*ASKED).replace("\u00a0", " ")
    assert out.startswith(shown)
    assert re.search(r"ids +556 +41 +3", out)
    assert "only in shop" in out


def test_every_field_of_json_is_named(said):
    found = json.loads(said(*ASKED, "--format", "json"))
    table = PAGE.split("## JSON")[1].split("## What")[0]
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(firsts)) == list(found)
    for model in (Given, Coverage, Column, Compared, Value):
        listed = "{" + ", ".join(field.name for field in fields(model)) + "}"
        assert f"`{listed}`" in table
    assert f"`{{{', '.join(found['differences'][0])}}}`" in table
    assert len(found["differences"]) == 41 + 3 + 128
    assert found["limited"] is False


def test_csv_has_every_difference(said):
    lines = said(*ASKED, "--format", "csv").splitlines()
    assert lines[0] == "difference,id,customer,at,column,a,b"
    assert len(lines) == 1 + 41 + 3 + 128


def test_options_are_those_that_are_named(said):
    named = set(re.findall(r"`?(--[a-z]+)", PAGE))
    offered = set(re.findall(r"--[a-z]+", said("reconcile", "--help").split("Options")[1]))
    assert named <= offered


def test_one_source_is_not_enough(shop):
    done = CliRunner().invoke(app, [*ASKED[:4], "-p", str(shop.root)])
    assert done.exit_code == 2
    words = " ".join(done.stderr.replace("│", " ").split())
    assert "only shop is given" in words
    assert "orders: shop, till, warehouse" in words


def test_the_limit_of_the_page_is_as_said():
    assert f"ended after {LONGEST / 60:.0f} minutes" in PAGE
