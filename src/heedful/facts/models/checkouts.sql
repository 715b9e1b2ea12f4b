/*
says: >-
  Checkouts that somebody began. A checkout that is begun again within `checkout_window_hours`,
  before anything was bought, is the same checkout carried on; the row is its latest beginning.
  It is completed by an order event or an order of the same customer within
  `checkout_window_hours`. Events and orders without any id cannot be tied together and are
  left out.
grain: one row a checkout
key: checkout_id
reads: [events, orders]
lookback: $checkout_window_hours hours
dimensions: [touchpoint, device, channel]
attributes: events
columns:
  checkout_id: The event that began it, the latest one where it was begun again.
  customer: Who began it.
  at: When it was begun, the latest time where it was begun again.
  completed: Whether they bought in time.
  touchpoint: Where they began.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they began on.
  channel: How they came.
*/
WITH acts AS (
  SELECT
    e.event_id AS act_id,
    e.customer,
    EPOCH_US(e.occurred_at) AS moment,
    CASE WHEN e.event IN ($checkout_started) THEN 0 ELSE 1 END AS act
  FROM events AS e
  WHERE e.customer IS NOT NULL
    AND (e.event IN ($checkout_started) OR e.event IN ($order_completed))
  UNION ALL
  SELECT o.order_id, o.customer, EPOCH_US(o.ordered_at), 1
  FROM orders AS o
  WHERE o.customer IS NOT NULL AND o.amount >= 0
),
looked_ahead AS (
  SELECT
    a.*,
    LEAD(a.act) OVER (
      PARTITION BY a.customer ORDER BY a.moment, a.act, a.act_id
    ) AS next_act,
    LEAD(a.moment) OVER (
      PARTITION BY a.customer ORDER BY a.moment, a.act, a.act_id
    ) AS next_moment
  FROM acts AS a
),
latest AS (
  SELECT
    l.act_id,
    COALESCE(
      l.next_act = 1 AND l.next_moment - l.moment <= $checkout_window_hours * 3600000000, FALSE
    ) AS completed
  FROM looked_ahead AS l
  WHERE l.act = 0
    AND NOT COALESCE(
      l.next_act = 0 AND l.next_moment - l.moment <= $checkout_window_hours * 3600000000, FALSE
    )
)
SELECT
  e.event_id AS checkout_id,
  e.customer,
  e.occurred_at AS at,
  l.completed,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM latest AS l
JOIN events AS e ON e.event_id = l.act_id
WHERE e.event IN ($checkout_started)
