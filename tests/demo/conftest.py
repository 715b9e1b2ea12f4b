"""KPIs of a simulated year by hand-written SQL over its frames, apart from the product's facts.

Each query gives one row a case: `unit` (who), `day` (local), `y` over `x`, and dimensions.
Medians are turned into shares: `value` is compared with the expected median.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pytest

from heedful.demo import exports
from heedful.demo.simulation import Year

MEDIANS = {"form_time", "resolution_time", "first_response_time", "time_to_first_value"}

_DAY = "CAST(timezone('Europe/Amsterdam', {at}) AS DATE)"

PREPARE = f"""
CREATE TABLE insiders AS SELECT customer_id FROM customers WHERE is_staff OR is_test;
CREATE TABLE acts AS
SELECT e.*, COALESCE(e.customer_id, i.customer_id, e.anonymous_id) AS unit,
  {_DAY.format(at="occurred_at")} AS day
FROM events AS e LEFT JOIN identities AS i ON i.alias_id = e.anonymous_id
WHERE NOT e.is_bot AND COALESCE(e.customer_id, '') NOT IN (SELECT customer_id FROM insiders);
CREATE TABLE sittings AS
WITH marked AS (
  SELECT *, COALESCE(
    EPOCH(occurred_at) - LAG(EPOCH(occurred_at)) OVER (PARTITION BY unit ORDER BY event_id) > 1800,
    TRUE) AS begins
  FROM acts
), numbered AS (
  SELECT *, SUM(begins::INT) OVER (PARTITION BY unit ORDER BY event_id) AS nth FROM marked
)
SELECT unit, nth, MIN(day) AS day,
  ARG_MIN(COALESCE(touchpoint, page), event_id) AS touchpoint,
  COUNT(*) AS events,
  COUNT(*) FILTER (event = 'Page Viewed') AS pages, SUM(seconds) AS seconds,
  MAX(occurred_at) - MIN(occurred_at) AS length, BOOL_OR(event = 'Order Completed') AS converted
FROM numbered GROUP BY unit, nth;
CREATE TABLE desk AS
SELECT *, customer_id AS unit, {_DAY.format(at="opened_at")} AS day FROM tickets
WHERE NOT is_spam AND merged_into IS NULL
  AND customer_id NOT IN (SELECT customer_id FROM insiders);
CREATE TABLE answers AS
SELECT *, COALESCE(r.customer_id, i.customer_id, r.anonymous_id) AS unit,
  {_DAY.format(at="answered_at")} AS day
FROM responses AS r LEFT JOIN identities AS i ON i.alias_id = r.anonymous_id
WHERE COALESCE(r.customer_id, '') NOT IN (SELECT customer_id FROM insiders);
CREATE TABLE joined AS
SELECT s.customer_id AS unit, s.*, {_DAY.format(at="s.started_at")} AS day, c.device,
  DATE_DIFF('second', s.started_at, s.ended_at) / 86400.0 AS lasted
