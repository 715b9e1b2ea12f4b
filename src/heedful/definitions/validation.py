"""Checks a document against a model and says in plain words what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from heedful.definitions.document import Document, KeyPath
from heedful.definitions.fields import Model
from heedful.definitions.problem import Problem, one_of
from heedful.definitions.wording import wording

M = TypeVar("M", bound=Model)

_QUOTED = re.compile(r"'([^']*)'")
_ROOT = "the file"
_WORDS = {
    "string_type": ("is not text", "put it in quotes"),
    "string_too_short": ("is empty", "fill it in or leave it out"),
    "string_pattern_mismatch": (
        "is not a name",
        "allowed: lower-case letters, digits and _, beginning with a letter",
    ),
    "bool_type": ("is neither true nor false", "allowed: true, false"),
    "int_type": ("is not a whole number", "allowed: such as 30"),
    "int_from_float": ("is not a whole number", "allowed: such as 30"),
    "float_type": ("is not a number", "allowed: such as 0.5"),
    "finite_number": ("is not a number", "allowed: such as 0.5"),
    "dict_type": ("is not a mapping", "allowed: name: value"),
    "model_type": ("is not a mapping", "allowed: name: value"),
    "tuple_type": ("is not a list", "allowed: such as [a, b]"),
    "none_required": ("is reserved", "leave it out"),
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "too_short": ("min_length", "at least"),
}


class Checked(NamedTuple, Generic[M]):
    """What came of a check.

    Attributes:
        value: The model; where fields were wrong, stand-ins take their place, so that the
            rest can still be checked. `None` if there is nothing to go on.
        problems: What is wrong.
        broken: The fields that were wrong.
    """

    value: M | None
    problems: tuple[Problem, ...]
    broken: frozenset[str]


def validate(
    model: type[M],
    data: Any,
    document: Document,
    at: KeyPath = (),
    stand_ins: Mapping[str, Any] | None = None,
    context: Any = None,
) -> Checked[M]:
    """Check data against a model.

    Args:
        model: The model.
        data: What should fit it.
        document: Where the data stands; problems point there.
        at: The path of the data in the document.
        stand_ins: Values for mandatory fields that are missing or wrong.
        context: What validators may look at.
    """
    if not isinstance(data, dict):
        return Checked(None, (_not_a_mapping(data, document, at),), frozenset())
    found: list[Problem] = []
    broken: set[str] = set()
    given = dict(data)
    # A validator over several fields only runs once each field is right, so look again and
    # again, each time without the fields already known to be wrong.
    while True:
        try:
            value = model.model_validate(given, context=context)
        except ValidationError as error:
            details = [
                each
                for each in error.errors(include_url=False)
                if _field(each) not in broken and not _enough(each)
            ]
        else:
            return Checked(value, tuple(found), frozenset(broken))
        found += [_problem(model, each, document, at) for each in details]
        fields = {field for each in details if (field := _field(each)) is not None}
        if not fields:
            return Checked(None, tuple(found), frozenset(broken))
        broken |= fields
        given = {key: kept for key, kept in data.items() if key not in broken}
        given |= {key: kept for key, kept in (stand_ins or {}).items() if key in broken}


def _enough(details: ErrorDetails) -> bool:
    """Whether a list is only said to be too short because items in it are wrong."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _field(details: ErrorDetails) -> str | None:
    """Return the field of the model that an error is about."""
    place = (*details["loc"], *details.get("ctx", {}).get("at", ()))
    return str(place[0]) if place else None


def _not_a_mapping(data: Any, document: Document, at: KeyPath) -> Problem:
    name = ".".join(step for step in at if isinstance(step, str)) or ("this" if at else _ROOT)
    found = f"{name} is empty" if data is None else f"{name} is {shown(data)}, not a mapping"
    return document.problem(at, found, "allowed: lines such as name: value")


