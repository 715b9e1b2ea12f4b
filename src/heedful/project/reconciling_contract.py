"""A comparison of two sources as JSON; the fields are those of docs/reconcile.md."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from heedful.project.reconciling_words import notes, sentences

if TYPE_CHECKING:
    from heedful.project.project import Project
    from heedful.reconciliation.reconciliation import Reconciliation


def as_contract(found: Reconciliation, project: Project) -> dict[str, Any]:
    """Its fields as plain values.

    Args:
        found: What came of it.
        project: The project.
    """
    kpi = project.kpis.get(found.kpi)
    return {
        "kpi": found.kpi,
        "unit": found.unit,
        "fact": found.fact,
        "table": found.table,
        "grain": found.grain,
        "since": found.since,
        "until": found.until,
        "match": found.match,
        "read_again": found.again,
        "sentences": list(sentences(found, kpi, project.definitions.settings.currency)),
        "notes": list(notes(found)),
        "sources": {"a": asdict(found.a), "b": asdict(found.b)},
        "agreement": found.agreement,
        "agreeing": found.agreeing,
        "differing": found.differing,
        "coverage": asdict(found.coverage),
        "columns": [asdict(one) for one in found.columns],
        "compared": list(found.compared),
        "a_fills": list(found.a_fills),
        "b_fills": list(found.b_fills),
        "whole": asdict(found.whole) if found.whole else None,
        "periods": [asdict(one) for one in found.periods],
        "differences": found.differences.to_pylist(),
        "limited": found.limited,
    }