FROM subscriptions AS s JOIN customers AS c USING (customer_id)
WHERE NOT c.is_staff AND NOT c.is_test;
CREATE TABLE outputs AS
SELECT *, customer_id AS unit, {_DAY.format(at="produced_at")} AS day FROM ai_outputs
WHERE customer_id NOT IN (SELECT customer_id FROM insiders);
"""

_TOP = "SELECT unit, day, touchpoint, device, (score >= scale_max - {n} + 1)::INT AS y, 1 AS x"
_TOP += " FROM answers WHERE instrument = '{i}'"
_SIGNED = "SELECT unit, device, day, EPOCH(occurred_at) AS at FROM acts WHERE event = 'Signed Up'"
_VALUED = "SELECT unit, EPOCH(occurred_at) AS at FROM acts WHERE event = 'Value Reached'"
_OUTPUT = "SELECT unit, day, touchpoint, ({flag})::INT AS y, 1 AS x FROM outputs WHERE {where}"

QUERIES: dict[str, str] = {
    "form_abandonment": """
        SELECT s.unit, s.day, s.device, 1 AS x, (NOT EXISTS (
          SELECT 1 FROM acts AS d WHERE d.unit = s.unit AND d.event = 'Form Submitted'
            AND EPOCH(d.occurred_at) - EPOCH(s.occurred_at) BETWEEN 0 AND 1800))::INT AS y
        FROM acts AS s WHERE s.event = 'Form Started'""",
    "form_time": """
        SELECT unit, day, device, seconds AS value FROM acts WHERE event = 'Form Submitted'""",
    "ease": _TOP.format(n=3, i="ces"),
    "csat": _TOP.format(n=2, i="csat"),
    "csat_ai": _TOP.format(n=2, i="csat"),
    "confidence": _TOP.format(n=2, i="confidence"),
    "relevance": _TOP.format(n=2, i="relevance"),
    "trust": _TOP.format(n=2, i="trust"),
    "nps": """
        SELECT unit, day, CASE WHEN score >= 9 THEN 100 WHEN score <= 6 THEN -100 ELSE 0 END AS y,
          1 AS x FROM answers WHERE instrument = 'nps'""",
    "response_rate": """
        SELECT COALESCE(s.customer_id, i.customer_id, s.anonymous_id) AS unit, s.instrument,
          CAST(timezone('Europe/Amsterdam', s.shown_at) AS DATE) AS day, 1 AS x,
          (s.invitation_id IN (SELECT invitation_id FROM responses))::INT AS y
        FROM invitations AS s LEFT JOIN identities AS i ON i.alias_id = s.anonymous_id
        WHERE COALESCE(s.customer_id, '') NOT IN (SELECT customer_id FROM insiders)""",
    "activation": f"""
        SELECT s.unit, s.device, s.day, 1 AS x, COALESCE(v.at - s.at <= 336 * 3600, FALSE)::INT AS y
        FROM ({_SIGNED}) AS s LEFT JOIN ({_VALUED}) AS v USING (unit)""",
    "time_to_first_value": f"""
        SELECT s.unit, s.device, s.day, COALESCE((v.at - s.at) / 3600.0, 1e9) AS value
        FROM ({_SIGNED}) AS s LEFT JOIN ({_VALUED}) AS v USING (unit)""",
    "bounce_rate": """
        SELECT unit, day, touchpoint, 1 AS x,
          (pages = 1 AND events = 1 AND seconds < 10 AND NOT converted)::INT AS y
        FROM sittings WHERE pages > 0""",
    "checkout_abandonment": """
        SELECT s.unit, s.day, s.touchpoint, 1 AS x, (NOT EXISTS (
          SELECT 1 FROM orders AS d WHERE d.customer_id = s.unit
            AND EPOCH(d.ordered_at) - EPOCH(s.occurred_at) BETWEEN 0 AND 86400))::INT AS y
        FROM acts AS s WHERE s.event = 'Checkout Started'""",
    "reopen_rate": """
        SELECT unit, day, handled_by, (reopens > 0)::INT AS y, 1 AS x FROM desk
        WHERE resolved_at IS NOT NULL""",
    "repeat_contact": """
        SELECT unit, day, handled_by, 1 AS x, COALESCE(EPOCH(LEAD(opened_at) OVER w)
          - EPOCH(opened_at) <= 7 * 86400, FALSE)::INT AS y
        FROM desk WINDOW w AS (PARTITION BY unit, topic ORDER BY opened_at, ticket_id)""",
    "resolution_time": """
        SELECT unit, day, handled_by,
          COALESCE((EPOCH(resolved_at) - EPOCH(opened_at)) / 3600.0, 1e9) AS value FROM desk""",
    "first_response_time": """
        SELECT unit, day, handled_by,
          COALESCE((EPOCH(first_response_at) - EPOCH(opened_at)) / 3600.0, 1e9) AS value
        FROM desk""",
    "escalation_rate": "SELECT unit, day, handled_by, escalated::INT AS y, 1 AS x FROM desk",
    "ai_escalation_rate": """
        SELECT customer_id AS unit, CAST(timezone('Europe/Amsterdam', started_at) AS DATE) AS day,
          (handed_over_at IS NOT NULL)::INT AS y, 1 AS x FROM conversations
        WHERE touchpoint = 'chatbot' AND customer_id NOT IN (SELECT customer_id FROM insiders)""",
    "ai_misunderstood": """
        SELECT customer_id AS unit, CAST(timezone('Europe/Amsterdam', started_at) AS DATE) AS day,
          (rephrases + fallbacks > 0)::INT AS y, 1 AS x FROM conversations
        WHERE touchpoint = 'chatbot' AND customer_id NOT IN (SELECT customer_id FROM insiders)""",
    "self_service": """
        WITH visits AS (
          SELECT unit, day, MIN(occurred_at) AS at FROM acts
          WHERE event IN ('Help Article Viewed', 'Help Searched') GROUP BY unit, day)
        SELECT v.unit, v.day, 1 AS x, (NOT EXISTS (
          SELECT 1 FROM desk AS t WHERE t.unit = v.unit
            AND EPOCH(t.opened_at) - EPOCH(v.at) BETWEEN 0 AND 86400))::INT AS y
        FROM visits AS v""",
    "explanation_acceptance": _OUTPUT.format(
        flag="explanation_accepted", where="explanation_shown"
    ),
    "explanation_click_through": _OUTPUT.format(
        flag="explanation_opened", where="explanation_shown"
    ),
    "rationale_coverage": _OUTPUT.format(flag="rationale IS NOT NULL", where="TRUE"),
    "policy_coverage": _OUTPUT.format(flag="policy IS NOT NULL", where="TRUE"),
    "confidence_coverage": _OUTPUT.format(flag="confidence IS NOT NULL", where="TRUE"),
    "override_rate": _OUTPUT.format(flag="overridden", where="TRUE"),
    "quality_checks_passed": _OUTPUT.format(flag="review_passed", where="reviewed_at IS NOT NULL"),
    "refund_rate": """
        SELECT customer_id AS unit, CAST(timezone('Europe/Amsterdam', ordered_at) AS DATE) AS day,
          refunded_amount AS y, amount AS x FROM orders
        WHERE NOT is_test AND customer_id NOT IN (SELECT customer_id FROM insiders)""",
    "unsubscribe_rate": """
        SELECT customer_id AS unit, CAST(timezone('Europe/Amsterdam', sent_at) AS DATE) AS day,
          (unsubscribed_at IS NOT NULL OR complained_at IS NOT NULL)::INT AS y, 1 AS x
        FROM deliveries WHERE delivered_at IS NOT NULL
          AND customer_id NOT IN (SELECT customer_id FROM insiders)""",
    "early_churn": """
        SELECT unit, day, plan, COALESCE(lasted <= 30, FALSE)::INT AS y, 1 AS x FROM joined""",
    "retention": """
        SELECT unit, day, plan, 1 - COALESCE(lasted <= 90, FALSE)::INT AS y, 1 AS x FROM joined""",
    "engagement_depth": """
        SELECT a.unit, a.day, s.touchpoint, a.depth AS value FROM acts AS a
        JOIN sittings AS s ON s.unit = a.unit AND s.day = a.day
        WHERE a.event = 'Page Viewed' AND s.pages > 1""",
}
#: How many days before the data's end a row must have begun to have its outcome.
NEEDS = {"activation": 14, "time_to_first_value": 14, "repeat_contact": 7, "early_churn": 30,
         "retention": 90, "resolution_time": 14, "reopen_rate": 14, "refund_rate": 14,
         "quality_checks_passed": 14, "first_response_time": 14}  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """A ratio with its standard error, clustered by unit."""

    value: float
    error: float
    units: int

    def z(self, expected: float) -> float:
        return (self.value - expected) / self.error


class Oracle:
    """Measures one year.

    Args:
        year: Its tables.
    """

    medians = MEDIANS
    needs = NEEDS

    def __init__(self, year: Year) -> None:
        self._connection = duckdb.connect(config={"threads": 2})
        self._connection.execute("SET TimeZone = 'UTC'")
        for name in Year.__annotations__:
            self._connection.register(name, exports.table(getattr(year, name)))
        self._connection.execute(PREPARE)

    def estimate(
        self,
        kpi: str,
        where: tuple[str, str] | None,
        first: date,
        last: date,
        median: float | None = None,
    ) -> Estimate:
        """A KPI of the rows that began from `first` to before `last`.

        Args:
            kpi: Its id.
            where: Dimension and segment; None for all.
            first: First day.
            last: The day after the last.
            median: For medians: the estimate is the share of values below it.
        """
        # Times are whole seconds: rows right at the median count half.
        below = "SUM((value < $median)::INT + (value = $median)::INT / 2), COUNT(*)"
        y_x = "SUM(y), SUM(x)" if median is None else below
        condition = f"{where[0]} = '{where[1]}'" if where else "TRUE"
        values: dict[str, object] = {"first": first, "last": last}
        if median is not None:
            values["median"] = median
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS rows_of_{kpi} AS {QUERIES[kpi]}")
        table = self._connection.execute(
            f"SELECT {y_x} FROM rows_of_{kpi} WHERE {condition} AND day >= $first AND day < $last"
            " GROUP BY unit",
            values,
        ).fetchnumpy()
        y, x = (np.asarray(column, dtype=float) for column in table.values())
        ratio = y.sum() / x.sum()
        residual = y - ratio * x
        return Estimate(ratio, float(np.sqrt((residual**2).sum()) / x.sum()), len(x))


@pytest.fixture(scope="session")
def oracle() -> type[Oracle]:
    return Oracle
