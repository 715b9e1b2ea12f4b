/*
says: >-
  How long customers need from signing up to a first value event. Who has not reached it yet
  has waited at least until the data ends. A value event before signing up counts as reached at
  once. Without value events in `rules.yaml` or in the data nothing can be said, and there are
  no rows.
grain: one row a customer who signed up
key: customer
reads: [customers, events]
lookback: all
dimensions: [country, plan, channel, device]
columns:
  customer: Who signed up.
  at: When; `signed_up_at` of the customer, else the first sign-up event.
  hours: Hours to the first value event, or to the end of the data.
  reached: Whether there was a value event.
  activated: Whether it came within `activation_days`.
  activation_matured: Whether `activation_days` had passed when the data ended.
  country: Country or market.
  plan: Plan or product line now.
  channel: Where the customer was acquired, else how they came to sign up.
  device: The customer's usual device, else the one they signed up on.
*/
WITH signups AS (
  SELECT
    e.customer,
    e.occurred_at,
    e.channel,
    e.device,
    e.country,
    ROW_NUMBER() OVER (PARTITION BY e.customer ORDER BY e.occurred_at, e.event_id) AS nth
  FROM events AS e
  WHERE e.customer IS NOT NULL AND e.event IN ($signup_events)
),
first_values AS (
  SELECT e.customer, MIN(EPOCH_US(e.occurred_at)) AS moment
  FROM events AS e
  WHERE e.customer IS NOT NULL AND e.event IN ($value_events)
  GROUP BY e.customer
),
seen AS (
  SELECT COUNT(*) AS customers FROM first_values AS f
),
people AS (
  SELECT c.customer FROM customers AS c WHERE c.signed_up_at IS NOT NULL
  UNION
  SELECT s.customer FROM signups AS s
),
begun AS (
  SELECT
    p.customer,
    COALESCE(c.signed_up_at, s.occurred_at) AS began_at,
    COALESCE(c.country, s.country) AS country,
    c.plan,
    COALESCE(c.channel, s.channel) AS channel,
    COALESCE(c.device, s.device) AS device
  FROM people AS p
  LEFT JOIN customers AS c ON c.customer = p.customer
  LEFT JOIN signups AS s ON s.customer = p.customer AND s.nth = 1
),
waits AS (
  SELECT
    b.*,
    v.moment IS NOT NULL AS reached,
    GREATEST(COALESCE(v.moment, EPOCH_US($events_until)) - EPOCH_US(b.began_at), 0) AS wait,
    EPOCH_US($events_until) - EPOCH_US(b.began_at) AS observed
  FROM begun AS b
  CROSS JOIN seen
  LEFT JOIN first_values AS v ON v.customer = b.customer
  WHERE seen.customers > 0
)
SELECT
  w.customer,
  w.began_at AS at,
  CAST(w.wait AS DOUBLE) / 3600000000 AS hours,
  w.reached,
  w.reached AND w.wait <= $activation_days * 86400000000 AS activated,
  w.observed >= $activation_days * 86400000000 AS activation_matured,
  w.country,
  w.plan,
  w.channel,
  w.device
FROM waits AS w
