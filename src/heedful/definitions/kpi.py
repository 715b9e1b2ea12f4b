"""`kpis/*.yaml`: what is measured, who owns it and what to do when it goes wrong."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from heedful.definitions.fields import Id, Model, Number, Sql, Text, Who, wrong
from heedful.definitions.measure import Measure
from heedful.definitions.override import Override
from heedful.definitions.rules import Days
from heedful.definitions.threshold import Scale, Threshold

Layer = Literal[
    "experience", "engagement", "operational", "commercial", "governance", "qualitative"
]
Timing = Literal["leading", "lagging", "diagnostic"]

_DECIDES = ("fact", "measure", "where", "weighted", "unit", "window_days")


class CatalogueKpi(Model):
    """A KPI as the catalogue describes it: nobody owns it yet, and it may be only planned."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"id"})

    id: Id
    """The name of its file."""
    title: Text
    """What people call it."""
    says: Text
    """What it says, in one sentence."""
    layer: Layer
    """Which side of the relationship it looks at."""
    timing: Timing
    """leading: moves first. lagging: moves last. diagnostic: explains another."""
    better: Literal["higher", "lower"]
    """Which way is better for the customer and the company."""
    stages: tuple[Text, ...] = ()
    """Its stages; where it has exactly one, rows without a touchpoint's stage belong to it."""
    fact: Text | None = None
    """The fact it is measured over."""
    measure: Measure | None = None
    """What is computed: one kind, with its SQL expressions over the fact's columns."""
    where: Sql | None = None
    """SQL condition: which rows of the fact count."""
    weighted: bool = False
    """Whether rows count by the fact's `weight`."""
    unit: Who = "customer"
    """What is counted and clustered; without, what heedful.yaml says under unit."""
    breakdowns: tuple[Text, ...] = ()
    """The dimensions worth looking at first."""
    scored: bool = True
    """Whether it counts in the scorecard."""
    core: bool = False
    """Whether it is one of the KPIs to begin with."""
    window_days: Annotated[Days, Field(ge=0)] = 0
    """How many days after a row its outcome is known; or a rule, such as $activation_days."""
    threshold: Threshold | None = None
    """When a value is worth someone's attention."""
    scale: Scale | None = None
    """Which values score 0 and 100; without it the KPI is not scored."""
    target: Number | None = None
    """The value to reach, in the KPI's unit."""
    owner: Text | None = None
    """The team that acts on it, an id under teams in heedful.yaml."""
    playbook: Text | None = None
    """What to do when it goes wrong: the name of a file in playbooks/, without .md."""
    min_customers: Annotated[int, Field(gt=0)] = 30
    """With fewer customers no finding is made."""
    planned: bool = False
    """Whether it cannot be measured yet."""
    like: Text | None = None
    """Another KPI, whose fields are taken first."""
    overrides: tuple[Override, ...] = ()
    """Another target, threshold or owner in some stages or for some segments."""

    @model_validator(mode="after")
    def _measurable(self) -> CatalogueKpi:
        if self.planned:
            return self
        for name in ("fact", "measure", "threshold"):
            if getattr(self, name) is None:
                raise wrong(f"{name} is missing", f"add {name}", at=(name,))
        return self

    @model_validator(mode="after")
    def _directed(self) -> CatalogueKpi:
        scale = self.scale
        if scale and (scale.best > scale.worst) != (self.better == "higher"):
            raise wrong(
                f"scale: best {scale.best:g} and worst {scale.worst:g} say the opposite of "
                f"better: {self.better}",
                "swap them, or change better",
                at=("scale",),
            )
        return self

    @property
    def units(self) -> str:
        """What several of those it counts are called: customers or accounts."""
        return f"{self.unit}s"

    @property
    def definition_hash(self) -> str:
        """A short hash of what decides the number, the same on every machine.

        Title, owner, target and the like do not change it.
        """
        parts = self.model_dump(mode="json", include=set(_DECIDES), by_alias=True)
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()[:12]

    def told(self) -> list[dict[str, Any]]:
        """Its overrides as plain data, for whoever prints or sends them."""
        return [
            one.model_dump(mode="json", exclude_none=True, by_alias=True) for one in self.overrides
        ]


class Kpi(CatalogueKpi):
    """A KPI that a project has switched on."""

    unwritten: ClassVar[frozenset[str]] = frozenset({"id", "planned"})

    fact: Text
    """The fact it is measured over."""
    measure: Measure
    """What is computed: one kind, with its SQL expressions over the fact's columns."""
    threshold: Threshold
    """When a value is worth someone's attention, such as {rule: change, by: 10%}."""
    owner: Text
    """The team that acts on it, an id under teams in heedful.yaml."""
    playbook: Text
    """What to do when it goes wrong: the name of a file in playbooks/, without .md."""

    @model_validator(mode="after")
    def _targeted(self) -> Kpi:
        if self.threshold.rule == "below_target" and self.target is None:
            raise wrong(
                "target is missing, and the threshold's rule below_target needs it",
                "add target, or another threshold",
                at=("target",),
            )
        return self

    def at(self, stage: str | None = None, part: tuple[str, str] | None = None) -> Kpi:
        """The KPI with the target, threshold and owner that count in a stage or for a segment.

        Of several overrides the most specific one that sets a field gives it: stage and segment,
        then segment, then stage.

        Args:
            stage: The stage; None: all.
            part: Dimension and value of the segment; None: all customers.
        """
        found: dict[str, Any] = {}
        for one in sorted(self.overrides, key=lambda each: each.rank):
            if one.holds(stage, part):
                found |= one.given
        return self.model_copy(update=found) if found else self

    def watched(self) -> list[tuple[str | None, tuple[str, str]]]:
        """Segments that have a limit of their own, with their stages: somebody asked for them."""
        found = [
            (one.stage, one.part)
            for one in self.overrides
            if one.part is not None and {"target", "threshold"} & set(one.given)
        ]
        return [
            (stage, part)
            for stage, part in dict.fromkeys(found)
            if self.at(stage, part).threshold.rule == "below_target"
        ]
