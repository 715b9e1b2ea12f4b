/*
says: >-
  Conversations with machines: those at touchpoints with `ai`. Where the source counts neither
  rephrases nor fallbacks nor corrections of a conversation, nobody knows whether the machine
  understood. Where no conversation of the data was handed over, the source does not know
  handovers, and `handed_over` is null unless it says so.
grain: one row a conversation
key: conversation_id
reads: [conversations]
lookback: all
dimensions: [topic, touchpoint, device, channel]
attributes: conversations
columns:
  conversation_id: The conversation.
  customer: Who talked; for a conversation without any id a unit of its own.
  at: When it began.
  turns: Turns by the customer.
  misunderstood: >-
    Whether the customer had to say it again, said that this was not what they meant, or the
    machine did not understand; null where none of that is counted.
  handed_over: Whether a human took over; null where that is not known.
  resolved: Whether the matter was settled; null where that is not known.
  topic: What it was about.
  touchpoint: Where it happened.
  stage: The touchpoint's stage.
  ai: Always true.
  device: The customer's device.
  channel: How they wrote.
*/
WITH known AS (
  SELECT
    COUNT(c.handed_over_at) + COUNT(CASE WHEN c.handed_over THEN 1 END) > 0 AS handovers
  FROM conversations AS c
  WHERE c.ai
)
SELECT
  c.conversation_id,
  COALESCE(c.customer, 'conversation:' || c.conversation_id) AS customer,
  c.started_at AS at,
  c.turns,
  CASE
    WHEN COALESCE(c.rephrases, c.fallbacks, c.corrections) IS NOT NULL
      THEN COALESCE(c.rephrases > 0, FALSE)
        OR COALESCE(c.fallbacks > 0, FALSE)
        OR COALESCE(c.corrections > 0, FALSE)
  END AS misunderstood,
  CASE
    WHEN c.handed_over_at IS NOT NULL THEN TRUE
    WHEN c.handed_over IS NOT NULL THEN c.handed_over
    WHEN k.handovers THEN FALSE
  END AS handed_over,
  c.resolved,
  c.topic,
  c.touchpoint,
  c.stage,
  c.ai,
  c.device,
  c.channel,
  ATTRIBUTES(c)
FROM conversations AS c
CROSS JOIN known AS k
WHERE c.ai
