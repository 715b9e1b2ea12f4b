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
  key_section_reached: >-
    Whether as much of the page was seen as it takes to reach its key section; null where there
    is none, or nothing is known about how much was seen.
  touchpoint: Where it was.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was seen on.
  channel: How they came.
*/
-- Two events in one slot as wide as the gap are always closer than the gap, so whole slots
-- stand for their events where sessions are told apart.
WITH slots AS (
  SELECT
    e.customer,
    EPOCH_US(e.occurred_at) // ($session_gap_minutes * 60000000) AS slot,
    MIN(EPOCH_US(e.occurred_at)) AS first,
    MAX(EPOCH_US(e.occurred_at)) AS last
  FROM events AS e
  WHERE e.customer IS NOT NULL
  GROUP BY e.customer, EPOCH_US(e.occurred_at) // ($session_gap_minutes * 60000000)
),
looked_back AS (
  SELECT
    s.*,
    LAG(s.last) OVER (PARTITION BY s.customer ORDER BY s.slot) AS before
  FROM slots AS s
),
carried AS (
  SELECT
    l.customer,
    l.slot,
    MAX(
      CASE
        WHEN l.before IS NULL OR l.first - l.before >= $session_gap_minutes * 60000000 THEN l.first
      END
    ) OVER (
      PARTITION BY l.customer ORDER BY l.slot ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM looked_back AS l
),
pages AS (
  SELECT e.event_id, e.customer, EPOCH_US(e.occurred_at) AS moment, c.begun
  FROM events AS e
  JOIN carried AS c
    ON c.customer = e.customer
    AND c.slot = EPOCH_US(e.occurred_at) // ($session_gap_minutes * 60000000)
  WHERE e.event IN ($page_events)
),
looked_ahead AS (
  SELECT
    p.event_id,
    p.moment,
    p.begun,
    LEAD(p.moment) OVER (PARTITION BY p.customer ORDER BY p.moment, p.event_id) AS next_moment,
    LEAD(p.begun) OVER (PARTITION BY p.customer ORDER BY p.moment, p.event_id) AS next_begun
  FROM pages AS p
),
views AS (
  SELECT
    l.event_id,
    NOT COALESCE(l.next_begun = l.begun AND l.next_moment - l.moment <= 86400000000, FALSE) AS last
  FROM looked_ahead AS l
)
SELECT
  e.event_id AS view_id,
  e.page,
  e.customer,
  e.occurred_at AS at,
  v.last,
  e.depth >= e.key_depth AS key_section_reached,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM views AS v
JOIN events AS e ON e.event_id = v.event_id
