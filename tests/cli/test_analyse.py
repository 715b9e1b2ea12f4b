"""The quickest way in: one command over one file, however its options are written."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer.main

from heedful.cli import experiment
from heedful.cli.main import run

DOCS = Path(__file__).parents[2] / "docs" / "analyse.md"
RNG = np.random.default_rng(7)
N = 4000
WARM = RNG.random(N) < 0.5
TABLE = pd.DataFrame(
    {
        "customer": np.arange(N),
        "arm": np.where(WARM, "warm", "control"),
        "entered": pd.Timestamp("2026-03-02")
        + pd.to_timedelta(RNG.integers(0, 10 * 1440, N), "min"),
        "country": RNG.choice(["DE", "FR"], N),
        "before": RNG.exponential(20, N).round(2),
        "bought": RNG.random(N) < np.where(WARM, 0.30, 0.20),
        "refunded": RNG.random(N) < 0.03,
    }
)
TABLE["spend"] = (TABLE.bought * (0.5 * TABLE.before + RNG.exponential(20, N))).round(2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("analyse")
    TABLE.to_csv(where / "test.csv", index=False)
    return where


@pytest.fixture
def analyse(folder, monkeypatch, capsys):
    """Run the command in the folder of the file: exit code, standard output, standard error."""
    monkeypatch.chdir(folder)

    def go(*words):
        monkeypatch.setattr(sys, "argv", ["heedful", "experiment", "analyse", *words])
        capsys.readouterr()
        try:
            run()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        found = capsys.readouterr()
        return code, found.out, found.err

    return go


@pytest.fixture
def found(analyse):
    def go(*words):
        code, out, err = analyse(*words, "--format", "json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return go


def kpis(readout):
    return [(one["kpi"], one["role"]) for one in readout["outcomes"]]


BOTH = [("bought", "primary"), ("spend", "secondary")]


@pytest.mark.parametrize(
    "words",
    [
        "test.csv --variant arm --metric bought --metric spend",
        "test.csv --variant arm --metric bought spend",
        "test.csv --metric bought spend --variant arm",
        "test.csv --metric=bought spend --variant=arm",
        "test.csv --variant arm --metric bought,spend",
        "--variant arm test.csv --metric bought spend",
        "--variant arm --metric bought spend test.csv",
        "--metric bought spend test.csv --variant arm",
        "--sequential test.csv --variant arm --metric bought spend",
        "--metric bought --metric spend --variant arm test.csv",
    ],
)
def test_several_metrics_wherever_they_stand(found, words):
    assert kpis(found(*words.split())) == BOTH


ALL = """test.csv --variant arm --metric bought spend --guardrail refunded:50% spend:0.1
--lower refunded --unit customer --covariate before --control control
--weights control=50% warm=50% --segment country --stratum country --date entered
--capping 99.9% --alpha 0.1 --smallest-effect 5% --units 4000"""


def test_all_options_together(found):
    readout = found(*ALL.split())
    assert kpis(readout) == [
        ("bought", "primary"),
        ("refunded", "guardrail"),
        ("spend", "guardrail"),
        ("spend", "secondary"),
    ]
    assert readout["outcomes"][1]["better"] == "lower"
    assert readout["outcomes"][1]["margin"] == 0.5
    assert (readout["alpha"], readout["planned_units"]) == (0.1, 4000)
    assert {one["segment"] for one in readout["segments"]} == {"DE", "FR"}
    assert len({look["date"] for look in readout["looks"]}) == 10
    assert readout["outcomes"][2]["variance_reduction"] > 0


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        (["control=0.5", "warm=0.5"], (0.5, 0.5)),
        (["control=25%", "warm=75%"], (0.25, 0.75)),
        (["control=1000", "warm=3000"], (0.25, 0.75)),
    ],
)
def test_weights_in_every_scale(found, given, shares):
    readout = found("test.csv", "--variant", "arm", "--metric", "bought", "--weights", *given)
    assert tuple(one["weight"] for one in readout["variants"]) == pytest.approx(shares)


@pytest.mark.parametrize("form", ["table", "html"])
def test_other_formats(analyse, form):
    words = ["test.csv", "--variant", "arm", "--metric", "bought", "--format", form]
    code, out, err = analyse(*words)
    assert (code, err) == (0, "")
    assert "Needs review" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("tset.csv --variant arm --metric spend", 2, 'does not exist (did you mean "test.csv"?)'),
        (". --variant arm --metric spend", 2, "is a folder; give one file"),
        ("test.csv --variant amr --metric spend", 2, 'did you mean "arm"'),
        ("test.csv --variant customer --metric spend", 1, "4,000 different values"),
        ("test.csv --variant arm --metric country", 1, 'values are no numbers: line 2 "'),
        ("test.csv --variant arm --metric arm", 2, "both metric and variant"),
        ("test.csv --variant arm --metric spend --control none", 2, "is no variant; allowed: co"),
        ("test.csv --variant arm --metric spend --weights hot=1 control=1", 2, '"hot" is no va'),
        ("test.csv --variant arm --metric spend --weights control=1", 2, '"warm" has none'),
    ],
)
def test_what_is_wrong_is_one_line(analyse, words, code, said):
    stopped, out, err = analyse(*words.split())
    assert (stopped, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--guardrail refunded", "is not COL:MARGIN"),
        ("--guardrail refunded:150%", "is not COL:MARGIN"),
        ("--guardrail refunded:x", "is not COL:MARGIN"),
        ("--weights control:1 warm:1", "is not NAME=W"),
        ("--weights control=50% warm=0.5", "some are percentages"),
        ("--weights control=1 control=2 warm=1", '"control" has two weights'),
        ("--weights control=0 warm=1", "a number above 0"),
        ("--capping 120%", "is not a share"),
        ("--smallest-effect much", "is not a share"),
        ("--alpha 5", "--alpha"),
        ("--metrics bought", "--metric"),
    ],
)
def test_options_that_cannot_be_read(analyse, words, said):
    code, out, err = analyse("test.csv", "--variant", "arm", "--metric", "spend", *words.split())
    assert (code, out) == (2, "")
    assert said in re.sub(r"[│\s]+", " ", err)


# --- docs/analyse.md ---


def options() -> set[str]:
    group = typer.main.get_command(experiment.app)
    return {name for one in group.commands["analyse"].params for name in one.opts if name[0] == "-"}


def test_the_page_explains_every_option_and_no_other():
    text = DOCS.read_text(encoding="utf-8")
    table = re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE)
    assert sorted(table) == sorted(options())
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= options()


def test_the_page_shows_what_the_command_prints(analyse):
    text = DOCS.read_text(encoding="utf-8")
    found = re.search(r"```console\n\$ heedful experiment analyse (.*?)\n(.*?)```", text, re.DOTALL)
    command, shown = found.groups()
    code, out, _ = analyse(*command.split())
    assert code == 0
    printed = [line.replace("\xa0", " ").rstrip() for line in out.splitlines()]
    assert printed[: len(shown.splitlines())] == shown.splitlines()
