/*
says: >-
  Page views, and which of them end a session: no other page view follows before a pause of
  `session_gap_minutes`, or within a day. Events without any id cannot be tied together and are
  left out.
grain: one row a page view
key: view_id
reads: [events]
lookback: 1 day + $session_gap_minutes minutes
dimensions: [page, touchpoint, device, channel, ai]
attributes: events
columns:
  view_id: The page view.
  page: The page.
  customer: Who saw it.
  at: When.
  last: Whether it is the last page view of its session.
  touchpoint: Where it was.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was seen on.
  channel: How they came.
*/
WITH acts AS (
  SELECT
    e.event_id,
    e.customer,
    EPOCH_US(e.occurred_at) AS moment,
    e.event IN ($page_events) AS is_page
  FROM events AS e
  WHERE e.customer IS NOT NULL
),
looked_back AS (
  SELECT
    a.*,
    LAG(a.moment) OVER (PARTITION BY a.customer ORDER BY a.moment, a.event_id) AS before
  FROM acts AS a
),
looked_ahead AS (
  SELECT
    l.event_id,
    l.is_page,
    l.moment,
    MIN(CASE WHEN l.is_page THEN l.moment END) OVER (
      PARTITION BY l.customer ORDER BY l.moment DESC, l.event_id DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS next_page,
    MIN(CASE WHEN l.moment - l.before >= $session_gap_minutes * 60000000 THEN l.moment END) OVER (
      PARTITION BY l.customer ORDER BY l.moment DESC, l.event_id DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS next_session
  FROM looked_back AS l
),
views AS (
  SELECT
    l.event_id,
    NOT COALESCE(
      l.next_page - l.moment <= 86400000000
      AND (l.next_session IS NULL OR l.next_page < l.next_session),
      FALSE
    ) AS last
  FROM looked_ahead AS l
  WHERE l.is_page
)
SELECT
  e.event_id AS view_id,
  e.page,
  e.customer,
  e.occurred_at AS at,
  v.last,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM views AS v
JOIN events AS e ON e.event_id = v.event_id
