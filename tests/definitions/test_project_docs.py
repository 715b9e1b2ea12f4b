"""`docs/project.md` shows every field as the models have it, and its examples are right."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from heedful.definitions.fields import Model
from heedful.definitions.hypothesis import Hypothesis
from heedful.definitions.kpi import Kpi
from heedful.definitions.measure import KINDS
from heedful.definitions.project_files import load
from heedful.definitions.rules import Activities, Rules
from heedful.definitions.scorecard import Dimension, ScorecardDefinition
from heedful.definitions.segment import Segment
from heedful.definitions.settings import Settings, Team, Touchpoint
from heedful.definitions.source import ReadOptions, Source
from heedful.definitions.threshold import Scale, Threshold

DOCS = (Path(__file__).parents[2] / "docs" / "project.md").read_text("utf-8")
NAMES = {
    "Touchpoint": "touchpoint",
    "Team": "team",
    "Threshold": "threshold",
    "Scale": "scale",
    "Activities": "activities",
    "Dimension": "dimension",
    "ReadOptions": "read options",
    "Constant": "`{constant: ...}`",
}
MODELS = [
    Settings,
    Touchpoint,
    Team,
    Kpi,
    Threshold,
    Scale,
    Rules,
    Activities,
    Segment,
    ScorecardDefinition,
    Dimension,
    Source,
    ReadOptions,
    Hypothesis,
]


def kind(schema: dict[str, Any]) -> str:
    """Say in words what JSON Schema allows."""
    if "$ref" in schema:
        return NAMES[schema["$ref"].rsplit("/", 1)[1]]
    if "oneOf" in schema:
        return "measure"
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        kinds = [kind(one) for one in schema["anyOf"]]
        if kinds[0] == "number":
            return "number or percentage"
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties") or next(
            iter(schema["patternProperties"].values())
        )
        return f"name: {kind(inner)}"
    words = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}
    return words.get(schema["type"], schema["type"])


def table(model: type[Model]) -> str:
    """Return the reference of a model, as the page shows it."""
    schema = model.model_json_schema()
    rows = ["| field | holds | default | |", "|---|---|---|---|"]
    for name, inner in schema["properties"].items():
        if name in model.unwritten:
            continue
        field = next(f for n, f in model.model_fields.items() if name in (n, f.alias))
        default = json.dumps(inner.get("default"), ensure_ascii=False)
        if name in schema.get("required", ()):
            default = "**needed**"
        elif default == "null" or "$ref" in inner or len(default) > 70:
            default = "" if default == "null" else "see below"
        else:
            default = f"`{default}`"
        says = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind(inner)} | {default} | {says} |")
    return "\n".join(rows)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_shown_as_it_is(model: type[Model]) -> None:
    assert table(model) in DOCS, f"docs/project.md should hold:\n{table(model)}"


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
    assert len(result.valid().kpis) == sum(name.startswith("kpis/") for name in files)


def test_what_check_says_is_what_it_says() -> None:
    golden = Path(__file__).with_name("problems.txt").read_text("utf-8")
    block = re.search(r"```text\n(.*?)```", DOCS, re.DOTALL)
    assert block
    for line in block[1].splitlines():
        assert line in golden, line
