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
-- stand for their events where sessions are told apart, and only the last page view of a slot can
-- end a session. `viewed` is a text that sorts like page views do, by time, then by id.
WITH slots AS (
  SELECT
    e.customer,
    EPOCH_US(e.occurred_at) // ($session_gap_minutes * 60000000) AS slot,
    MIN(EPOCH_US(e.occurred_at)) AS first,
    MAX(EPOCH_US(e.occurred_at)) AS last,
    MIN(CASE WHEN e.event IN ($page_events) THEN EPOCH_US(e.occurred_at) END) AS first_view,
    MAX(CASE WHEN e.event IN ($page_events) THEN EPOCH_US(e.occurred_at) END) AS last_view,
    MAX(
      CASE WHEN e.event IN ($page_events)
        THEN CAST(EPOCH_US(e.occurred_at) + 10000000000000000 AS VARCHAR) || e.event_id END
    ) AS viewed
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
    l.first_view,
    l.last_view,
    l.viewed,
    MAX(
      CASE
        WHEN l.before IS NULL OR l.first - l.before >= $session_gap_minutes * 60000000 THEN l.first
      END
    ) OVER (
      PARTITION BY l.customer ORDER BY l.slot ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM looked_back AS l
),
looked_ahead AS (
  SELECT
    c.*,
    LEAD(c.first_view) OVER (PARTITION BY c.customer ORDER BY c.slot) AS next_view,
    LEAD(c.begun) OVER (PARTITION BY c.customer ORDER BY c.slot) AS next_begun
  FROM carried AS c
  WHERE c.viewed IS NOT NULL
),
ending AS (
  SELECT
    l.customer,
    l.slot,
    l.viewed,
    NOT COALESCE(l.next_begun = l.begun AND l.next_view - l.last_view <= 86400000000, FALSE)
      AS ends
  FROM looked_ahead AS l
)
SELECT
  e.event_id AS view_id,
  e.page,
  e.customer,
  e.occurred_at AS at,
  n.ends AND n.viewed
    = CAST(EPOCH_US(e.occurred_at) + 10000000000000000 AS VARCHAR) || e.event_id AS last,
  e.depth >= e.key_depth AS key_section_reached,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM events AS e
JOIN ending AS n
  ON n.customer = e.customer
  AND n.slot = EPOCH_US(e.occurred_at) // ($session_gap_minutes * 60000000)
WHERE e.event IN ($page_events)
