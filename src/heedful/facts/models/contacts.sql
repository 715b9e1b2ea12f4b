/*
says: >-
  Customers by the weeks in which messages reached them, over all channels. They are pressed in a
  week if one of its messages was more than the `contact_limit` that 7 days allow, counting
  messages of the week before. Messages without `delivered_at` did not arrive; those without any
  id cannot be tied together and are left out.
grain: one row a customer and week
key: [customer, week]
reads: [deliveries]
lookback: 14 days + 2 hours
grains: [week, month, quarter, all]
columns:
  customer: Who got the messages.
  at: When the first of the week was sent.
  week: The week's Monday, in the project's timezone.
  messages: Messages they got in the week.
  channels: Channels by which these came.
  pressed: Whether any 7 days that end in the week brought more than `contact_limit` messages.
  overlapping: >-
    Whether a message of the week made another offer than one within the 7 days before it; null
    where none of the week makes an offer.
*/
WITH got AS (
  SELECT
    d.delivery_id,
    d.customer,
    d.sent_at,
    d.channel,
    d.offer,
    EPOCH_US(d.sent_at) AS moment,
    CAST(DATE_TRUNC('WEEK', d.sent_at AT TIME ZONE $timezone) AS DATE) AS week,
    ROW_NUMBER() OVER (
      PARTITION BY d.customer ORDER BY EPOCH_US(d.sent_at), d.delivery_id
    ) AS nth
  FROM deliveries AS d
  WHERE d.delivered_at IS NOT NULL AND d.customer IS NOT NULL
),
crowded AS (
  SELECT g.delivery_id
  FROM got AS g
  JOIN got AS p ON p.customer = g.customer AND p.nth = g.nth - $contact_limit
  WHERE g.moment - p.moment < 7 * 86400000000
),
offered AS (
  SELECT
    g.delivery_id,
    g.customer,
    g.offer,
    g.moment,
    LAG(g.offer) OVER (PARTITION BY g.customer ORDER BY g.moment, g.delivery_id) AS offer_before,
    LAG(g.moment) OVER (PARTITION BY g.customer ORDER BY g.moment, g.delivery_id) AS before
  FROM got AS g
  WHERE g.offer IS NOT NULL
),
-- The last message with another offer is the one before the latest change of offers.
changed AS (
  SELECT
    o.*,
    MAX(CASE WHEN o.offer_before <> o.offer THEN o.before END) OVER (
      PARTITION BY o.customer ORDER BY o.moment, o.delivery_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS other
  FROM offered AS o
),
weighed AS (
  SELECT
    g.customer,
    g.week,
    g.sent_at,
    g.channel,
    CASE WHEN c.delivery_id IS NOT NULL THEN 1 ELSE 0 END AS crowds,
    CASE
      WHEN o.delivery_id IS NULL THEN NULL
      WHEN o.moment - o.other < 7 * 86400000000 THEN 1
      ELSE 0
    END AS overlaps
  FROM got AS g
  LEFT JOIN crowded AS c ON c.delivery_id = g.delivery_id
  LEFT JOIN changed AS o ON o.delivery_id = g.delivery_id
)
SELECT
  w.customer,
  MIN(w.sent_at) AS at,
  w.week,
  COUNT(*) AS messages,
  COUNT(DISTINCT w.channel) AS channels,
  MAX(w.crowds) = 1 AS pressed,
  MAX(w.overlaps) = 1 AS overlapping
FROM weighed AS w
GROUP BY w.customer, w.week
