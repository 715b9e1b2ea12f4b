"""The catalogue as a project uses it: a line a KPI, a rule, a part of the scorecard, a fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from heedful.definitions.rules import Rules
from heedful.definitions.wording import wording
from heedful.scorecard.score import weighed
from heedful.web import numbers

if TYPE_CHECKING:
    from heedful.definitions.kpi import CatalogueKpi
    from heedful.facts.model import Fact
    from heedful.web.edition import Edition

State = Literal["on", "off", "planned"]
SAID: dict[State, str] = {"on": "on", "off": "available", "planned": "planned"}
UNSAID = frozenset({"id", "like", "planned", "core", "owner", "playbook", "target", "scale"})
"""Fields that every project writes itself, or whose difference from the catalogue tells nothing."""


@dataclass(frozen=True, slots=True)
class KpiLine:
    """A KPI of the catalogue.

    Attributes:
        kpi: Its definition.
        state: on, off or planned.
        target: Its target as text.
        rule: Its threshold in words.
        scale: Which values score 0 and 100; empty where nobody accepted a scale.
        weight: Its share of the whole score, 0 to 1; None where it does not count.
        hash: Hash of the definition that its readings carry.
        file: The project's file about it; empty where it has none.
        changed: What that file says otherwise than the catalogue; None: it is the project's own.
        owner: What its owner is called.
    """

    kpi: CatalogueKpi
    state: State
    target: str
    rule: str
    scale: str
    weight: float | None
    hash: str
    file: str
    changed: tuple[str, ...] | None
    owner: str

    def holds(self, text: str) -> bool:
        """Whether a text is somewhere in it, whatever the case."""
        kpi = self.kpi
        every = (kpi.id, kpi.title, kpi.says, kpi.fact or "", self.owner, kpi.layer, kpi.timing)
        return any(text.casefold() in one.casefold() for one in every)


def kpi_lines(edition: Edition) -> tuple[KpiLine, ...]:
    """All KPIs, those that are on first; looked up once."""
    return edition.once("definition lines", lambda: tuple(_kpi_lines(edition)))


def _kpi_lines(edition: Edition) -> list[KpiLine]:
    definitions = edition.definitions
    parts = weighed(definitions)
    inside: dict[str, float] = {}
    for part in parts:
        inside[part.part] = inside.get(part.part, 0.0) + part.weight
    shares = {
        part.kpi.id: definitions.scorecard.dimensions[part.part].weight
        * part.weight
        / inside[part.part]
        for part in parts
        if inside[part.part]
    }
    return [_kpi_line(edition, kpi, shares) for kpi in edition.project.kpis.all()]


def _kpi_line(edition: Edition, kpi: CatalogueKpi, shares: dict[str, float]) -> KpiLine:
    definitions = edition.definitions
    on = kpi.id in definitions.kpis
    state: State = "on" if on else "planned" if kpi.planned else "off"
    unit = kpi.measure.unit if kpi.measure else None
    currency = definitions.settings.currency

    def told(value: float) -> str:
        return numbers.value(value, unit, currency=currency)

    team = definitions.settings.teams.get(kpi.owner or "")
    known = definitions.catalogue.get(kpi.id)
    changed = None
    if known is not None:
        changed = tuple(
            name
            for name in type(known).model_fields
            if name not in UNSAID and getattr(kpi, name) != getattr(known, name)
        )
    return KpiLine(
        kpi,
        state,
        "" if kpi.target is None else told(kpi.target),
        rule_of(kpi),
        f"{told(kpi.scale.worst)} to {told(kpi.scale.best)}" if kpi.scale else "",
        shares.get(kpi.id),
        "" if kpi.planned else edition.project.kpis.definition_hash(kpi.id),
        f"kpis/{kpi.id}.yaml" if on else "",
        changed if on else (),
        team.name if team else (kpi.owner or ""),
    )


def rule_of(kpi: CatalogueKpi) -> str:
    """The threshold in a few words."""
    if kpi.threshold is None:
        return ""
    by = kpi.threshold.amount
    return {
        "below_target": f"{100 * by:g}% worse than target" if by else "worse than target",
        "drop_points": f"falls by {by:g} points",
        "rise": f"rises by {100 * by:g}%",
        "change": f"{100 * by:g}% worse than before",
        "decline": "any significant decline",
        "trend": "each cohort worse than the one before",
    }[kpi.threshold.rule]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule of rules.yaml.

    Attributes:
        name: Its name.
        value: Its value in words.
        says: What it means.
        own: Whether the project set it.
    """

    name: str
    value: str
    says: str
    own: bool


def rule_lines(edition: Edition) -> list[RuleLine]:
    """The rules that every fact shares."""
    rules, usual = edition.definitions.rules, Rules()
    found = []
    for name in Rules.model_fields:
        if name == "business_hours":
            continue
        value = getattr(rules, name)
        own = value != getattr(usual, name)
        found.append(RuleLine(name, in_words(name, value), wording(Rules, name), own))
    return sorted(found, key=lambda one: not one.own)


def in_words(name: str, value: Any) -> str:
    """The value of a rule in words.

    >>> in_words("activation_days", 14), in_words("value_events", ()), in_words("tax", "inclusive")
    ('14 days', 'none', 'inclusive')
    """
    if value is None:
        return "not set"
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, dict):
        parts = [
            f"{key.replace('_', ' ')}: {in_words('', one)}"
            for key, one in value.items()
            if one not in ((), None)
        ]
        return "; ".join(parts) or "none"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "none"
    for unit in ("days", "hours", "minutes", "seconds"):
        if name.endswith(f"_{unit}"):
            return f"{value} {unit[:-1] if value == 1 else unit}"
    return str(value)


@dataclass(frozen=True, slots=True)
class PartLine:
    """A dimension of the scorecard, and the KPIs that make it."""

    name: str
    weight: float
    kpis: tuple[tuple[str, str, float], ...]


def part_lines(edition: Edition) -> list[PartLine]:
    """The scorecard: its dimensions, and what each KPI weighs in the whole score."""
    lines = {line.kpi.id: line for line in kpi_lines(edition)}
    found = []
    for name, dimension in edition.definitions.scorecard.dimensions.items():
        mine = [
            (part.kpi.id, part.kpi.title, lines[part.kpi.id].weight or 0.0)
            for part in weighed(edition.definitions)
            if part.part == name
        ]
        found.append(PartLine(name, dimension.weight, tuple(sorted(mine, key=lambda m: -m[2]))))
    return found


@dataclass(frozen=True, slots=True)
class FactLine:
    """A fact, and the KPIs that are on and measured over it."""

    fact: Fact
    kpis: tuple[str, ...]


def fact_lines(edition: Edition) -> list[FactLine]:
    """All facts, those that something is measured over first."""
    using: dict[str, list[str]] = {}
    for kpi in edition.definitions.kpis.values():
        using.setdefault(kpi.fact, []).append(kpi.id)
    found = [
        FactLine(fact, tuple(using.get(name, ()))) for name, fact in edition.project.facts.items()
    ]
    return sorted(found, key=lambda one: (not one.kpis, one.fact.name))