def shown(value: Any) -> str:
    """Return a value as a message shows it.

    Examples:
        >>> shown("cxx"), shown(None), shown(True), shown(("a",)), shown(0.5)
        ('"cxx"', 'nothing', 'true', 'a list', '0.5')
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (tuple, list)):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _problem(model: type[Model], details: ErrorDetails, document: Document, at: KeyPath) -> Problem:
    kind, place = details["type"], details["loc"]
    context = details.get("ctx", {})
    path: KeyPath = (*at, *place, *context.get("at", ()))
    name = _name(document, path) or _ROOT
    value = details["input"]
    if kind == "definition":
        found = context["found"].replace("{name}", name).replace("{value}", shown(value))
        return document.problem(path, found, context["allowed"])
    if kind == "extra_forbidden":
        fields = sorted(_field_names(model, place))
        return document.problem(path, f'unknown field "{place[-1]}"', one_of(fields, place[-1]))
    if kind == "missing":
        last = str(place[-1])
        name = f"{_name(document, path)}.{last}".removeprefix(".")
        says = _says(model, place)
        return document.problem(
            path, f"{name} is missing", f"add {last}{f': {says}' if says else ''}"
        )
    if value is None and kind in _WORDS:
        says = _says(model, place)
        return document.problem(path, f"{name} is empty", says and f"allowed: {says}")
    if kind == "literal_error":
        options = _QUOTED.findall(str(context["expected"]))
        return document.problem(path, f"{name} {shown(value)} is not known", one_of(options, value))
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        if kind == "too_short":
            return _too_few(document, path, name, len(value), context["min_length"])
        allowed = f"allowed: {words} {context[bound]:g}"
        return document.problem(path, f"{name} {shown(value)} is out of range", allowed)
    found, allowed = _WORDS.get(kind, (f"is wrong: {details['msg']}", ""))
    return document.problem(path, f"{name} {shown(value)} {found}", allowed)


def _too_few(document: Document, path: KeyPath, name: str, there: int, least: int) -> Problem:
    found = f"{name} has only {there}" if there else f"{name} is empty"
    return document.problem(path, found, f"name at least {'one' if least == 1 else least}")


def _name(document: Document, path: KeyPath) -> str:
    """Return a path as a person would write it: without list positions and internal steps."""
    known: KeyPath = ()
    words = []
    for step in path:
        if (*known, step) in document.lines:
            known = (*known, step)
            if isinstance(step, str):
                words.append(step)
    return ".".join(words)


def _models(annotation: Any) -> set[type[Model]]:
    """Return the models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return {annotation}
    return {found for part in get_args(annotation) for found in _models(part)}


def _fields(model: type[Model], place: tuple[int | str, ...]) -> list[tuple[set[type[Model]], str]]:
    """Return, for each step of a place, the models it may be a field of."""
    steps = []
    here: set[type[Model]] = {model}
    for step in place:
        steps.append((here, str(step)))
        named = {each for each in here if each.__name__ == step}
        if named:  # the step says which of several models it is
            here = named
            continue
        inner = {
            found
            for each in here
            for name, field in each.model_fields.items()
            if step in {name, field.alias}
            for found in _models(field.annotation)
        }
        here = inner or here
    return steps


def _field_names(model: type[Model], place: tuple[int | str, ...]) -> set[str]:
    models, _ = _fields(model, place)[-1]
    return {
        field.alias or name
        for each in models
        for name, field in each.model_fields.items()
        if name not in each.unwritten
    }


def _says(model: type[Model], place: tuple[int | str, ...]) -> str:
    """Return what may stand in a field, or else what it is for, in the words of the model."""
    models, step = _fields(model, place)[-1]
    fields = [
        (each, name, field)
        for each in models
        for name, field in each.model_fields.items()
        if step in {name, field.alias}
    ]
    if not fields:
        return ""
    owner, name, field = fields[0]
    if get_origin(field.annotation) is Literal:
        return ", ".join(map(str, get_args(field.annotation)))
    words = " ".join(wording(owner, name).split()).rstrip(".")
    return words[:1].lower() + words[1:] if words[1:2].islower() else words
