"""What was planted and what was left alone, with the values that a right reading must find."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Truth:
    """One expectation that changed once.

    Attributes:
        kpi: KPI id.
        dimension: Dimension, None for the total.
        segment: Its value, None for the total.
        since: The Monday from which on (local time of the row's beginning) `after` holds.
        before: Expectation before.
        after: Expectation from then on.
        release: Title of the annotation that marks it.
        says: One sentence.
    """

    kpi: str
    dimension: str | None
    segment: str | None
    since: date
    before: float
    after: float
    release: str
    says: str


@dataclass(frozen=True)
class Stable:
    """One expectation that holds all year; `value` is None where it is not known in closed form."""

    kpi: str
    dimension: str | None
    segment: str | None
    value: float | None


@dataclass(frozen=True)
class Effect:
    """What an experiment does.

    Attributes:
        name: Experiment id.
        first, last: The Mondays on which it begins and (exclusive) ends.
        outcome: What it is about, in words.
        relative: Relative difference of treatment and control, 0 where there is none.
    """

    name: str
    first: date
    last: date
    outcome: str
    relative: float


@dataclass(frozen=True)
class Release:
    """Something that the company did on a day."""

    day: date
    kind: str
    stage: str | None
    text: str


@dataclass(frozen=True)
class Truths:
    """Everything that is known of a simulated year.

    Attributes:
        seed: The seed it came from.
        start, until: First day, and the day before which the data end.
        settled: Rows that began before this day have all their outcomes.
        planted: What changed.
        stable: What did not.
        experiments: What the experiments do.
        releases: Annotations, as in `annotations.csv`.
        wave: Mondays of weeks that are fuller or emptier than others, and by how much. It moves
            volumes, and with them tickets and complaints per customer; no share, mean or median.
        rejected: Source -> rows that an import must reject.
        left_out: Source -> rows that a source leaves out on purpose.
        rows: File or table -> rows written, good ones only.
    """

    seed: int
    start: date
    until: date
    settled: date
    planted: tuple[Truth, ...]
    stable: tuple[Stable, ...]
    experiments: tuple[Effect, ...]
    releases: tuple[Release, ...]
    wave: dict[date, float]
    rejected: dict[str, int]
    left_out: dict[str, int]
    rows: dict[str, int]

    def write(self, path: Path) -> None:
        """Write them as YAML."""
        lines = ["# What a right reading of this simulated company must find.\n"]
        lines += [_yaml(field.name, getattr(self, field.name)) for field in fields(self)]
        path.write_text("".join(lines), encoding="utf-8")


def _yaml(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        rows = "".join(f"  - {_flow(asdict(row))}\n" for row in value)
        return f"{name}:\n{rows}" if rows else f"{name}: []\n"
    if isinstance(value, dict):
        return f"{name}: {_flow(value)}\n"
    return f"{name}: {_scalar(value)}\n"


def _flow(row: dict[Any, Any]) -> str:
    return "{" + ", ".join(f"{_scalar(k)}: {_scalar(v)}" for k, v in row.items()) + "}"


def _scalar(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(round(value, 6))
    if isinstance(value, str) and value.replace("_", "").isalnum() and not value.isdigit():
        return value
    return json.dumps(value, ensure_ascii=False)
