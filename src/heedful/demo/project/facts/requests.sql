/*
says: Tickets, and whether the same customer came back on the same topic within 7 days.
grain: one row a ticket
key: ticket_id
reads: [tickets]
lookback: 7 days
dimensions: [topic, handled_by, touchpoint, device, channel]
columns:
  ticket_id: The ticket.
  customer: Who asked.
  at: When it was opened.
  repeated: Whether another followed within 7 days.
  topic: What it is about.
  handled_by: Whether the chatbot or a person took it.
  touchpoint: Where it was opened.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The customer's device.
  channel: How they wrote.
*/
WITH followed AS (
  SELECT
    t.*,
    EPOCH_US(t.opened_at) AS moment,
    LEAD(EPOCH_US(t.opened_at)) OVER (
      PARTITION BY t.customer, t.topic ORDER BY EPOCH_US(t.opened_at), t.ticket_id
    ) AS next_moment
  FROM tickets AS t
  WHERE t.customer IS NOT NULL
)
SELECT
  f.ticket_id,
  f.customer,
  f.opened_at AS at,
  COALESCE(f.next_moment - f.moment <= 604800000000, FALSE) AS repeated,
  f.topic,
  f.handled_by,
  f.touchpoint,
  f.stage,
  f.ai,
  f.device,
  f.channel
FROM followed AS f
