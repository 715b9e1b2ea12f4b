/*
says: >-
  How requests for help are handled. What has not happened yet lasts at least until the data
  ends; a ticket that was resolved without an answer waited for one until then. An answer or
  resolution before the opening is an error of the source: the duration is null and
  `clock_error` says so. Where no ticket of the data has an answer (or a resolution), the source
  does not know them, and `responded` and its hours (`resolved` and its hours) are null. The same
  goes for complaints where no ticket is marked as one. A ticket is followed by another of the
  same customer on the same topic within `repeat_contact_days`.
grain: one row a ticket
key: ticket_id
reads: [tickets]
lookback: all
dimensions: [handled_by, topic, priority, channel, touchpoint, device, ai]
attributes: tickets
columns:
  ticket_id: The ticket.
  customer: Who asked; for a ticket without any id a unit of its own.
  at: When it was opened.
  first_response_hours: Hours to the first answer, or how long it has been missing.
  responded: Whether there was an answer.
  resolution_hours: Hours to the full resolution, or how long it has been missing.
  resolved: Whether it is resolved.
  ever_resolved: Whether it was resolved at any time.
  reopened: Whether it was opened again after a resolution; null where that is not known.
  escalated: Whether it was handed to a human or to a higher tier; null where that is not known.
  transfers: Moves between agents or teams.
  replies: Replies by the company.
  agent_minutes: Minutes agents spent.
  cost: >-
    Minutes of agents at `agent_cost_per_hour`, and `tool_cost_per_ticket`; null where the minutes
    or the rate are not known.
  one_touch: >-
    Resolved with one reply at most and no transfer; null where it is not resolved, or where
    replies or transfers are not known.
  repeated: >-
    Whether another ticket followed; null while the time for it has not passed, and where the
    customer, the topic or that of a ticket that followed is not known.
  sla_met: Answered when it was due; null where nothing was due, or it is not yet.
  complaint: >-
    Whether it is a complaint: marked as one by the source, or on one of `complaint_topics`; null
    where that is not known.
  clock_error: Whether it was answered or resolved before it was opened.
  handled_by: ai, human, or a tier.
  topic: What it is about.
  priority: Urgency.
  channel: How they asked.
  touchpoint: What it is about, or where they asked.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they asked from.
*/
WITH known AS (
  SELECT
    COUNT(t.first_response_at) > 0 AS responses,
    COUNT(COALESCE(t.resolved_at, t.first_resolved_at)) > 0 AS resolutions,
    COUNT(CASE WHEN t.is_complaint OR t.topic IN ($complaint_topics) THEN 1 END) > 0 AS complaints
  FROM tickets AS t
),
timed AS (
  SELECT
    t.ticket_id,
    EPOCH_US(COALESCE(t.first_response_at, t.first_resolved_at, t.resolved_at, $tickets_until))
      - EPOCH_US(t.opened_at) AS response,
    EPOCH_US(COALESCE(t.resolved_at, $tickets_until)) - EPOCH_US(t.opened_at) AS resolution,
    COALESCE(t.first_resolved_at, t.resolved_at) IS NOT NULL AS ever_resolved
  FROM tickets AS t
),
followed AS (
  SELECT
    t.ticket_id,
    EPOCH_US($tickets_until) - EPOCH_US(t.opened_at) AS watched,
    LEAD(EPOCH_US(t.opened_at)) OVER (
      PARTITION BY t.customer, t.topic ORDER BY t.opened_at, t.ticket_id
    ) - EPOCH_US(t.opened_at) AS alike,
    MIN(CASE WHEN t.topic IS NULL THEN EPOCH_US(t.opened_at) END) OVER (
      PARTITION BY t.customer ORDER BY t.opened_at, t.ticket_id
      ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) - EPOCH_US(t.opened_at) AS unclear
  FROM tickets AS t
  WHERE t.customer IS NOT NULL
)
SELECT
  t.ticket_id,
  COALESCE(t.customer, 'ticket:' || t.ticket_id) AS customer,
  t.opened_at AS at,
  CASE WHEN k.responses AND d.response >= 0 THEN CAST(d.response AS DOUBLE) / 3600000000 END
    AS first_response_hours,
  CASE WHEN k.responses THEN t.first_response_at IS NOT NULL END AS responded,
  CASE WHEN k.resolutions AND d.resolution >= 0 THEN CAST(d.resolution AS DOUBLE) / 3600000000 END
    AS resolution_hours,
  CASE WHEN k.resolutions THEN t.resolved_at IS NOT NULL END AS resolved,
  CASE WHEN k.resolutions THEN d.ever_resolved END AS ever_resolved,
  CASE
    WHEN NOT k.resolutions THEN NULL
    WHEN NOT d.ever_resolved THEN FALSE
    WHEN t.reopens IS NOT NULL THEN t.reopens > 0
    WHEN t.first_resolved_at IS NULL THEN NULL
    ELSE t.resolved_at IS NULL OR t.resolved_at > t.first_resolved_at
  END AS reopened,
  t.escalated,
  t.transfers,
  t.replies,
  t.agent_minutes,
  t.agent_minutes * CAST($agent_cost_per_hour AS DOUBLE) / 60 + $tool_cost_per_ticket AS cost,
  CASE
    WHEN t.resolved_at IS NOT NULL AND t.replies IS NOT NULL AND t.transfers IS NOT NULL
      THEN t.replies <= 1 AND t.transfers = 0
  END AS one_touch,
  CASE
    WHEN t.topic IS NULL OR f.watched < $repeat_contact_days * 86400000000 THEN NULL
    WHEN f.alike <= $repeat_contact_days * 86400000000 THEN TRUE
    WHEN f.unclear <= $repeat_contact_days * 86400000000 THEN NULL
    WHEN f.ticket_id IS NOT NULL THEN FALSE
  END AS repeated,
  CASE
    WHEN t.first_response_at IS NOT NULL THEN t.first_response_at <= t.sla_due_at
    WHEN t.sla_due_at < $tickets_until THEN FALSE
  END AS sla_met,
  CASE
    WHEN k.complaints THEN COALESCE(t.is_complaint, FALSE)
      OR COALESCE(t.topic IN ($complaint_topics), FALSE)
    ELSE t.is_complaint
  END AS complaint,
  COALESCE(t.first_response_at < t.opened_at, FALSE)
    OR COALESCE(t.first_resolved_at < t.opened_at, FALSE)
    OR COALESCE(t.resolved_at < t.opened_at, FALSE) AS clock_error,
  t.handled_by,
  t.topic,
  t.priority,
  t.channel,
  t.touchpoint,
  t.stage,
  t.ai,
  t.device,
  ATTRIBUTES(t)
FROM tickets AS t
JOIN timed AS d ON d.ticket_id = t.ticket_id
LEFT JOIN followed AS f ON f.ticket_id = t.ticket_id
CROSS JOIN known AS k
