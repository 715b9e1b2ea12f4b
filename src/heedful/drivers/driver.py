"""What an experience goes with: small frozen results, as the JSON contract names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Evidence = Literal["association", "experiment"]
OutcomeName = Literal["retention", "repeat_purchase", "revenue"]


@dataclass(frozen=True, slots=True)
class Money:
    """The same experience, in money.

    Attributes:
        difference: Net revenue a customer in the days after, better less worse, adjusted.
        low: Lower end of its 95% interval.
        high: Upper end.
        capped_at: Amounts of a customer above it count as it.
        concerned: Customers who had the worse experience in the newest `months` months.
        months: How many months those are; 12 where there is a year.
        tenth: What the association comes to for one in ten of them; no forecast.
        tenth_low: Lower end of its interval.
        tenth_high: Upper end.
    """

    difference: float | None
    low: float | None
    high: float | None
    capped_at: float | None
    concerned: int
    months: int
    tenth: float | None
    tenth_low: float | None
    tenth_high: float | None


@dataclass(frozen=True, slots=True)
class Proof:
    """A concluded experiment that moved the experience and measured the outcome.

    Attributes:
        experiment: Its id.
        title: What people call it.
        variant: What was compared with the control.
        moved: Difference of the experience's KPI, in the KPI's unit.
        moved_low: Lower end of its interval.
        moved_high: Upper end.
        kpi: The KPI that measured the outcome.
        kpi_title: What people call it.
        unit: Its unit.
        difference: Difference of that KPI: what the variant caused.
        low: Lower end of its interval.
        high: Upper end.
        decision: What the readout decided.
    """

    experiment: str
    title: str
    variant: str
    moved: float
    moved_low: float
    moved_high: float
    kpi: str
    kpi_title: str
    unit: str | None
    difference: float
    low: float
    high: float
    decision: str


@dataclass(frozen=True, slots=True)
class Driver:
    """One experience and an outcome: an association, unless an experiment says more.

    Attributes:
        kpi: The KPI whose rows are the experience.
        title: What people call it.
        dimension: None for all customers.
        segment: Its value.
        better: The better experience, in words.
        worse: The worse one.
        evidence: experiment where `experiment` takes precedence over the association.
        difference: Outcome after the better less after the worse, adjusted; shares are fractions.
        low: Lower end of its 95% interval, clustered by customer.
        high: Upper end.
        p_value: Two-sided, of no association.
        p_adjusted: The same by Benjamini-Hochberg over all that were asked together.
        shrunk: The difference once luck is taken out; ranks go by its size.
        rank: 1 for the largest; None without a number.
        value: Outcome after the better experience, at everyone's covariates.
        worse_value: Outcome after the worse one.
        unadjusted: Difference of the plain means.
        unadjusted_low: Lower end of its interval.
        unadjusted_high: Upper end.
        n: Customers at a landmark who are compared.
        customers: Customers among them.
        better_customers: Customers with the better experience.
        worse_customers: Customers with the worse one.
        overlap: Share of them with a counterpart in the other group.
        e_value: How strong a hidden confounder must be to explain the difference away.
        e_value_low: The same for the end of the interval that is nearer to none.
        why: Why there is no number.
        money: In money; None where there are no orders.
        experiment: The experiment that replaces it.
    """

    kpi: str
    title: str
    dimension: str | None
    segment: str | None
    better: str
    worse: str
    evidence: Evidence = "association"
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    shrunk: float | None = None
    rank: int | None = None
    value: float | None = None
    worse_value: float | None = None
    unadjusted: float | None = None
    unadjusted_low: float | None = None
    unadjusted_high: float | None = None
    n: int = 0
    customers: int = 0
    better_customers: int = 0
    worse_customers: int = 0
    overlap: float | None = None
    e_value: float | None = None
    e_value_low: float | None = None
    why: str | None = None
    money: Money | None = None
    experiment: Proof | None = None


@dataclass(frozen=True, slots=True)
class Drivers:
    """What goes with an outcome.

    Attributes:
        outcome: retention, repeat_purchase or revenue.
        says: What that is, in a sentence.
        days: Days after a landmark that count.
        unit: share or money.
        currency: Of money.
        first: The first landmark that counts; None without any.
        last: The last one: its days are over.
        landmarks: How many there are.
        customers: Customers at any of them.
        mean: The outcome of all of them; None without any.
        waiting: Customers who are left out because their days are not over.
        adjusted_for: What is held equal.
        dimension: What it is broken down by.
        dimensions: What it can be broken down by.
        drivers: One an experience and segment, by rank, those without a number last.
        why: Why there is nothing at all, and what is missing.
    """

    outcome: OutcomeName
    says: str
    days: int
    unit: Literal["share", "money"]
    currency: str | None
    first: date | None
    last: date | None
    landmarks: int
    customers: int
    mean: float | None
    waiting: int
    adjusted_for: tuple[str, ...]
    dimension: str | None
    dimensions: tuple[str, ...]
    drivers: tuple[Driver, ...]
    why: str | None = None
