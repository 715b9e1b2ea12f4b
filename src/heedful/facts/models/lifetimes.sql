/*
says: >-
  How long customers stay: from the beginning until they were first lost, or until the data
  ends. With contracts they are lost at the end of the last one (another within 7 days carries
  on), others `lapsed_after_days` after their last activity; where that is null, customers
  without a contract are left out. Who comes back later was lost all the same.
grain: one row a customer
key: customer
reads: [spells, customers]
lookback: all
dimensions: [country, plan, channel, device, contractual]
columns:
  customer: The customer.
  at: When they became one.
  days: Days until they were lost, or until the data ends.
  lost: Whether they were lost.
  returned: Whether they came back after that.
  contractual: Whether they have or had a contract.
  country: Country or market.
  plan: Plan or product line now.
  channel: Where the customer was acquired.
  device: The customer's usual device.
*/
WITH ranked AS (
  SELECT
    s.*,
    ROW_NUMBER() OVER (PARTITION BY s.customer ORDER BY s.starts) AS nth,
    COUNT(*) OVER (PARTITION BY s.customer) AS spells
  FROM spells AS s
)
SELECT
  r.customer,
  r.at,
  CAST(COALESCE(r.ends, r.until) - r.starts AS DOUBLE) / 86400000000 AS days,
  r.ends IS NOT NULL AS lost,
  r.spells > 1 AS returned,
  r.contractual,
  c.country,
  c.plan,
  c.channel,
  c.device
FROM ranked AS r
LEFT JOIN customers AS c ON c.customer = r.customer
WHERE r.nth = 1
