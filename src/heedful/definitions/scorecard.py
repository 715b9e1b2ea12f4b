"""`scorecard.yaml`: how KPIs are weighed into one score."""

from __future__ import annotations

from pydantic import Field, model_validator

from heedful.definitions.fields import Model, NotNegative, Share, Text, wrong
from heedful.definitions.kpi import Layer


class Dimension(Model):
    """A part of the score."""

    weight: Share
    """Its share of the score; all dimensions add up to 100%."""
    layers: tuple[Layer, ...] = ()
    """The layers whose KPIs it holds."""
    kpis: tuple[str, ...] = ()
    """The KPIs it holds, instead of layers."""

    @model_validator(mode="after")
    def _either(self) -> Dimension:
        if bool(self.layers) == bool(self.kpis):
            what = "both layers and kpis" if self.layers else "neither layers nor kpis"
            raise wrong(f"{{name}} has {what}", "give one of them")
        return self


class Triad(Model):
    """Three KPIs that say more side by side than each alone."""

    title: Text
    """What they are about."""
    empathy: Text
    """A KPI of how it is for the customer."""
    business: Text
    """A KPI of what it is worth."""
    diagnostic: Text
    """A KPI that explains the other two."""


class ScorecardDefinition(Model):
    """`scorecard.yaml`."""

    dimensions: dict[str, Dimension] = Field(
        min_length=1,
        default={
            "experience": Dimension(weight=0.30, layers=("experience",)),
            "friction": Dimension(weight=0.30, layers=("engagement", "operational")),
            "business": Dimension(weight=0.25, layers=("commercial",)),
            "qualitative": Dimension(weight=0.15, layers=("qualitative", "governance")),
        },
    )
    """The parts of the score, by name."""
    weights: dict[str, NotNegative] = Field(default={})
    """The weight of a KPI inside its dimension; 1 where not given."""
    min_coverage: Share = 0.60
    """The weight that must have data; under it there is no score."""
    triads: tuple[Triad, ...] = ()
    """KPIs that the overview shows side by side; without any it takes three of each stage."""

    @model_validator(mode="after")
    def _whole(self) -> ScorecardDefinition:
        total = sum(dimension.weight for dimension in self.dimensions.values())
        if abs(total - 1) > 1e-9:
            raise wrong(
                f"the weights of the dimensions add up to {100 * total:.6g}%",
                "make them add up to 100%",
                at=("dimensions",),
            )
        for kind in ("layers", "kpis"):
            seen: dict[str, str] = {}
            for name, dimension in self.dimensions.items():
                for entry in getattr(dimension, kind):
                    if entry in seen:
                        raise wrong(
                            f'{kind[:-1]} "{entry}" is in two dimensions, {seen[entry]} and {name}',
                            "put it in one, or it counts twice",
                            at=("dimensions", name, kind),
                        )
                    seen[entry] = name
        return self
