"""Small project folders for tests, and what the facts and tables around them hold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedful.definitions.document import read
from heedful.definitions.fields import Model
from heedful.definitions.project_files import Loaded, load
from heedful.definitions.wording import wording
from heedful.facts.catalogue import facts
from heedful.store.format import Formats

HEEDFUL = Path(__file__).parents[2] / "src" / "heedful"
CATALOGUE = HEEDFUL / "kpis" / "catalogue"
TABLES = {
    path.stem: list(read(path, path.name).data["columns"])
    for path in (HEEDFUL / "store" / "tables").glob("*.yaml")
}
_PLACE = "touchpoint stage device channel"
FACTS = {
    name: f"{columns} at customer".split()
    for name, columns in {
        "survey_answers": f"response_id instrument score scale_min scale_max boxes weight ai "
        f"language comment {_PLACE}",
        "survey_invitations": f"invitation_id instrument answered ai {_PLACE}",
        "form_attempts": f"attempt_id form last_step submitted seconds {_PLACE}",
        "checkouts": f"checkout_id completed {_PLACE}",
        "sessions": f"session_id pages seconds converted bounced engaged depth landing_page "
        f"country {_PLACE}",
        "page_steps": "page last touchpoint stage device",
        "first_value": "hours reached activated activation_matured country plan channel device",
        "help_visits": "visit_id ticket_followed topic touchpoint stage device",
        "ticket_handling": f"ticket_id first_response_hours responded resolution_hours resolved "
        f"ever_resolved reopened escalated handled_by topic priority {_PLACE}",
        "memberships": "active at_start lost tickets net_amount orders country plan channel device",
        "first_visits": f"converted matured landing_page {_PLACE}",
        "leads_won": "lead_id origin landing_page won matured channel touchpoint stage",
        "purchases": f"order_id is_order gross_amount refunded_amount net_amount {_PLACE}",
        "first_purchases": "repeated matured channel device",
        "lifetimes": "days lost country plan channel device",
        "ai_answers": f"output_id kind model model_version ai has_rationale has_policy "
        f"has_confidence explanation_shown explanation_accepted overridden reviewed "
        f"review_passed {_PLACE}",
    }.items()
}
PEOPLE = [*TABLES["customers"], *TABLES["accounts"]]

BASE = {
    "heedful.yaml": (
        "name: Acme\n"
        "timezone: Europe/Berlin\n"
        "currency: EUR\n"
        "touchpoints:\n"
        "  pricing: {stage: consideration, pages: [/pricing]}\n"
        "teams:\n"
        "  cx: {name: Care}\n"
        "  growth: {name: Growth, email: growth@acme.example}\n"
    ),
    "kpis/csat.yaml": "target: 85%\nowner: cx\nplaybook: csat\n",
    "playbooks/csat.md": "# When satisfaction falls\n\nRead the comments.\n",
    "sources/answers.yaml": (
        "table: responses\npath: in/*.csv\ncolumns: {response_id: ID, score: lower(a)}\n"
        "attributes: {region: Region}\n"
    ),
}


Files = dict[str, str | bytes | None]


def write(root: Path, files: Files) -> Path:
    """Write the base project, with some files in other words; `None` leaves one out."""
    for name, text in {**BASE, **files}.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[Files], Loaded]:
    """Load the base project, with some files in other words, against known tables and facts."""
    return lambda files: load(
        write(tmp_path, files), CATALOGUE, tables=TABLES, facts=FACTS, formats=Formats()
    )


@pytest.fixture
def problems(loaded: Callable[[Files], Loaded]) -> Callable[[Files], list[str]]:
    """Return what is said about the base project with some files in other words."""
    return lambda files: [str(problem) for problem in loaded(files).problems]


@pytest.fixture
def load_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Files], Loaded]:
    """As `loaded`, with a fresh folder each time."""

    def fresh(files: Files) -> Loaded:
        root = write(tmp_path_factory.mktemp("project"), files)
        return load(root, CATALOGUE, tables=TABLES, facts=FACTS, formats=Formats())

    return fresh


@pytest.fixture
def catalogue() -> Path:
    """The built-in KPIs."""
    return CATALOGUE


@pytest.fixture
def surroundings() -> dict[str, Any]:
    """What tables and facts hold."""
    built = {name: list(fact.columns) for name, fact in facts().items()}
    return {"tables": TABLES, "facts": built, "people": PEOPLE}


NAMES = {
    "Touchpoint": "touchpoint",
    "Team": "team",
    "Threshold": "threshold",
    "Scale": "scale",
    "Activities": "activities",
    "Dimension": "dimension",
    "Triad": "triad",
    "ReadOptions": "read options",
    "Variant": "variant",
    "Outcome": "outcome",
    "Guardrail": "guardrail",
    "Exposure": "exposure",
    "Constant": "`{constant: ...}`",
    "Channel": "channel",
    "Route": "route",
    "Digest": "digest",
    "Quiet": "quiet hours",
    "PatternLeg": "leg",
    "Override": "override",
}


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
        if kinds[:2] == ["number", "text"]:
            return "number or percentage"
        return " or ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties") or next(
            iter(schema["patternProperties"].values())
        )
        return f"name: {kind(inner)}"
    if schema.get("format") == "date":
        return "date"
    words = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}
    return words.get(schema["type"], schema["type"])


def table(model: type[Model], without: type[Model] | None = None) -> str:
    """Return the reference of a model, without the fields it has from another."""
    schema = model.model_json_schema()
    rows = ["| field | holds | default | |", "|---|---|---|---|"]
    for name, inner in schema["properties"].items():
        if name in model.unwritten or (without and name in without.model_fields):
            continue
        field = next(n for n, f in model.model_fields.items() if name in (n, f.alias))
        default = json.dumps(inner.get("default"), ensure_ascii=False)
        if name in schema.get("required", ()):
            default = "**needed**"
        elif default == "null" or "$ref" in inner or len(default) > 70:
            default = "" if default == "null" else "see below"
        else:
            default = f"`{default}`"
        says = " ".join(wording(model, field).split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind(inner)} | {default} | {says} |")
    return "\n".join(rows)


@pytest.fixture
def field_table() -> Callable[..., str]:
    """Return the reference of a model's fields, as a page of docs/ shows it."""
    return table
