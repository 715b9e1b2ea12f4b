/*
says: >-
  Visits: what one customer did without a pause of `session_gap_minutes`. They land with the
  first page view, or the first event where there is none. What follows more than a day after
  the beginning is left out: that is a machine, not a visit. Events without any id cannot be
  tied together and are left out.
grain: one row a session
key: session_id
reads: [events, orders]
lookback: 1 day + $session_gap_minutes minutes + $session_gap_minutes minutes
dimensions: [landing_page, touchpoint, device, channel, country, ai]
attributes: events
columns:
  session_id: The event they landed with.
  customer: Whose visit it was.
  at: When it began.
  pages: Page views.
  seconds: >-
    Seconds from the first event to the last, or to the end of the time that the source says was
    spent with one (up to a day); null where only one moment was seen.
  converted: >-
    Whether there was a conversion event, or an order where completing one is a conversion.
  bounced: >-
    One page view, no conversion, and no `bounce_seconds` known to be spent.
  engaged: 10 seconds or more, or two page views or more, or a conversion.
  depth: The largest share of a page seen or of a journey's steps reached, 0 to 1.
  landing_page: The page they landed on.
  touchpoint: Where they landed.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they landed with.
  channel: How they came.
  country: Country or market.
*/
-- Two events in one slot as wide as the gap are always closer than the gap, so whole slots
-- stand for their events: far fewer rows to sort, and the same sessions. `landing` is a text
-- that sorts like what they land with: page views first, then by time, then by id.
WITH slots AS (
  SELECT
    e.customer,
    EPOCH_US(e.occurred_at) // ($session_gap_minutes * 60000000) AS slot,
    MIN(e.occurred_at) AS first_at,
    MIN(EPOCH_US(e.occurred_at)) AS first,
    MAX(EPOCH_US(e.occurred_at)) AS last,
    MAX(
      CASE
        WHEN NOT ISNAN(e.seconds) AND e.seconds >= 0 AND e.seconds <= 86400
          THEN EPOCH_US(e.occurred_at) + CAST(FLOOR(e.seconds * 1000000) AS BIGINT)
      END
    ) AS spent,
    MIN(
      CASE WHEN e.event IN ($page_events) THEN '0' ELSE '1' END
      || CAST(EPOCH_US(e.occurred_at) + 10000000000000000 AS VARCHAR)
      || e.event_id
    ) AS landing,
    SUM(CASE WHEN e.event IN ($page_events) THEN 1 ELSE 0 END) AS pages,
    MAX(CASE WHEN e.event IN ($conversion_events) THEN 1 ELSE 0 END) AS conversions,
    MAX(e.depth) AS depth,
    MAX(CASE WHEN e.steps > 0 THEN CAST(e.step AS DOUBLE) / e.steps END) AS reached
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
    l.*,
    MAX(
      CASE
        WHEN l.before IS NULL OR l.first - l.before >= $session_gap_minutes * 60000000 THEN l.first
      END
    ) OVER (
      PARTITION BY l.customer ORDER BY l.slot ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM looked_back AS l
),
visits AS (
  SELECT
    c.customer,
    c.begun,
    MIN(c.first_at) AS began_at,
    SUBSTR(MIN(c.landing), 19) AS landing,
    MAX(c.last) AS last,
    MAX(c.spent) AS spent,
    CAST(SUM(c.pages) AS BIGINT) AS pages,
    MAX(c.conversions) AS conversions,
    MAX(c.depth) AS depth,
    MAX(c.reached) AS reached
  FROM carried AS c
  WHERE c.first - c.begun <= 86400000000
  GROUP BY c.customer, c.begun
),
bought AS (
  SELECT DISTINCT v.customer, v.begun
  FROM visits AS v
  JOIN orders AS o ON o.customer = v.customer
  WHERE o.amount >= 0
    AND $orders_convert
    AND EPOCH_US(o.ordered_at) >= v.begun
    AND EPOCH_US(o.ordered_at) < v.last + $session_gap_minutes * 60000000
),
measured AS (
  SELECT
    v.began_at,
    v.landing,
    v.pages,
    CASE
      WHEN v.last > v.begun OR v.spent IS NOT NULL
        THEN CAST(GREATEST(v.last, COALESCE(v.spent, v.last)) - v.begun AS DOUBLE) / 1000000
    END AS seconds,
    v.conversions = 1 OR b.customer IS NOT NULL AS converted,
    GREATEST(COALESCE(v.depth, v.reached), COALESCE(v.reached, v.depth)) AS depth
  FROM visits AS v
  LEFT JOIN bought AS b ON b.customer = v.customer AND b.begun = v.begun
)
SELECT
  e.event_id AS session_id,
  e.customer,
  m.began_at AS at,
  m.pages,
  m.seconds,
  m.converted,
  m.pages = 1 AND NOT m.converted AND COALESCE(m.seconds, 0) < $bounce_seconds AS bounced,
  m.pages >= 2 OR m.converted OR COALESCE(m.seconds, 0) >= 10 AS engaged,
  CASE WHEN m.depth > 1 THEN 1 ELSE m.depth END AS depth,
  e.page AS landing_page,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM measured AS m
JOIN events AS e ON e.event_id = m.landing
