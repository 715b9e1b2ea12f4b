/*
says: >-
  Unbroken times during which somebody was a customer. With contracts: from the start of one to
  the end of the last; a contract that follows within 7 days of an end carries on, and one that
  ended when or before it began never ran. Customers who never had a contract: from an
  activity until `lapsed_after_days` passed without one; where that is null nobody knows when
  they were lost, and they have no spell.
grain: one row a spell
key: [customer, at]
reads: [subscriptions, activity]
lookback: all
columns:
  customer: The customer.
  at: When it began.
  starts: The same in microseconds since 1970.
  ends: When it ended, in microseconds since 1970; null while it goes on.
  until: Until when that is known, in microseconds since 1970.
  contractual: Whether it is about contracts.
*/
WITH contracted AS (
  SELECT DISTINCT s.customer FROM subscriptions AS s
),
spans AS (
  SELECT
    s.customer,
    s.started_at,
    EPOCH_US(s.started_at) AS starts,
    COALESCE(EPOCH_US(s.ended_at), 253402300799000000) AS ends,
    COALESCE(EPOCH_US(s.ended_at), 253402300799000000) + 7 * 86400000000 AS holds,
    EPOCH_US($subscriptions_until) AS until,
    TRUE AS contractual
  FROM subscriptions AS s
  WHERE s.ended_at IS NULL OR s.ended_at > s.started_at
  UNION ALL
  SELECT
    a.customer,
    a.at,
    EPOCH_US(a.at),
    EPOCH_US(a.last_at) + $lapsed_after_days * 86400000000,
    EPOCH_US(a.last_at) + $lapsed_after_days * 86400000000,
    LEAST(
      EPOCH_US(COALESCE($events_until, $orders_until)),
      CASE WHEN $orders_active THEN EPOCH_US(COALESCE($orders_until, $events_until))
        ELSE EPOCH_US(COALESCE($events_until, $orders_until)) END
    ),
    FALSE
  FROM activity AS a
  LEFT JOIN contracted AS c ON c.customer = a.customer
  WHERE c.customer IS NULL AND $lapsed_after_days IS NOT NULL
),
marked AS (
  SELECT
    s.*,
    MAX(s.holds) OVER (
      PARTITION BY s.customer ORDER BY s.starts, s.holds
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS held
  FROM spans AS s
),
carried AS (
  SELECT
    m.*,
    MAX(CASE WHEN m.held IS NULL OR m.starts > m.held THEN m.starts END) OVER (
      PARTITION BY m.customer ORDER BY m.starts, m.holds
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM marked AS m
)
SELECT
  c.customer,
  MIN(c.started_at) AS at,
  c.begun AS starts,
  CASE WHEN MAX(c.ends) <= MAX(c.until) THEN MAX(c.ends) END AS ends,
  MAX(c.until) AS until,
  BOOL_OR(c.contractual) AS contractual
FROM carried AS c
WHERE c.begun <= c.until
GROUP BY c.customer, c.begun
