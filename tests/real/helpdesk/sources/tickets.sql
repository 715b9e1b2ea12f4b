-- One row an activity becomes one row a ticket.
WITH log AS (
  SELECT
    "Case ID" AS ticket_id,
    "Activity" AS activity,
    "Complete Timestamp" AS at,
    "Resource" AS agent,
    MIN("Complete Timestamp") FILTER ("Activity" IN ($activity_resolved))
      OVER (PARTITION BY "Case ID") AS first_resolved_at
  FROM files
)
SELECT
  ticket_id,
  MIN(at) AS opened_at,
  MIN(at) FILTER (activity IN ($activity_first_response)) AS first_response_at,
  MIN(first_resolved_at) AS first_resolved_at,
  MAX(at) FILTER (activity IN ($activity_resolved)) AS resolved_at,
  COUNT(*) FILTER (activity IN ($activity_reopened) AND at > first_resolved_at) AS reopens,
  BOOL_OR(activity IN ($activity_escalated)) AS escalated,
  COUNT(DISTINCT agent) - 1 AS transfers,
  MAX(at) AS updated_at
FROM log
GROUP BY ticket_id
