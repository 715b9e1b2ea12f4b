"""Editors are told the same as the check."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heedful.definitions.document import read
from heedful.definitions.schema import schemas
from heedful.definitions.template import TEMPLATES, create

FILES = {
    "heedful.yaml": "heedful",
    "rules.yaml": "rules",
    "segments.yaml": "segments",
    "scorecard.yaml": "scorecard",
    "hypotheses.yaml": "hypotheses",
    "kpis": "kpi",
    "experiments": "experiment",
}
TYPES = {"object": dict, "array": tuple, "string": str, "boolean": bool, "null": type(None)}


def errors(schema: dict[str, Any], data: Any, whole: dict[str, Any]) -> Iterator[str]:  # noqa: C901
    """Check data against the part of JSON Schema that ours use."""
    if "$ref" in schema:
        yield from errors(whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], data, whole)
        return
    for word in ("anyOf", "oneOf"):
        if word in schema:
            fits = sum(not list(errors(one, data, whole)) for one in schema[word])
            if fits == 0 or (word == "oneOf" and fits > 1):
                yield f"{data!r} fits {fits} of {word}"
    kind = schema.get("type")
    number = isinstance(data, (int, float)) and not isinstance(data, bool)
    if kind in ("number", "integer"):
        if not number or (kind == "integer" and data != int(data)):
            yield f"{data!r} is no {kind}"
            return
        if data < schema.get("minimum", data) or data > schema.get("maximum", data):
            yield f"{data!r} out of range"
        if data in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")):
            yield f"{data!r} on the edge"
        if data < schema.get("exclusiveMinimum", data) or data > schema.get(
            "exclusiveMaximum", data
        ):
            yield f"{data!r} out of range"
    elif kind and not isinstance(data, TYPES[kind]):
        yield f"{data!r} is no {kind}"
        return
    if "enum" in schema and data not in schema["enum"]:
        yield f"{data!r} is not one of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], data):
        yield f"{data!r} does not match"
    if kind == "object":
        for name in schema.get("required", ()):
            if name not in data:
                yield f"{name} is missing"
        for name, value in data.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            if inner is False:
                yield f"{name} is not known"
            elif isinstance(inner, dict):
                yield from errors(inner, value, whole)
    if kind == "array":
        if not schema.get("minItems", 0) <= len(data) <= schema.get("maxItems", len(data)):
            yield f"{len(data)} items"
        for item in data:
            yield from errors(schema.get("items", {}), item, whole)


EXPERIMENT: dict[str, Any] = {
    **dict.fromkeys(("title", "question", "hypothesis", "owner", "approver", "stage"), "a"),
    "start": "2026-03-02",
    "end": "2026-03-30",
    "variants": ({"name": "a", "weight": "50%"}, {"name": "b", "levels": {"tone": "warm"}}),
    "primary": {"kpi": "csat", "capping": 0.99},
    "guardrails": ({"kpi": "nps", "margin": "3%"}, {"kpi": "nps", "margin_absolute": 2}),
    "looks": ("2026-03-09",),
    "group_range": (0, "50%"),
    "population": {"plan": ("a", "b"), "country": "DE"},
    "alpha": 0.1,
}


def test_an_experiment_fits() -> None:
    schema = schemas()["experiment"]
    assert list(errors(schema, EXPERIMENT, schema)) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_fit(tmp_path: Path, template: str) -> None:
    known = schemas()
    create(tmp_path / "x", template)
    for path in sorted((tmp_path / "x").rglob("*.yaml")):
        name = path.relative_to(tmp_path / "x").as_posix()
        schema = known[FILES[name.split("/")[0]]]
        data = read(path, name).data
        assert list(errors(schema, data, schema)) == [] or data is None, name


def test_the_catalogue_fits(catalogue: Path) -> None:
    schema = schemas()["kpi"]
    extended = {**schema, "properties": {**schema["properties"], "planned": {"type": "boolean"}}}
    for path in catalogue.glob("*.yaml"):
        data = {k: v for k, v in read(path, path.name).data.items() if k != "window_days"}
        assert list(errors(extended, data, schema)) == [], path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("heedful", {"name": "Acme"}),
        ("kpi", {"ownr": "cx"}),
        ("kpi", {"id": "csat"}),
        ("kpi", {"planned": True}),
        ("kpi", {"measure": {"mean": "x"}}),
        ("kpi", {"target": "many"}),
        ("kpi", {"better": "more"}),
        ("scorecard", {"min_coverage": 2}),
        ("segments", {"a": {"case": {}}}),
        ("source", {"table": "orders", "name": "x", "path": "x"}),
        ("hypotheses", [{"id": "a"}]),
        ("experiment", EXPERIMENT | {"id": "a"}),
        ("experiment", {k: v for k, v in EXPERIMENT.items() if k != "approver"}),
        ("experiment", EXPERIMENT | {"guardrails": EXPERIMENT["guardrails"][:1]}),
        ("experiment", EXPERIMENT | {"variants": ({"nam": "a"}, {"name": "b"})}),
        ("experiment", EXPERIMENT | {"alpha": 0.5}),
        ("experiment", EXPERIMENT | {"capping": 1}),
        ("experiment", EXPERIMENT | {"group_range": (0.1, 0.2, 0.3)}),
        ("experiment", EXPERIMENT | {"group_range": (0, 1.5)}),
        ("experiment", EXPERIMENT | {"looks": "often"}),
        ("experiment", EXPERIMENT | {"population": {"seats": 3}}),
    ],
)
def test_what_the_check_refuses_does_not_fit(name: str, data: Any) -> None:
    schema = schemas()[name]
    data = tuple(data) if isinstance(data, list) else data
    assert list(errors(schema, data, schema)) != []


def test_schemas_are_json_and_every_field_is_explained() -> None:
    for name, schema in schemas().items():
        assert json.loads(json.dumps(schema)) == schema
        objects = [schema, *schema.get("$defs", {}).values()]
        for each in objects:
            for field, inner in each.get("properties", {}).items():
                assert "description" in inner or "$ref" in inner, (name, field)
