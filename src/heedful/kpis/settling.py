"""After an erasure: what was up to date before is up to date still."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heedful.kpis.computing import versions

if TYPE_CHECKING:
    from heedful.kpis.computing import Bench
    from heedful.kpis.refresh import Refresh


def settle(refresh: Refresh, bench: Bench, people: str) -> list[str]:
    """Let facts that were up to date before an erasure count as up to date after it.

    Their rows were erased where they lie, and readings stay as they were reported. Without this
    the next refresh would measure all of the past again, only because the tables of people have
    another version. Facts that wait for an import keep waiting. Whoever calls holds the lock of
    refreshes.

    Args:
        refresh: Of the project.
        bench: The project's tables and facts after the erasure.
        people: What `Prepared.people` was before it.

    Returns:
        The facts that were settled.
    """
    from heedful.kpis.refresh import _model

    prepared, now = bench.prepared, bench.prepared.people
    settled = []
    for name, state in refresh._states(bench.engine).items():  # noqa: SLF001 - one room
        fact = refresh.facts.get(name)
        if fact is None:
            continue
        wanted = versions(fact.reads, prepared.versions)
        waits = any(
            refresh.tables.touched_since(table, state.versions.get(table)) != [] for table in wanted
        )
        prepared.people = people
        same = state.model == _model(fact, refresh.definitions, prepared)
        prepared.people = now
        if waits or not same:
            continue
        model = _model(fact, refresh.definitions, prepared)
        new = replace(state, model=model, versions=wanted)
        if new != state:
            refresh._remember(name, new)  # noqa: SLF001 - one room
        settled.append(name)
    return settled
