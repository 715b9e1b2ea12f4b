/*
says: >-
  Tasks that somebody began; events name the task under `form`. A task that is begun again within
  `task_window_hours`, before it was completed, is the same attempt carried on, and the clock
  runs from the latest beginning. It counts as completed if it is within `task_window_hours` of
  that. What follows more than a day and a window after the first beginning is left out. Where
  no event of the data completes a task, the source does not know, and `completed` is null.
  Events without any id cannot be tied together and are left out.
grain: one row an attempt
key: attempt_id
reads: [events]
lookback: 1 day + $task_window_hours hours
dimensions: [task, touchpoint, device, channel]
attributes: events
columns:
  attempt_id: The event that began it.
  customer: Who began it.
  at: When they first began.
  task: The task.
  completed: Whether they completed it in time.
  seconds: Seconds from the first beginning to the completion; null without one.
  steps_taken: Steps they took, up to the completion if there is one; null where none is known.
  steps_needed: >-
    The fewest steps that the task needs, as events say under `steps`; never more than were
    taken, and null where that is not known.
  numbered_steps: Steps whose number, and that of the step before, is known; null without any.
  steps_back: Those of them that go back, to a lower number; null without any.
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
    COALESCE(e.form, '') AS task_key,
    EPOCH_US(e.occurred_at) AS moment,
    e.step,
    CASE WHEN e.steps > 0 THEN e.steps END AS steps,
    CASE WHEN e.event IN ($task_started) THEN 0 WHEN e.event IN ($task_completed) THEN 2 ELSE 1 END
      AS act
  FROM events AS e
  WHERE e.customer IS NOT NULL
    AND (e.event IN ($task_started) OR e.event IN ($task_step) OR e.event IN ($task_completed))
),
looked_back AS (
  SELECT
    a.*,
    MAX(CASE WHEN a.act = 0 THEN a.moment END) OVER (
      PARTITION BY a.customer, a.task_key ORDER BY a.moment, a.act, a.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS started,
    MAX(CASE WHEN a.act = 2 THEN a.moment END) OVER (
      PARTITION BY a.customer, a.task_key ORDER BY a.moment, a.act, a.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS ended
  FROM acts AS a
),
marked AS (
  SELECT
    l.*,
    l.act = 0 AND (
      l.started IS NULL
      OR l.moment - l.started > $task_window_hours * 3600000000
      OR COALESCE(l.ended >= l.started, FALSE)
    ) AS begins
  FROM looked_back AS l
),
carried AS (
  SELECT
    m.*,
    MAX(CASE WHEN m.begins THEN m.moment END) OVER (
      PARTITION BY m.customer, m.task_key ORDER BY m.moment, m.act, m.event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS begun
  FROM marked AS m
),
attempts AS (
  SELECT
    c.customer,
    c.task_key,
    c.begun,
    MAX(CASE WHEN c.begins THEN c.event_id END) AS attempt_id,
    MAX(c.steps) AS needed,
    MIN(
      CASE WHEN c.act = 2 AND c.moment - c.started <= $task_window_hours * 3600000000 THEN c.moment
      END
    ) AS completed
  FROM carried AS c
  WHERE c.begun IS NOT NULL
    AND c.moment - c.begun <= 86400000000 + $task_window_hours * 3600000000
  GROUP BY c.customer, c.task_key, c.begun
),
steps AS (
  SELECT
    c.customer,
    c.task_key,
    c.begun,
    c.step,
    LAG(c.step) OVER (
      PARTITION BY c.customer, c.task_key, c.begun ORDER BY c.moment, c.event_id
    ) AS step_before
  FROM carried AS c
  JOIN attempts AS a
    ON a.customer = c.customer AND a.task_key = c.task_key AND a.begun = c.begun
  WHERE c.act = 1
    AND c.moment - c.begun <= 86400000000 + $task_window_hours * 3600000000
    AND COALESCE(c.moment <= a.completed, TRUE)
),
walked AS (
  SELECT
    s.customer,
    s.task_key,
    s.begun,
    COUNT(*) AS taken,
    COUNT(s.step - s.step_before) AS numbered,
    SUM(CASE WHEN s.step < s.step_before THEN 1 ELSE 0 END) AS back
  FROM steps AS s
  GROUP BY s.customer, s.task_key, s.begun
)
SELECT
  e.event_id AS attempt_id,
  e.customer,
  e.occurred_at AS at,
  e.form AS task,
  CASE WHEN $seen_task_completed THEN a.completed IS NOT NULL END AS completed,
  (a.completed - a.begun) / 1000000.0 AS seconds,
  w.taken AS steps_taken,
  CASE WHEN a.needed < w.taken THEN a.needed WHEN a.needed IS NOT NULL THEN w.taken END
    AS steps_needed,
  CASE WHEN w.numbered > 0 THEN w.numbered END AS numbered_steps,
  CASE WHEN w.numbered > 0 THEN CAST(w.back AS BIGINT) END AS steps_back,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  ATTRIBUTES(e)
FROM attempts AS a
JOIN events AS e ON e.event_id = a.attempt_id
LEFT JOIN walked AS w
  ON w.customer = a.customer AND w.task_key = a.task_key AND w.begun = a.begun
WHERE e.event IN ($task_started)
