/*
says: >-
  Demos that were booked. A booking is kept if the next thing its customer does is to attend,
  within `demo_window_days`; so one that is booked again first was not. Where no event of the
  data is about attending, the source does not know, and `attended` is null. Events without any
  id cannot be tied together and are left out.
grain: one row a booking
key: booking_id
reads: [events]
lookback: $demo_window_days days
dimensions: [touchpoint, device, channel, country]
attributes: events
columns:
  booking_id: The event that booked it.
  customer: Who booked it.
  at: When it was booked.
  attended: Whether it took place in time.
  touchpoint: Where it was booked.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was booked on.
  channel: How they came.
  country: Country or market.
*/
WITH acts AS (
  SELECT
    e.event_id,
    e.customer,
    EPOCH_US(e.occurred_at) AS moment,
    CASE WHEN e.event IN ($demo_booked) THEN 0 ELSE 1 END AS act
  FROM events AS e
  WHERE e.customer IS NOT NULL AND (e.event IN ($demo_booked) OR e.event IN ($demo_attended))
),
looked_ahead AS (
  SELECT
    a.*,
    LEAD(a.act) OVER (
      PARTITION BY a.customer ORDER BY a.moment, a.act, a.event_id
    ) AS next_act,
    LEAD(a.moment) OVER (
      PARTITION BY a.customer ORDER BY a.moment, a.act, a.event_id
    ) AS next_moment
  FROM acts AS a
)
SELECT
  e.event_id AS booking_id,
  e.customer,
  e.occurred_at AS at,
  CASE
    WHEN $seen_demo_attended
      THEN COALESCE(
        l.next_act = 1 AND l.next_moment - l.moment <= $demo_window_days * 86400000000, FALSE
      )
  END AS attended,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM looked_ahead AS l
JOIN events AS e ON e.event_id = l.event_id
WHERE l.act = 0 AND e.event IN ($demo_booked)
