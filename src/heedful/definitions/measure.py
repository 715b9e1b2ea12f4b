"""The kinds of numbers a KPI can be, each over the rows of one fact."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from heedful.definitions.fields import Model, Sql, wrong
from heedful.definitions.problem import one_of
from heedful.definitions.rules import Days

Unit = Literal["share", "nps", "hours", "minutes", "seconds", "days", "money", "count", "score"]
In = Annotated[Unit, Field(alias="in")]
Quantum = Annotated[float, Field(gt=0, lt=1)]


class _Measure(Model):
    """What all kinds share."""

    kind: ClassVar[str]
    sql_fields: ClassVar[tuple[str, ...]]

    def expressions(self) -> dict[str, str]:
        """Return the SQL expressions, by the field that holds them."""
        return {name: getattr(self, name) for name in self.sql_fields}

    def text(self) -> str:
        """The measure as one would write it in a line."""
        fields = self.model_dump(by_alias=True, exclude_none=True)
        return ", ".join(f"{name}: {value}" for name, value in fields.items())


class Share(_Measure):
    """The share of rows for which a condition is true, 0 to 1."""

    kind: ClassVar[str] = "share"
    sql_fields: ClassVar[tuple[str, ...]] = ("share",)
    share: Sql
    """The condition; rows where it is null do not count."""

    @property
    def unit(self) -> Unit:
        """The unit of the value."""
        return "share"


class TopBox(_Measure):
    """The share of answers in the highest boxes of their scale, 0 to 1."""

    kind: ClassVar[str] = "top_box"
    sql_fields: ClassVar[tuple[str, ...]] = ("top_box", "of")
    top_box: Sql
    """The answer."""
    of: Sql
    """The highest answer on offer."""
    boxes: Annotated[int, Field(gt=0)] | Sql = 2
    """How many of the highest answers count; or SQL that gives it, such as the column boxes."""

    def expressions(self) -> dict[str, str]:
        """Return the SQL expressions, by the field that holds them."""
        found = super().expressions()
        return {**found, "boxes": self.boxes} if isinstance(self.boxes, str) else found

    @property
    def unit(self) -> Unit:
        """The unit of the value."""
        return "share"


class Nps(_Measure):
    """Net promoter score: percent of 9-10 less percent of 0-6, -100 to 100."""

    kind: ClassVar[str] = "nps"
    sql_fields: ClassVar[tuple[str, ...]] = ("nps",)
    nps: Sql
    """The answer, 0 to 10."""

    @property
    def unit(self) -> Unit:
        """The unit of the value."""
        return "nps"


class Mean(_Measure):
    """The mean of an amount over rows."""

    kind: ClassVar[str] = "mean"
    sql_fields: ClassVar[tuple[str, ...]] = ("mean",)
    mean: Sql
    """The amount; rows where it is null do not count."""
    unit: In
    """The unit of the value."""


class Ratio(_Measure):
    """The sum of one amount per the sum of another."""

    kind: ClassVar[str] = "ratio"
    sql_fields: ClassVar[tuple[str, ...]] = ("ratio", "per")
    ratio: Sql
    """The amount above."""
    per: Sql
    """The amount below."""
    unit: In
    """The unit of the value."""


class Rate(_Measure):
    """How many events there are per exposure, such as a customer's month."""

    kind: ClassVar[str] = "rate"
    sql_fields: ClassVar[tuple[str, ...]] = ("rate", "per")
    rate: Sql
    """The number of events of a row."""
    per: Sql
    """The exposure of a row."""
    unit: In
    """The unit of the value."""


class Total(_Measure):
    """The sum of an amount."""

    kind: ClassVar[str] = "total"
    sql_fields: ClassVar[tuple[str, ...]] = ("total",)
    total: Sql
    """The amount."""
    unit: Annotated[Literal["money", "count"], Field(alias="in")]
    """The unit of the value."""


class Factor(Model):
    """One part of a product: a total, or the sum of one amount per the sum of another."""

    of: Sql
    """The amount above."""
    per: Sql | None = None
    """The amount below, over rows that have both; without: a total."""


