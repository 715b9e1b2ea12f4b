"""What happened to the units of an experiment: one pass over each fact for all its outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from heedful.definitions.experiment import BEFORE
from heedful.definitions.measure import Mean, Nps, Rate, Ratio, Share, TopBox, Total
from heedful.experiments.clock import moment
from heedful.experiments.exposed import UNITS
from heedful.experiments.measured import Measured, Summed
from heedful.experiments.summing import Vector, moments
from heedful.kpis.measuring import Columns, columns

if TYPE_CHECKING:
    from heedful.definitions.experiment import Experiment, Outcome
    from heedful.definitions.kpi import Kpi
    from heedful.experiments.exposed import Exposed
    from heedful.experiments.measured import Asked
    from heedful.kpis.computing import Bench
    from heedful.kpis.computing import Measured as FactReady

SUMMED = (Share, TopBox, Mean, Ratio, Rate, Total, Nps)
AMOUNTS = (Mean, Ratio, Rate, Total)
TABLE = "experiment_outcomes"


@dataclass(frozen=True, slots=True)
class Question:
    """One outcome, with all that decides how it is measured.

    Attributes:
        asked: What is asked.
        outcome: As the definition has it.
        kpi: Its KPI.
        covariates: Names of its covariates.
        capping: Quantile at which amounts of a unit are capped.
    """

    asked: Asked
    outcome: Outcome
    kpi: Kpi
    covariates: tuple[str, ...]
    capping: float | None

    @property
    def horizon(self) -> int:
        """Days from the exposure until its outcome is known."""
        window = self.asked.window_days or 0
        return self.outcome.delay_days + window + int(self.kpi.window_days)


@dataclass(frozen=True, slots=True)
class Collected:
    """Outcomes of one fact.

    Attributes:
        measured: One a question, in their order.
        sql: The query behind them.
        notes: What a reader should know.
    """

    measured: list[Measured]
    sql: str
    notes: tuple[str, ...] = ()


class Collector:
    """Sums the outcomes of one fact over the units of an experiment.

    Args:
        bench: The project's tables on an engine; `exposed.expose` made the table of units.
        experiment: The experiment.
        exposed: Its units.
        fact: The fact, attached.
        until: Until when its rows are known.
    """

    def __init__(
        self,
        bench: Bench,
        experiment: Experiment,
        exposed: Exposed,
        fact: FactReady,
        until: datetime,
    ) -> None:
        self.bench = bench
        self.engine = bench.engine
        self.experiment = experiment
        self.exposed = exposed
        self.fact = fact
        self.until = until

    def summed(self, questions: Sequence[Question]) -> Collected:
        """Outcomes that are sums: shares, means, ratios, rates, totals, NPS.

        Args:
            questions: The outcomes; their KPIs are measured over this fact.
        """
        taken = [self.columns(question.kpi) for question in questions]
        sql = self._units_sql(questions, taken)
        self.engine.run(f"CREATE OR REPLACE TABLE {TABLE} AS {sql}")
        vectors = [self._vector(i, question) for i, question in enumerate(questions)]
        exposed = self.exposed
        variants = len(exposed.variants)
        by_day = ("variant", "stratum", "day")
        sets: dict[tuple[str, ...], tuple[int, ...]] = {
            by_day: (variants, exposed.strata, exposed.days)
        }
        places = {name: ("variant", f"segment_{self.place(name)}") for name in exposed.segments}
        sets |= {keys: (variants, len(exposed.segments[n])) for n, keys in places.items()}
        found = moments(self.engine, TABLE, vectors, sets)
        answered = self._answered(questions)
        measured = []
        for i, question in enumerate(questions):
            ready = Summed(
                ratio=vectors[i].x is not None,
                scale=100.0 if isinstance(question.kpi.measure, Nps) else 1.0,
                days=found[by_day][i],
                dates=[
                    exposed.first + timedelta(days=place + question.horizon)
                    for place in range(exposed.days)
                ],
                segments={
                    name: (labels, found[places[name]][i])
                    for name, labels in exposed.segments.items()
                },
            )
            counts = int(ready.days.n.sum())
            measured.append(
                ready.measured(
                    question.asked,
                    self._method(question),
                    self._control(),
                    waiting=exposed.units - counts,
                    answered=answered[i],
                    last=self.until.date(),
                )
            )
        return Collected(measured, sql)

    def columns(self, kpi: Kpi) -> Columns:
        """What a KPI takes from each row of the fact."""
        texts = {name for name, kind in self.fact.columns.items() if kind == "VARCHAR"}
        rules = self.bench.definitions.rules.parameters()
        return columns(kpi, self.fact.columns, texts, rules)

    def rows(self, items: Sequence[str]) -> str:
        """The fact's rows with the unit they belong to, and some expressions over them."""
        name = f'facts."{self.fact.fact.name}"'
        listed = "".join(f", {item}" for item in items)
        if self.experiment.unit == "customer":
            return f'SELECT customer AS unit, "at" AS happened, bucket{listed} FROM {name}'
        return (
            f'SELECT COALESCE(w.account, f.customer) AS unit, "at" AS happened, bucket{listed} '
            f"FROM (SELECT * FROM {name}) AS f "
            "LEFT JOIN (SELECT customer AS w_customer, account FROM who) AS w "
            "ON w.w_customer = f.customer"
        )

    def _control(self) -> int:
        return self.exposed.variants.index(self.experiment.controlled)

    @property
    def dimensions(self) -> int:
        """How many columns of segments the units have."""
        return len(dict.fromkeys((*self.experiment.segments, *self.experiment.strata)))

    def place(self, dimension: str) -> int:
        """Which of them holds a dimension."""
        both = dict.fromkeys((*self.experiment.segments, *self.experiment.strata))
        return list(both).index(dimension)

    def _units_sql(self, questions: Sequence[Question], taken: Sequence[Columns]) -> str:
        """A row a unit: the sums of each outcome after the exposure, and before it."""
        items: list[str] = []
        sums: list[str] = []
        given: list[str] = []
        before = self.experiment.covariate_days
        for i, (question, one) in enumerate(zip(questions, taken, strict=True)):
            for name, amount in _amounts(question, one).items():
                items.append(f"CASE WHEN {one.counts} THEN {amount} END AS k{i}_{name}")
                how = "MAX" if _any(question) else "SUM"
                sums.append(
                    f"{how}(CASE WHEN {inside(question)} THEN r.k{i}_{name} END) AS {name}{i}"
                )
                ready = f"u.exposed + INTERVAL {question.horizon} DAY <= {moment(self.until)}"
                given.append(f"CASE WHEN {ready} THEN COALESCE(a.{name}{i}, 0) END AS {name}{i}")
                if BEFORE in question.covariates:
                    sums.append(
                        f"{how}(CASE WHEN r.happened < u.exposed THEN r.k{i}_{name} END)"
                        f" AS b{name}{i}"
                    )
                    given.append(f"COALESCE(a.b{name}{i}, 0) AS b{name}{i}")
        longest = max(
            question.outcome.delay_days + (question.asked.window_days or 0)
            for question in questions
        )
        earliest = before if any(BEFORE in question.covariates for question in questions) else 0
        places = range(self.dimensions)
        carried = ["variant", "day", "stratum", *(f"segment_{i}" for i in places)]
        carried += [f"covariate_{i}" for i in range(len(self.exposed.covariates))]
        return (
            f"SELECT {', '.join(f'u.{name}' for name in carried)}, {', '.join(given)} "
            f"FROM {UNITS} AS u LEFT JOIN (SELECT u.unit, {', '.join(sums)} FROM {UNITS} AS u "
            f"JOIN ({self.rows(items)}) AS r ON r.unit = u.unit "
            f"AND r.happened >= u.exposed - INTERVAL {earliest} DAY "
            f"AND r.happened < u.exposed + INTERVAL {longest} DAY "
            "GROUP BY u.unit) AS a ON a.unit = u.unit"
        )

    def _vector(self, i: int, question: Question) -> Vector:
        ratio = _ratio(question)
        y, before = f"y{i}", [f"by{i}"]
        cap = self._cap(i, question)
        if cap is not None:
            y, before = f"LEAST(y{i}, {cap!r})", [f"LEAST(by{i}, {cap!r})"]
        if ratio:
            before.append(f"bx{i}")
        covariates = before if BEFORE in question.covariates else []
        covariates = [
            *covariates,
            *(
                f"covariate_{self.exposed.covariates.index(name)}"
                for name in question.covariates
                if name != BEFORE
            ),
        ]
        return Vector(y, f"x{i}" if ratio else None, tuple(covariates))

    def _cap(self, i: int, question: Question) -> float | None:
        """Above it an amount counts no more: a quantile of all units, blind to variants."""
        if question.capping is None or not isinstance(question.kpi.measure, AMOUNTS):
            return None
        found = self.engine.query(
            f"SELECT QUANTILE_CONT(y{i}, {question.capping!r}) AS cap FROM {TABLE}"
        ).to_pylist()[0]["cap"]
        return None if found is None else float(found)

    def _answered(self, questions: Sequence[Question]) -> list[Sequence[tuple[int, int]] | None]:
        """Units with and without a row, where the value is per row."""
        asked = [i for i, question in enumerate(questions) if _ratio(question)]
        if not asked:
            return [None] * len(questions)
        items = ", ".join(
            f"COUNT(*) FILTER (WHERE x{i} > 0) AS a{i}, COUNT(x{i}) AS n{i}" for i in asked
        )
        found = self.engine.query(f"SELECT variant, {items} FROM {TABLE} GROUP BY variant")
        by_variant: Mapping[int, Mapping[str, int]] = {
            row["variant"]: row for row in found.to_pylist()
        }
        result: list[Sequence[tuple[int, int]] | None] = []
        for i in range(len(questions)):
            if i not in asked:
                result.append(None)
                continue
            pairs = []
            for place in range(len(self.exposed.variants)):
                row = by_variant.get(place, {})
                yes = int(row.get(f"a{i}", 0))
                pairs.append((yes, int(row.get(f"n{i}", 0)) - yes))
            result.append(pairs)
        return result

    def _method(self, question: Question) -> str:
        words = {
            Share: "difference of shares",
            TopBox: "difference of shares",
            Nps: "difference of net promoter scores",
            Total: "difference of means per unit",
        }.get(type(question.kpi.measure), "difference of means")
        if _ratio(question):
            words += ", delta method over units"
        elif question.asked.per_unit:
            words = (
                "difference of shares of units"
                if isinstance(question.kpi.measure, Share | TopBox)
                else "difference of means per unit"
            )
        if question.covariates:
            words += f", adjusted for {', '.join(_said(c) for c in question.covariates)}"
        if self.exposed.strata > 1:
            words += f", post-stratified by {', '.join(self.experiment.strata)}"
        if question.capping is not None and isinstance(question.kpi.measure, AMOUNTS):
            words += f", capped at the {100 * question.capping:g}% quantile of all units"
        return words


def _said(covariate: str) -> str:
    return "the time before" if covariate == BEFORE else covariate


def _any(question: Question) -> bool:
    """Whether one row of a unit is enough."""
    return question.asked.per_unit and isinstance(question.kpi.measure, Share | TopBox)


def _ratio(question: Question) -> bool:
    return not question.asked.per_unit


def _amounts(question: Question, taken: Columns) -> dict[str, str]:
    """What is summed of each row: `y`, and `x` below where the value is per row."""
    sums = taken.sums
    if isinstance(question.kpi.measure, Nps):
        return {"y": f"({sums['p']}) - ({sums['d']})", "x": sums["x"]}
    if _any(question):
        return {"y": f"CASE WHEN ({sums['y']}) > 0 THEN 1 ELSE 0 END"}
    if question.asked.per_unit:
        return {"y": sums["y"]}
    return {"y": sums["y"], "x": sums["x"]}


def inside(question: Question) -> str:
    """SQL: a row `r` falls into the window of a unit `u`."""
    begin = question.outcome.delay_days
    end = begin + (question.asked.window_days or 0)
    return (
        f"r.happened >= u.exposed + INTERVAL {begin} DAY"
        f" AND r.happened < u.exposed + INTERVAL {end} DAY"
    )
