/*
says: >-
  Times that a customer looked for help: help events without a pause of `session_gap_minutes`
  between them, for a day at most. A ticket that the customer opens from its beginning until
  `self_service_window_hours` after its last event follows it. Events and tickets without any
  id cannot be tied together and are left out.
grain: one row a visit
key: visit_id
reads: [events, tickets]
lookback: 1 day + $session_gap_minutes minutes + $self_service_window_hours hours
dimensions: [topic, touchpoint, device, channel]
attributes: events
columns:
  visit_id: The event that began it.
  customer: Who looked for help.
  at: When it began.
  ticket_followed: Whether the customer opened a ticket.
  topic: The first topic that one of its events names.
  touchpoint: Where it began.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it began on.
  channel: How they came.
*/
WITH acts AS (
  SELECT
    e.event_id,
    e.customer,
    EPOCH_US(e.occurred_at) AS moment,
    e.topic
  FROM events AS e
  WHERE e.customer IS NOT NULL AND e.event IN ($help_events)
),
looked_back AS (
  SELECT
    a.*,
    LAG(a.moment) OVER (PARTITION BY a.customer ORDER BY a.moment, a.event_id) AS before
  FROM acts AS a
),
carried AS (
  SELECT
    l.*,
    MAX(
      CASE
        WHEN l.before IS NULL OR l.moment - l.before >= $session_gap_minutes * 60000000
          THEN l.moment
      END
    ) OVER (
      PARTITION BY l.customer ORDER BY l.moment, l.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM looked_back AS l
),
ranked AS (
  SELECT
    c.event_id,
    c.customer,
    c.begun,
    MAX(c.moment) OVER (PARTITION BY c.customer, c.begun) AS last,
    FIRST_VALUE(c.topic) OVER (
      PARTITION BY c.customer, c.begun
      ORDER BY CASE WHEN c.topic IS NULL THEN 1 ELSE 0 END, c.moment, c.event_id
    ) AS topic,
    ROW_NUMBER() OVER (PARTITION BY c.customer, c.begun ORDER BY c.moment, c.event_id) AS nth
  FROM carried AS c
  WHERE c.moment - c.begun <= 86400000000
),
followed AS (
  SELECT DISTINCT r.event_id
  FROM ranked AS r
  JOIN tickets AS t ON t.customer = r.customer
  WHERE r.nth = 1
    AND EPOCH_US(t.opened_at) >= r.begun
    AND EPOCH_US(t.opened_at) - r.last <= $self_service_window_hours * 3600000000
)
SELECT
  e.event_id AS visit_id,
  e.customer,
  e.occurred_at AS at,
  f.event_id IS NOT NULL AS ticket_followed,
  r.topic,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM ranked AS r
JOIN events AS e ON e.event_id = r.event_id
LEFT JOIN followed AS f ON f.event_id = r.event_id
WHERE r.nth = 1
