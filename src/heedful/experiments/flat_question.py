"""What is asked of a table without a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING

from heedful.definitions.problem import one_of
from heedful.experiments.flat_error import FlatError

if TYPE_CHECKING:
    from heedful.definitions.experiment import Sequential

_WHY = {
    ("variant", "unit"): "a unit has one variant",
    ("metric", "variant"): "the metric is what the variants are compared on",
    ("guardrail", "variant"): "a guardrail is what the variants are compared on",
    ("covariate", "variant"): "a covariate was known before there were variants",
    ("segment", "variant"): "segments hold units of all variants",
    ("stratum", "variant"): "strata hold units of all variants",
    ("date", "variant"): "--date is the day of entry",
    ("metric", "unit"): "--unit says whom a row belongs to; without it each row is a unit",
    ("guardrail", "unit"): "--unit says whom a row belongs to; without it each row is a unit",
    ("covariate", "unit"): "--unit says whom a row belongs to; without it each row is a unit",
    ("segment", "unit"): "segments hold many units",
    ("stratum", "unit"): "strata hold many units",
    ("covariate", "metric"): "a metric adjusted by itself says nothing",
    ("covariate", "guardrail"): "a guardrail adjusted by itself says nothing",
    ("segment", "metric"): "segments are known before the experiment acts",
    ("segment", "guardrail"): "segments are known before the experiment acts",
    ("stratum", "metric"): "strata are known before the experiment acts",
    ("stratum", "guardrail"): "strata are known before the experiment acts",
}
"""Parts that one column cannot play both, and why."""


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse a guardrail may get: a share of the control, or in its own unit."""

    amount: float
    relative: bool = True


