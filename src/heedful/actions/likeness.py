"""Which past actions were about something alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from heedful.ledger.action import Action


def similar(
    actions: Iterable[Action],
    *,
    finding: str | None = None,
    kpis: Collection[str | None] = (),
    pattern: str | None = None,
    playbook: str | None = None,
    stage: str | None = None,
) -> list[Action]:
    """Actions about something alike, the most alike first.

    The same pattern or KPI counts most, then the same playbook; among those the same stage, then
    those that were measured, then the newest.

    Args:
        actions: Among which to look.
        finding: Not those about this finding itself.
        kpis: The KPIs.
        pattern: The pattern.
        playbook: The playbook.
        stage: The stage.
    """
    ranked = []
    for each in actions:
        same = (
            pattern is not None and each.pattern == pattern,
            each.kpi is not None and each.kpi in kpis,
            playbook is not None and each.playbook == playbook,
        )
        if not any(same) or (finding is not None and each.finding == finding):
            continue
        measured = each.outcome is not None and each.outcome.state == "measured"
        likeness = (2 * (same[0] or same[1]) + same[2], each.stage == stage, measured)
        ranked.append((likeness, each.done_on or each.due, each.id, each))
    return [each for *_, each in sorted(ranked, key=lambda one: one[:3], reverse=True)]
