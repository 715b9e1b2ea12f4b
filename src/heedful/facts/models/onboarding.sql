/*
says: >-
  Customers who began onboarding, and whether they finished it within `onboarding_window_days`:
  by an event that says so, or by as many different steps as there are. Where no event of the
  data finishes onboarding and those of the customer do not say how many steps there are,
  `finished` is null. Events without any id cannot be tied together and are left out.
grain: one row a customer who began
key: customer
reads: [events]
lookback: all
dimensions: [touchpoint, device, channel, country]
attributes: events
columns:
  customer: Who began.
  at: When they began, at their first onboarding event.
  steps_done: Different steps they finished in time.
  steps: How many there are, as the events say; null where they do not.
  finished: Whether they finished all in time.
  matured: Whether the whole window had passed when the data ended.
  touchpoint: Where they began.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they began on.
  channel: How they came.
  country: Country or market.
*/
WITH acts AS (
  SELECT
    e.event_id,
    e.customer,
    EPOCH_US(e.occurred_at) AS moment,
    CASE WHEN e.event IN ($onboarding_step) THEN e.step END AS step,
    CASE WHEN e.steps > 0 THEN e.steps END AS steps,
    CASE WHEN e.event IN ($onboarding_completed) THEN 1 ELSE 0 END AS completes
  FROM events AS e
  WHERE e.customer IS NOT NULL
    AND (
      e.event IN ($onboarding_started)
      OR e.event IN ($onboarding_step)
      OR e.event IN ($onboarding_completed)
    )
),
ranked AS (
  SELECT
    a.*,
    MIN(a.moment) OVER (PARTITION BY a.customer) AS begun,
    ROW_NUMBER() OVER (PARTITION BY a.customer ORDER BY a.moment, a.event_id) AS nth
  FROM acts AS a
),
reached AS (
  SELECT
    r.customer,
    MAX(CASE WHEN r.nth = 1 THEN r.event_id END) AS event_id,
    MAX(r.completes) AS completed,
    COUNT(DISTINCT r.step) AS steps_done,
    MAX(r.steps) AS steps
  FROM ranked AS r
  WHERE r.moment - r.begun <= $onboarding_window_days * 86400000000
  GROUP BY r.customer
)
SELECT
  e.customer,
  e.occurred_at AS at,
  r.steps_done,
  r.steps,
  CASE
    WHEN r.completed = 1 THEN TRUE
    WHEN r.steps IS NOT NULL THEN r.steps_done >= r.steps
    WHEN $seen_onboarding_completed THEN FALSE
  END AS finished,
  EPOCH_US($events_until) - EPOCH_US(e.occurred_at) >= $onboarding_window_days * 86400000000
    AS matured,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM reached AS r
JOIN events AS e ON e.event_id = r.event_id