@dataclass(frozen=True, slots=True)
class FlatQuestion:
    """What is asked of a table.

    Attributes:
        variant: Column that says which variant a row got.
        metrics: Columns that are compared; the first is primary, the others secondary.
        unit: Column that says which unit a row belongs to; None: each row is a unit.
        covariates: Numeric columns from before.
        control: The control; None: one named control, else the first by name.
        guardrails: Columns that may not get worse, and by how much.
        weights: Planned share by variant, in any scale; empty: equal.
        segments: Columns within which effects are examined.
        strata: Columns by which estimates are post-stratified.
        day: Column with the day of entry, for results day by day.
        lower: Columns of which lower is better.
        alpha: Two-sided probability of a false alarm.
        power: Planned power, for what could have been seen.
        smallest: Smallest relative effect on the first metric that matters.
        capping: Amounts above this quantile of all units count as the quantile.
        sequential: none or confidence_sequence.
        planned: Units planned in all variants together; with fewer it is still running.
        encoding: How the characters of a text file are written.

    Wherever several columns may be named, `"a,b"` names both, unless a column is called so.
    """

    variant: str
    metrics: Sequence[str]
    unit: str | None = None
    covariates: Sequence[str] = ()
    control: str | None = None
    guardrails: Mapping[str, Margin] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    segments: Sequence[str] = ()
    strata: Sequence[str] = ()
    day: str | None = None
    lower: Sequence[str] = ()
    alpha: float = 0.05
    power: float = 0.8
    smallest: float | None = None
    capping: float | None = None
    sequential: Sequential = "none"
    planned: int | None = None
    encoding: str = "utf-8"

    @property
    def outcomes(self) -> list[str]:
        """All columns that are compared, each once."""
        return list(dict.fromkeys((*self.metrics, *self.guardrails)))

    @property
    def dimensions(self) -> list[str]:
        """Columns of segments and strata, each once."""
        return list(dict.fromkeys((*self.segments, *self.strata)))

    @property
    def columns(self) -> list[str]:
        """All columns it needs, each once."""
        one = (self.unit, self.day)
        named = (each for each in one if each is not None)
        return list(
            dict.fromkeys(
                (self.variant, *self.outcomes, *self.covariates, *self.dimensions, *named)
            )
        )

    def checked(self) -> FlatQuestion:
        """The same, where it makes sense by itself.

        Raises:
            FlatError: It does not.

        >>> FlatQuestion("arm", ["arm"]).checked()
        Traceback (most recent call last):
        ...
        heedful.experiments.flat_error.FlatError: "arm" is both metric and variant; the metric is
        what the variants are compared on
        """
        if not self.metrics:
            raise FlatError("no metric is named", "name one: --metric COL", usage=True)
        if isinstance(self.metrics, str):
            raise FlatError(f'metrics is the text "{self.metrics}"', "give a list", usage=True)
        for name, value, low, high, such in (
            ("alpha", self.alpha, 0.0, 0.5, "0.05"),
            ("power", self.power, 0.0, 1.0, "0.8"),
            ("capping", self.capping, 0.5, 1.0, "0.999"),
            ("smallest effect", self.smallest, 0.0, float("inf"), "0.05"),
        ):
            if value is not None and not low < value < high:
                above = f" and under {high:g}" if isfinite(high) else ""
                raise FlatError(
                    f"{name} is {value:g}",
                    f"allowed: above {low:g}{above}, such as {such}",
                    usage=True,
                )
        for column, margin in self.guardrails.items():
            if not margin.amount > 0 or (margin.relative and margin.amount >= 1):
                raise FlatError(
                    f"guardrail {column}: margin {margin.amount:g}",
                    "allowed: how much worse is tolerated, such as 2% or 0.02",
                    usage=True,
                )
        for name, weight in self.weights.items():
            if not (weight > 0 and isfinite(weight)):
                raise FlatError(
                    f'weights: "{name}" has {weight:g}', "allowed: numbers above 0", usage=True
                )
        self._apart()
        return self

    def _apart(self) -> None:
        parts: dict[str, Sequence[str]] = {
            "variant": (self.variant,),
            "unit": () if self.unit is None else (self.unit,),
            "date": () if self.day is None else (self.day,),
            "metric": self.metrics,
            "guardrail": list(self.guardrails),
            "covariate": self.covariates,
            "segment": self.segments,
            "stratum": self.strata,
        }
        for (one, other), why in _WHY.items():
            for column in parts[one]:
                if column in parts[other]:
                    raise FlatError(f'"{column}" is both {one} and {other}', why, usage=True)
        if self.metrics[0] in self.guardrails:
            raise FlatError(
                f'guardrail "{self.metrics[0]}" is the primary metric, which decides already',
                "name another column that may not get worse",
                usage=True,
            )
        for column in self.lower:
            if column not in self.outcomes:
                raise FlatError(
                    f'lower: "{column}" is neither metric nor guardrail',
                    one_of(self.outcomes, column),
                    usage=True,
                )

    def on(self, names: Sequence[str]) -> FlatQuestion:
        """The same about a table that has these columns.

        Raises:
            FlatError: It names a column that the table does not have, or makes no sense.

        >>> FlatQuestion("arm", ["spend,visits"]).on(["arm", "spend", "visits"]).metrics
        ('spend', 'visits')
        """
        known = frozenset(names)

        def several(given: Sequence[str]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(each for one in given for each in _split(one, known)))

        asked = replace(
            self,
            metrics=several(self.metrics),
            covariates=several(self.covariates),
            segments=several(self.segments),
            strata=several(self.strata),
            lower=several(self.lower),
        )
        named = [
            ("variant", (asked.variant,)),
            ("unit", () if asked.unit is None else (asked.unit,)),
            ("metric", asked.metrics),
            ("guardrail", tuple(asked.guardrails)),
            ("covariate", asked.covariates),
            ("segment", asked.segments),
            ("stratum", asked.strata),
            ("date", () if asked.day is None else (asked.day,)),
        ]
        for part, columns in named:
            for column in columns:
                if column not in known:
                    raise FlatError(
                        f'{part}: there is no column "{column}"', one_of(names, column), usage=True
                    )
        return asked.checked()


def _split(given: str, known: Iterable[str]) -> Sequence[str]:
    parts = [part.strip() for part in given.split(",")]
    return parts if given not in known and all(part in known for part in parts) else (given,)
