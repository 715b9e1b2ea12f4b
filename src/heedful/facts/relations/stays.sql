/*
says: >-
  What one customer did without a pause of `session_gap_minutes`, for a day at most. What follows
  later than that is left out: that is a machine, not a visit. Events without any id cannot be
  tied together and are left out.
grain: one row a stay
key: [customer, begun]
reads: [events, orders]
lookback: 1 day + $session_gap_minutes minutes + $session_gap_minutes minutes
columns:
  customer: Whose visit it was.
  at: When it began.
  begun: The same in microseconds since 1970.
  last: The last event, in microseconds since 1970.
  landing: The event they landed with, the first page view or else the first event.
  pages: Page views.
  seconds: >-
    Seconds from the first event to the last, or to the end of the time that the source says was
    spent with one (up to a day); null where only one moment was seen.
  converted: >-
    Whether there was a conversion event, or an order where completing one is a conversion.
  bounced: One page view, no conversion, and no `bounce_seconds` known to be spent.
  engaged: 10 seconds or more, or two page views or more, or a conversion.
  depth: The largest share of a page seen or of a journey's steps reached, 0 to 1.
  frustrated: >-
    Whether there was a frustration event, or `form_error_loop` form errors or more; null where
    the data has neither event.
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
    MAX(CASE WHEN e.event IN ($frustration_events) THEN 1 ELSE 0 END) AS frustrations,
    SUM(CASE WHEN e.event IN ($form_errors) THEN 1 ELSE 0 END) AS form_errors,
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
    MAX(c.frustrations) AS frustrations,
    CAST(SUM(c.form_errors) AS BIGINT) AS form_errors,
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
    v.customer,
    v.began_at,
    v.begun,
    v.last,
    v.landing,
    v.pages,
    CASE
      WHEN v.last > v.begun OR v.spent IS NOT NULL
        THEN CAST(GREATEST(v.last, COALESCE(v.spent, v.last)) - v.begun AS DOUBLE) / 1000000
    END AS seconds,
    v.conversions = 1 OR b.customer IS NOT NULL AS converted,
    GREATEST(COALESCE(v.depth, v.reached), COALESCE(v.reached, v.depth)) AS depth,
    CASE
      WHEN $seen_frustration_events OR $seen_form_errors
        THEN v.frustrations = 1 OR v.form_errors >= $form_error_loop
    END AS frustrated
  FROM visits AS v
  LEFT JOIN bought AS b ON b.customer = v.customer AND b.begun = v.begun
)
SELECT
  m.customer,
  m.began_at AS at,
  m.begun,
  m.last,
  m.landing,
  m.pages,
  m.seconds,
  m.converted,
  m.pages = 1 AND NOT m.converted AND COALESCE(m.seconds, 0) < $bounce_seconds AS bounced,
  m.pages >= 2 OR m.converted OR COALESCE(m.seconds, 0) >= 10 AS engaged,
  CASE WHEN m.depth > 1 THEN 1 ELSE m.depth END AS depth,
  m.frustrated
FROM measured AS m
