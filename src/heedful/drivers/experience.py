"""Experiences: the rows of KPIs, each either the better or the worse of two.

Nothing is registered: a KPI over rows with a customer, a time, and a condition or an amount is an
experience of that customer at that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from heedful.definitions.measure import Duration, Mean, Nps, Quantile, Ratio, Share, TopBox
from heedful.drivers.outcome import FACTS
from heedful.engines.duckdb import quoted
from heedful.experiments.wording import amount
from heedful.kpis.measuring import DETRACTOR, PROMOTER, columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from heedful.definitions.kpi import Kpi
    from heedful.definitions.parameters import Value
    from heedful.engines.engine import Engine
    from heedful.kpis.computing import Measured
    from heedful.kpis.measuring import Columns

KINDS = (Share, TopBox, Nps, Mean, Quantile, Duration, Ratio)
"""Measures whose rows are something each; rates and totals are of a period."""
CHOSEN = frozenset({"survey_invitations"})
"""Whether somebody answers says who they are, not what they met."""
SETTLING = 30
"""Days after which a row counts as settled, where its fact may look at all that follows."""
LONGEST = 31
"""What is known only later than this cannot be told apart from what follows."""
MICROSECONDS = {"hours": 3_600_000_000, "seconds": 1_000_000, "days": 86_400_000_000}


@dataclass(frozen=True, slots=True)
class Experience:
    """One experience, as SQL over the rows of its fact.

    Attributes:
        kpi: The KPI.
        table: Its fact.
        counts: Condition: the row counts.
        good: Condition: it is the better; null where it is neither.
        known: Since when that is settled, in microseconds since 1970.
        spot: Where it happened; an empty text where that is not known.
        settled: Whether it is settled at once, so that all before the row lies before it.
        better: The better one, in words.
        worse: The worse one.
    """

    kpi: Kpi
    table: str
    counts: str
    good: str
    known: str
    spot: str
    settled: bool
    better: str
    worse: str


def candidates(kpis: Iterable[Kpi]) -> list[Kpi]:
    """KPIs whose rows may be experiences: none of commerce, and none about what comes of it.

    Args:
        kpis: The KPIs of a project.
    """
    return [
        kpi
        for kpi in kpis
        if isinstance(kpi.measure, KINDS)
        and kpi.layer != "commercial"
        and kpi.fact not in FACTS | CHOSEN
    ]


def experience(
    engine: Engine, measured: Measured, kpi: Kpi, rules: Mapping[str, Value]
) -> Experience | str:
    """A KPI as an experience.

    Conditions are as the KPI has them. Amounts and durations are split at the median of their
    rows. A duration is settled when it ends or has lasted longer than that, whatever comes first.
    Other rows are settled when their fact has seen all that it looks at: after its lookback and
    the KPI's window, or after 30 days where it looks at everything.

    Args:
        engine: Where the fact is attached.
        measured: The fact.
        kpi: The KPI.
        rules: Values of `$name`.

    Returns:
        The experience; or why there is none.
    """
    table = f"facts.{quoted(measured.fact.name)}"
    texts = {name for name, kind in measured.columns.items() if kind == "VARCHAR"}
    taken = columns(kpi, measured.columns, texts, rules)
    at = 'EPOCH_US("at")'
    span = measured.fact.lookback.span(rules)
    days = SETTLING if span is None else ceil(span.total_seconds() / 86_400)
    days = max(days, int(kpi.window_days))
    if isinstance(kpi.measure, Duration):
        found = _duration(engine, table, taken, kpi)
        if found is None:
            return "no row has ended yet"
        good, known, words = found
    else:
        if days > LONGEST:
            return f"it is known only {days} days later"
        split = _split(engine, table, taken, kpi)
        if split is None:
            return "there is no row yet"
        good, words = split
        known = f"{at} + {days * 86_400_000_000}"
    spot = "COALESCE(touchpoint, '')" if "touchpoint" in measured.columns else "''"
    settled = days == 0 and not isinstance(kpi.measure, Duration)
    return Experience(kpi, table, taken.counts, good, known, spot, settled, *words)


def _split(
    engine: Engine, table: str, taken: Columns, kpi: Kpi
) -> tuple[str, tuple[str, str]] | None:
    """The condition of the better, and both in words."""
    measure, higher = kpi.measure, kpi.better == "higher"
    if isinstance(measure, Nps):
        good = (
            f"CASE WHEN {taken.sums['p']} > 0 THEN TRUE WHEN {taken.sums['d']} > 0 THEN FALSE END"
        )
        return good, (f"{PROMOTER}–10", f"0–{DETRACTOR}")
    if isinstance(measure, Share | TopBox):
        flag = f"({taken.sums['y']} > 0)"
        if isinstance(measure, TopBox):
            several = f"the top {measure.boxes} answers" if isinstance(measure.boxes, int) else ""
            box = "the top answer" if measure.boxes == 1 else several or "one of the top answers"
            words = (box, "lower")
        else:
            words = ("yes", "no")
        if higher:
            return flag, words
        return f"NOT {flag}", (words[1], words[0])
    value = taken.value
    if value is None:
        above, below = taken.sums["y"], taken.sums["x"]
        value = f"(CASE WHEN {below} > 0 THEN CAST({above} AS DOUBLE) / {below} END)"
    middle = _median(engine, table, taken.counts, value)
    if middle is None:
        return None
    sign = ">=" if higher else "<="
    text = _shown(middle, getattr(measure, "unit", None))
    words = (f"at least {text}", "less") if higher else (f"at most {text}", "more")
    return f"({value} {sign} {middle!r})", words


def _duration(
    engine: Engine, table: str, taken: Columns, kpi: Kpi
) -> tuple[str, str, tuple[str, str]] | None:
    measure = kpi.measure
    if not isinstance(measure, Duration) or taken.value is None:
        return None
    value, event = taken.value, f"({taken.event})"
    middle = _median(engine, table, f"{taken.counts} AND {event}", value)
    if middle is None:
        return None
    soon = f"CASE WHEN {value} > {middle!r} THEN FALSE WHEN {event} THEN TRUE END"
    lasted = f"LEAST(CAST({value} AS DOUBLE), {middle!r}) * {MICROSECONDS[measure.unit]}"
    known = f'EPOCH_US("at") + CAST(FLOOR({lasted}) AS BIGINT)'
    words = (f"within {_shown(middle, measure.unit)}", "longer")
    if kpi.better == "higher":
        return f"NOT ({soon})", known, (words[1], words[0])
    return soon, known, words


def _shown(value: float, unit: str | None) -> str:
    r"""An amount; short times in seconds.

    >>> _shown(5.5, "hours"), _shown(0.0025, "hours")
    ('5.5\xa0h', '9.0\xa0s')
    """
    if unit == "hours" and value < 1:
        return amount(3600 * value, "seconds")
    return amount(value, unit)


def _median(engine: Engine, table: str, counts: str, value: str) -> float | None:
    found = engine.query(
        f"SELECT QUANTILE_CONT(v, 0.5) FILTER (WHERE ISFINITE(v)) AS middle FROM "
        f"(SELECT CAST({value} AS DOUBLE) AS v FROM {table} WHERE {counts}) AS t"
    ).to_pylist()[0]["middle"]
    return None if found is None else float(found)
