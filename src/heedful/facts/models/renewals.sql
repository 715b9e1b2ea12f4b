/*
says: >-
  Contracts by month in which they had to be renewed: every `term_months` after they began. One
  is renewed if it still runs 7 days after that day, or if another contract of the same customer
  took its place by then. What ended more than 7 days before was not due any more. Contracts
  without a term are left out.
grain: one row a contract and month in which a renewal is due
key: [subscription_id, at]
reads: [subscriptions, months, customers]
lookback: all
grains: [month, quarter, all]
dimensions: [plan, country, channel, device]
attributes: subscriptions
columns:
  subscription_id: The contract.
  customer: Who holds it.
  at: The first moment of the month in which the renewal was due.
  renewed: Whether it was renewed.
  matured: Whether the 7 days had passed when the data ended.
  term_months: How many months a term has.
  mrr: Monthly recurring revenue.
  plan: The contract's plan.
  country: Country or market.
  channel: Where the customer was acquired.
  device: The customer's usual device.
*/
WITH terms AS (
  SELECT
    s.*,
    m.month AS first_month,
    EPOCH_US(s.started_at) AS starts,
    EPOCH_US(s.started_at) - EPOCH_US(m.starts_at) AS elapsed,
    COALESCE(EPOCH_US(s.ended_at), 253402300799000000) AS ends
  FROM subscriptions AS s
  JOIN months AS m ON s.started_at >= m.starts_at AND s.started_at < m.ends_at
  WHERE s.term_months > 0 AND (s.ended_at IS NULL OR s.ended_at > s.started_at)
),
due AS (
  SELECT
    t.*,
    m.starts_at AS due_month,
    -- A contract of the 31st is due on the last day of shorter months.
    LEAST(EPOCH_US(m.starts_at) + t.elapsed, EPOCH_US(m.ends_at) - 1) AS due
  FROM terms AS t
  JOIN months AS m
    ON m.month > t.first_month
    AND (
      (YEAR(m.month) - YEAR(t.first_month)) * 12 + MONTH(m.month) - MONTH(t.first_month)
    ) % t.term_months = 0
),
followed AS (
  SELECT DISTINCT d.subscription_id, d.due_month
  FROM due AS d
  JOIN subscriptions AS s ON s.customer = d.customer
  WHERE s.subscription_id <> d.subscription_id
    AND (s.ended_at IS NULL OR s.ended_at > s.started_at)
    AND EPOCH_US(s.started_at) > d.starts
    AND EPOCH_US(s.started_at) >= d.ends - 7 * 86400000000
    AND EPOCH_US(s.started_at) <= d.due + 7 * 86400000000
)
SELECT
  d.subscription_id,
  d.customer,
  d.due_month AS at,
  d.ends > d.due + 7 * 86400000000 OR f.subscription_id IS NOT NULL AS renewed,
  EPOCH_US($subscriptions_until) >= d.due + 7 * 86400000000 AS matured,
  d.term_months,
  d.mrr,
  d.plan,
  c.country,
  c.channel,
  c.device,
  ATTRIBUTES(d)
FROM due AS d
LEFT JOIN followed AS f ON f.subscription_id = d.subscription_id AND f.due_month = d.due_month
LEFT JOIN customers AS c ON c.customer = d.customer
WHERE d.ends >= d.due - 7 * 86400000000
