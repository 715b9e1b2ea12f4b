"""Puts KPIs together: what the catalogue says, what `like` copies, what the project adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from heedful.definitions.document import Document
from heedful.definitions.entry import Entry, Folder
from heedful.definitions.fields import Who
from heedful.definitions.kpi import CatalogueKpi, Kpi
from heedful.definitions.problem import Problem, ProjectError, did_you_mean
from heedful.definitions.rules import Rules

Raw = Mapping[str, Any]

_STAND_INS = {
    "title": "?",
    "says": "?",
    "layer": "experience",
    "timing": "leading",
    "better": "higher",
    "fact": "?",
    "measure": {"share": "true"},
    "threshold": {"rule": "trend"},
    "owner": "?",
    "playbook": "?",
    "target": 0.0,
}
_DEFINES = ("title", "says", "layer", "timing", "better", "fact", "measure", "threshold")


@cache
def read_catalogue(folder: Path) -> Mapping[str, Raw]:
    """Return what the files of the catalogue say, by KPI.

    The catalogue comes with the program, so it is read once.

    Raises:
        ProjectError: The catalogue itself is broken.
    """
    shelf = Folder(folder.parent)
    documents = dict(shelf.documents(folder.name))
    raw = {name: document.data or {} for name, document in documents.items()}
    merged = {name: _merge(name, raw, {}) for name in raw}
    for name, fields in merged.items():
        if not fields.get("planned"):
            missing = [field for field in _DEFINES if field not in fields]
            shelf.problems += [
                documents[name].problem((), f"{field} is missing") for field in missing
            ]
        shelf.check(CatalogueKpi, documents[name], data={**fields, "id": name})
    if shelf.problems:
        raise ProjectError(shelf.problems)
    # What one KPI of the catalogue takes from another does not follow what a project changes
    # there: a target for 90 days is none for a year.
    return {
        name: {key: value for key, value in fields.items() if key != "like"}
        for name, fields in merged.items()
    }


def catalogue_kpis(
    raw: Mapping[str, Raw], rules: Rules, unit: Who = "customer"
) -> dict[str, CatalogueKpi]:
    """Return the catalogue's KPIs, typed, as a project's rules and its unit make them."""
    return {
        name: CatalogueKpi.model_validate({"unit": unit, **fields, "id": name}, context=rules)
        for name, fields in raw.items()
    }


def read_kpis(
    folder: Folder, catalogue: Mapping[str, Raw], rules: Rules, unit: Who = "customer"
) -> list[Entry[Kpi]]:
    """Return the KPIs that a project has switched on; problems go to the folder."""
    documents = dict(folder.documents("kpis"))
    own: dict[str, dict[str, Any]] = {}
    for name, document in documents.items():
        data = {} if document.data is None else document.data
        if not isinstance(data, dict):
            folder.check(Kpi, document)
            continue
        for extra in sorted(Kpi.unwritten & set(data)):
            found = f'unknown field "{extra}"'
            hint = "the name of the file is the id" if extra == "id" else "leave it out"
            folder.problems.append(document.problem((extra,), found, hint))
        own[name] = {key: value for key, value in data.items() if key not in Kpi.unwritten}
    entries = []
    for name, fields in own.items():
        document = documents[name]
        wrong = _like_problem(name, fields, document, own, catalogue)
        if wrong:
            folder.problems.append(wrong)
            continue
        merged = _merge(name, own, catalogue)
        if merged.get("planned"):
            if not {"fact", "measure"} <= set(fields):
                folder.problems.append(_only_planned(name, document, catalogue))
                continue
            merged = {"threshold": {"rule": "change", "by": 0.1}, **merged, "planned": False}
        before = len(folder.problems)
        entry = folder.check(
            Kpi,
            document,
            data={"unit": unit, **merged, "id": name},
            stand_ins=_STAND_INS,
            context=rules,
        )
        missing = [field for field in _DEFINES if field not in merged]
        if len(missing) > 2:
            folder.problems[before:] = _unknown(
                name, document, missing, folder.problems[before:], catalogue
            )
        if entry:
            entries.append(entry)
    return entries


def _merge(name: str, own: Mapping[str, Raw], catalogue: Mapping[str, Raw]) -> dict[str, Any]:
    """Return a KPI's fields: those `like` copies, under the catalogue's, under the project's.

    A KPI that is like itself is left at what the catalogue says.
    """

    def fields(here: str, seen: tuple[str, ...]) -> dict[str, Any]:
        known = {**catalogue.get(here, {}), **own.get(here, {})}
        other = own.get(here, {}).get("like")
        if not isinstance(other, str) or other in seen:
            return known
        return {**fields(other, (*seen, other)), **known}

    return fields(name, (name,))


def _like_problem(
    name: str,
    fields: Raw,
    document: Document,
    own: Mapping[str, Raw],
    catalogue: Mapping[str, Raw],
) -> Problem | None:
    """Return what is wrong with the chain of `like`s that begins at a KPI."""
    other = fields.get("like")
    if not isinstance(other, str):
        return None
    known = {**catalogue, **own}
    chain = [name]
    while isinstance(other, str):
        if other not in known:
            near = did_you_mean(other, known)
            hint = f"allowed: a KPI of the catalogue or of this project{near}"
            return document.problem(("like",), f'like "{other}" is not a KPI', hint)
        if other in chain:
            circle = " -> ".join([*chain, other])
            return document.problem(("like",), f"like goes in a circle: {circle}", "break it")
        chain.append(other)
        here = {**catalogue.get(other, {}), **own.get(other, {})}
        if here.get("planned") and not here.get("measure"):
            hint = "allowed: a KPI that can be measured"
            return document.problem(("like",), f'like "{other}" is only planned', hint)
        other = own.get(other, {}).get("like")
    return None


def _only_planned(name: str, document: Document, catalogue: Mapping[str, Raw]) -> Problem:
    ready = [other for other, fields in catalogue.items() if not fields.get("planned")]
    hint = f"remove the file, or define fact and measure in it{did_you_mean(name, ready)}"
    return document.problem((), f'"{name}" is only planned and cannot be measured yet', hint)


def _unknown(
    name: str,
    document: Document,
    missing: list[str],
    problems: Iterable[Problem],
    catalogue: Mapping[str, Raw],
) -> list[Problem]:
    """Say once, instead of once a field, that a KPI is not the catalogue's and defines nothing."""
    kept = [each for each in problems if each.found.removesuffix(" is missing") not in missing]
    near = did_you_mean(name, catalogue)
    hint = f"add what is missing, or name the file as a KPI of the catalogue{near}"
    found = f'"{name}" is not in the catalogue and lacks {", ".join(missing)}'
    return [document.problem((), found, hint), *kept]
