"""Customers at landmarks: what they met in the month before, what was known, what followed.

A landmark is the first moment of a month. Who counts is decided by what was known then, and the
outcome lies wholly after it, so that nobody has an experience because they stayed long enough to
have it (immortal time), and no experience is a consequence of its outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from heedful.drivers.experience import Experience, candidates, experience
from heedful.drivers.outcome import PURCHASES
from heedful.engines.duckdb import quoted

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from heedful.definitions.kpi import Kpi
    from heedful.definitions.project_files import Definitions
    from heedful.facts.model import Fact
    from heedful.kpis.computing import Bench, Measured

    Bools = NDArray[np.bool_]
    Codes = NDArray[np.intp]
    Floats = NDArray[np.float64]

PAST = 3
"""Months before an experience whose activity and orders are held equal."""
MOST_LEVELS = 20
"""Segments of a dimension that are told apart; the rest is one."""
DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """An outcome of every row of a panel.

    Attributes:
        known: Who could have it, and whose days are over, shape (rows,).
        value: It, shape (rows,); anything where it is not known.
        waiting: Who could have it and whose days are not over, shape (rows,).
    """

    known: Bools
    value: Floats
    waiting: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """What customers met of one experience.

    Attributes:
        experience: The experience; None where there is none.
        kpi: Its KPI.
        why: Why there is none.
        place: Rows of the panel, shape (met,).
        good: Whether it was the better, shape (met,).
        spot: Code of where it happened, shape (met,).
    """

    experience: Experience | None
    kpi: Kpi
    why: str
    place: Codes
    good: Bools
    spot: Codes


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Customers at landmarks, each row one customer at one of them.

    Attributes:
        key: Number of the customer, shape (rows,).
        landmark: Place of the landmark in `dates`, shape (rows,).
        dates: Days of the landmarks.
        tenure: Days since they began, shape (rows,).
        past: Active days, orders and net amount in the months before an experience that is
            settled at once, and before one that is not; each of shape (rows,).
        outcomes: What followed, by name of the outcome.
        segments: By dimension: code of each customer, shape (customers,), and labels.
        met: The experiences.
        ordered: Whether there are orders at all.
    """

    key: Codes
    landmark: Codes
    dates: tuple[date, ...]
    tenure: Floats
    past: tuple[tuple[Floats, Floats, Floats], tuple[Floats, Floats, Floats]]
    outcomes: Mapping[str, Followed]
    segments: Mapping[str, tuple[Codes, tuple[str | None, ...]]]
    met: tuple[Met, ...]
    ordered: bool


_NOBODY = (
    np.zeros(0, dtype=np.intp),
    np.zeros(0, dtype=np.bool_),
    np.zeros(0, dtype=np.intp),
)


