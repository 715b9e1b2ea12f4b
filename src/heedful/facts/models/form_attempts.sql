/*
says: >-
  Forms that somebody began. A form that is begun again within `form_window_minutes`, before it
  was submitted, is the same attempt carried on (a reload, a second tab), and the clock runs from
  the latest beginning. It counts as submitted if it is within `form_window_minutes` of that.
  What follows more than a day and a window after the first beginning is left out. Events
  without any id cannot be tied together and are left out.
grain: one row an attempt
key: attempt_id
reads: [events]
lookback: 1 day + $form_window_minutes minutes
dimensions: [form, last_step, touchpoint, device, channel]
attributes: events
columns:
  attempt_id: The event that began it.
  customer: Who began it.
  at: When they first began.
  form: The form.
  last_step: The highest step they finished, 0 for none, null where steps have no numbers.
  submitted: Whether they submitted it in time.
  seconds: Seconds from the first beginning to the submission; null without one.
  touchpoint: Where they began.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they began on.
  channel: How they came.
*/
WITH acts AS (
  SELECT
    e.event_id,
    e.customer,
    COALESCE(e.form, '') AS form_key,
    e.occurred_at,
    EPOCH_US(e.occurred_at) AS moment,
    e.step,
    CASE WHEN e.event IN ($form_started) THEN 0 WHEN e.event IN ($form_submitted) THEN 2 ELSE 1 END
      AS act
  FROM events AS e
  WHERE e.customer IS NOT NULL
    AND (e.event IN ($form_started) OR e.event IN ($form_step) OR e.event IN ($form_submitted))
),
looked_back AS (
  SELECT
    a.*,
    MAX(CASE WHEN a.act = 0 THEN a.moment END) OVER (
      PARTITION BY a.customer, a.form_key ORDER BY a.moment, a.act, a.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS started,
    MAX(CASE WHEN a.act = 2 THEN a.moment END) OVER (
      PARTITION BY a.customer, a.form_key ORDER BY a.moment, a.act, a.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS ended
  FROM acts AS a
),
marked AS (
  SELECT
    l.*,
    l.act = 0 AND (
      l.started IS NULL
      OR l.moment - l.started > $form_window_minutes * 60000000
      OR COALESCE(l.ended >= l.started, FALSE)
    ) AS begins
  FROM looked_back AS l
),
carried AS (
  SELECT
    m.*,
    MAX(CASE WHEN m.begins THEN m.moment END) OVER (
      PARTITION BY m.customer, m.form_key ORDER BY m.moment, m.act, m.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM marked AS m
),
attempts AS (
  SELECT
    c.customer,
    c.form_key,
    c.begun,
    MAX(CASE WHEN c.begins THEN c.event_id END) AS attempt_id,
    SUM(CASE WHEN c.act = 1 THEN 1 ELSE 0 END) AS steps,
    MAX(CASE WHEN c.act = 1 THEN c.step END) AS step,
    MIN(
      CASE
        WHEN c.act = 2 AND c.moment - c.started <= $form_window_minutes * 60000000 THEN c.moment
      END
    ) AS submitted
  FROM carried AS c
  WHERE c.begun IS NOT NULL
    AND c.moment - c.begun <= 86400000000 + $form_window_minutes * 60000000
  GROUP BY c.customer, c.form_key, c.begun
)
SELECT
  e.event_id AS attempt_id,
  e.customer,
  e.occurred_at AS at,
  e.form,
  CASE WHEN a.steps = 0 THEN 0 ELSE a.step END AS last_step,
  a.submitted IS NOT NULL AS submitted,
  (a.submitted - a.begun) / 1000000.0 AS seconds,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM attempts AS a
JOIN events AS e ON e.event_id = a.attempt_id
WHERE e.event IN ($form_started)
