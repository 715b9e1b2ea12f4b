"""`docs/project.md` shows every field as the models have it, and its examples are right."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from heedful.definitions.fields import Model
from heedful.definitions.hypothesis import Hypothesis
from heedful.definitions.kpi import Kpi
from heedful.definitions.measure import KINDS
from heedful.definitions.override import Override
from heedful.definitions.pattern import Pattern, PatternLeg
from heedful.definitions.project_files import load
from heedful.definitions.rules import Activities, Rules
from heedful.definitions.scorecard import Dimension, ScorecardDefinition, Triad
from heedful.definitions.segment import Segment
from heedful.definitions.settings import Settings, Team, Touchpoint
from heedful.definitions.source import ReadOptions, Source
from heedful.definitions.threshold import Scale, Threshold

DOCS = (Path(__file__).parents[2] / "docs" / "project.md").read_text("utf-8")
MODELS = [
    Settings,
    Touchpoint,
    Team,
    Kpi,
    Threshold,
    Scale,
    Override,
    Rules,
    Activities,
    Segment,
    ScorecardDefinition,
    Dimension,
    Triad,
    Source,
    ReadOptions,
    Hypothesis,
    Pattern,
    PatternLeg,
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_shown_as_it_is(model: type[Model], field_table: Callable[..., str]) -> None:
    table = field_table(model)
    assert table in DOCS, f"docs/project.md should hold:\n{table}"


def test_every_measure_is_shown() -> None:
    for name, measure in KINDS.items():
        says = " ".join((measure.__doc__ or "").split())
        row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{{{name}: "))
        assert row.endswith(f"| {says} |"), f"{name} should end: | {says} |"
        fields = re.findall(r"(\w+): ", row.split("|")[1])
        assert fields == [field.alias or name for name, field in measure.model_fields.items()]


def test_examples_make_a_project_that_passes(
    tmp_path: Path, catalogue: Path, surroundings: dict[str, dict[str, list[str]]]
) -> None:
    blocks = re.findall(
        r"```(?:yaml|sql|markdown)\n(?:# |-- |<!-- )(\S+\.(?:yaml|sql|md))[^\n]*\n(.*?)```",
        DOCS,
        re.DOTALL,
    )
    files = dict(blocks)
    assert {"heedful.yaml", "rules.yaml", "segments.yaml", "scorecard.yaml"} <= set(files)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    result = load(tmp_path, catalogue, **surroundings)
    assert [str(problem) for problem in result.problems] == []
    assert set(result.valid().patterns) == {"easy_but_unloved", "praise_without_return"}
    assert len(result.valid().kpis) == sum(name.startswith("kpis/") for name in files)


def test_what_check_says_is_what_it_says() -> None:
    golden = Path(__file__).with_name("problems.txt").read_text("utf-8")
    block = re.search(r"```text\n(.*?)```", DOCS, re.DOTALL)
    assert block
    for line in block[1].splitlines():
        assert line in golden, line
