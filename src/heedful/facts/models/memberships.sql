/*
says: >-
  Customers by month, in the project's timezone. A customer is active in a month during any
  part of which a contract ran; one without contracts, from an activity until
  `lapsed_after_days` passed without another. Lost are those who were customers in the month and
  are none when it ends, so that customers at the start of a month, plus those who join or come
  back, less those lost, are the customers at the start of the next. In the month in progress
  the end of the data stands for its end. Where `lapsed_after_days` is null, customers without
  contracts are left out; but where nobody has a contract, those with activity in a month are
  active in it, and `at_start` and `lost` are null. Orders and tickets in months in which their
  customer was not active are left out. Customers buy more if contracts that run when the month
  ends are worth more a month than those at its start, or by one of `upsell_events`. What no row
  of the data tells is null, for nobody knows it.
grain: one row a customer and month
key: [customer, at]
reads: [spells, activity, months, customers, subscriptions, orders, tickets, events]
lookback: all
grains: [month, quarter, all]
dimensions: [country, plan, channel, device, contractual]
columns:
  customer: The customer.
  at: The first moment of the month.
  active: Always true; months in which nobody was a customer have no rows.
  at_start: Whether they were a customer when the month began; null where that is not known.
  lost: Whether they were none any more when it ended; null where that is not known.
  tickets: Tickets they opened in the month; null where no tickets are known at all.
  complaints: >-
    Those of them that are complaints: marked as such, or on one of `complaint_topics`; null where
    no complaint is known at all.
  orders: Orders they placed in the month; null where no orders are known at all.
  net_amount: >-
    What they paid in the month, less what was paid back on these orders; null where no orders are
    known at all.
  upsold: Whether they bought more in the month; null where nobody is known to have done so.
  used_feature: >-
    Whether they used a key feature in the month; null where no event of the data does.
  contractual: Whether they have or had a contract.
  country: Country or market.
  plan: Plan or product line now, else that of the newest contract.
  channel: Where the customer was acquired.
  device: The customer's usual device.
*/
WITH by_spell AS (
  SELECT
    s.customer,
    m.month,
    BOOL_OR(
      s.starts <= EPOCH_US(m.starts_at) AND COALESCE(s.ends > EPOCH_US(m.starts_at), TRUE)
    ) AS at_start,
    NOT BOOL_OR(
      s.starts <= EPOCH_US(m.ends_at) AND COALESCE(s.ends > EPOCH_US(m.ends_at), TRUE)
    ) AS lost,
    BOOL_OR(s.contractual) AS contractual
  FROM spells AS s
  JOIN months AS m
    ON s.starts <= EPOCH_US(m.ends_at)
    AND EPOCH_US(m.starts_at) <= s.until
    AND COALESCE(s.ends > EPOCH_US(m.starts_at), TRUE)
  GROUP BY s.customer, m.month
  -- A spell that begins when the month ends keeps nobody in it by itself.
  HAVING BOOL_OR(s.starts < EPOCH_US(m.ends_at))
),
contracts AS (
  SELECT
    s.customer,
    s.plan,
    ROW_NUMBER() OVER (
      PARTITION BY s.customer ORDER BY s.started_at DESC, s.subscription_id
    ) AS nth
  FROM subscriptions AS s
),
counted AS (
  SELECT COUNT(*) AS contracts FROM subscriptions AS s
),
-- The first and last moment of 24 hours may lie in two months.
moments AS (
  SELECT a.customer, a.at FROM activity AS a
  UNION ALL
  SELECT a.customer, a.last_at FROM activity AS a
),
by_activity AS (
  SELECT DISTINCT
    a.customer,
    CAST(DATE_TRUNC('MONTH', a.at AT TIME ZONE $timezone) AS DATE) AS month
  FROM moments AS a
  CROSS JOIN counted AS n
  WHERE n.contracts = 0 AND $lapsed_after_days IS NULL
),
members AS (
  SELECT b.customer, b.month, b.at_start, b.lost, b.contractual FROM by_spell AS b
  UNION ALL
  SELECT b.customer, b.month, CAST(NULL AS BOOLEAN), CAST(NULL AS BOOLEAN), FALSE
  FROM by_activity AS b
),
bought AS (
  SELECT
    o.customer,
    CAST(DATE_TRUNC('MONTH', o.ordered_at AT TIME ZONE $timezone) AS DATE) AS month,
    SUM(CASE WHEN o.amount >= 0 THEN 1 ELSE 0 END) AS orders,
    SUM(CASE WHEN o.amount >= 0 THEN o.amount - COALESCE(o.refunded_amount, 0) ELSE o.amount END)
      AS net_amount
  FROM orders AS o
  GROUP BY o.customer, CAST(DATE_TRUNC('MONTH', o.ordered_at AT TIME ZONE $timezone) AS DATE)
),
asked AS (
  SELECT
    t.customer,
    CAST(DATE_TRUNC('MONTH', t.opened_at AT TIME ZONE $timezone) AS DATE) AS month,
    COUNT(*) AS tickets,
    COUNT(CASE WHEN t.is_complaint OR t.topic IN ($complaint_topics) THEN 1 END) AS complaints
  FROM tickets AS t
  GROUP BY t.customer, CAST(DATE_TRUNC('MONTH', t.opened_at AT TIME ZONE $timezone) AS DATE)
),
worth AS (
  SELECT
    s.customer,
    m.month,
    SUM(CASE WHEN s.started_at <= m.starts_at THEN s.mrr END) AS before,
    SUM(
      CASE WHEN s.ended_at IS NULL OR s.ended_at > m.ends_at THEN s.mrr END
    ) AS later
  FROM subscriptions AS s
  JOIN months AS m
    ON s.started_at <= m.ends_at AND (s.ended_at IS NULL OR s.ended_at > m.starts_at)
  WHERE s.ended_at IS NULL OR s.ended_at > s.started_at
  GROUP BY s.customer, m.month
  -- One contract of unknown worth, and nobody can tell whether they pay more.
  HAVING COUNT(*) = COUNT(s.mrr)
),
raised AS (
  SELECT w.customer, w.month FROM worth AS w WHERE w.before > 0 AND w.later > w.before
  UNION
  SELECT e.customer, CAST(DATE_TRUNC('MONTH', e.occurred_at AT TIME ZONE $timezone) AS DATE)
  FROM events AS e
  WHERE e.customer IS NOT NULL AND e.event IN ($upsell_events)
),
known AS (
  SELECT
    (SELECT COUNT(*) FROM tickets AS t) > 0 AS tickets,
    (
      SELECT COUNT(CASE WHEN t.is_complaint OR t.topic IN ($complaint_topics) THEN 1 END)
      FROM tickets AS t
    ) > 0 AS complaints,
    (SELECT COUNT(*) FROM orders AS o) > 0 AS orders,
    (SELECT COUNT(*) FROM raised AS r) > 0 AS upsells
),
used AS (
  SELECT DISTINCT
    e.customer,
    CAST(DATE_TRUNC('MONTH', e.occurred_at AT TIME ZONE $timezone) AS DATE) AS month
  FROM events AS e
  WHERE e.customer IS NOT NULL AND e.event IN ($feature_events)
)
SELECT
  b.customer,
  m.starts_at AS at,
  TRUE AS active,
  b.at_start,
  b.lost,
  CASE WHEN k.tickets THEN CAST(COALESCE(a.tickets, 0) AS BIGINT) END AS tickets,
  CASE WHEN k.complaints THEN CAST(COALESCE(a.complaints, 0) AS BIGINT) END AS complaints,
  CASE WHEN k.orders THEN CAST(COALESCE(o.orders, 0) AS BIGINT) END AS orders,
  CASE WHEN k.orders THEN CAST(COALESCE(o.net_amount, 0) AS DECIMAL(18, 4)) END AS net_amount,
  CASE WHEN k.upsells THEN r.customer IS NOT NULL END AS upsold,
  CASE WHEN $seen_feature_events THEN f.customer IS NOT NULL END AS used_feature,
  b.contractual,
  c.country,
  COALESCE(c.plan, p.plan) AS plan,
  c.channel,
  c.device
FROM members AS b
JOIN months AS m ON m.month = b.month
LEFT JOIN customers AS c ON c.customer = b.customer
LEFT JOIN contracts AS p ON p.customer = b.customer AND p.nth = 1
LEFT JOIN bought AS o ON o.customer = b.customer AND o.month = b.month
LEFT JOIN asked AS a ON a.customer = b.customer AND a.month = b.month
LEFT JOIN raised AS r ON r.customer = b.customer AND r.month = b.month
CROSS JOIN known AS k
LEFT JOIN used AS f ON f.customer = b.customer AND f.month = b.month