class Product(_Measure):
    """The product of totals and ratios, each over the rows that have its amounts."""

    kind: ClassVar[str] = "product"
    product: Annotated[tuple[Factor, ...], Field(min_length=2)]
    """Its factors: {of: amount}, or {of: amount, per: amount}."""
    unit: In
    """The unit of the value."""

    def expressions(self) -> dict[str, str]:
        """Return the SQL expressions, by the place of the factor and its field."""
        return {
            f"product.{place}.{name}": sql
            for place, factor in enumerate(self.product)
            for name, sql in (("of", factor.of), ("per", factor.per))
            if sql is not None
        }

    def text(self) -> str:
        """The measure as one would write it in a line."""
        parts = (
            f"{{of: {one.of}{f', per: {one.per}' if one.per else ''}}}" for one in self.product
        )
        return f"product: [{', '.join(parts)}], in: {self.unit}"


class Quantile(_Measure):
    """A quantile of an amount over rows; the median where `q` is 0.5."""

    kind: ClassVar[str] = "quantile"
    sql_fields: ClassVar[tuple[str, ...]] = ("quantile",)
    quantile: Sql
    """The amount; rows where it is null do not count."""
    q: Quantum = 0.5
    """Which quantile."""
    unit: In
    """The unit of the value."""


class Duration(_Measure):
    """A quantile of the time until something happens, by Kaplan-Meier.

    Rows for which it has not happened yet count as "at least so long"; `within` is a number of
    days, or a rule, for which each is watched at most.
    """

    kind: ClassVar[str] = "duration"
    sql_fields: ClassVar[tuple[str, ...]] = ("duration", "event")
    duration: Sql
    """The time to the event, or to the end of observation."""
    event: Sql
    """Whether the event happened."""
    within: Annotated[Days, Field(gt=0)] | None = None
    """Days for which each row is watched at most, or a rule, such as $ticket_watch_days; what
    happens later counts as not happened yet. Shorter quantiles are the same with and without."""
    q: Quantum = 0.5
    """Which quantile."""
    unit: Annotated[Literal["hours", "minutes", "seconds", "days"], Field(alias="in")]
    """The unit of the value."""


class Retention(_Measure):
    """The share still there after so many days, by Kaplan-Meier, 0 to 1."""

    kind: ClassVar[str] = "retention"
    sql_fields: ClassVar[tuple[str, ...]] = ("retention", "lost")
    retention: Sql
    """Days to the loss, or to the end of observation."""
    lost: Sql
    """Whether the customer was lost."""
    after: Annotated[Days, Field(gt=0)]
    """After how many days; or a rule, such as $early_churn_days."""
    complement: bool = False
    """Whether to give the share lost instead."""

    @property
    def unit(self) -> Unit:
        """The unit of the value."""
        return "share"


KINDS: dict[str, type[_Measure]] = {
    kind.kind: kind
    for kind in (
        *(Share, TopBox, Nps, Mean, Ratio, Rate, Total, Product),
        *(Quantile, Duration, Retention),
    )
}


def _one_kind(given: Any) -> Any:
    """Refuse what does not name exactly one kind."""
    if isinstance(given, _Measure):
        return given
    if not isinstance(given, dict):
        raise wrong("{name} {value} is not a mapping", "allowed: such as {share: resolved}")
    named = [kind for kind in KINDS if kind in given]
    if not named:
        first = next(iter(given), "")
        raise wrong("{name} names no kind of measure", one_of(KINDS, first))
    if len(named) > 1:
        both = " and ".join(named)
        raise wrong(f"{{name}} names more than one kind: {both}", "keep one of them")
    return given


def _kind(given: Any) -> str:
    """Tell the kind of a measure by its one field that names a kind."""
    if isinstance(given, _Measure):
        return type(given).__name__
    return next(KINDS[kind].__name__ for kind in KINDS if kind in given)


Measure = Annotated[
    Annotated[Share, Tag("Share")]
    | Annotated[TopBox, Tag("TopBox")]
    | Annotated[Nps, Tag("Nps")]
    | Annotated[Mean, Tag("Mean")]
    | Annotated[Ratio, Tag("Ratio")]
    | Annotated[Rate, Tag("Rate")]
    | Annotated[Total, Tag("Total")]
    | Annotated[Product, Tag("Product")]
    | Annotated[Quantile, Tag("Quantile")]
    | Annotated[Duration, Tag("Duration")]
    | Annotated[Retention, Tag("Retention")],
    Discriminator(_kind),
    BeforeValidator(_one_kind),
]
"""One of the kinds; which one is told by the field that bears its name."""
