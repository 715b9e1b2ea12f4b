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
-- A text that sorts like what they are first seen with: by time, then page views first, which
-- say most, then by id.
WITH firsts AS (
  SELECT
    e.customer,
    MIN(EPOCH_US(e.occurred_at)) AS moment,
    SUBSTR(
      MIN(
        CAST(EPOCH_US(e.occurred_at) + 10000000000000000 AS VARCHAR)
        || CASE WHEN e.event IN ($page_events) THEN '0' ELSE '1' END
        || e.event_id
      ),
      19
    ) AS event_id
  FROM events AS e
  WHERE e.customer IS NOT NULL
  GROUP BY e.customer
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
  SELECT DISTINCT f.customer
  FROM firsts AS f
  JOIN conversions AS c ON c.customer = f.customer
  WHERE c.moment >= f.moment
    AND c.moment - f.moment <= $conversion_window_days * 86400000000
)
SELECT
  e.customer,
  e.occurred_at AS at,
  c.customer IS NOT NULL AS converted,
  LEAST(
    EPOCH_US($events_until),
    CASE WHEN $orders_convert THEN EPOCH_US(COALESCE($orders_until, $events_until))
      ELSE EPOCH_US($events_until) END
  ) - f.moment >= $conversion_window_days * 86400000000 AS matured,
  e.page AS landing_page,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM firsts AS f
JOIN events AS e ON e.event_id = f.event_id
LEFT JOIN converted AS c ON c.customer = f.customer
