/*
says: >-
  First visits, known people and unknown ones alike, and whether a conversion followed within
  `conversion_window_days`. Events without any id cannot be tied together and are left out.
grain: one row a visitor
key: customer
reads: [events, orders]
lookback: all
dimensions: [landing_page, touchpoint, device, channel, country, ai]
attributes: events
columns:
  customer: Who came.
  at: When they were first seen.
  converted: >-
    Whether there was a conversion event in time, or an order where completing one is a
    conversion.
  matured: Whether the whole window had passed when the data ended.
  landing_page: The page they were first seen on.
  touchpoint: Where they were first seen.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they came with.
  channel: How they came.
  country: Country or market.
*/
-- Of several events at the first moment a page view says most, so it comes first: its time is
-- doubled, that of others too and one more.
WITH firsts AS (
  SELECT
    e.customer,
    MIN(
      EPOCH_US(e.occurred_at) * 2 + CASE WHEN e.event IN ($page_events) THEN 0 ELSE 1 END
    ) AS landing
  FROM events AS e
  WHERE e.customer IS NOT NULL
  GROUP BY e.customer
),
ranked AS (
  SELECT
    e.*,
    EPOCH_US(e.occurred_at) AS _moment,
    ROW_NUMBER() OVER (PARTITION BY e.customer ORDER BY e.event_id) AS _nth
  FROM firsts AS f
  JOIN events AS e
    ON e.customer = f.customer
    AND EPOCH_US(e.occurred_at) * 2 + CASE WHEN e.event IN ($page_events) THEN 0 ELSE 1 END
    = f.landing
),
conversions AS (
  SELECT e.customer, EPOCH_US(e.occurred_at) AS moment
  FROM events AS e
  WHERE e.event IN ($conversion_events)
  UNION ALL
  SELECT o.customer, EPOCH_US(o.ordered_at)
  FROM orders AS o
  WHERE $orders_convert AND o.amount >= 0
),
converted AS (
  SELECT DISTINCT r.customer
  FROM ranked AS r
  JOIN conversions AS c ON c.customer = r.customer
  WHERE r._nth = 1
    AND c.moment >= r._moment
    AND c.moment - r._moment <= $conversion_window_days * 86400000000
)
SELECT
  r.customer,
  r.occurred_at AS at,
  c.customer IS NOT NULL AS converted,
  LEAST(
    EPOCH_US($events_until),
    CASE WHEN $orders_convert THEN EPOCH_US(COALESCE($orders_until, $events_until))
      ELSE EPOCH_US($events_until) END
  ) - r._moment >= $conversion_window_days * 86400000000 AS matured,
  r.page AS landing_page,
  r.touchpoint,
  r.stage,
  r.ai,
  r.device,
  r.channel,
  r.country,
  ATTRIBUTES(r)
FROM ranked AS r
LEFT JOIN converted AS c ON c.customer = r.customer
WHERE r._nth = 1
