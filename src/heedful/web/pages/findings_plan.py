"""An experiment on a finding, as files to start from: the figures are known, the words are not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from heedful.definitions.measure import Nps
from heedful.kpis.periods import start as start_of
from heedful.web.pages.findings_evidence import hottest

if TYPE_CHECKING:
    from datetime import date

    from heedful.definitions.kpi import Kpi
    from heedful.findings.finding import Finding, Segment
    from heedful.web.edition import Edition

WEEKS = 8
ATTRIBUTES = ("device", "country", "plan")
"""Dimensions that are known of customers before they are exposed."""
LEAST = 2
TO_WRITE = "TO BE WRITTEN"


@dataclass(frozen=True, slots=True)
class Plan:
    """Files to paste.

    Attributes:
        name: Id of the experiment.
        hypothesis: What to add to `hypotheses.yaml`.
        experiment: What `experiments/<name>.yaml` holds.
        to_write: What only people know and must write.
        lacking: Guardrails that nobody can offer, as too few KPIs are switched on.
    """

    name: str
    hypothesis: str
    experiment: str
    to_write: tuple[str, ...]
    lacking: int


def planned(edition: Edition, finding: Finding) -> Plan | None:
    """The files; None where the finding names no KPI that is switched on.

    Args:
        edition: What pages are made from.
        finding: The finding.
    """
    kpi = edition.kpi(finding.kpi or "")
    if kpi is None:
        return None
    settings = edition.definitions.settings
    stage = finding.stage or next(iter(kpi.stages), settings.stages[0])
    owner = finding.owner or ""
    if owner not in settings.teams:
        owner = kpi.at(stage, finding.part).owner
    slug = re.sub(r"[^a-z0-9]+", "_", f"{finding.kpi} {finding.id}".lower()).strip("_")
    name = slug.replace("_", "-")
    first = start_of("week", edition.today + timedelta(days=14))
    who = _population(hottest(finding.who))
    guards = _guardrails(edition, finding, kpi)
    return Plan(
        name,
        _hypothesis(slug, finding, kpi, stage, owner),
        _experiment(slug, finding, kpi, stage, owner, first, who, guards),
        ("what customers would do if it were easier", "what the treatment is", "a title"),
        max(0, LEAST - len(guards)),
    )


def _population(hot: list[Segment]) -> list[tuple[str, str]]:
    found = {
        one.dimension: one.segment
        for one in reversed(hot)
        if one.dimension in ATTRIBUTES and one.segment is not None
    }
    return sorted(found.items())


def _guardrails(edition: Edition, finding: Finding, kpi: Kpi) -> list[Kpi]:
    """KPIs that may not get worse: those that got better with it, then what customers say."""
    known = edition.definitions.kpis
    better = [leg.kpi for leg in finding.legs if leg.verdict == "better"]
    same = [one.id for one in known.values() if kpi.stages and set(kpi.stages) & set(one.stages)]
    felt = [one.id for one in known.values() if one.layer == "experience"]
    rest = [one for one in [*felt, *same, *known] if one in edition.shelf.kpis]
    names = dict.fromkeys([*better, *[n for n in rest if n in felt and n in same], *rest])
    return [known[name] for name in names if name in known and name != kpi.id][:LEAST]


def _text(text: str) -> str:
    """Text as YAML has it, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def _hypothesis(slug: str, finding: Finding, kpi: Kpi, stage: str, owner: str) -> str:
    way = "More" if kpi.better == "higher" else "Less"
    return (
        f"- id: {slug}\n"
        f"  friction: {_text(finding.title)}\n"
        f"  behaviour: {_text(TO_WRITE + ': what would customers do if it were easier?')}\n"
        f"  outcome: {_text(f'{way}: {kpi.title}.')}\n"
        f"  stage: {stage}\n"
        f"  kpi: {kpi.id}\n"
        f"  owner: {owner}\n"
    )


def _experiment(
    slug: str,
    finding: Finding,
    kpi: Kpi,
    stage: str,
    owner: str,
    first: date,
    who: list[tuple[str, str]],
    guards: list[Kpi],
) -> str:
    people = ", ".join(f"{name}: {_text(value)}" for name, value in who)
    lines = [
        f"title: {_text(TO_WRITE)}",
        f"question: {_text(f'{TO_WRITE}: does the change bring {kpi.title.lower()} back?')}",
        f"hypothesis: {slug}",
        f"owner: {owner}",
        f"approver: {owner}",
        f"stage: {stage}",
        f"start: {first}",
        f"end: {first + timedelta(weeks=WEEKS)}",
        *([f"population: {{{people}}}"] if people else []),
        "variants:",
        "  - {name: control, title: As it is}",
        f"  - {{name: treatment, title: {_text(TO_WRITE)}}}",
        "",
        f"primary: {{kpi: {kpi.id}}}",
        _smallest(finding, kpi),
        "",
        "# What may not get worse, and by how much it may at most: decided before anyone looks.",
        "guardrails:",
        *[f"  - {{kpi: {one.id}, {_margin(one)}}}" for one in guards],
    ]
    return "\n".join(lines) + "\n"


def _smallest(finding: Finding, kpi: Kpi) -> str:
    """Half of what was lost, where that is known: less would hardly be worth it."""
    before, now = finding.previous, finding.value
    if before is None or now is None or before == now:
        return "smallest_effect: 10%"
    note = "  # half of what changed; less may still be worth it: say what matters"
    if isinstance(kpi.measure, Nps):
        return f"smallest_effect_absolute: {max(abs(now - before) / 2, 1):.0f}{note}"
    if not now:
        return "smallest_effect: 10%"
    share = min(max(abs(before - now) / abs(now) / 2, 0.01), 1.0)
    return f"smallest_effect: {100 * share:.0f}%{note}"


def _margin(kpi: Kpi) -> str:
    return "margin_absolute: 5" if isinstance(kpi.measure, Nps) else "margin: 5%"
