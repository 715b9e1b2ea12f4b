/*
says: >-
  What known customers did that counts as activity: an event or order, or what `active_events`
  names. What was done within 24 hours of UTC is one row.
grain: one row a customer and 24 hours
key: [customer, at]
reads: [events, orders]
lookback: 1 day
columns:
  customer: Who was active.
  at: The first time in these 24 hours.
  last_at: The last time in these 24 hours.
*/
WITH acts AS (
  SELECT e.customer, e.occurred_at AS acted_at
  FROM events AS e
  WHERE e.known AND (NOT $any_active_events OR e.event IN ($active_events))
  UNION ALL
  SELECT o.customer, o.ordered_at
  FROM orders AS o
  WHERE o.known AND o.amount >= 0 AND $orders_active
)
SELECT
  a.customer,
  MIN(a.acted_at) AS at,
  MAX(a.acted_at) AS last_at
FROM acts AS a
GROUP BY a.customer, EPOCH_US(a.acted_at) // 86400000000
