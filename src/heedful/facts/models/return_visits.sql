/*
says: >-
  First visits, known people and unknown ones alike, and whether another visit followed within
  `return_window_days` of its beginning. Events without any id cannot be tied together and are
  left out.
grain: one row a visitor
key: customer
reads: [stays, events]
lookback: all
dimensions: [landing_page, touchpoint, device, channel, country, ai]
attributes: events
columns:
  customer: Who came.
  at: When their first visit began.
  came_back: Whether another visit began in time.
  matured: Whether the whole window had passed when the data ended.
  landing_page: The page they landed on first.
  touchpoint: Where they landed first.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they first came with.
  channel: How they first came.
  country: Country or market.
*/
WITH ranked AS (
  SELECT
    s.landing,
    s.at,
    s.begun,
    LEAD(s.begun) OVER (PARTITION BY s.customer ORDER BY s.begun) AS next_begun,
    ROW_NUMBER() OVER (PARTITION BY s.customer ORDER BY s.begun) AS nth
  FROM stays AS s
)
SELECT
  e.customer,
  r.at,
  COALESCE(r.next_begun - r.begun <= $return_window_days * 86400000000, FALSE) AS came_back,
  EPOCH_US($events_until) - r.begun >= $return_window_days * 86400000000 AS matured,
  e.page AS landing_page,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM ranked AS r
JOIN events AS e ON e.event_id = r.landing
WHERE r.nth = 1
