"""What happened to the units of an experiment: one pass over each fact for all its outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heedful.definitions.experiment import BEFORE
from heedful.definitions.measure import Mean, Nps, Rate, Ratio, Share, TopBox, Total
from heedful.experiments.clock import day_after, last_day, moment
from heedful.experiments.exposed import UNITS
from heedful.experiments.measured import Measured, Summed
from heedful.experiments.meeting import unit_of
from heedful.experiments.summing import Vector, capped, moments
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
        answered = self._answered(questions)
        within = self._answered_within(questions)
        measured: dict[int, Measured] = {}
        # Units count by day: on which, depends on the horizon.
        for horizon in dict.fromkeys(question.horizon for question in questions):
            places = [i for i, question in enumerate(questions) if question.horizon == horizon]
            found = self._summed([(i, questions[i]) for i in places], horizon)
            for i, ready in zip(places, found, strict=True):
                measured[i] = ready.measured(
                    questions[i].asked,
                    self._method(questions[i]),
                    self._control(),
                    waiting=self.exposed.units - int(ready.days.n.sum()),
                    answered=answered[i],
                    answered_within=within[i],
                    last=last_day(self.until, self.zone),
                )
        return Collected([measured[i] for i in range(len(questions))], sql)

    def _summed(self, questions: Sequence[tuple[int, Question]], horizon: int) -> list[Summed]:
        """Moments of outcomes of one horizon."""
        exposed = self.exposed
        variants = len(exposed.variants)
        dates = self.dates(horizon)
        by_day = ("variant", "stratum", f"day_{horizon}")
        sets: dict[tuple[str, ...], tuple[int, ...]] = {
            by_day: (variants, exposed.strata, len(dates))
        }
        places = {name: ("variant", self.segment(name)) for name in exposed.segments}
        sets |= {keys: (variants, len(exposed.segments[n])) for n, keys in places.items()}
        vectors = [self._vector(i, question) for i, question in questions]
        found = moments(self.engine, TABLE, vectors, sets)
        return [
            Summed(
                ratio=vectors[nth].x is not None,
                scale=100.0 if isinstance(question.kpi.measure, Nps) else 1.0,
                days=found[by_day][nth],
                dates=dates,
                segments={
                    name: (labels, found[places[name]][nth])
                    for name, labels in exposed.segments.items()
                },
            )
            for nth, (_, question) in enumerate(questions)
        ]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The project's timezone."""
        return ZoneInfo(self.bench.definitions.settings.timezone)

    def dates(self, horizon: int) -> list[date]:
        """All days on which units may count: a change of clocks may move them by one.

        Args:
            horizon: Days from the exposure until an outcome is known.
        """
        first = self.exposed.first + timedelta(days=horizon - 1)
        return [first + timedelta(days=place) for place in range(self.exposed.days + 2)]

    def day(self, horizon: int) -> str:
        """SQL: the place of the day on which a unit `u` counts, among `dates`."""
        first = self.dates(horizon)[0]
        return f"DATE_DIFF('day', DATE '{first}', {day_after('u.exposed', horizon, self.zone)})"

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
        # A deal is of an account whoever of its people is named.
        own = "account" in self.fact.columns
        account = "COALESCE(account, account_of_customer)" if own else "account_of_customer"
        unit = unit_of(self.experiment, "customer", account)
        return (
            f'SELECT {unit} AS unit, "at" AS happened, {_bucket(unit)} AS bucket{listed} '
            f"FROM {name} LEFT JOIN (SELECT customer AS customer_of_account, "
            "account AS account_of_customer FROM who) AS w "
            "ON customer_of_account = customer"
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

    def segment(self, dimension: str) -> str:
        """The column of the units that holds a dimension."""
        return f"segment_{self.place(dimension)}"

    @property
    def carried(self) -> str:
        """SQL: what of a unit `u` goes with its rows."""
        places = [f"u.segment_{i}" for i in range(self.dimensions)]
        return ", ".join(["u.unit", "u.variant", *places])

    def _units_sql(self, questions: Sequence[Question], taken: Sequence[Columns]) -> str:
        """A row a unit: the sums of each outcome after the exposure, and before it."""
        items: list[str] = []
        sums: list[str] = []
        given: list[str] = []
        back = self.experiment.covariate_days
        earliest = 0
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
                    # What was not yet known of a row at the exposure may be an effect of it.
                    known = int(question.kpi.window_days)
                    earliest = max(earliest, back + known)
                    past = (
                        f"r.happened < u.exposed - INTERVAL {known} DAY "
                        f"AND r.happened >= u.exposed - INTERVAL {back + known} DAY"
                    )
                    sums.append(f"{how}(CASE WHEN {past} THEN r.k{i}_{name} END) AS b{name}{i}")
                    given.append(f"COALESCE(a.b{name}{i}, 0) AS b{name}{i}")
        longest = max(
            question.outcome.delay_days + (question.asked.window_days or 0)
            for question in questions
        )
        places = range(self.dimensions)
        carried = ["variant", "stratum", *(f"segment_{i}" for i in places)]
        carried += [f"covariate_{i}" for i in range(len(self.exposed.covariates))]
        days = [
            f"{self.day(horizon)} AS day_{horizon}"
            for horizon in dict.fromkeys(question.horizon for question in questions)
        ]
        return (
            f"SELECT {', '.join(f'u.{name}' for name in carried)}, {', '.join(days + given)} "
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
            # As they are, amounts have so many decimals and no more; the cap has others.
            y = capped(f"CAST(y{i} AS DOUBLE)", cap)
            before = [capped(f"CAST(by{i} AS DOUBLE)", cap)]
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
            f"SELECT QUANTILE_CONT(y, {question.capping!r}) FILTER (WHERE ISFINITE(y)) AS cap "
            f"FROM (SELECT CAST(y{i} AS DOUBLE) AS y FROM {TABLE}) AS t"
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

    def _answered_within(
        self, questions: Sequence[Question]
    ) -> list[dict[str, dict[str | None, list[int]]]]:
        """Units that have a row, by segment and variant, where the value is per row."""
        asked = [i for i, question in enumerate(questions) if _ratio(question)]
        result: list[dict[str, dict[str | None, list[int]]]] = [{} for _ in questions]
        if not asked:
            return result
        items = ", ".join(f"COUNT(*) FILTER (WHERE x{i} > 0) AS a{i}" for i in asked)
        variants = len(self.exposed.variants)
        for name, labels in self.exposed.segments.items():
            column = self.segment(name)
            found = self.engine.query(
                f"SELECT variant, {column} AS place, {items} FROM {TABLE} GROUP BY 1, 2"
            ).to_pylist()
            for i in asked:
                held = {label: [0] * variants for label in labels}
                for row in found:
                    held[labels[row["place"]]][row["variant"]] = row[f"a{i}"]
                result[i][name] = held
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


def _bucket(unit: str) -> str:
    """SQL: which of 64 groups a unit belongs to, as facts have it of customers."""
    high, low = (f"STRPOS('0123456789abcdef', SUBSTR(MD5({unit}), {n}, 1)) - 1" for n in (1, 2))
    return f"CAST((({high}) % 4) * 16 + {low} AS INTEGER)"


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
