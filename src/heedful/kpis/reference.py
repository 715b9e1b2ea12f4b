"""The reference of KPIs, written from the catalogue: `python -m heedful.kpis.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from heedful.definitions.kpi import CatalogueKpi, Layer
from heedful.definitions.kpi_files import catalogue_kpis, read_catalogue
from heedful.definitions.rules import Rules

CATALOGUE = Path(__file__).parent / "catalogue"

INTRODUCTION = """\
# The KPI catalogue

What ships as [`src/heedful/kpis/catalogue`](../src/heedful/kpis/catalogue), one file a KPI. A
project switches one on with a file of the same name in its `kpis/` folder that says at least
`owner` and `playbook`; it may override anything, and add KPIs of its own
([project.md](project.md)). Facts are explained in [facts.md](facts.md), intervals in
[statistics.md](statistics.md). This page is made by `make docs`.

**Timing**: a leading KPI moves first, a lagging one last, a diagnostic one explains another.
**Core** KPIs are the ones to begin with. Planned KPIs are listed so that nobody misses them; they
have no value yet, and never show as zero.
"""

MEANING: Mapping[str, str] = {
    "experience": "How the customer felt.",
    "engagement": "Friction on the way.",
    "operational": "How help works.",
    "commercial": "What it is worth.",
    "governance": "Trust in what machines say.",
    "qualitative": "What people say in their own words.",
}


def page() -> str:
    """The whole page, in Markdown."""
    kpis = catalogue_kpis(read_catalogue(CATALOGUE), Rules())
    return "\n".join([INTRODUCTION, *_sections(kpis)]).rstrip() + "\n"


def _sections(kpis: Mapping[str, CatalogueKpi]) -> Iterator[str]:
    for layer in get_args(Layer):
        mine = sorted((k for k in kpis.values() if k.layer == layer), key=lambda k: k.id)
        yield f"## {layer.capitalize()}\n\n{MEANING[layer]}\n"
        measured = [kpi for kpi in mine if not kpi.planned]
        if measured:
            yield "| id | what it says | how | better | timing | stages | broken down by |"
            yield "|---|---|---|---|---|---|---|"
            yield from map(_row, measured)
            yield ""
        planned = [kpi for kpi in mine if kpi.planned]
        if planned:
            yield "Planned:\n"
            yield from (f"- `{kpi.id}`: {kpi.says}" for kpi in planned)
            yield ""


def _row(kpi: CatalogueKpi) -> str:
    measure = kpi.measure
    how = measure.text() if measure else ""
    how = f"`{{{how}}}` over `{kpi.fact}`" + (f" where `{kpi.where}`" if kpi.where else "")
    if kpi.unit == "account":
        how += ", by account"
    if kpi.weighted:
        how += ", weighted by `weight` where there is one"
    if kpi.window_days:
        how += f", known after {kpi.window_days} days"
    marks = "".join([" (core)" if kpi.core else "", "" if kpi.scored else " (not scored)"])
    cells = [
        f"`{kpi.id}`{marks}",
        kpi.says,
        how,
        kpi.better,
        kpi.timing,
        ", ".join(kpi.stages) or "of the touchpoint",
        ", ".join(kpi.breakdowns),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