def panel(
    bench: Bench,
    facts: Mapping[str, Fact],
    ready: Callable[[Fact], Measured | None],
    *,
    days: int,
    dimensions: Sequence[str],
    since: date | None = None,
    until: date | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Panel:
    """The panel of a project.

    Args:
        bench: The project's tables on an engine.
        facts: All facts by name.
        ready: Gives a fact as its tables are now; None where they have no data.
        days: Days after a landmark that count.
        dimensions: What of customers is looked up.
        since: Landmarks before this day are left out.
        until: Landmarks after this day are left out.
        progress: Called with a KPI, how many are done, and how many there are.
    """
    tell = progress or (lambda _kpi, _done, _all: None)
    engine = bench.engine
    maker = _Maker(bench, days, since, until)
    maker.people(ready(facts[PURCHASES]) is not None)
    kpis = candidates(bench.definitions.kpis.values())
    rules = bench.definitions.rules.parameters()
    found: list[Experience | str] = []
    for nth, kpi in enumerate(kpis):
        tell(kpi.id, nth, len(kpis))
        measured = ready(facts[kpi.fact])
        one = "there is no data" if measured is None else experience(engine, measured, kpi, rules)
        if isinstance(one, Experience):
            maker.met(nth, one)
        found.append(one)
    tell("", len(kpis), len(kpis))
    maker.frame()
    return maker.panel(kpis, found, dimensions)


def dimensions_of(definitions: Definitions, known: Sequence[str]) -> tuple[str, ...]:
    """What of customers is held equal: what the project itself breaks KPIs down by.

    Other attributes may be consequences: a column that says who left would explain all away.

    Args:
        definitions: The project.
        known: All dimensions that customers bring.
    """
    named = {name for kpi in definitions.kpis.values() for name in kpi.breakdowns}
    return tuple(name for name in known if name in named | set(definitions.segments))


def _met_sql(one: Experience) -> str:
    """The last row a customer and month, with the landmark that follows it."""
    return (
        "SELECT key, landmark, good, spot FROM ("
        "SELECT p.key, m.nth AS landmark, r.good, r.spot, ROW_NUMBER() OVER ("
        "PARTITION BY p.key, m.nth ORDER BY r.known DESC, r.good, r.spot) AS place FROM ("
        f"SELECT customer, {one.known} AS known, {one.good} AS good, {one.spot} AS spot "
        f"FROM {one.table} WHERE {one.counts}) AS r "
        "JOIN driver_people AS p ON p.customer = r.customer "
        "JOIN driver_landmarks AS m ON r.known >= m.starts AND r.known < m.ends"
        ") AS ranked WHERE place = 1 AND good IS NOT NULL"
    )


class _Maker:
    """Makes the tables of a panel, step by step."""

    def __init__(self, bench: Bench, days: int, since: date | None, until: date | None) -> None:
        self.bench = bench
        self.engine = bench.engine
        self.window = days * DAY
        self.late = timedelta(days=bench.definitions.rules.late_data_days)
        self.since, self.until = since, until
        self.ordered = False
        self.tables: list[int] = []

    def met(self, nth: int, one: Experience) -> None:
        """Who met an experience, in a table of its own."""
        self.engine.table(f"driver_met_{nth}", _met_sql(one))
        self.tables.append(nth)

    def people(self, ordered: bool) -> None:
        """Landmarks, customers and what they did by month."""
        self.ordered = ordered
        self.bench.prepared.views(("months", "spells", "activity"))
        limits = "".join(
            f" AND CAST(ends_at AT TIME ZONE {self._zone} AS DATE) {sign} DATE '{day}'"
            for sign, day in ((">=", self.since), ("<=", self.until))
            if day
        )
        # The month in progress has not led to a landmark yet.
        self.engine.table(
            "driver_months",
            "SELECT month, starts_at, ends_at, "
            "EPOCH_US(starts_at) AS starts, EPOCH_US(ends_at) AS ends, "
            "ROW_NUMBER() OVER (ORDER BY month) - 1 AS nth FROM months",
        )
        now = self._micro(self.bench.prepared.parameters.get("observed_until"))
        self.engine.table(
            "driver_landmarks",
            "SELECT nth, starts, ends, "
            f"CAST(ends_at AT TIME ZONE {self._zone} AS DATE) AS day FROM driver_months "
            f"WHERE ends <= {now}{limits}",
        )
        bought = (
            'SELECT customer, EPOCH_US("at") AS moment, is_order, net_amount '
            f"FROM facts.{PURCHASES} WHERE customer NOT LIKE 'order:%'"
            if ordered
            else "SELECT '' AS customer, 0 AS moment, 1 AS is_order, 0.0 AS net_amount WHERE FALSE"
        )
        self.engine.table(
            "driver_people",
            "SELECT customer, MIN(since) AS since, "
            "ROW_NUMBER() OVER (ORDER BY customer) - 1 AS key FROM ("
            "SELECT customer, starts AS since FROM spells UNION ALL "
            f"SELECT customer, moment FROM ({bought}) AS b WHERE is_order = 1"
            ") AS began GROUP BY customer",
        )
        self.engine.table(
            "driver_orders",
            "SELECT p.key, b.moment, b.is_order, "
            f"CAST(b.net_amount AS DOUBLE) AS net FROM ({bought}) AS b "
            "JOIN driver_people AS p ON p.customer = b.customer",
        )
        self.engine.table(
            "driver_past",
            "SELECT key, nth, SUM(days) AS days, "
            "SUM(orders) AS orders, SUM(net) AS net FROM ("
            "SELECT p.key, m.nth, 1 AS days, 0 AS orders, 0.0 AS net FROM activity AS a "
            "JOIN driver_people AS p ON p.customer = a.customer "
            f"JOIN driver_months AS m ON m.month = {self._month('a.at')} "
            "UNION ALL SELECT o.key, m.nth, 0, o.is_order, o.net FROM driver_orders AS o "
            "JOIN driver_months AS m ON o.moment >= m.starts AND o.moment < m.ends"
            ") AS did GROUP BY key, nth",
        )

    def frame(self) -> None:
        """A row a customer and landmark with any experience: what was before, and what followed."""
        window = self.window
        met = " UNION ALL ".join(
            f"SELECT key, landmark FROM driver_met_{nth}" for nth in self.tables
        )
        met = met or "SELECT 0 AS key, 0 AS landmark WHERE FALSE"
        sums = ", ".join(
            f"SUM(CASE WHEN a.nth BETWEEN f.landmark - {PAST + lag} AND f.landmark - {1 + lag} "
            f"THEN a.{name} END) AS {name}{lag}"
            for lag in (0, 1)
            for name in ("days", "orders", "net")
        )
        self.engine.table(
            "driver_pairs",
            "SELECT DISTINCT f.key, f.landmark, "
            f"l.ends AS at FROM ({met}) AS f JOIN driver_landmarks AS l ON l.nth = f.landmark",
        )
        self.engine.table(
            "driver_frame",
            ""
            "SELECT f.key, f.landmark, f.at, p.since, "
            f"s.ends > f.at + {window} AS stays, s.until, s.key IS NOT NULL AS member, "
            "COALESCE(b.bought, 0) = 1 AS bought, COALESCE(b.again, 0) = 1 AS again, "
            "COALESCE(b.revenue, 0) AS revenue, "
            + ", ".join(
                f"COALESCE(d.{name}{lag}, 0) AS {name}{lag}"
                for lag in (0, 1)
                for name in ("days", "orders", "net")
            )
            + ", ROW_NUMBER() OVER (ORDER BY f.key, f.landmark) - 1 AS place "
            "FROM driver_pairs AS f JOIN driver_people AS p ON p.key = f.key "
            "LEFT JOIN (SELECT p.key, c.starts, c.until, "
            "COALESCE(c.ends, 9223372036854775807) AS ends FROM spells AS c "
            "JOIN driver_people AS p ON p.customer = c.customer) AS s "
            "ON s.key = f.key AND s.starts <= f.at AND s.ends > f.at "
            "LEFT JOIN (SELECT f.key, f.landmark, "
            "MAX(CASE WHEN o.moment < f.at THEN o.is_order END) AS bought, "
            "MAX(CASE WHEN o.moment >= f.at THEN o.is_order END) AS again, "
            "SUM(CASE WHEN o.moment >= f.at THEN o.net END) AS revenue "
            "FROM driver_pairs AS f JOIN driver_orders AS o ON o.key = f.key "
            f"AND o.moment < f.at + {window} GROUP BY f.key, f.landmark) AS b "
            "ON b.key = f.key AND b.landmark = f.landmark "
            f"LEFT JOIN (SELECT f.key, f.landmark, {sums} FROM driver_pairs AS f "
            "JOIN driver_past AS a ON a.key = f.key "
            f"AND a.nth BETWEEN f.landmark - {PAST + 1} AND f.landmark - 1 "
            "GROUP BY f.key, f.landmark) AS d ON d.key = f.key AND d.landmark = f.landmark",
        )

    def panel(
        self, kpis: Sequence[Kpi], found: Sequence[Experience | str], dimensions: Sequence[str]
    ) -> Panel:
        """The tables as arrays."""
        rows = self.engine.query("SELECT * FROM driver_frame ORDER BY place")
        days = self.engine.query("SELECT nth, day FROM driver_landmarks ORDER BY nth")
        first = int(days["nth"][0].as_py()) if len(days) else 0
        past = tuple(
            tuple(_floats(rows, f"{name}{lag}") for name in ("days", "orders", "net"))
            for lag in (0, 1)
        )
        met: list[Met] = []
        for nth, pair in enumerate(zip(kpis, found, strict=True)):
            met.append(_once(self._met(nth, *pair), met))
        return Panel(
            key=_codes(rows, "key"),
            landmark=_codes(rows, "landmark") - first,
            dates=tuple(days["day"].to_pylist()),
            tenure=np.maximum((_floats(rows, "at") - _floats(rows, "since")) / DAY, 0.0),
            past=past,  # type: ignore[arg-type]
            outcomes=self._outcomes(rows),
            segments={name: self._segment(name) for name in dimensions},
            met=tuple(met),
            ordered=self.ordered,
        )

    def _outcomes(self, rows: pa.Table) -> dict[str, Followed]:
        ends = _floats(rows, "at") + self.window
        member, bought = _bools(rows, "member"), _bools(rows, "bought")
        late = self.late.total_seconds() * 1e6
        over = ends <= _floats(rows, "until") - late
        known = self.bench.prepared.until.get("orders")
        sold = ends <= (self._micro(known) - late if known is not None else -np.inf)
        buyer = bought | member if self.ordered else np.zeros_like(bought)
        return {
            "retention": Followed(
                member & over, _bools(rows, "stays").astype(np.float64), member & ~over
            ),
            "repeat_purchase": Followed(
                bought & sold, _bools(rows, "again").astype(np.float64), bought & ~sold
            ),
            "revenue": Followed(buyer & sold, _floats(rows, "revenue"), buyer & ~sold),
        }

    def _met(self, nth: int, kpi: Kpi, found: Experience | str) -> Met:
        if isinstance(found, str):
            return Met(None, kpi, found, *_NOBODY)
        rows = self.engine.query(
            f"SELECT f.place, m.good, m.spot FROM driver_met_{nth} AS m JOIN driver_frame AS f "
            "ON f.key = m.key AND f.landmark = m.landmark ORDER BY f.place"
        )
        spot, _ = _coded(rows["spot"])
        return Met(found, kpi, "", _codes(rows, "place"), _bools(rows, "good"), spot)

    def _segment(self, name: str) -> tuple[Codes, tuple[str | None, ...]]:
        rows = self.engine.query(
            f"SELECT CAST(w.{quoted(name)} AS VARCHAR) AS label FROM driver_people AS p "
            "LEFT JOIN who AS w ON w.customer = p.customer ORDER BY p.key"
        )
        return _coded(rows["label"])

    @property
    def _zone(self) -> str:
        return "'" + self.bench.definitions.settings.timezone.replace("'", "''") + "'"

    def _month(self, moment: str) -> str:
        return f"CAST(DATE_TRUNC('MONTH', {moment} AT TIME ZONE {self._zone}) AS DATE)"

    @staticmethod
    def _micro(moment: datetime | None) -> int:
        return 0 if moment is None else int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _once(one: Met, before: Sequence[Met]) -> Met:
    """The same again under another name, or turned round, is asked once."""
    for other in before:
        if len(one.place) and np.array_equal(one.place, other.place):
            if np.array_equal(one.good, other.good):
                return Met(None, one.kpi, f"the same as {other.kpi.title}", *_NOBODY)
            if np.array_equal(one.good, ~other.good):
                return Met(None, one.kpi, f"the opposite of {other.kpi.title}", *_NOBODY)
    return one


def _coded(column: pa.ChunkedArray) -> tuple[Codes, tuple[str | None, ...]]:
    """Codes from 0 on, the commonest first; the rarest are one. No label is one of its own."""
    import pyarrow as pa

    plain = column.combine_chunks()
    if not isinstance(plain, pa.DictionaryArray):
        plain = plain.dictionary_encode(null_encoding="encode")
    labels = plain.dictionary.to_pylist()
    codes = plain.indices.to_numpy(zero_copy_only=False).astype(np.intp)
    counts = np.bincount(codes, minlength=len(labels))
    order = sorted(range(len(labels)), key=lambda one: (-counts[one], labels[one] or ""))
    rank = np.zeros(max(len(labels), 1), dtype=np.intp)
    rank[order] = np.arange(len(labels))
    return rank[codes], tuple(labels[one] for one in order)


def _floats(rows: pa.Table, name: str) -> Floats:
    found = rows[name].cast("float64").fill_null(np.nan)
    return np.asarray(found.to_numpy(), dtype=np.float64)


def _codes(rows: pa.Table, name: str) -> Codes:
    return np.asarray(rows[name].to_numpy(), dtype=np.intp)


def _bools(rows: pa.Table, name: str) -> Bools:
    return np.asarray(rows[name].fill_null(False).to_numpy(), dtype=np.bool_)


def lumped(codes: Codes, most: int = MOST_LEVELS) -> Codes:
    """Codes of which those from `most` on are one.

    >>> lumped(np.array([0, 5, 2, 3]), 3).tolist()
    [0, 2, 2, 2]
    """
    return np.minimum(codes, most - 1)
