"""Reads `experiments/*.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from heedful.definitions.document import KeyPath
from heedful.definitions.entry import Entry, Folder
from heedful.definitions.experiment import Experiment, Outcome
from heedful.definitions.fields import Who
from heedful.definitions.kpi import Kpi

FOLDER = "experiments"
PRIMARY = "primary"
GUARDRAILS = "guardrails"
_LISTS = (GUARDRAILS, "secondary")
_NAME = "?"

_STAND_INS = {
    **dict.fromkeys(("title", "question", "hypothesis", "owner", "approver", "stage"), _NAME),
    "variants": ({"name": _NAME}, {"name": _NAME}),
    "start": "2000-01-01",
    "end": "9999-12-31",
    PRIMARY: {"kpi": _NAME},
    GUARDRAILS: ({"kpi": _NAME, "margin": 0.0}, {"kpi": _NAME, "margin": 0.0}),
}


def read_experiments(folder: Folder, unit: Who = "customer") -> Iterator[Entry[Experiment]]:
    """Yield the experiments of a project; problems go to the folder."""
    for name, document in folder.documents(FOLDER, hyphens=True):
        data: Any = {} if document.data is None else document.data
        if isinstance(data, dict):
            if "id" in data:
                hint = "the name of the file is the id"
                folder.problems.append(document.problem(("id",), 'unknown field "id"', hint))
            data = {"unit": unit, **data, "id": name}
        entry = folder.check(Experiment, document, (), data, _STAND_INS)
        if entry:
            yield entry


def outcomes(entry: Entry[Experiment]) -> Iterator[tuple[KeyPath, Outcome]]:
    """Yield the outcomes of an experiment that are right in themselves, and where they stand."""
    if PRIMARY not in entry.broken:
        yield (PRIMARY,), entry.value.primary
    for name in _LISTS:
        if name not in entry.broken:
            for index, outcome in enumerate(getattr(entry.value, name)):
                yield (name, index), outcome


def horizon(experiment: Experiment, outcome: Outcome, kpis: Mapping[str, Kpi]) -> int:
    """Return the days from the exposure of a unit until an outcome of it is known.

    That is the delay and the window, and for a row at its end the days until the outcome of the
    row itself is known (the KPI's `window_days`).

    Args:
        experiment: The experiment.
        outcome: One of its outcomes.
        kpis: The project's KPIs, by id.
    """
    kpi = kpis.get(outcome.kpi)
    measure, late = (kpi.measure, int(kpi.window_days)) if kpi else (None, 0)
    return outcome.delay_days + experiment.window(outcome, measure) + late


def named_kpis(entry: Entry[Experiment]) -> Iterator[tuple[KeyPath, str]]:
    """Yield the KPIs that an experiment names, also in outcomes that are wrong otherwise."""
    data = entry.document.data
    written = data if isinstance(data, dict) else {}
    places: list[tuple[KeyPath, Any]] = [((PRIMARY,), written.get(PRIMARY))]
    for name in _LISTS:
        listed = written.get(name)
        if isinstance(listed, tuple):
            places += [((name, index), one) for index, one in enumerate(listed)]
    for place, outcome in places:
        kpi = outcome.get("kpi") if isinstance(outcome, dict) else None
        if isinstance(kpi, str) and kpi:
            yield (*place, "kpi"), kpi
