"""JSON Schemas of the project files, for editors that check and complete YAML."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from heedful.definitions.alert import AlertsDefinition
from heedful.definitions.experiment import Experiment
from heedful.definitions.fields import Model
from heedful.definitions.hypothesis import Hypothesis
from heedful.definitions.instrument import Instrument
from heedful.definitions.kpi import Kpi
from heedful.definitions.pattern import Pattern
from heedful.definitions.rules import Rules
from heedful.definitions.scorecard import ScorecardDefinition
from heedful.definitions.segment import Segment
from heedful.definitions.settings import Settings
from heedful.definitions.source import Source
from heedful.definitions.wording import wording

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FILES = {
    "heedful": "heedful.yaml",
    "rules": "rules.yaml",
    "segments": "segments.yaml",
    "kpi": "kpis/*.yaml",
    "scorecard": "scorecard.yaml",
    "source": "sources/*.yaml",
    "hypotheses": "hypotheses.yaml",
    "experiment": "experiments/*.yaml",
    "alerts": "alerts.yaml",
    "pattern": "patterns/*.yaml",
    "instrument": "instruments/*.yaml",
}


class _Worded(GenerateJsonSchema):
    """Says what fields are for, and leaves out titles that only repeat their names."""

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        found = super().model_schema(schema)
        model = schema["cls"]
        for name, field in model.model_fields.items():
            text = wording(model, name)
            if text and (place := found.get("properties", {}).get(field.alias or name)):
                place.setdefault("description", text)
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def schemas(formats: Iterable[str] = ()) -> dict[str, Schema]:
    """Return a JSON Schema (draft 2020-12) for each kind of project file.

    Args:
        formats: The known exports of other products; where given, sources may name no others.

    Examples:
        >>> sorted(schemas())
        ['alerts', 'experiment', 'heedful', 'hypotheses', 'instrument', 'kpi', 'pattern', 'rules',
        'scorecard', 'segments', 'source']
        >>> schemas()["kpi"]["properties"]["better"]["enum"]
        ['higher', 'lower']
    """
    kpi = _schema(Kpi)
    # What a KPI of the catalogue does not say again, it keeps.
    del kpi["required"]
    source = _schema(Source)
    if known := list(formats):
        described = source["properties"]["format"].get("description")
        choice = [{"enum": known}, {"type": "null"}]
        source["properties"]["format"] = {
            "anyOf": choice,
            "default": None,
            "description": described,
        }
    found = {
        "heedful": _schema(Settings),
        "rules": _schema(Rules),
        "segments": _of_each(_schema(Segment), {"type": "object"}, "additionalProperties"),
        "kpi": kpi,
        "scorecard": _schema(ScorecardDefinition),
        "source": source,
        "hypotheses": _of_each(_schema(Hypothesis), {"type": "array"}, "items"),
        "experiment": _schema(Experiment),
        "alerts": _schema(AlertsDefinition),
        "pattern": _schema(Pattern),
        "instrument": _schema(Instrument),
    }
    return {
        name: {"$schema": _DIALECT, **schema, "title": _FILES[name]}
        for name, schema in found.items()
    }


def _schema(model: type[Model]) -> Schema:
    schema = model.model_json_schema(schema_generator=_Worded)
    for name in model.unwritten:
        del schema["properties"][name]
    schema["required"] = [
        name for name in schema.get("required", ()) if name not in model.unwritten
    ]
    return schema


def _of_each(schema: Schema, outer: Schema, key: str) -> Schema:
    """Wrap the schema of one part into that of the file that holds many."""
    definitions = schema.pop("$defs", None)
    return {**outer, key: schema, **({"$defs": definitions} if definitions else {})}
